"""What a chapter says against the print is an entry of the list of errors; a marker in its source says which.

A paragraph that speaks of what the print has, or what the thesis says of its results, begins with a comment,
``% against eq-2.12`` or ``% not against: why``, follows such a comment, or has the anchor of an error.
"""

import re

import pytest

from latentsep.book import chapters
from latentsep.ledger import errata, ledger

SPEAKS = re.compile(
    r"\b[Tt]he print(ed sum)? (has|lacks|allows|admits|lets|leaves|puts|integrates|takes|gives|calls|places|states"
    r"|stops|looks|runs|divides|appends|also|here)\b"
    r"|\b[Tt]he thesis (says|asks for|calls|writes|appends|explains|puts|suspects|reads|finds|takes it|notes)\b"
    r"|\b(is|are) said to\b|misprint"
)
MARKER = re.compile(r"^% (?:against (?P<items>.+)|not against: (?P<why>.+))$", re.MULTILINE)
ANCHOR = re.compile(r"^\s*(?:- )?\(([a-z]+-[0-9A-Za-z.-]+)\)=$", re.MULTILINE)
LISTED = {erratum.item: erratum for erratum in errata.errata()}
BY_ANCHOR = {ledger.anchor(item): item for item in LISTED}
PAGES = {
    name: page for name, page in chapters.listed().items() if name[0].isdigit() or name.partition("-")[0].isupper()
}


def paragraphs(text: str) -> list[str]:
    """What stands between empty lines, code left out."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [part for part in re.split(r"\n\s*\n", text) if part.strip()]


def marked(before: str, paragraph: str) -> bool:
    """Whether it says which error it is about, or that it is about none."""
    if before.startswith("% ") and MARKER.fullmatch(before.strip()):
        return True
    return bool(MARKER.search(paragraph)) or any(name in BY_ANCHOR for name in ANCHOR.findall(paragraph))


@pytest.mark.parametrize("name", PAGES)
def test_what_is_said_against_the_print_is_an_entry(name):
    parts = paragraphs(PAGES[name].path.read_text())
    for before, paragraph in zip(["", *parts], parts, strict=False):
        if SPEAKS.search(paragraph):
            assert marked(before, paragraph), paragraph
        for marker in MARKER.finditer(paragraph):
            for item in (marker["items"] or "").split(", ") if marker["items"] else ():
                assert item in LISTED, f"{item} is no listed error: {paragraph}"


def test_every_error_has_a_place_in_its_chapter_that_speaks_of_it():
    """By its own anchor in the text, or by a marker."""
    found = set()
    for page in PAGES.values():
        text = page.path.read_text()
        found |= {BY_ANCHOR[name] for name in ANCHOR.findall(text) if name in BY_ANCHOR and name.startswith("text")}
        found |= {item for m in MARKER.finditer(text) if m["items"] for item in m["items"].split(", ")}
    assert {item for item in LISTED if item not in found} == set()


def test_a_sentence_without_a_marker_is_noticed():
    assert SPEAKS.search("The print has $d$ for $D$.")
    assert not marked("Some text.", "The print has $d$ for $D$.")
    assert marked("% against eq-2.12", "The print has $d$ for $D$.")
    assert marked("", "% not against: a value\nThe print has 3.")
    assert marked("", "(text-5-1)=\nThe print has $d$ for $D$.")
    assert not marked("", "(text-99-1)=\nThe print has $d$ for $D$.")
