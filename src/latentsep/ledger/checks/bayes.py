"""Checks of sections 2.2 to 2.4: Bayes' theorem, variational inference and the bound, with dice and on a line."""

import math
from fractions import Fraction

import numpy as np
from scipy import integrate, stats

from latentsep.data import seeds
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check
from latentsep.theory.bayes import Dice, Inference, Parabola

EXACT = 1e-8  # what sums in double precision leave
SHAPES = ((0.0, 1.0), (1.1, 0.3), (-0.8, 0.6), (0.4, 1.7))  # means and deviations of normal distributions
X = 1.5  # a datapoint of the parabola with two explanations


def examples() -> list[tuple[Inference, np.ndarray]]:
    """Datapoints and distributions of their latent variables, of dice and of the parabola."""
    stream = np.random.default_rng(seeds.derive(0, "distributions of dice"))
    # Number 5 excludes the die of 4 sides.
    weights = {number: stream.random((20, 4)) * ([1, 1, 1, 1] if number < 5 else [0, 1, 1, 1]) for number in (3, 5)}
    found = [(Dice().given(n), row / row.sum()) for n, rows in weights.items() for row in rows]
    line = Parabola()
    return found + [(line.given(X), line.masses(*shape)) for shape in SHAPES]


def worst(residual) -> float:
    """The largest value of ``residual(inference, q)`` over the examples."""
    return max(float(abs(residual(seen, q))) for seen, q in examples())


def mean_of(q: np.ndarray, values: np.ndarray) -> float:
    """∫ values dQ; where Q has no mass the values may be infinite."""
    return float((q * np.where(q > 0, values, 0)).sum())


@statement("eq-2.6")
def joint_density() -> Check:
    """Counted over equally likely outcomes: 120 draws of a die, each with 24 rolls."""
    dice, counted = Dice(), np.zeros((4, 12))
    for k, (sides, share) in enumerate(zip(dice.sides, dice.share, strict=True)):
        for roll in range(24):
            counted[k, roll % sides] += round(120 * share)
    off = np.abs(counted / (120 * 24) - dice.joint()).max()
    return Check("dice: likelihood times share, against counting", float(off), 1e-12)


@statement("def-2.2.1")
def density_of_the_model() -> Check:
    """P(1 < x < 2, z > 0) of the parabola by (2.7), and with the roles of the integrals exchanged."""
    line = Parabola(count=32_001)
    z, masses = line.nodes, line.masses(0, 1)
    # The density at the very edge of the event counts half.
    inside = np.where(z > 0, 1.0, np.where(z == 0, 0.5, 0.0))
    direct = (masses * inside * np.diff(stats.norm.cdf([[1], [2]], z**2, line.noise), axis=0)[0]).sum()
    nodes, weights = np.polynomial.legendre.leggauss(60)
    by_x = sum(
        w / 2 * mean_of(masses * inside, np.exp(line.given(1.5 + t / 2).log_likelihood))
        for t, w in zip(nodes, weights, strict=True)
    )
    return Check("one event: integral over x inside, against outside", abs(direct - by_x), EXACT)


@statement("def-2.2.2")
def marginals() -> Check:
    """The evidence of x = z² + σε is that of a χ² variable plus noise; and P_Z with respect to itself is 1."""
    line, off = Parabola(), []
    for x in (-0.5, 0.3, X, 4.0):
        # u = z², with the density of χ² written out in z.
        exact, _ = integrate.quad(
            lambda z, x=x: 2 * stats.chi2.pdf(z * z, 1) * z * stats.norm.pdf(x, z * z, line.noise),
            0, 8, points=[math.sqrt(max(x, 0))], epsabs=1e-13, limit=200,
        )  # fmt: skip
        off.append(abs(math.exp(line.given(x).log_evidence()) - exact))
    grid = np.linspace(-5, 15, 4001)
    over_x = [stats.norm.pdf(grid, z**2, line.noise).sum() * 0.005 for z in (-1.0, 0.0, 0.7, 2.5)]
    return Check(
        "P_X against the density of χ² plus noise, P_Z against 1", max(*off, *np.abs(np.array(over_x) - 1)), EXACT
    )


@statement("def-2.2.3")
def conditionals() -> Check:
    """Posteriors times evidences are the joint again, with the evidences summed or integrated by other means."""
    dice, line = Dice(), Parabola()
    joint = dice.joint()
    off = [np.abs(dice.given(k).posterior() * joint[:, k - 1].sum() - joint[:, k - 1]).max() for k in range(1, 13)]
    off.append(np.abs((joint / joint.sum(1, keepdims=True)).sum(1) - 1).max())
    for x in (-0.5, 0.3, X, 4.0):
        together = line.masses(0, 1) * stats.norm.pdf(x, line.nodes**2, line.noise)
        exact, _ = integrate.quad(
            lambda z, x=x: stats.norm.pdf(z) * stats.norm.pdf(x, z * z, line.noise), -8, 8, limit=200
        )
        off.append(np.abs(line.given(x).posterior() * exact - together).max())
    return Check("posterior times evidence against the joint, dice and parabola", float(max(off)), EXACT)


@statement("thm-2")
def bayes_theorem() -> Check:
    """Posteriors of dice as fractions, by counting."""
    dice, off = Dice(), 0.0
    share = [Fraction(s).limit_denominator(100) for s in dice.share]
    for number in range(1, 13):
        ways = [s / sides if number <= sides else Fraction(0) for s, sides in zip(share, dice.sides, strict=True)]
        exact = [float(w / sum(ways)) for w in ways]
        off = max(off, float(np.abs(dice.given(number).posterior() - exact).max()))
    return Check("posteriors of dice after every number, against fractions", off, 1e-12)
