"""Checks of chapter 8: generative models, and the reduction of one to another."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from latentsep import estimators, reduction, reductors, seeds
from latentsep.checks.registry import statement
from latentsep.generative import Known, Phases, draw
from latentsep.latent_spaces import Circle, Euclidean
from latentsep.ledger import Check
from latentsep.vae import negative_log_likelihood

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
    mapping: reduction.Map
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
        return reduction.divergence(self.source, self.target, self.mapping, self.z[None])[0]

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


def on_the_line(mapping: reduction.Map = lambda z: z + 0.5 * z.square()) -> Example:
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


@statement("def-8.0.1")
def generative_process() -> Check:
    """Three means over draws against sums over the density."""

    def off(example: Example) -> float:
        density, (z, x) = example.log_joints()[0].exp() * example.dx * example.dz, example.draws()
        functions = (lambda z, x: x, lambda z, x: x.square(), lambda z, x: x * z.cos())
        exact = [float((density * f(example.z[:, None], example.x).sum(-1)).sum()) for f in functions]
        return max(errors_off(f(z, x).sum(-1), e) for f, e in zip(functions, exact, strict=True))

    return Check("draws of z, then x given z: means in standard errors from sums over the density", worst(off), ERRORS)


def _is_joint(density: Tensor, example: Example) -> float:
    """How far a density ``(n, m)`` is from mass one, and its marginal on Z₁ from the prior."""
    marginal = density.sum(1) * example.dx
    return max(abs(float(marginal.sum()) * example.dz - 1), float((marginal - example.prior).abs().max()))


@statement("eq-8.1")
def joint_density() -> Check:
    gap = worst(lambda e: _is_joint(e.log_joints()[0].exp(), e))
    return Check("mass of the density with respect to dx dz, and its marginal on Z₁ against the prior", gap, EXACT)


@statement("def-8.1.1")
def continuity() -> Check:
    """How far the images of points 10⁻⁸ apart are from each other under the maps of Table 9.1."""
    spaces, jumps = (Euclidean(2), Circle(), Phases()), {"printed": 0.0, "corrected": 0.0}
    for family in (reductors.family(a, b) for a in spaces for b in spaces if a != b):
        stream = seeds.generator(0, "continuity", family)
        parameters, drawn = family.start(stream).double(), draw(family.source, 1000, stream).double()
        shift = 1e-8 * torch.nn.functional.normalize(torch.randn(drawn.shape, generator=stream, dtype=torch.float64))
        # Where a map may jump: the origin of the plane, or where the two ends of the angles meet.
        special = torch.full_like(drawn, 0.0 if family.source == Euclidean(2) else math.pi)
        for name, z in (("printed", special), ("corrected", drawn)):
            # Embedded, so that the two ends of the angles are one point.
            ends = [family.target.embed(family.apply(parameters, z + s * shift / 2)) for s in (-1, 1)]
            jumps[name] = max(jumps[name], float((ends[1] - ends[0]).norm(dim=-1).max()))
    return Check(
        "largest jump of Table 9.1's maps, which are to be continuous; corrected: at draws from the prior",
        tolerance=1e-4,
        **jumps,
    )


@statement("eq-8.2")
def condition() -> Check:
    example = on_the_circle()
    ours = float(reduction.tolerance(example.source, example.target, example.mapping).value)
    return Check("sum over a grid of X × Z₁ against reduction.tolerance", abs(example.joint_kl() - ours), EXACT)


@statement("eq-8.3")
def mapped_density() -> Check:
    gap = worst(lambda e: _is_joint(e.log_joints()[1].exp(), e))
    return Check("mass of the density, and its marginal on Z₁ against the prior of the first model", gap, EXACT)


@statement("lem-4")
def lemma_4() -> Check:
    gap = worst(lambda e: abs(e.joint_kl() - e.expected_kl()))
    return Check("KL of the joint distributions, summed over a grid, against the expectation", gap, EXACT)


@statement("eq-8.4")
def expected_divergence() -> Check:
    def off(example: Example) -> float:
        z, x = example.draws()
        first, second = (d.log_prob(x[:, None])[:, 0] for d in example.conditionals(z))
        return errors_off(first - second, example.expected_kl())

    return Check("against the mean log-ratio of draws from the first model, in standard errors", worst(off), ERRORS)


@statement("eq-8.5")
def double_integral() -> Check:
    def gap(example: Example) -> float:
        nodes, weights = estimators.gauss_hermite(example.x.shape[-1], 12)
        x = example.source.decode(example.z)[:, None] + example.source.sigma_x.double() * nodes
        first, second = (d.log_prob(x) for d in example.conditionals(example.z))
        return abs(float(example.prior @ (first - second) @ weights) * example.dz - example.joint_kl())

    return Check("sum over grids of x and z against Gauss–Hermite nodes in x that move with z", worst(gap), EXACT)


@statement("eq-8.6")
def cancelled_priors() -> Check:
    def gap(example: Example) -> Tensor:
        p, q = example.log_joints()
        first, second = (d.log_prob(example.x) for d in example.conditionals(example.z))
        return ((p - q) - (first - second)).abs().max()

    return Check("logarithms of both ratios at every point of a grid", worst(gap), EXACT)


@statement("eq-8.7")
def inner_integral() -> Check:
    def gap(example: Example) -> float:
        first, second = example.conditionals(example.z)
        logs = [d.log_prob(example.x) for d in (first, second)]
        summed = (logs[0].exp() * (logs[0] - logs[1])).sum(1) * example.dx
        exact = kl_divergence(first, second)[:, 0]
        return max(float((values - exact).abs().max()) for values in (summed, example.inner_kl()))

    return Check(
        "inner integral at each z, by a grid and by the package, against torch.distributions", worst(gap), EXACT
    )


@statement("eq-8.8")
def without_continuity() -> Check:
    example = on_the_line(lambda z: torch.where(z > 0, 2 + z, -1 - 0.3 * z))
    gap = abs(example.joint_kl() - example.expected_kl())
    return Check("both sides for a map that jumps, by a sum over a grid and in closed form", gap, EXACT)


def from_the_plane() -> tuple[Known, Known, reduction.Reductor]:
    """A model in the plane, one on the circle, and a rotation between them, which jumps at the origin."""
    source = Known(lambda z: torch.cat([z, z.prod(-1, keepdim=True).tanh()], -1), Euclidean(2), [0.5])
    target = Known(lambda w: torch.cat([w.cos(), w.sin(), 0.3 * (2 * w).sin()], -1), Circle(), [0.8])
    return source, target, reduction.Reductor(reductors.Rotation(source.space, target.space), torch.tensor([0.4]))


@statement("eq-8.9")
def convergence() -> Check:
    models, (nodes, weights), off = from_the_plane(), polar_nodes(), []
    mean, std = estimators.mean_and_std(reduction.divergence(*models, nodes[None])[0], weights)
    for count in (10, 100, 1000):
        found = torch.cat([reduction.tolerance(*models, count, seed).value for seed in range(300)])
        off.append(errors_off((found - mean).square(), float(std.square()) / count))
    return Check("mean square error from s²/L by quadrature, for three L, in standard errors", max(off), ERRORS)


@statement("eq-8.12")
def approximate_condition() -> Check:
    source, target, mapping = from_the_plane()
    z, (s1, s2) = polar_nodes()[0][None], (float(m.sigma_x) for m in (source, target))
    apart = (source.decode(z) - target.decode(mapping(z))).numpy()[0]
    constant = apart.shape[1] / 2 * (math.log(s2**2 / s1**2) + s1**2 / s2**2 - 1)
    printed = (apart**2).sum() / (2 * len(apart) * s2**2) + constant
    ours = float(reduction.tolerance(source, target, mapping, latents=z).value)
    return Check("the sum written out against reduction.tolerance at the same z", abs(printed - ours), EXACT)
