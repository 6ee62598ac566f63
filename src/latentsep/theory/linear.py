"""The linear autoencoder: its objective, its best weights, and what these make of data (thesis ch. 6).

The posterior is N(Gx, σ_Z² I), the decoding distribution N(Hz, σ_X² I), and the data have mean zero and
the same variance Γ in each of two directions. For given widths the optimum is thesis Theorem 3, put
right. With σ_Z learned as well it is probabilistic PCA with its noise fixed (Tipping and Bishop, 1999).
"""

import math
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.func import grad, hessian, vmap

from latentsep.data import seeds
from latentsep.models.normal import kl_normal_diagonal
from latentsep.models.vae import negative_log_likelihood

_Number = TypeVar("_Number", float, np.ndarray)
_STEPS = 60  # of Newton's method; at the collapse boundary each takes a third off what is left
_FLATTEST = 1e-12  # of the largest curvature; below it a direction counts as flat


def variance(sigma: _Number, radius: float = 1.0) -> _Number:
    """Return Γ = radius²/2 + σ², the variance of each coordinate of a noisy circle in the plane (thesis §6.3).

    The thesis has radius 1. Datapoints of the benchmark lie on one of radius √(D/2).

    >>> variance(0.5)
    0.75
    """
    return radius**2 / 2 + sigma**2


def fourier_basis(dimension: int) -> Tensor:
    """Return the real discrete Fourier basis, orthonormal rows ``(D, D)`` in double precision, D odd.

    The first row is constant; rows 2k − 1 and 2k are the cosine and the sine of frequency k, for k up
    to (D − 1)/2. Raises ``ValueError`` unless ``dimension`` is odd and positive.

    >>> basis = fourier_basis(5)
    >>> bool(torch.allclose(basis @ basis.T, torch.eye(5).double()))
    True
    """
    if dimension < 1 or dimension % 2 == 0:
        raise ValueError(f"dimension is {dimension}; choose an odd number of 1 or more")
    i = torch.arange(1, dimension + 1, dtype=torch.float64)
    frequencies = torch.arange(1, (dimension + 1) // 2, dtype=torch.float64)
    angles = 2 * math.pi * frequencies[:, None] * i / dimension
    waves = torch.stack([angles.cos(), angles.sin()], 1).flatten(0, 1) * math.sqrt(2 / dimension)
    return torch.cat([torch.full((1, dimension), dimension**-0.5, dtype=torch.float64), waves])


def excess_loss(G: Tensor, H: Tensor, gamma: Tensor, sigma_z: Tensor, sigma_x: Tensor) -> Tensor:
    """Loss(G, H) of thesis §6.3 less its value 2Γ/σ_X² at G = H = 0, for matrices ``(..., 2, 2)``.

    Where the code has all but collapsed, the loss differs from that constant by the fourth power of
    the weights. Left in, the constant would drown the difference in rounding.
    """
    product = H @ G
    size = product.square().sum((-2, -1)) - 2 * product.diagonal(dim1=-2, dim2=-1).sum(-1)
    weights = gamma * G.square().sum((-2, -1)) + (sigma_z / sigma_x) ** 2 * H.square().sum((-2, -1))
    return weights + gamma / sigma_x**2 * size


def negative_elbo(G: Tensor, H: Tensor, gamma: Tensor, sigma_z: Tensor, sigma_x: Tensor) -> Tensor:
    """The expected −ELBO of the data in nats, constants included, for matrices ``(..., 2, 2)`` (thesis 6.13).

    >>> one, none = torch.tensor(1.0), torch.zeros(2, 2)
    >>> negative_elbo(none, none, one, one, one) - (2 * math.pi * one).log()
    tensor(1.)
    """
    constant = sigma_z**2 - 2 * sigma_z.log() - 1 + torch.log(2 * math.pi * sigma_x**2)
    return 0.5 * excess_loss(G, H, gamma, sigma_z, sigma_x) + gamma / sigma_x**2 + constant


def optimum(gamma: ArrayLike, sigma_z: ArrayLike, sigma_x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The singular values of the best G and of the best H, both of multiplicity two (thesis Theorem 3, put right).

    G is the first of them times any orthogonal matrix, H the second times its transpose, and
    ‖Gx‖ = λ‖x‖. Both are zero where σ_X σ_Z ≥ √Γ. Raises ``ValueError`` for a value that is not positive.

    >>> optimum(1.0, 0.5, 1.0)
    (array(0.5), array(1.))
    """
    gamma, sigma_z, sigma_x = _positive(gamma=gamma, sigma_z=sigma_z, sigma_x=sigma_x)
    encoder = sigma_z / np.sqrt(gamma) * np.sqrt(np.maximum(np.sqrt(gamma) / (sigma_x * sigma_z) - 1, 0))
    return np.asarray(encoder), np.asarray(np.sqrt(gamma) * sigma_x / sigma_z * encoder)


def as_printed(gamma: ArrayLike, sigma_z: ArrayLike, sigma_x: ArrayLike) -> np.ndarray:
    """The right-hand side that thesis (6.12), (6.16) and (6.17) share: printed for ‖Gx‖ once, and for its square."""
    gamma, sigma_z, sigma_x = _positive(gamma=gamma, sigma_z=sigma_z, sigma_x=sigma_x)
    return np.maximum(sigma_z / gamma * (np.sqrt(gamma) - sigma_x * sigma_z) / (sigma_x * sigma_z), 0)


def learned_std(gamma: ArrayLike, sigma_x: ArrayLike) -> np.ndarray:
    """The best σ_Z where it is learned as well: σ_X/√Γ, or 1 where σ_X² ≥ Γ and the code collapses.

    Tipping and Bishop (1999), with the noise σ_X given. Raises ``ValueError`` for a value that is
    not positive.
    """
    gamma, sigma_x = _positive(gamma=gamma, sigma_x=sigma_x)
    return np.minimum(sigma_x / np.sqrt(gamma), 1.0)


def minimise(
    gamma: ArrayLike, sigma_x: ArrayLike, sigma_z: ArrayLike | None = None, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Minimise the expected −ELBO numerically from random weights; return G, H ``(..., 2, 2)`` and σ_Z ``(...)``.

    Arguments broadcast, and every combination is a problem of its own. With ``sigma_z`` given it
    looks for the eight entries of G and H, otherwise for σ_Z too; it uses nothing of what is known
    about the solution. Newton's method with the absolute values of the curvatures, so that it
    leaves saddles, halving steps that lead upwards. Raises ``ValueError`` for a value that is not positive.
    """
    given = {"gamma": gamma, "sigma_x": sigma_x} | ({} if sigma_z is None else {"sigma_z": sigma_z})
    given = torch.broadcast_tensors(*(torch.as_tensor(a, dtype=torch.float64) for a in _positive(**given)))
    settings = torch.stack([a.flatten() for a in given], -1)

    def scaled(weights: Tensor, setting: Tensor) -> Tensor:
        # In units in which G and H cost alike, Newton's method sees curvatures of similar size.
        gamma, sigma_x, *width = setting
        units = torch.stack([gamma.rsqrt(), sigma_x / width[0] if width else sigma_x])
        return weights[:8].view(2, 2, 2) * units[:, None, None]

    def objective(weights: Tensor, setting: Tensor) -> Tensor:
        log_std = weights[8] if sigma_z is None else setting[2].log()
        G, H = scaled(weights, setting)
        # What σ_Z costs by itself, less its least value, is a constant where σ_Z is given.
        width = torch.expm1(2 * log_std) - 2 * log_std if sigma_z is None else 0.0
        return 0.5 * excess_loss(G, H, setting[0], log_std.exp(), setting[1]) + width

    unknowns = 9 if sigma_z is None else 8
    stream = seeds.generator(seed, "linear autoencoder")
    start = torch.randn(len(settings), unknowns, generator=stream, dtype=torch.float64)
    found = _newton(objective, start, settings)
    shape = given[0].shape
    G, H = vmap(scaled)(found, settings).reshape(*shape, 2, 2, 2).movedim(-3, 0)
    return G, H, given[2] if sigma_z is not None else found[:, 8].exp().reshape(shape)


def _newton(objective, point: Tensor, settings: Tensor) -> Tensor:
    value, slope, curvature = vmap(objective), vmap(grad(objective)), vmap(hessian(objective))
    for _ in range(_STEPS):
        size, axes = torch.linalg.eigh(curvature(point, settings))
        size = size.abs().maximum(_FLATTEST * size.abs().amax(-1, keepdim=True))
        downhill = axes @ ((axes.mT @ slope(point, settings)[..., None]) / size[..., None])
        step, before = -downhill[..., 0], value(point, settings)
        for _ in range(40):
            if not (higher := value(point + step, settings) > before).any():
                break
            step = torch.where(higher[:, None], step / 2, step)
        point = point + torch.where(higher[:, None], 0.0, step)
    return point


def collapse(variance: float, directions: int, sigma_x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """KL in nats and E‖x − μ_X(z)‖² of the best linear autoencoder, for each σ_X, with σ_Z learned.

    The data vary by ``variance`` in each of as many principal ``directions`` as the latent space
    has, and nowhere else. Above σ_X = √variance the posterior equals the prior. Raises
    ``ValueError`` for a value that is not positive.
    """
    std = learned_std(variance, sigma_x)
    return -directions * np.log(std), directions * variance * std**2


def predict(x: Tensor, axes: Tensor, variance: float, sigma_x: float) -> dict[str, float]:
    """What ``evaluation.measure`` would find on ``x`` for the best linear autoencoder of data that vary along ``axes``.

    It was trained on data of the given ``variance`` in each of the directions ``axes`` ``(d, D)``, orthonormal rows,
    with σ_Z learned; it is measured on ``x`` ``(batch, D)``, which may be other data, such as the same
    without noise. Means over ``x``: ``neg_elbo``, ``kl`` and ``reconstruction`` in nats, ``mse``, and ``radius``,
    the norm of μ_Z(x). Its posterior is exact: −ELBO is −log p(x) under a normal distribution.
    """
    std = float(learned_std(variance, sigma_x))
    encoder, decoder = (float(v) for v in optimum(variance, std, sigma_x))
    mean = encoder * (x @ axes.T)
    decoded = decoder * mean @ axes
    kl = kl_normal_diagonal(mean, torch.full_like(mean, std))
    # The noise that σ_Z adds to what is decoded has this expected squared norm.
    spread = len(axes) * (decoder * std) ** 2
    reconstruction = negative_log_likelihood(x, decoded, sigma_x) + spread / (2 * sigma_x**2)
    parts = {
        "neg_elbo": reconstruction + kl,
        "kl": kl,
        "reconstruction": reconstruction,
        "mse": (x - decoded).square().sum(-1),
        "radius": mean.norm(dim=-1),
    }
    return {name: float(value.double().mean()) for name, value in parts.items()}


def _positive(**values: Any) -> list[np.ndarray]:
    """The values as arrays. Raises ``ValueError`` for one that is not positive."""
    for name, value in values.items():
        if not np.all(np.asarray(value) > 0):
            raise ValueError(f"{name} is {value}; choose a positive number")
    return [np.asarray(value, dtype=np.float64) for value in values.values()]
