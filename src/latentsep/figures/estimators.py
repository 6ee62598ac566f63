"""Pictures of the machine, of its estimators and of what σ_X does (thesis ch. 3 and 4)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from numpy.typing import ArrayLike

from latentsep.data.benchmarks import regular_phases
from latentsep.figures.base import PHASE_LABELS, PHASE_MARKERS, STYLES, canvas, picture
from latentsep.figures.latents import posterior_ellipses
from latentsep.training.ensembles import Trained

_MOST = 25  # neurons drawn one by one; of a wider layer only both ends are shown


@picture
def architecture(encoder: Sequence[int], decoder: Sequence[int]) -> Figure:
    """Encoder, sampling step and decoder as dense networks of the given widths (thesis Fig. 3.1)."""
    fig = canvas(7, 3.6)
    ax = fig.subplots()
    ax.set(xlim=(0, 13), ylim=(-3.55, 3.1), aspect="equal")
    ax.axis("off")
    left, right = np.linspace(0.8, 4.7, len(encoder)), np.linspace(8.4, 12.2, len(decoder))
    _layers(ax, left, encoder)
    _layers(ax, right, decoder)
    captions = ["$x$\n", *[""] * (len(encoder) - 2), r"$\mu_Z(x)$" + "\n" + r"$\log\sigma_Z^2(x)$"]
    for position, width, caption in zip(left, encoder, captions, strict=True):
        _label(ax, position, width, caption)
    captions = ["$z$\n", *[""] * (len(decoder) - 2), r"$\mu_X(z)$" + "\n"]
    for position, width, caption in zip(right, decoder, captions, strict=True):
        _label(ax, position, width, caption)
    ax.text(float(np.mean(left)), 2.85, "encoder, weights $\\psi$", ha="center")
    ax.text(float(np.mean(right)), 2.85, "decoder, weights $\\xi$", ha="center")
    box = FancyBboxPatch((5.55, -0.5), 2.0, 1.0, boxstyle="round,pad=0.08", facecolor="0.95", edgecolor="0.3")
    ax.add_patch(box)
    ax.text(6.55, 0, r"$z = \mu_Z + \varepsilon\odot\sigma_Z$", ha="center", va="center", fontsize=8)
    ax.text(6.55, 1.85, r"$\varepsilon \sim \mathcal{N}(0, I)$", ha="center", va="center")
    for start, end in (((4.9, 0), (5.45, 0)), ((7.65, 0), (8.2, 0)), ((6.55, 1.55), (6.55, 0.6))):
        ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=10, color="0.3", linewidth=1))
    return fig


def _layers(ax: Axes, positions: np.ndarray, widths: Sequence[int]) -> None:
    heights = [_heights(width) for width in widths]
    for i in range(len(widths) - 1):
        ends = [(a, b, np.nan) for a in heights[i] for b in heights[i + 1]]
        # One broken line for all connections: a line each would make the file ten times larger.
        ax.plot(
            [positions[i], positions[i + 1], np.nan] * len(ends), np.ravel(ends), color="0.75", linewidth=0.3, zorder=1
        )
    for position, width, column in zip(positions, widths, heights, strict=True):
        for y in column:
            ax.add_patch(Circle((position, y), 0.085, facecolor="white", edgecolor="#0072B2", linewidth=1, zorder=2))
        if width > _MOST:
            ax.text(position, 0, "⋮", ha="center", va="center", zorder=3, bbox={"color": "white", "pad": 1})


def _heights(width: int) -> np.ndarray:
    shown = min(width, _MOST)
    reach = min(2.4, 0.28 * (shown - 1) / 2) if shown > 4 else 0.22 * (shown - 1)
    heights = np.linspace(-reach, reach, shown)
    return np.delete(heights, slice(10, 15)) if width > _MOST else heights


def _label(ax: Axes, x: float, width: int, caption: str) -> None:
    text = f"{caption}{'' if not caption or caption.endswith(chr(10)) else chr(10)}({width})"
    ax.text(x, -2.62, text if caption else f"({width})", ha="center", va="top", fontsize=8, linespacing=1.5)


@picture
def error_against_samples(
    counts: Sequence[int], panels: dict[str, dict[str, tuple[ArrayLike, float]]], ylabel: str
) -> Figure:
    """Error of Monte Carlo estimates against L on logarithmic axes, one panel per title.

    Each panel maps a label to the measured errors, one per count, and to the exact standard
    deviation of a single sample, from which the line s/√L is drawn.
    """
    fig = canvas(min(7.0, 2.0 + 3.0 * len(panels)), 3.1)
    axes = fig.subplots(1, len(panels), squeeze=False, sharex=True)[0]
    for ax, (title, curves) in zip(axes, panels.items(), strict=True):
        for (label, (errors, std)), (marker, line, colour) in zip(curves.items(), STYLES, strict=False):
            ax.loglog(counts, errors, marker, color=colour, label=label, zorder=3)
            ax.loglog(counts, std / np.sqrt(counts), line, color=colour, linewidth=1)
        ax.set(title=title, xlabel="samples $L$")
        ax.set_xticks(counts[::2], labels=[str(c) for c in counts[::2]])
        ax.minorticks_off()
        ax.grid(color="0.92", linewidth=0.6)
    fig.axes[0].set_ylabel(ylabel)
    fig.axes[0].legend(loc="lower left")
    return fig


@picture
def learning_curve(history: np.ndarray, updates: int) -> Figure:
    """Mean −ELBO of the minibatches of each block of updates, ``(blocks,)``, over all ``updates``."""
    done = np.arange(1, len(history) + 1) * updates / len(history)
    fig = canvas(5.2, 2.7)
    ax = fig.subplots()
    ax.semilogx(done, history)
    # The first blocks lie far above the rest; a symmetric logarithm keeps both in view.
    ax.set_yscale("symlog", linthresh=40)
    ticks = [t for t in (-80, -40, -20, 0, 20, 40, 100, 200, 400, 1000) if min(history) - 15 < t < 1.2 * max(history)]
    ax.set_yticks(ticks, labels=[f"{t}".replace("-", "−") for t in ticks], minor=False)
    ax.minorticks_off()
    ax.grid(color="0.92", linewidth=0.6)
    ax.set(xlabel="updates", ylabel=r"mean $-\tilde{\mathcal{L}}(x)$ (nats)")
    return fig


@picture
def kl_and_printed_norm(std: ArrayLike, kl: ArrayLike, printed: ArrayLike) -> Figure:
    """KL(N(0, σ²) || N(0, 1)) against σ, and thesis (4.5) read to the letter."""
    fig = canvas(4.8, 2.7)
    ax = fig.subplots()
    ax.axhline(0, color="0.6", linewidth=0.7)
    ax.semilogx(std, kl, "-", color="#0072B2", label=r"signed sum: KL divergence")
    ax.semilogx(std, printed, "--", color="#D55E00", label=r"norm $\|\log\sigma^2\|_1$, as printed")
    ax.set(xlabel=r"$\sigma$", ylabel="nats")
    ax.legend()
    return fig


@picture
def sigma_x_panels(trained: Trained, repetition: int = 0, shown: int = 40) -> Figure:
    """The posteriors of X_Vis for every σ_X of a sweep, on common axes; the dashed circle is the prior's σ = 1."""
    phases = regular_phases(shown)
    with torch.no_grad():
        posterior = trained.vae.posterior(trained.run.loop(phases)).base_dist
    chosen = [i for i, m in enumerate(trained.run.members) if m.repetition == repetition]
    columns = 3
    rows = -(-len(chosen) // columns)
    fig = canvas(6.4, 2.0 * rows + 0.5)
    axes = fig.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    reach = 1.08 * float((posterior.loc[chosen].abs() + posterior.scale[chosen]).max())
    for ax, index in zip(axes.flat, chosen, strict=False):
        posterior_ellipses(ax, posterior.loc[index], posterior.scale[index], phases)
        ax.add_patch(Circle((0, 0), 1, fill=False, linestyle="--", linewidth=0.8, edgecolor="0.3"))
        ax.set_title(rf"$\sigma_X = {trained.run.members[index].sigma_x:g}$")
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach))
    for ax in axes[-1]:
        ax.set_xlabel("$z_1$")
    for ax in axes[:, 0]:
        ax.set_ylabel("$z_2$")
    _phase_legend(fig, axes.flat[0])
    return fig


def _phase_legend(fig: Figure, ax: Axes) -> None:
    """Name the four marked phases, in the colours that ``ax`` shows them in."""
    colours = [np.asarray(c.get_facecolor())[0] for c in ax.collections[-len(PHASE_MARKERS) :]]
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=colour, markeredgecolor="black", label=PHASE_LABELS[phase])
        for (phase, marker), colour in zip(PHASE_MARKERS.items(), colours, strict=True)
    ]
    fig.legend(handles=handles, title=r"phase $\varphi$ (radians)", loc="outside lower center", ncols=len(handles))


@picture
def sigma_x_curves(measured: pd.DataFrame, linear: pd.DataFrame, collapse: float) -> Figure:
    """KL and squared error against σ_X: one mark per trained network, a line for the best linear autoencoder.

    ``measured`` has columns ``sigma_x``, ``kl`` (nats), ``distortion`` and ``mse``; ``linear`` has
    ``sigma_x``, ``kl`` and ``distortion``; ``collapse`` is the σ_X at which the line reaches zero.
    """
    fig = canvas(7, 3.0)
    left, right = fig.subplots(1, 2, sharex=True)
    left.semilogx(linear.sigma_x, linear.kl, "--", color="0.4", label="best linear autoencoder")
    left.semilogx(measured.sigma_x, measured.kl, "o", color="#0072B2", label="trained", alpha=0.8)
    left.set(ylabel="KL regularisation (nats)")
    right.loglog(linear.sigma_x, linear.distortion, "--", color="0.4", label="best linear autoencoder")
    right.loglog(measured.sigma_x, measured.distortion, "o", color="#0072B2", label=r"samples: $E\|x-\mu_X(z)\|^2$")
    right.loglog(measured.sigma_x, measured.mse, "^", color="#D55E00", label=r"means: $\|x-\mu_X(\mu_Z(x))\|^2$")
    right.set(ylabel="squared error")
    for ax in (left, right):
        ax.axvline(collapse, color="0.6", linestyle=":", linewidth=1)
        ax.set_xlabel(r"$\sigma_X$")
        ax.legend()
    return fig
