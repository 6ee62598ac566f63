"""Checks of chapter 8: generative models, and the reduction of one to another."""

import math

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from latentsep.data import seeds
from latentsep.data.benchmarks import Benchmark, regular_phases
from latentsep.ledger.checks.examples import (
    ERRORS,
    EXACT,
    Example,
    errors_off,
    on_the_circle,
    on_the_line,
    polar_nodes,
    worst,
)
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check
from latentsep.measures import estimators
from latentsep.models.latent_spaces import Circle, Euclidean
from latentsep.reductions import reduction, reductors, tolerance
from latentsep.reductions.generative import Known, Phases, draw


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
    ours = float(tolerance.tolerance(example.source, example.target, example.mapping).value)
    return Check("sum over a grid of X × Z₁ against tolerance.tolerance", abs(example.joint_kl() - ours), EXACT)


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
    def gap(example: Example) -> float:
        p, q = example.log_joints()
        first, second = (d.log_prob(example.x) for d in example.conditionals(example.z))
        return float(((p - q) - (first - second)).abs().max())

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
    mean, std = estimators.mean_and_std(tolerance.divergence(*models, nodes[None])[0], weights)
    for count in (10, 100, 1000):
        found = torch.cat([tolerance.tolerance(*models, count, seed).value for seed in range(300)])
        off.append(errors_off((found - mean).square(), float(std.square()) / count))
    return Check("mean square error from s²/L by quadrature, for three L, in standard errors", max(off), ERRORS)


@statement("eq-8.12")
def approximate_condition() -> Check:
    source, target, mapping = from_the_plane()
    z, (s1, s2) = polar_nodes()[0][None], (float(m.sigma_x) for m in (source, target))
    apart = (source.decode(z) - target.decode(mapping(z))).numpy()[0]
    constant = apart.shape[1] / 2 * (math.log(s2**2 / s1**2) + s1**2 / s2**2 - 1)
    printed = (apart**2).sum() / (2 * len(apart) * s2**2) + constant
    ours = float(tolerance.tolerance(source, target, mapping, latents=z).value)
    return Check("the sum written out against tolerance.tolerance at the same z", abs(printed - ours), EXACT)


@statement("text-8.1")
def second_prior() -> Check:
    """A map of tolerance 0 from a model whose prior covers half a turn into one whose prior covers all of it.

    What the two generate differs by log 2: datapoints of the first are those of half of the second's phases, narrow
    beside the turn. That is at most Δ if the map carries the first prior to the second.
    """
    turn = regular_phases(4096)[None, :, None]
    phases = Known.benchmark(Benchmark(), 0.01)
    half = turn / 2
    same = float(tolerance.tolerance(phases, phases, lambda z: z, latents=half).value)

    def apart(first: Tensor, second: Tensor) -> float:
        """KL between two mixtures over centres at regular phases, in nats, at their centres, where each is sharp."""
        x, centres = phases.decode(first[:, ::64]).double()[0], [phases.decode(z).double()[0] for z in (first, second)]
        logs = [torch.logsumexp(-torch.cdist(x, c).square() / (2 * 0.01**2), 1) - math.log(c.shape[0]) for c in centres]
        return float((logs[0] - logs[1])[1:-1].mean())

    return Check(
        "KL between generated datapoints beyond Δ, for a prior of half a turn; for one carried to the second",
        max(0.0, apart(half, turn) - same),
        1e-2,
        max(0.0, apart(turn.roll(1, 1), turn) - same),
    )


@statement("text-8.3b")
def estimate_for_condition() -> Check:
    """How often an estimate from 1000 draws is below Δ, for a Δ that the expectation does not keep to."""
    models = from_the_plane()
    nodes, weights = polar_nodes()
    mean, std = estimators.mean_and_std(tolerance.divergence(*models, nodes[None])[0], weights)
    too_small = float(mean) - float(std) / math.sqrt(1000)
    kept = sum(float(tolerance.tolerance(*models, 1000, seed).value) <= too_small for seed in range(200))
    return Check(
        "estimates of 200 that keep to a Δ that their expectation exceeds; the expectation itself",
        kept,
        0,
        int(float(mean) <= too_small),
    )
