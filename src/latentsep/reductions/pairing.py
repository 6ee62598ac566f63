"""Two generative models side by side: what maps between them, and which way around (thesis ch. 8 and 9)."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latentsep.data.benchmarks import regular_phases
from latentsep.measures.topology import winding
from latentsep.models.latent_spaces import Circle
from latentsep.reductions.generative import GenerativeModel, circle
from latentsep.reductions.reductors import Family, family

CHUNK = 2_000  # latent variables compared at once, which bounds the memory taken


@dataclass(frozen=True)
class Pair:
    """Two generative models, the family that maps between them, and what latent variables are drawn from.

    ``family`` is Table 9.1's unless another is given; ``latents`` ``(members, N, d)`` is a set of latent
    variables to draw from instead of the prior of ``source``. Raises ``ValueError`` if the family is of
    other spaces, or the models differ in their numbers of members or the dimension of their data, or
    ``latents`` or the family's reflections are for another number of members.
    """

    source: GenerativeModel
    target: GenerativeModel
    family: Family = None  # type: ignore[assignment]  # until __post_init__ fills it in
    latents: Tensor | None = None

    def __post_init__(self):
        if self.family is None:
            object.__setattr__(self, "family", family(self.source.space, self.target.space))
        spaces = self.source.space, self.target.space
        if (self.family.source, self.family.target) != spaces:
            raise ValueError(
                f"family maps {self.family.source} to {self.family.target}; the models have {spaces[0]} and {spaces[1]}"
            )
        check(self.source, self.target)
        reflected = getattr(self.family, "reflected", None)
        for name, given in (("latents", self.latents), ("reflected", reflected)):
            if not (given is None or isinstance(given, bool) or len(given) == len(self.source.sigma_x)):
                raise ValueError(f"{name} is for {len(given)} members of {len(self.source.sigma_x)}; give one each")


def check(source: GenerativeModel, target: GenerativeModel) -> None:
    """Raise ``ValueError`` if two models differ in their numbers of members or the dimension of their data."""
    members = len(source.sigma_x), len(target.sigma_x)
    if members[0] != members[1]:
        raise ValueError(f"target has {members[1]} members and source {members[0]}; choose as many")
    widths = [m.decode(m.space.prior().mean.expand(members[0], 1, -1)).shape[-1] for m in (source, target)]
    if widths[0] != widths[1]:
        raise ValueError(f"target decodes to {widths[1]} numbers and source to {widths[0]}; choose as many")


def matched(source: GenerativeModel, target: GenerativeModel) -> Pair:
    """A pair with the thesis's family, reflected for those members whose relative degree is negative.

    A degree of 0, of a decoder that folds or tears the circle, asks for neither sense and gets no reflection.
    """
    if not isinstance(target.space, Circle):
        return Pair(source, target)
    degrees, _ = relative_degree(source, target)
    return Pair(source, target, family(source.space, target.space, tuple((degrees < 0).tolist())))


def between(
    models: dict[str, GenerativeModel], pair: Callable[[GenerativeModel, GenerativeModel], Pair] = matched
) -> dict[tuple[str, str], Pair]:
    """All ordered pairs of several models, with reflections where they are needed; ``pair=Pair`` for none."""
    return {(a, b): pair(models[a], models[b]) for a, b in itertools.permutations(models, 2)}


@torch.no_grad()
def nearest(source: GenerativeModel, target: GenerativeModel, z: Tensor, count: int = 720) -> Tensor:
    """The angle on the target's circle that decodes nearest to what ``z`` decodes to.

    Radians, shape ``(members, batch, 1)``; the best of ``count`` regular angles is taken. No map into a
    circle does better than this one, which need be neither continuous nor simple. In a plane, the
    circle is the unit circle.
    """
    images = target.decode(circle(target.space, count).expand(len(target.sigma_x), -1, -1))
    centre = images.mean(-2, keepdim=True)  # distances are taken from products, which cancel far from the origin
    found = [torch.cdist(source.decode(part) - centre, images - centre).argmin(-1) for part in z.split(CHUNK, 1)]
    return regular_phases(count)[torch.cat(found, -1)][..., None]


def relative_degree(
    source: GenerativeModel, target: GenerativeModel, count: int = 720
) -> tuple[np.ndarray, np.ndarray]:
    """How often the target's circle is gone around while the source's is gone around once, by ``nearest``.

    Returns the degree of every member, and the largest step on the way (radians), as ``winding`` does;
    a degree of −1 asks for a reflection.
    """
    z = circle(source.space, count).expand(len(source.sigma_x), -1, -1)
    return winding(nearest(source, target, z, count)[..., 0])
