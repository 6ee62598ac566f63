"""The pipeline: what is run again, how the ledger is gathered, and that a failed build keeps the last good pages."""

import json
import os
import shutil
from pathlib import Path

import nbformat
import pytest

from latentsep.book import build, chapters, inspection, notebooks, rendering
from latentsep.figures import interactive
from latentsep.ledger import ledger
from latentsep.runtime import executors, paths

ENTRY = ledger.statement("eq-3.3", ledger.Check("why", 0.0, 1.0), "guard")
SHOWS_AN_ENTRY = (
    "from IPython.display import display\n"
    f"display({{'text/plain': 'x', {ledger.MIME!r}: {{'entries': {[ENTRY]!r}}}}}, raw=True)"
)


@pytest.fixture
def rendered_pages(checkout, monkeypatch):
    """A checkout whose rendering is left out: the pages are one file, and the inspection finds what it is told."""
    root, write = checkout

    def render(notebooks, plain, folder) -> Path:
        html = folder / "_build" / "html"
        html.mkdir(parents=True)
        (html / "index.html").write_text("new")
        (html / "searchindex.js").write_text('Search.setIndex({"docnames": ["book/01-small"], "indexentries": {}})')
        return html

    monkeypatch.setattr(rendering, "book", render)
    monkeypatch.setattr(inspection, "inspect", lambda *_: inspection.Found(1, 0, 0))
    return root, write


@pytest.fixture
def several(rendered_pages):
    """Three chapters, of which the second one in the book fails."""
    root, write = rendered_pages
    for name, code in (("02-good", "print(2)"), ("03-bad", "1 / 0"), ("01-small", "print(1)")):
        write(code)
        if name != "01-small":
            shutil.copy(root / "book" / "01-small.md", root / "book" / f"{name}.md")
    (root / "_toc.yml").write_text("root: book/01-small\nchapters:\n- file: book/03-bad\n- file: book/02-good\n")
    return root


def test_a_build_publishes_pages_and_ledger_and_runs_only_what_is_stale(rendered_pages):
    _, write = rendered_pages
    write(SHOWS_AN_ENTRY)
    summary = build.build("smoke")
    assert summary.executed == ["01-small"]
    assert summary.page.read_text() == "new"
    assert json.loads(paths.ledger().read_text()) == [{**ENTRY, "page": "01-small.html"}]
    for word in ("chapters run", "pages", "figures", "tables", "1 reproduced", "index.html"):
        assert word in str(summary)
    assert '"equation 3.3": [[0, "eq-3-3", true]]' in (paths.html() / "searchindex.js").read_text()
    assert build.build("smoke").executed == []
    write(SHOWS_AN_ENTRY + "  # reworded")
    assert build.build("smoke").executed == ["01-small"]


@pytest.mark.usefixtures("rendered_pages")
def test_an_incomplete_book_is_not_published(monkeypatch):
    build.build("smoke")
    paths.html().joinpath("index.html").write_text("the last good one")

    def incomplete(*_):
        raise inspection.Incomplete("fig-3.1: no ledger entry")

    monkeypatch.setattr(inspection, "inspect", incomplete)
    with pytest.raises(build.BuildFailed, match=r"not complete:\nfig-3\.1: no ledger entry"):
        build.build("smoke")
    assert paths.html().joinpath("index.html").read_text() == "the last good one"


def test_a_failing_chapter_stops_the_build_before_anything_is_published(rendered_pages):
    root, write = rendered_pages
    build.build("smoke")
    paths.html().joinpath("index.html").write_text("the last good one")
    before = paths.ledger().read_text()
    write("1 / 0")
    with pytest.raises(notebooks.ChapterFailed, match="ZeroDivisionError"):
        build.build("smoke")
    assert paths.html().joinpath("index.html").read_text() == "the last good one"
    assert paths.ledger().read_text() == before
    assert (root / "_build" / "failed" / "01-small.ipynb").exists()


def test_entries_are_gathered_in_the_order_of_the_thesis(checkout):
    _, write = checkout
    later, earlier = ({**ENTRY, "id": item} for item in ("eq-4.4", "eq-3.6"))
    write(SHOWS_AN_ENTRY.replace(repr([ENTRY]), repr([later, earlier])))
    chapter = chapters.find("1")
    notebooks.execute(chapter, chapter.values({}), build.executed_path(chapter))
    assert [e["id"] for e in build.gather([chapter])] == ["eq-3.6", "eq-4.4"]


def test_of_mathjax_only_the_entry_script_and_its_fonts_are_kept(tmp_path):
    folder = tmp_path / "_static" / "mathjax"
    for name in ("tex-chtml.js", "tex-svg.js", "a11y/sre.js", "output/chtml/fonts/woff-v2/font.woff"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    rendering._trim(tmp_path)
    kept = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert kept == ["output/chtml/fonts/woff-v2/font.woff", "tex-chtml.js"]
    assert not (folder / "a11y").exists()


def let_pages_be(monkeypatch, body: str) -> None:
    """Let rendering write one page with this body instead of running Jupyter Book."""

    def run(source, target, *_, **__) -> None:
        pages = target / "_build" / "html" / "book"
        pages.mkdir(parents=True)
        sources = target / "_build" / "html" / "_sources" / "book"
        sources.mkdir(parents=True)
        for page in (source / "book").glob("*.ipynb"):
            (pages / f"{page.stem}.html").write_text(body)
            shutil.copy(page, sources)

    monkeypatch.setattr(rendering, "run_jupyter_book", run)


@pytest.mark.parametrize(("body", "put"), [('<script src="../figures/plotly.min.js">', True), ("plotly", False)])
def test_a_script_of_megabytes_is_put_beside_pages_only_if_one_loads_it(checkout, tmp_path, monkeypatch, body, put):
    let_pages_be(monkeypatch, body)
    chapter = chapters.find("1")
    notebooks.execute(chapter, chapter.values({}), build.executed_path(chapter))
    html = rendering.book([build.executed_path(chapter)], [], tmp_path / "rendering")
    # Not under _static, where every page would load it.
    scripts = [p.relative_to(html).as_posix() for p in sorted(html.rglob("*.js"))]
    assert scripts == ["figures/costs.js", *["figures/plotly.min.js"] * put]
    assert (html / "book" / "01-small.html").read_text() == body


# What is rendered anew


@pytest.fixture
def times_rendered(rendered_pages, monkeypatch):
    """Call it for how often pages have been rendered."""
    calls, render = [], rendering.book

    def counted(*arguments):
        calls.append(arguments)
        return render(*arguments)

    monkeypatch.setattr(rendering, "book", counted)
    return lambda: len(calls)


def pages() -> dict[str, bytes]:
    return {p.relative_to(paths.html()).as_posix(): p.read_bytes() for p in paths.html().rglob("*") if p.is_file()}


def test_nothing_is_rendered_where_nothing_has_changed(times_rendered):
    first = build.build("smoke")
    before = pages()
    second = build.build("smoke")
    assert (first.rendered, second.rendered, times_rendered()) == (True, False, 1)
    assert pages() == before
    assert second.found == first.found
    assert "as they were" not in str(first)
    assert "1, as they were" in str(second)


def test_pages_that_were_changed_by_hand_are_rendered_anew(times_rendered):
    build.build("smoke")
    before, page = pages(), paths.html() / "index.html"
    changes = {
        "altered": lambda: page.write_text("by hand"),
        "removed": page.unlink,
        "added": page.with_name("other.html").touch,
        "all removed": lambda: shutil.rmtree(paths.html()),
    }
    for times, (name, change) in enumerate(changes.items(), 2):
        change()
        assert build.build("smoke").rendered, name
        assert times_rendered() == times
        assert pages() == before
        assert not build.build("smoke").rendered


def test_pages_whose_sources_changed_are_rendered_anew(times_rendered, checkout):
    root, _ = checkout
    build.build("smoke")
    for name in ("book/01-small.md", "_config.yml", "book/references.bib", "book/_static/new.css"):
        with (root / name).open("a") as file:
            file.write("\n# more\n")
        assert build.build("smoke").rendered, name
        assert not build.build("smoke").rendered


def test_a_script_of_figures_that_changed_is_rendered_and_nothing_executed(times_rendered, monkeypatch, tmp_path):
    script = tmp_path / "spin.js"
    script.write_text("// one")
    monkeypatch.setattr(interactive, "assets", lambda: [script])
    build.build("smoke")
    script.write_text("// two")
    again = build.build("smoke")
    assert (again.rendered, again.executed) == (True, [])
    assert not build.build("smoke").rendered


def test_a_note_of_what_was_rendered_that_cannot_be_read_is_none(times_rendered):
    build.build("smoke")
    stamp = paths.build() / "rendered.json"
    before = stamp.read_bytes()
    for content in ("", "{", "[]", "null", '{"inputs": "x"}'):
        stamp.write_text(content)
        assert build.build("smoke").rendered
        assert stamp.read_bytes() == before


def test_nothing_half_done_is_left(rendered_pages):
    build.build("smoke")
    left = [p for p in (paths.build() / ".scratch").rglob("*") if p.is_file() and "lock" not in p.name]
    assert left == []


def test_a_failing_rendering_keeps_its_log_and_the_last_good_pages(checkout, monkeypatch, tmp_path):
    program = "import sys; print('fine'); print('WARNING: no such figure'); sys.exit(1)"
    monkeypatch.setattr(rendering, "_PROGRAM", program)
    said = r"jupyter-book failed:\nWARNING: no such figure\nthe whole log is "
    with pytest.raises(rendering.BuildFailed, match=said) as caught:
        rendering.run_jupyter_book(tmp_path, tmp_path / "out", tmp_path / "c", tmp_path / "t", strict=True)
    log = Path(str(caught.value).rpartition(" is ")[2])
    assert log == paths.build() / "failed" / "jupyter-book.log"
    assert "fine" in log.read_text()


def test_a_page_of_its_own_takes_the_place_of_an_older_one(checkout, monkeypatch, tmp_path):
    let_pages_be(monkeypatch, "new")
    notebook = tmp_path / "runs" / "01-small-count=7.ipynb"
    (notebook.with_suffix("") / "old").mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(), notebook)
    assert rendering.page(notebook) == notebook.with_suffix("") / "book" / "page.html"
    found = sorted(p.relative_to(notebook.parent).as_posix() for p in notebook.parent.rglob("*") if p.is_file())
    assert found == [
        "01-small-count=7.ipynb",
        "01-small-count=7/_sources/book/page.ipynb",
        "01-small-count=7/book/page.html",
        "01-small-count=7/figures/costs.js",
    ]


def test_a_folder_of_pages_is_known_by_every_file(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    seen = {rendering.tree(tmp_path), rendering.tree(tmp_path / "nothing")}
    assert len(seen) == 1
    for name, content in (("a/b/x", "1"), ("a/b/x", "2"), ("a/x", "2"), ("x", "")):
        (tmp_path / name).write_text(content)
        seen.add(rendering.tree(tmp_path))
    assert len(seen) == 5


# Several chapters


def test_a_failing_chapter_lets_the_others_finish(several, monkeypatch):
    monkeypatch.setattr(executors, "cores", lambda: 1)  # workers would not know where this book is
    with pytest.raises(notebooks.ChapterFailed, match=r"^03-bad, cell 2: ZeroDivisionError[^\n]*$"):
        build.build("smoke")
    found = {name: build.freshness(chapter, "smoke") for name, chapter in chapters.listed().items()}
    assert found == {"01-small": "fresh", "02-good": "fresh", "03-bad": "missing"}
    assert (several / "_build" / "failed" / "03-bad.ipynb").exists()
    assert not paths.html().exists()
    text = (several / "book" / "03-bad.md").read_text()
    (several / "book" / "03-bad.md").write_text(text.replace("1 / 0", "print(3)"))
    summary = build.build("smoke")
    assert summary.executed == ["03-bad"]
    assert list((several / "_build" / "failed").iterdir()) == []


def leave_a_trace(chapter: chapters.Chapter, profile: str, ledger_text: str) -> None:
    """In the place of an execution."""
    chapter.path.with_suffix(".trace").write_text(f"{os.getpid()} {profile} {ledger_text}")
    if "bad" in chapter.name:
        raise notebooks.ChapterFailed(f"{chapter.name}, cell 2: ZeroDivisionError: division by zero")


def test_chapters_run_side_by_side_and_a_failing_one_lets_the_others_finish(several, monkeypatch):
    monkeypatch.setattr(build, "_execute_one", leave_a_trace)
    monkeypatch.setattr(executors, "cores", lambda: 2)
    with pytest.raises(notebooks.ChapterFailed, match=r"^03-bad, cell 2: ZeroDivisionError: division by zero$"):
        build._execute(list(chapters.listed().values()), "smoke", "text")
    traces = [path.read_text().split() for path in (several / "book").glob("*.trace")]
    assert [trace[1:] for trace in traces] == [["smoke", "text"]] * 3
    assert str(os.getpid()) not in {trace[0] for trace in traces}


def test_the_slowest_chapter_begins_first(several, monkeypatch):
    seen = []
    monkeypatch.setattr(executors, "cores", lambda: 2)
    monkeypatch.setattr(executors, "run", lambda tasks, *_: seen.append(list(tasks)) or {})
    every = list(chapters.listed().values())
    for name, seconds in (("01-small", 5), ("02-good", 50)):  # the third was never executed, and may take 20
        path = build._cost(chapters.find(name), "smoke")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"seconds": seconds}))
    build._execute(every, "smoke")
    assert seen == [["02-good", "03-bad", "01-small"]]
