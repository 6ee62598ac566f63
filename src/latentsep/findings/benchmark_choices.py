"""Chapter 5, what the thesis leaves unsaid: what the activation, the pace and the batch do to Table 5.1.

Rows of the tables that are summed up here are variants, columns are cells (σ, σ_X), as ``evaluation.compare`` makes
them, in which "thesis" is the print.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from latentsep.findings.benchmark import TABLE, WORST
from latentsep.ledger import ledger
from latentsep.ledger.numerals import numeral, series

SIGMA, SIGMA_X = 1.0, 0.01  # of the noisiest cell, the one that depends on everything
LINEAR = "linear code"  # the row of a linear code among those of batch sizes


@dataclass(frozen=True)
class Activations:
    """By how much activations move −ELBO (nats) where noise is little, and what they do to MSE and loops."""

    activation_spread: float
    thesis_mse: float
    mse_by_activation: str
    rough_by_activation: str
    smallest_mse: float


@dataclass(frozen=True)
class Paces:
    """By how much the pace moves −ELBO where noise is little, and repetitions do; −ELBO of the noisiest cell (nats)."""

    pace_gap: float
    pace_std: float
    pace_noisy: str
    pace_noisy_slow: str


@dataclass(frozen=True)
class Batches:
    """−ELBO of the noisiest cell (nats) by the size of batches, from the ``least`` to the ``most``.

    ``seen_`` and ``fresh_`` are less that of a linear code; ``share`` is in percent, ``draw`` the standard error that
    the draw of datapoints makes.
    """

    least: int
    most: int
    vis_by_batch: str
    sizes: str
    thesis_noisy: float
    thesis_noisy_std: float
    linear_seen: float
    seen_least: str
    seen_most: str
    fresh_least: str
    fresh_most: str
    within: str
    share: float
    draw: float


def activations(
    comparison: dict[str, pd.DataFrame], variants: dict[str, pd.DataFrame], rough: dict[str, np.ndarray]
) -> Activations:
    """Sum up a ``comparison`` of ``variants``, by activation what was measured, and how ``rough`` loops are.

    ``rough`` has the longest step in units of the median one for each row of the variant.
    """
    elbo, mse = comparison["neg_elbo"], comparison["mse"]
    among = elbo.drop("thesis")[_quiet(elbo)]
    cell, noisy = (0.1, 1.0), (1.0, 1.0)
    sharp = {name: (m.dataset.eq(1.0) & m.sigma_x.lt(1.0)).to_numpy() for name, m in variants.items()}
    return Activations(
        activation_spread=(among.max() - among.min()).max(),
        thesis_mse=mse[cell]["thesis"],
        mse_by_activation=", ".join(f"{name} {value:.3f}" for name, value in mse.drop("thesis")[cell].items()),
        rough_by_activation=", ".join(f"{name} {rough[name][sharp[name]].max():.1f}" for name in variants),
        smallest_mse=(mse.drop("thesis")[noisy] / mse[noisy]["thesis"]).min(),
    )


def paces(compared: pd.DataFrame, measured: pd.DataFrame) -> Paces:
    """Sum up −ELBO of this run and of one at the printed pace, the first two rows of ``compared``.

    ``measured`` has all repetitions of this run.
    """
    fast, slow, _ = compared.to_numpy()
    quiet = [cell in _quiet(compared) for cell in _cells(compared)]
    repeated = measured[measured.dataset < 1].groupby(["dataset", "sigma_x"]).neg_elbo.std().fillna(0.0)
    worst = _cells(compared).index((SIGMA, SIGMA_X))
    return Paces(
        pace_gap=abs((fast - slow)[quiet]).max(),
        pace_std=repeated.max(),
        pace_noisy=numeral(fast[worst], 0),
        pace_noisy_slow=numeral(slow[worst], 0),
    )


def batches(found: pd.DataFrame, plane: Tensor, seen: Tensor, fresh: Tensor) -> Batches:
    """Sum up −ELBO on X_Vis and on datapoints ``seen`` and ``fresh`` ``(batch, D)`` by batch size, smallest first.

    The last row is that of a linear code of a ``plane`` ``(2, D)``, orthonormal rows.
    """
    sizes, linear = found.drop(LINEAR), found.loc[LINEAR]
    least, most = sizes.index[0], sizes.index[-1]
    printed = ledger.cells(TABLE)[WORST]["neg_elbo"]
    excess = sizes - linear
    signed = excess.map(lambda value: numeral(value, 0, "+"))
    close = [str(s) for s, v in sizes["X_Vis"].items() if abs(v - printed.mean) <= 3 * printed.std]
    # All of a datapoint outside of the plane is error of a linear code.
    errors = [v.sub(v @ plane.T @ plane).square().sum(-1).div(2 * SIGMA_X**2) for v in (seen, fresh)]
    return Batches(
        least=int(least),
        most=int(most),
        vis_by_batch=series(sizes["X_Vis"], 0),
        sizes=", ".join(str(s) for s in sizes.index),
        thesis_noisy=printed.mean,
        thesis_noisy_std=printed.std,
        linear_seen=found["seen"][LINEAR],
        seen_least=signed.loc[least, "seen"],
        seen_most=signed.loc[most, "seen"],
        fresh_least=signed.loc[least, "fresh"],
        fresh_most=signed.loc[most, "fresh"],
        within=", ".join(close) or "none",
        share=100 * excess.loc[most, "fresh"] / excess.loc[most, "seen"],
        draw=max(float(e.std()) for e in errors) / len(seen) ** 0.5,
    )


def _quiet(table: pd.DataFrame) -> list[tuple[float, float]]:
    """The cells whose data have little noise."""
    return [cell for cell in _cells(table) if cell[0] < 1]


def _cells(table: pd.DataFrame) -> list[Any]:
    """The columns of a table, (σ, σ_X), which pandas takes for words."""
    return list(table.columns)
