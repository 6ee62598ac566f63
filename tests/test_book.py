"""The pipeline: what is run again, how the ledger is gathered, and that a failed build keeps the last good pages."""

import json

import pytest

from latentsep import book, inspection, ledger, notebooks, paths

ENTRY = ledger.statement("eq-3.3", ledger.Check("why", 0.0, 1.0), "guard")
SHOWS_AN_ENTRY = (
    "from IPython.display import display\n"
    f"display({{'text/plain': 'x', {ledger.MIME!r}: {{'entries': {[ENTRY]!r}}}}}, raw=True)"
)


@pytest.fixture
def rendering(checkout, monkeypatch):
    """A checkout whose rendering is left out: the pages are one file, and the inspection finds what it is told."""
    root, write = checkout

    def render(_) -> object:
        html = root / "_build" / "rendering" / "html"
        html.mkdir(parents=True)
        (html / "index.html").write_text("new")
        (html / "searchindex.js").write_text('Search.setIndex({"docnames": ["book/01-small"], "indexentries": {}})')
        return html

    monkeypatch.setattr(book, "_render", render)
    monkeypatch.setattr(inspection, "inspect", lambda *_: inspection.Found(1, 0, 0))
    return root, write


def test_a_build_publishes_pages_and_ledger_and_runs_only_what_is_stale(rendering):
    _, write = rendering
    write(SHOWS_AN_ENTRY)
    summary = book.build("smoke")
    assert summary.executed == ["01-small"]
    assert summary.page.read_text() == "new"
    assert json.loads(paths.ledger().read_text()) == [{**ENTRY, "page": "01-small.html"}]
    for word in ("chapters run", "pages", "figures", "tables", "1 reproduced", "index.html"):
        assert word in str(summary)
    assert '"equation 3.3": [[0, "eq-3-3", true]]' in (paths.html() / "searchindex.js").read_text()
    assert book.build("smoke").executed == []
    write(SHOWS_AN_ENTRY + "  # reworded")
    assert book.build("smoke").executed == ["01-small"]


@pytest.mark.usefixtures("rendering")
def test_an_incomplete_book_is_not_published(monkeypatch):
    book.build("smoke")
    paths.html().joinpath("index.html").write_text("the last good one")

    def incomplete(*_):
        raise inspection.Incomplete("fig-3.1: no ledger entry")

    monkeypatch.setattr(inspection, "inspect", incomplete)
    with pytest.raises(book.BuildFailed, match=r"not complete:\nfig-3\.1: no ledger entry"):
        book.build("smoke")
    assert paths.html().joinpath("index.html").read_text() == "the last good one"


def test_a_failing_chapter_stops_the_build_before_anything_is_published(rendering):
    root, write = rendering
    book.build("smoke")
    paths.html().joinpath("index.html").write_text("the last good one")
    before = paths.ledger().read_text()
    write("1 / 0")
    with pytest.raises(notebooks.ChapterFailed, match="ZeroDivisionError"):
        book.build("smoke")
    assert paths.html().joinpath("index.html").read_text() == "the last good one"
    assert paths.ledger().read_text() == before
    assert (root / "_build" / "failed" / "01-small.ipynb").exists()


def test_entries_are_gathered_in_the_order_of_the_thesis(checkout):
    _, write = checkout
    later, earlier = ({**ENTRY, "id": item} for item in ("eq-4.4", "eq-3.6"))
    write(SHOWS_AN_ENTRY.replace(repr([ENTRY]), repr([later, earlier])))
    chapter = notebooks.find("1")
    notebooks.execute(chapter, chapter.values({}), book.executed_path(chapter))
    assert [e["id"] for e in book.gather([chapter])] == ["eq-3.6", "eq-4.4"]


def test_of_mathjax_only_the_entry_script_and_its_fonts_are_kept(tmp_path):
    folder = tmp_path / "_static" / "mathjax"
    for name in ("tex-chtml.js", "tex-svg.js", "a11y/sre.js", "output/chtml/fonts/woff-v2/font.woff"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    book._trim(tmp_path)
    kept = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert kept == ["output/chtml/fonts/woff-v2/font.woff", "tex-chtml.js"]
    assert not (folder / "a11y").exists()


def rendered(monkeypatch, body: str) -> None:
    """Let rendering write one page with this body instead of running Jupyter Book."""

    def run(source, target, *_, **__) -> None:
        pages = target / "_build" / "html" / "book"
        pages.mkdir(parents=True)
        for page in (source / "book").glob("*.ipynb"):
            (pages / f"{page.stem}.html").write_text(body)

    monkeypatch.setattr(book, "run_jupyter_book", run)


@pytest.mark.parametrize(("body", "put"), [('<script src="../plotly/plotly.min.js">', True), ("plotly", False)])
def test_a_script_of_megabytes_is_put_beside_pages_only_if_one_loads_it(checkout, monkeypatch, body, put):
    root, _ = checkout
    (root / "book" / "references.bib").touch()
    rendered(monkeypatch, body)
    chapter = notebooks.find("1")
    notebooks.execute(chapter, chapter.values({}), book.executed_path(chapter))
    html = book._render(notebooks.chapters())
    # Not under _static, where every page would load it.
    assert [p.relative_to(html).as_posix() for p in html.rglob("*.js")] == ["plotly/plotly.min.js"] * put
    assert (html / "book" / "01-small.html").read_text() == body
