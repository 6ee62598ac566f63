"""Errors of the thesis: what is printed, what is meant, what follows, and how far off either is."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from latentsep import ledger

KINDS = {
    "typographical": "a slip of the pen: the text around it, or its use, has the right form",
    "mathematical": "a statement that is false as printed",
    "experimental": "a figure that shows something else than is said of it",
}


@dataclass(frozen=True)
class Erratum:
    """An error in a numbered ``item``: its kind, what is printed and meant, and the consequence; texts are MyST.

    Raises ``ValueError`` for an item or a kind that is not listed.
    """

    item: str
    kind: str
    printed: str
    meant: str
    consequence: str

    def __post_init__(self):
        if self.item not in ledger.items():
            raise ValueError(f"item is {self.item!r}, which thesis.toml does not list")
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; choose {' | '.join(KINDS)}")


@cache
def errata() -> tuple[Erratum, ...]:
    """All errors that are listed in ``errata.toml``, in the thesis's order."""
    listed = tomllib.loads((resources.files("latentsep") / "errata.toml").read_text())
    order = list(ledger.items())
    return tuple(Erratum(item, **texts) for item, texts in sorted(listed.items(), key=lambda e: order.index(e[0])))


def unlisted(entries: Sequence[dict]) -> set[str]:
    """Items that only one of the two has for wrong: the list of errors, or the verdicts of ledger entries."""
    wrong = {e["id"] for e in entries if "measured" in e and e["verdict"] == "thesis-invalid"}
    return wrong ^ {erratum.item for erratum in errata()}
