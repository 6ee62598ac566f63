"""Pages that know where they are published, on a small book as the theme writes it."""

import io
import subprocess
import sys
import xml.etree.ElementTree as ET

import nbformat
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from latentsep.book import sharing
from latentsep.book.address import Address

ADDRESS = Address("ada/book", "c0ffee", "https://ada.github.io/book/")
_BUTTONS = """<div class="dropdown dropdown-launch-buttons">
<button></button>
<ul class="dropdown-menu"><li>Colab</li></ul>
</div>
"""
_PAGE = """<html><head><title>1. A &quot;small&quot; one — Book</title>
</head><body>{buttons}<article><section><h1>1. A "small" one<a>#</a></h1>
<p>{text}</p>{picture}</section></article></body></html>"""
_RED = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="red"/></svg>'


@pytest.fixture
def book(tmp_path):
    """Two pages, a chapter with a drawing, and the landing page, which is not to be launched."""
    for folder in ("book", "_images", "_sources/book"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "_images" / "red.svg").write_text(_RED)
    picture = '<img src="../_images/red.svg"/>'
    words = "It turns & turns. " * 30
    for name, text in (("01-small", words), ("index", "Short.")):
        page = _PAGE.format(buttons=_BUTTONS, text=text.replace("&", "&amp;"), picture=picture)
        (tmp_path / "book" / f"{name}.html").write_text(page)
    (tmp_path / "book" / "plain.html").write_text(_PAGE.format(buttons="", text="No picture.", picture=""))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(1)", id="cell-0")])
    nbformat.write(notebook, tmp_path / "_sources" / "book" / "01-small.ipynb")
    sharing.share(tmp_path, ADDRESS, {"01-small"})
    return tmp_path


def said(page) -> dict[str, str]:
    soup = BeautifulSoup(page.read_text(), "html.parser")
    return {tag["property"]: tag["content"] for tag in soup.select("head meta[property]")}


def test_a_page_says_what_it_is_about(book):
    found = said(book / "book" / "01-small.html")
    assert found["og:title"] == '1. A "small" one'
    assert found["og:site_name"] == "Book"
    assert found["og:url"] == "https://ada.github.io/book/book/01-small.html"
    assert found["og:image"] == "https://ada.github.io/book/cards/01-small.png"
    assert found["og:description"].startswith("It turns & turns. It turns")
    assert len(found["og:description"]) <= 200
    assert found["og:description"].endswith(" …")


def test_a_card_shows_the_first_picture_as_large_as_it_goes(book):
    for name in ("01-small", "plain"):  # a page without one shows that of the landing page
        card = Image.open(io.BytesIO((book / "cards" / f"{name}.png").read_bytes()))
        assert card.size == sharing.CARD
        assert card.getpixel((600, 315)) == (255, 0, 0)
        assert card.getpixel((5, 5)) == (255, 255, 255)
        left, _, right, _ = Image.eval(card.split()[1], lambda green: 255 - green).getbbox()
        assert (left, right) == (42, 1158)  # twice as wide as high


def test_only_pages_that_run_by_themselves_can_be_launched(book):
    assert _BUTTONS in (book / "book" / "01-small.html").read_text()
    assert "dropdown-launch-buttons" not in (book / "book" / "index.html").read_text()
    assert "<article>" in (book / "book" / "index.html").read_text()


def test_the_sitemap_has_every_page(book):
    places = [element.text for element in ET.parse(book / "sitemap.xml").iter() if element.tag.endswith("}loc")]
    assert places == [f"https://ada.github.io/book/book/{name}.html" for name in ("01-small", "index", "plain")]


def test_a_downloaded_notebook_installs_its_package_only_where_it_is_missing(book, tmp_path):
    notebook = nbformat.read(book / "_sources" / "book" / "01-small.ipynb", as_version=4)
    nbformat.validate(notebook)
    code, own = (cell["source"] for cell in notebook["cells"])
    assert own == "print(1)"
    # The interpreter is told what pip would have been called with, and whether the package is there.
    told = "import subprocess; subprocess.run = lambda command, check: print(command[-1])\n"
    hidden = "import importlib.util; importlib.util.find_spec = lambda name: None\n"
    outputs = [
        subprocess.run([sys.executable, "-c", first + code], capture_output=True, text=True, check=True).stdout
        for first in (told, told + hidden)
    ]
    assert outputs == ["", "latentsep @ git+https://github.com/ada/book@c0ffee\n"]
