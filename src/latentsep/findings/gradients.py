"""How noisy chapter 3's estimates of the gradient by the encoder's outputs are, against quadrature."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.findings.estimates import FAR, Example, Spread, spread_table
from latentsep.measures import estimators


@dataclass(frozen=True)
class GradientStudy:
    """Of one estimator of the gradient by the encoder's outputs: its error at each L, and exact standard deviations.

    Root mean squares over datapoints and over all components, or those by means or by log-variances alone,
    in nats per unit of the outputs. ``deviation`` is the largest distance of its mean over all samples from
    quadrature, in standard errors.
    """

    errors: np.ndarray
    std: float
    means: float
    log_variances: float
    deviation: float


def study(example: Example, noise: Tensor, counts: list[int]) -> dict[str, GradientStudy]:
    """The path, the score function, and the score function with the best constant baseline, by name."""
    nodes, weights = example.quadrature()
    model, x, raw = example.vae, example.x, example.raw
    truth, _ = estimators.mean_and_std(estimators.pathwise(model, x, raw, nodes), weights)
    baseline = estimators.best_baseline(model, x, raw, nodes, weights)
    kinds: dict[str, Callable[..., Tensor]] = {
        "path": estimators.pathwise,
        "score function": estimators.score_function,
        "score, best baseline": partial(estimators.score_function, baseline=baseline),
    }
    found = {}
    for label, estimator in kinds.items():
        _, std = estimators.mean_and_std(estimator(model, x, raw, nodes), weights)
        values = estimators.in_chunks(estimator, model, x, raw, noise)
        found[label] = GradientStudy(
            errors=estimators.error_by_samples(values, truth, counts),
            std=float(std.square().mean().sqrt()),
            means=float(std[..., :2].square().mean().sqrt()),
            log_variances=float(std[..., 2:].square().mean().sqrt()),
            deviation=float(((values.mean(0) - truth) / (std / math.sqrt(len(values)))).abs().max()),
        )
    return found


def table(studies: Mapping[str, Mapping[str, GradientStudy]]) -> pd.DataFrame:
    """Each estimator's deviations, alone and divided by the path's, one row per name of weights and estimator."""
    rows = []
    for label, by_name in studies.items():
        path = by_name["path"]
        for estimator, found in by_name.items():
            ratios = found.means / path.means, found.log_variances / path.log_variances
            rows.append([label, estimator, found.means, ratios[0], found.log_variances, ratios[1], found.deviation])
    columns = ["weights", "estimator", "std, means", "÷ path", "std, log-variances", "÷ path ", "largest deviation"]
    return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True)
class Gradients:
    """How much noisier the score function is than the path after training, and what a single sample adds.

    A ``ratio`` is of standard deviations by the means, a ``cost`` of the samples that are needed. ``largest``
    of ``comparisons`` deviations is in standard errors, ``expected`` the median of the largest of as many
    normal values. A ``loss`` is in percent, as are ``far_share`` of the variance and ``far_probability``.
    """

    plain_ratio: float
    plain_cost: float
    baseline_ratio: float
    baseline_cost: float
    draws: int
    largest: float
    comparisons: int
    expected: float
    value_loss: float
    gradient_loss: float
    gradient_ratio: float
    far_share: float
    far_probability: float


def summary(
    studies: Mapping[str, Mapping[str, GradientStudy]], spreads: Mapping[str, Spread], components: int, draws: int
) -> Gradients:
    """From studies and spreads by weights, trained ones last; each study compared so many ``components``."""
    last, final = list(studies.values())[-1], list(spreads)[-1]
    plain, baseline = (last[name].means / last["path"].means for name in ("score function", "score, best baseline"))
    comparisons = sum(map(len, studies.values())) * components
    median = torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor((1 + 0.5 ** (1 / comparisons)) / 2))
    after = spread_table(spreads).set_index(["quantity", "weights"]).xs(final, level="weights")
    return Gradients(
        plain_ratio=plain,
        plain_cost=plain**2,
        baseline_ratio=baseline,
        baseline_cost=baseline**2,
        draws=draws,
        largest=max(found.deviation for by_name in studies.values() for found in by_name.values()),
        comparisons=comparisons,
        expected=float(median),
        value_loss=float(after.loc["−ELBO", "error added by L = 1 (%)"]),
        gradient_loss=float(after.loc["gradient", "error added by L = 1 (%)"]),
        gradient_ratio=float(after.loc["gradient", "one sample, √w"] / after.loc["gradient", "between datapoints, √v"]),
        far_share=100 * spreads[final].far_share,
        far_probability=100 * math.exp(-(FAR**2) / 2),
    )
