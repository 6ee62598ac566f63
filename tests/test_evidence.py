"""Evidence and posteriors of autoencoders of digits, on models where they are known; two factors; recipes."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from latentsep.data import handwriting
from latentsep.measures import evidence, posteriors
from latentsep.measures.evidence import Model, Valuation
from latentsep.measures.posteriors import Reading
from latentsep.theory.factors import Factors
from latentsep.theory.recipes import Kitchen
from latentsep.training import autoencoding, variations
from latentsep.training.ensembles import Trained, train
from latentsep.training.variations import named

DIGITS, _ = handwriting.load(None, download=False)


@dataclass(frozen=True)
class Linear:
    """An autoencoder whose decoder is linear, z to W z, so that evidence and posteriors are normal and known."""

    model: Model
    evidence: float
    mean: Tensor
    precision: Tensor

    def missed(self, mean: Tensor, std: Tensor) -> float:
        """The mean divergence of normal guesses from the posteriors, in nats."""
        guess = MultivariateNormal(mean.double(), torch.diag_embed(std.double().square()))
        true = MultivariateNormal(self.mean, precision_matrix=self.precision)
        return float(torch.distributions.kl_divergence(guess, true).mean())


@pytest.fixture(scope="module")
def linear() -> Linear:
    run = autoencoding.kinds(DIGITS, "smoke", 1)[2]
    untrained = Trained(run, run.model().eval().requires_grad_(False), np.zeros((10, 1)))
    alone = untrained.only(kind=autoencoding.KINDS["variational"], length=2)
    first, last = alone.vae.decoder.layers
    for weight in (first.weight, first.bias, last.weight, last.bias):
        weight.zero_()
    matrix = torch.randn(DIGITS.dimension, 2, generator=torch.Generator().manual_seed(0)) * 2 / DIGITS.side
    for k in range(2):  # rectified units, one for each sign of each number
        first.weight[0, 2 * k, k], first.weight[0, 2 * k + 1, k] = 1, -1
        last.weight[0, :, 2 * k], last.weight[0, :, 2 * k + 1] = matrix[:, k], -matrix[:, k]
    x = DIGITS.held_out()[0][:5]
    model, w = Model.of(alone, x), matrix.double()
    whole = MultivariateNormal(torch.zeros(len(w)).double(), w @ w.T + model.sigma**2 * torch.eye(len(w)).double())
    precision = torch.eye(2).double() + w.T @ w / model.sigma**2
    mean = torch.linalg.solve(precision, w.T @ x.double().T / model.sigma**2).T
    return Linear(model, float(whole.log_prob(x.double()).mean()), mean, precision)


def test_all_ways_lead_to_the_evidence(linear):
    model, mean, std = linear.model, linear.mean.float() + 0.1, torch.full((5, 2), 0.4)
    stream = torch.Generator().manual_seed(0)
    with torch.no_grad():
        found = evidence.by_grid(model, {"guess": (mean, std)}, 200)
        weights = model.log_weights(mean, std, 20_000, stream)
        prior = torch.logsumexp(model.of_codes(torch.randn(100_000, 2, generator=stream)), 0) - math.log(100_000)
    assert found["grid"] == pytest.approx(linear.evidence, abs=1e-3)
    assert found["shifted"] == pytest.approx(linear.evidence, abs=1e-3)
    assert found["off_200"] <= found["off_50"] < 0.1
    assert float(prior.mean()) == pytest.approx(linear.evidence, abs=0.05)
    assert float(evidence.weighted(weights, 20_000).mean()) == pytest.approx(linear.evidence, abs=0.01)
    # One draw gives the bound, which misses the divergence from the posterior.
    bounds = [float(evidence.weighted(weights, k).mean()) for k in (1, 10, 100)]
    assert bounds == sorted(bounds)
    assert found["missed_guess"] == pytest.approx(linear.missed(mean, std), abs=1e-3)
    assert bounds[0] == pytest.approx(linear.evidence - found["missed_guess"], abs=0.02)
    assert found["missed_guess"] > 0.1


def test_the_best_posterior_of_a_linear_model_is_found(linear):
    start = torch.zeros(5, 2), torch.ones(5, 2)
    best = evidence.best_posterior(linear.model, *start, 400, torch.Generator().manual_seed(0))
    assert linear.missed(*best) < 0.1 < linear.missed(*start)


def test_draws_enter_the_weights_with_the_density_that_they_come_from(linear):
    model = linear.model
    mean, std = torch.full((5, 2), 0.3), torch.full((5, 2), 0.5)
    with torch.no_grad():
        weights = model.log_weights(mean, std, 3, torch.Generator().manual_seed(4))
        z = mean + std * torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(4))
        log_q = Normal(mean, std).log_prob(z).sum(-1)
        log_p = Normal(torch.zeros(2), torch.ones(2)).log_prob(z).sum(-1) + model.log_likelihood(z)
    torch.testing.assert_close(weights, (log_p - log_q).double(), atol=1e-3, rtol=1e-6)


def test_what_posteriors_are_together():
    stream = torch.Generator().manual_seed(0)
    # All posteriors are the prior: nothing is known of the picture.
    mean, std = torch.zeros(500, 3), torch.ones(500, 3)
    found = posteriors.together(torch.randn(500, 3, generator=stream), mean, std)
    assert found["divergence"] == pytest.approx(0, abs=1e-9)
    assert found["information"] == pytest.approx(0, abs=1e-9)
    assert found["marginal"] == pytest.approx(0, abs=1e-9)
    assert found["overlap"] == pytest.approx(1, abs=0.01)
    # Far apart and narrow: the picture is known, as far as there are pictures.
    mean, std = 10 * torch.arange(500.0)[:, None], torch.full((500, 1), 0.1)
    found = posteriors.together(mean + std * torch.randn(500, 1, generator=stream), mean, std)
    assert found["information"] == pytest.approx(math.log(500), abs=1e-6)
    assert found["overlap"] == 0
    # The two parts are the divergence, but for sampling.
    mean, std = torch.randn(2_000, 2, generator=stream), torch.full((2_000, 2), 0.5)
    found = posteriors.together(mean + std * torch.randn(2_000, 2, generator=stream), mean, std)
    assert found["information"] + found["marginal"] == pytest.approx(found["divergence"], abs=0.1)
    each = posteriors.log_densities(mean[:3], mean[:2], std[:2])
    direct = Normal(mean[:2], std[:2]).log_prob(mean[:3, None]).sum(-1).double()
    torch.testing.assert_close(each, direct, atol=1e-4, rtol=1e-5)


def test_lumps_are_seen_whatever_the_classes_are():
    stream = torch.Generator().manual_seed(0)
    smooth, other = torch.randn(2, 2_000, 2, generator=stream)
    centres = 8 * torch.randn(10, 2, generator=stream)
    lumpy, more = (centres[torch.randint(10, (2_000,), generator=stream)] + 0.3 * part for part in (smooth, other))
    assert abs(posteriors.lumps(smooth, other)) < 0.1
    assert posteriors.lumps(lumpy, more) > 1


def test_a_reading_and_a_valuation_of_small_runs(records_folder):
    run = variations.variations(DIGITS, "smoke", 1)[0]
    table = posteriors.table(Reading(run))
    assert set(table.kind) == set(map(named, variations.WEIGHTS))
    assert table.notna().all(axis=None)
    common = autoencoding.kinds(DIGITS, "smoke", 1)[2]
    train(common)
    found = evidence.table(Valuation.of(common, "smoke"))
    assert found.length.tolist() == [2, 8, 32] * 2
    assert (found.best_1000 >= found.best_1 - 1e-9).all()
    assert (found.weighted_1000 > found.weighted_1).all()
    assert found.grid.notna().tolist() == [True, False, False] * 2


def test_two_factors_by_other_ways():
    model, angle = Factors(), 0.7
    x = model.draw(angle, 200_000, 0)
    weights = model.weights(angle)
    covariance = weights @ weights.T + model.noise**2 * np.eye(2)
    assert np.cov(x.T) == pytest.approx(covariance, abs=0.02)
    columns = weights / np.linalg.norm(weights, axis=0)
    assert math.acos(columns[:, 0] @ columns[:, 1]) == pytest.approx(angle)
    known = MultivariateNormal(torch.zeros(2).double(), torch.tensor(covariance))
    assert model.log_evidence(x, angle) == pytest.approx(float(known.log_prob(torch.tensor(x)).mean()))
    # The gap, as the divergence of two normal densities.
    true = MultivariateNormal(torch.zeros(2).double(), precision_matrix=torch.tensor(model.precision(angle)))
    best = MultivariateNormal(torch.zeros(2).double(), torch.tensor(np.diag(1 / np.diag(model.precision(angle)))))
    assert model.gap(angle) == pytest.approx(float(torch.distributions.kl_divergence(best, true)))
    for factor in (0.8, 1.2):  # no other independent guess is better
        other = MultivariateNormal(torch.zeros(2).double(), factor * best.covariance_matrix)
        assert float(torch.distributions.kl_divergence(other, true)) > model.gap(angle)
    assert model.gap(math.pi / 2) == pytest.approx(0, abs=1e-12)
    assert model.gap(angle, independent=False) == pytest.approx(0, abs=1e-12)
    few = x[:1_000]
    assert model.highest_bound(few, independent=False) == pytest.approx(model.highest_evidence(few), abs=1e-6)


def test_climbing_the_bound_lowers_the_evidence_of_the_best_model():
    model = Factors()
    x = model.draw(math.radians(30), 1_000, 0)
    assert math.degrees(model.highest_evidence(x)) == pytest.approx(30, abs=4)
    assert model.highest_bound(x) > model.highest_evidence(x) + 0.2
    assert model.ascended(x, model.highest_evidence(x)) < -0.05
    assert model.ascended(x, math.radians(85)) > 0.05


def test_a_kitchen_has_bayes_theorem():
    kitchen = Kitchen(("a", "b"), ("x", "y"), (0.25, 0.75), ((0.5, 0.5), (0.1, 0.9)))
    table = kitchen.table()
    assert table.loc["p(x, recipe)", "sum"] == pytest.approx(0.2)
    assert table.loc["p(recipe | x)", "a"] == pytest.approx(0.625)
    assert table.loc["p(recipe | y)"].tolist() == pytest.approx([5 / 32, 27 / 32, 1])
    assert math.isnan(table.loc["p(x | recipe)", "sum"])


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"prior": (0.5, 0.6)}, r"^prior is \(0.5, 0.6\), which sums to 1.1; choose probabilities that sum to 1$"),
        ({"likelihood": ((0.5, 0.4), (0.1, 0.9))}, r"^likelihood of a is \(0.5, 0.4\), which sums to 0.9;"),
    ],
)
def test_a_kitchen_without_probabilities_is_refused(about, message):
    usual = {"prior": (0.25, 0.75), "likelihood": ((0.5, 0.5), (0.1, 0.9))}
    with pytest.raises(ValueError, match=message):
        Kitchen(("a", "b"), ("x", "y"), **usual | about)
    with pytest.raises(ValueError, match=r"^dish is 'z'; choose x \| y$"):
        Kitchen(("a", "b"), ("x", "y"), **usual).given("z")
