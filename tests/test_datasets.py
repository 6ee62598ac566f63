"""The benchmarks of thesis chapters 5 and 11: what F draws, datasets X_σ, regular phases."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from latentsep.data import seeds
from latentsep.data.benchmarks import Benchmark, ExtendedBenchmark, embed, regular_phases
from latentsep.models.vae import negative_log_likelihood

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


# Pictures with two phases


def pairs(*shape: int) -> torch.Tensor:
    return 20 * torch.rand(*shape, 2, generator=seeds.generator(0, "test"), dtype=torch.float64) - 10


@pytest.mark.parametrize("side", [5, 8, 25])
@given(PHASES, PHASES)
@settings(max_examples=5)
def test_a_picture_has_one_sine_down_and_one_across(side, first, second):
    expected = np.empty((side, side))
    for i in range(1, side + 1):
        for j in range(1, side + 1):
            # (11.1), with an index for each direction
            expected[i - 1, j - 1] = math.sin(2 * math.pi * i / side + first)
            expected[i - 1, j - 1] += math.sin(4 * math.pi * j / side + second)
    found = ExtendedBenchmark(side).mean(torch.tensor([first, second], dtype=torch.float64))
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-12)


def test_pictures_keep_the_shape_and_the_precision_of_the_phases():
    data, phases = ExtendedBenchmark(7), pairs(2, 3)
    found = data.mean(phases)
    assert (found.shape, found.dtype) == ((2, 3, 7, 7), torch.float64)
    torch.testing.assert_close(found[1, 2], data.mean(phases[1, 2]))
    assert data.mean(phases.float()).dtype == torch.float32


@pytest.mark.parametrize("side", [5, 6, 25])
def test_four_numbers_stand_for_a_whole_picture(side):
    data, phases = ExtendedBenchmark(side), pairs(40)
    x = data.loop(phases)
    assert (data.dimension, data.ambient, x.shape, x.dtype) == (4, side**2, (40, 4), torch.float64)
    torch.testing.assert_close(data.pictures(x), data.mean(phases), rtol=0, atol=1e-12)
    # √2·(cos φ₁, sin φ₁, cos φ₂, sin φ₂): each has a root mean square of 1.
    expected = math.sqrt(2) * torch.cat([embed(phases[:, 0]), embed(phases[:, 1])], -1)
    torch.testing.assert_close(x, expected)
    # Distances are those of the pictures, in units, also off the torus.
    off = x + torch.randn(40, 4, generator=seeds.generator(1, "test"), dtype=torch.float64)
    for numbers in (x, off):
        of_pictures = torch.cdist(*[data.pictures(numbers).flatten(1)] * 2)
        torch.testing.assert_close(torch.cdist(numbers, numbers) * data.unit, of_pictures, rtol=0, atol=1e-5)


def test_without_shrinking_the_numbers_are_the_pixels():
    data, phases = ExtendedBenchmark(6, shrunk=False), pairs(3)
    x = data.loop(phases)
    assert (data.dimension, data.ambient, data.unit, x.shape) == (36, 36, 1, (3, 36))
    assert torch.equal(data.pictures(x), data.mean(phases))
    assert torch.equal(x.view(3, 6, 6), data.mean(phases))


def test_noiseless_pictures_span_four_directions_alike():
    # X_Vis of the thesis: each singular value is unit·√N = 12.5·50.
    x = ExtendedBenchmark(shrunk=False).visualisation()[0].double()
    assert x.shape == (2_500, 625)
    values = torch.linalg.svdvals(x)
    torch.testing.assert_close(values[:4], torch.full((4,), 625.0).double(), rtol=1e-6, atol=0)
    assert values[4] < 1e-3
    assert ExtendedBenchmark().unit * math.sqrt(2_500) == 625


@pytest.mark.parametrize("shrunk", [True, False])
def test_the_grid_has_every_pair_of_regular_phases_once(shrunk):
    data = ExtendedBenchmark(6, 7, shrunk)
    x, phases = data.visualisation()
    assert data.size == len(x) == 49
    expected = [[a, b] for a in regular_phases(7).tolist() for b in regular_phases(7).tolist()]
    assert phases.tolist() == expected
    assert torch.equal(x, data.loop(phases))
    # The dataset without noise is the grid, whatever the seed.
    for seed in (0, 1):
        drawn = replace(data, seed=seed).sample(0)
        assert all(torch.equal(a, b) for a, b in zip(drawn, (x, phases), strict=True))
    assert torch.equal(data.loop(phases, [0, 0.1]), x)  # one loop for all labels


@pytest.mark.parametrize("shrunk", [True, False])
@pytest.mark.parametrize("sigma", [0.1, 2.0])
def test_noisy_pictures_have_that_noise_in_every_number(shrunk, sigma):
    data = ExtendedBenchmark(6, 100, shrunk, seed=3)
    x, phases = data.sample(sigma)
    n, d = x.shape
    assert (n, d) == (10_000, data.dimension)
    assert phases.shape == (n, 2)
    # In the data space: of the picture that the numbers stand for, along each direction that they see.
    noise = ((x - data.loop(phases)) * data.unit / sigma).double()
    assert stats.kstest(noise.flatten().numpy(), "norm").statistic < KS_LIMIT / math.sqrt(n * d)
    second = noise.T @ noise / n - torch.eye(d)
    assert second.diagonal().abs().max() < 5 * math.sqrt(2 / n)
    assert second.triu(1).abs().max() < 5 / math.sqrt(n)
    pixels = (data.pictures(x) - data.mean(phases)).double().flatten(1)
    assert abs(pixels.square().sum(-1).mean() / (d * sigma**2) - 1) < 5 * math.sqrt(2 / (n * d))
    for column in phases.T.double().numpy():
        assert stats.kstest(column, stats.uniform(-math.pi, 2 * math.pi).cdf).statistic < KS_LIMIT / math.sqrt(n)
    for sense in (1, -1):
        assert embed(phases[:, 0] + sense * phases[:, 1]).mean(0).abs().max() < 5 / math.sqrt(2 * n)


def test_noisy_pictures_depend_on_seed_and_noise_alone():
    data = ExtendedBenchmark(6, 10, seed=1)
    alone = data.sample(0.1)
    data.sample(1.0)
    assert all(torch.equal(a, b) for a, b in zip(alone, data.sample(0.1), strict=True))
    for other in (replace(data, seed=2).sample(0.1), data.sample(0.2)):
        assert not (alone[1] == other[1]).any()
    assert Benchmark(6, 100, seed=1).sample(0.1)[1][0] != alone[1][0, 0]


@pytest.mark.parametrize("side", [5, 25])
@pytest.mark.parametrize("sigma_x", [0.01, 1.0, 7.0])
def test_what_networks_do_not_see_of_a_picture_is_outside(side, sigma_x):
    # −log N(x; μ, σ²I) of a whole picture x and a whole decoded picture μ, against that of their four numbers.
    shrunk, whole = ExtendedBenchmark(side), ExtendedBenchmark(side, shrunk=False)
    x, mean = shrunk.loop(pairs(9)), shrunk.loop(pairs(9).flip(0)) + 0.1
    pixels = [shrunk.pictures(y).flatten(1) for y in (x, mean)]
    seen = negative_log_likelihood(x, mean, sigma_x / shrunk.unit)
    expected = negative_log_likelihood(*pixels, sigma_x)
    torch.testing.assert_close(seen + shrunk.outside(sigma_x), expected, rtol=1e-9, atol=1e-9)
    assert whole.outside(sigma_x) == 0
    torch.testing.assert_close(whole.pictures(pixels[0]), shrunk.pictures(x))


@pytest.mark.parametrize("side", [-1, 0, 1, 4])
def test_a_side_too_small_for_two_sines_is_refused(side):
    with pytest.raises(ValueError, match=rf"^side is {side}; choose 5 or more, so that both sines can be told apart$"):
        ExtendedBenchmark(side)
