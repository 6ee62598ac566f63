"""Two factors behind points of the plane: a model where the bound and the evidence are known, and disagree.

x = W z + noise·ε with z ~ N(0, I) in the plane. The columns of W have one length and enclose an angle, the only thing
to be learned. If posteriors must have independent components, the best of them misses the true one by more, the
smaller the angle is: then one point has many explanations that trade one factor for the other.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from latentsep.data import seeds


@dataclass(frozen=True)
class Factors:
    """The model, with the ``length`` of the columns, and angles between them in radians, from 0 to π/2."""

    length: float = 1.0
    noise: float = 0.5

    def weights(self, angle: float) -> np.ndarray:
        """W ``(2, 2)``; the first axis lies halfway between its columns."""
        c, s = math.cos(angle / 2), math.sin(angle / 2)
        return self.length * np.array([[c, c], [-s, s]])

    def draw(self, angle: float, count: int, seed: int) -> np.ndarray:
        """Points ``(count, 2)``."""
        stream = np.random.default_rng(seeds.derive(seed, "two factors"))
        z, noise = stream.standard_normal((2, count, 2))
        return z @ self.weights(angle).T + self.noise * noise

    def log_evidence(self, x: np.ndarray, angle: float) -> float:
        """The mean of log p(x) over points ``(count, 2)``, in nats."""
        weights = self.weights(angle)
        covariance = weights @ weights.T + self.noise**2 * np.eye(2)
        squares = np.einsum("ni,ij,nj->n", x, np.linalg.inv(covariance), x).mean()
        return float(-0.5 * (squares + np.linalg.slogdet(2 * np.pi * covariance)[1]))

    def precision(self, angle: float) -> np.ndarray:
        """The inverse covariance ``(2, 2)`` of the posterior, which is the same for every point."""
        weights = self.weights(angle)
        return np.eye(2) + weights.T @ weights / self.noise**2

    def gap(self, angle: float, independent: bool = True) -> float:
        """The divergence of the best normal guess from the posterior, in nats.

        With ``independent`` components that guess has the true means, and the inverses of the diagonal of the true
        precision for variances; with any it is the posterior.
        """
        precision = self.precision(angle)
        guess = np.linalg.inv(np.diag(np.diag(precision)) if independent else precision)
        log_dets = np.linalg.slogdet(precision)[1] + np.linalg.slogdet(guess)[1]
        return float(0.5 * (np.trace(precision @ guess) - 2 - log_dets))

    def bound(self, x: np.ndarray, angle: float, independent: bool = True) -> float:
        """The mean of the highest evidence lower bound over points, in nats."""
        return self.log_evidence(x, angle) - self.gap(angle, independent)

    def highest_evidence(self, x: np.ndarray) -> float:
        """The angle with the highest evidence."""
        return _highest(lambda angle: self.log_evidence(x, angle))

    def highest_bound(self, x: np.ndarray, independent: bool = True) -> float:
        """The angle with the highest bound."""
        return _highest(lambda angle: self.bound(x, angle, independent))

    def ascended(self, x: np.ndarray, start: float, independent: bool = True) -> float:
        """By how much the evidence rises while the bound is climbed from a ``start``, a mean over points, in nats."""
        return self.log_evidence(x, self.highest_bound(x, independent)) - self.log_evidence(x, start)


def _highest(value) -> float:
    found = minimize_scalar(
        lambda angle: -value(angle), bounds=(0, math.pi / 2), method="bounded", options={"xatol": 1e-9}
    )
    return float(found.x)
