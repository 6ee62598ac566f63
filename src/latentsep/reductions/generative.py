"""Generative models, and how far one decoding distribution is from another (thesis ch. 8)."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.benchmarks import Benchmark, ExtendedBenchmark, embed, regular_phases
from latentsep.models.latent_spaces import Circle, CliffordTorus, LatentSpace
from latentsep.models.vae import VAE
from latentsep.training.ensembles import Trained


class GenerativeModel(Protocol):
    """What of an autoencoder generates data: prior, decoder mean, σ (thesis 8.1), for every member.

    ``space`` carries the prior P_Z. ``decode`` maps latent variables ``(..., members, batch, d)`` to the
    means ``(..., members, batch, D)`` of x given z, and ``sigma_x`` ``(members,)`` holds its standard
    deviations. A ``VAE`` is one; so is a ``Known`` model.
    """

    space: LatentSpace
    sigma_x: Tensor

    def decode(self, z: Tensor) -> Tensor: ...


def generative_model(trained: Trained) -> VAE:
    """The generative model of a trained ensemble. Raises ``ValueError`` if it never made an update."""
    if trained.run.updates == 0:
        raise ValueError("updates is 0: an untrained ensemble generates nothing worth reducing; choose 1 or more")
    return trained.vae


@dataclass(frozen=True)
class Phases(Circle):
    """Φ of the thesis: the circle, its points named by their angle in [-π, π) and not by a point of the plane."""


class Known:
    """A generative model whose decoder is given: N(mean(z), σ² I), as many equal members as there are ``sigma_x``.

    ``name`` says what ``mean`` is, for the records. Raises ``ValueError`` if a ``sigma_x`` is not positive.
    """

    def __init__(
        self, mean: Callable[[Tensor], Tensor], space: LatentSpace, sigma_x: Sequence[float], name: str | None = None
    ):
        if not all(s > 0 for s in sigma_x):
            raise ValueError(f"sigma_x is {list(sigma_x)}; every entry must be positive")
        self.decode, self.space, self.name = mean, space, name
        self.sigma_x = torch.tensor(sigma_x, dtype=torch.get_default_dtype())

    @classmethod
    def benchmark(cls, data: Benchmark, sigma: float, members: int = 1) -> "Known":
        """The generative model of chapter 5: x = F(φ) + σε with φ uniform on Φ (thesis 5.1).

        >>> Known.benchmark(Benchmark(), 0.1).decode(torch.zeros(1, 3, 1)).shape
        torch.Size([1, 3, 25])
        """
        return cls(lambda z: data.mean(z[..., 0]), Phases(), [sigma] * members, repr(data))

    @classmethod
    def extended(cls, data: ExtendedBenchmark, sigma: float, members: int = 1) -> "Known":
        """The generative model of chapter 11, in the numbers that networks see, with two phases (thesis 11.1).

        >>> Known.extended(ExtendedBenchmark(), 0.1).decode(torch.zeros(1, 3, 2)).shape
        torch.Size([1, 3, 4])
        """
        return cls(data.loop, CliffordTorus(Phases()), [sigma / data.unit] * members, repr(data))


def digest(model: GenerativeModel) -> str | None:
    """What tells a generative model from others, for the records: a hash of its numbers; ``None`` if it has no name."""
    if isinstance(model, VAE):
        known = [repr(model.space), model.decoder.activation.__name__]
        numbers = {**model.state_dict()}
    elif getattr(model, "name", None):
        known, numbers = [repr(model.space), model.name], {"sigma_x": model.sigma_x}  # type: ignore[attr-defined]  # asked for above
    else:
        return None
    found = hashlib.sha256(repr(known).encode())
    for name, value in sorted(numbers.items()):
        found.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        found.update(value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def rolled(model: GenerativeModel) -> Known:
    """The same members, each in the place of the one before: what is paired with them did not start as they did."""
    return Known(
        lambda z: model.decode(z.roll(-1, -3)).roll(1, -3),
        model.space,
        model.sigma_x.roll(1).tolist(),
        name=f"rolled {known}" if (known := digest(model)) else None,
    )


def kl_normals(mean_1: Tensor, covariance_1: Tensor, mean_2: Tensor, covariance_2: Tensor) -> Tensor:
    """KL(N(μ₁, Σ₁) || N(μ₂, Σ₂)) in nats (thesis 8.10).

    Shapes: means ``(..., D)``, covariances ``(..., D, D)``, result ``(...)``. Raises
    ``torch.linalg.LinAlgError`` if a covariance is not positive definite.

    >>> kl_normals(torch.zeros(2), torch.eye(2), torch.ones(2), torch.eye(2))
    tensor(1.)
    """
    first, second = torch.linalg.cholesky(covariance_1), torch.linalg.cholesky(covariance_2)
    log_det = [2 * f.diagonal(dim1=-2, dim2=-1).log().sum(-1) for f in (first, second)]
    # With Σ₂ = LLᵀ the trace is ‖L⁻¹L₁‖² and the quadratic form is ‖L⁻¹(μ₂ − μ₁)‖².
    trace = torch.linalg.solve_triangular(second, first, upper=False).square().sum((-2, -1))
    shift = torch.linalg.solve_triangular(second, (mean_2 - mean_1)[..., None], upper=False).square().sum((-2, -1))
    return 0.5 * (trace + shift - mean_1.shape[-1] + log_det[1] - log_det[0])


def kl_isotropic(mean_1: Tensor, sigma_1: Tensor | float, mean_2: Tensor, sigma_2: Tensor | float) -> Tensor:
    """KL(N(μ₁, σ₁² I) || N(μ₂, σ₂² I)) in nats (thesis 8.11).

    Shapes: means ``(..., D)``; the standard deviations broadcast against ``(...)``. Raises
    ``ValueError`` if one of them is not positive.

    >>> kl_isotropic(torch.zeros(2), 1.0, torch.ones(2), 1.0)
    tensor(1.)
    """
    variances = []
    for name, sigma in (("sigma_1", sigma_1), ("sigma_2", sigma_2)):
        sigma = torch.as_tensor(sigma, dtype=mean_1.dtype)
        if not bool((sigma > 0).all()):
            raise ValueError(f"{name} is {sigma.flatten().tolist()}; it must be positive")
        variances.append(sigma.square())
    ratio = variances[0] / variances[1]
    distance = (mean_1 - mean_2).square().sum(-1)
    return distance / (2 * variances[1]) + mean_1.shape[-1] / 2 * (ratio - ratio.log() - 1)


def draw(space: LatentSpace, count: int, stream: torch.Generator) -> Tensor:
    """Independent latent variables from the prior of a space, shape ``(count, d)``."""
    prior = space.prior().base_dist
    uniform = torch.rand(count, *prior.batch_shape, generator=stream)
    # A zero, which torch.rand can return, would be mapped to minus infinity.
    return prior.icdf(uniform.clamp(min=2**-25))


def circle(space: LatentSpace, count: int) -> Tensor:
    """Latent variables ``(count, d)`` at regular angles: of the circle itself, or of the unit circle in the plane."""
    angles = regular_phases(count)
    if isinstance(space, Circle):
        return angles[:, None]
    # In more dimensions than two it lies in the first two; a line has its shadow.
    return torch.nn.functional.pad(embed(angles), (0, space.noise_features - 2))


@torch.no_grad()
def aggregate_posterior(trained: Trained, x: Tensor, seed: int = 0) -> Tensor:
    """One sample of Q(z|x) for each datapoint ``(N, D)``, shape ``(members, N, d)``: where the codes of data are."""
    run, shape = trained.run, (len(x), trained.run.space.noise_features)
    noise = [torch.randn(shape, generator=seeds.generator(seed, run.seed_of(m), "codes")) for m in run.members]
    return run.space.rsample(trained.vae.posterior(x), torch.stack(noise))
