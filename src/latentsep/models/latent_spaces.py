"""Latent spaces: what an encoder's outputs mean, and how a latent variable enters the decoder.

A latent space is one small frozen class. It says how many numbers the encoder must produce for a datapoint
(``encoder_features``), how many standard noise variables one sample takes (``noise_features``), and how wide the
decoder's input is (``decoder_features``); it turns encoder outputs into a ``posterior``, noise into latent variables
(``rsample``), a posterior into its divergence from the prior (``kl``, which may look at the samples), and a latent
variable into what the decoder sees (``embed``). Nothing else in the package knows which space it works on.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.distributions import Independent, Normal, Uniform

from latentsep.models.circular import Circular, wrap
from latentsep.models.distributions import CORRECTIONS, HeatKernel, PublishedDiffusion
from latentsep.models.normal import kl_normal_diagonal


class LatentSpace(Protocol):
    """What training and evaluation ask of a latent space (thesis §3.4, items 1 to 3)."""

    @property
    def encoder_features(self) -> int: ...
    @property
    def noise_features(self) -> int: ...
    @property
    def decoder_features(self) -> int: ...
    def prior(self) -> Independent: ...
    def posterior(self, raw: Tensor) -> Independent: ...
    def rsample(self, posterior: Independent, noise: Tensor) -> Tensor: ...
    def kl(self, posterior: Independent, z: Tensor | None = None) -> Tensor: ...
    def embed(self, z: Tensor) -> Tensor: ...
    def location(self, posterior: Independent) -> Tensor: ...


@dataclass(frozen=True)
class Euclidean:
    """R^d with a standard normal prior and normal posteriors of diagonal covariance (thesis ch. 4).

    The encoder produces the mean and the logarithm of the variance.

    >>> space = Euclidean(2)
    >>> q = space.posterior(torch.zeros(1, 3, space.encoder_features))
    >>> space.kl(q)
    tensor([[0., 0., 0.]])
    """

    dimension: int = 2

    def __post_init__(self):
        _require_dimension(self.dimension)

    @property
    def encoder_features(self) -> int:
        return 2 * self.dimension

    @property
    def noise_features(self) -> int:
        return self.dimension

    @property
    def decoder_features(self) -> int:
        return self.dimension

    def prior(self) -> Independent:
        """The standard normal on R^d (thesis 4.1)."""
        return Independent(Normal(torch.zeros(self.dimension), torch.ones(self.dimension)), 1)

    def posterior(self, raw: Tensor) -> Independent:
        """Turn encoder outputs ``(members, batch, 2d)`` into Q(z|x), a batch of diagonal normals (thesis 4.2)."""
        mean, log_variance = raw.chunk(2, dim=-1)
        return Independent(Normal(mean, (0.5 * log_variance).exp(), validate_args=False), 1, validate_args=False)

    def rsample(self, posterior: Independent, noise: Tensor) -> Tensor:
        """Map standard normal ``noise`` ``(..., members, batch, d)`` to samples of Q(z|x) (thesis 4.6)."""
        return posterior.base_dist.loc + noise * posterior.base_dist.scale

    def kl(self, posterior: Independent, z: Tensor | None = None) -> Tensor:
        """KL(Q(z|x) || P_Z) in nats, shape ``(members, batch)``, in closed form (thesis 4.5)."""
        return kl_normal_diagonal(posterior.base_dist.loc, posterior.base_dist.scale)

    def embed(self, z: Tensor) -> Tensor:
        """R^d needs no embedding: the decoder sees z itself."""
        return z

    def location(self, posterior: Independent) -> Tensor:
        """The latent representation μ_Z(x) of a datapoint, shape ``(members, batch, d)`` (thesis §5.4)."""
        return posterior.base_dist.loc


@dataclass(frozen=True)
class Circle:
    """S¹ with a uniform prior and posteriors that diffused from a point of it (thesis ch. 7).

    Latent variables are angles in radians, shape ``(..., 1)``. The encoder produces a location and
    the logarithm of the time t. The location comes from one of two heads: ``projected`` takes two
    numbers as a point of the plane and keeps its direction; ``real``, the thesis's, takes one
    number modulo 2π. A continuous real-valued function of a loop ends where it began, so that a
    ``real`` head cannot wind around the circle.

    ``family`` is ``heat kernel``, the exact diffusion, or ``published``, the formulas as printed; of those,
    ``corrected`` names the ones put right (see ``PublishedDiffusion``). Raises ``ValueError`` for other words.

    >>> space = Circle()
    >>> q = space.posterior(torch.zeros(1, 3, space.encoder_features) + 1.0)
    >>> space.location(q)[0, 0] / math.pi
    tensor([0.2500])
    """

    head: str = "projected"
    family: str = "heat kernel"
    corrected: tuple[str, ...] = ()

    noise_features, decoder_features = 1, 2

    def __post_init__(self):
        if self.head not in ("projected", "real"):
            raise ValueError(f"head is {self.head!r}; choose projected or real")
        if self.family not in ("heat kernel", "published"):
            raise ValueError(f"family is {self.family!r}; choose heat kernel or published")
        choices = CORRECTIONS if self.family == "published" else ()
        if not set(self.corrected) <= set(choices):
            raise ValueError(
                f"corrected is {self.corrected!r} for the family {self.family}; choose from {choices or 'nothing'}"
            )

    @property
    def encoder_features(self) -> int:
        return 3 if self.head == "projected" else 2

    def prior(self) -> Independent:
        """The uniform distribution of angles (thesis 7.2)."""
        low = torch.full((1,), -math.pi)
        return Independent(Uniform(low, -low, validate_args=False), 1, validate_args=False)

    def posterior(self, raw: Tensor) -> Independent:
        """Turn encoder outputs ``(members, batch, encoder_features)`` into Q(z|x) (thesis 7.7)."""
        *location, log_t = raw.chunk(self.encoder_features, dim=-1)
        loc = torch.atan2(*reversed(location)) if self.head == "projected" else location[0]
        return Independent(self.kernel(loc, log_t.exp()), 1, validate_args=False)

    def kernel(self, loc: Tensor, t: Tensor) -> Circular:
        """The family's member at an angle and a time, both of any shape."""
        if self.family == "heat kernel":
            return HeatKernel(loc, t, validate_args=False)
        return PublishedDiffusion(loc, t, self.corrected, validate_args=False)

    def outputs(self, angles: Tensor, spread: float) -> Tensor:
        """The encoder outputs ``(..., encoder_features)`` whose posterior is at ``angles`` ``(..., 1)``, inverting it.

        ``spread`` is the standard deviation of the samples, in radians (thesis 7.10). Raises
        ``ValueError`` for another family than the heat kernel, whose samples spread differently.

        >>> space = Circle()
        >>> space.location(space.posterior(space.outputs(torch.ones(1, 1, 1), 0.1))).squeeze().round(decimals=5)
        tensor(1.)
        """
        if self.family != "heat kernel":
            raise ValueError(f"family is {self.family!r}; choose heat kernel")
        log_t = torch.full_like(angles, 2 * math.log(spread) - math.log(2))
        return torch.cat([self.embed(angles) if self.head == "projected" else angles, log_t], dim=-1)

    def rsample(self, posterior: Independent, noise: Tensor) -> Tensor:
        """Map standard normal ``noise`` ``(..., members, batch, 1)`` to angles in [-π, π) (thesis 7.10)."""
        return posterior.base_dist.transform(noise)

    def kl(self, posterior: Independent, z: Tensor | None = None) -> Tensor:
        """KL(Q(z|x) || P_Z) in nats, shape ``(members, batch)``: exact, or as published from ``z`` ``(L, …)`` (7.9)."""
        return posterior.base_dist.kl_to_uniform(z).sum(-1)

    def embed(self, z: Tensor) -> Tensor:
        """The point (cos θ, sin θ) of the plane, which the decoder sees, shape ``(..., 2)`` (thesis 7.3)."""
        return torch.cat([z.cos(), z.sin()], dim=-1)

    def location(self, posterior: Independent) -> Tensor:
        """The latent representation of a datapoint: its angle in [-π, π), shape ``(members, batch, 1)``."""
        return wrap(posterior.base_dist.loc)


@dataclass(frozen=True)
class CliffordTorus:
    """T^k, a product of ``dimension`` circles: independent angles with a uniform prior (thesis ch. 11).

    Latent variables are angles in radians, shape ``(..., k)``, each with a location and a time of its own
    (thesis 11.8). All that has to do with a single angle is left to ``circle``. Raises ``ValueError`` for a
    dimension below 1.

    >>> torus = CliffordTorus()
    >>> torus.embed(torch.zeros(2)).round(decimals=3)
    tensor([0.7070, 0.0000, 0.7070, 0.0000])
    """

    circle: Circle = Circle()
    dimension: int = 2

    def __post_init__(self):
        _require_dimension(self.dimension)

    @property
    def encoder_features(self) -> int:
        return self.dimension * self.circle.encoder_features

    @property
    def noise_features(self) -> int:
        return self.dimension * self.circle.noise_features

    @property
    def decoder_features(self) -> int:
        return self.dimension * self.circle.decoder_features

    def prior(self) -> Independent:
        """The uniform distribution of k angles (thesis 11.5)."""
        one = self.circle.prior().base_dist
        return Independent(one.expand((self.dimension,)), 1, validate_args=False)

    def posterior(self, raw: Tensor) -> Independent:
        """Turn encoder outputs ``(members, batch, encoder_features)`` into Q(z|x), a product of circles (thesis 11.8).

        Its events have shape ``(k, 1)``: an angle in each of k circles.
        """
        return Independent(self.circle.posterior(self._split(raw)), 1, validate_args=False)

    def rsample(self, posterior: Independent, noise: Tensor) -> Tensor:
        """Map standard normal ``noise`` ``(..., members, batch, k)`` to angles in [-π, π) (thesis 7.10)."""
        return self.circle.rsample(posterior.base_dist, self._split(noise)).flatten(-2)

    def kl(self, posterior: Independent, z: Tensor | None = None) -> Tensor:
        """KL(Q(z|x) || P_Z) in nats, shape ``(members, batch)``: the sum of those of the circles."""
        return self.circle.kl(posterior.base_dist, None if z is None else self._split(z)).sum(-1)

    def embed(self, z: Tensor) -> Tensor:
        """The point of R^2k that the decoder sees, at distance 1 from the origin, shape ``(..., 2k)`` (thesis 11.6)."""
        return self.circle.embed(self._split(z)).flatten(-2) / math.sqrt(self.dimension)

    def location(self, posterior: Independent) -> Tensor:
        """The latent representation of a datapoint: its angles in [-π, π), shape ``(members, batch, k)``."""
        return self.circle.location(posterior.base_dist).flatten(-2)

    def _split(self, features: Tensor) -> Tensor:
        """A circle's share of ``(..., k·n)`` features, in an axis of its own: ``(..., k, n)``."""
        return features.unflatten(-1, (self.dimension, -1))


def _require_dimension(dimension: int) -> None:
    if not isinstance(dimension, int) or dimension < 1:
        raise ValueError(f"dimension is {dimension!r}; choose a whole number of 1 or more")
