"""Sweeps: every combination is one column, whatever becomes of the others."""

import csv
import os
from html.parser import HTMLParser

import pytest

from latentsep.book import chapters, notebooks, plan, programme
from latentsep.commands import cli, sweep
from latentsep.runtime import executors

CELL = """from latentsep.ledger import ledger, reports
from myst_nb import glue  # without torch, which would take most of the time
for name, value in {"double": 2 * count, "half": count / 2, "word": "<b>a</b>", "who": profile}.items():
    glue(name, value, display=False)
reports.Report([ledger.statement("eq-3.3", ledger.Check("why", count / 100, 0.05, 0.001), "guard")])"""


@pytest.fixture
def one_core(monkeypatch):
    """Execute here: a worker does not see what this test has in place of the book."""
    monkeypatch.setattr(executors, "cores", lambda: 1)


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.rows = []

    def handle_starttag(self, tag, attrs):
        assert tag not in ("script", "link", "img", "b"), "the page needs no other file, and values are escaped"
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def cells(page):
    parser = Cells()
    parser.feed(page.read_text())
    return {row[0]: row[1:] for row in parser.rows}


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_sweep_is_a_table_and_a_page(checkout, one_core, capsys):
    root, write = checkout
    write(CELL)
    assert cli.main(["sweep", "1", "-p", "count", "3", "8", "3", "--profile", "smoke"]) == 0
    folder = root / "_build" / "sweeps" / "01-small-count"
    assert capsys.readouterr().out.split() == [str(folder / "table.csv"), str(folder / "index.html")]
    assert sorted(os.listdir(folder)) == ["count=3.ipynb", "count=8.ipynb", "index.html", "table.csv"]
    rows = table(folder / "table.csv")
    assert list(rows[0]) == ["count", *sweep.COLUMNS]
    assert [row["count"] for row in rows] == ["3"] * 6 + ["8"] * 6
    found = {(row["count"], row["name"]): (row["kind"], row["value"], row["verdict"]) for row in rows}
    assert found["3", "double"] == ("number", "6", "")
    assert found["8", "half"] == ("number", "4.0", "")
    assert found["3", "who"] == ("number", "smoke", "")
    assert found["3", "eq-3.3, as printed"] == ("ledger", "0.03", "reproduced")
    assert found["8", "eq-3.3, as printed"] == ("ledger", "0.08", "thesis-invalid")
    page = cells(folder / "index.html")
    assert page[""] == ["count=3", "count=8"]
    assert page["double"] == ["6", "16"]
    assert page["word"] == ["<b>a</b>"] * 2
    assert page["eq-3.3, as printed"] == ["0.03 (reproduced)", "0.08 (thesis-invalid)"]
    assert "under the profile smoke" in (folder / "index.html").read_text()


def test_several_parameters_give_their_product_and_a_second_run_gives_the_same_without_executing(
    checkout, one_core, tmp_path, monkeypatch
):
    _, write = checkout
    write(CELL)
    request = ["sweep", "1", "-p", "count", "1", "2", "-p", "profile", "smoke", "book", "-o", str(tmp_path / "here")]
    assert cli.main(request) == 0
    rows = table(tmp_path / "here" / "table.csv")
    assert list(rows[0])[:2] == ["count", "profile"]
    found = [(row["count"], row["profile"], row["value"]) for row in rows if row["name"] == "who"]
    assert found == [("1", "smoke", "smoke"), ("1", "book", "book"), ("2", "smoke", "smoke"), ("2", "book", "book")]
    before = {p.name: p.read_bytes() for p in (tmp_path / "here").iterdir()}
    monkeypatch.setattr(notebooks, "execute", None)
    assert cli.main(request) == 0
    assert {p.name: p.read_bytes() for p in (tmp_path / "here").iterdir()} == before


def test_a_combination_that_fails_costs_only_itself(checkout, one_core, capsys):
    root, write = checkout
    write(CELL + "\nassert count != 2, 'not two'")
    assert cli.main(["sweep", "1", "-p", "count", "1", "2", "3"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "count=2: 01-small, cell 2: AssertionError: not two" in error
    folder = root / "_build" / "sweeps" / "01-small-count"
    assert cells(folder / "index.html")[""] == ["count=1", "count=3"]
    assert (folder / "failed" / "count=2.ipynb").exists()
    assert cli.main(["sweep", "1", "-p", "count", "2", "-o", str(root / "none")]) == 1
    assert not (root / "none" / "table.csv").exists()


def test_the_same_in_workers(checkout, monkeypatch):
    root, write = checkout
    write("from myst_nb import glue\nassert count != 2, 'not two'\nglue('double', 2 * count, display=False)")
    monkeypatch.setattr(executors, "cores", lambda: 2)
    asked = sweep.parse(chapters.find("1"), [["count", "1", "2", "3"]], "smoke")
    result = sweep.run(asked, root / "out")
    assert [row["value"] for row in table(result.table)] == ["2", "6"]
    assert list(result.failures) == ["count=2"]
    assert result.failures["count=2"].startswith("01-small, cell 2: AssertionError: not two")


def test_all_combinations_are_computed_together_and_a_failure_there_costs_only_itself(checkout, one_core, monkeypatch):
    root, write = checkout
    write(CELL)
    asked = []

    def stages(profile, count):
        if count == 2:
            raise ValueError("count is 2, which goes with nothing")
        asked.append(count)
        return iter(())

    monkeypatch.setattr(programme, "CHAPTERS", {"01-small": stages})
    plan.carry_out([("01-small", {"profile": "smoke", "count": n}) for n in (1, 3)])
    assert asked == [1, 3]
    result = sweep.run(sweep.parse(chapters.find("1"), [["count", "1", "2", "3"]], "smoke"), root / "out")
    assert result.failures == {"count=2": "count is 2, which goes with nothing"}
    assert {row["count"] for row in table(result.table)} == {"1", "3"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["sweep", "1"], "profile, count"),
        (["sweep", "1", "-p", "colour", "red"], "profile, count"),
        (["sweep", "1", "-p", "count"], "1..10"),
        (["sweep", "1", "-p", "count", "3", "11"], "1 to 10"),
        (["sweep", "1", "-p", "count", "3", "-p", "count", "4"], "twice"),
        (["sweep", "1", "-p", "profile", "fast"], "smoke or book or thesis"),
        (["sweep", "1", "-p", "count", "3", "--profile", "fast"], "smoke, book, thesis"),
        (["sweep", "9", "-p", "count", "3"], "01-small"),
        (["sweep", "1", "-p", "count", "3", "-o", "book/01-small.md"], "a folder"),
    ],
)
def test_a_senseless_sweep_is_one_line_exit_2_and_nothing_run(arguments, named, checkout, capsys, monkeypatch):
    root, _ = checkout
    monkeypatch.chdir(root)
    monkeypatch.setattr(notebooks, "execute", None)
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1
    assert not (root / "_build").exists()
