"""Generative models, draws from their priors, and divergences between what they decode to."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from latentsep.data import seeds
from latentsep.data.benchmarks import Benchmark, ExtendedBenchmark, embed
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean, LatentSpace
from latentsep.models.normal import kl_normal
from latentsep.models.vae import VAE
from latentsep.reductions.generative import (
    Known,
    Phases,
    aggregate_posterior,
    circle,
    digest,
    draw,
    generative_model,
    kl_isotropic,
    kl_normals,
)
from latentsep.training import ensembles
from latentsep.training.runs import Member, Run

DEVIATIONS = st.floats(0.05, 20)


def array(*shape: int, within: float = 2.0):
    return arrays(np.float64, shape, elements=st.floats(-within, within)).map(torch.from_numpy)


@st.composite
def normals(draw):
    """Two means ``(D,)`` and two positive definite covariances."""
    d = draw(st.integers(1, 4))
    factors = [draw(array(d, d)) for _ in range(2)]
    covariances = [f @ f.mT + 0.1 * torch.eye(d).double() for f in factors]
    return draw(array(d)), covariances[0], draw(array(d)), covariances[1]


def stream(seed: int = 0) -> torch.Generator:
    return seeds.generator(seed, "test")


# Divergences


@given(normals())
def test_kl_of_normals_is_that_of_torch(pair):
    mean_1, covariance_1, mean_2, covariance_2 = pair
    expected = kl_divergence(MultivariateNormal(mean_1, covariance_1), MultivariateNormal(mean_2, covariance_2))
    found = kl_normals(*pair)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    assert found >= -1e-9
    torch.testing.assert_close(kl_normals(mean_1, covariance_1, mean_1, covariance_1), 0 * expected, rtol=0, atol=1e-9)


@given(normals())
def test_kl_to_the_standard_normal_is_the_one_of_the_latent_spaces(pair):
    mean, covariance, d = *pair[:2], len(pair[0])
    found = kl_normals(mean, covariance, torch.zeros(d).double(), torch.eye(d).double())
    torch.testing.assert_close(found, kl_normal(mean, covariance), rtol=1e-10, atol=1e-10)


def test_kl_of_normals_is_the_mean_of_the_log_ratio():
    mean_1, mean_2 = torch.tensor([[0.5, -1.0], [0.2, 0.3]]).double()
    covariance_1, covariance_2 = torch.tensor([[[0.7, -0.4], [-0.4, 0.6]], [[0.8, 0.3], [0.3, 0.9]]]).double()
    p, q = MultivariateNormal(mean_1, covariance_1), MultivariateNormal(mean_2, covariance_2)
    noise = torch.randn(100_000, 2, generator=stream(), dtype=torch.float64)
    x = mean_1 + noise @ torch.linalg.cholesky(covariance_1).mT
    ratio = p.log_prob(x) - q.log_prob(x)
    error = ratio.std() / math.sqrt(len(x))
    assert abs(kl_normals(mean_1, covariance_1, mean_2, covariance_2) - ratio.mean()) < 4 * error < 0.05


def test_kl_of_normals_takes_batches_and_broadcasts():
    factors = torch.randn(3, 4, 2, 2, generator=stream(), dtype=torch.float64)
    covariances, means = factors @ factors.mT + torch.eye(2), torch.randn(4, 2, generator=stream(1)).double()
    together = kl_normals(means, covariances, means[0], covariances[0])
    assert together.shape == (3, 4)
    for i, j in ((0, 0), (2, 1)):
        alone = kl_normals(means[j], covariances[i, j], means[0], covariances[0, j])
        torch.testing.assert_close(together[i, j], alone)
    # One covariance for all of many means.
    shared = kl_normals(means, covariances[0, 0], means[0], covariances[0, 1])
    torch.testing.assert_close(shared[2], kl_normals(means[2], covariances[0, 0], means[0], covariances[0, 1]))


@pytest.mark.parametrize("wrong", [[[1.0, 2.0], [2.0, 1.0]], [[1.0, 0.0], [0.0, 0.0]], [[-1.0, 0.0], [0.0, 1.0]]])
def test_what_is_no_covariance_is_refused_on_either_side(wrong):
    zero, one, wrong = torch.zeros(2), torch.eye(2), torch.tensor(wrong)
    for arguments in ((zero, wrong, zero, one), (zero, one, zero, wrong)):
        with pytest.raises(torch.linalg.LinAlgError):
            kl_normals(*arguments)


@given(st.integers(1, 5).flatmap(lambda d: st.tuples(array(d), array(d))), DEVIATIONS, DEVIATIONS)
def test_kl_of_isotropic_normals_is_that_of_torch_and_the_general_one(means, sigma_1, sigma_2):
    mean_1, mean_2 = means
    one = torch.eye(len(mean_1)).double()
    found = kl_isotropic(mean_1, sigma_1, mean_2, sigma_2)
    p, q = (Independent(Normal(m, s), 1) for m, s in ((mean_1, sigma_1), (mean_2, sigma_2)))
    torch.testing.assert_close(found, kl_divergence(p, q), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(
        found, kl_normals(mean_1, sigma_1**2 * one, mean_2, sigma_2**2 * one), rtol=1e-9, atol=1e-9
    )
    assert found >= -1e-12
    assert kl_isotropic(mean_1, sigma_1, mean_1, sigma_1) == 0


def test_deviations_broadcast_against_the_batch():
    mean_1, mean_2 = torch.randn(2, 3, 4, 6, generator=stream()).double()
    sigma_1, sigma_2 = torch.tensor([[0.1], [0.2], [0.5]]).double(), torch.tensor([1.0, 2.0, 3.0, 4.0]).double()
    found = kl_isotropic(mean_1, sigma_1, mean_2, sigma_2)
    assert found.shape == (3, 4)
    alone = kl_isotropic(mean_1[2, 1], 0.5, mean_2[2, 1], 2.0)
    torch.testing.assert_close(found[2, 1], alone, rtol=1e-12, atol=0)


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan])
@pytest.mark.parametrize("name", ["sigma_1", "sigma_2"])
def test_a_deviation_that_is_none_is_refused_by_name(name, wrong):
    sigmas = {"sigma_1": 1.0, "sigma_2": 1.0, name: torch.tensor([1.0, wrong])}
    with pytest.raises(ValueError, match=rf"^{name} is \[1.0, {wrong}\]; it must be positive$"):
        kl_isotropic(torch.zeros(2, 3), sigmas["sigma_1"], torch.zeros(2, 3), sigmas["sigma_2"])


# Draws from the prior


@pytest.mark.parametrize(
    ("space", "law"),
    [(Euclidean(1), stats.norm()), (Euclidean(3), stats.norm())]
    + [(s, stats.uniform(-math.pi, 2 * math.pi)) for s in (Circle(), Circle("real"), Phases(), CliffordTorus())],
)
def test_draws_follow_the_prior(space, law):
    drawn = draw(space, 20_000, stream())
    assert drawn.shape == (20_000, len(space.prior().sample()))
    for column in drawn.T.numpy():
        assert stats.kstest(column, law.cdf).pvalue > 1e-4
        assert abs(column.mean()) < 4 * law.std() / math.sqrt(20_000)
        assert column.std() == pytest.approx(law.std(), rel=0.03)
    correlations = np.corrcoef(drawn.numpy(), rowvar=False).reshape(drawn.shape[1], -1) - np.eye(drawn.shape[1])
    assert np.abs(correlations).max() < 4 / math.sqrt(20_000)


@pytest.mark.parametrize("space", [Euclidean(2), Circle(), Phases(), CliffordTorus()])
def test_draws_depend_on_their_stream_alone(space):
    first, again, other = draw(space, 50, stream(1)), draw(space, 50, stream(1)), draw(space, 50, stream(2))
    assert torch.equal(first, again)
    assert not (first == other).any()
    going_on = stream(1)
    assert not torch.equal(draw(space, 50, going_on), draw(space, 50, going_on))


@pytest.mark.parametrize("extreme", [0.0, 1 - 2**-24])
@pytest.mark.parametrize("space", [Euclidean(2), Circle(), CliffordTorus()])
def test_draws_are_finite_at_either_end_of_what_rand_returns(space, extreme, monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda *shape, generator: torch.full(shape, extreme))
    drawn = draw(space, 5, stream())
    assert drawn.isfinite().all()
    assert (drawn.abs() <= 6).all()
    assert (drawn.sign() == (1 if extreme else -1)).all()


@pytest.mark.parametrize("count", [1, 4, 9])
def test_points_around_the_circle_are_regular(count):
    expected = torch.tensor([-math.pi + 2 * math.pi * k / count for k in range(count)])
    for space in (Circle(), Phases()):
        torch.testing.assert_close(circle(space, count), expected[:, None])
    for d in (1, 2, 4):
        around = circle(Euclidean(d), count)
        assert around.shape == (count, d)
        torch.testing.assert_close(around[:, :2], torch.stack([expected.cos(), expected.sin()], -1)[:, :d])
        assert not around[:, 2:].any()


# Models


def test_known_models_have_a_space_deviations_and_the_decoder_given():
    model = Known(embed, Circle(), [0.5, 0.1])
    assert model.space == Circle()
    assert torch.equal(model.sigma_x, torch.tensor([0.5, 0.1]))
    assert model.decode is embed


@pytest.mark.parametrize("wrong", [0.0, -0.1, math.nan])
def test_a_known_model_needs_noise(wrong):
    with pytest.raises(ValueError, match=rf"^sigma_x is \[0.5, {wrong}\]; every entry must be positive$"):
        Known(embed, Circle(), [0.5, wrong])


def test_the_benchmark_decodes_its_phases():
    model = Known.benchmark(Benchmark(7), 0.1, members=3)
    assert model.space == Phases() != Circle()
    assert torch.equal(model.sigma_x, torch.tensor([0.1] * 3))
    z = torch.rand(2, 3, 5, 1, generator=stream())
    decoded = model.decode(z)
    assert decoded.shape == (2, 3, 5, 7)
    for j in range(7):
        expected = math.sin(2 * math.pi * (j + 1) / 7 + float(z[1, 2, 3, 0]))  # (5.1)
        assert float(decoded[1, 2, 3, j]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("shrunk", [True, False])
def test_the_extended_benchmark_decodes_its_two_phases(shrunk, float64):
    data = ExtendedBenchmark(6, 8, shrunk)
    model = Known.extended(data, 0.1, members=3)
    assert model.space == CliffordTorus(Phases()) != CliffordTorus()
    assert torch.equal(model.sigma_x, torch.tensor([0.1] * 3) / data.unit)
    x, phases = data.visualisation()
    z = phases.expand(2, 3, -1, -1)
    assert torch.equal(model.decode(z), x.expand(2, 3, -1, -1))
    pictures = data.pictures(model.decode(z))[1, 2]
    for i, j, n in ((0, 0, 0), (1, 4, 13), (5, 2, 62)):
        first, second = phases[n].tolist()
        expected = math.sin(2 * math.pi * (i + 1) / 6 + first) + math.sin(4 * math.pi * (j + 1) / 6 + second)  # (11.1)
        assert float(pictures[n, i, j]) == pytest.approx(expected, abs=1e-12)
    # Its data are those of noise σ: as far from its means as σ_X says.
    noisy, phases = replace(data, count=100).sample(0.1)
    scaled = (noisy - model.decode(phases)) / model.sigma_x[0]
    assert abs(scaled.square().mean() - 1) < 5 * math.sqrt(2 / scaled.numel())


def test_only_a_trained_ensemble_is_a_generative_model():
    run = Run((Member(0.1, 0.5), Member(0.1, 0.2)), Benchmark(5, 40), Circle(), updates=2, batch_size=8)
    trained = ensembles.train(run)
    model = generative_model(trained)
    assert isinstance(model, VAE)
    assert model is trained.vae
    assert torch.equal(model.sigma_x, torch.tensor([0.5, 0.2]))
    with pytest.raises(ValueError, match=r"^updates is 0: .*choose 1 or more$"):
        generative_model(ensembles.train(replace(run, updates=0)))


# Names


def network(space: LatentSpace = Euclidean(2), *, sigma: float = 0.5, activation: str = "tanh", seed: int = 1) -> VAE:
    return VAE(space, 5, (4,), (sigma, 0.2), (seed, 2), activation)


def test_a_network_is_named_by_its_numbers_its_space_and_its_activation():
    others = [
        network(Circle()),
        network(Euclidean(3)),
        network(sigma=0.4),
        network(activation="relu"),
        network(seed=3),
        network().double(),
    ]
    names = {digest(model) for model in (network(), *others)}
    assert len(names) == 7
    assert None not in names
    assert digest(network()) == digest(network())


def test_a_small_change_of_any_weight_is_another_network():
    before = digest(network())
    for name in network().state_dict():
        model = network()
        value = model.state_dict()[name].view(-1)
        with torch.no_grad():
            value[-1] = value[-1].nextafter(torch.tensor(9.0))
        assert digest(model) != before, name


def test_a_known_model_is_named_by_what_it_is_made_of():
    models = [
        Known.benchmark(Benchmark(5), 0.1),
        Known.benchmark(Benchmark(6), 0.1),
        Known.benchmark(Benchmark(5, seed=1), 0.1),
        Known.benchmark(Benchmark(5), 0.2),
        Known.benchmark(Benchmark(5), 0.1, 2),
        Known.extended(ExtendedBenchmark(), 0.1),
        Known.extended(ExtendedBenchmark(seed=1), 0.1),
        Known(torch.sin, Circle(), [0.1], name="sine"),
        Known(torch.sin, Circle(), [0.1], name="another sine"),
        Known(torch.sin, Phases(), [0.1], name="sine"),
    ]
    assert len({digest(model) for model in models}) == len(models)
    assert digest(Known.benchmark(Benchmark(5), 0.1)) == digest(models[0])


def test_a_function_without_a_name_has_none():
    assert digest(Known(torch.sin, Circle(), [0.1])) is None


# Codes of data


def normal_noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=seeds.generator(0, "test"))


def encoders(space: LatentSpace) -> ensembles.Trained:
    run = Run((Member(0.1, 0.5), Member(1.0, 0.2), Member(0.1, 0.5, 1)), Benchmark(5), space, updates=0)
    return ensembles.Trained(run, run.model().requires_grad_(False), np.zeros((3, 0)))


def test_codes_in_the_plane_are_samples_of_the_posterior():
    trained, x = encoders(Euclidean(2)), normal_noise(5)
    codes = aggregate_posterior(trained, x.expand(4_000, -1))
    assert codes.shape == (3, 4_000, 2)
    posterior = trained.vae.posterior(x[None])
    scaled = ((codes - posterior.mean) / posterior.stddev).movedim(1, -1).flatten(0, 1).numpy()
    for column in scaled:
        assert stats.kstest(column, "norm").pvalue > 1e-4
    # Members and coordinates have noise of their own.
    assert np.abs(np.corrcoef(scaled) - np.eye(6)).max() < 4 / math.sqrt(4_000)


def test_codes_on_the_circle_are_samples_of_the_posterior():
    trained, x = encoders(Circle()), normal_noise(5)
    codes = aggregate_posterior(trained, x.expand(10_000, -1))
    kernel = trained.vae.posterior(x[None]).base_dist
    off = codes - kernel.loc
    # E exp(iθ) = exp(−t) at the location, for the heat kernel at time t.
    assert (off.cos().mean(1) - (-kernel.t[:, 0]).exp()).abs().max() < 4 / math.sqrt(10_000)
    assert off.sin().mean(1).abs().max() < 4 / math.sqrt(10_000)


@pytest.mark.parametrize("space", [Euclidean(2), Circle(), CliffordTorus()])
def test_codes_follow_their_data_and_depend_on_seed_and_member_alone(space):
    trained, x = encoders(space), normal_noise(9, 5)
    codes = aggregate_posterior(trained, x, seed=1)
    assert torch.equal(codes, aggregate_posterior(trained, x, seed=1))
    assert not (codes == aggregate_posterior(trained, x, seed=2)).any()
    last = aggregate_posterior(trained.only(repetition=1), x, seed=1)
    torch.testing.assert_close(codes[2:], last)
    # Every datapoint has noise of its own, also where all of them are the same.
    alike = aggregate_posterior(trained, x[:1].expand(9, -1))
    assert len(alike.flatten().unique()) == alike.numel()
    # With no spread left, codes are the locations of their own data.
    spread = [2, 5] if isinstance(space, CliffordTorus) else slice(-space.noise_features, None)
    trained.vae.encoder.layers[-1].bias[:, spread] = -60
    locations = space.location(trained.vae.posterior(x))
    torch.testing.assert_close(aggregate_posterior(trained, x), locations, rtol=0, atol=1e-10)
