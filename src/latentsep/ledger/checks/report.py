"""Checks of what a report on autoencoders of shapes prints wrongly."""

import math

import numpy as np
import torch

from latentsep.data import seeds
from latentsep.data.shapes import KINDS, POSITIONS, SIDE, SIZES, draw
from latentsep.ledger.checks.registry import small_vae, statement
from latentsep.ledger.ledger import Check
from latentsep.models.normal import kl_normal_diagonal


def _normal(name: str, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=seeds.generator(0, "report", name), dtype=torch.float64)


@statement("text-S.1")
def inverse() -> Check:
    """Principal components as encoder and decoder: noise that is remade, and codes that are decoded and encoded."""
    directions = torch.linalg.qr(_normal("directions", 20, 3))[0]
    x, z = _normal("pictures", 50, 20), _normal("codes", 50, 3)
    remade, again = x @ directions @ directions.T, z @ directions.T @ directions
    says = "how far off it comes back: pictures that are encoded and decoded, codes that are decoded and encoded"
    return Check(says, float((x - remade).norm(dim=1).mean()), 1e-9, float((z - again).norm(dim=1).mean()))


@statement("text-S.2")
def continuous() -> Check:
    """The position of a shape for its code: Lipschitz, and blind to kinds, which are thus not near their own."""
    kinds = torch.arange(3).repeat(2_000)
    stream = seeds.generator(0, "report", "positions")
    places = torch.rand(len(kinds), 2, generator=stream) * (POSITIONS[1] - POSITIONS[0]) + POSITIONS[0]
    apart = torch.cdist(places[:500], places)
    apart[torch.arange(500), torch.arange(500)] = torch.inf
    alike = float((kinds[apart.argmin(1)] == kinds[:500]).double().mean())
    centres = torch.cat([kinds[:, None], places, torch.full_like(places[:, :1], SIZES[0])], 1)
    pictures = draw(torch.nn.functional.pad(torch.nn.functional.pad(centres, (0, 1)), (0, 1), value=1.0)[:500])
    grid = torch.arange(SIDE) + 0.5
    mass = pictures.sum((1, 2))
    found = torch.stack([(pictures.sum(1) * grid).sum(1) / mass, (pictures.sum(2) * grid).sum(1) / mass], 1)
    says = "the centre of mass as a code: neighbours of another kind, and its distance from the position"
    return Check(says, 1 - alike, 0.05, float((found - places[:500]).abs().max()))


@statement("text-S.3")
def deviation() -> Check:
    """The spread of draws μ + s·ε, with a variance or a deviation for s, against the one that is named."""
    variance = 0.25
    noise = _normal("draws", 200_000)
    spreads = [float((s * noise).std()) for s in (variance, variance**0.5)]
    return Check("spread of draws, less the deviation", *_apart(spreads, variance**0.5, 0.01))


@statement("eq-S.9")
@torch.no_grad()
def loss() -> Check:
    """The two lines of the loss for two encoders: by how much their differences differ, with σ_X² = ½ and β = 1."""
    vae, x, noise = small_vae(1)
    vae.sigma_x.fill_(0.5**0.5)
    first, second = [], []
    for shift in (0.0, 0.5):
        posterior = vae.posterior(x + shift).base_dist
        z = posterior.loc + posterior.scale * noise[0]
        error = (x - vae.decode(z)).square().sum(-1).mean()
        kl = kl_normal_diagonal(posterior.loc, posterior.scale).mean()
        constant = x.shape[-1] / 2 * math.log(math.pi)
        first.append(float(-error - constant - kl))
        second.append(float(error + kl))
    by_line = first[1] - first[0], second[1] - second[0]
    says = "what the two lines of (9) say of the change of an encoder, less each other; then with the first negated"
    return Check(says, abs(by_line[0] - by_line[1]), 1e-9, abs(by_line[0] + by_line[1]))


@statement("text-S.4")
def mean_squares() -> Check:
    """The weight of the divergence against the squared error: with the mean over pixels, and with the sum."""
    pixels = SIDE * SIDE
    error = _normal("pixels", pixels).square()
    weights = [float(error.sum() / part) for part in (error.mean(), error.sum())]
    return Check("the weight of the divergence against the sum of squares, less β = 1", *_apart(weights, 1.0, 1e-9))


@statement("text-S.5")
def shared_noise() -> Check:
    """A gradient by the mean of z² over 64 posteriors: its variance with one ε for all, over that with one each."""
    batch, times = 64, 20_000
    mean, std = 0.3, 0.7

    def gradient(noise: torch.Tensor) -> torch.Tensor:  # by the deviation, of the mean of (μ + σε)²
        return (2 * (mean + std * noise) * noise).mean(1)

    each = gradient(_normal("each", times, batch)).var()
    common = gradient(_normal("common", times, 1).expand(times, batch)).var()
    alone = 4 * (mean**2 + 2 * std**2) / batch  # the variance of 2(μ + σε)ε, over 64
    return Check(
        "variance over that of 64 independent draws, less 1",
        *_apart([float(common / alone), float(each / alone)], 1, 0.1),
    )


@statement("eq-S.11")
def after_noise() -> Check:
    """The rate with the variance after noise and before it, against the information of a normal code."""
    signal, noise = 3.0, 1.0
    information = 0.5 * math.log2((signal + noise) / noise)  # entropy of the sum less that of the noise
    rates = [0.5 * math.log2(1 + variance / noise) for variance in (signal + noise, signal)]
    return Check("bits of one number, less its information", *_apart(rates, information, 1e-12))


@statement("text-S.6")
def two_values() -> Check:
    """A code of two values under noise: its rate less its information, and what the information has above the rate."""
    signal, noise = 10.0, 1.0  # a distance of 20 deviations
    z, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    own, other = -0.5 * z**2, -0.5 * (z + 2 * signal) ** 2
    information = float((weights * (own - np.logaddexp(own, other) + math.log(2))).sum()) / math.log(2)
    rate = 0.5 * math.log2(1 + signal**2 / noise**2)
    return Check(
        "bits: rate beyond information, and information beyond rate",
        rate - information,
        1e-9,
        max(0.0, information - rate),
    )


@statement("text-S.7")
def three_numbers() -> Check:
    """The largest distance of two pictures with the same three numbers, and with the same kind as well."""
    three = torch.tensor([14.0, 14.0, 8.0, 0.0, 1.0])
    pictures = torch.stack([draw(torch.cat([torch.tensor([float(k)]), three])[None])[0] for k in range(len(KINDS))])
    apart = torch.cdist(pictures.flatten(1), pictures.flatten(1))
    again = draw(torch.cat([torch.tensor([0.0]), three])[None])[0]
    says = "distance of pictures of the same position and size; and of the same kind, too"
    return Check(says, float(apart.max()), 1e-6, float((pictures[0] - again).norm()))


def _apart(values: list[float], truth: float, tolerance: float) -> tuple[float, float, float]:
    printed, meant = (abs(value - truth) for value in values)
    return printed, tolerance, meant
