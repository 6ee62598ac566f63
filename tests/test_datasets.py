"""The benchmark of thesis chapter 5: its curve F, its datasets X_σ, its regular phases."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from latentsep.datasets import Benchmark, embed, regular_phases

PHASES = st.floats(-10, 10)
KS_LIMIT = 1.95  # times 1/√n: the Kolmogorov statistic exceeds it once in a thousand samples


def exact(phase: float) -> torch.Tensor:
    return torch.tensor(phase, dtype=torch.float64)


@pytest.mark.parametrize(
    ("dimension", "phase", "expected"),
    [
        (4, 0.0, [1, 0, -1, 0]),
        (4, math.pi / 2, [0, -1, 0, 1]),
        (3, math.pi / 6, [0.5, -1, 0.5]),
        (6, math.pi / 3, [math.sqrt(3) / 2, 0, -math.sqrt(3) / 2, -math.sqrt(3) / 2, 0, math.sqrt(3) / 2]),
        (2, math.pi / 2, [-1, 1]),
        (1, math.pi / 2, [1]),
    ],
)
def test_mean_at_values_worked_out_by_hand(dimension, phase, expected):
    # The index runs from 1 to D, so the last entry is sin φ and the first is not (thesis 5.1).
    found = Benchmark(dimension).mean(exact(phase))
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-14)


@given(st.integers(3, 200), PHASES, PHASES)
def test_the_curve_is_a_circle_of_radius_root_half_d(dimension, one, other):
    # ⟨F(φ), F(φ')⟩ = D/2 cos(φ − φ') says all of it: the norm, the plane and the unit speed.
    f = Benchmark(dimension).mean
    tolerance = 1e-13 * dimension
    assert abs(float(f(exact(one)) @ f(exact(other))) - dimension / 2 * math.cos(one - other)) < tolerance
    assert abs(float(f(exact(one)).square().sum()) - dimension / 2) < tolerance


@given(st.integers(1, 50), PHASES, st.integers(-3, 3))
def test_the_curve_is_periodic(dimension, phase, turns):
    f = Benchmark(dimension).mean
    torch.testing.assert_close(f(exact(phase)), f(exact(phase + 2 * math.pi * turns)), rtol=0, atol=1e-13)


def test_the_mean_keeps_the_shape_of_the_phases():
    phases = torch.linspace(-3, 3, 24).view(2, 3, 4)
    found = Benchmark(25).mean(phases)
    assert found.shape == (2, 3, 4, 25)
    torch.testing.assert_close(found[1, 2, 3], Benchmark(25).mean(phases[1, 2, 3]))


def test_sampled_phases_are_uniform():
    _, phases = Benchmark(seed=3).sample(0.1)
    n = len(phases)
    assert n == 10_000
    assert phases.min() >= -math.pi - 1e-6
    assert phases.max() <= math.pi
    statistic = stats.kstest(phases.double().numpy(), stats.uniform(-math.pi, 2 * math.pi).cdf).statistic
    assert statistic < KS_LIMIT / math.sqrt(n)
    # The first four circular moments of a uniform phase vanish, with variance 1/2 per coordinate.
    moments = torch.stack([embed(k * phases).mean(0) for k in (1, 2, 3, 4)])
    assert moments.abs().max() < 5 / math.sqrt(2 * n)


@pytest.mark.parametrize("sigma", [0.01, 0.1, 1.0])
def test_noise_is_standard_normal_times_sigma_in_every_coordinate(sigma):
    data = Benchmark(seed=3)
    x, phases = data.sample(sigma)
    noise = (x - data.mean(phases)).double() / sigma
    n, d = noise.shape
    assert (n, d) == (data.size, data.dimension)
    assert stats.kstest(noise.flatten().numpy(), "norm").statistic < KS_LIMIT / math.sqrt(n * d)
    # Five standard errors each; the variance of a sample second moment is 2, off the diagonal 1.
    assert noise.mean(0).abs().max() < 5 / math.sqrt(n)
    second = noise.T @ noise / n - torch.eye(d)
    assert second.diagonal().abs().max() < 5 * math.sqrt(2 / n)
    assert second.triu(1).abs().max() < 5 / math.sqrt(n)
    assert (noise.T @ embed(phases).double() / n).abs().max() < 5 / math.sqrt(2 * n)


def test_a_dataset_depends_on_its_seed_and_noise_level_alone():
    alone = Benchmark(seed=1, size=100).sample(0.1)
    data = Benchmark(seed=1, size=100)
    data.sample(1.0)
    torch.manual_seed(0)
    after_others = data.sample(0.1)
    assert all(torch.equal(a, b) for a, b in zip(alone, after_others, strict=True))


def test_noise_levels_and_seeds_have_streams_of_their_own():
    phases = [Benchmark(seed=s, size=1000).sample(sigma)[1] for s in (1, 2) for sigma in (0.01, 0.1)]
    for i, one in enumerate(phases):
        for other in phases[:i]:
            assert abs((embed(one) * embed(other)).sum(-1).mean()) < 5 / math.sqrt(2 * 1000)  # E[cos(φ − φ')] = 0


def test_sampling_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    Benchmark(size=10).sample(0.1)
    assert torch.equal(before, torch.get_rng_state())


def test_regular_phases_are_those_of_the_thesis():
    phases = regular_phases()
    expected = torch.tensor([-math.pi + 2 * math.pi * i / 100 for i in range(100)])  # (5.4)
    torch.testing.assert_close(phases, expected, rtol=0, atol=3e-7)  # one rounding to single precision
    assert len(phases) == 100
    assert phases[50] == 0


@given(st.integers(1, 500))
def test_regular_phases_go_once_around(count):
    phases = regular_phases(count).double()
    assert len(phases) == count
    assert float(phases.max()) < math.pi
    closed = torch.cat([phases, phases[:1] + 2 * math.pi])
    torch.testing.assert_close(closed.diff(), torch.full((count,), 2 * math.pi / count).double(), rtol=0, atol=1e-6)


def test_visualisation_is_noiseless_and_regular():
    data = Benchmark(dimension=7)
    x, phases = data.visualisation(12)
    assert torch.equal(phases, regular_phases(12))
    assert torch.equal(x, data.mean(phases))
    assert x.shape == (12, 7)


def test_the_benchmark_is_one_loop_for_all_noise_levels():
    data, phases = Benchmark(dimension=7), regular_phases(12)
    assert torch.equal(data.loop(phases, [0.1]), data.mean(phases))
    assert torch.equal(data.loop(phases, [0.1, 1.0, 0.1]), data.mean(phases))


@pytest.mark.parametrize("sigma_x", [0.01, 1.0, 3.0])
def test_networks_see_all_of_the_benchmark_as_it_is(sigma_x):
    assert Benchmark().outside(sigma_x) == 0
    assert Benchmark().unit == 1
    assert Benchmark.unit == 1  # no field, so that records of before keep their names
    assert "unit" not in vars(Benchmark())


@given(PHASES)
def test_embedding_is_the_point_of_the_unit_circle(phase):
    point = embed(exact(phase))
    torch.testing.assert_close(point.tolist(), [math.cos(phase), math.sin(phase)], rtol=0, atol=1e-15)  # (5.3)
