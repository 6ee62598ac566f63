"""Checks of Theorem 3 of chapter 6 and of its proof, by computer algebra and by minimisation."""

import math

import numpy as np
import sympy
import torch

from latentsep.ledger.checks.linear import GAMMA, PHASES, SIGMA, SIGMA_X, SIGMA_Z, G, H, averaged
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check
from latentsep.theory import linear


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
