"""Chapter 5: how often codes turn around the ring, and how Table 5.1 compares with the print."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import Tensor

from latentsep.ledger import checks, ledger
from latentsep.ledger.numerals import numeral
from latentsep.measures import evaluation, topology
from latentsep.training.ensembles import Trained

TABLE = "table-5.1"
NOISY, WORST = "x1/sx1", "x1/sx0.01"  # cells of which the chapter says more than the rule does
ODD = "x0.1/sx1"  # whose printed deviation of −ELBO cannot be right


@dataclass(frozen=True)
class Turns:
    """How many members turn once around, how many of them backwards, and the largest step in radians."""

    loops: int
    members: int
    clockwise: int
    largest_step: float


@dataclass(frozen=True)
class NineCells:
    """Table 5.1 against the print and its evidence floor, in nats but for the MSE, which is given in ratios.

    ``bounds`` counts the values of −ELBO in the two rows with little noise, and ``off_`` is the mean distance of
    their printed reconstruction errors from ours, with the ½ of (5.9) and without. ``rows_apart`` is in combined
    deviations, with ``one`` at σ_X = 1 and its misprint put right; ``odd_`` are printed deviations that do not go
    together.
    """

    bounds: int
    bounds_reached: int
    bounds_better: int
    rows_apart: float
    rows_apart_one: float
    odd_kl: str
    odd_reconstruction: str
    odd_bound: str
    below_floor: int
    nearest: float
    off_with: float
    off_without: float
    mse_noisy: float
    mse_noisy_inverse: float
    mse_drop_ours: float
    mse_low: float
    mse_high: float
    noisy_gain: float
    kl_with_norm: str
    kl_thesis: float


def turns(codes: Tensor) -> Turns:
    """Count the turns of closed curves of codes ``(members, n, 2)`` around their centroids."""
    turned, steps = topology.winding(topology.plane_angles(codes))
    return Turns(int((abs(turned) == 1).sum()), len(turned), int((turned < 0).sum()), float(steps.max()))


def nine_cells(trained: Trained, x: Tensor, measured: pd.DataFrame, entries: Sequence[dict]) -> NineCells:
    """Sum up Table 5.1: ``measured`` is what was measured of its ensemble on X_Vis ``(batch, D)``, ``entries`` its own.

    ``entries`` are those of ``ledger.table``, with their verdicts and floors.
    """
    dimension = trained.run.data.dimension
    ours, theirs, put_right = evaluation.by_cell(measured), ledger.cells(TABLE), ledger.cells(TABLE, corrected=True)
    bounds = [e for e in entries if not e["id"].startswith(f"{TABLE}/x1/") and e["id"].endswith("neg_elbo")]
    verdicts = ledger.tally(bounds)
    gaps = [e["ours"]["mean"] - e["floor"] for e in entries if e["floor"] is not None]
    odd = {quantity: f"{value.std:g}" for quantity, value in theirs[ODD].items()}
    halved = evaluation.by_cell(measured.assign(reconstruction=evaluation.without_half(measured, dimension)))
    low = [cell for cell in theirs if not cell.startswith("x1/")]
    ratio = {c: ours[c, "mse"][0] / theirs[c]["mse"].mean for c in theirs}
    return NineCells(
        bounds=len(bounds),
        bounds_reached=verdicts["reproduced"] + verdicts["better"],
        bounds_better=verdicts["better"],
        rows_apart=checks.tables.equal_rows().printed,
        rows_apart_one=checks.tables.apart(*(put_right[cell]["reconstruction"] for cell in ("x0.01/sx1", ODD))),
        odd_kl=odd["kl"],
        odd_reconstruction=odd["reconstruction"],
        odd_bound=odd["neg_elbo"],
        below_floor=sum(e["ours"]["mean"] < e["floor"] for e in entries if e["floor"] is not None),
        nearest=min(gaps),
        off_with=_off(ours, low),
        off_without=_off(halved, low),
        mse_noisy=ratio[NOISY],
        # The same digits with the exponent −2 are ten times the printed value.
        mse_noisy_inverse=10 * theirs[NOISY]["mse"].mean / ours[NOISY, "mse"][0],
        mse_drop_ours=ours[ODD, "mse"][0] / ours[NOISY, "mse"][0],
        mse_low=min(ratio[c] for c in low),
        mse_high=max(ratio[c] for c in low),
        noisy_gain=theirs[WORST]["neg_elbo"].mean - ours[WORST, "neg_elbo"][0],
        kl_with_norm=numeral(_kl_with_norm(trained, x).mean(), 2),
        kl_thesis=theirs["x0.1/sx0.01"]["kl"].mean,
    )


def _off(ours: dict[tuple[str, str], tuple[float, float, int]], cells: Sequence[str]) -> float:
    """The mean distance of reconstruction errors from the printed ones over some cells, in nats."""
    printed = {c: ledger.cells(TABLE)[c]["reconstruction"].mean for c in cells}
    return sum(abs(ours[c, "reconstruction"][0] - printed[c]) for c in cells) / len(cells)


def _kl_with_norm(trained: Trained, x: Tensor) -> np.ndarray:
    """The KL regularisation that (5.10) would give as printed, for the repetitions with σ = 0.1, σ_X = 0.01."""
    chosen = [m.dataset == 0.1 and m.sigma_x == 0.01 for m in trained.run.members]
    return evaluation.kl_with_norm(trained, x)[np.array(chosen)]
