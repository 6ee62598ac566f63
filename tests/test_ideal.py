"""The one-number model of an ideal circle against the floor, a fine grid, and autoencoders built to be ideal."""

import itertools
import math

import numpy as np
import pytest
import torch

from latentsep.measures.evaluation import evidence_floor
from latentsep.models.distributions import CORRECTIONS, HeatKernel, PublishedDiffusion
from latentsep.models.latent_spaces import Circle
from latentsep.models.vae import VAE
from latentsep.theory import ideal

COMBINATIONS = [chosen for n in range(4) for chosen in itertools.combinations(CORRECTIONS, n)]


@pytest.mark.parametrize("dimension", [5, 25])
@pytest.mark.parametrize("sigma_x", [3.0, 1.0, 0.3, 0.1, 0.03, 0.01])
def test_the_exact_circle_reaches_the_floor_from_above(sigma_x, dimension):
    best, floor = ideal.best(ideal.exact(), sigma_x, dimension), evidence_floor(dimension, sigma_x)
    # The exact posterior is von Mises; where it is wide but not flat, heat only comes close to it.
    reach = 1e-3 if dimension == 25 else 0.02
    assert -1e-12 * abs(floor) <= best.neg_elbo - floor < reach
    assert best.neg_elbo == pytest.approx(best.kl + best.reconstruction)
    t = torch.tensor(best.t, dtype=torch.float64)
    assert best.kl == pytest.approx(float(HeatKernel(0.0, t).kl_to_uniform()), abs=1e-12)


@pytest.mark.parametrize("sigma_x", [1.0, 0.1, 0.01])
def test_the_published_circle_with_all_put_right_is_the_exact_one(sigma_x):
    one, other = ideal.best(ideal.published(*CORRECTIONS), sigma_x), ideal.best(ideal.exact(), sigma_x)
    assert one.neg_elbo == pytest.approx(other.neg_elbo, rel=1e-10)
    assert one.t == pytest.approx(other.t, rel=1e-5)  # a minimum is flat
    assert one.kl == pytest.approx(other.kl, abs=1e-5)


@pytest.mark.parametrize("sigma_x", [1.0, 0.1])
def test_as_printed_it_would_pass_below_the_floor(sigma_x):
    assert ideal.best(ideal.published(), sigma_x).neg_elbo < evidence_floor(25, sigma_x) - 1


@pytest.mark.parametrize("corrected", COMBINATIONS)
def test_the_best_time_is_the_best_of_all(corrected):
    # −ELBO at every time of a fine grid, from −log N and the mean over a normal angle, worked out anew.
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    weights = torch.from_numpy(weights / weights.sum())
    t = torch.logspace(-9, 1.7, 4_000, dtype=torch.float64)
    family = PublishedDiffusion(0.0, t, corrected)
    theta = family.transform(torch.from_numpy(nodes)[:, None])
    ratio = family.log_prob(theta) + math.log(2 * math.pi)
    kl = weights @ (ratio if "kl" in corrected else ratio * family.log_prob(theta).exp())
    for sigma_x in (3.0, 1.0, 0.1, 0.01):
        # The best decoder takes e^{iφ} to E e^{iφ} = exp(−s²/2) of it; what is left is the variance.
        left = 25 / 2 * (1 - (-family.scale.square()).exp())
        each = kl + left / (2 * sigma_x**2) + 12.5 * math.log(2 * math.pi * sigma_x**2)
        best = ideal.best(ideal.published(*corrected), sigma_x)
        lowest = float(each.min())
        assert lowest - 0.01 < best.neg_elbo < lowest + 1e-8
        assert best.reconstruction == pytest.approx(best.neg_elbo - best.kl)


@pytest.mark.parametrize(
    ("rules", "space"),
    [
        (ideal.exact(), Circle()),
        (ideal.published(), Circle("projected", "published")),
        (ideal.published("sampling"), Circle("projected", "published", ("sampling",))),
    ],
)
def test_an_autoencoder_built_to_be_ideal_has_the_value(rules, space, float64):
    sigma_x, dimension, count = 0.5, 7, 200_000
    best = ideal.best(rules, sigma_x, dimension)
    scale = float(rules.scale(torch.tensor(best.t)))
    vae = VAE(space, dimension, (), [sigma_x], member_seeds=[0]).requires_grad_(False)
    j = 2 * math.pi * torch.arange(1, dimension + 1) / dimension
    (encoder,), (decoder,) = vae.encoder.layers, vae.decoder.layers
    encoder.weight.zero_()
    encoder.weight[0, :2] = torch.stack([j.sin(), j.cos()])
    encoder.bias[0, 2] = math.log(best.t)
    decoder.weight[0] = math.exp(-(scale**2) / 2) * torch.stack([j.sin(), j.cos()], -1)
    stream = torch.Generator().manual_seed(0)
    phases = 2 * math.pi * torch.rand(count, generator=stream)
    x = torch.sin(j + phases[:, None])  # (5.1)
    noise = torch.randn(1, 1, count, 1, generator=stream)
    parts = vae(x, noise)
    each = sum(parts)[0]
    assert abs(float(each.mean()) - best.neg_elbo) < 4.5 * float(each.std()) / math.sqrt(count) < 0.05
    for part, expected in zip(parts, (best.reconstruction, best.kl), strict=True):
        error = float(part.std()) / math.sqrt(count)
        assert abs(float(part.mean()) - expected) < 4.5 * error + 1e-9


@pytest.mark.parametrize("sigma_x", [0.0, -1.0, math.nan])
def test_a_sigma_x_that_is_not_positive_is_refused(sigma_x):
    with pytest.raises(ValueError, match=f"^sigma_x is {sigma_x!r}; it must be positive$"):
        ideal.best(ideal.exact(), sigma_x)


def test_an_unknown_correction_is_refused():
    with pytest.raises(ValueError, match="corrected has speed"):
        ideal.best(ideal.published("speed"), 1.0)
