"""Codes of pictures with two phases in the planes of the two circles (thesis ch. 11): for looking, and to count turns.

Planes are found from the true phases, which no autoencoder knows; nothing is selected by them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentsep.data.benchmarks import embed
from latentsep.training.experiments import SIGMAS
from latentsep.training.runs import Member


def by_sigma(codes: Tensor, members: Sequence[Member]) -> dict[str, Tensor]:
    """Of codes ``(members, n, d)`` those of the first member with each σ_X, ``(n, d)``, by the title of a panel."""
    widths = [m.sigma_x for m in members]
    return {f"$\\sigma_X = {s:g}$": codes[widths.index(s)] for s in SIGMAS}


@dataclass(frozen=True)
class Planes:
    """An affine map of R⁴ for each member, a matrix ``(4, 4)`` and a shift ``(4,)``, which gives each phase a plane."""

    maps: tuple[tuple[Tensor, Tensor], ...]

    def turned(self, codes: Tensor) -> Tensor:
        """The codes ``(members, n, 4)``, mapped: their first two numbers are in the plane of the first phase."""
        return torch.stack([(own - shift) @ matrix for own, (matrix, shift) in zip(codes, self.maps, strict=True)])

    def angles(self, codes: Tensor) -> Tensor:
        """The angles of codes ``(members, n, 4)`` in both planes, in radians, ``(members, n, 2)``."""
        matrices, shifts = (torch.stack(part) for part in zip(*self.maps, strict=True))
        points = (codes - shifts[:, None].to(codes)) @ matrices.to(codes)
        pairs = points.unflatten(-1, (2, 2))
        return torch.atan2(pairs[..., 1], pairs[..., 0])


def planes(codes: Tensor, phases: Tensor) -> Planes:
    """The affine maps that take codes ``(members, n, 4)`` nearest to the unit circles of phases ``(n, 2)`` in radians.

    By least squares, for each member by itself.
    """
    target = embed(phases).flatten(-2)
    return Planes(tuple(_nearest(own, target) for own in codes))


def _nearest(codes: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    # In double precision: in single, the solver's threads round differently from run to run.
    centred = (codes - codes.mean(0)).double()
    solution = torch.linalg.lstsq(centred, target.double()).solution
    return solution.to(codes), codes.mean(0)


def share(angles: Tensor, phases: Tensor) -> Tensor:
    """How much of each head comes from the circle that it takes more from, in per cent, ``(members, 2)``.

    ``angles`` ``(members, n, 2)`` are the latent ones and ``phases`` ``(n, 2)`` the true ones, in radians. Cosine and
    sine of a latent angle are written as linear combinations of those of both phases; squares of the weights count.

    >>> phases = torch.cartesian_prod(*[torch.arange(0, 6.2, 0.4)] * 2)
    >>> share(phases.flip(-1)[None], phases).round().tolist()
    [[100.0, 100.0]]
    """
    heads = embed(angles).movedim(-2, 1)  # (members, heads, n, 2)
    wide = embed(phases).flatten(-2).double().expand(*heads.shape[:2], -1, -1)
    weights = torch.linalg.lstsq(wide, heads.double()).solution
    parts = weights.square().unflatten(-2, (2, 2)).sum((-2, -1))
    return 100 * parts.amax(-1) / parts.sum(-1)
