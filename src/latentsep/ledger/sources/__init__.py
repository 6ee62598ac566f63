"""The texts that the book accounts for: what each of them numbers and prints, and where it errs.

A source is a folder here, of its name, with ``items.toml`` and, if it has errors, ``errata.toml`` and ``slips.toml``;
``sentences.toml`` has those that compare values of its tables, ``claims.toml`` the words of what it claims.
The table [source] of the first has the ``title``, the ``order`` among the sources, and the ``prefix`` of all numbers:
"Fig. 5.1" is the thesis's, which has none; of a source with the prefix I the figures are I.1, I.2, and its chapter I.
"""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A kind of numbered item: what many are called, and how a reader may ask for one, by number."""

    plural: str
    asked: tuple[str, ...] = ()


KINDS = {
    "fig": Kind("figures", ("fig. {}", "figure {}")),
    "table": Kind("table values", ("table {}",)),
    "alg": Kind("algorithms", ("algorithm {}",)),
    "def": Kind("definitions", ("definition {}",)),
    "thm": Kind("theorems", ("theorem {}",)),
    "lem": Kind("lemmas", ("lemma {}",)),
    "cor": Kind("corollaries", ("corollary {}",)),
    "eq": Kind("equations", ("({})", "equation {}")),
    "claim": Kind("claims", ("claim {}",)),
    "text": Kind("passages"),
}


@dataclass(frozen=True)
class Source:
    """A text: its ``items``, identifier to chapter (a number, or letters) and title, its tables and its errors.

    Raises ``ValueError`` for an item of no kind, or whose number is not one of this source.
    """

    name: str
    title: str
    order: int
    prefix: str = ""
    items: dict[str, tuple[int | str, str]] = field(default_factory=dict, repr=False)
    tables: dict[str, dict] = field(default_factory=dict, repr=False)
    errata: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    slips: list[dict[str, Any]] = field(default_factory=list, repr=False)
    sentences: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    claims: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    def __post_init__(self):
        for item in self.items:
            kind, _, number = item.partition("-")
            if kind not in KINDS:
                raise ValueError(f"item is {item!r} in {self.name}; choose {'-…, '.join(KINDS)}-…")
            if self.prefix and not f"{number}.".startswith(f"{self.prefix}."):
                raise ValueError(f"item is {item!r} in {self.name}; choose a number that begins with {self.prefix}.")

    @classmethod
    def read(cls, folder: Path) -> "Source":
        """The source in a folder."""
        listed = tomllib.loads((folder / "items.toml").read_text())
        chapters = ((int(ch) if ch.isdigit() else ch, items) for ch, items in listed["items"].items())
        items = {item: (chapter, title) for chapter, found in chapters for item, title in found.items()}
        errata, slips, sentences, claims = (
            _read(folder / f"{name}.toml") for name in ("errata", "slips", "sentences", "claims")
        )
        found = {"items": items, "tables": listed.get("tables", {}), "errata": errata, "sentences": sentences}
        return cls(folder.name, **listed["source"], **found, claims=claims, slips=slips.get("slips", []))


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text()) if path.is_file() else {}


def read(folder: Path) -> dict[str, Source]:
    """All sources in a folder, by name, in their order. Raises ``ValueError`` for an item that two of them have."""
    found = sorted((Source.read(path.parent) for path in folder.glob("*/items.toml")), key=lambda source: source.order)
    owners: dict[str, Source] = {}
    for source in found:
        for item in source.items:
            if item in owners:
                raise ValueError(f"item is {item!r} in both {owners[item].name} and {source.name}; give one a prefix")
            owners[item] = source
    return {source.name: source for source in found}


@cache
def every() -> dict[str, Source]:
    """The sources of this book."""
    return read(Path(__file__).parent)


def of(item: str) -> Source | None:
    """The source that has an item, or a value of a table such as ``"table-5.1/x1/sx1/mse"``; ``None`` if none has."""
    return next((source for source in every().values() if item.partition("/")[0] in source.items), None)
