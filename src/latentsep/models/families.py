"""Other families on the circle than the diffusion and von Mises's, which the thesis leaves to further work.

All are reparametrised: a sample is a differentiable function of a pair of standard normal numbers.
"""

import math

import torch
from torch import Tensor
from torch.distributions import constraints

from latentsep.models.circular import LOG_2PI, Circular, wrap
from latentsep.models.distributions import HeatKernel
from latentsep.models.legendre import Legendre

_POSITIVE = constraints.positive
_RULE = Legendre(32)


class PowerSpherical(Circular):
    """The density (1 + cos(θ − μ))^κ, normalised, with κ > 0 the ``concentration``: 2/variance when it is large.

    The tangent of half the angle is Student's t with ν = 2κ + 1, over √ν, for which Bailey (1994) has a polar method
    like that of Box and Muller. De Cao and Aziz (2020), on S¹.

    >>> PowerSpherical(0.0, 1.0).kl_to_uniform()
    tensor(0.3069)
    """

    arg_constraints = {"loc": constraints.real, "concentration": _POSITIVE}  # noqa: RUF012
    number = "concentration"
    noise_features = 2
    concentration: Tensor

    @classmethod
    def diffused(cls, loc: Tensor, t: Tensor) -> "PowerSpherical":
        return cls(loc, 1 / t, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density per radian, of (1 + cos Δ)/2 = cos²(Δ/2)."""
        square = (0.5 * (value - self.loc)).sin().square().clamp(max=1 - torch.finfo(self.loc.dtype).eps)
        return self.concentration * torch.log1p(-square) + self._top(self.concentration.double()).to(value)

    def _top(self, k: Tensor) -> Tensor:
        return torch.lgamma(k + 1) - torch.lgamma(k + 0.5) - math.log(2 * math.sqrt(math.pi))

    @property
    def variance(self) -> Tensor:
        """The circular variance 1/(κ + 1)."""
        return 1 / (self.concentration + 1)

    def kl_to_uniform(self, samples: Tensor | None = None) -> Tensor:
        """KL to the uniform distribution in nats, exact: E log cos²(Δ/2) is a difference of digamma functions."""
        k = self.concentration.double()
        mean = torch.digamma(k + 0.5) - torch.digamma(k + 1)
        return (LOG_2PI + self._top(k) + k * mean).to(self.concentration)

    def transform(self, noise: Tensor) -> Tensor:
        freedom = 2 * self.concentration + 1
        share = noise.square().sum(-1) / freedom
        # (exp(y) − 1)/y: compiled, torch's expm1 loses the digits of small numbers.
        late = share.clamp(min=0.01)
        growth = torch.where(share < 0.01, 1 + share / 2 + share**2 / 6 + share**3 / 24, torch.expm1(late) / late)
        return wrap(self.loc + 2 * torch.atan(noise[..., 0] * (growth / freedom).sqrt()))


class ProjectedNormal(Circular):
    """The direction of a point of the plane that is normal around (cos μ, sin μ)·ℓ, with ℓ > 0 the ``length``.

    Its standard deviation is 1/ℓ when that is small. Mardia and Jupp (2000), §3.5.6.

    >>> ProjectedNormal(0.0, torch.tensor([0.1, 10.0])).kl_to_uniform().round(decimals=3)
    tensor([0.0040, 2.7160])
    """

    arg_constraints = {"loc": constraints.real, "length": _POSITIVE}  # noqa: RUF012
    number = "length"
    noise_features = 2
    length: Tensor

    @classmethod
    def diffused(cls, loc: Tensor, t: Tensor) -> "ProjectedNormal":
        return cls(loc, (2 * t).rsqrt(), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density per radian."""
        delta = value - self.loc
        ahead, aside = self.length * delta.cos(), self.length * delta.sin()
        # In front of the origin and behind it two forms of the same: neither overflows where it is used.
        x = ahead.clamp(min=0.0)
        front = ((-0.5 * x**2).exp() + x * math.sqrt(2 * math.pi) * torch.special.ndtr(x)).log() - 0.5 * aside**2
        x = ahead.clamp(max=0.0)
        rest = 1 + x * math.sqrt(math.pi / 2) * torch.special.erfcx(-x / math.sqrt(2))
        back = rest.clamp(min=torch.finfo(rest.dtype).tiny).log() - 0.5 * self.length**2
        return torch.where(ahead > 0, front, back) - LOG_2PI

    @property
    def variance(self) -> Tensor:
        """The circular variance 1 − √(π/2) (ℓ/2) (I₀ + I₁)(ℓ²/4) exp(−ℓ²/4)."""
        x = self.length.double().square() / 4
        mean = torch.special.i0e(x) + torch.special.i1e(x)
        return (1 - math.sqrt(math.pi / 8) * self.length.double() * mean).to(self.length)

    def kl_to_uniform(self, samples: Tensor | None = None) -> Tensor:
        """KL to the uniform distribution in nats, by quadrature: no closed form is known."""
        near = (9 / self.length).clamp(max=math.pi / 2)
        halves = ((0.0, near), (near, torch.full_like(near, math.pi)))
        around = ProjectedNormal(torch.zeros_like(self.loc), self.length, validate_args=False)
        total = torch.zeros_like(near)
        for low, high in halves:
            log_density = around.log_prob(_RULE.places(low, high))
            total = total + 2 * (high - low) * _RULE.mean(log_density.exp() * (log_density + LOG_2PI))
        return total

    def transform(self, noise: Tensor) -> Tensor:
        return wrap(self.loc + torch.atan2(noise[..., 1], self.length + noise[..., 0]))


class WrappedCauchy(Circular):
    """Cauchy's distribution around the circle: density (1 − ρ²) / 2π(1 + ρ² − 2ρ cos(θ − μ)), ρ = exp(−``scale``).

    It is what a Möbius transformation of the disc makes of the uniform distribution. Mardia and Jupp (2000), §3.5.7.

    >>> WrappedCauchy(0.0, math.log(2)).kl_to_uniform()  # ρ = 1/2
    tensor(0.2877)
    """

    arg_constraints = {"loc": constraints.real, "scale": _POSITIVE}  # noqa: RUF012
    number = "scale"
    noise_features = 2
    scale: Tensor

    @classmethod
    def diffused(cls, loc: Tensor, t: Tensor) -> "WrappedCauchy":
        return cls(loc, (2 * t).sqrt(), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density per radian."""
        rho = (-self.scale).exp()
        square = 4 * rho * (0.5 * (value - self.loc)).sin().square() + torch.expm1(-self.scale).square()
        return (-torch.expm1(-2 * self.scale)).log() - square.log() - LOG_2PI

    @property
    def variance(self) -> Tensor:
        """The circular variance 1 − ρ."""
        return -torch.expm1(-self.scale)

    def kl_to_uniform(self, samples: Tensor | None = None) -> Tensor:
        """−log(1 − ρ²), in nats, exact."""
        tanh = self.scale.tanh()  # and not expm1 of −2·scale, which compiled loses the digits of small numbers
        return -(2 * tanh / (1 + tanh)).log()

    def transform(self, noise: Tensor) -> Tensor:
        # The direction of the noise is uniform; its half angle has the tangent of these two.
        ahead, across = noise.unbind(-1)
        length = torch.linalg.vector_norm(noise, dim=-1)
        # length + ahead, without the difference of two numbers that are nearly the same.
        behind = across.square() / (length - ahead).clamp(min=torch.finfo(noise.dtype).tiny)
        along = torch.where(ahead > 0, length + ahead, behind)
        return wrap(self.loc + 2 * torch.atan2((0.5 * self.scale).tanh() * across, along))


class Antipodal(Circular):
    """Two heat kernels of equal weight, at ``loc`` and half a turn from it: a mixture of two.

    It is the heat kernel of the angle 2θ at four times the time, and so all of it is known. For loops that look the
    same from both sides. Parameters and errors as for ``HeatKernel``.

    >>> Antipodal(0.0, 1e-4).kl_to_uniform() - HeatKernel(0.0, 1e-4).kl_to_uniform() + math.log(2)
    tensor(0.)
    """

    arg_constraints = {"loc": constraints.real, "t": _POSITIVE}  # noqa: RUF012
    number = "t"
    noise_features = 2
    t: Tensor

    @classmethod
    def diffused(cls, loc: Tensor, t: Tensor) -> "Antipodal":
        return cls(loc, t, validate_args=False)

    def _doubled(self) -> HeatKernel:
        return HeatKernel(2 * self.loc, 4 * self.t, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density per radian."""
        return self._doubled().log_prob(2 * value)

    @property
    def variance(self) -> Tensor:
        """The circular variance 1: it has no mean direction."""
        return torch.ones_like(self.t)

    def kl_to_uniform(self, samples: Tensor | None = None) -> Tensor:
        """KL to the uniform distribution in nats, exact."""
        return self._doubled().kl_to_uniform()

    def transform(self, noise: Tensor) -> Tensor:
        turned = torch.where(noise[..., 1] < 0, math.pi, 0.0)
        return wrap(self.loc + noise[..., 0] * (2 * self.t).sqrt() + turned)
