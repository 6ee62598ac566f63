"""What chapter 8 finds of tolerances: how good their estimate is, and what they do not say."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data import benchmarks, seeds
from latentsep.ledger.checks.examples import polar_nodes
from latentsep.ledger.checks.registry import log_prior
from latentsep.measures import estimators
from latentsep.models.latent_spaces import Circle
from latentsep.reductions import generative, pairing, tolerance
from latentsep.reductions.generative import GenerativeModel
from latentsep.reductions.tolerance import Map

Models = Mapping[str, GenerativeModel]
Maps = Mapping[tuple[str, str], Map]


def delta(source: GenerativeModel, target: GenerativeModel, mapping: Map, **options: Any) -> float:
    """Δ in nats, for ensembles of one; options as for ``tolerance.tolerance``."""
    return float(tolerance.tolerance(source, target, mapping, **options).value)


@dataclass(frozen=True)
class Estimated:
    """The tolerance of the map from S¹ or R², by name, into Φ, in nats.

    ``exact`` is by quadrature, ``std`` the exact standard deviation of a single draw of (8.9), and
    ``errors`` the root mean square error of the mean of L draws, for several L.
    """

    exact: dict[str, Tensor]
    std: dict[str, float]
    errors: dict[str, np.ndarray]

    @property
    def curves(self) -> dict[str, tuple[np.ndarray, float]]:
        """Errors and deviation of each map, by its name."""
        return {f"{name} to Φ": (self.errors[name], self.std[name]) for name in self.exact}


def estimated(models: Models, maps: Maps, counts: list[int], draws: int, seed: int) -> Estimated:
    """From as many ``draws`` of each prior, for each L in ``counts``."""
    exact, stds, errors = {}, {}, {}
    for name in ("S¹", "R²"):
        source, target, there = models[name], models["Φ"], maps[name, "Φ"]
        exact[name], std = mean_and_std(source, target, there)
        stream = seeds.generator(seed, "chapter 8", name)
        z = generative.draw(source.space, draws, stream)
        drawn = tolerance.divergence(source, target, there, z[None]).flatten().double()
        errors[name] = estimators.error_by_samples(drawn, exact[name], counts)
        stds[name] = float(std)
    return Estimated(exact, stds, errors)


def mean_and_std(source: GenerativeModel, target: GenerativeModel, mapping: Map) -> tuple[Tensor, Tensor]:
    """Δ and the deviation of a single draw, in nats, for ensembles of one, by quadrature.

    Nodes are regular angles on circles, and polar coordinates in the plane.
    """
    if isinstance(source.space, Circle):
        points, weights = benchmarks.regular_phases(1024)[:, None], torch.ones(1024).double() / 1024
    else:
        points, weights = polar_nodes()
    at_nodes = tolerance.divergence(source, target, mapping, points.float()[None])
    return estimators.mean_and_std(at_nodes.flatten().double(), weights)


def exactly(models: Models, maps: Maps) -> dict[tuple[str, str], float]:
    """Δ of every map in nats, by quadrature."""
    return {(a, b): float(mean_and_std(models[a], models[b], mapping)[0]) for (a, b), mapping in maps.items()}


@dataclass(frozen=True)
class HowGood:
    """Mass of (8.1) if the prior counts twice; tolerances into Φ and the deviation of a single draw, in nats.

    ``error_plane`` is the standard error of 10,000 draws, and ``sparse`` what 64 regular angles in place of 1024
    change, in millionths of a nat.
    """

    twice_plane: float
    twice_circle: float
    delta_circle: float
    delta_plane: float
    std_circle: float
    std_plane: float
    error_plane: float
    sparse: float


def how_good(found: Estimated, models: Models, maps: Maps) -> HowGood:
    """From what was ``estimated``."""
    nodes, weights = polar_nodes()
    circle, phases, there = models["S¹"], models["Φ"], maps["S¹", "Φ"]
    few, many = (delta(circle, phases, there, samples=count) for count in (64, 1024))
    return HowGood(
        twice_plane=float(weights @ log_prior(nodes).exp()),
        twice_circle=1 / (2 * math.pi),
        delta_circle=float(found.exact["S¹"]),
        delta_plane=float(found.exact["R²"]),
        std_circle=found.std["S¹"],
        std_plane=found.std["R²"],
        error_plane=found.std["R²"] / 100,
        sparse=1e6 * abs(few - many),
    )


@dataclass(frozen=True)
class WhatItSays:
    """Floors in nats, and differences between tolerances that say what Δ depends on.

    ``squares_apart`` is in percent, of the mean squares there and back; ``fitted_apart`` in millionths of a nat,
    of a map fitted from Φ and of one fitted into it. ``ruined`` is by how many nats −ELBO rises with a ruined
    encoder. From the plane, ``share`` percent of Δ come from where codes of data are not; ``free`` nats are left if
    every code chooses its phase.
    """

    floor_tenth: float
    floor_wide: float
    floor_narrow: float
    squares_apart: float
    fitted_apart: float
    ruined: float
    share: float
    free: float


def what_it_says(
    models: Models,
    maps: Maps,
    codes: Tensor,
    floors: pd.DataFrame,
    ways: pd.DataFrame,
    encoders: pd.DataFrame,
    averages: pd.DataFrame,
) -> WhatItSays:
    """From the tables of the chapter, and the codes of data in the plane ``(1, N, 2)``."""
    circle, plane, phases = models["S¹"], models["R²"], models["Φ"]
    squares = ways["mean square"].unstack()
    fitted = delta(phases, circle, maps["Φ", "S¹"]) - delta(circle, phases, maps["S¹", "Φ"])
    return WhatItSays(
        floor_tenth=floors.iloc[1, 2],
        floor_wide=floors.iloc[2, 2],
        floor_narrow=floors.iloc[3, 2],
        squares_apart=100 * float((squares["S¹ to Φ"] / squares["Φ to S¹"] - 1).abs().max()),
        fitted_apart=1e6 * abs(fitted),
        ruined=encoders.iloc[1, 1] - encoders.iloc[0, 1],
        share=100 * (1 - averages.iloc[1, 1] / averages.iloc[1, 0]),
        free=delta(plane, phases, partial(pairing.nearest, plane, phases), latents=codes),
    )


@dataclass(frozen=True)
class PointByPoint:
    """Where Δ from R² to S¹ comes from, in nats where nothing else is said; the ring is that of codes of data."""

    across: float
    across_codes: float  # over codes of data
    across_centre: float  # at the centre, the mean over directions
    # Within half of the ring's radius, and beyond 99 of a hundred codes, in %: of the prior, and of Δ.
    core_mass: float
    core_share: float
    beyond_mass: float
    beyond_share: float
    # Half as far again from the centre as the ring, over directions.
    beyond_least: float
    beyond_most: float
    around_most: float  # largest divergence at a point of a circle


def point_by_point(models: Models, maps: Maps, codes: Tensor) -> PointByPoint:
    """From maps between all three spaces, and the codes of data in the plane ``(1, N, 2)``."""
    plane, circle, there = models["R²"], models["S¹"], maps["R²", "S¹"]
    nodes, weights = polar_nodes()
    kl = tolerance.divergence(plane, circle, there, nodes.float()[None]).flatten().double()
    radius, spread = nodes.norm(dim=-1), codes.norm(dim=-1).flatten()
    ring = spread.median()
    angles = benchmarks.regular_phases(1024)[None, :, None]
    directions = benchmarks.embed(angles[..., 0])

    def share(which: Tensor, of: Tensor) -> float:
        return 100 * float((weights * of)[which].sum() / (weights @ of))

    def at(distance: float | Tensor) -> Tensor:
        return tolerance.divergence(plane, circle, there, distance * directions)

    core, beyond, even = radius < ring / 2, radius > spread.quantile(0.99), torch.ones_like(kl)
    round_ = [(a, b) for a, b in maps if a != "R²"]
    return PointByPoint(
        across=float(weights @ kl),
        across_codes=delta(plane, circle, there, latents=codes),
        across_centre=float(at(1e-3).mean()),  # the angle jumps at the centre itself
        core_mass=share(core, even),
        core_share=share(core, kl),
        beyond_mass=share(beyond, even),
        beyond_share=share(beyond, kl),
        beyond_least=float(at(1.5 * ring).min()),
        beyond_most=float(at(1.5 * ring).max()),
        around_most=max(float(tolerance.divergence(models[a], models[b], maps[a, b], angles).max()) for a, b in round_),
    )
