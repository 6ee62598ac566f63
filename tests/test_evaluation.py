"""What is measured on trained ensembles, and the floor that no measurement can pass."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from planted import by_hand, of_the_phase, untrained
from scipy import stats
from scipy.special import i0e, logsumexp

from latentsep.data import seeds
from latentsep.data.benchmarks import Benchmark, ExtendedBenchmark, embed, regular_phases
from latentsep.data.loops import in_pixels, shrink
from latentsep.ledger import ledger
from latentsep.measures import evaluation
from latentsep.measures.evaluation import QUANTITIES, evidence_floor, latents, measure, summarise
from latentsep.models.distributions import CORRECTIONS, HeatKernel
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean
from latentsep.models.vae import VAE
from latentsep.theory import ideal
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Member, Run

RUN = Run(
    members=(Member(0.1, 0.5), Member(1.0, 1.5, 2), Member(0.1, 0.2, 1)), data=Benchmark(6, 50), updates=0, batch_size=8
)


def perfect(space: Circle, t: float, members: tuple[Member, ...], dimension: int = 25, radius: float = 1.0) -> Trained:
    """Linear autoencoders that encode every phase at itself with time ``t``, and decode to ``radius`` times F."""
    trained = by_hand(Run(members, Benchmark(dimension), space, updates=0))
    read = of_the_phase(trained.run.data)
    trained.vae.encoder.layers[0].weight[:, :2] = read
    trained.vae.encoder.layers[0].bias[:, 2] = math.log(t)
    trained.vae.decoder.layers[0].weight[:] = radius * dimension / 2 * read.T
    return trained


# Measurements


def test_measurements_are_those_worked_out_one_number_at_a_time(float64):
    trained, member, samples = untrained(RUN), 1, 5
    x = RUN.data.visualisation(7)[0]
    weights = {name: value[member].numpy() for name, value in trained.vae.named_parameters()}
    stream = seeds.generator(3, RUN.seed_of(RUN.members[member]), "evaluation")
    noise = torch.empty(samples, 7, 2).normal_(generator=stream).numpy()

    def dense(name, v):
        for layer in range(3):
            v = weights[f"{name}.layers.{layer}.weight"] @ v + weights[f"{name}.layers.{layer}.bias"][:, 0]
            v = np.tanh(v) if layer < 2 else v
        return v

    sums = dict.fromkeys(QUANTITIES, 0.0)
    for i in range(7):
        point = x[i].numpy()
        out = dense("encoder", point)
        mean, variance = out[:2], np.exp(out[2:])
        kl = 0.5 * sum(v + m**2 - math.log(v) - 1 for m, v in zip(mean, variance, strict=True))  # (5.10)
        reconstruction = 0.0
        for epsilon in noise[:, i]:
            error = point - dense("decoder", mean + epsilon * np.sqrt(variance))
            # (5.9), with the ½ that the print drops
            reconstruction += 0.5 * (error @ error / 1.5**2 + 6 * math.log(2 * math.pi * 1.5**2)) / samples
        error = point - dense("decoder", mean)
        for name, value in zip(QUANTITIES, (reconstruction + kl, kl, reconstruction, error @ error), strict=True):
            sums[name] += value / 7
    row = measure(trained, x, samples, seed=3).iloc[member]
    assert dict(row[["dataset", "sigma_x", "repetition"]]) == {"dataset": 1.0, "sigma_x": 1.5, "repetition": 2}
    for name in QUANTITIES:
        assert row[name] == pytest.approx(sums[name], rel=1e-12)


@pytest.mark.parametrize("space", [Euclidean(2), Circle("real", "published")])
def test_the_error_is_the_spread_over_draws(space, float64):
    run = replace(RUN, space=space)
    trained, x = untrained(run), run.data.visualisation(9)[0]
    noise = torch.stack([
        torch.empty(6, 9, space.noise_features).normal_(generator=seeds.generator(2, run.seed_of(m), "evaluation"))
        for m in run.members
    ], 1)  # fmt: skip
    found = measure(trained, x, samples=6, seed=2)
    draws = torch.stack([trained.vae.negative_elbo(x, noise[i : i + 1]).mean(-1) for i in range(6)]).numpy()
    np.testing.assert_allclose(found["neg_elbo"], draws.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found["error"], draws.std(0, ddof=1) / math.sqrt(6), rtol=1e-9)
    parts = [p.mean(-1) for p in trained.vae(x, noise)]  # all samples at once, as in training
    for quantity, part in zip(("reconstruction", "kl"), parts, strict=True):
        np.testing.assert_allclose(found[quantity], part.numpy(), rtol=1e-12)


def test_the_error_says_how_far_another_choice_of_samples_would_lead():
    trained, x = untrained(RUN), RUN.data.visualisation(9)[0]
    found = [measure(trained, x, samples=8, seed=seed) for seed in range(60)]
    spread = np.std([f["neg_elbo"] for f in found], axis=0, ddof=1)
    predicted = np.sqrt(np.mean([f["error"] ** 2 for f in found], axis=0))
    np.testing.assert_allclose(spread / predicted, 1, atol=4 / math.sqrt(2 * 60))


def test_a_single_sample_has_no_known_error(recwarn):
    found = measure(untrained(RUN), RUN.data.visualisation(9)[0], samples=1)
    assert found["error"].isna().all()
    assert found["neg_elbo"].notna().all()
    assert not recwarn.list


def test_squared_errors_are_those_of_decoding_the_location(float64):
    trained, x = untrained(replace(RUN, space=Circle())), RUN.data.visualisation(9)[0]
    found = evaluation.squared_errors(trained, x)
    angles = trained.run.space.location(trained.vae.posterior(x))
    decoded = trained.vae.decoder(torch.cat([angles.cos(), angles.sin()], -1))
    torch.testing.assert_close(found, (x - decoded).square().sum(-1))
    np.testing.assert_allclose(measure(trained, x, 2)["mse"], found.mean(-1).numpy())


def test_measurements_come_one_row_per_member_in_order():
    found = measure(untrained(RUN), RUN.data.visualisation(10)[0], samples=3)
    assert [Member(*row) for row in found[["dataset", "sigma_x", "repetition"]].itertuples(index=False)] == [
        *RUN.members
    ]
    np.testing.assert_allclose(found["neg_elbo"], found["kl"] + found["reconstruction"], rtol=1e-6)


def test_a_member_measures_the_same_alone_and_in_company(float64):
    x = RUN.data.visualisation(10)[0]
    together = measure(untrained(RUN), x, samples=3)
    for i, member in enumerate(RUN.members):
        alone = measure(untrained(replace(RUN, members=(member,))), x, samples=3)
        pd.testing.assert_series_equal(alone.iloc[0], together.iloc[i], check_names=False, rtol=1e-12)


def test_the_reconstruction_error_converges_to_its_expectation(float64):
    # A decoder without hidden layers has its expectation in closed form: ‖x − Wμ − b‖² + Σ σ²‖w‖².
    run = replace(RUN, members=RUN.members[:1])
    vae = VAE(Euclidean(2), 6, (), [0.5], member_seeds=[4]).requires_grad_(False)
    x = run.data.visualisation(20)[0]
    q = vae.posterior(x)
    weight = vae.decoder.layers[0].weight[0]
    expected_square = (x - vae.decode(q.mean)[0]).square().sum(-1) + q.variance[0] @ weight.square().sum(0)
    expected = 0.5 * (expected_square / 0.25 + 6 * math.log(2 * math.pi * 0.25)).mean()
    estimates = [measure(Trained(run, vae, np.zeros((1, 0))), x, 100, seed)["reconstruction"][0] for seed in range(30)]
    standard_error = np.std(estimates, ddof=1) / math.sqrt(30)
    assert abs(np.mean(estimates) - expected) < 5 * standard_error < 0.5


# Pictures: every member its own loop, and numbers in units of their own


IMAGES = np.random.default_rng(0).random((2, 6, 4, 5))
PICTURES = Run(
    (Member(2, 0.5), Member(1, 0.2), Member(2, 0.5, 1)), shrink(IMAGES)[0], Circle(), updates=0, batch_size=None
)


def test_members_that_see_different_data_are_measured_as_if_alone(float64):
    x = PICTURES.loop(regular_phases(9))
    together = measure(untrained(PICTURES), x, samples=3)
    assert list(together["dataset"]) == [2, 1, 2]
    for i, member in enumerate(PICTURES.members):
        alone = measure(untrained(replace(PICTURES, members=(member,))), x[i], samples=3)
        pd.testing.assert_series_equal(alone.iloc[0], together.iloc[i], check_names=False, rtol=1e-12)
    torch.testing.assert_close(latents(untrained(PICTURES), x)[1], latents(untrained(PICTURES), x[1])[1])


@pytest.mark.parametrize("data", [PICTURES.data, in_pixels(IMAGES)], ids=["span", "pixels"])
def test_errors_and_nats_are_those_of_the_data_space(data, float64):
    # (5.7) and (5.9) of the pictures themselves, that are ``unit`` times as far apart and have ``ambient`` pixels.
    run = replace(PICTURES, data=data)
    trained, samples = untrained(run), 4
    x = run.loop(regular_phases(9))
    found = measure(trained, x, samples)
    assert data.unit == 1 or abs(data.unit - 1) > 0.2
    for i, member in enumerate(run.members):
        stream = seeds.generator(0, run.seed_of(member), "evaluation")
        noise = torch.empty(samples, 9, 1).normal_(generator=stream)
        q = trained.vae.posterior(x)
        z = run.space.rsample(q, noise[:, None].expand(-1, 3, -1, -1))
        squares = ((trained.vae.decode(z)[:, i] - x[i]) * data.unit).square().sum(-1)
        nats = squares / (2 * member.sigma_x**2) + 20 / 2 * math.log(2 * math.pi * member.sigma_x**2)
        assert found["reconstruction"][i] == pytest.approx(float(nats.mean()), rel=1e-12)
        decoded = trained.vae.decode(run.space.location(q))[i]
        assert found["mse"][i] == pytest.approx(float((decoded - x[i]).square().sum(-1).mean()) * data.unit**2)
        assert found["neg_elbo"][i] == pytest.approx(found["reconstruction"][i] + found["kl"][i])
        each = (nats + run.space.kl(q)[i]).mean(-1)
        assert found["error"][i] == pytest.approx(float(each.std(correction=1)) / math.sqrt(samples))


def test_latents_are_the_posterior_means():
    trained = untrained(RUN)
    x = RUN.data.visualisation(10)[0]
    found = latents(trained, x)
    assert found.shape == (3, 10, 2)
    assert torch.equal(found, trained.vae.encoder(x.expand(3, 10, 6))[..., :2])


def test_a_summary_is_over_repetitions_with_the_deviation_of_a_sample():
    rows = [
        {"dataset": d, "sigma_x": s, "repetition": r, **dict.fromkeys(QUANTITIES, value)}
        for d, s, values in [(0.1, 1.0, (1, 2, 6)), (1.0, 0.1, (5, 5, 5))]
        for r, value in enumerate(values)
    ]
    table = summarise(pd.DataFrame(rows))
    for quantity in QUANTITIES:
        assert table.loc[(0.1, 1.0), quantity].tolist() == pytest.approx([3, math.sqrt(7), 3])
        assert table.loc[(1.0, 0.1), quantity].tolist() == [5, 0, 3]


# The evidence floor


@pytest.mark.parametrize(("sigma_x", "value"), [(1.0, 25.134), (0.1, -30.107), (0.01, -85.369)])
def test_the_floor_of_the_benchmark(sigma_x, value):
    # Worked out with forty digits from the stationary point a = I₁(aD/2σ²) / I₀(aD/2σ²).
    assert round(evidence_floor(25, sigma_x), 3) == value


@pytest.mark.parametrize("dimension", [3, 25])
@pytest.mark.parametrize("sigma_x", [1.0, 0.1, 0.01])
def test_the_floor_is_the_minimum_over_circles_by_quadrature(dimension, sigma_x):
    # −log of the mean of N(x; a F(φ), σ²I) over a fine grid of angles, without a Bessel function.
    angles = 2 * np.pi * np.arange(4096) / 4096
    radius_squared, variance = dimension / 2, sigma_x**2
    factors = np.linspace(0, 1.5, 3001)

    def value(a: float) -> float:
        squares = radius_squared * (1 + a**2 - 2 * a * np.cos(angles))
        exponents = -squares / (2 * variance)
        top = exponents.max()
        return dimension / 2 * np.log(2 * np.pi * variance) - top - np.log(np.exp(exponents - top).mean())

    values = np.array([value(a) for a in factors])
    floor = evidence_floor(dimension, sigma_x)
    assert values.min() > floor - 1e-9
    # The curvature in a is below 2R²/σ², and no minimum is further than half a grid step from a grid point.
    assert values.min() < floor + radius_squared / variance * (factors[1] / 2) ** 2 + 1e-9


@pytest.mark.parametrize("dimension", [3, 10, 25])
@pytest.mark.parametrize("sigma_x", [1.0, 0.3, 0.1, 0.01])
def test_no_component_anywhere_improves_the_best_mixture(dimension, sigma_x):
    # Kiefer and Wolfowitz: a mixture is the best of all, not only of the circles, if moving weight to
    # any one component never helps. For a component at distance r from the centre (any distance from
    # the plane of the data only makes it worse) that says I₀(rR/σ²) exp(−r²/2σ²) ≤ its value on the circle.
    radius, variance = math.sqrt(dimension / 2), sigma_x**2

    def log_gain(r):
        return np.log(i0e(r * radius / variance)) + r * radius / variance - r**2 / (2 * variance)

    # The circle that reaches the floor: −log p there is the constant below minus its log gain.
    constant = dimension / 2 * math.log(2 * math.pi * variance) + radius**2 / (2 * variance)
    best = constant - evidence_floor(dimension, sigma_x)
    everywhere = log_gain(np.linspace(0, 3 * radius, 200_001))
    assert np.exp(everywhere - best).max() <= 1 + 1e-9
    assert np.exp(everywhere - best).max() > 1 - 1e-4  # and the best circle is among them


@pytest.mark.parametrize("sigma_x", [2.5, 3.0, 10.0])
def test_beyond_the_collapse_the_floor_is_that_of_a_single_component(sigma_x):
    # D = 25: at σ_X = √(D/4) = 2.5 and above, the best circle is its own centre.
    centre = 12.5 * math.log(2 * math.pi * sigma_x**2) + 12.5 / (2 * sigma_x**2)
    assert evidence_floor(25, sigma_x) == pytest.approx(centre, abs=1e-9)


def test_just_before_the_collapse_a_circle_is_better():
    centre = 12.5 * math.log(2 * math.pi * 2.4**2) + 12.5 / (2 * 2.4**2)
    assert evidence_floor(25, 2.4) < centre - 1e-3


@pytest.mark.parametrize("sigma_x", [0.6, 1.0, 2.0, 2.4, 3.0])
def test_the_floor_of_two_phases_is_the_minimum_over_tori_by_quadrature(sigma_x):
    # −log of the mean of N(x; a F(φ₁, φ₂), σ²I) over a grid of pictures, for one of them: all others are alike.
    pictures = ExtendedBenchmark(5, 72, shrunk=False).visualisation()[0].double().numpy()
    x, dimension = pictures[5], 25
    factors = np.linspace(0, 1.5, 751)
    squares = x @ x - 2 * factors[:, None] * (pictures @ x) + factors[:, None] ** 2 * (pictures**2).sum(-1)
    densities = stats.norm(0, sigma_x).logpdf(0) * dimension - squares / (2 * sigma_x**2)
    values = -logsumexp(densities, axis=-1) + math.log(72**2)
    floor = evidence_floor(dimension, sigma_x, circles=2)
    assert values.min() > floor - 1e-4  # pictures are in single precision
    # The curvature in a is below 2·2R²/σ².
    assert values.min() < floor + 2 * 12.5 / sigma_x**2 * (factors[1] / 2) ** 2 + 1e-4
    # Circles that shrink differently are no better.
    down, across = (pictures.reshape(-1, 5, 5).mean(axis, keepdims=True) for axis in (2, 1))
    for one, other in ((0.5, 1.0), (0.9, 1.1), (0.0, 0.9)):
        squares = np.square(x - (one * down + other * across).reshape(-1, 25)).sum(-1)
        densities = stats.norm(0, sigma_x).logpdf(0) * dimension - squares / (2 * sigma_x**2)
        assert math.log(72**2) - logsumexp(densities) > floor


@pytest.mark.parametrize("sigma_x", [0.01, 0.1, 1.0, 5.0])
@pytest.mark.parametrize("dimension", [25, 625])
def test_circles_at_right_angles_add_up(dimension, sigma_x):
    # Each has the same gain over the noise, which all of them share.
    noise = dimension / 2 * math.log(2 * math.pi * sigma_x**2)
    one, two, three = (evidence_floor(dimension, sigma_x, k) - noise for k in (1, 2, 3))
    assert (two, three) == (pytest.approx(2 * one, rel=1e-9), pytest.approx(3 * one, rel=1e-9))
    assert one == evidence_floor(dimension, sigma_x) - noise


def expected_linear(vae: VAE, x: torch.Tensor) -> torch.Tensor:
    """The exact negative ELBO of a VAE without hidden layers: sigma points integrate a quadratic exactly."""
    d = vae.space.noise_features
    points = torch.cat([torch.eye(d), -torch.eye(d)]).double() * math.sqrt(d)
    return vae.negative_elbo(x, points[:, None, None].expand(-1, vae.members, 1, -1))


@given(
    st.sampled_from([0.1, 0.3, 1.0, 2.0]), st.floats(0.5, 1.5), arrays(np.float64, 80, elements=st.floats(-0.1, 0.1))
)
def test_no_linear_autoencoder_near_the_best_one_is_below_the_floor(sigma_x, factor, changes):
    # The best linear model fits the benchmark as a Gaussian in its plane (probabilistic PCA) and comes
    # within a nat of the floor at σ_X = 1, so that a floor too high by that would show.
    data = Benchmark(7)
    x = data.mean(regular_phases(1000).double())  # much finer than any σ_X here: as good as all phases
    vae = VAE(Euclidean(2), 7, (), [1.0], member_seeds=[0]).double()
    vae.sigma_x.fill_(sigma_x)
    plane = data.mean(torch.tensor([0.0, math.pi / 2]).double()).T / math.sqrt(3.5)  # orthonormal columns
    scale = math.sqrt(max(factor * 3.5 / 2 - sigma_x**2, 0.01))
    variance = 1 / (1 + scale**2 / sigma_x**2)
    with torch.no_grad():
        vae.decoder.layers[0].weight[0] = scale * plane
        gain = variance * scale / sigma_x**2 * plane.T
        vae.encoder.layers[0].weight[0] = torch.cat([gain, torch.zeros(2, 7)])
        vae.encoder.layers[0].bias[0, 2:] = math.log(variance)
        for p in vae.parameters():
            p += torch.from_numpy(changes[: p.numel()]).view_as(p) * min(sigma_x, 1)
    assert float(expected_linear(vae, x).detach().mean()) > evidence_floor(7, sigma_x) - 1e-9


def test_the_best_linear_autoencoder_is_within_a_nat_of_the_floor():
    # The Gaussian with the covariance of the data has −log p = D/2 log 2π + log(R²/2) + (D − 2)/2 log σ² + 1.
    gaussian = 12.5 * math.log(2 * math.pi) + math.log(12.5 / 2) + 1
    assert 0 < gaussian - evidence_floor(25, 1.0) < 1


@given(st.integers(0, 10**6), st.sampled_from([0.1, 1.0]), st.floats(0.1, 3))
@settings(max_examples=20)
def test_no_random_autoencoder_is_below_the_floor(seed, sigma_x, scale):
    run = Run((Member(0.1, sigma_x),), Benchmark(5), updates=0, seed=seed)
    trained = untrained(run)
    for p in trained.vae.parameters():
        p.mul_(scale)
    generator = torch.Generator().manual_seed(seed)
    x = run.data.mean(regular_phases(200))
    values = trained.vae.negative_elbo(x, torch.randn(20, 1, 200, 2, generator=generator))[0].double()
    assert values.mean() > evidence_floor(5, sigma_x) - 5 * values.std() / math.sqrt(200)


# Bounds on the circle


SIGMAS = (Member(0.1, 1.0), Member(0.1, 0.3), Member(0.1, 0.1))


@pytest.mark.parametrize("corrected", [(), ("density",), ("sampling", "kl"), CORRECTIONS])
@pytest.mark.parametrize("t", [0.005, 0.15, 1.5])
def test_a_perfect_circle_comes_close_to_the_floor_and_not_below(corrected, t, float64):
    trained = perfect(Circle("projected", "published", corrected), t, SIGMAS)
    x = trained.run.data.visualisation()[0]
    measured = measure(trained, x, samples=50)
    bound = evaluation.sampled_bound(trained, measured, x)
    # Samples are normal of deviation s, so that E‖x − F(θ)‖² = D(1 − exp(−s²/2)); the rest is exact.
    s_squared = 2 * t if "sampling" in corrected else t**2
    kl = float(HeatKernel(0.0, s_squared / 2).kl_to_uniform())
    for member, found in zip(SIGMAS, bound, strict=True):
        variance = member.sigma_x**2
        scatter = 25 / 2 / variance
        expected = 12.5 * math.log(2 * math.pi * variance) + scatter * -math.expm1(-s_squared / 2) + kl
        # 1 − cos of a normal of deviation s has a deviation of at most s²; 50·100 samples are taken.
        noise = scatter * min(s_squared, 2) / math.sqrt(5000)
        assert abs(found - expected) < 5 * noise
        assert found > evidence_floor(25, member.sigma_x) - 5 * noise


@pytest.mark.parametrize("shrunk", [True, False])
@pytest.mark.parametrize("t", [0.005, 0.15])
def test_a_perfect_torus_comes_close_to_the_floor_and_not_below(t, shrunk, float64):
    # Linear: both heads copy their phases with time t, and the decoder draws the picture of the sampled ones.
    members = Member(0, 1.0), Member(0, 0.3)
    trained = by_hand(Run(members, ExtendedBenchmark(5, 20, shrunk), CliffordTorus(), updates=0))
    x, phases = trained.run.data.visualisation()
    four = torch.cat([embed(phases[:, 0]), embed(phases[:, 1])], -1)
    read = (torch.linalg.pinv(x, rtol=1e-9) @ four).T
    for head in (0, 1):
        trained.vae.encoder.layers[0].weight[:, 3 * head : 3 * head + 2] = read[2 * head : 2 * head + 2]
        trained.vae.encoder.layers[0].bias[:, 3 * head + 2] = math.log(t)
    trained.vae.decoder.layers[0].weight[:] = math.sqrt(2) * (torch.linalg.pinv(four) @ x).T
    found = measure(trained, x, samples=50)
    for member, row in zip(members, found.iloc, strict=True):
        variance = member.sigma_x**2
        # Two circles of squared radius 25/2: E‖x − F(θ)‖² = 2·25(1 − exp(−t)) for samples of deviation √(2t).
        scatter = 2 * 25 / 2 / variance
        kl = 2 * float(HeatKernel(0.0, t).kl_to_uniform())
        expected = 12.5 * math.log(2 * math.pi * variance) + scatter * -math.expm1(-t) + kl
        error = scatter * min(2 * t, 2) / math.sqrt(50 * 400)
        assert row["kl"] == pytest.approx(kl, rel=1e-6)
        assert row["mse"] == pytest.approx(0, abs=1e-12)
        assert abs(row["neg_elbo"] - expected) < 5 * error
        assert row["neg_elbo"] > evidence_floor(25, member.sigma_x, circles=2) - 5 * error
    if t == 0.15:
        assert found["neg_elbo"][0] < evidence_floor(25, 1.0, circles=2) + 2.5


def test_the_printed_kl_takes_a_perfect_circle_below_the_floor_and_its_sampled_bound_does_not(float64):
    best = ideal.best(ideal.published(), 1.0)
    radius = math.exp(-(best.t**2) / 2)
    trained = perfect(Circle("projected", "published"), best.t, SIGMAS[:1], radius=radius)
    x = trained.run.data.visualisation()[0]
    measured = measure(trained, x, samples=200)
    floor = evidence_floor(25, 1.0)
    assert float(measured["neg_elbo"][0]) < floor - 1  # what calls itself −ELBO
    assert floor < float(evaluation.sampled_bound(trained, measured, x)[0]) < floor + 1


@given(st.integers(0, 10**6), st.sampled_from([0.1, 1.0]), st.floats(0.1, 3))
@settings(max_examples=15)
def test_no_random_circle_is_below_the_floor(seed, sigma_x, scale):
    for space in (Circle("real", "published"), Circle("projected", "published", ("sampling",))):
        trained = untrained(Run((Member(0.1, sigma_x),), Benchmark(5), space, updates=0, seed=seed))
        for p in trained.vae.parameters():
            p.mul_(scale)
        x = trained.run.data.mean(regular_phases(200))
        measured = measure(trained, x, samples=20)
        # In ``error`` is also the noise of the estimated KL, which the bound does not have.
        bound = evaluation.sampled_bound(trained, measured, x)
        assert bound[0] > evidence_floor(5, sigma_x) - 5 * measured["error"][0]


def test_the_sampled_bound_of_the_exact_circle_is_its_own(float64):
    for space in (Circle(), Circle("real")):
        run = replace(RUN, space=space)
        trained, x = untrained(run), run.data.visualisation(20)[0]
        measured = measure(trained, x, samples=4)
        bound = evaluation.sampled_bound(trained, measured, x)
        np.testing.assert_allclose(bound, measured["neg_elbo"], rtol=1e-12)


# Tables of measurements


def test_cells_are_addressed_as_in_the_ledger():
    run = Run(tuple(Member(s, 0.5, r) for s in (0.1, 1.0) for r in range(3)), Benchmark(6, 50), updates=0, batch_size=8)
    measured = measure(untrained(run), run.data.visualisation(9)[0], samples=2)
    cells = evaluation.by_cell(measured)
    assert set(cells) == {(f"x{s}/sx0.5", q) for s in ("0.1", "1") for q in QUANTITIES}
    chosen = measured[measured.dataset == 0.1]["kl"]
    assert cells["x0.1/sx0.5", "kl"] == pytest.approx((chosen.mean(), chosen.std(ddof=1), 3))
    assert evaluation.floors(measured, 6) == {f"x{s}/sx0.5": evidence_floor(6, 0.5) for s in ("0.1", "1")}


def test_without_the_half_the_squared_error_counts_twice(float64):
    x = RUN.data.visualisation(9)[0]
    measured = measure(untrained(RUN), x, samples=3)
    variance = measured["sigma_x"] ** 2
    constant = 6 / 2 * np.log(2 * np.pi * variance)
    error = (measured["reconstruction"] - constant) * 2 * variance
    np.testing.assert_allclose(evaluation.without_half(measured, 6), error / variance + constant)


def test_comparisons_have_a_row_per_variant_and_the_print_last():
    run = Run((Member(0.1, 1.0), Member(1.0, 0.01)), Benchmark(6, 50), updates=0, batch_size=8)
    measured = measure(untrained(run), run.data.visualisation(9)[0], samples=2)
    table = evaluation.compare({"ours": measured}, ledger.cells("table-5.1"))["neg_elbo"]
    assert list(table.index) == ["ours", "thesis"]
    assert table.loc["thesis", (0.1, 1.0)] == 25.37
    assert table.loc["ours", (1.0, 0.01)] == pytest.approx(measured["neg_elbo"][1])


def test_ensembles_are_measured_on_several_datasets():
    near, far = RUN.data.sample(0.1)[0], RUN.data.sample(1.0)[0]
    table = evaluation.over_datasets({2: untrained(RUN), 1: untrained(RUN)}, {"near": near, "far": far}, samples=2)
    assert list(table.index) == [1, 2]
    assert table.loc[1, "far"] == pytest.approx(measure(untrained(RUN), far, 2)["neg_elbo"].mean())


def test_roughness_is_one_on_a_circle_and_grows_with_a_jump():
    circle = torch.stack([regular_phases(50).cos(), regular_phases(50).sin()], -1)
    jumped = circle.clone()
    jumped[10:] = -jumped[10:]
    rough = evaluation.roughness(torch.stack([circle, jumped]))
    assert rough[0] == pytest.approx(1, abs=1e-4)
    assert rough[1] > 15


def test_noiseless_pictures_have_no_noise_outside_their_span(float64):
    runs = [
        Run((Member(1, 0.3),), replace(data, noise=0.2), Euclidean(2), width=3, updates=0)
        for data in (shrink(IMAGES)[0], in_pixels(IMAGES))
    ]
    clean = replace(runs[0], data=replace(runs[0].data, noise=0.0))
    vae = runs[0].model().requires_grad_(False)
    x = clean.data.sample(1)[0]
    noisy, quiet = (measure(Trained(run, vae, np.zeros((1, 0))), x) for run in (runs[0], clean))
    assert noisy["neg_elbo"][0] == pytest.approx(quiet["neg_elbo"][0])
