"""What chapter 13 finds of loops that look nearly the same from both sides."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from latentsep.measures import circle_bound, topology
from latentsep.theory import two_modes
from latentsep.training.ensembles import train
from latentsep.training.runs import Run


def measured(run: Run) -> pd.DataFrame:
    """Of every member of ``further.octaves``: ``distance`` of the sides in units of σ_X, ``degree`` of the encoder.

    ``at_start`` is the degree of the same encoder before its first update, ``larger`` that of the larger of the two
    parts of the data, 0 where they are equal.
    ``above`` is what its −ELBO by quadrature is above the floor, and ``sides`` and ``merged`` what theory has for a
    code that tells the sides apart, or not, all in nats.
    """
    rows = []
    for member in run.members:
        distance = round(math.sqrt(2 * run.data.dimension) * member.dataset / member.sigma_x, 6)
        larger = 0 if math.isclose(member.dataset**2, 0.5) else 2 if member.dataset**2 < 0.5 else 1
        rows.append(
            {"distance": distance, "larger": larger, **two_modes.free(distance, member.sigma_x, run.data.dimension)}
        )
    start = train(replace(run, updates=0, cooled=0))
    table = pd.DataFrame(rows).assign(
        degree=topology.degrees(train(run)).degree, at_start=topology.degrees(start).degree
    )
    return table.assign(above=circle_bound.bounds(run) - table.floor)


@dataclass(frozen=True)
class WhatSidesDo:
    """How often trained circles take the ``dearer`` way, that of their start, or that of the larger part of their data.

    The last is counted among ``with_larger``; of those without, which are ``equal``, some go around once.
    ``sides_off`` is the most that one with a larger part is from the loss of the way that it takes, in nats;
    ``most_lost`` is the most that any loses, ``most_equal`` the most that an equal one does. A free decoder that takes
    the cheaper way loses most at ``worst_at``, in units of σ_X.
    """

    as_larger: int
    with_larger: int
    equal: int
    equal_once: int
    most_equal: float
    as_at_start: int
    dearer: int
    side_members: int
    sides_off: float
    most_lost: float
    worst_at: float
    worst_loss: float


def what_sides_do(found: pd.DataFrame) -> WhatSidesDo:
    """From ``measured``."""
    turns, larger = found.degree.abs(), found.larger > 0
    expected = np.where(found.sides < found.merged, 1, 2)
    theirs = np.where(turns == 1, found.sides, found.merged)
    worst = float(brentq(lambda d: two_modes.free(d)["sides"] - two_modes.free(d)["merged"], 1.5, 3.5, xtol=1e-3))
    return WhatSidesDo(
        as_larger=int((turns == found.larger)[larger].sum()),
        with_larger=int(larger.sum()),
        equal=int((~larger).sum()),
        equal_once=int((turns == 1)[~larger].sum()),
        most_equal=float(found.above[~larger].max()),
        dearer=int((turns != expected).sum()),
        as_at_start=int((found.at_start.abs() == turns).sum()),
        side_members=len(found),
        sides_off=float((found.above - theirs)[turns.isin([1, 2]) & larger].abs().max()),
        most_lost=float(found.above.max()),
        worst_at=worst,
        worst_loss=two_modes.free(worst)["sides"],
    )
