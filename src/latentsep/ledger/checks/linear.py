"""Checks of chapter 6: the benchmark in the frequency domain, and Theorem 3."""

import math

import numpy as np
import torch
from torch import Tensor

from latentsep.data.benchmarks import Benchmark
from latentsep.ledger.checks import benchmark
from latentsep.ledger.checks.registry import nodes_in_the_plane, sizes, statement
from latentsep.ledger.ledger import Check
from latentsep.models.latent_spaces import Euclidean
from latentsep.models.vae import VAE
from latentsep.theory import linear

DATA = Benchmark()
PHASES = 2 * math.pi * torch.arange(64, dtype=torch.float64) / 64
G = torch.tensor([[0.7, -0.4], [0.2, 1.1]], dtype=torch.float64)
H = torch.tensor([[0.9, 0.3], [-0.5, 0.6]], dtype=torch.float64)
SIGMA, SIGMA_Z, SIGMA_X = 0.3, 0.4, 0.7
GAMMA = linear.variance(SIGMA)
WIDTHS = torch.tensor([GAMMA, SIGMA_Z, SIGMA_X], dtype=torch.float64)

statement("eq-6.1")(benchmark.generating_function)


def printed_family(dimension: int) -> np.ndarray:
    """The vectors on the right of (6.2), rows: a constant, then cosine and sine for k = 1, ..., D − 1."""
    angles = 2 * np.pi * np.outer(np.arange(1, dimension), np.arange(1, dimension + 1)) / dimension
    return np.concatenate([np.ones((1, dimension)), np.cos(angles), np.sin(angles)])


def each_once() -> np.ndarray:
    """The same with each frequency once, up to (D − 1)/2: the constant, then cosines, then sines."""
    family, half = printed_family(DATA.dimension), (DATA.dimension + 1) // 2
    return np.concatenate([family[:half], family[DATA.dimension :][: half - 1]])


@statement("eq-6.2")
def fourier_series() -> Check:
    """The printed sum, with coefficients found by least squares, gives the datapoint back."""
    family, x = printed_family(DATA.dimension).T, DATA.mean(PHASES).numpy().T
    found = np.linalg.lstsq(family, x, rcond=None)[0]
    return Check("datapoints against the printed sum of them, of least squares", np.abs(family @ found - x).max(), 1e-9)


@statement("eq-6.3")
def one_frequency() -> Check:
    angles = 2 * math.pi * torch.arange(1, 26).double() / 25
    sum_ = PHASES.sin()[:, None] * angles.cos() + PHASES.cos()[:, None] * angles.sin()
    return Check("against sin(2πj/25 + φ)", float((sum_ - DATA.mean(PHASES)).abs().max()), 1e-12)


@statement("eq-6.4")
def fourier_coefficients() -> Check:
    """With each frequency once, up to (D − 1)/2, the coefficients are unique; here by least squares."""
    found = np.linalg.lstsq(each_once().T, DATA.mean(PHASES).numpy().T, rcond=None)[0]
    expected = np.zeros_like(found)
    expected[1], expected[(DATA.dimension + 1) // 2] = PHASES.sin(), PHASES.cos()
    return Check("coefficients of frequencies up to (D − 1)/2 by least squares", np.abs(found - expected).max(), 1e-9)


@statement("eq-6.5")
def circle_in_the_plane() -> Check:
    """The two coordinates of frequency 1, and no others, are √(D/2)·F(φ)."""
    coordinates = DATA.mean(PHASES) @ linear.fourier_basis(DATA.dimension).T
    expected = torch.zeros_like(coordinates)
    expected[:, 1:3] = math.sqrt(DATA.dimension / 2) * torch.stack([PHASES.sin(), PHASES.cos()], -1)
    return Check(
        "orthonormal coordinates of datapoints against √(D/2)·F(φ)", float((coordinates - expected).abs().max()), 1e-9
    )


@statement("eq-6.7")
def conditional_density() -> Check:
    """The printed normalising constant, by summing the density over a fine grid."""
    grid = torch.linspace(-4, 4, 401, dtype=torch.float64)
    x = torch.cartesian_prod(grid, grid)
    mean = torch.tensor([math.sin(0.5), math.cos(0.5)], dtype=torch.float64)
    density = torch.exp(-(x - mean).square().sum(-1) / (2 * SIGMA**2)) / (2 * math.pi * SIGMA**2)
    return Check("mass of the printed density", abs(float(density.sum()) * float(grid[1] - grid[0]) ** 2 - 1), 1e-9)


def linear_vae() -> VAE:
    """A VAE without hidden layers and biases that has the matrices G and H and a constant σ_Z."""
    vae = VAE(Euclidean(2), 2, [], [SIGMA_X], [0]).double().requires_grad_(False)
    vae.encoder.get_parameter("layers.0.weight")[0] = torch.cat([G, torch.zeros(2, 2)])
    vae.encoder.get_parameter("layers.0.bias")[0, 2:] = 2 * math.log(SIGMA_Z)
    vae.decoder.get_parameter("layers.0.weight")[0] = H
    vae.sigma_x[:] = SIGMA_X  # in double precision
    return vae


def _points() -> Tensor:
    return torch.stack([PHASES.sin(), PHASES.cos()], -1)


@statement("eq-6.9")
def linear_encoder() -> Check:
    mean = linear_vae().posterior(_points()).base_dist.loc[0]
    return Check("encoder without hidden layers against Gx", float((mean - _points() @ G.T).abs().max()), 1e-12)


@statement("eq-6.10")
def linear_decoder() -> Check:
    mean = linear_vae().decode(_points()[None])[0]
    return Check("decoder without hidden layers against Hz", float((mean - _points() @ H.T).abs().max()), 1e-12)


def averaged() -> float:
    """The expected −ELBO of that VAE, averaged over phases, noise of the data and of the posterior by exact rules."""
    nodes, weights = nodes_in_the_plane(4)
    x = (_points()[:, None] + SIGMA * nodes).flatten(0, 1)
    vae = linear_vae()
    each = sum(w * vae.negative_elbo(x, node.expand(1, 1, len(x), 2)) for node, w in zip(nodes, weights, strict=True))
    return float((each[0].view(len(PHASES), -1) @ weights).mean())


@statement("eq-6.13")
def expected_negative_elbo() -> Check:
    ours = float(linear.negative_elbo(G, H, *WIDTHS))
    return Check("closed form against the package's VAE, averaged by quadrature", abs(ours - averaged()), 1e-9)


@statement("eq-6.15")
def gradient() -> Check:
    """Both matrices of derivatives against automatic differentiation of the loss."""
    exact = torch.func.grad(linear.excess_loss, argnums=(0, 1))(G, H, *WIDTHS)
    rest, eye = 2 * GAMMA / SIGMA_X**2, torch.eye(2).double()
    by_h = 2 * (SIGMA_Z / SIGMA_X) ** 2 * H + rest * (H @ G - eye) @ G.T
    gaps = [
        max(
            float((2 * GAMMA * G + rest * stray * H.T @ (H @ G - eye) - exact[0]).abs().max()),
            float((by_h - exact[1]).abs().max()),
        )
        for stray in (GAMMA, 1.0)
    ]
    return Check("against automatic differentiation; the print has ½ + σ² twice in ∇_G", gaps[0], 1e-9, gaps[1])


# What carries no number.


@statement("text-6.1a")
def products_of_the_basis() -> Check:
    """Products of the printed vectors with each other: k and D − k have one cosine, and the constant its own length."""
    printed, meant = printed_family(DATA.dimension), each_once() / np.sqrt(DATA.dimension / 2)
    meant[0] /= math.sqrt(2)
    off = [float(np.abs(rows @ rows.T - np.eye(len(rows))).max()) for rows in (printed, meant)]
    return Check(
        "products of the printed vectors against those of an orthonormal basis; each frequency once, and scaled",
        off[0],
        1e-9,
        off[1],
    )


@statement("text-6.1c")
def vectors_of_the_basis() -> Check:
    family = printed_family(DATA.dimension)
    rank = np.linalg.matrix_rank(family)
    return sizes("vectors of (6.2) against how many of them are independent", len(family), DATA.dimension, int(rank))


@statement("text-6.1b")
def noise_in_the_plane() -> Check:
    """Coordinates (a₁, b₁) of noisy datapoints, by projection."""
    sigma, (x, phases) = 0.1, DATA.sample(0.1)
    scale = math.sqrt(DATA.dimension / 2)
    waves = linear.fourier_basis(DATA.dimension)[1:3].float() / scale
    noise = (x - DATA.mean(phases)) @ waves.T
    errors = math.sqrt(2 * noise.numel())  # the relative standard error of a deviation is 1/√(2n)
    off = [abs(float(noise.std()) / expected - 1) * errors for expected in (sigma, sigma / scale)]
    return Check("deviation of the noise in X′ against σ, and against σ√(2/D), in standard errors", off[0], 4, off[1])


@statement("text-6.2")
def sizes_of_the_matrices() -> Check:
    found = linear_vae().encoder.get_parameter("layers.0.weight").shape[-1]
    return sizes("columns of G and rows of H, against the entries of x in X′", DATA.dimension, 2, found)


@statement("text-6.3e")
def order_of_the_waves() -> Check:
    means = _points() @ torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    off = [float((means - order).abs().max()) for order in (_points(), _points().flip(-1))]
    return Check("(cos φ, sin φ) against F(φ), and F(φ) against itself read backwards", off[0], 1e-12, off[1])


@statement("text-6.3f")
def second_moment() -> Check:
    """E‖Gx‖² for a covariance that is no multiple of the identity, by exact quadrature."""
    covariance = torch.tensor([[1.3, 0.4], [0.4, 0.5]], dtype=torch.float64)
    nodes, weights = nodes_in_the_plane(4)
    x = nodes @ torch.linalg.cholesky(covariance).mT
    exact = float(weights @ (x @ G.mT).square().sum(-1))
    off = [abs(float((product @ covariance).trace()) - exact) for product in (G @ G.mT, G.mT @ G)]
    return Check("tr(GGᵀΣ) and tr(GᵀGΣ) against E‖Gx‖²", off[0], 1e-9, off[1])
