"""What distributions on the circle have in common: a location, one positive number, and noise turned into samples.

Angles are in radians. An angle is a place on the circle: two that differ by 2π are the same, and what
is sampled lies in [-π, π). Densities are with respect to dθ over one turn.
"""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.utils import broadcast_all

LOG_2PI = math.log(2 * math.pi)
ONE = torch.Size()  # the shape of a single sample
Shape = torch.Size | list[int] | tuple[int, ...]  # as torch has it


def wrap(angle: Tensor) -> Tensor:
    """The same place on the circle, as an angle in [-π, π).

    >>> wrap(torch.tensor([4.0, -math.pi, 0.5])).round(decimals=4)
    tensor([-2.2832, -3.1416,  0.5000])
    """
    turned = torch.remainder(angle + math.pi, 2 * math.pi)
    # Just below -π the remainder rounds to the whole turn.
    return torch.where(turned >= 2 * math.pi, 0.0, turned) - math.pi


class Circular(Distribution):
    """A family of distributions on the circle, with a location ``loc`` (radians) and one positive number more.

    A family says what the ``number`` is called. It has a density (``log_prob``), its samples as a
    differentiable function of standard normal noise (``transform``), ``noise_features`` numbers for each, and its
    divergence from the uniform distribution (``kl_to_uniform``). Both parameters broadcast. Raises ``ValueError``,
    naming the parameter, for one that is NaN, infinite, out of range or of an unfitting shape.
    """

    arg_constraints: ClassVar[dict[str, Any]]
    number: ClassVar[str]
    support = constraints.real
    has_rsample = True
    noise_features = 1

    def __init__(self, loc: Tensor | float, number: Tensor | float, validate_args: bool | None = None):
        name = self.number
        try:
            self.loc, value = broadcast_all(loc, number)
        except RuntimeError:
            shapes = tuple(torch.as_tensor(loc).shape), tuple(torch.as_tensor(number).shape)
            raise ValueError(f"{name} has shape {shapes[1]}, which does not go with loc's {shapes[0]}") from None
        if not self.loc.is_floating_point():
            self.loc, value = self.loc.to(torch.get_default_dtype()), value.to(torch.get_default_dtype())
        setattr(self, name, value)
        # Not torch's global default, which torch.compile turns off for the whole process.
        if validate_args is not False:
            require("loc", self.loc, self.loc.isfinite(), "finite angles in radians")
            words = "finite times above 0" if name == "t" else "finite numbers above 0"
            require(name, value, value.isfinite() & (value > 0), words)
        super().__init__(self.loc.shape, validate_args=False)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> "Circular":
        value = getattr(self, self.number)
        return type(self)(self.loc.expand(batch_shape), value.expand(batch_shape), validate_args=False)

    @classmethod
    def diffused(cls, loc: Tensor, t: Tensor) -> "Circular":
        """The member that goes with heat at time t: when narrow, nearly normal of variance 2t, or of scale √(2t)."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The location, in radians: the mean direction, where there is one."""
        return self.loc

    def transform(self, noise: Tensor) -> Tensor:
        """Turn standard normal ``noise`` into samples in [-π, π), differentiable in both parameters.

        Families of more than one noise feature take these in a last axis of their own.
        """
        raise NotImplementedError

    def kl_to_uniform(self, samples: Tensor | None = None) -> Tensor:
        """KL of this distribution to the uniform one, in nats; ``samples`` are for families without a closed form."""
        raise NotImplementedError

    def rsample(self, sample_shape: Shape = ONE) -> Tensor:
        shape = self._extended_shape(sample_shape) + (() if self.noise_features == 1 else (self.noise_features,))
        return self.transform(torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device))

    def kl_estimate(self, samples: Tensor) -> Tensor:
        """The divergence by Monte Carlo, from ``samples`` ``(L, ...)`` of this distribution: the mean of log 2πp(θ)."""
        return (self.log_prob(samples) + LOG_2PI).mean(0)

    def entropy(self) -> Tensor:
        """The differential entropy in nats, at most log 2π."""
        return LOG_2PI - self.kl_to_uniform()


def require(name: str, value: Tensor, good: Tensor, choices: str) -> None:
    """Raise ``ValueError`` with the first entry of ``value`` that is not ``good``."""
    if not bool(good.all()):
        raise ValueError(f"{name} has the value {value[~good].flatten()[0].item():g}; choose {choices}")
