"""Families of simple maps from one latent space to another (thesis ch. 9, 11).

A family is stateless: it knows the two spaces, the shape of its parameters λ, a random start and how
parameters move latent variables. Algorithm 2, in ``reduction``, finds the parameters.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from latentsep.models.circular import wrap
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean, LatentSpace
from latentsep.reductions.generative import Phases


@dataclass(frozen=True)
class Linear:
    """M(z) = C·z, or C·Emb(z) from angles, into R^d (thesis §9.2).

    Parameters C have shape ``(..., d, n)`` with n the width of the embedded source. Raises ``ValueError``
    unless the target is Euclidean.

    >>> family = Linear(Circle(), Euclidean(2))
    >>> family.apply(2 * torch.eye(2), torch.zeros(1, 1))
    tensor([[2., 0.]])
    """

    source: LatentSpace
    target: Euclidean

    def __post_init__(self):
        if not isinstance(self.target, Euclidean):
            raise ValueError(f"target is {self.target}; a linear map ends in a Euclidean space, choose Rotation")

    @property
    def symbol(self) -> str:
        return r"C \in \mathbb{{R}}^{{{} \times {}}}".format(*self.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.target.dimension, self.source.decoder_features)

    def start(self, generator: torch.Generator) -> Tensor:
        """A random matrix of independent normal entries, with columns of mean square length 1."""
        return torch.randn(self.shape, generator=generator) / math.sqrt(self.target.dimension)

    def apply(self, parameters: Tensor, z: Tensor) -> Tensor:
        """Map latent variables ``(..., batch, d₁)``; the leading axes of ``parameters`` are those of the result."""
        return self.source.embed(z) @ parameters.mT

    def formula(self) -> str:
        """The map as Table 9.1 writes it, in TeX."""
        return rf"C \cdot {_POINT[type(self.source)]}"


@dataclass(frozen=True)
class Rotation:
    """M(z) = the angle of z, turned by θ' (thesis §9.3); from the plane, z is projected onto the circle first.

    Parameters θ' are in radians, shape ``(..., 1)``. A rotation keeps the sense in which a loop is gone
    around; ``reflected``, which the thesis lacks, turns θ' minus the angle, for all members or for those
    that are true in a tuple with one entry per member. Raises ``ValueError`` unless the source is a
    circle or a plane, and the target a circle.

    >>> family = Rotation(Euclidean(2), Circle())
    >>> family.apply(torch.tensor([math.pi / 2]), torch.tensor([[3.0, 0.0]])) / math.pi
    tensor([[0.5000]])
    """

    source: LatentSpace
    target: LatentSpace
    reflected: bool | tuple[bool, ...] = False
    symbol: ClassVar[str] = r"\theta' \in \mathbb{R}"
    shape: ClassVar[tuple[int, ...]] = (1,)

    def __post_init__(self):
        if not isinstance(self.target, Circle):
            raise ValueError(f"target is {self.target}; a rotation ends on a circle, choose Linear")
        if self.source.decoder_features != 2:
            raise ValueError(f"source is {self.source}; a rotation starts from a circle or from Euclidean(2)")

    def start(self, generator: torch.Generator) -> Tensor:
        """A random angle."""
        return (2 * torch.rand(self.shape, generator=generator) - 1) * math.pi

    def apply(self, parameters: Tensor, z: Tensor) -> Tensor:
        """Map latent variables ``(..., batch, d₁)`` to angles in [-π, π), shape ``(..., batch, 1)``."""
        sign = 1 - 2 * torch.tensor(self.reflected, dtype=z.dtype)
        return wrap(parameters[..., None, :] + sign[..., None, None] * angles(self.source, z))

    def formula(self) -> str:
        """The map as Table 9.1 writes it, in TeX; with reflections for some members only, as for those without."""
        angle = _ANGLE[type(self.source)]
        turned = rf"\theta' - {angle}" if self.reflected is True else rf"{angle} + \theta'"
        return _ENDS[type(self.target)].format(turned)


@dataclass(frozen=True)
class Projection:
    """M(z) = the angles of C·z, or of C·Emb(z), in as many planes as the target has circles (thesis 11.11, 11.12).

    Parameters C have shape ``(..., 2k, n)`` with n the width of the embedded source. Between tori the family
    has all rotations, reflections and exchanges of the circles. Raises ``ValueError`` unless the target is a
    torus.

    >>> family = Projection(Euclidean(4), CliffordTorus())
    >>> family.apply(torch.eye(4), torch.tensor([[0.0, 3.0, 1.0, 1.0]])) / math.pi
    tensor([[0.5000, 0.2500]])
    """

    source: LatentSpace
    target: CliffordTorus

    def __post_init__(self):
        if not isinstance(self.target, CliffordTorus):
            raise ValueError(f"target is {self.target}; a projection ends on a torus, choose family(source, target)")

    @property
    def symbol(self) -> str:
        return r"C \in \mathbb{{R}}^{{{} \times {}}}".format(*self.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.target.decoder_features, self.source.decoder_features)

    def start(self, generator: torch.Generator) -> Tensor:
        """A random matrix of independent standard normal entries; the lengths of its rows do not matter."""
        return torch.randn(self.shape, generator=generator)

    def apply(self, parameters: Tensor, z: Tensor) -> Tensor:
        """Map latent variables ``(..., batch, d₁)`` to angles ``(..., batch, k)`` in [-π, π)."""
        points = (self.source.embed(z) @ parameters.mT).unflatten(-1, (-1, 2))
        return wrap(torch.atan2(points[..., 1], points[..., 0]))

    def formula(self) -> str:
        """The map in TeX, with the angle in each plane."""
        rows = [f"y_{i}, y_{i + 1}" for i in range(1, self.shape[0], 2)]
        turned = ", ".join(rf"\mathrm{{atan2}}({row})" for row in rows)
        return rf"\left({turned}\right),\ y = C \cdot {_POINT[type(self.source)]}"


Family = Linear | Rotation | Projection

_EMBED = r"\mathrm{{Emb}}_{{\mathbb{{R}}^2}}({})"
_POINT = {Euclidean: "z", Circle: "z", CliffordTorus: "z", Phases: _EMBED.format("z")}  # type: dict[type, str]
_ANGLE = {Euclidean: r"\mathrm{atan2}(z)", Circle: r"\mathrm{atan2}(z)", Phases: "z"}  # type: dict[type, str]
_ENDS = {Circle: _EMBED, Phases: r"({} + \pi) \bmod 2\pi - \pi"}  # type: dict[type, str]


def family(source: LatentSpace, target: LatentSpace, reflected: bool | tuple[bool, ...] = False) -> Family:
    """The family that the thesis has for a pair of spaces: linear into R^d, rotations into a circle (Table 9.1).

    Into a torus it is a matrix and a projection (11.12).
    """
    if isinstance(target, Euclidean):
        return Linear(source, target)
    if isinstance(target, CliffordTorus):
        return Projection(source, target)
    return Rotation(source, target, reflected)


def angles(space: LatentSpace, z: Tensor) -> Tensor:
    """The angle, in radians, of latent variables ``(..., d)`` of a circle or the plane, shape ``(..., 1)``."""
    if z.shape[-1] == 1:
        return z
    x, y = space.embed(z).split(1, dim=-1)
    return torch.atan2(y, x)
