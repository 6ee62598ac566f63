"""What these tests need, a book and a browser, and which of them is missing."""

import os

from latentsep.book import chapters
from latentsep.book.printing import BROWSERS, browser
from latentsep.runtime import paths


def missing() -> str | None:
    """Why there is nothing to be tested, in a line; None if there is."""
    lacking = [name for name in chapters.listed() if not (paths.html() / "book" / f"{name}.html").exists()]
    if lacking or not paths.ledger().exists():
        return "no built book in _build/html (make book)" if len(lacking) != 1 else f"the book lacks {lacking[0]}"
    if browser() is None:
        named = os.environ.get("LATENTSEP_BROWSER")
        where = f"LATENTSEP_BROWSER is {named}" if named else f"none of {', '.join(BROWSERS)} is on the PATH"
        return f"no browser ({where})"
    return None
