"""The heat kernel on the circle and the published family, against sums written anew, quadrature and samples."""

import itertools
import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest
from torch.distributions import Distribution, Independent, Uniform, kl_divergence

from latentsep.models.circular import wrap
from latentsep.models.distributions import CORRECTIONS, HeatKernel, PublishedDiffusion

DTYPES = [torch.float64, torch.float32]
ANGLES = st.floats(-10, 10)
TIMES = st.floats(-6, 2).map(lambda power: 10.0**power)
COMBINATIONS = [chosen for n in range(4) for chosen in itertools.combinations(CORRECTIONS, n)]
double = partial(torch.tensor, dtype=torch.float64)


def by_images(delta: np.ndarray, t: float) -> np.ndarray:
    """The log density per radian at angles ``delta`` from the location: every image within fifty turns."""
    exponents = -((delta + 2 * np.pi * np.arange(-50, 51)[:, None]) ** 2) / (4 * t)
    top = exponents.max(0)
    return top + np.log(np.exp(exponents - top).sum(0)) - 0.5 * np.log(4 * np.pi * t)


def by_theta(delta: np.ndarray, t: float) -> np.ndarray:
    """The density per radian by its Fourier series, up to terms of 10⁻¹⁸."""
    m = np.arange(1, 2 + math.ceil(math.sqrt(42 / t)))[:, None]
    return (1 + 2 * (np.cos(m * delta) * np.exp(-(m**2) * t)).sum(0)) / (2 * np.pi)


def around(t: float) -> tuple[np.ndarray, float]:
    """Angles from the location and the step between them, for the trapezoidal rule.

    Narrow kernels are resolved in units of their own width. There the step is a multiple of 2⁻²¹, so
    that single precision represents the angles, and their sums with π, exactly.
    """
    scale = math.sqrt(2 * t)
    if 10 * scale < math.pi:
        step = round(scale / 8 * 2**21) / 2**21
        return step * np.arange(-80, 81), step
    return (2 * np.pi / 4096) * np.arange(-2048, 2048), 2 * np.pi / 4096


def expectation(f, loc: float, t: float) -> float:
    """E f(θ) under heat at time ``t``, by quadrature over the density by images."""
    delta, step = around(t)
    return float(np.exp(by_images(delta, t)) @ f(torch.from_numpy(delta + loc)).numpy() * step)


def nodes(order: int = 160) -> tuple[torch.Tensor, torch.Tensor]:
    """Gauss-Hermite nodes and weights for expectations under N(0, 1)."""
    x, w = np.polynomial.hermite_e.hermegauss(order)
    return torch.from_numpy(x), torch.from_numpy(w / w.sum())


def draw(distribution, count: int, seed: int = 0) -> torch.Tensor:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return distribution.rsample((count,))


# The density


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("t", np.logspace(-6, 2, 33))
def test_the_density_integrates_to_one(t, dtype):
    delta, step = around(t)
    kernel = HeatKernel(torch.tensor(0.0, dtype=dtype), torch.tensor(t, dtype=dtype))
    density = kernel.log_prob(torch.from_numpy(delta).to(dtype)).exp()
    assert density.dtype == dtype
    assert float(density.double().sum()) * step == pytest.approx(1, abs=1e-6)


@given(ANGLES, TIMES, st.lists(ANGLES, min_size=1, max_size=20))
def test_the_log_density_is_the_sum_over_images(loc, t, values):
    values = np.array(values)
    found = HeatKernel(double(loc), double(t)).log_prob(torch.from_numpy(values)).numpy()
    # The angle itself is known to some 10⁻¹⁵, and the log density changes by up to π/2t per radian.
    np.testing.assert_allclose(found, by_images(values - loc, t), rtol=1e-12, atol=1e-12 + 1e-14 / t)


@given(ANGLES, st.floats(0.02, 100), st.lists(ANGLES, min_size=1, max_size=20))
def test_the_density_is_the_theta_series(loc, t, values):
    values = np.array(values)
    found = HeatKernel(double(loc), double(t)).log_prob(torch.from_numpy(values)).exp().numpy()
    np.testing.assert_allclose(found, by_theta(values - loc, t), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("t", [1e-3, 0.1, 1.0, 3.0, 3.3, 10.0])
def test_single_precision_has_the_same_density(t):
    delta = torch.linspace(-math.pi, math.pi, 401)
    t32 = torch.tensor(t)
    found = HeatKernel(torch.tensor(0.0), t32).log_prob(delta).double().numpy()
    expected = by_images(delta.double().numpy(), float(t32))
    # Half a unit in the last place of the angle, 2⁻²³·2, times the slope π/2t; and rounding.
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=5e-7 + 2.4e-7 * math.pi / (2 * t))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_the_two_series_agree_where_they_meet(dtype, tolerance):
    switch = torch.tensor(math.pi, dtype=dtype)
    times = [switch - 4 * torch.finfo(dtype).eps, switch + 4 * torch.finfo(dtype).eps]
    assert times[0] < math.pi < times[1]
    values = torch.linspace(-math.pi, math.pi, 1001, dtype=dtype)
    before, after = ([], [])
    for found, time in ((before, times[0]), (after, times[1])):
        loc, t = torch.tensor(0.0, dtype=dtype, requires_grad=True), time.clone().requires_grad_()
        log_density = HeatKernel(loc, t).log_prob(values)
        slopes = torch.autograd.grad(log_density.square().sum(), [loc, t])
        found += [log_density.detach(), *(s / 1001 for s in slopes)]
    for one, other in zip(before, after, strict=True):
        assert (one - other).abs().max() < tolerance


@given(ANGLES, TIMES, ANGLES, st.integers(-3, 3), st.integers(-3, 3))
def test_the_density_is_symmetric_and_periodic_in_value_and_location(loc, t, value, turns, other):
    def at(loc, value):
        return HeatKernel(double(loc), double(t)).log_prob(double(value))

    tolerance = {"rtol": 1e-12, "atol": 1e-12 + 1e-13 / t}
    torch.testing.assert_close(at(loc + 2 * math.pi * turns, value + 2 * math.pi * other), at(loc, value), **tolerance)
    torch.testing.assert_close(at(value, loc), at(loc, value), **tolerance)
    torch.testing.assert_close(at(-loc, -value), at(loc, value), **tolerance)


@given(st.one_of(st.just(0.0), st.floats(0.01, 6.27)), st.floats(0.05, 20))
def test_the_density_solves_the_heat_equation(value, t):
    def density(value, t):
        return HeatKernel(0.0, t).log_prob(value).exp()

    value, t = double(value), double(t)
    by_time = torch.func.grad(density, 1)(value, t)
    curvature = torch.func.grad(torch.func.grad(density, 0), 0)(value, t)
    torch.testing.assert_close(by_time, curvature, rtol=1e-9, atol=1e-9)


def test_the_gradient_of_the_divergence_is_finite_everywhere():
    # At the last of these the cut product for late times is zero, though the divergence comes from the early formula.
    t = torch.cat([torch.logspace(-8, 3, 2000, dtype=torch.float64), double([0.12220195374676858])]).requires_grad_()
    HeatKernel(0.0, t).kl_to_uniform().sum().backward()
    assert (t.grad.isfinite() & (t.grad <= 0)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_angle_just_below_minus_pi_is_inside_after_wrapping(dtype):
    edge = torch.tensor(-math.pi, dtype=dtype)
    for angle in (edge, torch.nextafter(edge, -edge * 0 - 4), edge * 3, torch.nextafter(edge * 3, edge * 4)):
        assert -math.pi - 1e-6 < float(wrap(angle)) < math.pi


def test_parameters_are_checked_after_a_compilation_has_turned_checks_off():
    before = Distribution._validate_args
    Distribution.set_default_validate_args(False)  # as torch.compile does
    try:
        with pytest.raises(ValueError, match=r"^t has the value 0"):
            HeatKernel(0.0, 0.0)
    finally:
        Distribution.set_default_validate_args(before)


def test_the_published_divergence_asks_for_its_samples():
    with pytest.raises(ValueError, match=r"^samples is None; the published family needs samples"):
        PublishedDiffusion(0.0, 1.0).kl_to_uniform()


def test_whole_numbers_are_taken_as_real_ones():
    kernel = HeatKernel(torch.tensor(0), torch.tensor(1))
    assert kernel.rsample().dtype == torch.get_default_dtype()


def test_a_uniform_distribution_on_less_than_a_turn_is_refused_in_one_line():
    with pytest.raises(ValueError, match=r"^the length of q's interval has the value 2; choose 2π$"):
        kl_divergence(HeatKernel(0.0, 1.0), Uniform(-torch.ones(2), torch.ones(2)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("t", [1e-8, 1e-6, 1e-3, 0.07, 0.13, 1.0, math.pi, 10.0, 1e3])
def test_nothing_overflows_from_the_narrowest_to_the_widest(t, dtype):
    # Beside its location, across the cut, and at the antipode, where two images are equally near.
    values = torch.tensor([0.3, 0.3 + 1e-4, 1.3, -math.pi, math.pi, 0.3 - math.pi, 0.3 + math.pi], dtype=dtype)
    for family in (HeatKernel, PublishedDiffusion):
        loc = torch.full_like(values, 0.3, requires_grad=True)
        time = torch.full_like(values, t, requires_grad=True)
        at = values.clone().requires_grad_()
        kernel = family(loc, time)
        log_density = kernel.log_prob(at)
        found = [log_density, *torch.autograd.grad(log_density.sum(), [loc, time, at])]
        noise = torch.linspace(-4, 4, 9, dtype=dtype)[:, None].expand(-1, len(values))
        samples = kernel.transform(noise)
        kl = kernel.kl_to_uniform(samples)
        found += [kl, *torch.autograd.grad(kl.sum(), [loc, time], retain_graph=True, allow_unused=True)]
        found += [samples, *torch.autograd.grad(samples.cos().sum(), [loc, time])]
        for part in found:
            assert part is None or part.isfinite().all()


def test_the_series_that_is_not_used_spoils_no_gradient():
    # For small t, the first terms of the theta series alone come out at exactly 0 for some of these angles.
    stream = torch.Generator().manual_seed(0)
    angles = 1.2556 + 0.002 * torch.rand(2_000_000, generator=stream)
    times = torch.exp(6 * torch.rand(2_000_000, generator=stream) - 12).requires_grad_()
    series = 1 + 2 * sum((m * angles).cos() * (-(m**2) * times).exp() for m in (1, 2))
    assert (series == 0).any()
    (by_time,) = torch.autograd.grad(HeatKernel(0.0, times).log_prob(angles).sum(), times)
    assert by_time.isfinite().all()


# Samples and their gradients


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", [HeatKernel, PublishedDiffusion])
def test_samples_lie_in_one_turn_wherever_the_location(family, dtype):
    locations = torch.tensor([-1e3, -math.pi, -3.0, 0.0, math.pi, 3.2, 1e3], dtype=dtype)[:, None]
    times = torch.tensor([1e-8, 1e-3, 1.0, 50.0], dtype=dtype)
    samples = draw(family(locations, times), 2_000)
    assert samples.shape == (2_000, 7, 4)
    assert samples.dtype == dtype
    pi = torch.tensor(math.pi, dtype=dtype)
    assert ((samples >= -pi) & (samples < pi)).all()
    assert (samples[:, 1, 0].abs() > 3.14).all()  # narrow, at the cut
    assert len(samples[:, 1, 1].sign().unique()) == 2  # and to both sides of it


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20))
def test_wrapping_keeps_the_place_on_the_circle(angles):
    angles = double(angles)
    wrapped = wrap(angles)
    torch.testing.assert_close(torch.exp(1j * wrapped), torch.exp(1j * angles), rtol=0, atol=1e-12)
    torch.testing.assert_close(wrap(wrapped), wrapped, rtol=0, atol=1e-15)


@pytest.mark.parametrize("t", [1e-4, 0.1, 1.0, 5.0, 30.0])
def test_samples_follow_the_density(t):
    loc, count = 2.5, 20_000

    def distribution_function(theta):  # the theta series, integrated from the cut
        m = np.arange(1, 2 + math.ceil(math.sqrt(42 / t)))[:, None]
        parts = (np.sin(m * (theta - loc)) + np.sin(m * (np.pi + loc))) * np.exp(-(m**2) * t) / m
        return (theta + np.pi) / (2 * np.pi) + parts.sum(0) / np.pi

    samples = draw(HeatKernel(double(loc), double(t)), count).numpy()
    assert kstest(samples, distribution_function).statistic < 1.95 / math.sqrt(count)  # 0.1 % of all seeds exceed it


@given(st.floats(-3, 3), st.floats(0.001, 4), st.integers(1, 3))
def test_samples_have_the_characteristic_function_of_heat(loc, t, m):
    x, w = nodes()
    theta = HeatKernel(double(loc), double(t)).transform(x)
    expected = np.exp(1j * m * loc - m**2 * t)
    assert abs(complex(torch.exp(1j * m * theta) @ w.to(torch.complex128)) - expected) < 1e-12


def test_the_circular_variance_is_what_samples_lose_of_their_resultant():
    kernel = HeatKernel(0.4, double([0.01, 1.0, 50.0]))
    x, w = nodes()
    resultants = (torch.exp(1j * kernel.transform(x[:, None])).T @ w.to(torch.complex128)).abs()
    torch.testing.assert_close(kernel.variance[:2], 1 - resultants[:2], rtol=0, atol=1e-12)
    assert float(kernel.variance[2]) == pytest.approx(1)
    assert (kernel.mean == 0.4).all()


FUNCTIONS = {
    "the first harmonic": lambda theta: theta.cos(),
    "a sum of harmonics": lambda theta: (2 * theta).sin() + 0.3 * (3 * theta + 1).cos(),
    "a bump": lambda theta: (theta.cos() + 0.5 * theta.sin()).exp(),
}


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("t", [1e-3, 0.1, 1.0, 2.0])
def test_gradients_through_samples_are_those_of_the_expectation(f, t):
    # At t = 2 a standard deviation is two thirds of half a turn: one sample in eight goes around the back.
    loc, h = 2.9, 1e-5
    x, w = nodes()
    found = torch.func.grad(lambda p: w @ f(HeatKernel(p[0], p[1]).transform(x)))(double([loc, t]))
    by_loc = (expectation(f, loc + h, t) - expectation(f, loc - h, t)) / (2 * h)
    by_time = (expectation(f, loc, t + h) - expectation(f, loc, t - h)) / (2 * h)
    # A third derivative in time is a sixth in the angle, below 10⁴ here; times h²/6 that is 2·10⁻⁷.
    np.testing.assert_allclose(found.numpy(), [by_loc, by_time], rtol=0, atol=3e-7)


@pytest.mark.parametrize("t", [1.0, 4.0])
def test_random_samples_have_the_same_gradients_where_the_function_has_corners(t):
    def f(theta):  # continuous on the circle, with corners at 0 and at the cut
        return wrap(theta).abs()

    loc, h, count = 2.0, 1e-2, 200_000
    locations, times = (torch.full((count,), v, dtype=torch.float64, requires_grad=True) for v in (loc, t))
    gradients = torch.autograd.grad(f(draw(HeatKernel(locations, times), 1)).sum(), [locations, times])
    exact = (
        (expectation(f, loc + h, t) - expectation(f, loc - h, t)) / (2 * h),
        (expectation(f, loc, t + h) - expectation(f, loc, t - h)) / (2 * h),
    )
    for each, expected in zip(gradients, exact, strict=True):
        error = float(each.std()) / math.sqrt(count)
        assert abs(float(each.mean()) - expected) < 5 * error + 1e-4 * abs(expected) < 0.03


# Entropy and divergence

SWITCHES = [side for at in (0.07, 0.13, 1.0, math.pi) for side in (at - 1e-6, at, at + 1e-6)]
SPREAD = [1e-8, 1e-4, 0.01, 0.03, 0.05, 0.1, 0.2, 0.5, 2.0, 5.0, 8.0, *SWITCHES]


def kl_by_quadrature(t: float) -> float:
    """KL of heat at time ``t`` to the uniform distribution, in nats, from the sum over images."""
    if t < 0.01:  # in units of the standard deviation, for any width
        u = np.linspace(-10, 10, 801)
        density = np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi)
        return float(density @ (np.log(2 * np.pi * density) - 0.5 * np.log(2 * t)) * (u[1] - u[0]))
    delta, step = around(t)
    if t < 1:
        log_density = by_images(delta, t)
        return float(np.exp(log_density) @ (log_density + np.log(2 * np.pi)) * step)
    # Close to uniform, only the excess over it has the digits.
    excess = 2 * np.pi * by_theta(delta, t) - 1 if t < 3 else theta_excess(delta, t)
    return float(((1 + excess) * np.log1p(excess) - excess).mean())


def theta_excess(delta: np.ndarray, t: float) -> np.ndarray:
    return sum(2 * np.cos(m * delta) * math.exp(-(m**2) * t) for m in range(1, 6))


@pytest.mark.parametrize("t", SPREAD)
def test_the_divergence_is_that_by_quadrature(t):
    found = HeatKernel(0.3, double(t)).kl_to_uniform()
    assert found.dtype == torch.float64
    assert float(found) == pytest.approx(kl_by_quadrature(t), rel=1e-12)


@pytest.mark.parametrize("t", SPREAD)
def test_the_divergence_in_single_precision_has_its_digits(t):
    kernel = HeatKernel(0.3, torch.tensor(t))
    found, exact = kernel.kl_to_uniform(), kl_by_quadrature(float(kernel.t))
    assert found.dtype == torch.float32
    # Below t = 1, a term of π²/12t cancels in between.
    cancelled = 1 + math.pi**2 / (12 * t) if 0.1299999 < float(kernel.t) < 1 else 0
    eps = torch.finfo(torch.float32).eps
    assert abs(float(found) - exact) < 2 * eps * (2 * exact + cancelled)


@given(st.floats(16, 300))
def test_the_divergence_of_a_wide_kernel_is_that_of_its_first_harmonic(t):
    # KL = exp(−2t)·(1 + ½ exp(−2t) + ...), far below what quadrature resolves.
    assert float(HeatKernel(0.0, double(t)).kl_to_uniform()) == pytest.approx(math.exp(-2 * t), rel=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_divergence_falls_with_time_and_is_never_negative(dtype):
    times = torch.logspace(-8, 1, 4001, dtype=dtype)
    kl = HeatKernel(0.0, times).kl_to_uniform()
    # Neighbours are 0.5 % apart, far more than rounding moves a value.
    assert (kl.diff() < 0).all()
    assert (HeatKernel(0.0, torch.logspace(1, 3, 101, dtype=dtype)).kl_to_uniform() >= 0).all()


@given(TIMES, ANGLES)
def test_entropy_and_divergence_add_up_to_that_of_the_uniform(t, loc):
    kernel = HeatKernel(double(loc), double(t))
    torch.testing.assert_close(kernel.entropy() + kernel.kl_to_uniform(), double(math.log(2 * math.pi)))
    assert kernel.entropy() <= math.log(2 * math.pi)
    assert torch.equal(kernel.kl_to_uniform(), HeatKernel(double(0.0), double(t)).kl_to_uniform())


@pytest.mark.parametrize("t", [1e-4, 0.01, 0.0699, 0.0701, 0.3, 0.999, 1.001, 2.0, 3.14, 3.15, 6.0])
def test_entropy_grows_by_the_fisher_information(t):
    # De Bruijn: dH/dt is the mean square of the score, the slope of the log density in the location.
    time = double(t).requires_grad_()
    (growth,) = torch.autograd.grad(HeatKernel(0.0, time).entropy(), time)
    delta, step = around(t)
    angles = torch.from_numpy(delta).requires_grad_()
    log_density = HeatKernel(0.0, double(t)).log_prob(angles)
    (score,) = torch.autograd.grad(log_density.sum(), angles)
    information = float((log_density.exp() * score.square()).detach().sum()) * step
    assert float(growth) == pytest.approx(information, rel=1e-9)


@pytest.mark.parametrize("t", [1e-3, 0.1, 1.0, 4.0])
def test_the_estimate_of_the_divergence_is_off_by_its_standard_error(t):
    kernel, count = HeatKernel(-1.0, double(t)), 50_000
    samples = draw(kernel, count)
    each = kernel.kl_estimate(samples[None])
    assert each.shape == (count,)
    error = float(each.std()) / math.sqrt(count)
    assert abs(float(kernel.kl_estimate(samples) - kernel.kl_to_uniform())) < 4.5 * error < 0.02
    torch.testing.assert_close(kernel.kl_estimate(samples), each.mean())


@pytest.mark.parametrize("dtype", DTYPES)
def test_torch_knows_the_divergence_to_a_whole_turn(dtype):
    kernel = HeatKernel(torch.zeros(3, dtype=dtype), torch.tensor([0.1, 1.0, 4.0], dtype=dtype))
    turns = [Uniform(-math.pi, math.pi), Uniform(torch.zeros(3, dtype=dtype), 2 * math.pi)]
    for turn in turns:
        assert torch.equal(kl_divergence(kernel, turn), kernel.kl_to_uniform())
    with pytest.raises(ValueError, match=r"^the length of q's interval has the value 2; choose 2π$"):
        kl_divergence(kernel, Uniform(-1.0, 1.0))
    with pytest.raises(NotImplementedError):  # the print's formulas are no divergence
        kl_divergence(PublishedDiffusion(0.0, 1.0), Uniform(-math.pi, math.pi))


# Shapes and mistakes


@pytest.mark.parametrize("family", [HeatKernel, partial(PublishedDiffusion, corrected=("kl",))])
def test_locations_and_times_broadcast_as_if_one_by_one(family):
    locations, times = double([0.0, 1.0, -3.0]), double([1e-3, 0.5, 4.0, 60.0])
    together = family(locations[:, None], times)
    assert together.batch_shape == (3, 4)
    assert together.event_shape == ()
    values = torch.linspace(-3, 3, 5, dtype=torch.float64)[:, None, None]
    samples = draw(together, 6)
    assert samples.shape == (6, 3, 4)
    assert together.rsample().shape == (3, 4)
    assert together.sample((2, 7)).shape == (2, 7, 3, 4)
    assert not family(locations.requires_grad_(), 1.0).sample().requires_grad
    locations = locations.detach()
    for i, j in np.ndindex(3, 4):
        alone = family(locations[i], times[j])
        for found, expected in (
            (together.log_prob(values)[:, i, j], alone.log_prob(values[:, 0, 0])),
            (together.kl_to_uniform(samples)[i, j], alone.kl_to_uniform(samples[:, i, j])),
            (together.transform(samples)[:, i, j], alone.transform(samples[:, i, j])),
        ):
            torch.testing.assert_close(found, expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("corrected", COMBINATIONS)
def test_an_expanded_distribution_is_the_same_one_repeated(corrected):
    for one in (HeatKernel(0.5, double(0.2)), PublishedDiffusion(0.5, double(0.2), corrected)):
        many = one.expand(torch.Size((2, 3)))
        assert type(many) is type(one)
        assert many.batch_shape == (2, 3)
        value = double(1.7)
        assert torch.equal(many.log_prob(value), one.log_prob(value).expand(2, 3))
        assert torch.equal(many.scale, one.scale.expand(2, 3))
        samples = double([0.1, 2.0])
        expected = one.kl_to_uniform(samples).expand(2, 3)
        torch.testing.assert_close(many.kl_to_uniform(samples[:, None, None].expand(2, 2, 3)), expected)
        assert torch.equal(Independent(many, 1).log_prob(value.expand(2, 3)), many.log_prob(value).sum(-1))


@pytest.mark.parametrize("family", [HeatKernel, PublishedDiffusion])
@pytest.mark.parametrize(
    ("loc", "t", "message"),
    [
        (0.0, 0.0, "t has the value 0; choose finite times above 0"),
        (0.0, -1.0, "t has the value -1; choose finite times above 0"),
        (0.0, math.nan, "t has the value nan; choose finite times above 0"),
        (0.0, math.inf, "t has the value inf; choose finite times above 0"),
        (torch.zeros(3), torch.tensor([1.0, -2.0, 3.0]), "t has the value -2; choose finite times above 0"),
        (math.nan, 1.0, "loc has the value nan; choose finite angles in radians"),
        (torch.tensor([0.0, -math.inf]), 1.0, "loc has the value -inf; choose finite angles in radians"),
        (torch.zeros(2), torch.ones(3), "t has shape (3,), which does not go with loc's (2,)"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_name(family, loc, t, message):
    with pytest.raises(ValueError, match=r"^(t|loc) has") as error:
        family(loc, t)
    assert str(error.value) == message


@pytest.mark.parametrize("family", [HeatKernel, PublishedDiffusion])
def test_unchecked_parameters_cost_no_check(family):
    unchecked = family(0.0, 0.0, validate_args=False)
    assert unchecked.expand(torch.Size((2,))).t.tolist() == [0, 0]
    assert family(math.nan, 1.0, validate_args=False).log_prob(torch.tensor(0.0)).isnan()


# The family as printed


def printed_series(delta: np.ndarray, t: float) -> np.ndarray:
    """Thesis (7.5) to the letter."""
    m = np.arange(0, 2 + math.ceil(math.sqrt(42 / t)))[:, None]
    return (np.cos(m * delta) * np.exp(-(m**2) * t)).sum(0) / (2 * np.pi)


@given(ANGLES, st.floats(0.01, 50), st.lists(ANGLES, min_size=1, max_size=20))
def test_the_published_density_is_the_printed_series(loc, t, values):
    values = np.array(values)
    found = PublishedDiffusion(double(loc), double(t)).log_prob(torch.from_numpy(values)).exp().numpy()
    np.testing.assert_allclose(found, printed_series(values - loc, t), rtol=1e-11, atol=1e-13)


@given(ANGLES, TIMES, ANGLES)
def test_the_published_density_is_half_uniform_and_half_heat_kernel(loc, t, value):
    loc, t, value = double(loc), double(t), double(value)
    found = PublishedDiffusion(loc, t).log_prob(value).exp()
    torch.testing.assert_close(found, 0.5 * HeatKernel(loc, t).log_prob(value).exp() + 1 / (4 * math.pi))


@pytest.mark.parametrize("t", np.logspace(-6, 2, 9))
def test_the_published_density_integrates_to_one(t):
    delta, step = around(t)
    reach = step * len(delta) / (2 * math.pi)  # outside of what the nodes cover it is the uniform's half alone
    density = PublishedDiffusion(0.0, double(t)).log_prob(torch.from_numpy(delta)).exp()
    assert float(density.sum()) * step + (1 - reach) / 2 == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("t", [1e-3, 0.05, 0.2])
def test_published_samples_have_standard_deviation_t(t):
    x, w = nodes(10)
    theta = PublishedDiffusion(1.0, double(t)).transform(x)  # too narrow to reach around
    assert float(w @ theta) == pytest.approx(1, abs=1e-12)
    assert float((w @ (theta - 1).square()).sqrt()) == pytest.approx(t, rel=1e-10)
    torch.testing.assert_close(PublishedDiffusion(1.0, double(7.0)).transform(x), wrap(1 + 7 * x))


@pytest.mark.parametrize("corrected", COMBINATIONS)
def test_a_correction_puts_its_own_formula_right_and_no_other(corrected):
    loc, t = 0.7, 0.4
    family, samples = PublishedDiffusion(double(loc), double(t), corrected), double([-3.0, -0.2, 0.7, 1.0, 2.9])
    delta = samples.numpy() - loc
    density = by_theta(delta, t) if "density" in corrected else printed_series(delta, t)
    np.testing.assert_allclose(family.log_prob(samples).exp().numpy(), density, rtol=1e-12)
    scale = math.sqrt(2 * t) if "sampling" in corrected else t
    noise = double([-2.0, 0.0, 1.5, 4.0])
    torch.testing.assert_close(family.transform(noise), wrap(loc + scale * noise))
    weights = 1 if "kl" in corrected else density
    expected = (weights * np.log(2 * np.pi * density)).mean()
    assert float(family.kl_to_uniform(samples)) == pytest.approx(expected, rel=1e-12)


def test_with_all_corrections_the_estimate_is_of_the_exact_divergence():
    count, times = 100_000, double([1e-3, 0.1, 1.0, 4.0])
    family = PublishedDiffusion(0.2, times, CORRECTIONS)
    samples = draw(family, count)
    each = family.kl_to_uniform(samples[None])
    error = each.std(0) / math.sqrt(count)
    off = (family.kl_to_uniform(samples) - HeatKernel(0.2, times).kl_to_uniform()).abs()
    assert (off < 4.5 * error).all()
    assert error.max() < 0.01


@pytest.mark.parametrize("left_out", CORRECTIONS)
def test_with_any_correction_missing_it_is_another_number(left_out):
    corrected = tuple(c for c in CORRECTIONS if c != left_out)
    x, w = nodes(100)
    t = double(0.1)
    family = PublishedDiffusion(0.0, t, corrected)
    estimate = w @ family.kl_to_uniform(family.transform(x)[None])
    assert abs(float(estimate - HeatKernel(0.0, t).kl_to_uniform())) > 0.1


def test_an_unknown_correction_is_refused_with_the_choices():
    with pytest.raises(ValueError, match=r"^corrected has head, scale; choose from density, sampling, kl$"):
        PublishedDiffusion(0.0, 1.0, ("kl", "scale", "head"))
