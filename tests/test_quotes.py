"""What the lists of errors quote stands in the sources, at the line that they name."""

import os
import re
import tomllib
from pathlib import Path

import pytest

from latentsep.ledger import errata

FOLDER = Path(os.environ.get("LATENTSEP_SOURCES", "no such folder"))
BEGINNING = "Abstract\n\nVariational autoencoders are considered an unsupervised learning method"
LISTED = {e.item: e for e in errata.errata("thesis")} | {f"{s.place}: {s.meant}": s for s in errata.slips("thesis")}


def normal(text: str) -> str:
    """The text in one line, with words that are broken over two put together."""
    return " ".join(re.sub(r"-\s*\n\s*", "", text).split())


@pytest.fixture(scope="module")
def lines() -> list[str]:
    texts = [path.read_text() for path in sorted(FOLDER.glob("*.txt"))]
    found = [text for text in texts if text.lstrip().startswith(BEGINNING)]
    if not found:
        pytest.skip("the text of the thesis is not here; LATENTSEP_SOURCES names the folder that has it")
    return found[0].split("\n")


def begins_at(lines: list[str], number: int, words: str) -> bool:
    """Whether the words begin on the line with that number, from 1, and go on as the text does."""
    first, rest = lines[number - 1], normal("\n".join(lines[number - 1 : number + 40]))
    place = rest.find(normal(words))
    return 0 <= place < max(1, len(normal(first)))


@pytest.mark.parametrize("name", LISTED)
def test_what_is_quoted_is_printed(name, lines):
    entry = LISTED[name]
    assert begins_at(lines, entry.line, entry.quote or entry.fragment)


def test_a_quote_that_is_not_there_is_noticed(lines):
    entry = LISTED["text-6.1a"]
    assert begins_at(lines, entry.line, entry.quote)
    assert not begins_at(lines, entry.line + 1, entry.quote)
    assert not begins_at(lines, entry.line, entry.quote.replace("orthonormal", "orthogonal"))


@pytest.mark.parametrize("name", LISTED)
def test_every_error_is_quoted_in_one_way(name):
    """Words to show, or what the text has of a formula; then there is something else to show."""
    entry = LISTED[name]
    assert bool(entry.quote) != bool(entry.fragment)
    assert entry.quote or entry.printed
    assert entry.line > 0


def test_slips_follow_each_other_as_in_print_and_say_what_is_meant():
    slips = errata.slips("thesis")
    assert [s.line for s in slips] == sorted(s.line for s in slips)
    assert len({(s.place, s.meant) for s in slips}) == len(slips) >= 25
    for slip in slips:
        for text in (slip.printed, slip.meant):
            assert text.count("$") % 2 == 0, slip
        assert slip.meant.endswith("."), slip


def test_lists_have_no_entry_twice():
    """TOML would take the last of two tables of one name; two quotes of one line may be two errors."""
    folder = Path(errata.sources.__file__).parent / "thesis"
    names = re.findall(r"^\[\"(.+)\"\]$", (folder / "errata.toml").read_text(), re.MULTILINE)
    assert len(names) == len(set(names)) == len(tomllib.loads((folder / "errata.toml").read_text()))
