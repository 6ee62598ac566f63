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
from scipy.special import i0e

from latentsep import evaluation, ideal, ledger, seeds
from latentsep.datasets import Benchmark, regular_phases
from latentsep.distributions import CORRECTIONS, HeatKernel
from latentsep.ensembles import Trained, train
from latentsep.evaluation import (
    QUANTITIES,
    circular_rank_correlation,
    evidence_floor,
    latents,
    measure,
    plane_angles,
    summarise,
    winding,
)
from latentsep.latent_spaces import Circle, Euclidean, LatentSpace
from latentsep.loops import Loops, in_pixels, shrink
from latentsep.runs import Member, Run
from latentsep.vae import VAE

RUN = Run(
    members=(Member(0.1, 0.5), Member(1.0, 1.5, 2), Member(0.1, 0.2, 1)), data=Benchmark(6, 50), updates=0, batch_size=8
)


def untrained(run: Run) -> Trained:
    return Trained(run, run.model().eval().requires_grad_(False), np.zeros((len(run.members), 0)))


def of_the_phase(data: Benchmark, shift: float = 0.0) -> torch.Tensor:
    """Weights ``(2, D)`` that read the cosine and the sine of the phase, less ``shift``, off noiseless data."""
    j = 2 * math.pi * torch.arange(1, data.dimension + 1).double() / data.dimension
    cosine, sine = (2 / data.dimension * f for f in (torch.sin(j), torch.cos(j)))
    c, s = math.cos(shift), math.sin(shift)
    return torch.stack([c * cosine + s * sine, c * sine - s * cosine])


def by_hand(run: Run, hidden: tuple[int, ...] = ()) -> Trained:
    """An ensemble with all weights zero, in double precision; without hidden layers it is linear."""
    seeds_, sigma_x = [run.seed_of(m) for m in run.members], [m.sigma_x for m in run.members]
    vae = VAE(run.space, run.data.dimension, hidden, sigma_x, seeds_).double().requires_grad_(False)
    for p in vae.parameters():
        p.zero_()
    vae.sigma_x.copy_(torch.tensor(sigma_x, dtype=torch.float64))
    return Trained(run, vae, np.zeros((len(run.members), 0)))


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


# Topology


def linear(space: LatentSpace, *readings: tuple[float, float, float]) -> Trained:
    """Members whose first two codes are ``a·cos φ, b·sin φ`` beside an offset, one for each (a, b, offset)."""
    run = Run(tuple(Member(0.1, 0.5, r) for r in range(len(readings))), Benchmark(6, 50), space, updates=0)
    trained, read = by_hand(run), of_the_phase(run.data)
    for layer, (a, b, offset) in zip(range(len(readings)), readings, strict=True):
        trained.vae.encoder.layers[0].weight[layer, :2] = torch.tensor([a, b]).double()[:, None] * read
        trained.vae.encoder.layers[0].bias[layer, :2] = offset
    return trained


@pytest.mark.parametrize("space", [Circle(), Circle("projected", "published"), Euclidean(2)])
def test_an_encoder_that_copies_the_phase_turns_once_either_way(space):
    found = evaluation.topology(linear(space, (1, 1, 0), (1, -1, 0)))
    assert list(found.columns[:3]) == ["dataset", "sigma_x", "repetition"]
    assert list(found["repetition"]) == [0, 1]
    assert list(found["degree"]) == list(found["apparent"]) == [1, -1]
    np.testing.assert_allclose(found["largest_step"], 2 * math.pi / 100, rtol=1e-4)
    assert not found["torn"].any()
    assert list(evaluation.outcome(found)) == ["recovered"] * 2


def test_codes_in_the_plane_are_seen_from_their_centroid():
    found = evaluation.topology(linear(Euclidean(2), (1, 1, 10), (1, 0.1, 10), (1, 0, 10)))
    assert list(evaluation.outcome(found)[:2]) == ["recovered", "recovered"]
    # The angle of a flat ellipse turns fastest where it is nearest: by atan of 10·tan of the phase.
    assert found["largest_step"][1] == pytest.approx(math.atan(10 * math.tan(2 * math.pi / 100)), rel=1e-3)
    assert evaluation.outcome(found)[2] != "recovered"  # a line is no loop


def test_an_encoder_that_sees_only_the_cosine_folds():
    # On the circle, an angle of ±0.7 around 1 without the sine; seen from afar, a loop that is not around.
    for trained in (linear(Circle("real"), (0.7, 0, 1)), linear(Circle(), (0.5, 0.5, 2))):
        found = evaluation.topology(trained)
        assert (found["degree"][0], found["apparent"][0], found["torn"][0]) == (0, 0, False)
        assert 0 < found["largest_step"][0] < 0.1
        assert list(evaluation.outcome(found)) == ["folded"]


def test_a_wide_fold_is_as_untorn_as_a_small_one():
    # ±3 half turns by the cosine: the angle goes around the circle, and all the way back.
    found = evaluation.topology(linear(Circle("real"), (3 * math.pi, 0, 1)))
    assert (found["degree"][0], found["torn"][0]) == (0, False)
    assert found["largest_step"][0] == pytest.approx(3 * math.pi * 2 * math.pi / 100, rel=1e-3)


def hidden_return(steepness: float, shift: float = math.pi / 100) -> Trained:
    """A real head that rises by a turn gently, at a phase of π/2, and falls back between two of 100 phases, near −π."""
    run = Run((Member(0.1, 0.5),), Benchmark(6, 50), Circle("real"), updates=0)
    trained, read = by_hand(run, (2, 2)), of_the_phase(run.data, shift)
    first, second, head = trained.vae.encoder.layers
    first.weight[0] = torch.stack([read[0], steepness * read[1]])  # a gentle gate, and a steep sign of the sine
    second.weight[0, 0] = torch.tensor([-4.0, 4.0])  # the gate shuts at phases around 0, where the sine turns too
    second.bias[0, 0] = -4
    head.weight[0, 0, 0] = math.pi / math.tanh(4 * math.tanh(1))
    return trained


@pytest.mark.parametrize("steepness", [200.0, 1000.0])
def test_a_way_back_between_two_phases_is_found(steepness):
    trained = hidden_return(steepness)
    angles, _ = winding(latents(trained, trained.run.data.visualisation()[0].double()).squeeze(-1))
    assert angles[0] == 1  # so does it look
    found = evaluation.topology(trained).iloc[0]
    assert (found["degree"], found["apparent"], found["torn"]) == (0, 1, True)
    assert found["largest_step"] == pytest.approx(2 * math.pi, abs=0.1)
    assert list(evaluation.outcome(evaluation.topology(trained))) == ["torn"]


def test_a_return_that_hides_even_between_the_phases_of_the_fine_walk_is_found():
    # Its wrapped step is nearly nothing; only the angle before wrapping shows it.
    found = evaluation.topology(hidden_return(5000.0, math.pi / 100 + math.pi / 12_800)).iloc[0]
    assert (found["degree"], found["apparent"], found["torn"]) == (0, 1, True)


def test_a_space_without_a_circle_has_no_topology_here():
    trained = train(Run((Member(0.1, 0.5),), Benchmark(6, 50), Euclidean(3), updates=0))
    with pytest.raises(ValueError, match=r"^space is Euclidean\(dimension=3\); choose Circle or Euclidean\(2\)$"):
        evaluation.topology(trained)


def test_a_walk_that_is_not_refined_enough_has_no_degree():
    found = evaluation.topology(hidden_return(1000.0), halvings=0).iloc[0]
    assert math.isnan(found["degree"])
    assert found["torn"]
    # Walked coarsely from the start, refinement finds the same as on a fine walk.
    fine, coarse = (evaluation.topology(hidden_return(50.0), fineness=n).iloc[0] for n in (128, 8))
    assert fine["degree"] == coarse["degree"] == 0
    assert fine["largest_step"] == pytest.approx(coarse["largest_step"], rel=0.01)


def test_members_are_judged_each_by_itself():
    # One that must be walked very finely beside one that need not: neither changes the other's row.
    torn, gentle = hidden_return(500.0), hidden_return(1.0)
    run = replace(torn.run, members=(Member(0.1, 0.5), Member(1.0, 0.2)))
    together = by_hand(run, (2, 2))
    for name, p in together.vae.named_parameters():
        p[:] = torch.cat([part.vae.get_parameter(name) for part in (torn, gentle)])
    found = evaluation.topology(together)
    columns = ["degree", "apparent", "largest_step", "torn"]
    for row, alone in zip(found[columns].iloc, (torn, gentle), strict=True):
        pd.testing.assert_series_equal(row, evaluation.topology(alone)[columns].iloc[0], check_names=False)
    assert list(evaluation.outcome(found)) == ["torn", "folded"]


@given(st.integers(0, 10**6), st.floats(0.3, 3), st.sampled_from(["heat kernel", "published"]), st.integers(1, 3))
@settings(max_examples=12)
def test_no_encoder_with_a_real_head_turns_around_the_circle(seed, scale, family, layers):
    # Continuous and real-valued, it ends where it began. (The projected ones below are not so bound.)
    run = Run((Member(0.1, 0.5), Member(1.0, 0.5)), Benchmark(6), Circle("real", family), layers, updates=0, seed=seed)
    trained = untrained(run)
    for p in trained.vae.encoder.parameters():
        p.mul_(scale)
    found = evaluation.topology(trained, count=50, fineness=64)
    assert list(found["degree"]) == [0, 0]
    assert "recovered" not in set(evaluation.outcome(found))


def circles(*centres: tuple[float, float], frames: int = 40) -> Loops:
    """Loops around different points of a plane, in pictures of two pixels."""
    phases = regular_phases(frames).double()
    circle = torch.stack([phases.cos(), phases.sin()], -1).numpy()
    return in_pixels(np.stack([circle + centre for centre in centres])[:, :, None])


def readers(data: Loops, space: LatentSpace, *datasets: int) -> Trained:
    """Encoders that take the two pixels for the first two codes, each on its own loop."""
    trained = by_hand(Run(tuple(Member(d, 0.5, r) for r, d in enumerate(datasets)), data, space, updates=0))
    trained.vae.encoder.layers[0].weight[:, :2] = torch.eye(2).double()
    return trained


def test_the_topology_of_a_member_is_that_of_its_own_loop():
    # Seen from the origin, the first loop goes around it once, and the second does not.
    data = circles((0, 0), (3, 0))
    found = evaluation.topology(readers(data, Circle(), 2, 1, 2, 1), count=data.frames)
    assert list(found["dataset"]) == [2, 1, 2, 1]
    assert list(found["degree"]) == list(found["apparent"]) == [0, 1, 0, 1]
    assert list(evaluation.outcome(found)) == ["folded", "recovered"] * 2
    # Along a straight line the angle goes as far as to the next frame, and there are 40.
    np.testing.assert_allclose(found["largest_step"][1::2], 2 * math.pi / 40, rtol=1e-5)
    np.testing.assert_allclose(found["largest_step"][::2], 2 * math.pi / 40 / 2, rtol=0.2)  # (1/(3 − 1) of the arc)


def test_codes_of_pictures_in_the_plane_are_seen_from_their_own_centroid():
    data = circles((0, 0), (30, 10))
    found = evaluation.topology(readers(data, Euclidean(2), 1, 2), count=data.frames)
    assert list(evaluation.outcome(found)) == ["recovered"] * 2
    np.testing.assert_allclose(found["largest_step"], 2 * math.pi / 40, rtol=1e-4)


def test_between_frames_the_loop_is_a_polygon():
    # Three frames of a circle around the origin; the triangle of the second does not go around it.
    data = circles((0, 0), (-0.6, 0), frames=3)
    found = evaluation.topology(readers(data, Circle(), 1, 2), count=3)
    assert list(found["degree"]) == [1, 0]
    assert found["torn"].all()  # three frames are too few for small steps


def test_topology_leaves_the_ensemble_as_it_was():
    trained = untrained(replace(RUN, space=Circle()))
    before = {name: value.clone() for name, value in trained.vae.state_dict().items()}
    evaluation.topology(trained, count=10, fineness=4)
    for name, value in trained.vae.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, before[name])


def test_every_outcome_has_its_name():
    found = pd.DataFrame(
        {
            "degree": [1, -1, 1, 0, 0, 2, math.nan, math.nan],
            "torn": [False, False, True, True, False, False, True, False],
        },
        index=range(3, 11),
    )
    expected = ["recovered", "recovered", "torn", "torn", "folded", "other", "torn", "other"]
    pd.testing.assert_series_equal(evaluation.outcome(found), pd.Series(expected, range(3, 11)))


@given(
    st.integers(-5, 5),
    st.floats(-10, 10),
    st.floats(0, 0.9),
    st.integers(1, 3),
    st.integers(80, 300),
    st.integers(0, 79),
)
def test_winding_is_the_degree_of_the_curve(degree, offset, wobble, frequency, n, shift):
    t = 2 * np.pi * np.arange(n) / n
    angles = degree * t + offset + wobble * np.sin(frequency * t)  # homotopic to degree · t
    wrapped = np.roll(np.arctan2(np.sin(angles), np.cos(angles)), shift)
    turns, step = winding(wrapped)
    assert turns == degree
    assert step <= (abs(degree) + wobble * frequency) * 2 * np.pi / n + 1e-9


def test_winding_takes_batches_and_tensors():
    t = regular_phases(60)
    turns, step = winding(torch.stack([torch.stack([t, -t]), torch.stack([2 * t, 0 * t])]))
    np.testing.assert_array_equal(turns, [[1, -1], [2, 0]])
    np.testing.assert_allclose(step, np.array([[1, 1], [2, 0]]) * 2 * np.pi / 60, atol=1e-5)


@given(st.integers(40, 400), st.floats(-5, 5))
def test_a_torn_curve_shows_in_its_largest_step(n, offset):
    # Half a turn, and back in one step: what a continuous encoder into R, taken modulo 2π, must do.
    t = -np.pi + 2 * np.pi * np.arange(n) / n
    _, step = winding(t / 2 + offset)
    assert np.pi - np.pi / n - 1e-9 <= step <= np.pi


@given(st.integers(1, 50).map(lambda k: 0.02 * k), st.integers(40, 400))
def test_a_fold_has_degree_zero_and_is_not_torn(height, n):
    t = 2 * np.pi * np.arange(n) / n
    turns, step = winding(height * np.pi * np.cos(t))
    assert turns == 0
    assert step <= height * 2 * np.pi**2 / n + 1e-9


def test_the_largest_step_counts_the_closing_one():
    turns, step = winding(np.array([0.0, 0.1, 0.2, 1.2]))
    assert turns == 0
    assert step == pytest.approx(1.2)


@given(st.floats(0.1, 10), st.floats(-50, 50), st.floats(-50, 50), st.integers(3, 100), st.sampled_from([1, -1]))
def test_plane_angles_are_seen_from_the_centroid(radius, right, up, n, sense):
    phases = sense * (2 * math.pi * torch.arange(n).double() / n - 3)
    points = radius * torch.stack([phases.cos(), phases.sin()], -1) + torch.tensor([right, up]).double()
    found = plane_angles(points)
    off = (found - phases.numpy() + np.pi) % (2 * np.pi) - np.pi
    np.testing.assert_allclose(off, 0, atol=1e-11)  # an offset of 50 over a radius of 0.1
    assert found.shape == (n,)
    assert winding(found)[0] == sense


def test_plane_angles_take_each_member_by_its_own_centroid():
    phases = 2 * math.pi * torch.arange(12).double() / 12
    circle = torch.stack([phases.cos(), phases.sin()], -1)
    found = plane_angles(torch.stack([circle + 10, 3 * circle - 5]))
    assert found.shape == (2, 12)
    np.testing.assert_allclose(np.cos(found), phases.cos().expand(2, 12).numpy(), atol=1e-12)


# Cyclic orders


@given(st.integers(3, 30), st.integers(0, 29), st.sampled_from([1, -1]), st.integers(0, 10**6))
def test_an_order_that_is_kept_has_a_rank_correlation_of_one(n, shift, sense, seed):
    # Whatever the distances, the place of the cut at ±π, and the sense.
    angles = np.sort(np.random.default_rng(seed).uniform(-np.pi, np.pi, n))
    kept = np.roll(angles, shift)[::sense]
    assert circular_rank_correlation(kept) == 1
    assert circular_rank_correlation(torch.tensor(kept.copy())) == 1


@pytest.mark.parametrize(
    ("ranks", "value"),
    [
        ([0, 1, 2, 3], 1),
        ([0, 2, 1, 3], 0.25),  # |1 + i − i + 1|²/16, in either sense: of four steps one is each way and two are double
        ([0, 1, 2, 4, 3], abs(3 + 2 * np.cos(2 * np.pi / 5)) ** 2 / 25),
        ([0, 2, 4, 1, 3], 0),  # a star, that goes around twice
        ([0, 3, 6, 1, 4, 7, 2, 5], 0),  # and around three times
    ],
)
def test_rank_correlations_worked_out_by_hand(ranks, value):
    angles = np.array(ranks) * 0.3 - 1
    assert circular_rank_correlation(angles) == pytest.approx(value, abs=1e-12)


@given(st.integers(4, 20), st.integers(0, 10**6), st.integers(0, 19), st.floats(-3, 3))
def test_a_rank_correlation_is_of_the_cyclic_order_alone(n, seed, shift, turn):
    random = np.random.default_rng(seed)
    angles = random.uniform(-np.pi, np.pi, n)
    expected = circular_rank_correlation(angles)
    assert 0 <= expected <= 1
    for other in (
        (angles + turn + np.pi) % (2 * np.pi) - np.pi,  # turned
        -angles,  # mirrored
        angles**3,  # other distances
        np.roll(angles, shift),  # begun elsewhere
        angles[::-1],
    ):
        assert circular_rank_correlation(other) == pytest.approx(expected, abs=1e-11)


def test_a_random_order_has_a_small_rank_correlation():
    random = np.random.default_rng(0)
    angles = np.stack([random.permutation(72) for _ in range(300)]).reshape(3, 100, 72)
    found = circular_rank_correlation(angles)
    assert found.shape == (3, 100)
    # Each sense is the square of a mean of 72 unit vectors: about exponential, of mean 1/72.
    assert 1 / 72 < found.mean() < 2 / 72
    assert found.max() < 0.15
    one = angles[1, 7]
    assert found[1, 7] == circular_rank_correlation(one)


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


def test_a_single_angle_for_all_has_no_order():
    assert circular_rank_correlation(np.full(72, 0.3)) == 0
    assert circular_rank_correlation(np.repeat([0.3, 1.3], 36)) < 0.5


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
