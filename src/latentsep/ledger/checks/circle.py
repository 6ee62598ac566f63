"""Checks of chapter 7: the diffusion family, as printed and put right, and what its encoders do."""

import math

import numpy as np
import torch
from torch import Tensor

from latentsep import figures
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check
from latentsep.measures import topology
from latentsep.measures.estimators import gauss_hermite
from latentsep.models.distributions import HeatKernel, PublishedDiffusion
from latentsep.models.latent_spaces import Circle
from latentsep.theory.diffusion import images
from latentsep.training import experiments
from latentsep.training.ensembles import Trained, train

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
    """The arcs drawn for the published family reach t(x) to either side, measured on the drawing."""
    run = experiments.smallest(experiments.circle())
    trained = train(run)
    x, _ = trained.benchmark.visualisation()
    drawn = figures.latent_grid(trained).figure.axes[0].collections[1].get_segments()
    ends = np.array([np.unwrap(np.arctan2(arc[:, 1], arc[:, 0]))[[0, -1]] for arc in drawn])
    with torch.no_grad():
        t = trained.vae.posterior(x).base_dist.t[0, :, 0].numpy()
    gap = np.abs((ends[:, 1] - ends[:, 0]) / 2 - np.minimum(t, np.pi)).max()
    return Check("half-angle of the drawn arcs against t(x), in radians", float(gap), 1e-5)
