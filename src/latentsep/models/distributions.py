"""Diffusions on the circle: the exact heat kernel, and the family as the thesis prints it (ch. 7, app. A)."""

import math

import torch
from torch import Tensor
from torch.distributions import Uniform, constraints, register_kl

from latentsep.models.circular import LOG_2PI, Circular, Shape, require, wrap

# The image series converges the faster the smaller t is, the theta series the larger; at t = π they
# are equally fast, and so many terms reach the precision of the type.
_SWITCH = math.pi
_TERMS = {torch.float32: 2, torch.float64: 3}
# Below the first number wrapping changes the entropy by less than the type resolves; above it the
# second is the number of terms that the entropy's series needs.
_ENTROPY = {torch.float32: (0.13, 12), torch.float64: (0.07, 24)}


class _Diffusion(Circular):
    """What diffusions share: a location, a time, and samples that are shifted and wrapped noise."""

    arg_constraints = {"loc": constraints.real, "t": constraints.positive}  # noqa: RUF012, torch's own convention
    number = "t"
    t: Tensor

    def __init__(self, loc: Tensor | float, t: Tensor | float, validate_args: bool | None = None):
        super().__init__(loc, t, validate_args)

    @classmethod
    def diffused(cls, loc: Tensor, t: Tensor) -> "_Diffusion":
        return cls(loc, t, validate_args=False)

    @property
    def scale(self) -> Tensor:
        """The standard deviation, in radians, of the normal distribution that is wrapped around the circle."""
        raise NotImplementedError

    def transform(self, noise: Tensor) -> Tensor:
        return wrap(self.loc + noise * self.scale)


class HeatKernel(_Diffusion):
    """The density at time t > 0 of heat that started at the angle ``loc``: the wrapped normal of variance 2t.

    With Δ the angle from ``loc``, by images and by the theta series,

        p(θ) = Σ_k exp(−(Δ + 2πk)²/4t)/√(4πt) = (1 + 2 Σ_{m≥1} cos(mΔ) exp(−m²t))/2π.

    This is what thesis (7.5) and (A.19) mean; the print lacks the 2. ``loc`` (radians) and ``t``
    broadcast; errors are those of ``Circular``. Mardia and Jupp (2000), §3.5.7.

    >>> kernel = HeatKernel(0.0, torch.tensor([1e-4, 100.0]))
    >>> kernel.log_prob(torch.tensor(0.0)).exp().round(decimals=4)
    tensor([28.2095,  0.1592])
    """

    @property
    def scale(self) -> Tensor:
        return (2 * self.t).sqrt()

    @property
    def variance(self) -> Tensor:
        """The circular variance 1 − |E exp(iθ)|, in [0, 1]."""
        return -torch.expm1(-self.t)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density per radian."""
        delta = wrap(value - self.loc)
        terms = range(1, _TERMS.get(self.t.dtype, 3) + 1)
        # Each series sees only times at which it converges, or its gradient would spoil the other's.
        t = self.t.clamp(max=_SWITCH)
        others = sum((-math.pi * k * (math.pi * k + s * delta) / t).exp() for k in terms for s in (1, -1))
        # Sums of at least one tensor, which the types have as 0 or a tensor.
        images = torch.log1p(others) - delta.square() / (4 * t) - 0.5 * (4 * math.pi * t).log()  # type: ignore[arg-type]
        t = self.t.clamp(min=_SWITCH)
        theta = torch.log1p(2 * sum((m * delta).cos() * (-(m**2) * t).exp() for m in terms)) - LOG_2PI  # type: ignore[arg-type]
        return torch.where(self.t < _SWITCH, images, theta)

    def kl_to_uniform(self, samples: Tensor | None = None) -> Tensor:
        """KL of this distribution to the uniform one, in nats, exact; ``samples`` are not needed.

        With q = exp(−2t) and Euler's function φ(q) = Π (1 − qᵏ) it is log φ(q) plus the alternating
        series 2 Σ (−1)ᵏ⁺¹ q^{k(k+1)/2} / (k (1 − qᵏ)), which follows from Jacobi's triple product; for
        small t it is that of a normal distribution which never meets itself, ½(log(π/t) − 1).
        """
        narrow, count = _ENTROPY.get(self.t.dtype, _ENTROPY[torch.float64])
        t = self.t.clamp(min=narrow)
        q = (-2 * t).exp()
        power, triangular, series = 1.0, 1.0, 0.0  # type: float | Tensor, float | Tensor, float | Tensor
        for k in range(1, count + 1):
            power = power * q
            triangular = triangular * power
            series = series + (-1) ** (k + 1) / k * triangular / (1 - power)
        wide = _log_euler(t, q) + 2 * series
        return torch.where(self.t < narrow, 0.5 * (math.log(math.pi) - self.t.log() - 1), wide)


def _log_euler(t: Tensor, q: Tensor) -> Tensor:
    """log Π (1 − qᵏ) for q = exp(−2t) and t ≥ 0.05: pentagonal numbers, or their modular mirror image for t < 1."""
    q = q.clamp(max=math.exp(-2))  # where the few terms suffice, and are not zero
    late = torch.log1p(-q - q**2 + q**5 + q**7 - q**12 - q**15)
    early = t.clamp(max=1.0)
    mirrored = (-2 * math.pi**2 / early).exp()
    early = early / 12 - 0.5 * (early / math.pi).log() - math.pi**2 / (12 * early) + torch.log1p(-mirrored)
    return torch.where(t < 1, early, late)


CORRECTIONS = ("density", "sampling", "kl")


class PublishedDiffusion(_Diffusion):
    """The diffusion family exactly as the thesis prints it: three formulas that do not belong together.

    Density: (7.5), the theta series without the factor 2, which is half uniform and half heat
    kernel. Samples: (7.10), normal noise of standard deviation t, wrapped. Divergence: (7.9), the
    mean of p·log 2πp over those samples, which weighs them by the density a second time.
    ``corrected`` names those of ``density``, ``sampling`` and ``kl`` that are put right instead
    (``kl`` then is the mean of log 2πp). Parameters and errors as for ``HeatKernel``.

    >>> wide = PublishedDiffusion(0.0, 1e-6)
    >>> bool(wide.log_prob(torch.tensor(3.0)).exp() > 1 / (4 * math.pi) - 1e-6)  # half of it never concentrates
    True
    """

    def __init__(
        self,
        loc: Tensor | float,
        t: Tensor | float,
        corrected: tuple[str, ...] = (),
        validate_args: bool | None = None,
    ):
        if unknown := set(corrected) - set(CORRECTIONS):
            raise ValueError(f"corrected has {', '.join(sorted(unknown))}; choose from {', '.join(CORRECTIONS)}")
        self.corrected = tuple(corrected)
        super().__init__(loc, t, validate_args)

    def expand(self, batch_shape: Shape, _instance=None) -> "PublishedDiffusion":
        loc, t = self.loc.expand(batch_shape), self.t.expand(batch_shape)
        return PublishedDiffusion(loc, t, self.corrected, validate_args=False)

    @property
    def scale(self) -> Tensor:
        return (2 * self.t).sqrt() if "sampling" in self.corrected else self.t

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density per radian that is printed in (7.5)."""
        exact = HeatKernel(self.loc, self.t, validate_args=False).log_prob(value)
        if "density" in self.corrected:
            return exact
        return torch.logaddexp(exact, torch.full_like(exact, -LOG_2PI)) - math.log(2)

    def kl_to_uniform(self, samples: Tensor | None = None) -> Tensor:
        """The estimate (7.9) from ``samples`` ``(L, ...)``; without the correction it is not a divergence.

        Raises ``ValueError`` without samples: this family knows no closed form.
        """
        if samples is None:
            raise ValueError("samples is None; the published family needs samples of itself, shape (L, ...)")
        log_ratio = self.log_prob(samples) + LOG_2PI
        if "kl" in self.corrected:
            return log_ratio.mean(0)
        return ((log_ratio - LOG_2PI).exp() * log_ratio).mean(0)


@register_kl(HeatKernel, Uniform)
def _kl_heat_kernel_uniform(p: HeatKernel, q: Uniform) -> Tensor:
    require("the length of q's interval", q.high - q.low, ((q.high - q.low) / (2 * math.pi) - 1).abs() < 1e-6, "2π")
    return p.kl_to_uniform()
