"""The diffusion equation: four computations that share nothing agree where they should."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentsep.ledger import checks, ledger
from latentsep.models.distributions import HeatKernel, PublishedDiffusion
from latentsep.theory import diffusion

UNIFORM = 1 / (2 * math.pi)


@pytest.mark.parametrize("points", [3, 4, 25, 64])
def test_a_grid_covers_the_circle_once_and_has_zero_on_it(points):
    r = diffusion.grid(points)
    assert len(r) == points
    assert 0.0 in r
    assert np.diff(r) == pytest.approx(2 * math.pi / points)
    assert -math.pi <= r[0] < r[-1] < math.pi
    assert diffusion.mass(diffusion.spike(points)) == pytest.approx(1)
    assert diffusion.spike(points)[r == 0] > 0


@pytest.mark.parametrize("points", [64, 65])
@pytest.mark.parametrize("t", [0.0, 0.05, 1.0, 20.0])
def test_finite_differences_conserve_mass_and_symmetry_and_stay_positive(points, t):
    density = diffusion.finite_differences(diffusion.spike(points), t)
    assert diffusion.mass(density) == pytest.approx(1)
    assert density.min() > -1e-12
    around = density[1:] if points % 2 == 0 else density
    assert around == pytest.approx(around[::-1])


def test_the_second_moment_grows_like_2t_until_the_ends_meet():
    for t in (0.01, 0.03, 0.1):
        density = diffusion.finite_differences(diffusion.spike(200), t)
        assert diffusion.second_moment(density) == pytest.approx(2 * t, rel=1e-9)


def test_finite_differences_converge_with_order_two():
    exact = [diffusion.images(diffusion.grid(n), 0.1) for n in (64, 128, 256)]
    errors = [diffusion.distance(diffusion.finite_differences(diffusion.spike(len(e)), 0.1), e) for e in exact]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.05)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2, abs=0.05)


def test_a_normal_start_runs_ahead_by_half_its_variance():
    r, s, t = diffusion.grid(256), 0.3, 0.4
    late = diffusion.finite_differences(diffusion.images(r, s**2 / 2), t)
    assert diffusion.distance(late, diffusion.images(r, t + s**2 / 2)) < 1e-3
    assert diffusion.distance(late, diffusion.images(r, t)) > 0.03


@given(st.floats(0.05, 300), st.floats(-20, 20))
def test_images_and_theta_series_agree_and_have_period_two_pi(t, r):
    value = diffusion.images(r, t)
    assert diffusion.theta_series(r, t) == pytest.approx(value, abs=1e-12)
    assert diffusion.images(r + 2 * math.pi, t) == pytest.approx(value, abs=1e-12)


@given(st.floats(0.05, 50))
def test_the_printed_series_is_half_uniform(t):
    r = diffusion.grid(200)
    printed, exact = diffusion.printed_series(r, t), diffusion.images(r, t)
    assert printed == pytest.approx(0.5 * UNIFORM + 0.5 * exact, abs=1e-12)
    assert diffusion.mass(printed) == pytest.approx(1)
    assert printed.min() > UNIFORM / 2 - 1e-12
    half = 0.5 * diffusion.distance(exact, np.full(200, UNIFORM))
    assert diffusion.distance(printed, exact) == pytest.approx(half, abs=1e-12)


@pytest.mark.parametrize("t", [0.05, 1.0, 3.14, 3.15, 8.0])
def test_the_packages_densities_are_these(t):
    r = diffusion.grid(101)
    for family, series in ((HeatKernel, diffusion.images), (PublishedDiffusion, diffusion.printed_series)):
        density = family(0.4, torch.tensor(t, dtype=torch.float64)).log_prob(torch.from_numpy(r)).exp().numpy()
        assert density == pytest.approx(series(r - 0.4, t), rel=1e-13)


def test_terms_needed_mirror_each_other_at_pi():
    for t in (0.1, 0.5, 1.0):
        early, late = diffusion.terms_needed(t), diffusion.terms_needed(math.pi**2 / t)
        assert abs(early["theta_series"] - late["images"]) <= 1
        assert abs(early["images"] - late["theta_series"]) <= 1
        assert early["theta_series"] > early["images"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: diffusion.grid(2), r"points is 2; choose 3 or more"),
        (lambda: diffusion.spike(0), r"points is 0; choose 3 or more"),
        (lambda: diffusion.finite_differences(np.ones(8), -1.0), r"t is -1; choose a finite time of 0 or more"),
        (lambda: diffusion.images(0.0, 0.0), r"t is 0; choose a finite time above 0"),
        (lambda: diffusion.theta_series(0.0, math.nan), r"t is nan; choose a finite time above 0"),
        (lambda: diffusion.printed_series(0.0, 1.0, terms=-1), r"terms is -1; choose 0 or more"),
        (lambda: diffusion.terms_needed(1e-3), r"t is 0\.001; choose 0\.01 to 1000"),
    ],
)
def test_a_senseless_argument_is_named_with_its_value_and_the_choices(call, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        call()


def test_the_fitted_coefficients_know_that_the_first_is_halved():
    cosines, sines = checks.diffusion.fitted_coefficients()
    sizes = np.hypot(cosines, sines)
    assert sizes[0] == pytest.approx(UNIFORM)
    assert sizes[1:] == pytest.approx(2 * UNIFORM)


def test_an_appendix_keeps_its_letter_and_stands_under_a_small_one():
    entry = ledger.statement("fig-A.1", ledger.Check("", 0, 0), "guard")
    assert (entry["chapter"], entry["anchor"]) == ("A", "fig-a-1")
    assert {type(chapter) for chapter, _ in ledger.items().values()} == {int, str}
