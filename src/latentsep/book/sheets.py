"""All pages of a rendered book as one document for paper: a title, contents, chapters; links lead to places within it.

Each place of a page keeps its name, behind that of the page: ``eq-A-1`` becomes ``A-diffusion-equation--eq-A-1``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup, Tag

from latentsep.runtime import paths

PLACE = "sheets.html"  # beside the chapters, so that what they show is found where it is
#: What has no use on paper: links to a heading's own address, code that pages hide, what only a script brings to life.
_GONE = "a.headerlink, details.provenance, details.hide, .live-only, script, link, .ledger-filters, button"
_SUBTITLE = (
    "The reproducible companion to the master's thesis <i>Latent Variable Separation with Variational Autoencoders</i>"
)
_NO_PAGE = "000"  # stands for a number that is not known before the pages are


@dataclass(frozen=True)
class Entry:
    """A line of the contents: how deep, its title, the place it leads to."""

    depth: int
    title: str
    place: str


@dataclass(frozen=True)
class Sheets:
    """The book without its contents, which ``document`` adds with page numbers."""

    title: str
    loaded: str
    entries: tuple[Entry, ...]
    body: str

    def document(self, numbers: Mapping[str, int] | None = None) -> str:
        """The whole as HTML; ``numbers`` are the pages of places."""
        title = escape(self.title)
        return (
            f'<!DOCTYPE html><html lang="en" data-theme="light" data-mode="light"><head><meta charset="utf-8">'
            f"<title>{title}</title>{self.loaded}<style>{_STYLE}</style></head><body>"
            f'<section class="cover"><p class="title">{title}</p><p>{_SUBTITLE}</p></section>'
            f"{_contents(self.entries, numbers or {})}<main>{self.body}</main></body></html>"
        )


def assemble(html: Path) -> Sheets:
    """All pages of the book in ``html``, in the order of its table of contents."""
    front, *parts = _parts()
    articles: list[str] = []
    entries: list[Entry] = []
    for caption, names in [("", [front]), *parts]:
        if caption:
            place = f"part-{len(entries)}"
            entries.append(Entry(0, caption, place))
            articles.append(f'<h1 class="part" id="{place}">{escape(caption)}</h1>')
        for name in names:
            article = _article(html / "book" / f"{name}.html", demoted=bool(caption))
            articles.append(str(article))
            entries += _headings(article, name, 1 if caption else 0)
    head = (html / "book" / f"{front}.html").read_text()
    title = yaml.safe_load((paths.root() / "_config.yml").read_text())["title"]
    return Sheets(title, _loaded(head), tuple(entries), "".join(articles))


def _parts() -> list:
    """The table of contents: the page in front, then each part's caption and pages."""
    toc = yaml.safe_load((paths.root() / "_toc.yml").read_text())
    parts = toc.get("parts", [toc])
    parts = [(part.get("caption", ""), [Path(c["file"]).name for c in part["chapters"]]) for part in parts]
    return [Path(toc["root"]).name, *parts]


def _article(path: Path, demoted: bool) -> Tag:
    """What a page is about, with names of its own for all places; headings one level down if ``demoted``."""
    article = BeautifulSoup(path.read_text(), "html.parser").select_one("article.bd-article")
    assert article is not None, f"{path.name} has no article"
    for element in article.select(_GONE):
        element.decompose()
    for folded in article.find_all("details"):
        folded["open"] = ""
    for element in article.find_all(id=True):
        element["id"] = f"{path.stem}--{element['id']}"
    article["id"] = path.stem
    for element in article.find_all("a", href=True):
        element["href"] = _inside(str(element["href"]), path)
    if demoted:
        for level in (5, 4, 3, 2, 1):
            for heading in article.find_all(f"h{level}"):
                heading.name = f"h{level + 1}"
    return article


def _inside(address: str, path: Path) -> str:
    """Where a link of a page leads to in the document; unchanged if that is elsewhere."""
    parts = urlsplit(address)
    if parts.scheme or (parts.path and not parts.path.endswith(".html")):
        return address
    page = Path(unquote(parts.path)).stem if parts.path else path.stem
    return f"#{page}--{parts.fragment}" if parts.fragment else f"#{page}"


def _headings(article: Tag, name: str, depth: int) -> Iterator[Entry]:
    """A page and its sections."""
    top, *others = article.find_all([f"h{depth + 1}", f"h{depth + 2}"])
    yield Entry(depth, top.get_text().strip(), name)
    for heading in others:
        section = heading.find_parent("section", id=True)
        if heading.name == f"h{depth + 2}" and section and depth:
            yield Entry(depth + 1, heading.get_text().strip(), str(section["id"]))


def _contents(entries: Sequence[Entry], numbers: Mapping[str, int]) -> str:
    lines = (
        f'<li class="depth-{e.depth}"><a href="#{e.place}"><span>{escape(e.title)}</span>'
        f'<span class="number">{numbers.get(e.place, _NO_PAGE)}</span></a></li>'
        for e in entries
    )
    return f'<nav class="overview"><p class="title">Contents</p><ul>{"".join(lines)}</ul></nav>'


def _loaded(head: str) -> str:
    """The styles of a page, and what sets formulas."""
    styles = re.findall(r'<link\b[^>]*\brel="stylesheet"[^>]*>', head)
    scripts = re.findall(r"<script>window\.MathJax\b.*?</script>", head, re.DOTALL)
    scripts += re.findall(r'<script\b[^>]*\bsrc="[^"]*mathjax/[^"]*"[^>]*></script>', head)
    figures = '<link rel="stylesheet" href="../figures/interactive.css">'
    return "".join([*styles, figures, *scripts])


_STYLE = """
@page { size: A4; margin: 18mm 16mm 20mm; }
html, body { background: #fff; font-size: 10.5pt; height: auto; overflow: visible; }
body { display: block; }
.cover { break-after: page; padding-top: 35vh; text-align: center; }
.title { font-size: 2em; font-weight: 600; }
.overview { break-after: page; }
.overview ul { list-style: none; padding: 0; }
.overview a { display: flex; justify-content: space-between; gap: 1em; color: inherit; text-decoration: none; }
.overview li { break-inside: avoid; }
.depth-0 { font-weight: 600; margin-top: 0.8em; break-after: avoid; }
.depth-1 { margin-top: 0.25em; }
.depth-2 { margin-left: 1.6em; font-size: 0.85em; }
h1.part { break-before: page; padding-top: 35vh; text-align: center; }
article.bd-article { display: block; break-before: page; padding: 0; max-width: none; }
main { display: block; }
.bd-article mjx-container, .bd-article .math mjx-container[display="true"] { font-size: 100% !important; }
h1, h2, h3, h4, h5 { break-after: avoid; }
.admonition, .proof, .cell, .cell_output { break-inside: auto !important; }
.interactive { min-height: 0 !important; }
figure, tr, pre, .sd-card, .sd-row { break-inside: avoid; }
mjx-container[display="true"], .admonition > .admonition-title { break-inside: avoid; }
figure img, figure svg, .still { max-width: 100%; max-height: 215mm; }
figcaption, caption { break-before: avoid; break-after: avoid; }
thead { display: table-header-group; }
a { color: #0b4f79; text-decoration: none; }
"""
