"""Checks of what the thesis does not number: sentences, captions, displays."""

import math

import numpy as np
import torch

from latentsep.data import images
from latentsep.data.benchmarks import ExtendedBenchmark
from latentsep.ledger.checks.bayes import EXACT, worst
from latentsep.ledger.checks.benchmark import DATA
from latentsep.ledger.checks.diffusion import AMPLITUDES, MU, TIMES, C, derivative, spatial, temporal
from latentsep.ledger.checks.registry import MEAN, STD, LinearModel, sizes, statement
from latentsep.ledger.ledger import Check
from latentsep.models.distributions import HeatKernel
from latentsep.models.latent_spaces import CliffordTorus, Euclidean
from latentsep.models.normal import kl_normal_diagonal
from latentsep.reductions.generative import Known
from latentsep.reductions.reductors import Projection
from latentsep.theory.bayes import Parabola
from latentsep.theory.diffusion import grid, mass

# Chapters 2 and 3


@statement("text-2.2")
def measure_of_the_joint() -> Check:
    """The mass of Ω cut at |x| = 40, of which the model leaves out 10⁻¹⁰."""
    line = Parabola()
    masses = line.masses(0, 1)
    x = np.linspace(-40, 40, 1601)
    density = np.array([masses @ np.exp(line.given(v).log_likelihood) for v in x])
    return Check(
        "mass that length times P_Z gives to |x| < 40, against 1; and the model",
        abs(80 * masses.sum() - 1),
        EXACT,
        abs(float(density.sum() * 0.05) - 1),
    )


@statement("text-2.3")
def terms_of_the_bound() -> Check:
    printed = worst(lambda seen, q: seen.elbo(q) + seen.kl_to_posterior(q))
    meant = worst(lambda seen, q: seen.elbo(q) + seen.kl_to_posterior(q) - seen.log_evidence())
    return Check("bound plus (2.15), and plus the left side of (2.19), dice and parabola", printed, EXACT, meant)


@statement("text-3.1")
def values_of_the_bound() -> Check:
    """Both (3.3) and (3.8) are said to be functions into R⁺₀."""
    model = LinearModel()
    bound = -model.expected_nll() - float(kl_normal_diagonal(MEAN, STD))
    above = bound - float(model.evidence.log_prob(model.x))
    return Check("linear model: bound below 0, and above log p(x)", max(0.0, -bound), 0, max(0.0, above))


# Chapters 5 and 8


@statement("text-5.1")
def covariance_of_the_noise() -> Check:
    x, phases = DATA.sample(0.1)
    noise = x - DATA.mean(phases)
    return sizes(
        "rows of Σ against those of the noise's covariance",
        phases[:, None].shape[1],
        DATA.dimension,
        len(noise.T.cov()),
    )


@statement("text-5.2")
def seam_of_the_phases() -> Check:
    """2π is no phase of Φ = [−π, π), not even as a limit. The same slip is in the captions of Figs 9.3 and 9.4."""
    largest = float(DATA.sample(0.1)[1].max())
    first, last = DATA.mean(torch.tensor([-math.pi, math.pi - 1e-9], dtype=torch.float64))
    return Check(
        "way from the largest phase drawn to 2π, in radians; F(−π) against F just below π",
        2 * math.pi - largest,
        1e-6,
        float((first - last).abs().max()),
    )


@statement("text-8.3")
@statement("text-8.0")
def space_of_the_data() -> Check:
    """Where decoders lead, and by whose volume datapoints have a density; in print, that of the latent plane."""
    found = Known.benchmark(DATA, 0.1).decode(torch.zeros(3, 1)).shape[-1]
    return sizes("entries of a decoder's mean against the dimension", 2, DATA.dimension, found)


# Chapters 10 and 11, appendix A


@statement("text-10.1")
def shift_by() -> Check:
    picture = images.grey()
    width = picture.shape[1]
    j = np.arange(1, width + 1)
    expected = [np.roll(picture, -s, axis=1) for s in j]
    off = [
        max(np.abs(picture[:, (j + s + more) % width] - e).max() for s, e in zip(j, expected, strict=True))
        for more in (0, -1)
    ]
    return Check("F(s) against the picture shifted by s", float(off[0]), 0, float(off[1]))


@statement("text-11.1")
def covariance_of_a_picture() -> Check:
    data = ExtendedBenchmark()
    found = data.mean(torch.zeros(2)).numel()
    return sizes("rows of the covariance of a picture's noise", data.side, data.side**2, found)


@statement("text-11.5")
def spaces_of_the_projection() -> Check:
    torus = CliffordTorus()
    family = Projection(Euclidean(4), torus)
    found = torus.embed(family.apply(torch.eye(4), torch.ones(3, 4)))
    return sizes("numbers that (11.12) gives", 2, 4, found.shape[-1])


def end_value(brackets: bool) -> float:
    """ρ(−π, t) as the left side of (A.8) has it."""
    t, angle = torch.tensor(0.3, dtype=torch.float64), math.pi * math.sqrt(C)
    first, second = AMPLITUDES[0] * math.cos(angle), AMPLITUDES[1] * math.sin(angle)
    decay = float(temporal(t))
    return decay * (first - second) if brackets else decay * first - second


@statement("eq-A.8")
def value_at_the_end() -> Check:
    t, end = torch.tensor([0.3, -math.pi], dtype=torch.float64)
    exact = float(temporal(t) * spatial(end))
    off = [abs(end_value(brackets) - exact) for brackets in (False, True)]
    return Check("left side against T(t)R(−π); it lacks brackets", off[0], 1e-9, off[1])


@statement("eq-A.17")
def mass_in_time() -> Check:
    """Outside of the sum m has no value; with any but 0 the mass would decay."""
    r = grid(400)
    waves = np.cos(np.outer(np.arange(60), r))

    def off(inside: bool) -> float:
        factors = [np.exp(-(np.arange(60) ** 2) * t) if inside else np.exp(-t) * np.ones(60) for t in TIMES]
        return max(abs(mass(f @ waves / (2 * math.pi)) - 1) for f in factors)

    return Check("mass over time, with m = 1 outside of the sum, and with m inside", off(False), 1e-9, off(True))


@statement("text-A.1")
def density_at_the_start() -> Check:
    """Mass within a of μ: first a → 0, as δ_μ asks of a function at a time, then t → 0; and the other way around."""

    def near(t: float, reach: float) -> float:
        r = MU + torch.linspace(-reach, reach, 2001, dtype=torch.float64)
        density = HeatKernel(MU, torch.tensor(t, dtype=torch.float64)).log_prob(r).exp()
        return float(torch.trapezoid(density, r))

    function, limit = (abs(near(*at) - 1) for at in ((1e-6, 1e-9), (1e-9, 1e-3)))
    return Check(
        "mass near μ against 1, where the neighbourhood shrinks faster than the time, and where it does not",
        function,
        1e-6,
        limit,
    )


@statement("eq-A.10")
def kink_at_the_seam() -> Check:
    """C = 0 with any c, here ¼, meets (A.1b); only the second condition leaves sin(π√c) = 0."""

    def kink(c: float) -> float:
        ends = torch.tensor([-math.pi, math.pi], dtype=torch.float64)
        slopes = derivative(lambda r: torch.cos(r * math.sqrt(c)), ends)
        return float((torch.cos(ends * math.sqrt(c)).diff().abs() + slopes.diff().abs()).detach())

    return Check("step and kink of cos(r√c) at the seam, for c = ¼ and for c = m²", kink(0.25), 1e-9, kink(4.0))
