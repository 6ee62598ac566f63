"""What chapter 13 finds of loops that look nearly the same from both sides."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from latentsep.measures import circle_bound, topology
from latentsep.theory import two_modes
from latentsep.training.ensembles import train
from latentsep.training.runs import Run


def measured(run: Run) -> pd.DataFrame:
    """Of every member of ``further.octaves``: ``distance`` of the sides in units of σ_X, ``degree`` of the encoder.

    ``above`` is what its −ELBO by quadrature is above the floor, and ``sides`` and ``merged`` what theory has for a
    code that tells the sides apart, or not, all in nats.
    """
    rows = []
    for member in run.members:
        distance = round(math.sqrt(2 * run.data.dimension) * member.dataset / member.sigma_x, 6)
        rows.append({"distance": distance, **two_modes.free(distance, member.sigma_x, run.data.dimension)})
    table = pd.DataFrame(rows).assign(degree=topology.degrees(train(run)).degree)
    return table.assign(above=circle_bound.bounds(run) - table.floor)


@dataclass(frozen=True)
class WhatSidesDo:
    """How often trained circles take the ``cheaper`` way, where they change it, and where a free decoder loses most.

    Distances are in units of σ_X, losses in nats; ``sides_off`` is the most that a trained circle is from the loss of
    the way that it takes.
    """

    twice_up_to: float
    once_from: float
    cheaper: int
    side_members: int
    sides_off: float
    worst_at: float
    worst_loss: float


def what_sides_do(found: pd.DataFrame) -> WhatSidesDo:
    """From ``measured``."""
    turns = found.degree.abs()
    expected = np.where(found.sides < found.merged, 1, 2)
    theirs = np.where(turns == 1, found.sides, found.merged)
    worst = float(brentq(lambda d: (two_modes.free(d)["sides"] - two_modes.free(d)["merged"]), 1.5, 3.5, xtol=1e-3))
    return WhatSidesDo(
        twice_up_to=float(found.distance[turns == 2].max()),
        once_from=float(found.distance[turns == 1].min()),
        cheaper=int((turns == expected).sum()),
        side_members=len(found),
        sides_off=float((found.above - theirs)[turns.isin([1, 2])].abs().max()),
        worst_at=worst,
        worst_loss=two_modes.free(worst)["sides"],
    )
