"""What claims about autoencoders rest on, and the registry of those that are measured by it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentsep.ledger.claims import Measured

CLAIMS: dict[str, Callable[["Evidence"], Measured]] = {}
Difference = Callable[[int], np.ndarray]


@dataclass(frozen=True)
class Evidence:
    """What chapter I has measured: of each autoencoder, of what is drawn from it by each ``way``, and by its width.

    ``alone`` and ``drawn`` are those of ``examination.table``; ``wide`` has the columns ``kind``, ``width``,
    ``repetition``, ``learned`` and ``held_out``. ``principal`` has by length the error and the probe of as many
    principal components. ``substitute`` says that the digits are not MNIST's.
    """

    alone: pd.DataFrame
    drawn: pd.DataFrame
    wide: pd.DataFrame
    principal: pd.DataFrame
    substitute: bool = False

    def of(self, measure: str, kind: str, length: int, way: str | None = None) -> np.ndarray:
        """A measure of a kind with codes of a length, one value for each repetition."""
        table = self.alone if way is None else self.drawn[self.drawn.way == way]
        found = table[(table.kind == kind) & (table.length == length)]
        return found.sort_values("repetition")[measure].to_numpy()

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


def claim(item: str) -> Callable:
    """Register a function of the ``Evidence`` as what measures a claim."""

    def register(measure: Callable[[Evidence], Measured]) -> Callable[[Evidence], Measured]:
        CLAIMS[item] = measure
        return measure

    return register


def numbers(
    found: Evidence,
    says: str,
    cases: Iterable[tuple[str, Difference]],
    digits: int = 2,
    over: str = "numbers in the code",
) -> Measured:
    """A claim that is measured for every length of code, under conditions that each have a difference."""
    return Measured(says, over, {name: found.by_length(difference) for name, difference in cases}, digits)
