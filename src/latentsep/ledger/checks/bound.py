"""Checks of chapter 2 from the family of posteriors on: divergences, evidence and the bound."""

import itertools
import math

import numpy as np
import torch
from scipy import stats
from torch.distributions import Normal, kl_divergence

from latentsep.ledger.checks.bayes import EXACT, SHAPES, X, examples, mean_of, worst
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check
from latentsep.theory.bayes import Dice, Inference, Parabola, ascend, divergence


@statement("eq-4.8")
@statement("eq-4.3")
@statement("eq-2.12")
def normal_family() -> Check:
    """The print admits every matrix Σ. With −I it has determinant 1, and a density that grows without end."""

    def off(covariance: np.ndarray) -> float:
        side = np.linspace(-9, 9, 361)
        z = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
        exponent = -0.5 * np.einsum("ni,ij,nj->n", z, np.linalg.inv(covariance), z)
        density = np.exp(exponent) / math.sqrt(np.linalg.det(covariance)) / (2 * math.pi)
        return abs(float(density.sum()) * 0.05**2 - 1)

    good = max(off(np.array(c)) for c in ([[1.0, 0.3], [0.3, 0.5]], [[0.7, -0.2], [-0.2, 1.2]]))
    return Check("mass in a box against 1; the print's Σ need not be positive definite", off(-np.eye(2)), EXACT, good)


@statement("eq-2.13")
def closest_member() -> Check:
    """What ascending the bound finds has, among all normal distributions on a grid, the least divergence."""
    line = Parabola()
    seen = line.given(X)
    mean, std, _ = ascend(line, X, 1.0, 0.5)[-1]
    found = seen.kl_to_posterior(line.masses(mean, std))
    grid = itertools.product(np.linspace(0.0, 2.0, 41), np.linspace(0.05, 1.5, 30))
    least = min(float(seen.kl_to_posterior(line.masses(m, s))) for m, s in grid)
    return Check(
        "KL at the maximum of the bound, above the least on a grid of the family", max(0.0, float(found) - least), EXACT
    )


@statement("eq-2.14")
def evidence() -> Check:
    """Bayes' denominator as an integral over the prior: dice by counting, and the two sums over the parabola agree."""
    dice, line = Dice(), Parabola()
    counted = [sum(s / n for s, n in zip(dice.share, dice.sides, strict=True) if k <= n) for k in range(1, 13)]
    off = [abs(math.exp(dice.given(k).log_evidence()) - c) for k, c in zip(range(1, 13), counted, strict=True)]
    # With P_Z(z) = 1 the two integrands of (2.14) are one; it is the same with respect to the length of z.
    z = np.linspace(-8, 8, 4001)
    by_length = (stats.norm.pdf(z) * stats.norm.pdf(X, z**2, line.noise)).sum() * 0.004
    return Check(
        "evidence of dice by counting, of the parabola by length",
        max(*off, abs(by_length - math.exp(line.given(X).log_evidence()))),
        EXACT,
    )


@statement("eq-2.15")
def kl_divergence_of_masses() -> Check:
    line, off = Parabola(), 0.0
    for (m, s), (n, t) in itertools.product(SHAPES, SHAPES):
        p, q = (Normal(*torch.tensor(shape, dtype=torch.float64)) for shape in ((m, s), (n, t)))
        log_p = stats.norm.logpdf(line.nodes, n, t) + math.log(line.nodes[1] - line.nodes[0])
        off = max(off, abs(float(divergence(line.masses(m, s), log_p) - kl_divergence(p, q))))
    return Check("normal distributions: sums over nodes against the closed form", off, EXACT)


@statement("eq-2.16")
def kl_with_bayes() -> Check:
    """The print has P_{X|z_i} under an integral over z: one latent variable, here the likeliest, for all."""

    def off(likelihood) -> float:
        def residual(seen: Inference, q: np.ndarray) -> np.ndarray:
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.log(q) + seen.log_evidence() - likelihood(seen) - np.log(seen.prior)
            return mean_of(q, ratio) - seen.kl_to_posterior(q)

        return worst(residual)

    printed, meant = off(lambda seen: seen.log_likelihood.max()), off(lambda seen: seen.log_likelihood)
    return Check("KL to the posterior against its form by Bayes' theorem, dice and parabola", printed, EXACT, meant)


@statement("eq-2.17")
def kl_term_by_term() -> Check:
    def residual(seen: Inference, q: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = seen.log_evidence() + np.log(q / seen.prior) - seen.log_likelihood
        return mean_of(q, terms) - seen.kl_to_posterior(q)

    return Check("KL to the posterior against the mean of three logarithms", worst(residual), EXACT)


@statement("eq-2.18")
def decomposition() -> Check:
    def residual(seen: Inference, q: np.ndarray) -> np.ndarray:
        right = seen.log_evidence() + seen.kl_to_prior(q) + seen.reconstruction(q)
        return seen.kl_to_posterior(q) - right

    return Check("both sides, dice and parabola", worst(residual), EXACT)


@statement("eq-2.19")
def without_the_evidence() -> Check:
    def residual(seen: Inference, q: np.ndarray) -> np.ndarray:
        return seen.kl_to_posterior(q) - seen.log_evidence() + seen.elbo(q)

    return Check("left side against −ELBO, dice and parabola", worst(residual), EXACT)


@statement("eq-2.20")
def bound() -> Check:
    """The print has values in R⁺₀. A probability has a logarithm below zero, and so has every bound for it."""
    lowest = min(float(seen.elbo(q)) for seen, q in examples())
    against = worst(lambda seen, q: seen.elbo(q) - (seen.log_evidence() - seen.kl_to_posterior(q)))
    return Check(
        "lowest of 44 bounds, below the printed range; the formula against log P_X(x) − KL",
        max(0.0, -lowest),
        EXACT,
        against,
    )


@statement("eq-2.21")
def two_optimisations() -> Check:
    """One parameter of the bound at a time cannot be raised any further: its derivatives vanish."""
    line = Parabola()
    seen, (mean, std, _) = line.given(X), ascend(line, X, 1.0, 0.5)[-1]

    def slope(*along: float) -> float:
        values = [seen.elbo(line.masses(mean + h * along[0], std + h * along[1])) for h in (1e-4, -1e-4)]
        return abs(float(values[0] - values[1])) / 2e-4

    return Check(
        "slope of the bound at its maximum, in mean and deviation",
        max(slope(1, 0), slope(0, 1)),
        1e-5,
    )


@statement("eq-2.22")
def inequality() -> Check:
    """Never above the evidence, and equal to it at the posterior."""
    above = max(max(0.0, float(seen.elbo(q)) - seen.log_evidence()) for seen, q in examples())
    gap = worst(lambda seen, _: seen.elbo(seen.posterior()) - seen.log_evidence())
    return Check("bound above log P_X(x); gap at Q = posterior", max(above, gap), EXACT)


@statement("eq-2.23")
def whole_dataset() -> Check:
    """Three rolls, each of a die of its own: the 64 triples of dice against the sum of three logarithms.

    The print has x, with no index, under a product over i: one roll, here the first, three times.
    """
    rolls, joint = (3, 5, 2), Dice().joint()
    triples = sum(
        math.prod(joint[k, x - 1] for k, x in zip(dice, rolls, strict=True))
        for dice in itertools.product(range(4), repeat=3)
    )
    each = [Dice().given(x).log_evidence() for x in rolls]
    return Check(
        "log-probability of three rolls over all triples of dice, against three times that of one, and against the sum",
        abs(math.log(triples) - len(rolls) * each[0]),
        1e-12,
        abs(math.log(triples) - sum(each)),
    )


@statement("eq-2.25")
def one_parameter_for_all() -> Check:
    """Maximised over one Q for the whole dataset, as printed, the bound leaves the posteriors of (2.13) unreached."""
    seen = [Dice().given(number) for number in (3, 5)]
    with np.errstate(divide="ignore"):
        logs = np.mean([np.log(s.prior) + s.log_likelihood for s in seen], axis=0)
    common = np.exp(logs - logs.max())
    common /= common.sum()
    alone = max(abs(float(s.elbo(s.posterior())) - s.log_evidence()) for s in seen)
    return Check(
        "largest KL to a posterior after two rolls, with one Q for both, and with one for each",
        max(float(s.kl_to_posterior(common)) for s in seen),
        1e-12,
        alone,
    )


@statement("eq-2.26")
def two_terms() -> Check:
    def residual(seen: Inference, q: np.ndarray) -> np.ndarray:
        return seen.reconstruction(q) + seen.kl_to_prior(q) - (seen.kl_to_posterior(q) - seen.log_evidence())

    return Check("sum of the two terms against KL − log P_X(x), dice and parabola", worst(residual), EXACT)


def on_the_line(integrand: str) -> tuple[float, float]:
    """The terms of the bound as printed, integrals over the prior, and over Q, both against Gauss–Hermite nodes."""
    line, (mean, std) = Parabola(), SHAPES[1]
    q, p = line.masses(mean, std), line.masses(0, 1)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    z = mean + std * nodes
    if integrand == "likelihood":
        values, at_nodes = -line.given(X).log_likelihood, -stats.norm.logpdf(X, z**2, line.noise)
    else:
        values = stats.norm.logpdf(line.nodes) - stats.norm.logpdf(line.nodes, mean, std)
        at_nodes = stats.norm.logpdf(z) - stats.norm.logpdf(z, mean, std)
    exact = float((weights * at_nodes).sum() / weights.sum())
    return abs(float((p * values).sum()) - exact), abs(float((q * values).sum()) - exact)


@statement("eq-2.27")
def reconstruction_term() -> Check:
    printed, corrected = on_the_line("likelihood")
    return Check("integral over the prior, as printed, and over Q", printed, EXACT, corrected)


@statement("eq-2.28")
def regularisation_term() -> Check:
    """Over the prior, as printed, the integral is +KL(P‖Q): another divergence, with the other sign."""
    printed, corrected = on_the_line("ratio")
    return Check("integral over the prior, as printed, and over Q", printed, EXACT, corrected)
