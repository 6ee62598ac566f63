"""How realistic are pictures? Distances between sets of them, in features that nobody had to train.

A *scattering transform* (Bruna and Mallat, 2013) says how much a picture varies at which scale and in which direction,
and how these variations vary in turn. It does not move with pictures, and bends little where they do.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from scipy import special
from torch import Tensor

from latentsep.data.pictures import in_colour, side_of

OCTAVES, ANGLES = 3, 4  # scales, each twice as coarse as the one before, and directions
KEPT = 24  # principal directions of the features in which sets are compared
_AT_ONCE = 60  # pictures


def scattering(pictures: Tensor) -> Tensor:
    """The features ``(n, f)`` of pictures ``(n, 3 · side²)``: the logarithm of the mean of each coefficient."""
    transform = _transform(side_of(pictures))
    parts = [
        torch.log(transform(in_colour(part).contiguous()).mean((-2, -1)).abs() + 1e-3)
        for part in pictures.float().split(_AT_ONCE)
    ]
    return torch.cat(parts).flatten(1)


@lru_cache(maxsize=4)
def _transform(side: int) -> Any:
    if not hasattr(special, "sph_harm"):
        # kymatio imports it for its transforms of volumes, which are not used here; SciPy has another name for it.
        special.sph_harm = special.sph_harm_y
    from kymatio.scattering2d.frontend.torch_frontend import ScatteringTorch2D  # late: it looks for other libraries

    return ScatteringTorch2D(OCTAVES, (side, side), ANGLES)


@dataclass(frozen=True)
class View:
    """The principal directions ``(KEPT, f)`` of the features of some pictures, and their mean ``(f,)``."""

    mean: Tensor
    directions: Tensor

    @classmethod
    def of(cls, pictures: Tensor) -> "View":
        """Each direction is scaled so that these pictures have a deviation of 1 along it."""
        features = scattering(pictures).double()
        mean = features.mean(0)
        _, sizes, directions = torch.linalg.svd(features - mean, full_matrices=False)
        kept = min(KEPT, len(pictures) // 4)
        return cls(mean, directions[:kept] * (len(pictures) - 1) ** 0.5 / sizes[:kept, None])

    def __call__(self, pictures: Tensor) -> Tensor:
        """The features of pictures ``(n, 3 · side²)`` in these directions, ``(n, kept)``."""
        return (scattering(pictures).double() - self.mean) @ self.directions.T


def frechet(first: Tensor, second: Tensor) -> float:
    """The squared Fréchet distance of the normal densities with the moments of two sets of features ``(n, f)``.

    It is |m₁ − m₂|² + tr(C₁ + C₂ − 2 (C₁ C₂)^½) (Dowson and Landau, 1982). Of few pictures it is too large, so
    distances are comparable for sets of equal size only.

    >>> points = torch.tensor([[0.0], [2.0]])
    >>> round(frechet(points, points + 3), 6)
    9.0
    """
    apart = (first.mean(0) - second.mean(0)).double().square().sum()
    one, two = (torch.cov(points.double().T).reshape(points.shape[1], -1) for points in (first, second))
    values, vectors = torch.linalg.eigh(one)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    both = torch.linalg.eigvalsh(root @ two @ root).clamp(min=0).sqrt().sum()
    return float(apart + one.trace() + two.trace() - 2 * both)


def distance(known: Tensor, features: Tensor, count: int) -> float:
    """The Fréchet distance of sets of ``count`` features, in their order, from ``known`` ones; the mean of all sets.

    So it can be held against that of any other set of as many. Raises ``ValueError`` for fewer features.
    """
    if len(features) < count:
        raise ValueError(f"count is {count!r}; choose {len(features)} or fewer")
    whole = features[: len(features) // count * count].split(count)
    return sum(frechet(known, part) for part in whole) / len(whole)
