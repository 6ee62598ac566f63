"""The families on the circle: against quadrature, against SciPy and torch, and against what they are made from."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad
from torch.func import grad

from latentsep.models.distributions import HeatKernel
from latentsep.models.elsewhere import Floored, PathOnly, SmallTime
from latentsep.models.families import Antipodal, PowerSpherical, ProjectedNormal, WrappedCauchy
from latentsep.models.kinds import ELSEWHERE, FAMILIES, KINDS, FamilyCircle
from latentsep.models.latent_spaces import Circle, CliffordTorus
from latentsep.models.von_mises import VonMises
from latentsep.training.devices import compiler_works

TIMES = (1e-5, 1e-2, 0.2, 1.0, 5.0)
double = partial(torch.tensor, dtype=torch.float64)


def member(family, t, dtype=torch.float64):
    return family.diffused(torch.zeros((), dtype=dtype), torch.tensor(t, dtype=dtype))


def expectation(family, t, f) -> float:
    """E f(Δ, log density) by Gauss and Legendre on panels that shrink towards the places where mass can be."""
    ends = np.concatenate([[0], np.geomspace(min(1e-5, math.sqrt(2 * t) / 100), math.pi / 2, 60)])
    ends = np.unique(np.concatenate([ends, math.pi - ends]))
    x, w = np.polynomial.legendre.leggauss(24)
    low, high = ends[:-1, None], ends[1:, None]
    half = torch.from_numpy((0.5 * (low + high) + 0.5 * (high - low) * x).ravel())
    weight = torch.from_numpy((0.5 * (high - low) * w).ravel())
    both, weights = torch.cat([-half, half]), torch.cat([weight, weight])
    log_density = member(family, t).log_prob(both)
    return float((weights * log_density.exp() * f(both, log_density)).sum())


def noise(family, count, seed=0):
    shape = (count,) if family.noise_features == 1 else (count, family.noise_features)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("family", FAMILIES.values())
def test_mass_variance_and_divergence_are_those_of_the_density(family, t):
    kernel = member(family, t)
    assert expectation(family, t, lambda d, p: torch.ones_like(d)) == pytest.approx(1, abs=1e-8)
    variance = expectation(family, t, lambda d, p: 2 * (d / 2).sin().square())
    assert variance == pytest.approx(float(kernel.variance), rel=1e-7, abs=1e-12)
    divergence = expectation(family, t, lambda d, p: p + math.log(2 * math.pi))
    assert float(kernel.kl_to_uniform()) == pytest.approx(divergence, rel=1e-7, abs=2e-8)
    assert float(kernel.entropy()) == pytest.approx(math.log(2 * math.pi) - divergence, abs=2e-7)


@pytest.mark.parametrize("t", [1e-5, 0.2, 1.0])
@pytest.mark.parametrize("family", FAMILIES.values())
def test_samples_have_the_moments_of_the_density(family, t):
    angles = member(family, t).transform(noise(family, 100_000))
    assert (angles.abs() <= math.pi).all()
    for order in (1, 2, 3):
        each = (order * angles).cos()
        error = float(each.std()) / math.sqrt(len(each)) + 1e-12
        expected = expectation(family, t, lambda d, p, m=order: (m * d).cos())
        assert abs(float(each.mean()) - expected) < 4.5 * error
        across = (order * angles).sin()
        assert abs(float(across.mean())) < 4.5 * float(across.std()) / math.sqrt(len(across)) + 1e-12


@pytest.mark.parametrize("t", [1e-4, 0.2, 1.0])
@pytest.mark.parametrize("family", FAMILIES.values())
def test_the_path_has_the_gradient_of_the_expectation(family, t):
    # A function with both symmetries broken, by location and by log t.
    def score(angle):
        return (angle - 0.4).cos() + 0.5 * (2 * angle + 0.3).sin()

    drawn = noise(family, 50_000)
    at = torch.tensor([0.3, math.log(t)], dtype=torch.float64)

    def one(parameters, eps):
        kernel = family.diffused(parameters[:1], parameters[1:].exp())
        return score(kernel.transform(eps[None])).sum()

    each = torch.vmap(grad(one), (None, 0))(at, drawn)
    step = 1e-4

    def mean(loc, log_t):
        return expectation(family, math.exp(log_t), lambda d, p: score(d + loc))

    by_location = (mean(0.3 + step, at[1].item()) - mean(0.3 - step, at[1].item())) / (2 * step)
    by_time = (mean(0.3, at[1].item() + step) - mean(0.3, at[1].item() - step)) / (2 * step)
    errors = each.std(0) / math.sqrt(len(each)) + 1e-7
    assert abs(float(each[:, 0].mean()) - by_location) < 4.5 * errors[0]
    assert abs(float(each[:, 1].mean()) - by_time) < 4.5 * errors[1]


@pytest.mark.parametrize("t", [1e-8, 1e-4, 0.3, 30.0])
@pytest.mark.parametrize("family", KINDS.values())
def test_single_precision_is_double_precision_rounded_and_nothing_overflows(family, t):
    drawn = 0.999 * noise(family, 2_000)
    found = {}
    for dtype in (torch.float32, torch.float64):
        loc, log_t = (
            torch.zeros((), dtype=dtype).requires_grad_(),
            torch.tensor(math.log(t), dtype=dtype).requires_grad_(),
        )
        kernel = family.diffused(loc, log_t.exp())
        angles = kernel.transform(drawn.to(dtype))
        kl = kernel.kl_to_uniform()
        slopes = torch.autograd.grad(angles.cos().sum() + kl, (loc, log_t))
        assert all(part.isfinite().all() for part in (angles, kl, *slopes))
        found[dtype] = angles.double(), kl.double(), slopes[1].double()
    single, double = found.values()
    assert (single[0] - double[0]).abs().quantile(0.99) < 2e-5 * min(1, math.sqrt(t)) + 4e-6
    torch.testing.assert_close(single[1], double[1], rtol=1e-5, atol=1e-5)


def test_compiled_gradients_are_finite_where_both_noise_numbers_are_tiny():
    # Compiled, torch's expm1 of 10⁻⁸ is 0.
    if not compiler_works():
        pytest.skip("torch.compile does not work here")
    drawn = torch.tensor([[2.3e-4, -6.9e-5], [0.0, 0.0], [1e-9, 1.0]])

    def loss(log_t):
        return PowerSpherical.diffused(torch.zeros(3), log_t.exp()).transform(drawn).cos().sum()

    log_t = torch.zeros(3)
    torch.testing.assert_close(torch.compile(grad(loss))(log_t), grad(loss)(log_t))


@pytest.mark.parametrize("family", FAMILIES.values())
def test_a_turn_changes_nothing_and_parameters_broadcast(family):
    kernel = family.diffused(torch.zeros(3, 1).double(), torch.tensor([0.1, 0.5]).double())
    values = torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None, None]
    assert kernel.batch_shape == (3, 2)
    torch.testing.assert_close(kernel.log_prob(values + 2 * math.pi), kernel.log_prob(values))
    assert kernel.expand((4, 3, 2)).kl_to_uniform().shape == (4, 3, 2)
    assert kernel.rsample((5,)).shape == (5, 3, 2)
    torch.testing.assert_close(kernel.mean, torch.zeros(3, 2).double())


@pytest.mark.parametrize("family", [VonMises, PowerSpherical, ProjectedNormal, WrappedCauchy, Antipodal])
def test_a_parameter_out_of_range_is_named(family):
    with pytest.raises(ValueError, match=rf"^{family.number} has the value 0; choose finite"):
        family(0.0, 0.0)
    with pytest.raises(ValueError, match=r"^loc has the value nan; choose finite angles"):
        family(math.nan, 1.0)
    with pytest.raises(ValueError, match=rf"^{family.number} has shape \(3,\), which does not go with loc's \(2,\)"):
        family(torch.zeros(2), torch.ones(3))


# Each against what others have


@pytest.mark.parametrize("concentration", [1e-3, 0.5, 3.0, 40.0])
def test_von_mises_is_that_of_torch_and_scipy(concentration):
    ours = VonMises(torch.tensor(0.0).double(), double(concentration))
    values = torch.linspace(-3, 3, 13, dtype=torch.float64)
    theirs = stats.vonmises(concentration)
    np.testing.assert_allclose(ours.log_prob(values), theirs.logpdf(values), rtol=1e-9, atol=1e-9)
    drawn = torch.linspace(-4, 4, 33, dtype=torch.float64)
    np.testing.assert_allclose(theirs.cdf(ours.transform(drawn)), stats.norm.cdf(drawn), atol=2e-7)


def test_von_mises_divergence_goes_on_where_its_series_begins():
    near = torch.tensor([999.999, 1000.0, 1000.001], dtype=torch.float64, requires_grad=True)
    kl = VonMises(0.0, near).kl_to_uniform()
    (slope,) = torch.autograd.grad(kl.sum(), near)
    torch.testing.assert_close(kl.diff(), 0.001 * slope[:2], rtol=1e-4, atol=0)
    torch.testing.assert_close(slope, 0.5 / near, rtol=1e-3, atol=0)


def test_power_spherical_is_a_beta_distribution_of_the_cosine():
    ours = PowerSpherical(torch.tensor(0.0).double(), torch.tensor(2.5).double())
    share = 0.5 + 0.5 * ours.transform(noise(PowerSpherical, 20_000)).cos()
    assert stats.kstest(share.numpy(), stats.beta(3.0, 0.5).cdf).pvalue > 0.01  # De Cao and Aziz, equation 9 on S¹


def test_projected_normal_is_a_normal_density_summed_along_rays():
    length = 1.7
    ours = ProjectedNormal(torch.tensor(0.0).double(), double(length))
    for angle in (0.0, 0.7, 1.5, 2.9):
        ray = quad(lambda r, a=angle: r * math.exp(-0.5 * (r**2 + length**2 - 2 * r * length * math.cos(a))), 0, 20)[0]
        assert float(ours.log_prob(double(angle)).exp()) == pytest.approx(ray / (2 * math.pi), rel=1e-9)


def test_wrapped_cauchy_is_that_of_scipy():
    scale = 0.8
    ours = WrappedCauchy(torch.tensor(0.0).double(), double(scale))
    values = torch.linspace(0, 6.2, 20, dtype=torch.float64)
    np.testing.assert_allclose(ours.log_prob(values), stats.wrapcauchy(math.exp(-scale)).logpdf(values), rtol=1e-9)


def test_the_pair_is_an_equal_mixture():
    t, values = torch.tensor(0.3).double(), torch.linspace(-3, 3, 13, dtype=torch.float64)
    halves = [HeatKernel(torch.tensor(loc).double(), t).log_prob(values).exp() for loc in (0.0, math.pi)]
    torch.testing.assert_close(Antipodal(torch.tensor(0.0).double(), t).log_prob(values).exp(), sum(halves) / 2)


# Formulas met elsewhere


def test_formulas_elsewhere_sample_as_the_exact_ones():
    for family in ELSEWHERE.values():
        drawn = noise(family, 1_000)
        torch.testing.assert_close(member(family, 0.3).transform(drawn), member(family.exact, 0.3).transform(drawn))


def test_small_time_leaves_the_exact_divergence_where_heat_has_met_itself():
    assert float(member(SmallTime, 0.05).kl_to_uniform() - member(HeatKernel, 0.05).kl_to_uniform()) == pytest.approx(
        0, abs=1e-9
    )
    assert float(member(SmallTime, math.pi / math.e).kl_to_uniform()) == pytest.approx(0, abs=1e-12)
    assert float(member(SmallTime, 4.0).kl_to_uniform()) < -0.6 < 0 < float(member(HeatKernel, 4.0).kl_to_uniform())
    t = torch.tensor(2.0, requires_grad=True)
    (slope,) = torch.autograd.grad(Floored.diffused(torch.zeros(()), t).kl_to_uniform(), t)
    assert slope == 0


@pytest.mark.parametrize(("concentration", "path", "exact"), [(0.5, 0.34295, 0.45620), (2.0, 0.08462, 0.16422)])
def test_the_path_of_rejection_sampling_has_a_part_of_the_gradient(concentration, path, exact):
    # By quadrature of Ulrich's and Wood's proposal and its chance to be taken, with b as it depends on κ.
    drawn = noise(VonMises, 50_000)
    for family, expected in ((PathOnly, path), (VonMises, exact)):
        k = torch.full((len(drawn),), concentration, dtype=torch.float64, requires_grad=True)
        (each,) = torch.autograd.grad(family(torch.zeros_like(k), k).transform(drawn).cos().sum(), k)
        assert abs(float(each.mean()) - expected) < 4.5 * float(each.std()) / math.sqrt(len(each)) < 0.008


# As latent spaces


@pytest.mark.parametrize("family", KINDS)
def test_a_circle_of_a_family_has_the_shapes_of_a_latent_space(family):
    for space, k in ((FamilyCircle(family=family), 1), (CliffordTorus(FamilyCircle(family=family)), 2)):
        raw = torch.randn(2, 5, space.encoder_features, generator=torch.Generator().manual_seed(0))
        posterior = space.posterior(raw)
        z = space.rsample(posterior, torch.randn(3, 2, 5, space.noise_features))
        assert z.shape == (3, 2, 5, k)
        assert space.embed(z).shape == (3, 2, 5, space.decoder_features)
        assert space.kl(posterior, z).shape == (2, 5)
        assert space.location(posterior).shape == (2, 5, k)


def test_a_circle_of_heat_kernels_is_the_circle_of_the_thesis():
    raw, eps = torch.randn(2, 5, 3), torch.randn(3, 2, 5, 1)
    one, other = Circle(), FamilyCircle(family="heat kernel")
    torch.testing.assert_close(one.rsample(one.posterior(raw), eps), other.rsample(other.posterior(raw), eps))
    torch.testing.assert_close(one.kl(one.posterior(raw)), other.kl(other.posterior(raw)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plane",), r"^head is 'plane'; choose projected or real$"),
        (("real", "normal"), r"^family is 'normal'; choose heat kernel, von Mises, .*path only$"),
        (("real", "von Mises", ("kl",)), r"^corrected is \('kl',\) for the family von Mises; choose from nothing$"),
    ],
)
def test_a_word_that_names_no_family_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        FamilyCircle(*arguments)
