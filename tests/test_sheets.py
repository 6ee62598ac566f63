"""The document for paper: all pages, places of their own, links that lead within it."""

import re

import pytest
from bs4 import BeautifulSoup

from latentsep.book import printing, sheets
from latentsep.runtime import paths
from latentsep.runtime.paths import UsageError

_PAGE = """<html><head><link rel="stylesheet" href="../_static/theme.css">
<script>window.MathJax = {{"tex": 1}}</script><script defer src="../_static/mathjax/tex.js"></script>
<script src="../_static/other.js"></script></head><body><nav><h1>navigation</h1></nav>
<article class="bd-article"><section id="top"><h1>{title}<a class="headerlink" href="#top">#</a></h1>
{body}</section></article></body></html>"""
_FIRST = """<section id="same"><h2>A &amp; B</h2><p><a href="#same">here</a> <a href="02-second.html#same">there</a>
<a href="02-second.html">second</a> <a href="https://example.org/x.html#y">away</a>
<a href="../files/x.csv">data</a></p>
<div class="interactive"><img class="still" src="x.png"><div class="live-only"><button>turn</button></div></div>
<details class="hide"><pre>code</pre></details><details><summary>more</summary>words</details>
<details class="provenance">records</details></section>"""


@pytest.fixture
def html(tmp_path, monkeypatch):
    """A book of a landing page and two chapters."""
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    (tmp_path / "_config.yml").write_text("title: Small & fine\n")
    chapters = "- {file: book/01-first}\n  - {file: book/02-second}"
    (tmp_path / "_toc.yml").write_text(f"root: book/index\nparts:\n- caption: One\n  chapters:\n  {chapters}\n")
    folder = paths.html() / "book"
    folder.mkdir(parents=True)
    second = '<section id="same"><h2>Other</h2><p>words</p></section>'
    for name, title, body in (("index", "Front", ""), ("01-first", "First", _FIRST), ("02-second", "Second", second)):
        (folder / f"{name}.html").write_text(_PAGE.format(title=title, body=body))
    return paths.html()


def test_places_keep_apart_and_links_find_them(html):
    soup = BeautifulSoup(sheets.assemble(html).document(), "html.parser")
    names = [element["id"] for element in soup.find_all(id=True)]
    assert len(names) == len(set(names))
    links = {a.get_text(): a["href"] for a in soup.select("article p a")}
    assert links == {
        "here": "#01-first--same",
        "there": "#02-second--same",
        "second": "#02-second",
        "away": "https://example.org/x.html#y",
        "data": "../files/x.csv",
    }
    inside = [a["href"][1:] for a in soup.find_all("a") if a["href"].startswith("#")]
    assert set(inside) <= set(names)


def test_what_paper_cannot_do_is_left_out_and_still_twins_stay(html):
    soup = BeautifulSoup(sheets.assemble(html).document(), "html.parser")
    assert soup.select("img.still")
    assert not soup.select(".live-only, details.hide, details.provenance, button, a.headerlink, nav:not(.overview)")
    assert [details.get_text() for details in soup.select("details[open]")] == ["morewords"]
    assert [script.get("src") for script in soup.select("script")] == [None, "../_static/mathjax/tex.js"]


def test_contents_list_parts_chapters_and_sections_with_their_pages(html):
    numbers = {entry.place: i for i, entry in enumerate(sheets.assemble(html).entries, 3)}
    soup = BeautifulSoup(sheets.assemble(html).document(numbers), "html.parser")
    lines = [
        (item["class"][0], *(span.get_text() for span in item.select("span"))) for item in soup.select(".overview li")
    ]
    assert lines == [
        ("depth-0", "Front", "3"),
        ("depth-0", "One", "4"),
        ("depth-1", "First", "5"),
        ("depth-2", "A & B", "6"),
        ("depth-1", "Second", "7"),
        ("depth-2", "Other", "8"),
    ]
    headings = [(h.name, h.get_text()) for h in soup.select("main :is(h1, h2, h3)")]
    assert headings[:4] == [("h1", "Front"), ("h1", "One"), ("h2", "First"), ("h3", "A & B")]


def test_before_pages_are_known_numbers_take_their_room(html):
    soup = BeautifulSoup(sheets.assemble(html).document(), "html.parser")
    assert {span.get_text() for span in soup.select(".overview .number")} == {"000"}
    assert re.fullmatch("Small & fine", soup.title.get_text())


def test_without_a_book_or_a_browser_one_line_says_so(html, tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTSEP_BROWSER", "no-such-browser")
    with pytest.raises(UsageError, match=r"^no book in .*: build it first \(make book\)$"):
        printing.pdf(tmp_path / "book.pdf")
    (html / "index.html").touch()
    with pytest.raises(UsageError, match=r"^no Chromium to print with; install chromium or let LATENTSEP_BROWSER name"):
        printing.pdf(tmp_path / "book.pdf")
    assert not (tmp_path / "book.pdf").exists()
