"""Chapter III: the ring's exact rate–distortion function, and the autoencoders of the thesis part beside it."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from latentsep.data.benchmarks import Benchmark
from latentsep.measures import evaluation
from latentsep.measures.information import BITS
from latentsep.theory import rates
from latentsep.training import experiments
from latentsep.training.ensembles import Trained, train
from latentsep.training.runs import Run

SERIES = {"plane": "latent plane (chapter 5)", "circle": "latent circle (chapter 7)"}
DATASET = 0.1  # noise of the data that they were trained on; they are measured without it


def runs(profile: str, seed: int) -> dict[str, Run]:
    """The ensembles of chapters 5 and 7 that are taken over, as they are."""
    return {
        "plane": experiments.benchmark_table(profile, seed=seed),
        "circle": experiments.circle_tables(profile, seed=seed)["corrected"],
    }


def curve(points: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Distortions and bits of the exact curve, for σ_X from 0.005 to that from which on nothing is worth saying."""
    several = [rates.ring(float(s)) for s in np.geomspace(0.005, math.sqrt(Benchmark().dimension / 4), points)]
    return np.array([point.distortion for point in several]), np.array([point.bits for point in several])


def models(profile: str, seed: int) -> pd.DataFrame:
    """Where they are: ``series``, ``says`` (σ_X), ``distortion``, ``bits``, and ``gap``, the bits beyond the curve.

    ``short`` is how far R + D/(2σ_X²) is above that of the curve at its slope, in bits: the distance of −ELBO from the
    evidence floor.
    """
    parts = []
    for name, run in runs(profile, seed).items():
        trained = train(run).only(dataset=DATASET)
        parts.append(_measured(trained).assign(series=SERIES[name], space=name))
    return pd.concat(parts, ignore_index=True)


def _measured(trained: Trained) -> pd.DataFrame:
    data = trained.benchmark
    found = evaluation.measure(trained, data.visualisation()[0])
    variance = found.sigma_x**2
    constant = data.dimension / 2 * np.log(2 * math.pi * variance)
    table = pd.DataFrame({
        "says": [rf"$\sigma_X$ = {s:g}" for s in found.sigma_x],
        "sigma_x": found.sigma_x,
        "distortion": 2 * variance * (found.reconstruction - constant),
        "bits": found.kl * BITS,
    })  # fmt: skip
    floors = np.array([evaluation.evidence_floor(data.dimension, s) for s in found.sigma_x])
    return table.assign(
        gap=table.bits - [bits_for(d, data.dimension) for d in table.distortion],
        short=(found.neg_elbo - floors) * BITS,
    )


def bits_for(distortion: float, dimension: int = 25) -> float:
    """The fewest bits for a squared error: of the lines that touch the curve, the highest there."""
    slopes, heights = _touching(dimension)
    return float((heights - slopes * distortion).max().clip(0))


@lru_cache
def _touching(dimension: int) -> tuple[np.ndarray, np.ndarray]:
    """Slopes, in bits, and heights of lines that touch the curve, ``(lines,)`` each."""
    sigmas = np.geomspace(1e-4, math.sqrt(dimension / 4), 4_000)
    points = [rates.ring(float(s), dimension) for s in sigmas]
    slopes = BITS / (2 * sigmas**2)
    return slopes, np.array([p.bits for p in points]) + slopes * np.array([p.distortion for p in points])


@dataclass(frozen=True)
class Distances:
    """How far the circles of chapter 7 and the planes of chapter 5 are above the curve, in bits, by σ_X."""

    ring_times: int
    noise: float
    circle_one: float
    circle_tenth: float
    circle_hundredth: float
    plane_one: float
    plane_tenth: float
    plane_hundredth: float


def distances(found: pd.DataFrame) -> Distances:
    """Means over repetitions of what ``models`` has."""
    gaps = found.groupby(["space", "sigma_x"])["gap"].mean()
    words = {1.0: "one", 0.1: "tenth", 0.01: "hundredth"}
    times = int(found.groupby(["space", "sigma_x"]).size().min())
    return Distances(
        ring_times=times, noise=DATASET, **{f"{space}_{words[s]}": float(gap) for (space, s), gap in gaps.items()}
    )
