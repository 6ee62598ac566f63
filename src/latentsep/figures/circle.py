"""Pictures of the learned latent circle (thesis Fig. 7.1), of tears in it, and of what causes them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from latentsep.data.benchmarks import embed, regular_phases
from latentsep.figures.base import PHASE_LABELS, canvas, colour, picture, scatter_phases
from latentsep.training.ensembles import Trained

_TICKS = {phase: PHASE_LABELS[phase] for phase in (-np.pi, 0.0, np.pi)}


def posterior_arcs(ax: Axes, angles: torch.Tensor, widths: torch.Tensor, phases: torch.Tensor) -> None:
    """Draw posteriors on the circle: means on the circle, coloured by phase, and an arc of ± ``widths`` for each.

    The arcs lie outside the circle, each a little farther out than that of the phase before, so that
    none hides another: an encoder that winds evenly draws a spiral of one turn.
    """
    arcs = []
    for radius, angle, width in zip(np.linspace(1.15, 1.75, len(phases)), angles, widths, strict=True):
        half = min(float(width), np.pi)
        # A corner every tenth of a radian looks round and keeps the file small.
        span = float(angle) + np.linspace(-half, half, 2 + int(half / 0.05))
        arcs.append(radius * np.stack([np.cos(span), np.sin(span)], -1))
    # A grey rim keeps the pale middle of the colour map visible on white.
    ax.add_collection(LineCollection(arcs, colors="0.55", linewidths=1.9, capstyle="round"))
    ax.add_collection(LineCollection(arcs, colors=[colour(float(p)) for p in phases], linewidths=1.2, capstyle="round"))
    around = torch.linspace(-np.pi, np.pi, 200)
    ax.plot(*embed(around).T, color="0.8", linewidth=0.8, zorder=0)
    scatter_phases(ax, embed(angles), phases)
    ax.set(xlim=(-1.85, 1.85), ylim=(-1.85, 1.85), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])


@picture
def tear_strip(stages: Sequence[Trained], member: int = 0, count: int = 100) -> Figure:
    """One member after more and more updates: its latent circle, and its angle against the phase (both in radians)."""
    fig = canvas(7, 3.3)
    axes = fig.subplots(2, len(stages), squeeze=False)
    fine = regular_phases(5_000)
    for (top, bottom), stage in zip(axes.T, stages, strict=True):
        phases = regular_phases(count)
        angles, widths = _posterior(stage, member, phases)
        posterior_arcs(top, angles, widths, phases)
        top.set(title=f"{stage.run.updates:,} updates", xticks=[], yticks=[])
        top.axis("off")
        between = _posterior(stage, member, fine)[0].clone()
        # The line breaks where the angle leaves through the top and comes back from below.
        between[1:][between.diff().abs() > np.pi] = np.nan
        bottom.plot(fine, between, color="0.4", linewidth=0.8, zorder=1)
        bottom.scatter(phases, angles, c=[colour(float(p)) for p in phases], s=7, linewidths=0.25, edgecolors="0.4")
        bottom.set(xlim=(-np.pi, np.pi), ylim=(-np.pi, np.pi), aspect="equal", xlabel=r"$\varphi$ (radians)")
        bottom.set_xticks(list(_TICKS), labels=list(_TICKS.values()))
        bottom.set_yticks(list(_TICKS), labels=list(_TICKS.values()) if bottom is axes[1, 0] else [])
    axes[1, 0].set_ylabel(r"$\mu_\Theta$ (radians)")
    return fig


@torch.no_grad()
def _posterior(trained: Trained, member: int, phases: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Angles and half-widths, in radians, of one member's posteriors of noiseless data."""
    posterior = trained.vae.posterior(trained.run.loop(phases))
    return trained.run.space.location(posterior)[member, :, 0], posterior.base_dist.scale[member, :, 0]


_OUTCOMES = {
    "recovered": ("o", "#0072B2"),
    "torn": ("x", "#D55E00"),
    "folded": ("v", "0.35"),
    "other": ("s", "#CC79A7"),
}


@picture
def variants(measured: pd.DataFrame, quantity: str, label: str) -> Figure:
    """One mark per trained member: ``quantity`` (logarithmic) by variant, one panel per σ_X, marked by outcome.

    ``measured`` has columns ``variant``, ``sigma_x``, ``outcome`` (recovered, torn or folded) and the quantity.
    """
    names = list(dict.fromkeys(measured.variant))
    sigmas = sorted(set(measured.sigma_x), reverse=True)
    fig = canvas(7, 0.27 * len(names) + 1.0)
    axes = fig.subplots(1, len(sigmas), sharey=True, squeeze=False)[0]
    for ax, sigma_x in zip(axes, sigmas, strict=True):
        for outcome, (marker, shade) in _OUTCOMES.items():
            if outcome not in set(measured.outcome):
                continue
            part = measured[(measured.sigma_x == sigma_x) & (measured.outcome == outcome)]
            rows = [names.index(v) for v in part.variant]
            ax.plot(part[quantity], rows, marker, color=shade, label=outcome, markersize=5, markerfacecolor="none")
        ax.set(xscale="log", title=rf"$\sigma_X = {sigma_x:g}$", xlabel=label)
        ax.grid(axis="y", color="0.92", linewidth=0.6)
    axes[0].set_yticks(range(len(names)), labels=names)
    axes[0].invert_yaxis()
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return fig
