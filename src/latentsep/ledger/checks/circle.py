"""Checks of chapter 7: the diffusion family, as printed and put right, and what its encoders do."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check
from latentsep.measures import evaluation, topology
from latentsep.measures.estimators import gauss_hermite
from latentsep.models.circular import wrap
from latentsep.models.distributions import HeatKernel, PublishedDiffusion
from latentsep.models.latent_spaces import Circle
from latentsep.theory.diffusion import images
from latentsep.training.ensembles import Trained

LOC, T = torch.tensor(0.8, dtype=torch.float64), torch.tensor(0.3, dtype=torch.float64)
ANGLES = torch.arange(-2048, 2048, dtype=torch.float64) * (math.pi / 2048)  # one turn, for the trapezoidal rule


def wrapped_normal() -> Tensor:
    """The density of heat at ``ANGLES``, as a plain sum over images that shares nothing with ``distributions``."""
    return torch.from_numpy(images((ANGLES - LOC).numpy(), float(T)))


def over_the_circle(values: Tensor) -> float:
    """The integral over one turn of values at ``ANGLES``; exact to rounding for smooth periodic functions."""
    return float(values.mean() * 2 * math.pi)


def loops(published: Trained, corrected: Trained) -> Check:
    """Fig. 7.1: do neighbouring phases stay neighbours all around, and does the loop turn once?"""
    broken = [int((topology.outcome(topology.degrees(t)) != "recovered").sum()) for t in (published, corrected)]
    members = len(published.run.members)
    return Check(f"members of {members} whose encoder does not turn once, untorn", broken[0], 0, broken[1])


@statement("eq-7.1")
def circle_as_a_set() -> Check:
    off = Circle().embed(ANGLES[:, None]).norm(dim=-1) - 1
    return Check("distance of embedded angles from the unit circle", float(off.abs().max()), 1e-12)


@statement("eq-7.2")
def uniform_prior() -> Check:
    density = Circle().prior().log_prob(ANGLES[:, None].float()).exp()
    return Check("the package's prior against 1/2π", float((density - 1 / (2 * math.pi)).abs().max()), 1e-6)


@statement("eq-7.3")
def embedding() -> Check:
    expected = torch.exp(1j * ANGLES)
    gap = Circle().embed(ANGLES[:, None]) - torch.stack([expected.real, expected.imag], -1)
    return Check("the package's embedding against the complex exponential", float(gap.abs().max()), 1e-12)


@statement("eq-7.4")
def every_point_is_reached() -> Check:
    stream = torch.Generator().manual_seed(0)
    points = torch.nn.functional.normalize(torch.randn(1000, 2, generator=stream, dtype=torch.float64), dim=-1)
    back = Circle().embed(torch.atan2(points[:, 1:], points[:, :1]))
    return Check(
        "random points of the circle against the image of their angle", float((back - points).norm(dim=-1).max()), 1e-12
    )


@statement("eq-7.5")
def density() -> Check:
    exact = wrapped_normal()
    printed, corrected = (
        over_the_circle((family(LOC, T).log_prob(ANGLES).exp() - exact).abs())
        for family in (PublishedDiffusion, HeatKernel)
    )
    return Check(
        "L¹ distance from the wrapped normal of variance 2t; the print lacks a factor 2", printed, 1e-9, corrected
    )


@statement("eq-7.6")
def parameters() -> Check:
    """t = 0 is in the printed set of parameters, and there the series has no sum; at any later time it has."""
    m = np.arange(1000, 2000)
    printed, corrected = (float(np.exp(-(m**2) * t).sum() / np.pi) for t in (0.0, 1e-4))
    return Check("terms 1000 to 2000 of the series at μ, at t = 0; corrected: at t = 10⁻⁴", printed, 1e-9, corrected)


@statement("eq-7.7")
def pushforward() -> Check:
    """E[z] under the embedded samples, by quadrature, against e^{−t} times the embedded location."""
    nodes, weights = gauss_hermite(1, 60)
    z = Circle().embed(HeatKernel(LOC, T).transform(nodes))
    expected = (-T).exp() * torch.stack([LOC.cos(), LOC.sin()])
    return Check("mean of embedded samples against exp(−t)·Emb(μ)", float((weights @ z - expected).abs().max()), 1e-9)


@statement("eq-7.8")
def kl_integral() -> Check:
    exact = float(HeatKernel(LOC, T).kl_to_uniform())
    values = [
        p * (2 * math.pi * p).log() for p in (PublishedDiffusion(LOC, T).log_prob(ANGLES).exp(), wrapped_normal())
    ]
    printed, corrected = (abs(over_the_circle(v) - exact) for v in values)
    return Check("against the closed form in nats; the print's series lacks a factor 2", printed, 1e-9, corrected)


@statement("eq-7.9")
def kl_estimate() -> Check:
    """The right density and the right samples, with and without the weight that the print adds."""
    kernel, stream = HeatKernel(LOC, T), torch.Generator().manual_seed(0)
    theta = kernel.transform(torch.randn(200_000, generator=stream, dtype=torch.float64))
    exact = float(kernel.kl_to_uniform())
    log_ratio = kernel.kl_estimate(theta[None])  # one sample at a time
    weighted = kernel.log_prob(theta).exp() * log_ratio

    def off(values: Tensor) -> float:
        return float((values.mean() - exact).abs() / (values.std() / math.sqrt(len(values))))

    return Check(
        "standard errors from the exact KL; the print weighs samples by their density once more",
        off(weighted),
        4,
        off(log_ratio),
    )


@statement("eq-7.10")
def samples() -> Check:
    nodes, weights = gauss_hermite(1, 60)
    expected = torch.exp(1j * LOC - T)  # the characteristic function of heat after time t, at 1
    printed, corrected = (
        float((torch.exp(1j * family(LOC, T).transform(nodes[:, 0])) @ weights.to(torch.complex128) - expected).abs())
        for family in (PublishedDiffusion, HeatKernel)
    )
    return Check("E exp(iθ) of the samples against exp(iμ − t); the print has t for √(2t)", printed, 1e-9, corrected)


@statement("eq-7.11")
def arcs() -> Check:
    """Mass of arcs around μ, which are to be where the angle probably is: of half-width t, and √(2t).

    The second has what a standard deviation holds of a normal distribution, or more.
    """
    expected = math.erf(math.sqrt(0.5))

    def short(half_width: Callable[[float], float]) -> float:
        found = []
        for t in (0.001, 0.01, 0.1, 0.3):
            kernel, reach = HeatKernel(LOC, torch.tensor(t, dtype=torch.float64)), half_width(t)
            angles = LOC + torch.linspace(-reach, reach, 2001, dtype=torch.float64)
            found.append(float(torch.trapezoid(kernel.log_prob(angles).exp(), angles)))
        return max(0.0, *(expected - mass for mass in found))

    return Check(
        "mass that arcs of half-width t lack from one standard deviation's; of half-width √(2t)",
        short(lambda t: t),
        1e-3,
        short(lambda t: math.sqrt(2 * t)),
    )


@statement("text-7.1")
def head_of_an_angle() -> Check:
    """Encoders that see the ring's two coordinates, with random weights: their angle, walked once around the data."""
    ring = torch.stack([ANGLES.cos(), ANGLES.sin()], -1)
    stream = seeds.generator(0, "heads")
    weights = torch.randn(2, 50, 2, 2, generator=stream, dtype=torch.float64)

    def outputs(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return torch.tanh(ring @ first.mT) @ second.mT

    def not_once(angles: Tensor) -> bool:
        return round(float(wrap(angles.roll(-1) - angles).sum()) / (2 * math.pi)) not in (-1, 1)

    codes = [outputs(*pair) for pair in zip(*weights, strict=True)]
    real = sum(not_once(wrap(10 * code[:, 0])) for code in codes)
    projected = sum(not_once(torch.atan2(code[:, 1], code[:, 0])) for code in codes)
    return Check(
        f"encoders of {len(codes)} that do not go around, with an angle for an output; with a point of the plane",
        real,
        0,
        projected,
    )


# What the chapter's own results say about the thesis's explanations.


def crowded(published: Trained, corrected: Trained) -> Check:
    """§7.3: for small σ_X the codes are to take up a small part of the circle, whatever the encoder."""
    narrow, sharp = [], [m.sigma_x == 0.01 for m in published.run.members]
    for trained in (published, corrected):
        angles = evaluation.latents(trained, trained.benchmark.visualisation()[0])[..., 0]
        narrow.append(int((topology.packed(angles[sharp]) < 2 / 3).sum()))
    return Check(
        f"members of {sum(sharp)} with σ_X = 0.01 that have 90 % of their codes on two thirds of the circle; corrected",
        narrow[0],
        0,
        narrow[1],
    )


def fragmented(published: pd.DataFrame, corrected: pd.DataFrame) -> Check:
    """§7.3: the noise of X₁ is to be why its circles are in pieces. From ``topology.degrees``."""
    torn = [int(table[table.dataset == 1.0].torn.sum()) for table in (published, corrected)]
    members = int((published.dataset == 1.0).sum())
    return Check(f"members of {members} trained on X₁ that are torn; the same data, corrected", torn[0], 0, torn[1])


def room(published: pd.Series, corrected: pd.Series, plane: pd.DataFrame) -> Check:
    """§7.4: the circle's one dimension is to be why the MSE grows with the noise, and is large on X₁.

    MSEs on X₁ by σ_X, of circles both, and what was measured of the plane, which has a dimension to spare.
    """
    mse = plane.groupby(["dataset", "sigma_x"]).mse.mean()
    growth = min(float(mse[1.0, sigma_x] / mse[0.1, sigma_x]) for sigma_x in (0.01, 0.1))
    return Check(
        "orders of magnitude by which the plane's MSE grows too, for small σ_X; part of the circle's on X₁ untorn",
        math.log10(growth),
        0.5,
        float((corrected / published).max()),
    )
