"""What claims about autoencoders rest on, and the registry of those that are measured by it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from latentsep.ledger import ledger
from latentsep.ledger.claims import Measured
from latentsep.measures.evidence import COUNTS, Valuation

CLAIMS: dict[str, Callable[[Any], Measured]] = {}
Difference = Callable[[int], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What is measured of each autoencoder ``alone``, and of what is ``drawn`` from it by each ``way``, one row each.

    Both are those of ``examination.table``, and may have more columns. ``substitute`` says that the data
    are not those that were ``wanted``.
    """

    wanted: ClassVar[str] = "MNIST"
    alone: pd.DataFrame
    drawn: pd.DataFrame
    substitute: bool = False

    def of(self, measure: str, kind: str, length: int, way: str | None = None) -> np.ndarray:
        """A measure of a kind with codes of a length, one value for each repetition."""
        table = self.alone if way is None else self.drawn[self.drawn.way == way]
        found = table[(table.kind == kind) & (table.length == length)]
        return found.sort_values("repetition")[measure].to_numpy()


@dataclass(frozen=True, kw_only=True)
class Evidence(Measures):
    """What chapter I has measured.

    ``wide`` has the columns ``kind``, ``width``, ``repetition``, ``learned`` and ``held_out``; ``principal`` has by
    length the error and the probe of as many principal components.
    """

    wide: pd.DataFrame
    principal: pd.DataFrame

    def excess(self, kind: str, length: int) -> np.ndarray:
        """By how much the error on held-out digits exceeds that on learned ones, as a part of it."""
        return self.of("held_out", kind, length) / self.of("learned", kind, length) - 1

    def of_width(self, measure: str, kind: str, width: int) -> np.ndarray:
        """The same for networks of a width, which learned few digits; ``excess`` is one of the measures."""
        found = self.wide[(self.wide.kind == kind) & (self.wide.width == width)].sort_values("repetition")
        return (found.held_out / found.learned - 1 if measure == "excess" else found[measure]).to_numpy()

    def by_length(self, difference: Difference) -> dict[int, np.ndarray]:
        """A difference for every length of code."""
        return {int(n): difference(n) for n in sorted(self.alone.length.unique())}

    def by_width(self, difference: Difference) -> dict[int, np.ndarray]:
        """A difference for every width."""
        return {int(w): difference(w) for w in sorted(self.wide.width.unique())}


@dataclass(frozen=True, kw_only=True)
class Variations(Measures):
    """What chapter II has measured of variational autoencoders, in which one choice after the other is changed.

    ``alone`` has the columns of ``posteriors.table``, too, ``valued`` those of ``evidence.table``. ``lost`` says what
    the evidence of two factors at the highest bound lacks of its maximum, by the guesses that are allowed, for several
    draws of data. ``mean_error`` is the squared error of the mean digit, ``most`` the share of the most frequent one.
    ``looked`` says with what the evidence was looked for.
    """

    valued: pd.DataFrame
    lost: Mapping[str, Sequence[float]]
    mean_error: float
    most: float
    looked: Valuation

    def value(self, measure: str, kind: str, length: int) -> np.ndarray:
        """A measure of the evidence under a kind with codes of a length, one value for each repetition."""
        found = self.valued[(self.valued.kind == kind) & (self.valued.length == length)]
        return found.sort_values("repetition")[measure].to_numpy()

    def highest(self, kind: str, length: int) -> np.ndarray:
        """The highest bound that was found, or the evidence by a grid where there is one."""
        ways = ("grid", f"best_{COUNTS[-1]}", f"weighted_{COUNTS[-1]}", "prior")
        by_way = np.stack([self.value(way, kind, length) for way in ways])
        return by_way[0] if np.isfinite(by_way[0]).all() else np.nanmax(by_way, 0)


def claim(item: str) -> Callable:
    """Register a function of what a chapter has measured as what measures a claim."""

    def register(measure: Callable[[Any], Measured]) -> Callable[[Any], Measured]:
        CLAIMS[item] = measure
        return measure

    return register


def counted(found: Measures, chapter: str) -> dict[str, int]:
    """How many ``claims`` of a chapter are measured, and how many are ``holding``, ``partly`` so, or ``failing``."""
    verdicts = [measure(found).verdict for item, measure in CLAIMS.items() if ledger.items()[item][0] == chapter]
    names = zip(("holding", "partly", "failing"), ledger.CLAIMED, strict=True)
    return {"claims": len(verdicts), **{name: verdicts.count(verdict) for name, verdict in names}}


def numbers(
    found: Evidence,
    says: str,
    cases: Iterable[tuple[str, Difference]],
    digits: int = 2,
    over: str = "numbers in the code",
) -> Measured:
    """A claim that is measured for every length of code, under conditions that each have a difference."""
    return Measured(says, over, {name: found.by_length(difference) for name, difference in cases}, digits)
