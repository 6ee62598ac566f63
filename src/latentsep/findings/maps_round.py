"""How close maps between circles come to the best there is, and what one map after another does (thesis ch. 8, 9)."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data.benchmarks import regular_phases
from latentsep.findings.mappings import PAIRS, Key, Reading, Readings, prior_draws
from latentsep.findings.maps_table import printed, ratios
from latentsep.measures import evaluation
from latentsep.models.circular import wrap
from latentsep.reductions import comparisons, pairing, tolerance
from latentsep.reductions.generative import GenerativeModel
from latentsep.reductions.tolerance import Map

THERE, BACK = ("S¹", "Φ"), ("Φ", "S¹")

# How close to perfect


def least(source: GenerativeModel, target: GenerativeModel, count: int = 2880) -> Tensor:
    """Δ in nats of the best of all maps between two circles, ``(members,)``; it looks at ``count`` regular angles."""
    around = regular_phases(2000)[:, None].expand(len(source.sigma_x), -1, -1)

    def best(z: Tensor) -> Tensor:
        return pairing.nearest(source, target, z, count)

    return tolerance.tolerance(source, target, best, latents=around).value


@dataclass(frozen=True)
class Circles:
    """Δ between the corrected circle and the phases, in nats, and how much less it could be."""

    corrected_circle: float
    corrected_circle_most: float
    printed_least: float
    factor_there: float  # by which it is less than in print
    factor_back: float
    rectified_circle: float
    rectified_factor: float
    published_nearest: float  # of the best of all maps from the published circle
    bound_there: float  # of the best of all maps
    bound_back: float
    own_error: float  # of encoding and decoding, over 2σ²
    pace: float  # degrees, root mean square


def circles(readings: Readings, x: Tensor) -> Circles:
    """The maps between S¹ and Φ, against the best of all; ``x`` ``(n, D)`` is encoded and decoded."""
    corrected, theirs = readings["corrected"], printed()
    circle, known = corrected.models["S¹"], corrected.models["Φ"]
    mean, ratio, rectified = corrected.mean, ratios(corrected), ratios(readings["rectified"])
    there, back = least(circle, known), least(known, circle)
    sigma = comparisons.SIGMA
    own_error = evaluation.squared_errors(corrected.trained[1], x).mean(-1) / (2 * sigma**2)
    # Points at phases δ apart are at distance √(D/2) δ.
    paced = mean[THERE] - there.mean().item()
    return Circles(
        corrected_circle=mean[THERE],
        corrected_circle_most=corrected.found.groupby(["source", "target"]).tolerance.max()[THERE],
        printed_least=min(theirs[THERE].mean, theirs[BACK].mean),
        factor_there=1 / ratio[THERE],
        factor_back=1 / ratio[BACK],
        rectified_circle=readings["rectified"].mean[THERE],
        rectified_factor=1 / rectified[THERE],
        published_nearest=float(least(readings["variance 0.01"].models["S¹"], known).mean()),
        bound_there=float(there.mean()),
        bound_back=float(back.mean()),
        own_error=float(own_error.mean()),
        pace=np.degrees(np.sqrt(4 * sigma**2 * paced / corrected.data.dimension)),
    )


@dataclass(frozen=True)
class Agreeing:
    """On how much of S¹, in %, the map to Φ that is shown stays below ten nats."""

    agree_published: float
    agree_corrected: float


def agreeing(readings: Readings) -> Agreeing:
    """Of the first map between the first autoencoders."""
    around = regular_phases(2000)[:, None]
    near = {name: readings[name].shown.compared(THERE, around)[3] < 10 for name in ("variance 0.01", "corrected")}
    share = {name: 100 * float(found.double().mean()) for name, found in near.items()}
    return Agreeing(agree_published=share["variance 0.01"], agree_corrected=share["corrected"])


# There and back


def chain(maps: Mapping[Key, Map], *spaces: str) -> Map:
    """The maps from space to space, one after the other."""

    def chained(z: Tensor) -> Tensor:
        for step in itertools.pairwise(spaces):
            z = maps[step](z)
        return z

    return chained


def displacement(model: GenerativeModel, mapping: Map, seed: int) -> Tensor:
    """By how much draws from the prior do not come back, ``(maps, members, 10000, d)``; angles in radians."""
    z = prior_draws(model, 10_000, seed)
    moved = mapping(z) - z
    return wrap(moved) if z.shape[-1] == 1 else moved


def rms(moved: Tensor) -> float:
    """The root mean square length of displacements ``(..., d)``."""
    return moved.square().sum(-1).mean().sqrt().item()


def delta(reading: Reading, *spaces: str) -> float:
    """Δ in nats of the trained maps from space to space, one after the other: the mean over maps and autoencoders."""
    source, target = reading.models[spaces[0]], reading.models[spaces[-1]]
    return tolerance.tolerance(source, target, chain(reading.reductors, *spaces)).value.mean().item()


def there_and_back(reading: Reading, seed: int) -> pd.DataFrame:
    """One row per way there and back: the root mean square displacement of a latent variable, and Δ in nats."""
    rows = {}
    for a, b in PAIRS:
        moved = displacement(reading.models[a], chain(reading.reductors, a, b, a), seed)
        rows[f"{a} → {b} → {a}"] = (rms(moved), delta(reading, a, b, a))
    return pd.DataFrame(rows, index=["displacement", "Δ to itself (nats)"]).T


def detours(reading: Reading) -> pd.DataFrame:
    """Δ in nats from each space to each other, directly and through the third, and the bound of the triangle."""
    rows = {}
    for a, c in PAIRS:
        (b,) = set(reading.models) - {a, c}
        parts = [delta(reading, a, b), delta(reading, b, c)]
        bound = sum(np.sqrt(parts)) ** 2
        rows[f"{a} → {b} → {c}"] = (delta(reading, a, c), delta(reading, a, b, c), bound)
    return pd.DataFrame(rows, index=["direct", "by way of the third", "(√Δ + √Δ)²"]).T


def uneven(matrices: Tensor) -> Tensor:
    """How far the angle of C·Emb(z) is from a turn or reflection: root mean square in radians, to first order.

    With singular values s₁ > s₂ of the matrices ``(..., 2, 2)`` it is (s₁ − s₂) / √2 (s₁ + s₂), shape ``(...)``.
    """
    scales = torch.linalg.svdvals(matrices)
    return (scales[..., 0] - scales[..., 1]) / (2**0.5 * scales.sum(-1))


@dataclass(frozen=True)
class Round:
    """By how much latent variables do not come back, in radians on circles, and what detours cost, in nats."""

    way_circles: float
    way_plane: float
    way_through: float
    way_centred: float  # the same without each map's mean shift
    way_ellipse: float  # what the two scales of the matrix explain of it
    plane_self: float  # Δ of the plane to itself, over Φ
    plane_there: float  # Δ of the plane to Φ
    triangle_kept: int
    triangle_of: int
    # Of the detours whose first step leads into the plane.
    detour: float
    loose: float
    loose_bound: float


def composed(back: pd.DataFrame, triangle: pd.DataFrame, reading: Reading, seed: int) -> Round:
    """What ``there_and_back`` and ``detours`` found for a reading."""
    ways, to_itself = (back[column] for column in back)
    moved = displacement(reading.models["Φ"], chain(reading.reductors, "Φ", "R²", "Φ"), seed)
    explained = uneven(reading.reductors["Φ", "R²"].parameters)
    kept = triangle["by way of the third"] <= triangle["(√Δ + √Δ)²"]
    loose = triangle.loc[["S¹ → R² → Φ", "Φ → R² → S¹"]]
    return Round(
        way_circles=ways["S¹ → Φ → S¹"],
        way_plane=ways["R² → Φ → R²"],
        way_through=ways["Φ → R² → Φ"],
        way_centred=rms(moved - moved.mean(-2, keepdim=True)),
        way_ellipse=float(explained.square().mean().sqrt()),
        plane_self=to_itself["R² → Φ → R²"],
        plane_there=reading.mean["R²", "Φ"],
        triangle_kept=int(kept.sum()),
        triangle_of=len(triangle),
        detour=(loose["by way of the third"] - loose["direct"]).max(),
        loose=loose["by way of the third"].max(),
        loose_bound=loose["(√Δ + √Δ)²"].min(),
    )
