"""The rule that judges, the printed values, and how entries travel in notebooks."""

import json
import math

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from latentsep.ledger import ledger, reports
from latentsep.ledger.ledger import Check, Printed, judge


def test_printed_cells_are_read_with_exponent_and_rounding():
    assert Printed.parse("(1.59±0.64)e-5") == Printed(1.59e-5, 6.4e-6, 5e-8)
    assert Printed.parse("919.28±213.64") == Printed(919.28, 213.64, 0.005)


@pytest.mark.parametrize("text", ["", "1.2", "1.2±", "(1±2)e", "a±b"])
def test_what_is_no_cell_is_refused(text):
    with pytest.raises(ValueError, match="cell is"):
        Printed.parse(text)


def test_table_5_1_is_complete_and_consistent():
    cells = ledger.cells("table-5.1")
    assert len(cells) == 9
    for row in cells.values():
        # The thesis defines −ELBO as the sum of its parts; rounding and one loose cell allow a few hundredths.
        assert row["neg_elbo"].mean == pytest.approx(row["kl"].mean + row["reconstruction"].mean, abs=0.03)


def test_unknown_table_is_refused_with_the_valid_ones():
    with pytest.raises(ValueError, match=r"table-9\.9.*table-5\.1"):
        ledger.cells("table-9.9")


THESIS = Printed(10.0, 0.3, 0.05)


@pytest.mark.parametrize(
    ("quantity", "mean", "floor", "verdict"),
    [
        ("neg_elbo", 10.5, None, "reproduced"),
        ("neg_elbo", 12.0, None, "differs"),
        ("neg_elbo", 8.0, None, "better"),
        ("mse", 8.0, None, "better"),
        ("kl", 8.0, None, "differs"),
        ("neg_elbo", 10.0, 11.5, "thesis-invalid"),
        ("neg_elbo", 10.0, 10.5, "reproduced"),
    ],
)
def test_the_rule_for_values(quantity, mean, floor, verdict):
    assert judge(quantity, THESIS, mean, 0.1, floor)[0] == verdict


def test_a_moved_exponent_and_a_better_bound_are_named():
    assert "exponent is moved by +1" in judge("mse", Printed(4.6e-3, 1e-4, 5e-6), 4.6e-2, 1e-3)[1]
    assert "exponent" not in judge("mse", Printed(4.6e-3, 1e-4, 5e-6), 2.0e-2, 1e-3)[1]
    assert "exponent" not in judge("mse", Printed(1.6e-5, 6e-6, 5e-8), 13.2, 1.0)[1]
    assert "2.00 nats lower" in judge("kl", THESIS, 8.0, 0.1, None, 2.0)[1]


@given(st.floats(-100, 100), st.floats(0, 10), st.floats(0.001, 10))
def test_equal_values_are_always_reproduced(mean, ours, theirs):
    assert judge("kl", Printed(mean, theirs, 0.005), mean, ours)[0] == "reproduced"


@pytest.mark.parametrize(("lower", "named"), [(0.1, False), (1.0, True)])
def test_only_a_bound_that_is_clearly_better_explains_its_parts(lower, named):
    printed = ledger.cells("table-5.1")["x0.1/sx0.1"]
    summary = {(c, q): (v.mean, v.std, 5) for c, row in ledger.cells("table-5.1").items() for q, v in row.items()}
    summary["x0.1/sx0.1", "neg_elbo"] = (printed["neg_elbo"].mean - lower, 0.16, 5)
    summary["x0.1/sx0.1", "kl"] = (printed["kl"].mean - 2.0, 0.1, 5)
    entries = {e["id"]: e for e in ledger.table("table-5.1", summary, {}, "published", "book")}
    assert ("nats lower" in entries["table-5.1/x0.1/sx0.1/kl"]["why"]) == named


def test_the_rule_for_statements():
    assert Check("", printed=0.5, tolerance=1).verdict == "reproduced"
    assert Check("", printed=2.0, tolerance=1, corrected=0.5).verdict == "thesis-invalid"
    assert Check("", printed=2.0, tolerance=1, corrected=3.0).verdict == "differs"
    assert Check("", printed=2.0, tolerance=1).verdict == "differs"
    assert Check("", printed=math.nan, tolerance=1).verdict == "differs"


def test_an_unlisted_item_cannot_enter_the_ledger():
    with pytest.raises(ValueError, match="no source lists"):
        ledger.statement("eq-99.1", Check("", 0, 0), "guard")


def _table_entries(item="table-5.1", variant="published", floors=None, shift=0.0):
    summary = {(c, q): (v.mean + shift, v.std, 5) for c, row in ledger.cells(item).items() for q, v in row.items()}
    return ledger.table(item, summary, {"x0.01/sx0.01": -85.37} if floors is None else floors, variant, "book")


def test_anchors_are_what_sphinx_makes_of_them():
    assert ledger.anchor("table-7.1") == "table-7-1"
    assert ledger.anchor("fig-A.1") == "fig-a-1"
    assert len({ledger.anchor(item) for item in ledger.items()}) == len(ledger.items())
    entry = ledger.statement("fig-A.1", Check("", 0, 0), "guard")
    assert (entry["anchor"], entry["chapter"]) == ("fig-a-1", "A")
    assert ledger.statement("fig-7.1", Check("", 0, 0), "guard")["chapter"] == 7


def test_another_method_has_its_own_place_under_the_same_names():
    published, corrected = _table_entries("table-7.1"), _table_entries("table-7.1", "corrected")
    assert {e["anchor"] for e in published} == {"table-7-1"}
    assert {e["anchor"] for e in corrected} == {"table-7-1-corrected"}
    assert [e["id"] for e in published] == [e["id"] for e in corrected]
    assert {e["variant"] for e in published} == {"published"}
    assert {e["variant"] for e in corrected} == {"corrected"}


def test_table_7_1_is_complete_and_consistent():
    cells = ledger.cells("table-7.1")
    assert list(cells) == list(ledger.cells("table-5.1"))
    for row in cells.values():
        assert row["neg_elbo"].mean == pytest.approx(row["kl"].mean + row["reconstruction"].mean, abs=0.03)


def test_a_table_has_an_entry_for_every_printed_value_as_json():
    entries = _table_entries()
    assert len({e["id"] for e in entries}) == 36
    assert json.loads(ledger.dump(entries)) == entries
    blunt = {e["id"] for e in entries if e["verdict"] == "uninformative"}
    torn = {e["id"] for e in entries if e["verdict"] == "thesis-invalid"}
    assert blunt == {"table-5.1/x0.01/sx0.01/mse"}
    assert torn == {"table-5.1/x1/sx0.01/mse", "table-5.1/x1/sx0.1/mse"}
    assert {e["verdict"] for e in entries if e["id"] not in blunt | torn} == {"reproduced"}


def test_an_mse_that_contradicts_its_row_is_compared_with_its_exponent_put_right():
    (entry,) = (e for e in _table_entries() if e["id"] == "table-5.1/x1/sx0.01/mse")
    assert entry["why"].startswith(
        "its row's reconstruction error makes it at most 0.2 ± 0.043; with the exponent moved by +1"
    )
    assert "lower by" in entry["why"]  # ours is the printed value here, which is ten times too small


def test_entries_travel_in_the_outputs_of_a_notebook():
    report = reports.Report(_table_entries())
    notebook = {"cells": [{"outputs": [{"data": report._repr_mimebundle_()}]}, {"cell_type": "markdown"}]}
    assert ledger.collect(notebook) == list(report.entries)


def test_the_numbered_table_shows_both_values_of_every_cell():
    headings = {"dataset": "data", "sigma_x": "σ_X", "neg_elbo": "−ELBO", "kl": "KL", "mse": "MSE"}
    text = reports.NumberedTable(_table_entries(), "Caption", headings).markdown()
    rows = [line for line in text.splitlines() if line.startswith("| $X")]
    assert ":name: table-5-1" in text
    assert len(rows) == 9
    assert "−79.90 ± 0.19" in rows[0]
    assert "(1.59 ± 0.64)·10<sup>−5</sup>" in rows[0]


NUMBERS = {"dataset": "data", "sigma_x": "σ_X", "neg_elbo": "−ELBO", "floor": "floor", "gap": "above", "kl": "KL"}


def test_the_numbered_table_can_show_the_floor_and_the_gap_above_it():
    printed = ledger.cells("table-7.1")
    floors = {cell: row["neg_elbo"].mean - 0.5 for cell, row in printed.items()}
    floors["x1/sx1"] = 25.13  # above the mean, 24.15 + 0.25
    entries = _table_entries("table-7.1", floors=floors, shift=0.25)
    lines = reports.NumberedTable(entries, "A caption", NUMBERS).markdown().splitlines()
    assert lines[:3] == [":::{table} A caption", ":name: table-7-1", ""]
    assert lines[3] == "| data | σ_X | −ELBO | floor | above | KL |"
    first, *_, last = [[field.strip() for field in line.strip("|").split("|")] for line in lines if "$X" in line]
    assert first[:2] + first[3:5] == ["$X_{0.01}$", "0.01", "−85.49", "0.75"]
    assert last[:2] + last[3:5] == ["$X_{1}$", "1", "25.13", "−0.73"]
    assert "−84.74 ± 1.49" in first[2]  # ours
    assert "−84.99 ± 1.49" in first[2]  # the print


def test_a_table_of_another_method_can_leave_the_print_out():
    entries = _table_entries("table-7.1", "corrected", dict.fromkeys(ledger.cells("table-7.1"), -99.0), shift=0.25)
    headings = {**NUMBERS, "reconstruction": "error", "mse": "MSE"}
    table = reports.NumberedTable(entries, "Caption", headings, beside_print=False)
    text = table.markdown()
    assert ":name: table-7-1-corrected" in text
    row = next(line for line in text.splitlines() if line.startswith("| $X_{0.01}$ | 0.01 |"))
    assert row == "| $X_{0.01}$ | 0.01 | −84.74 ± 1.49 | −99.00 | 14.26 | 3.74 ± 0.21 | −88.23 ± 1.30 | 0.25 ± 0.00 |"
    assert "verdict" not in text
    assert table._repr_mimebundle_()[ledger.MIME]["entries"] == entries  # judged all the same


def test_a_report_tells_methods_apart():
    published, corrected = _table_entries("table-7.1")[:1], _table_entries("table-7.1", "corrected")[:1]
    shown = reports.Report([*published, *corrected]).html()
    assert '<a href="#table-7-1">table-7.1/x0.01/sx0.01/neg_elbo</a>' in shown
    assert '<a href="#table-7-1-corrected">table-7.1/x0.01/sx0.01/neg_elbo (corrected)</a>' in shown


def test_the_overview_counts_every_method_by_itself():
    floors = dict.fromkeys(ledger.cells("table-7.1"), -200.0)
    entries = [
        *_table_entries(),
        *_table_entries("table-7.1", floors=floors),
        *_table_entries("table-7.1", "corrected", floors, shift=1e6),
        ledger.statement("fig-7.1", Check("", 0, 1), "guard"),
        ledger.statement("thm-3", Check("", 2, 1, 0.5), "guard"),
        ledger.statement("eq-A.1a", Check("", 0, 1), "guard"),
    ]
    rows = BeautifulSoup(reports.overview(entries), "html.parser").tbody.find_all("tr")
    assert [[field.get_text() for field in row.find_all("td")] for row in rows] == [
        ["figures", "1", "", "", ""],
        ["table values", "54", "15", "", "3"],
        ["table values (corrected)", "", "", "35", "1"],
        ["theorems", "", "", "", "1"],
        ["equations", "1", "", "", ""],
    ]


def test_every_kind_of_listed_item_is_in_the_overview():
    entries = [ledger.statement(item, Check("", 0, 1), "guard") for item in ledger.items()]
    tables = BeautifulSoup(reports.overview(entries), "html.parser")("tbody")
    assert sum(int(row("td")[1].get_text()) for table in tables for row in table("tr")) == len(ledger.items())


def test_tally_counts_every_verdict():
    found = {"reproduced": 33, "uninformative": 1, "better": 0, "differs": 0, "thesis-invalid": 2}
    assert ledger.tally(_table_entries()) == found


def _tolerances(variant: str, factor: float, floors: dict[str, float] | None = None) -> list[dict]:
    summary = {
        (c, q): (factor * v.mean, v.std, 15) for c, row in ledger.cells("table-9.2").items() for q, v in row.items()
    }
    return ledger.table("table-9.2", summary, floors or {}, variant, "book", "table-9-2")


def test_tolerances_are_judged_like_bounds():
    """Lower is better, a floor can refute the print, and what differs says by which factor."""
    assert {e["verdict"] for e in _tolerances("corrected", 1.0)} == {"reproduced"}
    assert {e["verdict"] for e in _tolerances("corrected", 0.1)} == {"better"}
    worse = _tolerances("corrected", 7.0)
    assert {e["verdict"] for e in worse} == {"differs"}
    assert all(e["why"].endswith("; 7 times the printed value") for e in worse)
    assert all(e["why"].endswith("; 3,000 times the printed value") for e in _tolerances("published", 3000.0))
    plain = _tolerances("corrected", 1.0, {"Φ/S¹": 5.0, "R²/S¹": 0.0})
    assert ["above the floor" in e["why"] for e in plain] == [False] * 5 + [True]
    floored = _tolerances("published", 300.0, {"Φ/S¹": 1180.0, "R²/S¹": 0.0})
    assert [e["id"] for e in floored if e["verdict"] == "thesis-invalid"] == ["table-9.2/Φ/S¹/tolerance"]
    assert {e["floor"] for e in floored} == {1180.0, 0.0, None}


def test_variants_can_share_a_table():
    entries = [*_tolerances("published", 300.0, {"Φ/S¹": 1180.0}), *_tolerances("corrected", 0.1)]
    assert {e["anchor"] for e in entries} == {"table-9-2"}
    table = reports.ComparedTable(entries, "Caption", ("from", "into"), {"corrected": "new", "published": "old"})
    lines = table.markdown().splitlines()
    assert lines[:2] == [":::{table} Caption", ":name: table-9-2"]
    assert lines[3] == "| from | into | thesis | new | old |"
    rows = [
        [BeautifulSoup(f, "html.parser").get_text().strip() for f in line.strip("|").split("|")] for line in lines[5:-2]
    ]
    assert rows[0] == ["R²", "S¹", "91.36 ± 2.16", "9.14 ± 2.16\xa0▲", "27408 ± 2\xa0≠"]
    assert rows[-1] == ["Φ", "S¹", "13.77 ± 0.22", "1.38 ± 0.22\xa0▲", "4131 ± 0\xa0✗"]
    assert len(rows) == 6
    assert table._repr_mimebundle_()[ledger.MIME]["entries"] == entries


@pytest.mark.parametrize(
    ("mean", "std", "shown"),
    [(999.94, 0.5, "999.94 ± 0.50"), (-1849.45, 943.38, "−1849 ± 943"), (0.05, 0.001, "(5.00 ± 0.10)·10<sup>−2</sup>")],
)
def test_numbers_have_as_many_digits_as_make_sense(mean, std, shown):
    assert reports.number({"mean": mean, "std": std}) == shown
