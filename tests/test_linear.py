"""The linear autoencoder against direct minimisation, other minimisers, probabilistic PCA and the package's VAE."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import least_squares, minimize
from torch.distributions import MultivariateNormal

from latentsep import figures
from latentsep.data import seeds
from latentsep.data.benchmarks import Benchmark
from latentsep.ledger import checks
from latentsep.measures import evaluation
from latentsep.theory import linear

D = 5
WIDTHS = st.floats(0.05, 5.0)


def noise_like(*shape, name="noise"):
    return torch.randn(*shape, generator=seeds.generator(0, "test linear", name), dtype=torch.float64)


def by_numbers(*values):
    return [torch.tensor(v, dtype=torch.float64) for v in values]


@pytest.fixture(scope="module")
def grid():
    near = 10.0 ** -np.arange(1, 9)
    ratios = np.concatenate([np.geomspace(0.01, 0.8, 5), 1 - near, [1.0], 1 + near, [2.0, 10.0]])
    return checks.theorem.against_minimisation(np.array([1e-3, 0.1, 1.0, 3.0]), np.geomspace(0.1, 5, 5), ratios)


def test_corrected_radius_is_that_of_direct_minimisation_on_the_whole_grid(grid):
    assert np.abs(grid["found"] - grid["corrected"][..., None]).max() < 1e-5


def test_neither_printed_radius_is(grid):
    for form in ("statement", "proof"):
        assert np.abs(grid["found"][..., 0] - grid[form]).max() > 1


def test_the_code_collapses_at_the_boundary_and_beyond_only(grid):
    on_or_above = grid["ratio"] >= 1
    assert (grid["corrected"][grid["ratio"] > 1] == 0).all()
    assert (grid["corrected"][on_or_above] < 1e-6).all()
    assert (grid["corrected"][~on_or_above] > 0).all()


def test_minimisation_does_not_depend_on_its_start():
    first, second = (linear.minimise(0.6, 0.5, 0.7, seed) for seed in (0, 1))
    assert not torch.allclose(first[0], second[0])
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(torch.linalg.svdvals(a) if a.ndim else a, torch.linalg.svdvals(b) if b.ndim else b)


@pytest.mark.parametrize(("gamma", "sigma_z", "sigma_x"), [(0.51, 0.5, 0.3), (1.5, 2.0, 0.1), (0.6, 1.0, 0.7)])
def test_scipy_finds_the_same_minimum(gamma, sigma_z, sigma_x):
    """The loss is a sum of squares, which ``least_squares`` takes entry by entry."""

    def residuals(v):
        G, H = v.reshape(2, 2, 2)
        misfit = math.sqrt(gamma) / sigma_x * (H @ G - np.eye(2))
        return np.concatenate([math.sqrt(gamma) * G.ravel(), misfit.ravel(), sigma_z / sigma_x * H.ravel()])

    found = least_squares(residuals, noise_like(8, name="start").numpy(), xtol=1e-14, ftol=1e-14, gtol=1e-14)
    G, H = found.x.reshape(2, 2, 2)
    encoder, decoder = linear.optimum(gamma, sigma_z, sigma_x)
    np.testing.assert_allclose(np.linalg.svd(G)[1], encoder, atol=1e-5)
    np.testing.assert_allclose(np.linalg.svd(H)[1], decoder, atol=1e-5)
    # H is a multiple of Gᵀ, and the loss is the sum of squares that the package computes.
    np.testing.assert_allclose(H * encoder, G.T * decoder, atol=1e-4)
    matrices = torch.from_numpy(G), torch.from_numpy(H)
    value = float(linear.excess_loss(*matrices, *by_numbers(gamma, sigma_z, sigma_x))) + 2 * gamma / sigma_x**2
    assert value == pytest.approx(2 * found.cost)


@given(WIDTHS, WIDTHS, WIDTHS)
def test_no_matrices_are_better_than_the_optimum(gamma, sigma_z, sigma_x):
    encoder, decoder = (float(v) for v in linear.optimum(gamma, sigma_z, sigma_x))
    rotation = torch.linalg.qr(noise_like(2, 2, name="rotation")).Q
    at = by_numbers(gamma, sigma_z, sigma_x)
    least = linear.negative_elbo(encoder * rotation, decoder * rotation.T, *at)
    step = noise_like(200, 2, 2, 2, name="steps") * torch.logspace(-3, 1, 200, dtype=torch.float64)[:, None, None, None]
    others = linear.negative_elbo(encoder * rotation + step[:, 0], decoder * rotation.T + step[:, 1], *at)
    assert (others >= least - 1e-9 * least.abs()).all()


def test_learning_the_width_too_gives_probabilistic_pca():
    gamma = np.array([0.5, 0.75, 1.5])[:, None]
    sigma_x = np.sqrt(gamma * np.array([0.01, 0.5, 0.99, 1.0, 1.01, 3.0]))
    G, H, std = linear.minimise(gamma, sigma_x)
    learned = linear.learned_std(gamma, sigma_x)
    encoder, decoder = linear.optimum(gamma, learned, sigma_x)
    np.testing.assert_allclose(std, learned, atol=1e-6)
    for found, expected in ((G, encoder), (H, decoder)):
        np.testing.assert_allclose(torch.linalg.svdvals(found), np.stack([expected] * 2, -1), atol=1e-5)
    np.testing.assert_allclose(decoder**2, np.maximum(gamma - sigma_x**2, 0), atol=1e-12)


@pytest.mark.parametrize("sigma_x", [0.05, 0.4, 0.8])
def test_with_the_width_learned_the_value_is_the_entropy_whatever_sigma_x(sigma_x):
    gamma = 0.75
    std = linear.learned_std(gamma, sigma_x)
    encoder, decoder = (float(v) * torch.eye(2).double() for v in linear.optimum(gamma, std, sigma_x))
    value = linear.negative_elbo(encoder, decoder, *by_numbers(gamma, float(std), sigma_x))
    assert float(value) == pytest.approx(1 + math.log(2 * math.pi * gamma))


def test_scipy_finds_the_same_width():
    gamma, sigma_x = 0.75, 0.4

    def value(v):
        G, H = torch.from_numpy(v[:8].reshape(2, 2, 2))
        return float(linear.negative_elbo(G, H, *by_numbers(gamma, math.exp(v[8]), sigma_x)))

    found = minimize(value, noise_like(9, name="width").numpy(), method="BFGS")
    assert math.exp(found.x[8]) == pytest.approx(float(linear.learned_std(gamma, sigma_x)), rel=1e-4)


@pytest.mark.parametrize("dimension", [1, 3, 25])
def test_the_fourier_basis_is_orthonormal(dimension):
    basis = linear.fourier_basis(dimension)
    torch.testing.assert_close(basis @ basis.T, torch.eye(dimension).double(), rtol=0, atol=1e-12)


@given(st.floats(-math.pi, math.pi))
def test_a_datapoint_has_one_frequency_and_keeps_its_norm(phase):
    x = Benchmark().mean(torch.tensor(phase, dtype=torch.float64))
    coordinates = linear.fourier_basis(25) @ x
    assert coordinates[1:3].norm() == pytest.approx(math.sqrt(12.5))
    assert torch.cat([coordinates[:1], coordinates[3:]]).abs().max() < 1e-12


@pytest.mark.parametrize("dimension", [0, 4, -3])
def test_the_fourier_basis_needs_an_odd_dimension(dimension):
    with pytest.raises(ValueError, match=f"^dimension is {dimension}; choose an odd number"):
        linear.fourier_basis(dimension)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan])
@pytest.mark.parametrize("name", ["gamma", "sigma_x", "sigma_z"])
@pytest.mark.parametrize("function", [linear.optimum, linear.as_printed, linear.minimise])
def test_what_is_not_positive_is_refused_by_name(function, name, bad):
    arguments = {"gamma": 1.0, "sigma_x": 1.0, "sigma_z": 1.0, name: bad}
    with pytest.raises(ValueError, match=f"^{name} is {bad}; choose a positive number$"):
        function(**arguments)


def test_collapse_minimises_the_linear_loss():
    variance = 6.25
    for sigma in (0.5, 2.0, 3.0):
        kl, distortion = linear.collapse(variance, 1, sigma)
        # Scalar linear autoencoder: encoder gain g with standard deviation s, decoder gain h.
        gain, std, decode = torch.meshgrid(
            *[torch.linspace(a, b, 121) for a, b in ((0, 0.6), (0.02, 1.2), (0, 2.6))], indexing="ij"
        )
        error = (1 - gain * decode) ** 2 * variance + (decode * std) ** 2
        divergence = 0.5 * (std**2 + gain**2 * variance - 1) - std.log()
        least = float((error / (2 * sigma**2) + divergence).min())
        assert least == pytest.approx(float(distortion / (2 * sigma**2) + kl), abs=2e-3)


def test_collapse_coincides_with_the_floor_of_all_models():
    dimension = 25
    for sigma, collapsed in ((2.0, False), (2.4, False), (2.6, True), (3.0, True)):
        trivial = dimension / 2 * math.log(2 * math.pi * sigma**2) + dimension / (4 * sigma**2)
        kl, distortion = linear.collapse(dimension / 4, 2, sigma)
        assert (kl == 0) == collapsed
        assert (trivial - evaluation.evidence_floor(dimension, sigma) < 1e-6) == collapsed
        assert not collapsed or distortion == pytest.approx(dimension / 2)


@pytest.mark.parametrize("sigma_x", [0.1, 0.6, 2.0])
def test_predictions_are_exact_inference_in_probabilistic_pca(sigma_x):
    axes = torch.linalg.qr(noise_like(D, 2, name="axes")).Q.T
    x, variance = 2 * noise_like(20, D, name="data"), 1.7
    weight = math.sqrt(max(variance - sigma_x**2, 0.0)) * axes.T
    evidence = MultivariateNormal(torch.zeros(D).double(), weight @ weight.T + sigma_x**2 * torch.eye(D).double())
    predicted = linear.predict(x, axes, variance, sigma_x)
    assert predicted["neg_elbo"] == pytest.approx(float(-evidence.log_prob(x).mean()), rel=1e-9)
    assert predicted["neg_elbo"] == pytest.approx(predicted["kl"] + predicted["reconstruction"])


def test_predictions_agree_with_the_collapse_on_data_of_that_variance():
    """On data whose coordinates have exactly the variance that the code was made for."""
    axes = torch.eye(D).double()[:2]
    x, gamma, sigma_x = torch.zeros(4, D).double(), 1.3, 0.5
    x[:, :2] = math.sqrt(gamma) * torch.tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    kl, distortion = linear.collapse(gamma, 2, sigma_x)
    predicted = linear.predict(x, axes, gamma, sigma_x)
    assert predicted["kl"] == pytest.approx(float(kl))
    constant = D / 2 * math.log(2 * math.pi * sigma_x**2)
    assert predicted["reconstruction"] == pytest.approx(float(distortion) / (2 * sigma_x**2) + constant)
    assert predicted["radius"] == pytest.approx(math.sqrt(2 * gamma) * math.sqrt(gamma - sigma_x**2) / gamma)


def test_the_drawn_marks_are_the_radii_found():
    grid = checks.theorem.against_minimisation(np.array([0.1]), np.array([0.5, 1.0]), np.array([0.2, 1.0, 2.0]))
    axes = figures.radii(grid, sigma=0, widths=(0, 1)).figure.axes
    for width, ax in enumerate(axes):
        drawn = {line.get_label(): line.get_ydata() for line in ax.get_lines()}
        np.testing.assert_array_equal(drawn["found, largest"], grid["found"][0, width, :, 1])
        np.testing.assert_array_equal(drawn["found, smallest"], grid["found"][0, width, :, 0])
