"""Whether autoencoders of pictures around a loop found the loop (thesis ch. 10)."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data.benchmarks import regular_phases
from latentsep.data.loops import Loops
from latentsep.measures import evaluation, topology
from latentsep.training.ensembles import Trained

ORDERLY = 0.99  # least circular rank correlation between latent angle and true phase of a recovered loop


def frames(trained: Trained) -> Tensor:
    """The pictures that each member sees, without noise, ``(members, frames, numbers)``."""
    return trained.run.loop(regular_phases(_frame_count(trained)))


def _frame_count(trained: Trained) -> int:
    """How many pictures are around a loop. Raises ``ValueError`` for other data."""
    if not isinstance(trained.run.data, Loops):
        raise ValueError(f"data is {trained.run.data}; choose Loops")
    return trained.run.data.frames


def angles(trained: Trained) -> np.ndarray:
    """The latent angle of every frame in radians, ``(members, frames)``; in the plane, as seen from the centroid."""
    codes = evaluation.latents(trained, frames(trained))
    return codes[..., 0].numpy() if codes.shape[-1] == 1 else topology.plane_angles(codes)


def table(trained: Trained, samples: int = 20, seed: int = 0) -> pd.DataFrame:
    """What became of the loop, one row per member: topology, order and measures.

    Columns of ``topology.degrees`` on a walk of 16 steps from frame to frame, ``order`` (the circular
    rank correlation of latent angle and true phase), ``recovered`` (untorn, degree ±1, order above
    ``ORDERLY``), and those of ``evaluation.measure``.
    """
    found = topology.degrees(trained, _frame_count(trained), 16)
    found["order"] = topology.circular_rank_correlation(angles(trained))
    found["recovered"] = ~found.torn & (found.degree.abs() == 1) & (found.order > ORDERLY)
    measured = evaluation.measure(trained, frames(trained), samples, seed)
    return found.join(measured[[*evaluation.QUANTITIES, "error"]])


def notes(found: pd.DataFrame) -> list[str]:
    """A few words for the panel of every member of a ``table``: degree, largest step (radians), MSE, −ELBO (nats)."""
    said = []
    for degree, step, mse, neg_elbo in found[["degree", "largest_step", "mse", "neg_elbo"]].to_numpy():
        turns = "none" if np.isnan(degree) else f"{degree:+.0f}".replace("+0", "0")
        first = f"degree {turns}, step {step:.2f}"
        second = f"MSE {mse:.3g}, −ELBO {neg_elbo:,.0f}"
        said.append(f"{first}\n{second}".replace("-", "−"))
    return said


def neighbours_kept(trained: Trained) -> np.ndarray:
    """The share of frames whose nearest other code is that of a frame next to it in the loop, for every member."""
    codes = evaluation.latents(trained, frames(trained)).double()
    count = codes.shape[-2]
    distances = torch.cdist(codes, codes) + torch.diag(torch.full((count,), torch.inf))
    apart = (distances.argmin(-1) - torch.arange(count)).remainder(count)
    return ((apart == 1) | (apart == count - 1)).double().mean(-1).numpy()


def memorised(dimension: int, sigma_x: float, count: int) -> float:
    """The least mean −log p(x), in nats, over ``count`` pictures that lie many σ_X apart, for any model at all.

    The best mixture of normal distributions has one at each picture, with equal weights: log ``count`` plus
    D/2 log(2πσ_X²). Which picture is next to which does not enter.
    """
    return float(np.log(count) + dimension / 2 * np.log(2 * np.pi * sigma_x**2))
