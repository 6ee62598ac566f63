"""Tables 5.1 and 7.1 held against themselves: the squared error as printed, and that of the reconstruction error."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from latentsep.ledger import reports, twice
from latentsep.ledger.printed import Printed
from latentsep.ledger.twice import Twice


def rows(table: str) -> pd.DataFrame:
    """Both computations for every row of a table, by how much they differ, and which exponent that asks for; text."""
    found = {}
    for cell, row in twice.cells(table).items():
        dataset, sigma_x = cell[1:].split("/sx")
        found[f"X<sub>{dataset}</sub>", sigma_x] = {
            "MSE": _shown(row.first),
            "from the reconstruction error": _shown(row.second),
            "difference (σ<sub>X</sub>²)": reports.numeral(scatter(row, float(sigma_x)), 2),
            "verdict": f"contradicts itself; exponent {reports.numeral(row.exponent, 0, '+')}"
            if row.contradicts
            else "",
        }
    return pd.DataFrame(found).T.rename_axis(["data", "σ<sub>X</sub>"])


def scatter(row: Twice, sigma_x: float) -> float:
    """What decoded samples scatter around the decoded mean, by the print, in units of σ_X²."""
    return (row.second.mean - row.first.mean) / sigma_x**2


def _shown(value: Printed) -> str:
    return reports.number({"mean": value.mean, "std": value.std})


@dataclass(frozen=True)
class Summary:
    """What the two computations say: rows that contradict themselves, and by which factors; and the scatter of others.

    ``means`` and ``stds`` are factors, second over first, of rows that contradict themselves; ``least`` and ``most``
    the scatter of all others in units of σ_X², as far as rounding leaves a quarter of that to be seen.
    """

    twice_rows: int
    twice_wrong: int
    twice_means: str
    twice_stds: str
    twice_least: float
    twice_most: float


def summary(table: str) -> Summary:
    """Sum up a table. Raises ``ValueError`` if no row, or every row, contradicts itself."""
    found = twice.cells(table)
    wrong = [row for row in found.values() if row.contradicts]
    sound = [(row, float(cell.rpartition("/sx")[2])) for cell, row in found.items() if not row.contradicts]
    spread = [scatter(row, s) for row, s in sound if math.hypot(row.first.rounding, row.second.rounding) < s**2 / 4]
    return Summary(
        twice_rows=len(found),
        twice_wrong=len(wrong),
        twice_means=_factors(row.second.mean / row.first.mean for row in wrong),
        twice_stds=_factors(row.second.std / row.first.std for row in wrong),
        twice_least=min(spread),
        twice_most=max(spread),
    )


def _factors(values: Iterable[float]) -> str:
    return " and ".join(reports.numeral(value, 2 if value < 1 else 1) for value in values)
