"""Checks of chapter 5: the benchmark, its figures, and the quantities of Table 5.1."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from latentsep import figures
from latentsep.data import seeds
from latentsep.data.benchmarks import Benchmark, embed, regular_phases
from latentsep.ledger.checks.registry import against_normal, statement
from latentsep.ledger.ledger import Check
from latentsep.measures.estimators import kl_as_printed
from latentsep.measures.evaluation import latents, measure
from latentsep.measures.topology import plane_angles, winding
from latentsep.models.normal import kl_normal_diagonal
from latentsep.models.vae import negative_log_likelihood
from latentsep.training import experiments
from latentsep.training.ensembles import Trained, train

DATA = Benchmark()


@statement("fig-5.1")
def sine_drawn() -> Check:
    marks = figures.sine(DATA).figure.axes[0].lines[1]
    j, drawn = (np.asarray(v) for v in marks.get_data())
    return Check("drawn marks against sin(2πj/25)", float(np.abs(drawn - np.sin(2 * np.pi * j / 25)).max()), 1e-6)


@statement("fig-5.2")
def noise_levels() -> Check:
    gaps = []
    for sigma in (0.01, 0.1, 1.0):
        x, phases = DATA.sample(sigma)
        gaps.append(abs(float((x - DATA.mean(phases)).std()) / sigma - 1))
    # The relative standard error of a standard deviation from n values is 1/√(2n).
    return Check("standard errors between the noise of X_σ and σ", max(gaps) * math.sqrt(2 * DATA.size * 25), 4)


@statement("fig-5.3")
def no_seam() -> Check:
    """The data closes up: the step across ±π is as long as any other."""
    x, _ = DATA.visualisation()
    steps = (x - x.roll(1, 0)).norm(dim=-1)
    return Check(
        "spread of the distances between neighbouring F(φ), the seam included", float(steps.max() - steps.min()), 1e-5
    )


def loops(trained: Trained) -> Check:
    """Fig. 5.4: every panel and repetition shows a loop that turns once, in steps below a quarter turn."""
    x, _ = trained.benchmark.visualisation()
    turns, steps = winding(plane_angles(latents(trained, x)))
    broken = (np.abs(turns) != 1) | (steps > np.pi / 2)
    return Check(
        f"members of {len(broken)} whose loop does not turn once around its centre; its roughness is not judged",
        int(broken.sum()),
        0,
    )


@statement("eq-5.1")
def generating_function() -> Check:
    phases = regular_phases(64).double()
    j = np.arange(1, 26)
    rotated = np.exp(1j * phases.numpy())[:, None] * np.exp(2j * np.pi * j / 25)
    return Check(
        "against the imaginary part of a rotating exponential",
        float(np.abs(DATA.mean(phases).numpy() - rotated.imag).max()),
        1e-12,
    )


@statement("eq-5.3")
def phase_embedding() -> Check:
    phases = regular_phases(64).double()
    points = embed(phases)
    back = torch.atan2(points[:, 1], points[:, 0])
    return Check(
        "distance from the unit circle, and of the angle from φ",
        float(torch.cat([points.norm(dim=-1) - 1, 2 * ((back - phases) / 2).sin()]).abs().max()),
        1e-12,
    )


@statement("eq-5.4")
def phase_partition() -> Check:
    expected = np.linspace(-np.pi, np.pi, 100, endpoint=False)
    return Check("against 100 equal steps from −π", float(np.abs(regular_phases().numpy() - expected).max()), 1e-6)


@statement("eq-5.5")
def visualisation_set() -> Check:
    x, _ = DATA.visualisation()
    phases = np.linspace(-np.pi, np.pi, 100, endpoint=False)
    expected = np.sin(2 * np.pi * np.arange(1, 26) / 25 + phases[:, None])
    return Check("against sin(2πj/25 + φ)", float(np.abs(x.numpy() - expected).max()), 1e-5)


@statement("eq-5.6")
def ellipse() -> Check:
    """The ellipses drawn for Fig. 5.4 are those of the posterior: on their outline ‖(z − μ) ⊘ σ‖ is 1."""
    trained, (x, _) = _small(), DATA.visualisation()
    drawn = figures.latent_grid(trained).figure.axes[0].collections[0]
    angles = np.linspace(0, 2 * np.pi, 50)
    half_axes = np.stack([drawn.get_widths(), drawn.get_heights()], -1) / 2
    outline = drawn.get_offsets()[:, None] + half_axes[:, None] * np.stack([np.cos(angles), np.sin(angles)], -1)
    mean, log_variance = np.split(_plain_dense(trained, "encoder", x.numpy()), 2, -1)
    distance = np.linalg.norm((outline - mean[:, None]) / np.exp(log_variance / 2)[:, None], axis=-1)
    return Check("distance of ‖(z − μ) ⊘ σ‖ from 1 on the drawn outlines", float(np.abs(distance - 1).max()), 1e-4)


def _small() -> Trained:
    return train(experiments.smallest())


def _plain_dense(trained: Trained, name: str, v: np.ndarray) -> np.ndarray:
    """One member's encoder or decoder, in plain NumPy from its weights."""
    layers = list(getattr(trained.vae, name).layers)
    for layer in layers[:-1]:
        v = np.tanh(v @ layer.weight[0].numpy().T + layer.bias[0, :, 0].numpy())
    return v @ layers[-1].weight[0].numpy().T + layers[-1].bias[0, :, 0].numpy()


def _plain_squared_errors(trained: Trained, x: np.ndarray) -> np.ndarray:
    mean = _plain_dense(trained, "encoder", x)[:, :2]
    return ((x - _plain_dense(trained, "decoder", mean)) ** 2).sum(-1)


@statement("text-5.4")
def mass_of_an_ellipse() -> Check:
    """What the ellipse (5.6) holds of its normal distribution, in draws; and one of √(2 log 2) deviations."""
    stream = seeds.generator(0, "mass of an ellipse")
    scale = torch.tensor([0.4, 1.3], dtype=torch.float64)
    z = scale * torch.randn(200_000, 2, generator=stream, dtype=torch.float64)
    distance = (z / scale).norm(dim=-1)
    errors = math.sqrt(0.25 / len(z))  # of a share of one half
    lacking = [(0.5 - float((distance <= reach).double().mean())) / errors for reach in (1, math.sqrt(2 * math.log(2)))]
    return Check(
        "what the region lacks of half of the posterior, in standard errors; with 1.18 deviations",
        max(0.0, lacking[0]),
        4,
        max(0.0, lacking[1]),
    )


@statement("eq-5.7")
def squared_error() -> Check:
    trained, (x, _) = _small(), DATA.visualisation(4)
    measured = [float(measure(trained, row[None], samples=1)["mse"][0]) for row in x]
    gap = np.abs(np.array(measured) - _plain_squared_errors(trained, x.numpy())).max()
    return Check("measured for single datapoints against the networks written out in NumPy", float(gap), 1e-4)


@statement("eq-5.8")
def mean_squared_error() -> Check:
    trained, (x, _) = _small(), DATA.visualisation()
    direct = float(_plain_squared_errors(trained, x.numpy()).mean())
    gap = abs(float(measure(trained, x, samples=1)["mse"][0]) - direct)
    return Check("measured for X_Vis against the networks written out in NumPy", gap, 1e-4)


@statement("eq-5.9")
def averaged_reconstruction() -> Check:
    def printed(x: Tensor, m: Tensor, s: float) -> Tensor:
        return (x - m).square().sum() / s**2 + len(x) / 2 * math.log(2 * math.pi * s**2)

    return against_normal(
        "against torch.distributions; the print lacks a ½ on the squared error", printed, negative_log_likelihood
    )


@statement("eq-5.10")
def averaged_kl() -> Check:
    mean, std = torch.tensor([[0.5, 1.0], [-1.0, 0.2]]).double(), torch.tensor([[0.1, 0.5], [0.3, 2.0]]).double()
    exact = kl_divergence(Normal(mean, std), Normal(torch.zeros_like(mean), torch.ones_like(std))).sum(-1).mean()
    printed, ours = (float((f(mean, std).mean() - exact).abs()) for f in (kl_as_printed, kl_normal_diagonal))
    return Check("against torch.distributions; the print has a norm in place of the signed sum", printed, 1e-9, ours)
