"""Inference where nothing is intractable: latent variables that can be listed (thesis ch. 2).

The thesis takes densities of latent variables with respect to the prior. That makes a list of dice and a
line cut into nodes the same thing: prior masses, the likelihood of a datapoint at each, and sums.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import norm

from latentsep.data import seeds

_AT_ONCE = 20_000  # draws


@dataclass(frozen=True)
class Inference:
    """A datapoint and everything that its latent variables may be: prior masses and log-likelihoods, both ``(n,)``.

    Distributions Q of latent variables are masses ``(..., n)``; all values are in nats.

    >>> fair_or_not = Inference(np.array([0.5, 0.5]), np.log([1 / 6, 1 / 2]))
    >>> fair_or_not.posterior().round(4).tolist()
    [0.25, 0.75]
    """

    prior: np.ndarray
    log_likelihood: np.ndarray

    @property
    def log_joint(self) -> np.ndarray:
        """log P_{X×Z}(x, z) of this x, as masses ``(n,)`` (2.6)."""
        return _log(self.prior) + self.log_likelihood

    def log_evidence(self) -> float:
        """log P_X(x) (2.8, 2.14)."""
        return float(logsumexp(self.log_joint))

    def posterior(self) -> np.ndarray:
        """Masses of P_{Z|x}, by Bayes' theorem (2.10)."""
        return softmax(self.log_joint)

    def kl_to_posterior(self, q: np.ndarray) -> np.ndarray:
        """KL(Q‖P_{Z|x}) (2.15)."""
        return divergence(q, log_softmax(self.log_joint))

    def kl_to_prior(self, q: np.ndarray) -> np.ndarray:
        """KL(Q‖P_Z), the regularisation (2.28)."""
        return divergence(q, _log(self.prior))

    def reconstruction(self, q: np.ndarray) -> np.ndarray:
        """−E_Q[log P_{X|z}(x)], infinite if Q allows what the likelihood excludes (2.27)."""
        return -_mean(q, self.log_likelihood)

    def elbo(self, q: np.ndarray) -> np.ndarray:
        """The evidence lower bound L(x, Q) (2.20)."""
        return -self.reconstruction(q) - self.kl_to_prior(q)


def divergence(q: np.ndarray, log_p: np.ndarray) -> np.ndarray:
    """KL(Q‖P) of masses ``q`` ``(..., n)`` from P, given by logarithms of masses, which never vanish by rounding.

    Infinite unless Q is absolutely continuous with respect to P (2.1).

    >>> float(divergence(np.array([0.5, 0.5]), np.array([0.0, -np.inf])))
    inf
    """
    return _mean(q, _log(q)) - _mean(q, log_p)


def _log(masses: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(masses)


def _mean(q: np.ndarray, values: np.ndarray) -> np.ndarray:
    """∫ values dQ; where Q has no mass values may be infinite."""
    return np.where(q > 0, q * np.where(q > 0, values, 0), 0).sum(-1)


@dataclass(frozen=True)
class Dice:
    """A die drawn from a bag, and rolled: the latent variable is which one, the datapoint is the number it shows."""

    sides: tuple[int, ...] = (4, 6, 8, 12)
    share: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)

    def joint(self) -> np.ndarray:
        """P_{X×Z}(x, z): probabilities ``(dice, numbers)`` (2.6)."""
        numbers = np.arange(1, max(self.sides) + 1)
        likelihood = (numbers <= np.array(self.sides)[:, None]) / np.array(self.sides)[:, None]
        return np.array(self.share)[:, None] * likelihood

    def given(self, number: int) -> Inference:
        """What can be said after one roll. Raises ``ValueError`` for a number that no die has."""
        if not 1 <= number <= max(self.sides):
            raise ValueError(f"number is {number}; choose 1 to {max(self.sides)}")
        return Inference(np.array(self.share), _log(self.joint()[:, number - 1] / np.array(self.share)))


@dataclass(frozen=True)
class Parabola:
    """x = z² + ``noise``·ε with z ~ N(0, 1): a datapoint above zero has two explanations."""

    noise: float = 0.5
    reach: float = 16.0
    count: int = 8001

    @property
    def nodes(self) -> np.ndarray:
        """Regular nodes z on [−reach, reach]. Sums over them are integrals, to rounding (trapezoidal rule)."""
        return np.linspace(-self.reach, self.reach, self.count)

    def masses(self, mean: float, std: float) -> np.ndarray:
        """The normal distribution as masses at the nodes, ``(count,)``."""
        return norm.pdf(self.nodes, mean, std) * (self.nodes[1] - self.nodes[0])

    def given(self, x: float) -> Inference:
        """What can be said after seeing x."""
        return Inference(self.masses(0, 1), norm.logpdf(x, self.nodes**2, self.noise))


def ascend(model: Parabola, x: float, mean: float, std: float) -> np.ndarray:
    """Maximise the bound over normal distributions (2.21); rows (mean, std, bound) of every step, ``(steps, 3)``."""
    seen = model.given(x)

    def row(parameters: np.ndarray) -> tuple[float, float, float]:
        mean, std = parameters[0], np.exp(parameters[1])
        return mean, std, float(seen.elbo(model.masses(mean, std)))

    path = [row(np.array([mean, np.log(std)]))]
    minimize(
        lambda parameters: -row(parameters)[2],
        np.array([mean, np.log(std)]),
        callback=lambda parameters: path.append(row(parameters)),
        options={"gtol": 1e-9},
    )
    return np.array(path)


# The evidence of x = z + noise·ε in d dimensions, where it is known. Neither method makes use of that.


def exact_evidence(x: np.ndarray, noise: float) -> float:
    """log P_X(x) for z ~ N(0, I) and x ``(d,)``."""
    return float(norm.logpdf(x, 0, np.sqrt(1 + noise**2)).sum())


def evidence_by_grid(x: np.ndarray, noise: float, budget: int) -> tuple[float, int]:
    """log P_X(x) from a grid of Gauss–Hermite nodes, as many along each axis as ``budget`` evaluations allow.

    Returns it and the number of evaluations. The grid has nodes^d points, each of which is visited.
    """
    nodes = min(64, max(1, int(budget ** (1 / len(x)) + 1e-9)))
    z, weight = hermegauss(nodes)
    points = np.zeros((1, 0))
    mass = np.ones(1)
    for _ in x:
        points = np.concatenate([np.repeat(points, nodes, 0), np.tile(z, len(points))[:, None]], 1)
        mass = np.repeat(mass, nodes) * np.tile(weight / weight.sum(), len(mass))
    values = norm.logpdf(x, points, noise).sum(-1)
    return float(logsumexp(values, b=mass)), len(points)


def evidence_by_samples(x: np.ndarray, noise: float, budget: int, repetitions: int, seed: int) -> np.ndarray:
    """log P_X(x) from ``budget`` draws of the prior (2.8), that many ``repetitions``, ``(repetitions,)``."""
    stream = np.random.default_rng(seeds.derive(seed, "evidence", len(x)))
    constant = len(x) * math.log(noise * math.sqrt(2 * math.pi)) + math.log(budget)
    found = []
    for _ in range(repetitions):
        # As many at a time as a processor keeps at hand.
        parts = (min(_AT_ONCE, budget - begun) for begun in range(0, budget, _AT_ONCE))
        squares = [np.square(x - stream.standard_normal((count, len(x)))).sum(-1) for count in parts]
        found.append(logsumexp(np.concatenate(squares) / (-2 * noise**2)) - constant)
    return np.array(found)
