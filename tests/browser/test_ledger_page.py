"""The ledger's page: what its controls show is what the ledger holds."""

import json

import pytest

from browser.book import pages
from latentsep.ledger import ledger
from latentsep.runtime import paths


@pytest.fixture
def table(visit):
    """The page, opened, and what its rows show."""
    page = visit(pages()["ledger"]).page
    page.locator(".browser.live").wait_for()

    def rows(column: int = 0) -> list[str]:
        script = "n => [...document.querySelectorAll('.browser tbody tr')].filter(r => r.checkVisibility())"
        return page.evaluate(script + ".map(r => r.cells[n].textContent.trim())", column)

    return page, rows


def _entries() -> list[dict]:
    return json.loads(paths.ledger().read_text())


def _names(entries: list[dict]) -> list[str]:
    """The entries as the first column has them."""
    plain = ("published", None)
    return [e["id"] + ("" if e.get("variant") in plain else f" ({e['variant']})") for e in entries]


def test_all_rows_are_there_in_the_order_of_the_ledger(table):
    page, rows = table
    assert rows() == _names(_entries())
    assert page.locator(".browser output").inner_text() == f"{len(_entries())} of {len(_entries())}"


def test_each_verdict_shows_its_rows(table):
    page, rows = table
    for verdict, count in ledger.tally(_entries()).items():
        page.locator(".browser select[name=verdict]").select_option(verdict)
        assert rows() == _names([e for e in _entries() if e["verdict"] == verdict])
        assert page.locator(".browser output").inner_text() == f"{count} of {len(_entries())}"


def test_words_narrow_the_rows_and_the_verdict_narrows_them_further(table):
    page, rows = table
    page.locator(".browser input").fill("TABLE-5.1 neg_elbo")
    found = [e for e in _entries() if "table-5.1" in e["id"] and "neg_elbo" in e["id"]]
    assert found
    assert set(rows()) == set(_names(found))
    verdict = found[0]["verdict"]
    page.locator(".browser select[name=verdict]").select_option(verdict)
    assert set(rows()) == set(_names([e for e in found if e["verdict"] == verdict]))
    page.locator(".browser input").fill("nothing is called like this")
    assert rows() == []


@pytest.mark.parametrize("how", ["click", "Enter"])
def test_heads_sort_numbers_by_value_and_turn_the_order_round(table, how):
    page, rows = table
    page.locator(".browser input").fill("table-5.1")
    ours = {name: e["ours"]["mean"] for name, e in zip(_names(_entries()), _entries(), strict=True) if "ours" in e}
    head = page.locator(".browser th", has_text="ours")
    for direction in (1, -1):
        head.click() if how == "click" else head.press("Enter")
        values = [direction * round(ours[name], 2 if abs(ours[name]) < 1000 else 0) for name in rows()]  # as shown
        assert len(values) > 10
        assert values == sorted(values)
        assert head.get_attribute("aria-sort") == ("ascending" if direction == 1 else "descending")


def test_a_head_gathers_each_verdict_and_loses_no_row(table):
    page, rows = table
    page.locator(".browser th", has_text="verdict").click()
    shown = [cell.partition(" ")[2] for cell in rows(4)]
    runs = [verdict for k, verdict in enumerate(shown) if not k or shown[k - 1] != verdict]
    assert len(runs) == len(set(runs))
    assert sorted(rows()) == sorted(_names(_entries()))
