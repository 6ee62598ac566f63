"""What pages and notebooks need at a public address: cards for links, a sitemap, notebooks that install the package."""

import base64
import io
import re
from html import escape
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup, Tag
from PIL import Image

from latentsep.book.address import Address

CARD = (1200, 630)  # pixels, what networks show of a link
_MARGIN, _DESCRIPTION = 36, 200  # pixels, characters
_LAUNCH = re.compile(r'<div class="dropdown dropdown-launch-buttons">.*?</ul>\s*</div>\s*', re.DOTALL)
_INSTALL = """\
# Installs this book's package where it is missing, as it is in Colab.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("latentsep") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", {requirement!r}], check=True)"""


def share(html: Path, address: Address, launched: set[str]) -> None:
    """Do this to a rendered book: ``launched`` are the names of the pages that run by themselves.

    The others, which are drawn from the results of all chapters, lose their buttons.
    """
    (html / "cards").mkdir()
    front = html / "book" / "index.html"
    spare = _picture(BeautifulSoup(front.read_text(), "html.parser"), front)
    pages = sorted((html / "book").glob("*.html"))
    for page in pages:
        text = page.read_text()
        soup = BeautifulSoup(text, "html.parser")
        card = html / "cards" / f"{page.stem}.png"
        card.write_bytes(_card(_picture(soup, page) or spare))
        text = text.replace("</head>", _head(soup, page, address) + "</head>", 1)
        page.write_text(text if page.stem in launched else _LAUNCH.sub("", text))
    for name in launched:
        source = html / "_sources" / "book" / f"{name}.ipynb"
        notebook = installing(nbformat.read(source, as_version=4), address)
        source.write_text(nbformat.writes(notebook) + "\n")
    places = "".join(f"<url><loc>{address.site}book/{page.name}</loc></url>\n" for page in pages)
    (html / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"{places}</urlset>\n"
    )


def installing(notebook: nbformat.NotebookNode, address: Address) -> nbformat.NotebookNode:
    """A notebook whose first cell installs the package at the version of the book, if it is missing."""
    cell = nbformat.v4.new_code_cell(_INSTALL.format(requirement=address.requirement), id="install")
    notebook["cells"].insert(0, cell)
    return notebook


def _head(soup: BeautifulSoup, page: Path, address: Address) -> str:
    """What a page says of itself to who shows a link to it."""
    heading = soup.select_one("article h1") or soup.title
    title = heading.get_text().removesuffix("#").strip() if heading else page.stem
    paragraphs = (p.get_text().strip() for p in soup.select("article section > p"))
    description = _shortened(next((p for p in paragraphs if p), title))
    said = {
        "og:type": "article",
        "og:site_name": soup.title.get_text().rpartition("—")[2].strip() if soup.title else title,
        "og:title": title,
        "og:description": description,
        "og:url": f"{address.site}book/{page.name}",
        "og:image": f"{address.site}cards/{page.stem}.png",
        "og:image:width": str(CARD[0]),
        "og:image:height": str(CARD[1]),
    }
    lines = [f'<meta property="{name}" content="{escape(value)}" />\n' for name, value in said.items()]
    lines += [f'<meta name="description" content="{escape(description)}" />\n']
    lines += ['<meta name="twitter:card" content="summary_large_image" />\n']
    return "".join(lines)


def _shortened(text: str) -> str:
    """The beginning of a text, whole words of it.

    >>> _shortened("a word  and another")
    'a word and another'
    """
    text = " ".join(re.sub(r"\\[()]", "", text).split())
    return text if len(text) <= _DESCRIPTION else text[: _DESCRIPTION - 1].rpartition(" ")[0] + " …"


def _picture(soup: BeautifulSoup, page: Path) -> bytes | None:
    """The first picture in a page's article, as a file of pixels."""
    image = soup.select_one("article img[src]")
    if not isinstance(image, Tag):
        return None
    source = str(image["src"])
    if source.startswith("data:"):
        return base64.b64decode(source.partition(",")[2])
    path = (page.parent / source).resolve()
    return _drawn(path) if path.suffix == ".svg" else path.read_bytes()


def _drawn(drawing: Path) -> bytes:
    import resvg_py  # only where there is an address

    return resvg_py.svg_to_bytes(svg_path=str(drawing), width=2 * CARD[0])


def _card(picture: bytes | None) -> bytes:
    """A picture in the middle of a white card, as large as it can be."""
    card = Image.new("RGB", CARD, "white")
    if picture:
        with Image.open(io.BytesIO(picture)) as opened:
            shown = opened.convert("RGBA")
        inside = [side - 2 * _MARGIN for side in CARD]
        scale = min(room / side for room, side in zip(inside, shown.size, strict=True))
        width, height = (max(1, round(side * scale)) for side in shown.size)
        shown = shown.resize((width, height), Image.Resampling.LANCZOS)
        card.paste(shown, ((CARD[0] - width) // 2, (CARD[1] - height) // 2), shown)
    buffer = io.BytesIO()
    card.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
