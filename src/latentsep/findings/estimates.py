"""How far off chapter 3's estimators are, measured on one small autoencoder against quadrature.

Everything is in double precision, and for an ensemble of one. Noise comes from streams of its own for each purpose.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.benchmarks import Benchmark
from latentsep.ledger.numerals import numeral
from latentsep.measures import estimators
from latentsep.models.vae import VAE
from latentsep.training.ensembles import Trained

ORDER = 48  # of the rule that gives exact values, in each direction
COARSE = 40  # of the one that it is held against
GRADIENTS = 12  # of the rule for gradients by all weights, whose many components take longer
FAR = 3.5  # length of noise from which on a draw counts as rare
SUMMANDS = {
    "reconstruction error (3.6)": estimators.reconstruction,
    "KL (3.7)": estimators.log_ratio,
    "negative ELBO (3.8)": lambda *inputs: estimators.reconstruction(*inputs) + estimators.log_ratio(*inputs),
}


@dataclass(frozen=True)
class Example:
    """An autoencoder, datapoints ``(batch, D)``, and what its encoder says about them, ``(1, batch, features)``."""

    vae: VAE
    x: Tensor
    raw: Tensor

    @classmethod
    def of(cls, vae: VAE, x: Tensor) -> "Example":
        """A copy of ``vae`` in double precision, on ``x``."""
        model = copy.deepcopy(vae).double().requires_grad_(False)
        return cls(model, x, model.encoder(x[None]))

    def noise(self, seed: int, name: str, count: int) -> Tensor:
        """Standard normal noise for every datapoint, ``(count, 1, batch, d)``, from the stream called ``name``."""
        stream = seeds.generator(seed, "chapter 3", name)
        return torch.randn(count, 1, len(self.x), self.vae.space.noise_features, generator=stream, dtype=torch.float64)

    def quadrature(self, order: int = ORDER) -> tuple[Tensor, Tensor]:
        """Gauss-Hermite nodes in the shape of noise, and their weights."""
        nodes, weights = estimators.gauss_hermite(self.vae.space.noise_features, order)
        return nodes[:, None, None].expand(-1, 1, len(self.x), -1), weights


def sample_counts(samples: int, powers: int = 9) -> list[int]:
    """The numbers of samples L at which errors are shown: so many powers of four, as far as ``samples``."""
    return [4**k for k in range(powers) if 4**k <= samples]


def summand_errors(example: Example, noise: Tensor, counts: list[int]) -> dict[str, tuple[np.ndarray, float]]:
    """Of each of ``SUMMANDS`` the error of its mean at each L, and the exact standard deviation of one sample, nats."""
    nodes, weights = example.quadrature()
    curves = {}
    for label, estimator in SUMMANDS.items():
        truth, std = estimators.mean_and_std(estimator(example.vae, example.x, example.raw, nodes), weights)
        values = estimators.in_chunks(estimator, example.vae, example.x, example.raw, noise)
        curves[label] = (estimators.error_by_samples(values, truth, counts), float(std.square().mean().sqrt()))
    return curves


@dataclass(frozen=True)
class Exactness:
    """The rule's ``nodes``, a power of ten that a coarser rule changes −ELBO by less than, and the stds of a sample.

    Of the sum with the sampled KL, and of that with the closed one. All but ``nodes`` are in nats.
    """

    nodes: int
    quadrature_change: float
    std_sampled: float
    std_closed: float


def exactness(example: Example, curves: Mapping[str, tuple[np.ndarray, float]]) -> Exactness:
    """From what ``summand_errors`` found."""
    whole, means = SUMMANDS["negative ELBO (3.8)"], []
    for order in (COARSE, ORDER):
        nodes, weights = example.quadrature(order)
        means.append(estimators.mean_and_std(whole(example.vae, example.x, example.raw, nodes), weights)[0])
    change = float((means[0] - means[1]).abs().max())
    return Exactness(
        nodes=len(weights),
        quadrature_change=10.0 ** math.ceil(math.log10(max(change, 1e-15))),
        std_sampled=curves["negative ELBO (3.8)"][1],
        std_closed=curves["reconstruction error (3.6)"][1],
    )


@dataclass(frozen=True)
class Spread:
    """Variances between datapoints, and of one sample, of −ELBO (squared nats) and of its gradient by the weights.

    ``far_share`` is the part of one sample's variance of −ELBO that comes from noise longer than ``FAR``.
    """

    value: tuple[float, float]
    gradient: tuple[float, float]
    far_share: float


def spread(vae: VAE, data: Benchmark, count: int) -> Spread:
    """On the first ``count`` datapoints with σ = 0.1."""
    example = Example.of(vae, data.sample(0.1)[0][:count].double())
    model, x, raw, space = example.vae, example.x, example.raw, example.vae.space
    nodes, weights = example.quadrature()
    errors = estimators.in_chunks(estimators.reconstruction, model, x, raw, nodes)[:, 0]
    means, stds = estimators.mean_and_std(errors, weights)
    value = estimators.variance_split(means + space.kl(space.posterior(raw))[0], stds)
    rule = estimators.gauss_hermite(space.noise_features, GRADIENTS)
    gradient = estimators.variance_split(*estimators.weight_gradients(model, x, *rule))
    far = nodes[:, 0, 0].norm(dim=-1) > FAR
    share = ((errors - means).square() * weights[:, None])[far].sum() / stds.square().sum()
    return Spread(value, gradient, float(share))


def spread_table(spreads: Mapping[str, Spread]) -> pd.DataFrame:
    """Standard deviations of −ELBO and gradient, and what a single sample adds to the error of a minibatch mean.

    One row per quantity and name of weights.
    """
    rows = []
    for label, found in spreads.items():
        for quantity, (v, w) in {"−ELBO": found.value, "gradient": found.gradient}.items():
            rows.append([quantity, label, math.sqrt(v), math.sqrt(w), 100 * (math.sqrt(1 + w / v) - 1)])
    columns = ["quantity", "weights", "between datapoints, √v", "one sample, √w", "error added by L = 1 (%)"]
    return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True)
class Training:
    """What the autoencoder is and how its training ended.

    ``perfect`` is the reconstruction error, in nats, where nothing is lost; ``third`` the dimension divided by
    three, and ``hidden`` the neurons in a hidden layer; ``last_change`` is in nats, over a tenth of the updates.
    """

    perfect: str
    batch: int | None
    weights: int
    hidden: int
    third: float
    last_change: str


def training(trained: Trained) -> Training:
    """Of an ensemble of one."""
    run, history = trained.run, trained.history[0]
    tenth = max(1, len(history) // 10)
    recent = history[-2 * tenth :]
    return Training(
        perfect=numeral(run.data.dimension / 2 * math.log(2 * math.pi * run.members[0].sigma_x ** 2), 1),
        batch=run.batch_size,
        weights=sum(p.numel() for p in trained.vae.parameters()),
        hidden=run.hidden[0],
        third=run.data.dimension / 3,
        last_change=numeral(float(recent[-tenth:].mean() - recent[:tenth].mean()), 2),
    )
