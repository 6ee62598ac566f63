"""The registry of checks, and the objects that several of them share."""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.polynomial.hermite_e import hermegauss
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from latentsep.data import seeds
from latentsep.ledger.ledger import Check
from latentsep.models.latent_spaces import Euclidean
from latentsep.models.vae import VAE, negative_log_likelihood

STATEMENTS: dict[str, Callable[[], Check]] = {}


def statement(item: str) -> Callable:
    """Register a function without arguments as the check of a numbered item."""

    def register(check: Callable[[], Check]) -> Callable[[], Check]:
        STATEMENTS[item] = check
        return check

    return register


def against_normal(
    says: str, printed: Callable[[Tensor, Tensor, float], Tensor], corrected: Callable | None = None
) -> Check:
    """Distance of a formula for −log N(x; m, σ²I) from ``torch.distributions``, over three σ."""
    stream = seeds.generator(0, "likelihood check")
    x, m = torch.randn(2, 25, generator=stream, dtype=torch.float64)
    worst = {}
    for name, formula in (("printed", printed), ("corrected", corrected)):
        if formula is not None:
            gaps = [formula(x, m, s) + Normal(m, s).log_prob(x).sum() for s in (0.01, 0.1, 1.0)]
            worst[name] = max(float(g.abs()) for g in gaps)
    return Check(says, tolerance=1e-7, **worst)


def sizes(says: str, printed: int, meant: int, found: int) -> Check:
    """A number of entries as printed and as meant, against that of what the package has there."""
    return Check(says, abs(printed - found), 0, abs(meant - found))


# The objects that several checks share: a Gaussian posterior in the plane, quadrature against it,
# and a linear autoencoder whose evidence and posterior are known in closed form.

MEAN = torch.tensor([0.7, -1.1], dtype=torch.float64)
STD = torch.tensor([0.4, 1.3], dtype=torch.float64)


def nodes_in_the_plane(order: int = 40) -> tuple[Tensor, Tensor]:
    """Nodes ``(order², 2)`` and weights of Gauss–Hermite quadrature against the standard normal in the plane."""
    x, w = hermegauss(order)
    nodes = torch.tensor(np.stack(np.meshgrid(x, x), -1).reshape(-1, 2))
    return nodes, torch.tensor(np.outer(w, w).ravel() / (2 * math.pi))


def log_q(z: Tensor) -> Tensor:
    return Normal(MEAN, STD).log_prob(z).sum(-1)


def log_prior(z: Tensor) -> Tensor:
    return Normal(torch.zeros_like(z), torch.ones_like(z)).log_prob(z).sum(-1)


class LinearModel:
    """x = Wz + σε with z in the plane: everything about it is known exactly."""

    dimension, sigma = 5, 0.6

    def __init__(self):
        stream = seeds.generator(0, "linear model")
        self.weight = torch.randn(self.dimension, 2, generator=stream, dtype=torch.float64)
        self.x = torch.randn(self.dimension, generator=stream, dtype=torch.float64)
        eye = torch.eye(self.dimension, dtype=torch.float64)
        self.evidence = MultivariateNormal(torch.zeros_like(self.x), self.weight @ self.weight.T + self.sigma**2 * eye)

    def nll(self, z: Tensor) -> Tensor:
        return negative_log_likelihood(self.x, z @ self.weight.T, self.sigma)

    def expected_nll(self) -> float:
        """E_Q[−log p(x|z)] under N(MEAN, diag(STD²)), by quadrature."""
        nodes, weights = nodes_in_the_plane()
        return float((weights * self.nll(MEAN + STD * nodes)).sum())


def small_vae(samples: int) -> tuple[VAE, Tensor, Tensor]:
    """A VAE of one member in double precision, ten datapoints ``(1, 10, 6)``, and noise for L = ``samples``."""
    stream = seeds.generator(0, "small vae")
    x = torch.randn(1, 10, 6, generator=stream, dtype=torch.float64)
    noise = torch.randn(samples, 1, 10, 2, generator=stream, dtype=torch.float64)
    return VAE(Euclidean(2), 6, (4,), [0.5], [1]).double(), x, noise


def off_by_sampling(values: Callable[[Tensor], Tensor], exact: float, samples: int = 200_000) -> float:
    """How many standard errors a Monte Carlo mean over Q lies from the exact value."""
    stream = seeds.generator(0, "checks")
    draws = values(MEAN + STD * torch.randn(samples, 2, generator=stream, dtype=torch.float64))
    return float((draws.mean() - exact).abs() / (draws.std() / math.sqrt(samples)))
