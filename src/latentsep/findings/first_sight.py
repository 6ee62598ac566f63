"""What a visitor sees first: an object on a turntable, and its poses on two latent circles of chapter 10."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from latentsep.data import coil, loops, seriation
from latentsep.measures import recovery
from latentsep.reductions import comparisons
from latentsep.training import ensembles
from latentsep.training.runs import Run

EXAMPLE, REPETITIONS = 1, 5  # what chapter 10 takes, so that nothing is trained for this
NAMES = {"as published": "encoder as published", "corrected, film start": "corrected"}


@dataclass(frozen=True)
class Turntable:
    """Pictures of one object ``(1, poses, H, W)``, and the latent angles of its poses in radians, by encoder.

    ``notice`` is what a page must say if the object is not one of COIL-20.
    """

    pictures: np.ndarray
    angles: Mapping[str, np.ndarray]
    notice: str | None


def runs(profile: str, seed: int = 0) -> dict[str, Run]:
    """The two runs of chapter 10 that it shows."""
    turns = comparisons.turned(profile)
    orders = [*map(seriation.orders, turns)]
    settings = {"profile": profile, "seed": seed, "updates": None}
    every = comparisons.turntable_runs(loops.shrink(turns)[0], orders, EXAMPLE, REPETITIONS, **settings)
    return {name: every[name] for name in NAMES}


def turntable(profile: str, seed: int = 0) -> Turntable:
    """The first object at σ_X = 0.1, first repetition."""
    trained = ensembles.train_all(runs(profile, seed))
    chosen = {name: t.only(dataset=EXAMPLE, sigma_x=0.1, repetitions=1) for name, t in trained.items()}
    angles = {NAMES[name]: recovery.angles(t) for name, t in chosen.items()}
    return Turntable(comparisons.turned(profile)[:1], angles, coil.load(None).notice)
