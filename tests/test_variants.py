"""Variational autoencoders with other likelihoods, weights and gradients: losses, pictures, what learns."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch.distributions import ContinuousBernoulli

from latentsep.data import handwriting
from latentsep.models.autoencoders import Autoencoders, Codes
from latentsep.models.variants import Variant, Variants, continuous_mean, log_constant
from latentsep.training import variations
from latentsep.training.ensembles import train
from latentsep.training.variations import named, others, weighed

SPACE = Codes(3)
X = torch.rand(8, 20, generator=torch.Generator().manual_seed(0))
NOISE = torch.randn(1, 1, 8, 3, generator=torch.Generator().manual_seed(1))


def one(kind, length=3, sort=Variants):
    return sort(SPACE, 20, (6,), [kind], [length], [5])


def parts(kind, **about):
    return one(kind, **about)(X, NOISE)


@pytest.mark.parametrize("value", [-30.0, -3.0, -0.2, -0.04, 0.0, 0.04, 0.2, 3.0, 30.0])
def test_the_continuous_bernoulli_is_torchs_and_integrates_to_one(value):
    logit = torch.tensor(value, dtype=torch.float64)
    other = ContinuousBernoulli(logits=logit)
    assert float(log_constant(logit)) == pytest.approx(float(other._cont_bern_log_norm()), abs=1e-4)
    assert float(continuous_mean(logit)) == pytest.approx(float(other.mean), abs=1e-4)

    def density(x):
        return math.exp(x * value - math.log1p(math.exp(value)) + float(log_constant(logit)))

    assert quad(density, 0, 1)[0] == pytest.approx(1, abs=1e-7)
    assert quad(lambda x: x * density(x), 0, 1)[0] == pytest.approx(float(continuous_mean(logit)), abs=1e-6)


def test_a_normal_variant_is_the_variational_kind():
    plain = one(weighed(1.0), sort=Autoencoders)(X, NOISE)
    for ours, theirs in zip(parts(weighed(1.0)), plain, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_weights_multiply_the_two_terms():
    reconstruction, divergence = parts(weighed(1.0))
    for weight in (0.0, 0.3, 10.0):
        ours = parts(weighed(weight))
        torch.testing.assert_close(ours[0], reconstruction)
        torch.testing.assert_close(ours[1], weight * divergence)
    ours = parts(weighed(math.inf))
    assert not ours[0].any()
    torch.testing.assert_close(ours[1], divergence)


def test_a_weight_is_twice_the_variance_of_the_decoder():
    """β = 2σ_X²: the loss is the same but for a factor."""
    weighted = sum(parts(weighed(0.3)))
    of_sigma = sum(parts(Variant("narrow", sigma_x=(0.3 / 2) ** 0.5)))
    torch.testing.assert_close(weighted, 0.3 * of_sigma)


def test_the_likelihoods_of_pixels():
    model = one(Variant("b", likelihood="Bernoulli"))
    mean, std = model.posteriors(X)
    logits = model.decoder(mean + std * NOISE[0])
    crossed = torch.nn.functional.binary_cross_entropy_with_logits(logits, X[None], reduction="none").sum(-1)
    torch.testing.assert_close(model(X, NOISE)[0], crossed)
    torch.testing.assert_close(model.decode(mean), torch.sigmoid(model.decoder(mean)))
    model = one(Variant("c", likelihood="continuous Bernoulli"))
    torch.testing.assert_close(model(X, NOISE)[0], crossed - log_constant(logits).sum(-1))


def gradients(kind, samples=1):
    model = one(kind)
    noise = torch.randn(samples, 1, 8, 3, generator=torch.Generator().manual_seed(2))
    total = torch.zeros(())
    for draw in noise:
        total = total + model(X, draw[None])[0].mean() / samples
    names, weights = zip(*model.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(total, weights, allow_unused=True), strict=True)), float(total.detach())


def test_which_gradients_reach_the_encoder():
    path, value = gradients(weighed(1.0))
    none, same = gradients(Variant("n", gradient="none"))
    assert value == same  # the loss itself is the same
    for name, gradient in none.items():
        if name.startswith("encoder"):
            assert gradient is None or not gradient.abs().any()
        else:
            torch.testing.assert_close(gradient, path[name])


def test_the_score_function_has_the_gradient_of_the_path_on_average():
    path, _ = gradients(weighed(1.0), 4_000)
    score, _ = gradients(Variant("s", gradient="score"), 4_000)
    for name in path:
        if name.startswith("encoder"):
            # The baseline is the batch's own mean, which takes an eighth off.
            one, other = path[name].flatten(), score[name].flatten() * 8 / 7
            assert float((one - other).norm() / one.norm()) < 0.25
            assert float(torch.cosine_similarity(one, other, 0)) > 0.97
        else:
            torch.testing.assert_close(score[name], path[name], atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize(("name", "value"), [("likelihood", "Poisson"), ("gradient", "crooked")])
def test_another_choice_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"^{name} is '{value}'; choose .* \| "):
        Variant("x", **{name: value})


def test_the_trainings_of_chapter_two(records_folder):
    digits, _ = handwriting.load(None, download=False)
    runs = variations.variations(digits, "smoke", repetitions=2)
    assert [len(run.members) for run in runs] == [16, 16, 12]
    assert {m.kind.name for m in runs[0].members} == set(map(named, variations.WEIGHTS))
    assert others(784)["averaged"].sigma_x ** 2 == pytest.approx(392)
    trained = train(runs[2])
    assert np.isfinite(trained.history).all()
    binary = [k for k, m in enumerate(trained.run.members) if m.kind.likelihood != "normal"]
    pictures = trained.vae.decode(torch.zeros(12, 4, 8))[binary]
    assert 0 <= float(pictures.min()) < float(pictures.max()) <= 1


def test_straight_through_tells_the_mean_what_the_draw_did_and_the_deviation_nothing():
    path, value = gradients(weighed(1.0))
    none, _ = gradients(Variant("n", gradient="none"))
    straight, same = gradients(Variant("t", gradient="straight through"))
    assert same == value
    last = max(name for name in path if name.startswith("encoder") and name.endswith("weight"))
    half = path[last].shape[1] // 2
    torch.testing.assert_close(straight[last][:, :half], path[last][:, :half])
    torch.testing.assert_close(straight[last][:, half:], none[last][:, half:])
