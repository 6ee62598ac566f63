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

from latentsep import evaluation, ledger, seeds
from latentsep.datasets import Benchmark, regular_phases
from latentsep.ensembles import Trained
from latentsep.evaluation import QUANTITIES, evidence_floor, latents, measure, plane_angles, summarise, winding
from latentsep.latent_spaces import Euclidean
from latentsep.training import Member, Run
from latentsep.vae import VAE

RUN = Run(
    members=(Member(0.1, 0.5), Member(1.0, 1.5, 2), Member(0.1, 0.2, 1)), data=Benchmark(6, 50), updates=0, batch_size=8
)


def untrained(run: Run) -> Trained:
    return Trained(run, run.model().eval().requires_grad_(False), np.zeros((len(run.members), 0)))


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


# Topology


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
