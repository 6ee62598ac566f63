"""Where training takes the width of a posterior when one of its formulas is not the exact one (Further work).

As in ``ideal``, every datapoint is encoded at its own phase with the same time t and the decoder draws the best circle.
Here t starts at 1, as in an untrained encoder, and follows the gradient that the formulas give, samples' path included.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import brentq

from latentsep.measures.evaluation import evidence_floor
from latentsep.models.circular import Circular
from latentsep.theory import ideal

_LOG_T = (-22.0, 5.0)  # how far t is followed: beyond, the posterior is the prior
_STEP = 0.02
_NODES, _WEIGHTS = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(160))


@dataclass(frozen=True)
class Rest:
    """The time at which training comes to rest, infinite if it does not, and −ELBO above the floor there, in nats.

    ``claimed`` is by the formulas themselves, ``true`` by the exact divergence.
    """

    t: float
    claimed: float
    true: float


def rest(family: type[Circular], sigma_x: float, dimension: int = 25) -> Rest:
    """Follow the time of a family, one number of noise a sample, to where it rests.

    >>> from latentsep.models.von_mises import VonMises
    >>> rest(VonMises, 1.0).true < 1e-6
    True
    """
    floor = evidence_floor(dimension, sigma_x)
    exact = ideal.of(getattr(family, "exact", family))

    def slope(log_t: float) -> float:
        at = torch.tensor([log_t], dtype=torch.float64, requires_grad=True)
        kernel = family.diffused(torch.zeros(1, dtype=torch.float64), at.exp())
        ahead = (_WEIGHTS @ kernel.transform(_NODES[:, None]).cos()) / _WEIGHTS.sum()
        radius = ahead.detach()  # of the best circle that the decoder can draw
        lost = dimension / (4 * sigma_x**2) * (1 - 2 * radius * ahead + radius**2)
        (gradient,) = torch.autograd.grad(lost.sum() + kernel.kl_to_uniform().sum(), at)
        return float(gradient)

    log_t = _downhill(slope)
    constant = dimension / 2 * math.log(2 * math.pi * sigma_x**2)
    if log_t is None:  # the posterior becomes the prior, and the decoder a point
        claimed = family.diffused(torch.zeros(1), torch.full((1,), math.inf)).kl_to_uniform().item()
        loss = constant + dimension / (4 * sigma_x**2) - floor
        return Rest(math.inf, loss + claimed, loss)
    t = torch.tensor([log_t], dtype=torch.float64).exp()
    lost = constant - dimension / (4 * sigma_x**2) * torch.expm1(-exact.scale(t).square()).item() - floor
    kl = family.diffused(torch.zeros_like(t), t).kl_to_uniform().item()
    return Rest(t.item(), lost + kl, lost + exact.kl(t).item())


def _downhill(slope: Callable[[float], float]) -> float | None:
    here, way = 0.0, -math.copysign(_STEP, slope(0.0))
    while _LOG_T[0] < here + way < _LOG_T[1]:
        if slope(here + way) * way > 0:
            return brentq(slope, here, here + way, xtol=1e-10)
        here += way
    return None
