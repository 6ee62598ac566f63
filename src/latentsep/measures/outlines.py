"""Is it a shape? The square, circle or triangle nearest to a picture, and what of the picture it leaves unexplained.

With drawn shapes this need not be left to eyes or to a classifier: all that there can be is known.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from latentsep.data.shapes import FACTORS, KINDS, SIDE, draw

EXPLAINED = 0.95  # of a picture's energy that its nearest shape must have
_PLACES, _SIZES = torch.arange(6.0, 23.0), torch.arange(3.0, 13.0)  # of the shapes that are tried first, in pixels
_STEP, _ROUNDS = 0.05, 4  # for differences, in pixels; of the search from the best of them


@dataclass(frozen=True)
class Nearest:
    """The shapes nearest to pictures: their ``factors`` ``(n, 6)``, and the ``unexplained`` part of energy ``(n,)``."""

    factors: Tensor
    unexplained: Tensor

    @property
    def shapes(self) -> Tensor:
        """Which pictures are shapes, ``(n,)``: all of their energy but a small part is explained."""
        return self.unexplained <= 1 - EXPLAINED


def nearest(pictures: Tensor) -> Nearest:
    """Fit each kind of shape to pictures ``(n, 784)`` by position and size, and take the best.

    Of a bank of shapes the nearest of each kind is taken, and improved by Gauss and Newton's method. A picture without
    ink has nothing to explain, and is no shape.
    """
    pictures = pictures.float()
    energy = pictures.square().sum(1)
    best, errors = torch.zeros(len(pictures), len(FACTORS)), torch.full((len(pictures),), torch.inf)
    for kind in range(len(KINDS)):
        found, error = _improved(pictures, kind)
        closer = error < errors
        best[closer], errors[closer] = found[closer], error[closer]
    return Nearest(best, torch.where(energy > 0, errors / energy.clamp(min=1e-9), 1.0))


def _factors(kind: int, moving: Tensor) -> Tensor:
    fixed = torch.tensor([[0.0, 1.0]]).expand(len(moving), 2)
    return torch.cat([torch.full((len(moving), 1), float(kind)), moving, fixed], 1)


@lru_cache(maxsize=len(KINDS))
def _bank(kind: int) -> tuple[Tensor, Tensor]:
    """Positions and sizes ``(m, 3)`` of shapes of a kind, and their pictures ``(m, 784)``."""
    moving = torch.cartesian_prod(_PLACES, _PLACES, _SIZES)
    return moving, _drawn(kind, moving)


def _first(pictures: Tensor, kind: int) -> Tensor:
    """Position and size ``(n, 3)`` of the shape of a kind, among those of a bank, that is nearest to each picture."""
    moving, drawn = _bank(kind)
    return moving[(2 * pictures @ drawn.T - drawn.square().sum(1)).argmax(1)]


def _improved(pictures: Tensor, kind: int) -> tuple[Tensor, Tensor]:
    """The factors ``(n, 6)`` of the nearest shapes of a kind, and their squared errors ``(n,)``."""
    moving = _first(pictures, kind)
    seen = _drawn(kind, moving)
    error = (seen - pictures).square().sum(1)
    for _ in range(_ROUNDS):
        slopes = torch.stack([(_drawn(kind, moving + step) - seen) / _STEP for step in _STEP * torch.eye(3)], 2)
        normal = slopes.transpose(1, 2) @ slopes + 1e-3 * torch.eye(3)
        whole = torch.linalg.solve(normal, (slopes.transpose(1, 2) @ (pictures - seen)[..., None]))[..., 0]
        # A whole step or a part of one, if it helps.
        for part in (1.0, 0.3):
            tried = torch.cat(
                [moving[:, :2] + part * whole[:, :2], (moving[:, 2:] + part * whole[:, 2:]).clamp(1, SIDE)], 1
            )
            other = _drawn(kind, tried)
            closer = (gained := (other - pictures).square().sum(1)) < error
            moving, seen = torch.where(closer[:, None], tried, moving), torch.where(closer[:, None], other, seen)
            error = torch.where(closer, gained, error)
    return _factors(kind, moving), error


def _drawn(kind: int, moving: Tensor) -> Tensor:
    return draw(_factors(kind, moving)).flatten(1)
