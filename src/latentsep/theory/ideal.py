"""What a perfect encoder and decoder would reach on the circle, by one formula and one number (thesis ch. 7).

Suppose that every datapoint is encoded at its own phase with the same time t, and that the decoder
returns a circle of the best radius. Then −ELBO is a function of t alone, for any rule of sampling
and any formula that stands for the KL regularisation. Its minimum is what training aims at.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from latentsep.models.circular import Circular
from latentsep.models.distributions import HeatKernel, PublishedDiffusion

_LOG_T = (-22.0, 4.0)  # where the best time is looked for


@dataclass(frozen=True)
class Rules:
    """How a posterior at time t samples, and what it takes for its KL regularisation.

    ``scale`` is the standard deviation, in radians, of the angles sampled at time t; ``kl`` the
    regularisation, in nats. Both map a tensor of times to one of the same shape.
    """

    scale: Callable[[Tensor], Tensor]
    kl: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Ideal:
    """The time at which −ELBO is least, and its value and parts there, in nats."""

    t: float
    neg_elbo: float
    kl: float
    reconstruction: float


def exact() -> Rules:
    """The heat kernel, its own samples and its own KL."""
    return Rules(lambda t: (2 * t).sqrt(), lambda t: HeatKernel(0.0, t).kl_to_uniform())


def of(family: type[Circular]) -> Rules:
    """A family's own samples and its own KL.

    ``scale`` is the circular standard deviation √(−2 log ρ), with ρ the length of the mean of exp(iθ): that alone
    decides what a circular decoder loses. The von Mises family's least −ELBO is the evidence floor, since its
    members are the posteriors of such a decoder.
    """

    def kernel(t: Tensor) -> Circular:
        return family.diffused(torch.zeros_like(t), t)

    return Rules(lambda t: (-2 * torch.log1p(-kernel(t).variance)).sqrt(), lambda t: kernel(t).kl_to_uniform())


def published(*corrected: str, order: int = 100) -> Rules:
    """The printed formulas, with some put right as in ``PublishedDiffusion``; the KL's mean by quadrature."""
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(order))
    weights = weights / weights.sum()

    def kl(t: Tensor) -> Tensor:
        family = PublishedDiffusion(0.0, t, corrected)
        each = family.kl_to_uniform(family.transform(nodes[:, None])[None])
        return torch.tensordot(weights, each, 1)

    return Rules(lambda t: PublishedDiffusion(0.0, t, corrected).scale, kl)


def best(rules: Rules, sigma_x: float, dimension: int = 25) -> Ideal:
    """Minimise −ELBO over t. Raises ``ValueError`` if ``sigma_x`` is not positive.

    For data on a circle of radius R = √(D/2), angles of standard deviation s around the right one
    and the best decoder, E‖x − μ_X(z)‖² is R²(1 − exp(−s²)).

    >>> round(best(exact(), 1.0).neg_elbo, 2)
    25.13
    """
    if not sigma_x > 0:
        raise ValueError(f"sigma_x is {sigma_x!r}; it must be positive")

    def parts(log_t: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        t = torch.as_tensor(np.atleast_1d(log_t)).exp()
        lost = -torch.expm1(-rules.scale(t).square())
        constant = dimension / 2 * math.log(2 * math.pi * sigma_x**2)
        return rules.kl(t).numpy(), (constant + dimension / 4 * lost / sigma_x**2).numpy()

    # A grid first: some of the printed combinations have two valleys.
    grid = np.linspace(*_LOG_T, 105)
    start, step = grid[np.argmin(sum(parts(grid)))], grid[1] - grid[0]
    bounds = (start - step, start + step)
    found = minimize_scalar(
        lambda v: np.add(*parts(v)).item(), bounds=bounds, method="bounded", options={"xatol": 1e-8}
    )
    kl, reconstruction = (v.item() for v in parts(found.x))
    return Ideal(math.exp(found.x), kl + reconstruction, kl, reconstruction)
