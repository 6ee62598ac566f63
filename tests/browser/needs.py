"""What these tests need, a book and a browser, and which of them is missing."""

import os
import shutil

from latentsep.book import chapters
from latentsep.runtime import paths

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    """The Chromium to be driven: the one of ``LATENTSEP_BROWSER``, else the first of its usual names."""
    named = os.environ.get("LATENTSEP_BROWSER")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, _NAMES)), None)


def missing() -> str | None:
    """Why there is nothing to be tested, in a line; None if there is."""
    lacking = [name for name in chapters.listed() if not (paths.html() / "book" / f"{name}.html").exists()]
    if lacking or not paths.ledger().exists():
        return "no built book in _build/html (make book)" if len(lacking) != 1 else f"the book lacks {lacking[0]}"
    if browser() is None:
        named = os.environ.get("LATENTSEP_BROWSER")
        where = f"LATENTSEP_BROWSER is {named}" if named else f"none of {', '.join(_NAMES)} is on the PATH"
        return f"no browser ({where})"
    return None
