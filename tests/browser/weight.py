"""How many bytes a page makes a reader load."""

import gzip
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from bs4 import BeautifulSoup

from latentsep.figures import interactive

_TEXT = (".html", ".css", ".js", ".svg", ".json")


@cache
def sent(path: Path) -> int:
    """The size of a file as a web server sends it: text is compressed. Of a page, interactive figures do not count."""
    content = path.read_bytes()
    if path.suffix == ".html":
        soup = BeautifulSoup(content, "html.parser")
        for figure in soup.select(".interactive"):
            figure.decompose()
        content = str(soup).encode()
    return len(gzip.compress(content, 6)) if path.suffix in _TEXT else len(content)


def without_explorers(loaded: Iterable[Path]) -> list[Path]:
    """The files that a page loads, scripts of interactive figures left out."""
    return [path for path in loaded if path.parent.name != interactive.PLACE]
