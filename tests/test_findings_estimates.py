"""Chapter 3's numbers, from a linear autoencoder whose variances are sums of moments of the normal distribution."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from planted import by_hand
from scipy import integrate, stats

from latentsep.data.benchmarks import Benchmark
from latentsep.findings import estimates, gradients
from latentsep.findings.estimates import Example, Spread
from latentsep.findings.gradients import GradientStudy
from latentsep.models.latent_spaces import Euclidean
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Member, Run

SIGMA, GAIN, D = 0.5, 0.7, 6
X = torch.tensor([[1.0, -2, 0.5, 0, 0, 1], [0.3, 0.2, -1, 2, 0.1, 0]]).double()


def linear(gain: float = GAIN, **fields: object) -> Trained:
    """Whatever x, the posterior is the prior N(0, I); z is decoded to its two numbers, times a gain, and four zeros."""
    run = Run((Member(0.1, SIGMA),), Benchmark(D, 50), Euclidean(2), updates=0, **fields)
    trained = by_hand(run)
    trained.vae.decoder.layers[0].weight[0, 0, 0] = trained.vae.decoder.layers[0].weight[0, 1, 1] = gain
    return trained


EXAMPLE = Example.of(linear().vae, X)
#: −log p(x|z) = CONSTANT − slope·z + CURVED ‖z‖², one row of constant and slope for each datapoint.
CURVED = GAIN**2 / (2 * SIGMA**2)
SLOPE = GAIN * X[:, :2].numpy() / SIGMA**2
CONSTANT = D / 2 * math.log(2 * math.pi * SIGMA**2) + X.square().sum(-1).numpy() / (2 * SIGMA**2)
VARIANCE = (SLOPE**2).sum(-1) + 4 * CURVED**2  # ‖z‖² has variance 4, and is not correlated with z


def test_errors_of_the_summands_have_the_variance_of_their_moments():
    noise = EXAMPLE.noise(3, "error", 4096)
    curves = estimates.summand_errors(EXAMPLE, noise, [1, 4, 16])
    assert list(curves) == ["reconstruction error (3.6)", "KL (3.7)", "negative ELBO (3.8)"]
    for label in ("reconstruction error (3.6)", "negative ELBO (3.8)"):
        errors, std = curves[label]
        assert std == pytest.approx(math.sqrt(VARIANCE.mean()), rel=1e-9)
        np.testing.assert_allclose(errors, std / np.array([1, 2, 4]), rtol=0.1)
    # The posterior is the prior: the logarithm of their ratio is 0 everywhere.
    np.testing.assert_allclose([*curves["KL (3.7)"][0], curves["KL (3.7)"][1]], 0, atol=1e-12)
    told = estimates.exactness(EXAMPLE, curves)
    assert told.nodes == 48**2
    assert 1e-15 <= told.quadrature_change <= 1e-11  # both rules are exact for polynomials
    assert told.std_sampled == curves["negative ELBO (3.8)"][1]
    assert told.std_closed == curves["reconstruction error (3.6)"][1]


def test_the_change_by_a_coarser_rule_is_shown_as_a_power_of_ten_above_it(monkeypatch):
    curves = dict.fromkeys(estimates.SUMMANDS, (np.zeros(1), 1.0))
    # One node is the mean, which misses all of E[CURVED ‖z‖²] = 2 CURVED, about 1.96.
    monkeypatch.setattr(estimates, "COARSE", 1)
    assert 1 < 2 * CURVED < 10
    assert estimates.exactness(EXAMPLE, curves).quadrature_change == 10.0


def test_noise_has_a_stream_of_its_own_for_each_name():
    one = EXAMPLE.noise(0, "error", 500)
    assert one.shape == (500, 1, 2, 2)
    assert one.dtype == torch.float64
    assert torch.equal(one, EXAMPLE.noise(0, "error", 500))
    assert abs(float((one * EXAMPLE.noise(0, "gradient", 500)).mean())) < 0.1
    assert abs(float(one.mean())) < 0.1
    assert float(one.std()) == pytest.approx(1, abs=0.1)


def test_an_example_leaves_the_autoencoder_alone():
    vae = linear().vae.float().requires_grad_(True)
    example = Example.of(vae, X)
    assert next(vae.parameters()).dtype == torch.float32
    assert next(vae.parameters()).requires_grad
    assert not example.raw.requires_grad


@pytest.mark.parametrize(("samples", "counts"), [(16, [1, 4, 16]), (63, [1, 4, 16]), (64, [1, 4, 16, 64])])
def test_errors_are_shown_at_powers_of_four(samples, counts):
    assert estimates.sample_counts(samples) == counts
    assert estimates.sample_counts(10**9)[-1] == 65_536


# The spread


def test_the_spread_of_the_bound_is_that_of_its_moments():
    trained = linear()
    x = trained.run.data.sample(0.1)[0][:20].double().numpy()
    found = estimates.spread(trained.vae, trained.run.data, 20)
    slopes = GAIN * x[:, :2] / SIGMA**2
    between, sampling = found.value
    assert between == pytest.approx(((x**2).sum(-1) / (2 * SIGMA**2)).var(ddof=1), rel=1e-9)
    assert sampling == pytest.approx(((slopes**2).sum(-1) + 4 * CURVED**2).mean(), rel=1e-9)
    # In polar coordinates, with the direction averaged.
    square = (slopes**2).sum(-1).mean()

    def density(r: float) -> float:
        return (square * r**2 / 2 + CURVED**2 * (r**2 - 2) ** 2) * r * math.exp(-(r**2) / 2)

    share = integrate.quad(density, 3.5, 20)[0] / integrate.quad(density, 0, 20)[0]
    assert found.far_share == pytest.approx(share, rel=0.1)


def test_the_spread_of_the_gradient_is_that_of_its_moments():
    """Without a gain the decoder's weights have the gradients −x zᵀ/σ², its biases −x/σ², and the encoder's none."""
    trained = linear(0.0)
    x = trained.run.data.sample(0.1)[0][:20].double().numpy()
    between, sampling = estimates.spread(trained.vae, trained.run.data, 20).gradient
    assert between == pytest.approx(x.var(0, ddof=1).sum() / SIGMA**4, rel=1e-6)
    assert sampling == pytest.approx(2 * (x**2).sum(-1).mean() / SIGMA**4, rel=1e-6)


SPREADS = {"before": Spread((1.0, 1.0), (1.0, 1.0), 0.9), "after": Spread((4.0, 5.0), (0.25, 0.5625), 0.125)}


def test_a_single_sample_adds_to_the_error_of_a_minibatch():
    table = estimates.spread_table(SPREADS)
    assert table.quantity.tolist() == ["−ELBO", "gradient"] * 2
    assert table.weights.tolist() == ["before", "before", "after", "after"]
    assert table["between datapoints, √v"].tolist() == [1, 1, 2, 0.5]
    assert table["one sample, √w"][3] == 0.75
    # The variance (v + w)/M against v/M.
    assert table["error added by L = 1 (%)"][2] == pytest.approx(50)


# Gradients


def test_estimators_of_the_gradient_have_the_deviations_of_their_moments():
    found = gradients.study(EXAMPLE, EXAMPLE.noise(0, "gradient", 4096), [1, 16])
    path, score, best = found["path"], found["score function"], found["score, best baseline"]
    assert path.means == pytest.approx(GAIN**2 / SIGMA**2, rel=1e-9)
    # By a log-variance: half of (2 CURVED z − slope) z.
    assert path.log_variances == pytest.approx(math.sqrt((8 * CURVED**2 + SLOPE**2).mean() / 4), rel=1e-9)
    constant, slopes = CONSTANT[:, None], (SLOPE**2).sum(-1)[:, None]
    # E[‖z‖² z₁²] = 4 and E[‖z‖⁴ z₁²] = 24 in two dimensions.
    squares = constant**2 + 8 * constant * CURVED + 24 * CURVED**2 + slopes + 2 * SLOPE**2
    assert score.means == pytest.approx(math.sqrt((squares - SLOPE**2).mean()), rel=1e-9)
    baseline = constant + 4 * CURVED
    squares = squares - 2 * baseline * (constant + 4 * CURVED) + baseline**2
    assert best.means == pytest.approx(math.sqrt((squares - SLOPE**2).mean()), rel=1e-9)
    for one in found.values():
        assert one.std**2 == pytest.approx((one.means**2 + one.log_variances**2) / 2)
        assert 0.1 < one.deviation < 5
        np.testing.assert_allclose(one.errors, [one.std, one.std / 4], rtol=0.15)


def made(means: float, log_variances: float, deviation: float) -> GradientStudy:
    return GradientStudy(np.zeros(1), 1.0, means, log_variances, deviation)


def test_what_is_told_of_gradients_is_that_of_trained_weights():
    kinds = ("path", "score function", "score, best baseline")
    before = dict(zip(kinds, (made(1, 1, 3.5), made(9, 9, 1), made(9, 9, 1)), strict=True))
    after = dict(zip(kinds, (made(2, 4, 1), made(20, 8, 2), made(3, 4, 1)), strict=True))
    studies = {"before": before, "after": after}
    told = gradients.summary(studies, SPREADS, components=32, draws=800)
    assert (told.plain_ratio, told.plain_cost) == (10, 100)
    assert (told.baseline_ratio, told.baseline_cost) == (1.5, 2.25)
    assert (told.draws, told.comparisons, told.largest) == (800, 192, 3.5)
    assert stats.halfnorm.cdf(told.expected) ** 192 == pytest.approx(0.5, abs=1e-3)
    assert told.value_loss == pytest.approx(50)
    assert told.gradient_ratio == pytest.approx(1.5)
    assert told.gradient_loss == pytest.approx(100 * (math.sqrt(3.25) - 1))
    assert told.far_share == 12.5
    assert told.far_probability == pytest.approx(100 * stats.chi2(2).sf(3.5**2))
    table = gradients.table(studies)
    assert table.iloc[4].tolist() == ["after", "score function", 20, 10, 8, 2, 2]
    assert len(table) == 6


# Training


def test_training_is_told_by_its_last_tenths():
    trained = linear(layers=1, batch_size=7)
    history = np.concatenate([np.full(16, 9.0), [3.0, 5.0], [1.0, 2.0]])[None]
    told = estimates.training(replace(trained, history=history))
    assert told.last_change == "−2.50"
    assert told.perfect == f"{3 * math.log(2 * math.pi * 0.25):.1f}"
    assert (told.batch, told.hidden, told.third) == (7, 2, 2.0)
    assert told.weights == (6 * 4 + 4) + (2 * 6 + 6)  # this one has no hidden layer, whatever its run says
    assert estimates.training(replace(trained, history=history[:, -2:])).last_change == "1.00"
