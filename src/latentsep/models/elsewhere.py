"""Formulas for the circle that public code has in place of the exact ones: kept apart, to be measured.

Each is a family that samples as the ``exact`` one and differs in one thing, its divergence or its gradient.
"""

import math

import torch
from torch import Tensor

from latentsep.models.circular import wrap
from latentsep.models.distributions import HeatKernel
from latentsep.models.von_mises import VonMises


class SmallTime(HeatKernel):
    """The heat kernel with the divergence of a normal distribution that never meets itself, ½(log(π/t) − 1).

    It is exact for small t, 0 at t = π/e and below that for larger ones.

    >>> SmallTime(0.0, torch.tensor([0.1, 2.0])).kl_to_uniform().round(decimals=3)
    tensor([ 1.2240, -0.2740])
    """

    exact = HeatKernel

    def kl_to_uniform(self, samples: Tensor | None = None) -> Tensor:
        """What stands for KL to the uniform distribution, in nats."""
        return 0.5 * (math.log(math.pi) - self.t.log() - 1)


class Floored(SmallTime):
    """The same, and 0 where that would be negative: there it has no gradient.

    >>> Floored(0.0, 2.0).kl_to_uniform()
    tensor(0.)
    """

    def kl_to_uniform(self, samples: Tensor | None = None) -> Tensor:
        """What stands for KL to the uniform distribution, in nats."""
        return super().kl_to_uniform().clamp(min=0.0)


class PathOnly(VonMises):
    """Von Mises's distribution, with the gradient of rejection sampling that lacks its correction.

    The sampler of Ulrich (1984) and Wood (1994) proposes angles with tan(Δ/2) = √b·y and takes some of them. Here
    only b depends on κ, on S¹ as b = √(4κ² + 1) − 2κ; that the chance to be taken does so too is left out
    (Naesseth et al. 2017 have the term). Samples are exact.
    """

    exact = VonMises

    def transform(self, noise: Tensor) -> Tensor:
        with torch.no_grad():
            delta = wrap(super().transform(noise) - self.loc)
        root = 1 / ((4 * self.concentration.square() + 1).sqrt() + 2 * self.concentration)
        stretch = (root / root.detach()).sqrt()
        return wrap(self.loc + 2 * torch.atan(stretch * (0.5 * delta).tan()))
