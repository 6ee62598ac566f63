"""The list of errors and the checks agree on what is wrong, and every error tells its printed from its meant form."""

import re

import pytest

from latentsep.ledger import checks, errata, ledger, printed
from latentsep.ledger.checks.registry import STATEMENTS
from latentsep.ledger.errata import Erratum

LISTED = {erratum.item: erratum for erratum in errata.errata()}
#: Figures whose check looks at a chapter's own results; a build holds them against the list.
MEASURED = {"fig-7.1", "fig-10.3", "fig-10.7", "fig-11.4"}
MEASURED |= {"text-7.3a", "text-7.3b", "text-7.4d", "text-9.4c"}


@pytest.mark.parametrize("item", sorted(set(LISTED) - MEASURED))
def test_the_check_of_an_error_fails_in_print_and_passes_as_meant(item):
    check = STATEMENTS[item]()
    assert check.printed > check.tolerance
    assert check.corrected is not None
    assert check.corrected <= check.tolerance


def test_errors_hold_together(monkeypatch):
    """With every misprint of a table put right, all checks run again: those of the misprints hold, and of all others
    none comes out another way than the list says."""
    cells = printed.cells

    def put_right(table: str, corrected: bool = True) -> dict:
        return cells(table, True)

    monkeypatch.setattr(ledger, "cells", put_right)
    monkeypatch.setattr(printed, "cells", put_right)
    entries = [ledger.statement(item, check(), "here") for item, check in STATEMENTS.items()]
    assert {entry["verdict"] for entry in entries} == {"reproduced", "thesis-invalid"}
    misprinted = {item for item, erratum in LISTED.items() if erratum.cells}
    assert errata.unlisted(entries) == MEASURED | misprinted


def test_every_misprint_of_a_table_is_put_right_by_a_value_of_its_kind():
    for erratum in LISTED.values():
        for name, text in erratum.cells.items():
            item, cell, quantity = printed.split(name)
            before, after = printed.cells(item)[cell][quantity], printed.Printed.parse(text)
            assert before != after
            assert printed.cells(item, corrected=True)[cell][quantity] == after
    changed = {name for e in LISTED.values() for name in e.cells}
    found = {
        f"{table}/{cell}/{quantity}"
        for table in printed.tables()
        for cell, row in printed.cells(table).items()
        for quantity, value in row.items()
        if value != printed.cells(table, corrected=True)[cell][quantity]
    }
    assert found == changed


def test_a_verdict_that_turns_is_noticed():
    measured = {"printed": 1.0, "corrected": 0.0, "tolerance": 0.1}
    entries = [{"id": item, "verdict": "thesis-invalid", "measured": measured} for item in LISTED]
    assert errata.unlisted(entries) == set()
    assert errata.unlisted(entries[1:]) == {entries[0]["id"]}
    more = {"id": "eq-3.6", "verdict": "thesis-invalid", "measured": measured}
    assert errata.unlisted([*entries, more]) == {"eq-3.6"}
    # Cells of tables have their own place.
    assert errata.unlisted([*entries, {"id": "table-7.1/x1/sx1/kl", "verdict": "thesis-invalid"}]) == set()


def test_errors_come_in_the_order_of_the_thesis_and_say_all():
    order = list(ledger.items())
    assert list(LISTED) == sorted(LISTED, key=order.index)
    for erratum in LISTED.values():
        for text in (erratum.printed, erratum.meant, erratum.consequence):
            assert text.endswith("."), erratum
            assert text.count("$") % 2 == 0, erratum
            assert "\n" not in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"item": "eq-99.1"}, "item is 'eq-99.1', which no source lists"),
        ({"kind": "grave"}, "kind is 'grave'; choose typographical | mathematical | experimental"),
    ],
)
def test_an_error_of_nothing_or_of_no_kind_is_refused(change, message):
    texts = {"item": "eq-3.7", "kind": "mathematical", "printed": "a.", "meant": "b.", "consequence": "c."}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Erratum(**{**texts, **change})


def test_the_page_has_a_row_for_each_error_with_its_distances():
    entries = checks.chapter(3).entries
    text = errata.table([LISTED["eq-3.7"], LISTED["fig-7.1"]], [{**e, "page": "p.html"} for e in entries])
    assert text.count("\n* - ") == 3
    assert "p.html#eq-3-7" in text
    measured = next(e for e in entries if e["id"] == "eq-3.7")["measured"]
    assert f"off by {measured['printed']:.2g}" in text
    assert f"{measured['corrected']:.2g}" in text
    assert LISTED["fig-7.1"].meant in text
    assert "not computed" in text
