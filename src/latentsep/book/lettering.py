"""Letters for the tables of a chapter that no source has: Table 7.a, 7.b, beside the thesis's Table 7.1."""

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

_NAME = re.compile(r"(\d+|[A-Z]+)-")
_CAPTION = re.compile(r"(<table\b[^>]*>\s*)<caption>(.*?)</caption>", re.DOTALL)


def letter(html: Path) -> None:
    """Do this to all chapters of a rendered book."""
    for page in sorted((html / "book").glob("*.html")):
        if name := _NAME.match(page.name):
            page.write_text(lettered(page.read_text(), name[1].lstrip("0")))


def lettered(page: str, chapter: str) -> str:
    """A page whose captioned tables without a number have a letter, and a place to link to.

    >>> lettered("<table><caption>Means.</caption></table>", "7").partition("<table>")[0]
    '<span id="table-7-a"></span>'
    """
    letters = _letters()

    def named(match: re.Match) -> str:
        mark = next(letters)
        number = f'<span class="caption-number">Table {chapter}.{mark} </span>'
        return f'<span id="table-{chapter}-{mark}"></span>{match[1]}<caption>{number}{match[2]}</caption>'

    # What Sphinx has numbered has a class for its number in the caption.
    return _CAPTION.sub(lambda match: match[0] if "caption-number" in match[2] else named(match), page)


def _letters() -> Iterator[str]:
    for i in count():
        yield (chr(ord("a") + i // 26 - 1) if i >= 26 else "") + chr(ord("a") + i % 26)
