"""The pages under test."""

from pathlib import Path

from latentsep.book import chapters
from latentsep.runtime import paths


def pages() -> dict[str, Path]:
    """Every page that a reader comes to, by name."""
    listed = {name: paths.html() / "book" / f"{name}.html" for name in chapters.listed()}
    return {**listed, "start": paths.html() / "index.html", "search": paths.html() / "search.html"}
