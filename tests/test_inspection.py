"""A rendered book that lacks something is refused, and the message says what."""

import pytest

from latentsep.book.chapters import Chapter
from latentsep.book.inspection import Found, Incomplete, inspect
from latentsep.ledger import ledger

FIGURE = """<figure id="fig-3-1"><img src="a.svg" alt="Two networks."/>
<figcaption><span class="caption-number">Fig. 3.1 </span></figcaption></figure>"""


@pytest.fixture
def pages(tmp_path, monkeypatch):
    """A book of one chapter with one listed item, written to disk and inspected."""
    monkeypatch.setattr(ledger, "items", lambda: {"fig-3.1": (3, "Architecture")})
    monkeypatch.setattr(ledger, "tables", dict)
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


def table(number: str, name: str) -> str:
    caption = f'<caption><span class="caption-number">Table {number} </span></caption>'
    return f'<table id="{name}">{caption}<tr><td>1</td></tr></table>'


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """A page that promises Table 7.1 as published and, in a place of its own, by a corrected method."""
    monkeypatch.setattr(ledger, "items", lambda: {"table-7.1": (7, "Values")})
    (tmp_path / "book").mkdir()
    summary = {(c, q): (v.mean, v.std, 5) for c, row in ledger.cells("table-7.1").items() for q, v in row.items()}
    published, corrected = (
        [{**e, "page": "07-circle.html"} for e in ledger.table("table-7.1", summary, {}, variant, "book")]
        for variant in ("published", "corrected")
    )
    listed = {"table-7.1": ledger.tables()["table-7.1"]}
    monkeypatch.setattr(ledger, "tables", lambda: listed)

    def look(body: str, entries: list | None = None) -> Found:
        (tmp_path / "book" / "07-circle.html").write_text(f"<html><body><article>{body}</article></body></html>")
        chapter = Chapter("07-circle", tmp_path / "07-circle.md")
        return inspect(tmp_path, [*published, *corrected] if entries is None else entries, [chapter])

    return look, published, corrected


def test_the_table_of_another_method_may_have_another_number(tables):
    look, *_ = tables
    found = look(table("7.1", "table-7-1") + table("7.2", "table-7-1-corrected"))
    assert found == Found(pages=1, figures=0, tables=2)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (table("7.2", "table-7-1") + table("7.1", "table-7-1-corrected"), "#table-7-1 is not numbered Table 7.1"),
        (table("7.1", "table-7-1"), "no place called table-7-1-corrected"),
        (table("7.1", "table-7-1-corrected"), "no place called table-7-1$"),
    ],
)
def test_every_method_has_to_stand_in_its_own_place(tables, body, message):
    look, *_ = tables
    with pytest.raises(Incomplete, match=message.replace(".", r"\.")):
        look(body)


def test_a_value_that_is_missing_is_named(tables):
    look, published, corrected = tables
    body = table("7.1", "table-7-1") + table("7.2", "table-7-1-corrected")
    with pytest.raises(Incomplete, match=r"table-7\.1, published: no ledger entry for \S+/sx0\.01/neg_elbo"):
        look(body, [*published[1:], *corrected[1:]])
    with pytest.raises(Incomplete, match=r"table-7\.1, published: no ledger entry for \S+/sx0\.01/neg_elbo"):
        look(body, [*published[1:], *corrected])
    with pytest.raises(Incomplete, match=r"table-7\.1, corrected: no ledger entry for table-7\.1/x0\.01/sx0\.01/kl"):
        look(body, [*published, corrected[0], *corrected[2:]])


def test_items_of_an_appendix_stand_under_lower_case_names(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "items", lambda: {"fig-A.1": ("A", "Solutions")})
    monkeypatch.setattr(ledger, "tables", dict)
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "a.svg").write_text("<svg/>")
    entry = {**ledger.statement("fig-A.1", ledger.Check("", 0, 0), "guard"), "page": "A-heat.html"}
    page, chapter = tmp_path / "book" / "A-heat.html", Chapter("A-heat", tmp_path / "A-heat.md")
    page.write_text(FIGURE.replace("fig-3-1", "fig-a-1").replace("3.1", "A.1"))
    assert inspect(tmp_path, [entry], [chapter]).figures == 1
    page.write_text(FIGURE.replace("fig-3-1", "fig-a-1").replace("3.1", "7.1"))
    with pytest.raises(Incomplete, match=r"not numbered Fig\. A\.1"):
        inspect(tmp_path, [entry], [chapter])
    with pytest.raises(Incomplete, match=r"fig-A\.1: no ledger entry"):
        inspect(tmp_path, [], [chapter])


def test_a_numbered_equation_must_not_break_its_line(pages):
    block = '<div class="math">\\[\\begin{split} a \\tag{3.1} \\end{split}\\]</div>'
    with pytest.raises(Incomplete, match="numbered equation with a line break"):
        pages(FIGURE + block)
    pages(FIGURE + block.replace("\\tag{3.1}", ""))
    pages(FIGURE + block.replace("split", "aligned"))
