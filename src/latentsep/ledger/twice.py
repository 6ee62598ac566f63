"""Tables that print one quantity twice: the squared error itself, and inside of the reconstruction error.

2σ_X²(reconstruction − D/2 log 2πσ_X²) is the mean squared error of decoded *samples* (4.10). It exceeds that of the
decoded means, which the column MSE has, by what the samples scatter. At the least −ELBO that scatter is at most
d·σ_X² for d latent dimensions: widening a posterior must cost as much reconstruction as it saves divergence, at most
one half of a nat for each dimension.
"""

import math
from dataclasses import dataclass

from latentsep.ledger import printed as prints
from latentsep.ledger.printed import Printed

_SHIFTS = (-2, -1, 1, 2)
# The largest deviation of five numbers in an interval, relative to its length: two at one end, three at the other.
_WIDEST = math.sqrt(6 / 25 * 5 / 4)


@dataclass(frozen=True)
class Twice:
    """A cell's squared error as printed, ``first``, and ``second``, that of its reconstruction error; ``scatter`` is
    the most by which the second may exceed the first."""

    first: Printed
    second: Printed
    scatter: float

    @property
    def gap(self) -> float:
        """By how much the two means contradict each other, beyond three combined deviations; 0 if they agree."""
        spread = 3 * math.hypot(self.first.std, self.second.std, self.first.rounding, self.second.rounding)
        above, below = self.first.mean - self.second.mean, self.second.mean - self.scatter - self.first.mean
        return max(0.0, above - spread, below - spread)

    @property
    def excess(self) -> float:
        """By how much the printed deviation is larger than the second one, and any scatter, can make it."""
        most = self.second.std + self.second.rounding + _WIDEST * self.scatter
        return max(0.0, self.first.std - self.first.rounding - most)

    @property
    def contradicts(self) -> bool:
        """Whether the row cannot hold, by its means or by its deviations."""
        return self.gap > 0 or self.excess > 0

    def moved(self, power: int) -> "Twice":
        """The same with the printed exponent moved."""
        scaled = (float(f"{v * 10.0**power:.12g}") for v in (self.first.mean, self.first.std, self.first.rounding))
        return Twice(Printed(*scaled), self.second, self.scatter)

    @property
    def exponent(self) -> int:
        """By how much to move the printed exponent: 0 if nothing contradicts it, else so that the row holds and the
        two deviations differ by the least factor. Raises ``ValueError`` if no exponent helps."""
        if not self.contradicts:
            return 0
        possible = [power for power in _SHIFTS if not self.moved(power).contradicts]
        if not possible:
            raise ValueError(f"no exponent makes {self.first} agree with {self.second}")
        return min(possible, key=lambda p: abs(math.log(self.moved(p).first.std / self.second.std)))


def cells(table: str, corrected: bool = False) -> dict[str, Twice]:
    """Both computations for every cell of a table that has an MSE and a reconstruction error."""
    found = {}
    for cell, printed in prints.cells(table, corrected).items():
        value, variance = printed["reconstruction"], _variance(cell)
        error = Printed(value.mean - constant(table, cell), value.std, value.rounding)
        second = Printed(2 * variance * error.mean, 2 * variance * error.std, 2 * variance * error.rounding)
        found[cell] = Twice(printed["mse"], second, prints.tables()[table]["latent"] * variance)
    return found


def constant(table: str, cell: str) -> float:
    """D/2 log 2πσ_X² in nats: the reconstruction error of a cell if nothing were missed."""
    return prints.tables()[table]["dimension"] / 2 * math.log(2 * math.pi * _variance(cell))


def _variance(cell: str) -> float:
    return float(cell.rpartition("/sx")[2]) ** 2
