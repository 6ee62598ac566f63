"""Each sentence of the thesis that compares values of its tables: quoted, decided, and listed if it does not hold."""

import pytest
from test_quotes import begins_at, lines  # noqa: F401  # a fixture

from latentsep.ledger import errata, ledger, printed
from latentsep.ledger.checks.sentences import SENTENCES, table

LISTED = {erratum.item: erratum for erratum in errata.errata()}


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda s: f"{s.place} {s.says}")
def test_it_holds_or_is_listed(sentence):
    holds, numbers = sentence.find()
    assert holds == (sentence.entry == "")
    assert sentence.entry in {"", *LISTED}
    assert numbers


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda s: f"{s.place} {s.says}")
def test_it_is_quoted_at_its_line(sentence, lines):  # noqa: F811
    assert begins_at(lines, sentence.line, sentence.quote)


def test_one_that_is_wrong_by_a_misprint_holds_once_that_is_put_right(monkeypatch):
    cells = printed.cells
    monkeypatch.setattr(ledger, "cells", lambda table, corrected=True: cells(table, True))
    found = {s.entry: s.find()[0] for s in SENTENCES if s.entry}
    assert found["text-7.4a"]
    assert not found["text-9.4a"]


def test_the_page_shows_all_with_their_numbers():
    text = table([])
    assert text.count("\n* - ") == len(SENTENCES) + 1
    assert "no: text-9.4a" in text
    assert all(sentence.quote in text for sentence in SENTENCES)
