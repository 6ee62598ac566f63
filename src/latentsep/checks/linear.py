"""Checks of chapter 6: the benchmark in the frequency domain, and Theorem 3."""

import math

import numpy as np
import sympy
import torch
from torch import Tensor

from latentsep import linear
from latentsep.checks import benchmark
from latentsep.checks.registry import nodes_in_the_plane, sizes, statement
from latentsep.datasets import Benchmark
from latentsep.latent_spaces import Euclidean
from latentsep.ledger import Check
from latentsep.vae import VAE

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
    family = printed_family(DATA.dimension)
    once = np.concatenate([family[: (DATA.dimension + 1) // 2], family[DATA.dimension : -(DATA.dimension // 2)]]).T
    found = np.linalg.lstsq(once, DATA.mean(PHASES).numpy().T, rcond=None)[0]
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
    encoder, decoder = vae.encoder.layers[0], vae.decoder.layers[0]
    encoder.weight[0] = torch.cat([G, torch.zeros(2, 2)])
    encoder.bias[0, 2:] = 2 * math.log(SIGMA_Z)
    decoder.weight[0] = H
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


def scalar_problem() -> tuple[sympy.Expr, dict[str, sympy.Symbol]]:
    """The loss at G = λR, H = (√Γσ_X/σ_Z)λRᵀ as an expression in u = λ², and its symbols."""
    gamma, sigma_z, sigma_x = sympy.symbols("Gamma sigma_Z sigma_X", positive=True)
    u = sympy.Symbol("u")
    product = sympy.sqrt(gamma) * sigma_x / sigma_z * u
    loss = 2 * (2 * gamma * u + gamma / sigma_x**2 * (product - 1) ** 2)
    return loss, {"u": u, "gamma": gamma, "sigma_z": sigma_z, "sigma_x": sigma_x}


@statement("eq-6.16")
def critical_point() -> Check:
    """By computer algebra: the derivative of the loss by λ² at the printed and at the corrected value."""
    loss, names = scalar_problem()
    gamma, sigma_z, sigma_x = (names[n] for n in ("gamma", "sigma_z", "sigma_x"))
    shared = (sympy.sqrt(gamma) - sigma_x * sigma_z) / (sigma_x * sigma_z)
    at = dict(zip((gamma, sigma_z, sigma_x), (GAMMA, SIGMA_Z, SIGMA_X), strict=True))
    slopes = [
        float(abs(sympy.simplify(sympy.diff(loss, names["u"]).subs(names["u"], value)).subs(at)))
        for value in (sigma_z / gamma * shared, sigma_z**2 / gamma * shared)
    ]
    return Check("derivative of the loss by λ² there; the print has σ_Z for σ_Z²", slopes[0], 1e-9, slopes[1])


#: σ_Xσ_Z/√Γ: far from the collapse, close to it on both sides, and on it.
RATIOS = np.array([0.01, 0.1, 0.5, 0.9, 1 - 1e-3, 1 - 1e-6, 1 - 1e-8, 1, 1 + 1e-8, 1 + 1e-6, 1 + 1e-3, 1.5, 5])


def against_minimisation(
    sigmas: np.ndarray, sigma_z: np.ndarray, ratios: np.ndarray = RATIOS, seed: int = 0
) -> dict[str, np.ndarray]:
    """Radii ‖GF(φ)‖ on a grid of σ, σ_Z and σ_Xσ_Z/√Γ, each of shape ``(σ, σ_Z, ratio)``, and what the grid is.

    ``found`` has a last axis of two, the least and the largest radius over all phases. ``corrected``
    is Theorem 3 put right, ``statement`` is (6.12) as printed, and ``proof`` the root of (6.17).
    """
    sigma, width, ratio = np.meshgrid(sigmas, sigma_z, ratios, indexing="ij")
    gamma = linear.variance(sigma)
    sigma_x = ratio * np.sqrt(gamma) / width
    weights, _, _ = linear.minimise(gamma, sigma_x, width, seed)
    printed = linear.as_printed(gamma, width, sigma_x)
    return {
        "sigma": sigma, "sigma_z": width, "sigma_x": sigma_x, "ratio": ratio,
        "found": torch.linalg.svdvals(weights).flip(-1).numpy(),
        "corrected": linear.optimum(gamma, width, sigma_x)[0], "statement": printed, "proof": np.sqrt(printed),
    }  # fmt: skip


def _radius(form: str, says: str) -> Check:
    grid = against_minimisation(np.array([0.01, 0.1, 1.0]), np.array([0.1, 0.5, 1.0, 2.0]))
    gaps = [float(np.abs(grid["found"] - grid[name][..., None]).max()) for name in (form, "corrected")]
    return Check(says, gaps[0], 1e-5, gaps[1])


@statement("thm-3")
def theorem_3() -> Check:
    return _radius(
        "statement",
        "radius ‖Gx‖ against direct minimisation on a grid; (6.12) has the square's formula, and σ_Z for σ_Z²",
    )


@statement("eq-6.17")
def end_of_the_proof() -> Check:
    return _radius("proof", "root of (6.17) against direct minimisation on the same grid; it has σ_Z for σ_Z²")


# What carries no number.


@statement("text-6.1a")
def lengths_of_the_basis() -> Check:
    rows = (printed_family(DATA.dimension)[1:], linear.fourier_basis(DATA.dimension))
    lengths = [float(np.abs(np.linalg.norm(r, axis=1) - 1).max()) for r in rows]
    return Check("length of the basis' vectors against 1", lengths[0], 1e-9, lengths[1])


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
    found = linear_vae().encoder.layers[0].weight.shape[-1]
    return sizes("columns of G and rows of H, against the entries of x in X′", DATA.dimension, 2, found)


@statement("text-6.3a")
def variance_of_a_coordinate() -> Check:
    second_moment = float((PHASES.sin().square() + SIGMA**2).mean())
    off = [abs(value - second_moment) for value in (2 * math.pi * GAMMA, GAMMA)]
    return Check("against the mean over phases", off[0], 1e-9, off[1])


@statement("text-6.3b")
def middle_term() -> Check:
    exact, eye = averaged(), torch.eye(2).double()
    constant = SIGMA_Z**2 - math.log(SIGMA_Z**2) + math.log(2 * math.pi * SIGMA_X**2) - 1
    middle = GAMMA / SIGMA_X**2 * float((H @ G - eye).square().sum())
    rest = GAMMA * float(G.square().sum()) + (SIGMA_Z / SIGMA_X) ** 2 * float(H.square().sum())
    off = [abs((rest + part) / 2 + constant - exact) for part in (middle / 2, middle)]
    return Check("expected −ELBO against quadrature", off[0], 1e-9, off[1])


@statement("text-6.3c")
def curvature() -> Check:
    loss, names = scalar_problem()
    at = {names["gamma"]: GAMMA, names["sigma_z"]: SIGMA_Z, names["sigma_x"]: SIGMA_X}
    exact = float(sympy.diff(loss, names["u"], 2).subs(at))
    off = [abs(factor * GAMMA**2 / SIGMA_Z**2 - exact) for factor in (2, 4)]
    return Check("second derivative by λ² against computer algebra", off[0], 1e-9, off[1])


@statement("text-6.3d")
def critical_value() -> Check:
    squared = SIGMA_Z**2 / GAMMA * (math.sqrt(GAMMA) - SIGMA_X * SIGMA_Z) / (SIGMA_X * SIGMA_Z)
    found = float(torch.linalg.svdvals(linear.minimise(GAMMA, SIGMA_X, SIGMA_Z)[0])[0])
    off = [abs(value - found) for value in (squared, math.sqrt(squared))]
    return Check("λ, with σ_Z put right, against direct minimisation", off[0], 1e-5, off[1])
