"""Checks of what is said about the printed tables, held against the printed tables alone."""

import itertools
import math

from latentsep.ledger import ledger
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check, Printed


def apart(a: Printed, b: Printed) -> float:
    """The distance of two printed values in combined standard deviations, half a last digit of each included."""
    return abs(a.mean - b.mean) / math.hypot(a.std, b.std, a.rounding, b.rounding)


@statement("text-5.5a")
def equal_rows() -> Check:
    """Two rows of Table 5.1, without the one pair that the sentence after it excepts."""
    printed = ledger.cells("table-5.1")
    distances = {
        (width, q): apart(printed[f"x0.01/{width}"][q], printed[f"x0.1/{width}"][q])
        for width, q in itertools.product(("sx0.01", "sx0.1", "sx1"), printed["x0.1/sx1"])
        if (width, q) != ("sx0.01", "mse")
    }
    others = max(d for (width, _), d in distances.items() if width != "sx0.01")
    return Check(
        "largest distance of the printed rows, in combined deviations; without σ_X = 0.01",
        max(distances.values()),
        3,
        others,
    )


@statement("text-5.5b")
def deviation_of_a_sum() -> Check:
    """−ELBO is a sum. Whatever the repetitions, its deviation is at least the difference of those of its parts."""

    def excess(total: Printed, kl: Printed, reconstruction: Printed) -> float:
        slack = total.rounding + kl.rounding + reconstruction.rounding
        least, most = abs(kl.std - reconstruction.std), kl.std + reconstruction.std
        return max(0.0, least - total.std - slack, total.std - most - slack)

    off = {
        (table, cell): excess(values["neg_elbo"], values["kl"], values["reconstruction"])
        for table in ("table-5.1", "table-7.1")
        for cell, values in ledger.cells(table).items()
    }
    odd = max(off, key=lambda name: off[name])
    cell = ledger.cells(odd[0])[odd[1]]
    # The deviation of −ELBO in place of that of the reconstruction error.
    off_by_meant = excess(cell["neg_elbo"], cell["kl"], cell["neg_elbo"])
    return Check(
        "deviation in nats that no repetitions can have, rounding allowed for;"
        f" with {cell['neg_elbo'].std:g}, and in the {len(off) - 1} other rows",
        off[odd],
        1e-9,
        max(off_by_meant, *(v for name, v in off.items() if name != odd)),
    )


@statement("text-7.4")
def errors_by_noise() -> Check:
    printed = ledger.cells("table-7.1")
    errors = {w: [printed[f"x{s}/sx{w}"]["mse"].mean for s in ("0.01", "0.1", "1")] for w in ("0.01", "0.1", "1")}
    falls = {width: int(sorted(e) != e) for width, e in errors.items()}
    return Check(
        "values of σ_X in whose column of the print the MSE does not rise with the noise; without σ_X = 1",
        sum(falls.values()),
        0,
        falls["0.01"] + falls["0.1"],
    )


@statement("text-9.4")
def similar_tolerances() -> Check:
    printed = {cell: values["tolerance"] for cell, values in ledger.cells("table-9.2").items()}
    others = [v for cell, v in printed.items() if not cell.startswith("R²")]
    return Check(
        "largest distance of the four tolerances from S¹ and Φ, in combined deviations; of the two between them",
        max(apart(a, b) for a, b in itertools.combinations(others, 2)),
        3,
        apart(printed["S¹/Φ"], printed["Φ/S¹"]),
    )
