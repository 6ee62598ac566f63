"""Chapter III: what measures of meaning say of codes that were made by hand, and how many numbers shapes need."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.shapes import KINDS, POSITIONS, SIZES, Shapes, draw
from latentsep.findings.information import Study
from latentsep.measures import codes, dimension, meaning

FACTORS = ("kind", "x", "y", "size")
LITTLE = 0.002  # noise of codes made by hand, whose numbers go from −1 to 1
COUNTS = (1_000, 4_000, 16_000)  # pictures that an intrinsic dimension is read off


def units(factors: Tensor) -> Tensor:
    """Kind, position and size ``(n, 4)``, each from −1 to 1."""
    low, high = (
        torch.tensor([(0.0, float(len(KINDS) - 1))[end], POSITIONS[end], POSITIONS[end], SIZES[end]]) for end in (0, 1)
    )
    return 2 * (factors[:, :4] - low) / (high - low) - 1


def by_hand(factors: Tensor) -> dict[str, Tensor]:
    """Codes that know nearly all there is to know, ``(n, d)``, but for the last; none is without a little noise."""
    exact = units(factors)
    exact = exact + LITTLE * torch.randn(exact.shape, generator=seeds.generator(0, "codes by hand"))
    rotation = meaning.turned(exact, 1)[0]
    position, others = exact[:, 1:3], exact[:, [0, 3]]
    polar = torch.stack([position.norm(dim=1), torch.atan2(position[:, 1], position[:, 0]) / math.pi], 1)
    bent = torch.cat([torch.cos(math.pi * exact[:, 1:]), torch.sin(math.pi * exact[:, 1:])], 1)
    return {
        "the factors themselves": exact,
        "the same, turned": exact @ rotation,
        "position by distance and direction": torch.cat([polar, others], 1),
        "each number twice": torch.cat([exact, exact], 1),
        "position and size on circles": torch.cat([exact[:, :1], bent], 1),
        "all but the size": exact[:, :3],
    }


def measured_by_hand(shapes: Shapes) -> pd.DataFrame:
    """What the measures say of codes made by hand, one row each; the linear probe is the mean over factors."""
    factors, other_factors = shapes.sample(1)[1][:, :4], shapes.held_out()[1][:, :4]
    rows = {}
    both = zip(by_hand(factors).items(), by_hand(other_factors).values(), strict=True)
    for (name, code), other in both:
        linear = [meaning.linear(code, factors[:, i], other, other_factors[:, i]) for i in range(1, 4)]
        linear.append(codes.probe(code, factors[:, 0].long(), other, other_factors[:, 0].long()))
        rows[name] = {
            "linear probe": float(np.mean(linear)),
            "gap": meaning.gap(meaning.table_of(code, factors)),
            **meaning.forests(code, factors, other, other_factors),
        }
    measures = ["linear probe", "gap", "disentangled", "complete", "informative"]
    return pd.DataFrame(rows).T[measures]


def dimensions(profile: str, seed: int) -> pd.DataFrame:
    """The intrinsic dimension of pictures by how many there are: of upright shapes, and of turned and grey ones."""
    counts = [200, 400] if profile == "smoke" else COUNTS
    found: dict[str, dict[int, float]] = {}
    for turned in (False, True):
        x, _ = Shapes(turned=turned, seed=seed).more("dimension", max(counts))
        found["turned and grey" if turned else "upright"] = {n: dimension.two_neighbours(x[:n]) for n in counts}
    return pd.DataFrame(found).T


@dataclass(frozen=True)
class Neighbours:
    """How many pictures there are at fewest, and by how many pixels a shape moves to the nearest other, the median."""

    fewest: int
    shift: float


def neighbours(profile: str, seed: int) -> Neighbours:
    """Of upright shapes, as in ``dimensions``."""
    fewest = 200 if profile == "smoke" else COUNTS[0]
    x, factors = Shapes(seed=seed).more("dimension", fewest)
    nearest = torch.cdist(x, x).fill_diagonal_(torch.inf).argmin(1)
    return Neighbours(fewest, float((factors[nearest] - factors)[:, 1:3].norm(dim=1).median()))


def blurred(shapes: Shapes, count: int = 1_000) -> float:
    """The squared error of the mean of all kinds, where place and size are exact."""
    factors = shapes.factors("blurred", count)
    kinds = [torch.cat([torch.full_like(factors[:, :1], kind), factors[:, 1:]], 1) for kind in range(len(KINDS))]
    pictures = torch.stack([draw(each).flatten(1) for each in kinds])
    return float((pictures - pictures.mean(0)).square().sum(-1).double().mean())


def tables(found: Study, lengths: Mapping[str, tuple[str, int]]) -> dict[str, np.ndarray]:
    """How much each number of a code knows of each factor, ``(factors, d)``: by title, of a kind and length."""
    x, factors = found.shapes.sample(1)
    shown = {}
    for title, (kind, length) in lengths.items():
        code = next(codes.used(found.one(kind, length), x))
        shown[title] = meaning.table_of(code, factors[:, :4])
    return shown
