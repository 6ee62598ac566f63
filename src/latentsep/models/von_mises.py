"""The von Mises distribution: the true posterior of a datapoint where the decoder draws a circle."""

import math

import torch
from torch import Tensor
from torch.distributions import constraints

from latentsep.models.circular import LOG_2PI, Circular, wrap
from latentsep.models.legendre import Legendre

_LARGE = 1e3  # concentrations from which three terms of the asymptotic series are exact to 10⁻¹²
_STEPS = 6  # of Newton's method, by which it is as near as rounding lets it come
#: Standard deviations, beyond which noise is clamped: less than 10⁻⁶ of it, or 10⁻¹¹ in double precision.
_REACH = {torch.float32: 5.0, torch.float64: 7.0}
_RULE = Legendre(32)


class VonMises(Circular):
    """The density exp(κ cos(θ − μ)) / 2πI₀(κ), with κ > 0 the ``concentration``: 1/variance when it is large.

    A sample is the quantile of its noise, found by Newton's method, and has the derivative of an implicit function
    (Figurnov et al. 2018). Mardia and Jupp (2000), §3.5.4.

    >>> VonMises(0.0, torch.tensor([0.1, 10.0])).kl_to_uniform().round(decimals=4)
    tensor([0.0025, 1.5430])
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}  # noqa: RUF012
    number = "concentration"
    concentration: Tensor

    @classmethod
    def diffused(cls, loc: Tensor, t: Tensor) -> "VonMises":
        return cls(loc, 0.5 / t, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density per radian."""
        return self._below(value - self.loc) + self._top()

    def _below(self, delta: Tensor) -> Tensor:
        return -2 * self.concentration * (0.5 * delta).sin().square()

    def _top(self) -> Tensor:
        # In single precision the logarithm would have no derivative at large concentrations.
        return -(LOG_2PI + torch.special.i0e(self.concentration.double()).log()).to(self.concentration)

    @property
    def variance(self) -> Tensor:
        """The circular variance 1 − I₁(κ)/I₀(κ)."""
        k = self.concentration.double()
        return (1 - torch.special.i1e(k) / torch.special.i0e(k)).to(self.concentration)

    def kl_to_uniform(self, samples: Tensor | None = None) -> Tensor:
        """κ I₁(κ)/I₀(κ) − log I₀(κ), in nats, exact; for large κ, where both are large, by a series."""
        k = self.concentration.double().clamp(max=_LARGE)
        i0, i1 = torch.special.i0e(k), torch.special.i1e(k)
        exact = k * (i1 / i0 - 1) - i0.log()
        k = self.concentration.double().clamp(min=_LARGE)
        series = 0.5 * ((2 * math.pi * k).log() - 1) - 1 / (4 * k) - 3 / (16 * k**2) - 25 / (96 * k**3)
        return torch.where(self.concentration < _LARGE, exact, series).to(self.concentration)

    def transform(self, noise: Tensor) -> Tensor:
        reach = _REACH.get(noise.dtype, _REACH[torch.float32])
        noise = noise.clamp(-reach, reach)
        wanted, top = torch.erf(noise.abs() / math.sqrt(2)), self._top()  # twice the mass up to the sample

        def missing(delta: Tensor) -> Tensor:
            heights = (self._below(_RULE.places(0.0, delta)) + top).exp()
            return 0.5 * wanted - delta * _RULE.mean(heights)

        with torch.no_grad():
            # The half chord sin(Δ/2) is nearly normal, but for a factor that makes this start too small. From there
            # Newton's method goes up to the quantile and never beyond, since the density falls.
            root = (2 * self.concentration).sqrt()
            delta = 2 * torch.asin((torch.erfinv(wanted * torch.erf(root)) / root).clamp(max=1.0))
            for _ in range(_STEPS):
                delta = (delta + missing(delta) / (self._below(delta) + top).exp()).clamp(0.0, math.pi)
            slope = (self._below(delta) + top).exp()
        # The last step changes next to nothing, and is what has the derivative.
        delta = delta + missing(delta) / slope
        return wrap(self.loc + noise.sign() * delta)
