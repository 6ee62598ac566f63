"""Pictures of the linear autoencoder (thesis ch. 6): the data by frequency, radii, widths, predicted rings."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import ArrayLike
from torch import Tensor

from latentsep.data.benchmarks import Benchmark
from latentsep.figures.base import STYLES, canvas, phase_bar, picture, scatter_phases
from latentsep.measures.evaluation import latents
from latentsep.theory import linear
from latentsep.training.ensembles import Trained


@picture
def frequency_domain(data: Benchmark, sigmas: Sequence[float], shown: float, count: int = 300) -> Figure:
    """The benchmark in an orthonormal Fourier basis: mean square by frequency, and the plane of frequency 1.

    Left, a mark for every coordinate and every noise level in ``sigmas``; right, ``count`` datapoints
    of the noise level ``shown``.
    """
    basis = linear.fourier_basis(data.dimension)
    frequencies = (np.arange(data.dimension) + 1) // 2
    fig = canvas(7, 3.2)
    left, right = fig.subplots(1, 2, width_ratios=(1.15, 1))
    for sigma, (marker, _, colour) in zip(sigmas, STYLES, strict=False):
        power = (data.sample(sigma)[0].double() @ basis.T).square().mean(0)
        # The cosine and the sine of a frequency stand side by side.
        side = np.where(np.arange(data.dimension) % 2, -0.12, 0.12)
        left.semilogy(frequencies + side, power, marker, color=colour, label=rf"$\sigma = {sigma:g}$", markersize=3.5)
    left.axhline(data.dimension / 4, color="0.6", linestyle=":", linewidth=1, zorder=0)
    left.text(12.4, data.dimension / 4 * 1.25, "$D/4$", ha="right", color="0.35")
    left.set(xlabel="frequency $k$", ylabel="mean square of a coordinate", ylim=(None, 60))
    left.legend(loc="center right")

    x, phases = data.sample(shown)
    points = (x[:count].double() @ basis[1:3].T).float()
    scatter_phases(right, points, phases[:count], size=7)
    turn = np.linspace(0, 2 * np.pi, 200)
    for radius, style, label in (
        (np.sqrt(data.dimension / 2), "-", r"radius $\sqrt{D/2}$"),
        (1.0, "--", "radius 1, as printed"),
    ):
        right.plot(*(radius * np.stack([np.cos(turn), np.sin(turn)])), style, linewidth=1.2, color="0.2", label=label)
    right.set(
        aspect="equal", xlim=(-5, 5), ylim=(-5, 5.6), xlabel="cosine of frequency 1", ylabel="sine of frequency 1"
    )
    right.legend(loc="upper left", ncols=2, columnspacing=1, handlelength=1.6)
    phase_bar(fig, [right])
    return fig


@picture
def radii(grid: dict[str, np.ndarray], sigma: int, widths: Sequence[int], upto: float = 3.0) -> Figure:
    """Radii found by minimisation beside Theorem 3 put right and as printed, one panel for each σ_Z.

    ``grid`` is what ``checks.linear.against_minimisation`` returns; ``sigma`` and ``widths`` are indices into it.
    """
    fig = canvas(7, 3.2)
    for ax, width in zip(fig.subplots(1, len(widths)), widths, strict=True):
        at = (sigma, width)
        ratio, std, found = grid["ratio"][at], grid["sigma_z"][at][0], grid["found"][at]
        gamma = linear.variance(grid["sigma"][at][0])
        fine = np.geomspace(ratio.min(), upto, 400)
        sigma_x = fine * np.sqrt(gamma) / std
        printed = linear.as_printed(gamma, std, sigma_x)
        ax.plot(fine, linear.optimum(gamma, std, sigma_x)[0], "-", color="#0072B2", label="corrected")
        ax.plot(fine, printed, "--", color="#D55E00", label="(6.12) as printed")
        ax.plot(fine, np.sqrt(printed), "-.", color="#009E73", label="root of (6.17)")
        keep = ratio <= upto
        ax.plot(ratio[keep], found[keep, 1], "o", mfc="none", color="black", label="found, largest")
        ax.plot(ratio[keep], found[keep, 0], "+", color="black", markersize=6, label="found, smallest")
        ax.axvline(1, color="0.6", linestyle=":", linewidth=1)
        ax.set(title=rf"$\sigma_Z = {std:.2g}$", xscale="log", xlabel=r"$\sigma_X \sigma_Z / \sqrt{\Gamma}$")
        ax.set_ylim(-0.04 * found.max(), 1.35 * found.max())
        ax.set_xticks([0.1, 1], labels=["0.1", "1"])
    fig.axes[0].set_ylabel(r"radius $\|\mu_Z(F(\varphi))\|_2$")
    fig.legend(*fig.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, columnspacing=1.2)
    return fig


@picture
def learned_widths(gamma: float, sigma_x: Sequence[float], fixed: Sequence[float], found: pd.DataFrame) -> Figure:
    """Left, −ELBO of the best weights against σ_Z, for several σ_X; right, the radius against σ_X.

    ``fixed`` holds the values of σ_Z that the right panel compares with a learned one; ``found`` has
    columns ``sigma_x`` and ``radius``, the minimum over weights and σ_Z found numerically.
    """
    fig = canvas(7, 3.5)
    left, right = fig.subplots(1, 2)
    std = np.geomspace(0.03, 3, 300)
    for value, (marker, line, colour) in zip(sigma_x, STYLES, strict=False):
        left.semilogx(std, _profile(gamma, std, value), line, color=colour, label=rf"$\sigma_X = {value:g}$")
        best = linear.learned_std(gamma, value)
        left.semilogx(best, _profile(gamma, best[None], value), marker, color=colour, markersize=6, zorder=3)
    floor = 1 + np.log(2 * np.pi * gamma)
    left.axhline(floor, color="0.6", linestyle=":", linewidth=1, zorder=0)
    left.set(xlabel=r"$\sigma_Z$", ylabel="$-$ELBO of the best $G$, $H$ (nats)", ylim=(floor - 0.5, floor + 5))

    widths = np.geomspace(0.03, 3, 400)
    for value, (_, line, colour) in zip(fixed, STYLES[1:], strict=False):
        right.semilogx(
            widths, linear.optimum(gamma, value, widths)[0], line, color=colour, label=rf"$\sigma_Z = {value:g}$"
        )
    learned = linear.optimum(gamma, linear.learned_std(gamma, widths), widths)[0]
    right.semilogx(widths, learned, "-", color=STYLES[0][2], label=r"$\sigma_Z$ learned")
    right.semilogx(found.sigma_x, found.radius, "o", mfc="none", color="black", label="found by minimisation")
    right.axvline(np.sqrt(gamma), color="0.6", linestyle=":", linewidth=1)
    right.set(xlabel=r"$\sigma_X$", ylabel=r"radius $\|\mu_Z(F(\varphi))\|_2$", ylim=(-0.1, 4))
    for ax in (left, right):
        # Above the axes: the curves leave no corner free.
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
        ax.set_xticks([0.1, 1], labels=["0.1", "1"])
    return fig


def _profile(gamma: float, sigma_z: ArrayLike, sigma_x: float) -> np.ndarray:
    encoder, decoder = (
        torch.as_tensor(v)[..., None, None] * torch.eye(2) for v in linear.optimum(gamma, sigma_z, sigma_x)
    )
    widths = (torch.as_tensor(v, dtype=torch.float64) for v in (gamma, sigma_z, sigma_x))
    return linear.negative_elbo(encoder, decoder, *widths).numpy()


@picture
def predicted_rings(
    trained: Trained, x: Tensor, phases: Tensor, radii: dict[float, float], repetition: int = 0
) -> Figure:
    """Learned means of ``x`` for each dataset of ``radii``, and the circle of that radius.

    ``trained`` has one σ_X; ``x`` has shape ``(batch, D)`` and ``phases``, in radians, ``(batch,)``.
    """
    points = latents(trained, x)
    fig = canvas(7, 2.45)
    axes = fig.subplots(1, len(radii), sharex=True, sharey=True)
    reach = 1.25 * max(*radii.values(), float(points.abs().max()))
    for ax, (sigma, radius) in zip(np.atleast_1d(axes), radii.items(), strict=True):
        index = next(i for i, m in enumerate(trained.run.members) if (m.dataset, m.repetition) == (sigma, repetition))
        scatter_phases(ax, points[index], phases, size=6)
        ax.add_patch(Circle((0, 0), radius, fill=False, linestyle="--", linewidth=1, edgecolor="black"))
        ax.set(title=rf"data with $\sigma = {sigma:g}$", xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        ax.set_xlabel("$z_1$")
    fig.axes[0].set_ylabel("$z_2$")
    phase_bar(fig, axes)
    return fig
