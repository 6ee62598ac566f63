"""Checks of appendix A: separation of variables, step by step, and its result against finite differences."""

import math

import numpy as np
import torch
from torch import Tensor

from latentsep import figures
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check
from latentsep.models.distributions import HeatKernel
from latentsep.theory.diffusion import (
    distance,
    finite_differences,
    grid,
    images,
    laplacian,
    mass,
    printed_series,
    spike,
    theta_series,
)

TIMES = (0.02, 0.1, 0.3, 1.0, 3.0)
MU = 0.7
# A constant c and amplitudes B, C such as (A.6) and (A.7) allow.
C, AMPLITUDES = 2.3, (0.8, -1.7)
ANGLES = torch.linspace(-3, 3, 25, dtype=torch.float64)


def derivative(f, x: Tensor) -> Tensor:
    """The derivative of ``f``, which acts entry by entry, at each entry of ``x``."""
    x = x.detach().clone().requires_grad_()
    return torch.autograd.grad(f(x).sum(), x, create_graph=True)[0]


def second_derivative(f, x: Tensor) -> Tensor:
    return derivative(lambda y: torch.autograd.grad(f(y).sum(), y, create_graph=True)[0], x)


def spatial(r: Tensor, c: float = C) -> Tensor:
    """R(r) of (A.7)."""
    return AMPLITUDES[0] * torch.cos(r * math.sqrt(c)) + AMPLITUDES[1] * torch.sin(r * math.sqrt(c))


def temporal(t: Tensor) -> Tensor:
    """T(t) of (A.6), with A = 1."""
    return torch.exp(-C * t)


def largest(values: Tensor) -> float:
    return float(values.detach().abs().max())


@statement("fig-A.1")
def solutions_drawn() -> Check:
    """The curves of the left panel; 400 steps, of which the numerical solution sees every other one."""
    lines = figures.diffusion_in_time(TIMES).figure.axes[0].lines
    gaps = [
        np.abs(line.get_ydata()[:-1:2] - finite_differences(spike(200), t)).max()
        for line, t in zip(lines, TIMES, strict=False)
    ]
    return Check("solutions drawn, against finite differences with 200 points", float(max(gaps)), 1e-2)


@statement("eq-A.1a")
def diffusion_equation() -> Check:
    """The package's density solves the equation, on both sides of its change from one series to the other."""
    gaps = []
    for time in (0.1, 1.0, 4.0):
        t = torch.full_like(ANGLES, time)
        in_time = derivative(lambda t: HeatKernel(MU, t).log_prob(ANGLES).exp(), t)
        in_space = second_derivative(lambda r, t=t: HeatKernel(MU, t).log_prob(r).exp(), ANGLES)
        gaps.append(largest(in_time - in_space))
    return Check("the package's density: its derivative in t against its second in r", max(gaps), 1e-9)


@statement("eq-A.1e")
def initial_condition() -> Check:
    """At t = 0 there is no density; what can be asked is the limit, which is approached like t."""
    r = grid(20_000)
    density = HeatKernel(MU, torch.tensor(1e-6, dtype=torch.float64)).log_prob(torch.from_numpy(r)).exp().numpy()
    gap = abs(mass(density * np.exp(np.cos(r))) - math.exp(math.cos(MU)))
    return Check("as a limit: mean of exp(cos r) at t = 10⁻⁶ against its value at μ", gap, 1e-5)


@statement("eq-A.4")
def separated_time() -> Check:
    t = torch.tensor([0.1, 0.7], dtype=torch.float64)
    quotient = derivative(temporal, t) / temporal(t)
    return Check("T'/T of (A.6) against c; it is −c", largest(quotient - C), 1e-9, largest(quotient + C))


@statement("eq-A.5")
def separated_space() -> Check:
    quotient = second_derivative(spatial, ANGLES) / spatial(ANGLES)
    return Check("R''/R of (A.7) against c; it is −c", largest(quotient - C), 1e-9, largest(quotient + C))


@statement("eq-A.6")
def decay() -> Check:
    """The amplitude of cos 2r, left to the numerical solution: c = 4."""
    r = grid(256)
    late = finite_differences(1 + np.cos(2 * r), 0.5)
    return Check("amplitude of cos 2r at t = ½, by finite differences", abs(late.max() - 1 - math.exp(-2)), 1e-3)


@statement("eq-A.7")
def oscillation() -> Check:
    """With (A.6) it must give solutions of (A.1a)."""
    t = torch.tensor(0.3, dtype=torch.float64)
    left = temporal(t) * second_derivative(spatial, ANGLES)
    right = spatial(ANGLES) * derivative(temporal, t)
    return Check("the product with (A.6), inserted into the diffusion equation", largest(left - right), 1e-9)


@statement("eq-A.11")
def eigenvalues() -> Check:
    """Nothing about cosines enters: the least eigenvalues of the second-difference matrix are 0, 1, 1, 4, 4, …"""
    found = np.sort(-np.linalg.eigvalsh(laplacian(256)))[:9]
    squares = np.array([0, 1, 1, 4, 4, 9, 9, 16, 16])
    gap = np.abs(found - squares) / np.maximum(1, squares)
    return Check("relative distance of the periodic second differences' eigenvalues from m²", float(gap.max()), 2e-3)


@statement("eq-A.12")
def second_boundary_condition() -> Check:
    ends, gaps = torch.tensor([-math.pi, math.pi], dtype=torch.float64), []
    for m in range(5):
        left, right = derivative(lambda r, m=m: spatial(r, m**2), ends)
        sine, cosine = AMPLITUDES[0] * math.sin(math.pi * m), AMPLITUDES[1] * math.cos(math.pi * m)
        gaps += [left - right, left - m * (sine + cosine), right - m * (-sine + cosine)]
    return Check("R' of (A.7) at both ends, and against the two sides", largest(torch.stack(gaps)), 1e-9)


@statement("eq-A.13")
def superposition() -> Check:
    """Each term must be one of the solutions just found, R'' = −m²R."""

    def off(argument: int) -> float:
        modes = [(m, wave) for m in range(1, 5) for wave in (torch.cos, torch.sin)]
        gaps = [second_derivative(lambda r, m=m, f=f: f(r * m**argument), ANGLES) for m, f in modes]
        return max(largest(gap + m**2 * f(ANGLES * m**argument)) for gap, (m, f) in zip(gaps, modes, strict=True))

    return Check("R'' + m²R for each term; the print has rm² in place of rm", off(2), 1e-9, off(1))


def fitted_coefficients(count: int = 12, std: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """B_m and C_m of a unit mass at MU, by least squares, with no formula for them.

    A narrow normal bump stands for the mass. Its coefficients are those of the mass times
    exp(−m² std²/2), which is divided out.
    """
    r, m = grid(512), np.arange(count)
    bump = np.exp(-((r - MU) ** 2) / (2 * std**2)) / (std * math.sqrt(2 * math.pi))
    # All modes that the bump has, or those left out would be no error but a bias.
    modes = np.arange(90)
    waves = np.concatenate([np.cos(np.outer(r, modes)), np.sin(np.outer(r, modes[1:]))], axis=1)
    found = np.linalg.lstsq(waves, bump)[0]
    widening = np.exp(m**2 * std**2 / 2)
    return found[:count] * widening, np.append(0, found[90 : 90 + count - 1]) * widening


def against_fit(which: int, waves: np.ndarray, zeroth: float) -> Check:
    found = fitted_coefficients()[which]
    corrected = waves / math.pi
    corrected[0] = zeroth
    printed, ours = (float(np.abs(c - found).max()) for c in (waves / (2 * math.pi), corrected))
    return Check(
        "with the A of (A.18), against coefficients fitted to a narrow bump; for m ≥ 1 the print is half of them",
        printed,
        1e-9,
        ours,
    )


@statement("eq-A.14")
def cosine_coefficients() -> Check:
    return against_fit(0, np.cos(MU * np.arange(12)), 1 / (2 * math.pi))


@statement("eq-A.15")
def sine_coefficients() -> Check:
    return against_fit(1, np.sin(MU * np.arange(12)), 0.0)


@statement("eq-A.16")
def initial_series() -> Check:
    """The two sides agree term by term; but the series, times A, must give the unit mass at μ."""
    r = grid(400)
    waves = np.cos(np.outer(np.arange(1, 60), r - MU)).sum(0)

    def off(weight: int) -> float:
        return abs(mass((1 + weight * waves) / (2 * math.pi) * np.exp(np.cos(r))) - math.exp(math.cos(MU)))

    return Check("times A, the integral against exp(cos r) minus its value at μ; a 2 is missing", off(1), 1e-9, off(2))


@statement("eq-A.18")
def normalisation() -> Check:
    """It holds for either series, since only the term m = 0 has mass."""
    r, gaps = grid(400), []
    for series in (printed_series, theta_series):
        gaps += [abs(mass(2 * math.pi * series(r - MU, t)) - 2 * math.pi) for t in TIMES]
    return Check("mass of the series before it is multiplied by A, against 2π; with or without the 2", max(gaps), 1e-9)


@statement("eq-A.19")
def solution() -> Check:
    r = grid(256)

    def kernel(r: np.ndarray, t: float) -> np.ndarray:
        return HeatKernel(0.0, torch.tensor(t, dtype=torch.float64)).log_prob(torch.from_numpy(r)).exp().numpy()

    def apart(density) -> list[float]:
        return [distance(density(r, t), finite_differences(spike(256), t)) for t in (0.1, 1.0)]

    corrected = max(gap for density in (theta_series, images, kernel) for gap in apart(density))
    return Check(
        "L¹ distance from finite differences; corrected: theta series, wrapped normal and the package's own",
        min(apart(printed_series)),
        1e-3,
        corrected,
    )
