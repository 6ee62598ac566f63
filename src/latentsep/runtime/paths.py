"""Where things are in a checkout of the book."""

from pathlib import Path


class UsageError(ValueError):
    """Something the user asked for does not exist or is out of range; nothing was done."""


def root() -> Path:
    """The checkout: where ``_toc.yml`` and ``book/`` are. Raises ``UsageError`` outside of one."""
    here = Path(__file__).resolve().parents[3]
    for folder in (here, Path.cwd(), *Path.cwd().parents):
        if (folder / "_toc.yml").exists() and (folder / "book").is_dir():
            return folder
    raise UsageError("no book here: run this inside a checkout of latentsep")


def build() -> Path:
    """Everything generated; never tracked."""
    return root() / "_build"


def executed() -> Path:
    """The tree that Jupyter Book renders: executed notebooks, plain pages, static files."""
    return build() / "executed"


def ledger() -> Path:
    """The reproduction ledger."""
    return build() / "reproduction.json"


def read_records() -> Path:
    """The list of the records that chapters have read."""
    return build() / "records.json"


def html() -> Path:
    """The published pages."""
    return build() / "html"
