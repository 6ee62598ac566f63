"""Chapters: their parameters, their state, and every one executed under the smoke profile."""

import re
import textwrap
from pathlib import Path

import nbformat
import pytest

from latentsep.book import chapters, notebooks, plan
from latentsep.book.build import book_values
from latentsep.book.chapters import Chapter, Parameter
from latentsep.book.notebooks import ChapterFailed
from latentsep.data import coil
from latentsep.ledger import ledger
from latentsep.runtime import files, paths, pool, records
from latentsep.runtime.paths import UsageError

HEADER = """---
jupytext:
  formats: ipynb,md:myst
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# A small chapter

```{code-cell} ipython3
:tags: [parameters]

profile = "book"  # smoke | book | thesis
count = 3  # 1..10
rate = 0.5  # 0.0..1.0
limit = None  # None | 1..5
```

"""


@pytest.fixture
def chapter(tmp_path):
    def write(code: str) -> Chapter:
        path = tmp_path / "small.md"
        path.write_text(f"{HEADER}```{{code-cell}} ipython3\n{code}\n```\n")
        return Chapter("small", path)

    return write


CHAPTERS = [c for c in chapters.listed().values() if c.is_notebook and c.name not in ("index", "ledger", "report")]
SMALL = {"resolution": 3, "budget": 20_000}  # parameters that no profile sets and that cost time
SOLUTION = re.compile(r"\{admonition\} Solution\n.*?```python\n(.*?)```", re.DOTALL)


@pytest.mark.long
@pytest.mark.parametrize("name", [c.name for c in CHAPTERS])
def test_every_chapter_and_its_solutions_run_under_smoke_from_another_folder(name, tmp_path, monkeypatch, capfd):
    found = chapters.listed()[name]
    monkeypatch.setattr(pool, "WORTH_WORKERS", float("inf"))  # the cores are busy with other tests
    values = book_values(found, "smoke") | {small: n for small, n in SMALL.items() if small in found.parameters}
    plan.carry_out({name: values})
    capfd.readouterr()
    solutions = SOLUTION.findall(found.text)
    assert len(solutions) == found.text.count("{admonition} Solution") >= 2 * bool(re.match(r"\d|A", name))
    # Solutions compute more than the chapter has planned.
    unplanned = f"import os\nos.environ.pop({records.PLANNED!r}, None)\n"
    solved = found.text + "".join(f"\n```{{code-cell}} ipython3\n{code}```\n" for code in [unplanned, *solutions])
    (tmp_path / "solved.md").write_text(solved)
    found = Chapter(name, tmp_path / "solved.md")
    monkeypatch.chdir(tmp_path)
    target = tmp_path / f"{name}.ipynb"
    notebooks.execute(found, values, target, planned=True)
    assert "which its plan does not have" not in capfd.readouterr().err
    notebook = nbformat.read(target, as_version=4)
    assert not [o for c in notebook["cells"] for o in c.get("outputs", ()) if o.get("name") == "stderr"]
    label = name.partition("-")[0].lstrip("0")
    listed = {item for item, (chapter, _) in ledger.items().items() if str(chapter) == label}
    assert {e["id"].partition("/")[0] for e in ledger.collect(notebook)} == listed


def test_every_page_of_the_table_of_contents_exists_and_has_a_title():
    for found in chapters.listed().values():
        assert found.title


def test_parameters_are_read_with_defaults_and_domains(chapter):
    parameters = chapter("pass").parameters
    assert parameters["count"] == Parameter("count", 3, "1..10")
    assert [p.default for p in parameters.values()] == ["book", 3, 0.5, None]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("profile", "smoke", "smoke"),
        ("count", "10", 10),
        ("rate", "0.25", 0.25),
        ("limit", "None", None),
        ("limit", "2", 2),
    ],
)
def test_valid_values_are_accepted(chapter, name, text, value):
    assert chapter("pass").parameters[name].parse(text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("profile", "bok"),
        ("count", "0"),
        ("count", "11"),
        ("count", "2.5"),
        ("count", "x"),
        ("rate", "nan"),
        ("limit", "6"),
    ],
)
def test_invalid_values_are_refused_with_the_valid_ones(chapter, name, text):
    with pytest.raises(UsageError, match=rf"^{name} is '{text}'; choose "):
        chapter("pass").parameters[name].parse(text)


def test_a_path_is_made_absolute_for_notebooks_run_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "here" / "folder").mkdir(parents=True)
    (tmp_path / "here" / "a b.png").touch()
    monkeypatch.chdir(tmp_path / "here")
    for domain in ("a path", "None | a path", "a path | None"):
        parameter = Parameter("picture", None, domain)
        assert parameter.parse("a b.png") == str(tmp_path / "here" / "a b.png")
        assert parameter.parse("folder/../folder") == str(tmp_path / "here" / "folder")
        assert parameter.parse(str(tmp_path / "here")) == str(tmp_path / "here")
        assert Path(parameter.parse("..")) == tmp_path


def test_a_path_that_leads_nowhere_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        Parameter("picture", None, "None | a path").parse("gone.png")
    assert str(caught.value) == "picture is 'gone.png', where there is nothing; choose None or a path"
    with pytest.raises(UsageError) as caught:
        Parameter("coil20", "x", "a path").parse("a path")
    assert str(caught.value) == "coil20 is 'a path', where there is nothing; choose a path"


def test_none_is_a_path_only_where_it_is_allowed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Parameter("picture", None, "None | a path").parse("None") is None
    with pytest.raises(UsageError, match=r"^picture is 'None'; choose a path$"):
        Parameter("picture", "x", "a path").parse("None")


def test_a_path_reaches_the_notebook(chapter, tmp_path):
    found = chapter("pass")
    found.path.write_text(found.text.replace("limit = None  # None | 1..5", "picture = None  # None | a path"))
    assert found.parameters["picture"].default is None
    path = found.parameters["picture"].parse(str(tmp_path))
    found.path.write_text(found.text.replace("\npass\n", "\nprint(picture)\n"))
    notebooks.execute(found, found.values({"picture": path}), tmp_path / "out.ipynb")
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4)["cells"]
    assert f'picture = "{tmp_path}"  # None | a path' in cells[1]["source"]
    assert cells[2]["outputs"][0]["text"] == f"{tmp_path}\n"


def test_unknown_parameter_and_chapter_name_the_known_ones(chapter):
    with pytest.raises(UsageError, match="count, rate, limit"):
        chapter("pass").values({"colour": 1})
    with pytest.raises(UsageError, match="05-benchmark-dataset"):
        chapters.find("99")


def test_the_visible_parameters_are_those_that_were_used(chapter, tmp_path):
    found = chapter("print(count)")
    notebooks.execute(found, found.values({"count": 7}), tmp_path / "out.ipynb")
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4)["cells"]
    assert "count = 7  # 1..10" in cells[1]["source"]
    assert cells[2]["outputs"][0]["text"] == "7\n"


def test_two_executions_are_equal_byte_for_byte(chapter, tmp_path):
    found = chapter("import pandas\nprint({'a', 'b', 'c'})\npandas.DataFrame({'x': [rate]}).style.set_caption('y')")
    for name in "ab":
        notebooks.execute(found, found.values({}), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_lines_are_one_output_however_long_they_took(checkout, tmp_path):
    _, write = checkout
    write("import time\nprint(1, flush=True)\ntime.sleep(0.7)\nprint(2, flush=True)")
    found = chapters.find("1")
    notebooks.execute(found, found.values({}), tmp_path / "out.ipynb")
    outputs = [o for cell in notebooks.read(tmp_path / "out.ipynb").cells for o in cell.get("outputs", ())]
    assert [o.text for o in outputs] == ["1\n2\n"]


def test_a_failing_cell_is_named_and_the_last_good_notebook_stays(chapter, tmp_path):
    target, failed = tmp_path / "out.ipynb", tmp_path / "failed" / "out.ipynb"
    target.write_text("the last good one")
    found = chapter("1 / 0")
    with pytest.raises(ChapterFailed, match=r"small, cell \d+: ZeroDivisionError: division by zero.*failed/out\.ipynb"):
        notebooks.execute(found, found.values({}), target, failed=failed)
    assert target.read_text() == "the last good one"
    assert "ZeroDivisionError" in failed.read_text()
    assert list(files.scratch(paths.build()).iterdir()) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["failed", "out.ipynb", "small.md"]


def test_a_failing_cell_without_a_place_for_it_leaves_the_half_run_notebook_beside_the_target(chapter, tmp_path):
    found = chapter("1 / 0")
    with pytest.raises(ChapterFailed, match=r"out\.failed\.ipynb$"):
        notebooks.execute(found, found.values({}), tmp_path / "out.ipynb")
    assert "ZeroDivisionError" in (tmp_path / "out.failed.ipynb").read_text()
    assert not (tmp_path / "out.ipynb").exists()


def test_a_kernel_that_dies_is_a_failed_chapter(chapter, tmp_path):
    found = chapter("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(ChapterFailed, match=r"^small, its kernel died, perhaps for lack of memory; "):
        notebooks.execute(found, found.values({}), tmp_path / "out.ipynb")
    assert list(files.scratch(paths.build()).iterdir()) == []


def test_what_is_half_done_lies_in_the_build_and_nothing_is_left_of_it(chapter, tmp_path):
    target = tmp_path / "folder" / "out.ipynb"
    target.parent.mkdir()
    found = chapter("import os\nfrom pathlib import Path\nprint(os.getcwd(), *sorted(map(str, Path('.').iterdir())))")
    notebooks.execute(found, found.values({}), target)
    where, *beside = nbformat.read(target, as_version=4)["cells"][2]["outputs"][0]["text"].split()
    assert Path(where).parent == files.scratch(paths.build())
    assert "source.ipynb" in beside
    assert not Path(where).exists()
    assert list(target.parent.iterdir()) == [target]


COMPUTES = "from latentsep.training import ensembles, experiments\ntrained = ensembles.train(experiments.smallest())"


@pytest.mark.parametrize("planned", [True, False])
def test_what_a_chapter_computes_outside_of_its_plan_is_said_and_no_output(planned, chapter, tmp_path, capfd):
    found = chapter(COMPUTES)
    for times in (1, 0):  # the second time it is in the records
        notebooks.execute(found, found.values({}), tmp_path / "out.ipynb", planned=planned)
        said = "latentsep: small computes run-"
        assert capfd.readouterr().err.count(said) == times * planned
        executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
        assert executed["cells"][2]["outputs"] == []
        # And the notebook tells what was read, the same in both cases.
        (name,) = executed["cells"][2]["metadata"]["records"]
        assert [name] == list(executed["metadata"]["records"]) == [p.stem for p in records.folder().glob("*.record")]


def test_the_command_makes_the_same_page_again(chapter):
    found = chapter("print(1)")
    plain = notebooks.command(found, found.values({"profile": "smoke"}))
    assert plain == "latentsep run small --profile smoke --html"
    changed = notebooks.command(found, found.values({"count": 4, "limit": 2}))
    assert changed == "latentsep run small --profile book -p count 4 -p limit 2 --html"
    assert notebooks.command(chapter("ledger.read()"), {}) == "latentsep build"


def test_kernels_compute_on_one_thread(chapter, tmp_path):
    found = chapter("import os, torch\nprint(torch.get_num_threads(), os.environ['OMP_NUM_THREADS'])")
    notebooks.execute(found, found.values({}), tmp_path / "out.ipynb")
    assert nbformat.read(tmp_path / "out.ipynb", as_version=4)["cells"][2]["outputs"][0]["text"] == "1 1\n"


def test_the_state_tells_what_has_changed(chapter, monkeypatch):
    before = chapter("from latentsep.data import benchmarks").state({"count": 1})
    assert before == chapter("from latentsep.data import benchmarks").state({"count": 1})

    def changed(now: dict) -> set:
        return {part for part in now if now[part] != before[part]}

    assert changed(chapter("from latentsep.data import benchmarks").state({"count": 2})) == {"parameters"}
    assert changed(chapter("from latentsep.data import benchmarks  # why").state({"count": 1})) == {"text"}
    assert changed(chapter("from latentsep.models import vae").state({"count": 1})) == {"text", "code"}


def test_a_chapter_of_pictures_depends_on_where_they_would_come_from(chapter, monkeypatch):
    with_pictures, without = chapter("from latentsep.data import coil"), "from latentsep.data import benchmarks"
    states = {}
    for place in ("none", "cache", "LATENTSEP_DATA"):
        monkeypatch.setattr(coil, "at_hand", lambda place=place: place)
        states[place] = with_pictures.state({})
    assert len({s["pictures"] for s in states.values()}) == 3
    assert len({str({**s, "pictures": ""}) for s in states.values()}) == 1
    assert "pictures" not in chapter(without).state({})


def test_pictures_that_a_run_brought_do_not_make_it_stale(chapter, tmp_path, monkeypatch):
    """A chapter that fetched them and kept them is as it would be if it were run again."""
    monkeypatch.delenv("LATENTSEP_DATA", raising=False)
    monkeypatch.setenv("LATENTSEP_CACHE", str(tmp_path / "cache"))
    code = """
        from latentsep.data import coil, library
        cached = library.cache(coil._ARRAY)
        cached.parent.mkdir(parents=True)
        cached.touch()"""
    found = chapter(textwrap.dedent(code))
    before = found.state(found.values({}))
    notebooks.execute(found, found.values({}), tmp_path / "out.ipynb")
    assert coil.at_hand() == "cache"
    now = notebooks.executed_state(tmp_path / "out.ipynb")
    assert now == found.state(found.values({}))
    assert {part for part in now if now[part] != before[part]} == {"pictures"}


def test_pages_drawn_from_the_ledger_depend_on_it():
    index = chapters.listed()["index"]
    assert index.reads_ledger
    assert index.state({}, "one")["ledger"] != index.state({}, "two")["ledger"]


def test_chapters_are_paired_notebooks():
    for path in (paths.root() / "book").glob("[0-9A-Z]*-*.md"):
        found = Chapter(path.stem, path)
        if found.is_notebook:
            assert found.notebook()["metadata"]["jupytext"]["formats"] == "ipynb,md:myst"
