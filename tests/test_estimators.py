"""Estimators against closed forms, quadrature, finite differences and torch.distributions."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal, kl_divergence

from latentsep.data import seeds
from latentsep.figures.estimators import architecture
from latentsep.measures import estimators
from latentsep.models.latent_spaces import Circle, Euclidean
from latentsep.models.normal import kl_normal, kl_normal_diagonal
from latentsep.models.vae import VAE, negative_log_likelihood

SPREADS = st.lists(st.floats(0.05, 5.0), min_size=1, max_size=4)
D, BATCH, MEMBERS = 5, 3, 2


def noise_like(*shape, name="noise"):
    return torch.randn(*shape, generator=seeds.generator(0, "test estimators", name), dtype=torch.float64)


@pytest.fixture(scope="module")
def setting():
    """A small smooth autoencoder with two members, datapoints, encoder outputs, and quadrature nodes."""
    vae = VAE(Euclidean(2), D, [4], [0.5, 1.0], [1, 2]).double().requires_grad_(False)
    x = noise_like(BATCH, D, name="x")
    raw = vae.encoder(x.expand(MEMBERS, BATCH, D))
    nodes, weights = estimators.gauss_hermite(2, 40)
    return vae, x, raw, nodes[:, None, None].expand(-1, MEMBERS, BATCH, -1), weights


@given(order=st.integers(1, 12), dimension=st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_quadrature_has_the_moments_of_the_standard_normal(order, dimension):
    nodes, weights = estimators.gauss_hermite(dimension, order)
    assert nodes.shape == (order**dimension, dimension)
    for power in range(2 * order):
        moment = 0 if power % 2 else math.prod(range(power - 1, 0, -2))
        torch.testing.assert_close(
            weights @ nodes**power,
            torch.full((dimension,), float(moment)).double(),
            rtol=1e-8,
            atol=1e-6 * max(1, moment),
        )


@pytest.mark.parametrize(("dimension", "order"), [(0, 3), (2, 0)])
def test_quadrature_rejects_an_empty_rule(dimension, order):
    with pytest.raises(ValueError, match="1 or more"):
        estimators.gauss_hermite(dimension, order)


@pytest.mark.parametrize("space", [Euclidean(2), Circle(), Circle("real")])
def test_the_bound_without_sampling_error_is_where_samples_lead(space):
    vae = VAE(space, D, [4], [0.5, 1.0], [1, 2]).double().requires_grad_(False)
    x = noise_like(BATCH, D, name="x")
    exact = estimators.negative_elbo(vae, x, order=80)  # untrained posteriors are wide
    noise = noise_like(20_000, MEMBERS, BATCH, space.noise_features)
    z = space.rsample(vae.posterior(x), noise)
    each = negative_log_likelihood(x, vae.decode(z), vae.sigma_x[:, None])
    mean = each.mean(0) + space.kl(vae.posterior(x), z)
    assert ((mean - exact).abs() < 4.5 * each.std(0) / math.sqrt(len(noise))).all()
    torch.testing.assert_close(estimators.negative_elbo(vae, x, order=120), exact, rtol=1e-5, atol=1e-4)
    # Weights in single precision are not changed by being looked at in double.
    single = VAE(space, D, [4], [0.5, 1.0], [1, 2]).requires_grad_(False)
    torch.testing.assert_close(estimators.negative_elbo(single, x.float(), order=80), exact, rtol=1e-5, atol=1e-5)
    assert single.sigma_x.dtype == torch.float32


def test_reconstruction_of_a_linear_decoder_has_its_closed_form(setting):
    _, x, *_ = setting
    linear = VAE(Euclidean(2), D, [], [0.5], [3]).double().requires_grad_(False)
    raw = linear.encoder(x[None])
    nodes, weights = estimators.gauss_hermite(2, 4)
    values = estimators.reconstruction(linear, x, raw, nodes[:, None, None].expand(-1, 1, BATCH, -1))
    posterior = linear.space.posterior(raw).base_dist
    weight = linear.decoder.layers[0].weight[0]
    spread = (posterior.scale.square() * weight.square().sum(0)).sum(-1) / (2 * 0.5**2)
    expected = negative_log_likelihood(x, linear.decode(posterior.loc), 0.5) + spread
    torch.testing.assert_close(estimators.mean_and_std(values, weights)[0], expected)


def test_mean_log_ratio_is_plus_the_divergence(setting):
    vae, x, raw, nodes, weights = setting
    mean, _ = estimators.mean_and_std(estimators.log_ratio(vae, x, raw, nodes), weights)
    torch.testing.assert_close(mean, vae.space.kl(vae.space.posterior(raw)))


def test_pathwise_mean_is_the_derivative_of_the_expectation(setting):
    vae, x, raw, nodes, weights = setting
    mean, _ = estimators.mean_and_std(estimators.pathwise(vae, x, raw, nodes), weights)
    step = 1e-5
    for feature in range(raw.shape[-1]):
        shift = torch.zeros_like(raw)
        shift[..., feature] = step
        up, down = (
            estimators.mean_and_std(estimators.reconstruction(vae, x, r, nodes), weights)[0]
            for r in (raw + shift, raw - shift)
        )
        torch.testing.assert_close(mean[..., feature], (up - down) / (2 * step), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("baseline", [0.0, -7.0, 3.0])
def test_score_function_agrees_with_the_path_under_any_baseline(setting, baseline):
    vae, x, raw, nodes, weights = setting
    path, _ = estimators.mean_and_std(estimators.pathwise(vae, x, raw, nodes), weights)
    score, _ = estimators.mean_and_std(estimators.score_function(vae, x, raw, nodes, baseline), weights)
    torch.testing.assert_close(score, path, rtol=1e-3, atol=1e-4)  # as good as 40 nodes resolve it


def test_the_score_has_mean_zero_and_its_own_density(setting):
    vae, x, raw, nodes, weights = setting
    score = estimators.score(vae, x, raw, nodes)
    torch.testing.assert_close(estimators.mean_and_std(score, weights)[0], torch.zeros_like(raw), rtol=0, atol=1e-9)
    scale = vae.space.posterior(raw).base_dist.scale
    torch.testing.assert_close(score[..., :2], nodes / scale)
    torch.testing.assert_close(score[..., 2:], (nodes.square() - 1) / 2)


def test_no_constant_beats_the_best_baseline(setting):
    vae, x, raw, nodes, weights = setting
    best = estimators.best_baseline(vae, x, raw, nodes, weights)

    def std(baseline):
        return estimators.mean_and_std(estimators.score_function(vae, x, raw, nodes, baseline), weights)[1]

    for other in (0.0, best - 0.1, best + 0.1):
        assert (std(best) < std(other)).all()


def test_estimators_do_not_depend_on_the_chunks(setting, monkeypatch):
    vae, x, raw, *_ = setting
    noise = noise_like(10, MEMBERS, BATCH, 2)
    whole = estimators.pathwise(vae, x, raw, noise)
    monkeypatch.setattr(estimators, "_CHUNK", 3)
    torch.testing.assert_close(estimators.in_chunks(estimators.pathwise, vae, x, raw, noise), whole)


def test_error_falls_with_the_root_of_the_samples():
    values = noise_like(2**16, 4, name="values") * 3 + 1
    errors = estimators.error_by_samples(values, torch.ones(4).double(), [1, 16, 256])
    assert errors == pytest.approx([3, 3 / 4, 3 / 16], rel=0.1)
    with pytest.raises(ValueError, match="only 65536 samples"):
        estimators.error_by_samples(values, torch.ones(4).double(), [2**17])


def test_error_counts_a_bias():
    values = torch.zeros(8, 1, dtype=torch.float64)
    assert estimators.error_by_samples(values, torch.ones(1).double(), [1, 8]) == pytest.approx([1, 1])


def test_variance_split_predicts_the_variance_of_minibatch_means():
    means, stds = (
        noise_like(400, name="means") * 2,
        torch.rand(400, dtype=torch.float64, generator=seeds.generator(0, "s")),
    )
    between, sampling = estimators.variance_split(means, stds)
    batch, draws, stream = 10, 3, seeds.generator(0, "minibatches")
    rows = torch.randint(400, (20_000, batch), generator=stream)
    noise = torch.randn(20_000, batch, draws, generator=stream, dtype=torch.float64).mean(-1)
    observed = (means[rows] + stds[rows] * noise).mean(-1).var()
    assert float(observed) == pytest.approx((between + sampling / draws) / batch, rel=0.05)
    with pytest.raises(ValueError, match="two or more"):
        estimators.variance_split(means[:1], stds[:1])


def test_weight_gradients_are_those_of_backpropagation(setting):
    vae = VAE(Euclidean(2), D, [4], [0.5], [1]).double()
    _, x, *_ = setting
    nodes, weights = estimators.gauss_hermite(2, 3)
    mean, std = estimators.weight_gradients(vae, x, nodes, weights)
    noise = nodes[:, None, None].expand(-1, 1, BATCH, -1)
    each = torch.stack([vae.negative_elbo(x, n[None])[0] for n in noise])
    for i in range(BATCH):
        gradient = torch.autograd.grad(weights @ each[:, i], list(vae.parameters()), retain_graph=True)
        torch.testing.assert_close(mean[i], torch.cat([g.flatten() for g in gradient]))
    assert (std > 0).any()
    with pytest.raises(ValueError, match="ensemble of one"):
        estimators.weight_gradients(setting[0], x, nodes, weights)


@given(SPREADS, st.floats(-3, 3))
@settings(max_examples=25, deadline=None)
def test_closed_forms_of_the_divergence_agree(spreads, shift):
    std = torch.tensor(spreads, dtype=torch.float64)
    mean = torch.full_like(std, shift)
    prior = MultivariateNormal(torch.zeros_like(std), torch.eye(len(std), dtype=torch.float64))
    expected = kl_divergence(MultivariateNormal(mean, std.square().diag()), prior)
    torch.testing.assert_close(kl_normal_diagonal(mean, std), expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(kl_normal(mean, std.square().diag()), expected, rtol=1e-9, atol=1e-9)


@given(SPREADS)
@settings(max_examples=25, deadline=None)
def test_the_printed_divergence_is_too_small_by_the_logs_below_zero(spreads):
    std = torch.tensor(spreads, dtype=torch.float64)
    missing = 2 * (-std.log()).clamp(min=0).sum()
    printed = estimators.kl_as_printed(torch.zeros_like(std), std)
    torch.testing.assert_close(kl_normal_diagonal(torch.zeros_like(std), std) - printed, missing, rtol=1e-9, atol=1e-9)


def test_monte_carlo_divergence_of_a_general_covariance():
    mean = torch.tensor([1.0, -1.0], dtype=torch.float64)
    covariance = torch.tensor([[1.0, 0.9], [0.9, 2.0]], dtype=torch.float64)
    estimate, error = estimators.kl_monte_carlo(mean, covariance, noise_like(20_000, 2, name="kl"))
    assert 0 < error < 0.02
    assert abs(estimate - float(kl_normal(mean, covariance))) < 4 * error


@pytest.mark.parametrize("widths", [((25, 8, 8, 4), (2, 8, 8, 25)), ((625, 128, 8), (4, 128, 625))])
def test_architecture_names_every_width(widths):
    texts = [t.get_text() for t in architecture(*widths).figure.axes[0].texts]
    for width in {*widths[0], *widths[1]}:
        assert any(text.endswith(f"({width})") for text in texts)


@pytest.mark.parametrize("sigma_x", [0.4, 1.0])
def test_evidence_of_a_linear_decoder_has_its_closed_form(sigma_x):
    linear = VAE(Euclidean(2), D, [], [sigma_x, 2.0], [3, 4]).double().requires_grad_(False)
    x = noise_like(20, D, name="evidence")
    values = estimators.negative_log_evidence(linear, x)
    for member, sigma in enumerate((sigma_x, 2.0)):
        weight = linear.decoder.layers[0].weight[member]
        covariance = weight @ weight.T + sigma**2 * torch.eye(D).double()
        exact = -MultivariateNormal(torch.zeros(D).double(), covariance).log_prob(x)
        torch.testing.assert_close(values[member], exact, rtol=0, atol=1e-4)


def test_no_negative_elbo_is_below_the_evidence(setting):
    vae, x, raw, nodes, weights = setting
    errors, _ = estimators.mean_and_std(estimators.reconstruction(vae, x, raw, nodes), weights)
    bound = errors + vae.space.kl(vae.space.posterior(raw))
    assert (bound > estimators.negative_log_evidence(vae, x)).all()
