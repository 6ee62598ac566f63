"""Pairs of generative models whose divergences are known exactly, for the checks of chapter 8."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from latentsep.data import seeds
from latentsep.models.latent_spaces import Circle, Euclidean
from latentsep.models.vae import negative_log_likelihood
from latentsep.reductions import tolerance
from latentsep.reductions.generative import Known, Phases, draw

DRAWS = 100_000
EXACT = 1e-6  # the priors of the package are kept in single precision
ERRORS = 4.0  # standard errors that the mean of random draws may be off; by chance one in 16,000 is


def polar_nodes(radii: int = 64, around: int = 256) -> tuple[Tensor, Tensor]:
    """Nodes ``(radii·around, 2)`` and weights of a quadrature against N(0, I) in the plane, in double precision.

    Gauss–Legendre in the radius, out to 9, and regular angles. A map that looks at the angle jumps at
    the origin, but is smooth in these coordinates.
    """
    r, weight = (torch.from_numpy(4.5 * a) for a in np.polynomial.legendre.leggauss(radii))
    r = r + 4.5
    angle = 2 * math.pi * torch.arange(around, dtype=torch.float64) / around
    nodes = r[:, None, None] * torch.stack([angle.cos(), angle.sin()], -1)
    weights = (weight * r * (-r.square() / 2).exp() / around)[:, None].expand(-1, around)
    return nodes.flatten(0, 1), weights.flatten()


def errors_off(values: Tensor, exact: float) -> float:
    """How many standard errors the mean of independent ``values`` ``(n,)`` lies from an exact one."""
    return float((values.mean() - exact).abs() / (values.std() / math.sqrt(len(values))))


@dataclass(frozen=True)
class Example:
    """Two models and a map, all nonlinear, and regular grids of Z₁, ``z`` ``(n, 1)``, and of X, ``x`` ``(m, D)``.

    ``prior`` ``(n,)`` is the density of P_Z1, and ``dz`` and ``dx`` are the volumes of one cell. A sum over a
    regular grid integrates such functions, periodic or vanishing at the ends, to rounding.
    """

    source: Known
    target: Known
    mapping: tolerance.Map
    z: Tensor
    prior: Tensor
    dz: float
    x: Tensor
    dx: float

    def conditionals(self, z: Tensor) -> list[Independent]:
        """The decoding distributions at z and at M(z) for ``z`` ``(n, 1)``, as another library has them."""
        pairs = ((self.source, z), (self.target, self.mapping(z)))
        return [Independent(Normal(model.decode(at)[:, None], model.sigma_x.double()), 1) for model, at in pairs]

    def log_joints(self) -> list[Tensor]:
        """The logarithms of (8.1) and (8.3) on the grids by the package, densities over dx dz, each ``(n, m)``."""
        prior, logs = self.source.space.prior().log_prob(self.z)[:, None], []
        for model, z in ((self.source, self.z), (self.target, self.mapping(self.z))):
            logs.append(prior - negative_log_likelihood(self.x, model.decode(z)[:, None], model.sigma_x.double()))
        return logs

    def joint_kl(self) -> float:
        """The left side of (8.2): a sum over all points of both grids."""
        p, q = self.log_joints()
        return float((p.exp() * (p - q)).sum()) * self.dx * self.dz

    def inner_kl(self) -> Tensor:
        """KL of the decoding distributions at every point of the grid, by the package, ``(n,)``."""
        return tolerance.divergence(self.source, self.target, self.mapping, self.z[None])[0]

    def expected_kl(self) -> float:
        """The left side of (8.4)."""
        return float((self.prior * self.inner_kl()).sum()) * self.dz

    def draws(self) -> tuple[Tensor, Tensor]:
        """Latent variables from the prior and a datapoint for each, ``(DRAWS, 1)`` and ``(DRAWS, D)``."""
        stream = seeds.generator(0, "generative draws")
        z = draw(self.source.space, DRAWS, stream).double()
        mean = self.source.decode(z)
        return z, mean + self.source.sigma_x.double() * torch.randn(mean.shape, generator=stream, dtype=mean.dtype)


def on_the_circle() -> Example:
    """Angles to angles, with data in the plane."""
    source = Known(lambda z: torch.cat([z.cos() + 0.3 * (2 * z).cos(), z.sin()], -1), Phases(), [0.4])
    target = Known(lambda w: torch.cat([w.sin(), 0.8 * w.cos() + 0.1], -1), Circle(), [0.6])
    dz, axis = 2 * math.pi / 96, torch.linspace(-6.4, 6.4, 81, dtype=torch.float64)
    z = dz * (torch.arange(96, dtype=torch.float64) - 48)[:, None]
    prior = torch.full((96,), 1 / (2 * math.pi), dtype=torch.float64)
    return Example(
        source, target, lambda z: z + 0.7 + 0.5 * z.sin(), z, prior, dz, torch.cartesian_prod(axis, axis), 0.16**2
    )


def on_the_line(mapping: tolerance.Map = lambda z: z + 0.5 * z.square()) -> Example:
    """A line to a line, with data on a line."""
    source = Known(lambda z: torch.tanh(2 * z), Euclidean(1), [0.5])
    target = Known(lambda w: w.sin() + 0.2, Euclidean(1), [0.8])
    # Not on a point of the grid lies 0, where one of the maps jumps.
    z = 0.1 * (torch.arange(-90, 90, dtype=torch.float64) + 0.5)[:, None]
    prior = (-z[:, 0].square() / 2).exp() / math.sqrt(2 * math.pi)
    x = torch.linspace(-9, 9, 181, dtype=torch.float64)[:, None]
    return Example(source, target, mapping, z, prior, 0.1, x, 0.1)


def worst(measure: Callable[[Example], float]) -> float:
    """The larger of a measure of both examples."""
    return float(np.max([float(measure(example)) for example in (on_the_circle(), on_the_line())]))
