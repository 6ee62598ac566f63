"""Whether a rendered book holds all that it promises: pages, numbered items, links, offline readability."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

from latentsep.book.chapters import Chapter
from latentsep.ledger import ledger

_CAPTIONED = {"fig": ("Fig.", "figure"), "table": ("Table", "table")}
_LEFTOVERS = re.compile(
    r"\\(?:frac|tag|mathbb|mathcal|sigma|varphi|left|sum)\b|\{(?:numref|glue|cite|eq|ref)[:}]|Traceback \(most"
)
_NOT_PROSE = ["script", "style", "pre", "code"]


class Incomplete(Exception):
    """The book lacks something; the message has one line for each."""


@dataclass(frozen=True)
class Found:
    """How many pages, numbered figures and numbered tables the book has."""

    pages: int
    figures: int
    tables: int


def inspect(html: Path, entries: list[dict], pages: list[Chapter]) -> Found:
    """Hold rendered pages against the table of contents and the ledger. Raises ``Incomplete``."""
    soups = {
        path: BeautifulSoup(path.read_text(), "html.parser")
        for path in sorted(html.rglob("*.html"))
        if "_static" not in path.parts
    }
    problems = []
    for chapter in pages:
        if html / "book" / f"{chapter.name}.html" not in soups:
            problems.append(f"{chapter.name}: the page is missing")
    problems += _promised(html, entries, soups, {c.name.partition("-")[0].lstrip("0") for c in pages})
    for path, soup in soups.items():
        name = path.relative_to(html).as_posix()
        problems += [f"{name}: {p}" for p in [*_links(path, soup, soups), *_leftovers(soup), *_pictures(soup)]]
    if problems:
        raise Incomplete("\n".join(problems))
    figures = sum(len(_captions(s, "fig")) for s in soups.values())
    tables = sum(len(_captions(s, "table")) for s in soups.values())
    return Found(len(pages), figures, tables)


def _promised(html: Path, entries: list[dict], soups: dict[Path, BeautifulSoup], chapters: set[str]) -> list[str]:
    """Every listed item of a chapter in the book has an entry, and every entry stands where it says."""
    problems, seen = [], {e["id"].partition("/")[0] for e in entries}
    for item, (chapter, _) in ledger.items().items():
        if str(chapter) in chapters and item not in seen:
            problems.append(f"{item}: no ledger entry")
    for table, content in ledger.tables().items():
        cells = {f"{table}/{cell}/{q}" for cell in content["cells"] for q in content["quantities"]}
        shown = [e for e in entries if e["id"].startswith(f"{table}/")]
        for variant in {e["variant"] for e in shown}:
            if missing := cells - {e["id"] for e in shown if e["variant"] == variant}:
                problems.append(f"{table}, {variant}: no ledger entry for {', '.join(sorted(missing))}")
    for item, page, anchor in sorted({(e["id"].partition("/")[0], e["page"], e["anchor"]) for e in entries}):
        soup = soups.get(html / "book" / page)
        place = soup.find(id=anchor) if soup else None
        if place is None:
            problems.append(f"{item}: {page} has no place called {anchor}")
            continue
        kind, _, number = item.partition("-")
        if kind in _CAPTIONED and anchor == ledger.anchor(item):
            label, tag = _CAPTIONED[kind]
            caption = place.find(class_="caption-number") if place.name == tag else None
            if caption is None or caption.get_text(strip=True) != f"{label} {number}":
                problems.append(f"{item}: {page}#{anchor} is not numbered {label} {number}")
    return problems


def _captions(soup: BeautifulSoup, kind: str) -> list[Tag]:
    label, _ = _CAPTIONED[kind]
    return [c for c in soup.find_all(class_="caption-number") if c.get_text().startswith(label)]


def _links(path: Path, soup: BeautifulSoup, soups: dict[Path, BeautifulSoup]) -> list[str]:
    """Links and resources that lead nowhere, and resources that an offline reader would miss."""
    problems = []
    for tag, attribute in (("a", "href"), ("img", "src"), ("script", "src"), ("link", "href"), ("source", "src")):
        for element in soup.find_all(tag, attrs={attribute: True}):
            address = urlsplit(str(element[attribute]))
            if address.scheme in ("http", "https"):
                loaded = tag != "a" and "canonical" not in element.get_attribute_list("rel")
                problems += [f"loads {element[attribute]}, which an offline reader cannot"] if loaded else []
                continue
            if address.scheme or element[attribute] == "#":
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            if not target.exists():
                problems.append(f"<{tag}> leads to {element[attribute]}, which is not there")
            elif address.fragment and target in soups and soups[target].find(id=unquote(address.fragment)) is None:
                problems.append(f"no place called {address.fragment} in {target.name}")
    return problems


def _leftovers(soup: BeautifulSoup) -> list[str]:
    """Raw TeX, unresolved roles and tracebacks in what a reader sees."""
    problems = []
    for text in soup.find_all(string=_LEFTOVERS):
        inside = [p.name for p in text.parents if p.name in _NOT_PROSE]
        if not inside and not any("math" in p.get_attribute_list("class") for p in text.parents):
            problems.append(f"raw markup: {text.strip()[:80]!r}")
    for block in soup.select("div.math"):
        # Sphinx wraps a block with a line break in an environment in which MathJax allows no tag.
        if "\\begin{split}" in block.get_text() and "\\tag" in block.get_text():
            problems.append(f"numbered equation with a line break: {block.get_text().strip()[:80]!r}")
    return problems + [
        f"traceback: {out.get_text()[:80]!r}" for out in soup.select(".cell_output .traceback, .output.traceback")
    ]


def _pictures(soup: BeautifulSoup) -> list[str]:
    """Pictures inside a page's article must have alternative text."""
    article = soup.find("article") or soup
    missing = [
        image["src"]
        for image in article.find_all("img")
        if not (alt := str(image.get("alt", "")).strip()) or alt.startswith(("../", "_images"))
    ]
    return [f"no alternative text for {src}" for src in missing]
