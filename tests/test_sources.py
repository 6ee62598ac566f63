"""Any number of sources: each lists what it numbers, and ledger, inspection, search and errors take them all."""

import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from latentsep.book import search
from latentsep.book.chapters import Chapter
from latentsep.book.inspection import Incomplete, inspect
from latentsep.ledger import errata, ledger, reports, sources
from latentsep.ledger.ledger import Check

REAL = Path(sources.__file__).parent
ITEMS = """
[source]
title = "Autoencoders, told once more"
order = 1
prefix = "I"

[items.I]
"fig-I.1" = "An encoder and a decoder"
"claim-I.1" = "Codes of a plain autoencoder cannot be drawn from"
"""
ERRATA = """
["claim-I.1"]
kind = "mathematical"
printed = 'Never.'
meant = 'Not from a normal distribution.'
consequence = 'None.'
"""


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """Call it with the items of a second source, to stand beside the thesis; returns what is read."""

    def plant(items: str = ITEMS, name: str = "concepts") -> dict[str, sources.Source]:
        folder = tmp_path / "sources"
        shutil.copytree(REAL / "thesis", folder / "thesis", dirs_exist_ok=True)
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "items.toml").write_text(items)
        (folder / name / "errata.toml").write_text(ERRATA)
        found = sources.read(folder)
        monkeypatch.setattr(sources, "every", lambda: found)
        monkeypatch.setattr(errata, "errata", errata.errata.__wrapped__)
        return found

    return plant


def test_the_thesis_comes_first_and_keeps_its_numbers():
    thesis = next(iter(sources.every().values()))
    assert (thesis.name, thesis.prefix) == ("thesis", "")
    assert thesis.items["fig-5.1"][0] == 5
    assert thesis.items["eq-A.8"][0] == "A"
    assert len(thesis.items) > 150
    assert set(thesis.errata) <= set(thesis.items)


def test_a_second_source_is_listed_after_the_first(planted):
    before = sources.every()["thesis"].items
    planted()
    assert list(ledger.items()) == [*before, "fig-I.1", "claim-I.1"]
    assert ledger.items()["claim-I.1"] == ("I", "Codes of a plain autoencoder cannot be drawn from")
    assert ledger.statement("claim-I.1", Check("says", 0, 1), "guard")["chapter"] == "I"


def test_its_errors_are_listed_with_the_others_and_by_themselves(planted):
    thesis = errata.errata("thesis")
    planted()
    assert [e.item for e in errata.errata()] == [*(e.item for e in thesis), "claim-I.1"]
    assert [e.item for e in errata.errata("concepts")] == ["claim-I.1"]
    assert errata.errata("thesis") == thesis


def test_the_overview_tells_sources_apart_only_if_there_are_several(planted):
    planted()
    entries = [ledger.statement(item, Check("says", 0, 1), "guard") for item in ("fig-5.1", "claim-I.1")]

    def heads(shown: list[dict]) -> list[str]:
        tables = BeautifulSoup(reports.overview(shown), "html.parser")("table")
        return [
            text for table in tables for text in [table.th.get_text(), *(r.td.get_text() for r in table.tbody("tr"))]
        ]

    assert heads(entries[:1]) == ["", "figures"]
    titles = [source.title for source in sources.every().values()]
    assert heads(entries) == [titles[0], "figures", titles[1], "claims"]


def test_its_items_are_promised_and_found(planted, tmp_path):
    planted()
    page = tmp_path / "html" / "book" / "I-autoencoders.html"
    page.parent.mkdir(parents=True)
    page.write_text('<html><body><article><p id="claim-i-1">So.</p></article></body></html>')
    entry = {**ledger.statement("claim-I.1", Check("says", 0, 1), "guard"), "page": "I-autoencoders.html"}
    with pytest.raises(Incomplete, match=r"^fig-I\.1: no ledger entry$"):
        inspect(tmp_path / "html", [entry], [Chapter("I-autoencoders", tmp_path / "I-autoencoders.md")])
    assert search.names("claim-I.1") == ["claim-i.1", "claim i.1"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fig-I.1", "fig-II.1", "item is 'fig-II.1' in concepts; choose a number that begins with I."),
        ("fig-I.1", "picture-I.1", "item is 'picture-I.1' in concepts; choose fig-…, table-…"),
        ('prefix = "I"', "", "item is 'fig-5.1' in both thesis and concepts; give one a prefix"),
    ],
)
def test_numbers_of_two_sources_do_not_meet(planted, old, new, message):
    items = ITEMS.replace(old, new)
    if not new:
        items = items.replace("fig-I.1", "fig-5.1")
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        planted(items)
