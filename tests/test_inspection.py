"""A rendered book that lacks something is refused, and the message says what."""

import pytest

from latentsep import ledger
from latentsep.inspection import Found, Incomplete, inspect
from latentsep.notebooks import Chapter

FIGURE = """<figure id="fig-3-1"><img src="a.svg" alt="Two networks."/>
<figcaption><span class="caption-number">Fig. 3.1 </span></figcaption></figure>"""


@pytest.fixture
def pages(tmp_path, monkeypatch):
    """A book of one chapter with one listed item, written to disk and inspected."""
    monkeypatch.setattr(ledger, "items", lambda: {"fig-3.1": (3, "Architecture")})
    monkeypatch.setattr(ledger, "thesis", lambda: {"tables": {}})
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "a.svg").write_text("<svg/>")
    entry = {**ledger.statement("fig-3.1", ledger.Check("", 0, 0), "guard"), "page": "03-vae.html"}

    def look(body: str, entries: list | None = None) -> Found:
        (tmp_path / "book" / "03-vae.html").write_text(f"<html><body><article>{body}</article></body></html>")
        chapter = Chapter("03-vae", tmp_path / "03-vae.md")
        return inspect(tmp_path, [entry] if entries is None else entries, [chapter])

    return look


def test_a_whole_book_passes_and_is_counted(pages):
    assert pages(FIGURE + '<a href="#fig-3-1">see</a>') == Found(pages=1, figures=1, tables=0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "no place called fig-3-1"),
        (FIGURE.replace("Fig. 3.1", "Fig. 3.2"), "not numbered Fig. 3.1"),
        ('<section id="fig-3-1">' + FIGURE.replace(' id="fig-3-1"', "") + "</section>", "not numbered Fig. 3.1"),
        (FIGURE.replace("a.svg", "b.svg"), "b.svg, which is not there"),
        (FIGURE.replace("Two networks.", ""), "no alternative text"),
        (FIGURE + '<a href="nowhere.html">x</a>', "nowhere.html, which is not there"),
        (FIGURE + '<a href="#nowhere">x</a>', "no place called nowhere"),
        (FIGURE + '<script src="https://example.org/x.js"></script>', "offline reader"),
        (FIGURE + r"<p>\frac{1}{2}</p>", "raw markup"),
        (FIGURE + "<p>{numref}`fig-3-1`</p>", "raw markup"),
        (FIGURE + "<p>Traceback (most recent call last)</p>", "raw markup"),
    ],
)
def test_what_is_missing_or_broken_is_named(pages, body, message):
    with pytest.raises(Incomplete, match=message.replace(".", r"\.")):
        pages(body)


def test_a_listed_item_without_an_entry_is_named(pages):
    with pytest.raises(Incomplete, match=r"fig-3\.1: no ledger entry"):
        pages(FIGURE, entries=[])


def test_tex_is_fine_inside_mathematics_and_code(pages):
    pages(FIGURE + r'<span class="math">\(\frac{1}{2}\)</span><pre>\frac</pre>')
