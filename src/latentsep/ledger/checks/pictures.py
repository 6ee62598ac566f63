"""Checks of chapter 10: pictures around a loop, and what autoencoders make of them."""

import numpy as np
import pandas as pd

from latentsep.data import images
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check
from latentsep.measures import recovery
from latentsep.training.ensembles import Trained

CURVE = 0.9  # share of codes next to a neighbour's, from which on codes count as a curve along the loop


@statement("eq-10.1")
def shifted() -> Check:
    """The printed index shifts by s + 1, which renames the pictures; the set is that of all circular shifts."""
    picture = images.grey()
    width = picture.shape[1]
    numbers = np.arange(1, width + 1)
    printed = np.stack([picture[:, (numbers + s) % width] for s in numbers])
    distances = np.abs(printed[:, None] - images.shifts(picture)).max((-2, -1))
    return Check(
        "largest distance of a printed picture from the nearest circular shift, and the other way round",
        float(max(distances.min(0).max(), distances.min(1).max())),
        0,
    )


def closes(pictures: np.ndarray) -> Check:
    """Figs 1.1, 10.1 and 10.5: do pictures ``(frames, H, W)`` form a loop, without a seam at its end?"""
    rows = np.asarray(pictures, np.float64).reshape(len(pictures), -1)
    steps = np.linalg.norm(rows - np.roll(rows, -1, 0), axis=1)
    return Check(
        "step from the last picture to the first, relative to the longest other", steps[-1] / steps[:-1].max(), 1
    )


def curves(trained: Trained) -> Check:
    """Figs 10.2 and 10.6: for σ_X below 1, are codes in the plane a curve along the loop?"""
    sharp = np.array([m.sigma_x < 1 for m in trained.run.members])
    broken = sharp & (recovery.neighbours_kept(trained) < CURVE)
    return Check(
        f"members of {sharp.sum()} with σ_X below 1 in which fewer than {CURVE:.0%} of the codes lie nearest to that of"
        " a neighbour; how often the curve turns is not judged",
        int(broken.sum()),
        0,
    )


def loops(published: pd.DataFrame, corrected: pd.DataFrame) -> Check:
    """Figs 10.3 and 10.7, from ``recovery.table``: is the circle gone around once, untorn, in order?"""
    lost = [int((~found.recovered).sum()) for found in (published, corrected)]
    return Check(f"members of {len(published)} that do not go around once, untorn and in order", lost[0], 0, lost[1])
