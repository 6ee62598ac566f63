"""Figures of families on the circle: their densities, what they lose, and formulas met elsewhere (chapter 13)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from scipy.optimize import brentq

from latentsep.figures.base import PHASE_LABELS, canvas, picture
from latentsep.models.circular import Circular
from latentsep.models.kinds import FAMILIES
from latentsep.theory import two_modes

#: Marker, line and colour of each family.
LOOKS = {
    "von Mises": ("o", "-", "#000000"),
    "heat kernel": ("s", "--", "#0072B2"),
    "power spherical": ("^", "-.", "#009E73"),
    "projected normal": ("D", ":", "#D55E00"),
    "wrapped Cauchy": ("v", (0, (6, 1.5)), "#CC79A7"),
    "antipodal": ("P", (0, (1, 1)), "#7F7F7F"),
}
_TOLD = 1e-4  # nats, below which what training leaves differs as much from family to family
_SHOWN = 1e-9  # nats, below which rounding is all there is


@picture
def densities(variances: Sequence[float] = (0.05, 0.4)) -> Figure:
    """The densities of the families with one mode at equal circular variances, and the antipodal pair beside them."""
    angles = torch.linspace(-np.pi, np.pi, 601, dtype=torch.float64)
    fig = canvas(7, 2.6)
    for ax, variance in zip(fig.subplots(1, len(variances)), variances, strict=True):
        for name, (_, line, shade) in LOOKS.items():
            # The pair has no mean direction; it is drawn with the variance of each of the two.
            family = FAMILIES["heat kernel" if name == "antipodal" else name]
            t = _time(family, variance)
            kernel = FAMILIES[name].diffused(torch.zeros(1).double(), torch.tensor([t]).double())
            ax.plot(angles, kernel.log_prob(angles).exp(), linestyle=line, color=shade, linewidth=1.3, label=name)
        ax.set_xticks(list(PHASE_LABELS), labels=list(PHASE_LABELS.values()))
        ax.set(
            title=f"circular variance {variance:g}", xlabel="angle from the location (radians)", xlim=(-np.pi, np.pi)
        )
        ax.set_ylim(0, None)
    fig.axes[0].set_ylabel("density per radian")
    fig.legend(*fig.axes[0].get_legend_handles_labels(), loc="outside right center")
    return fig


def _time(family: type[Circular], variance: float) -> float:
    def excess(log_t: float) -> float:
        return float(family.diffused(torch.zeros(1).double(), torch.tensor([log_t]).double().exp()).variance) - variance

    return float(np.exp(brentq(excess, -20, 6)))


@picture
def predicted_losses(forecast: pd.DataFrame, found: pd.DataFrame) -> Figure:
    """What each family must lose by σ_X, lines, and the excess of trained, recovered circles over von Mises's, marks.

    ``forecast`` has σ_X in rows and families in columns, ``found`` is as ``findings.families.measured`` has it.
    """
    fig = canvas(7, 3.4)
    ax = fig.subplots()
    whole = found[found.outcome == "recovered"]
    means = whole.groupby(["family", "sigma_x"]).above.mean().unstack(0)
    for name, (marker, line, shade) in LOOKS.items():
        if name not in forecast or name == "von Mises":
            continue
        losses = forecast[name].where(forecast[name] > _SHOWN)
        ax.plot(losses.index, losses, linestyle=line, color=shade, linewidth=1.4)
        ours = (means[name] - means["von Mises"])[forecast.loc[means.index, name] > _TOLD]
        ax.plot(ours.index, ours, marker, color=shade, markersize=5, linestyle="none", markeredgecolor="white")
        ax.plot([], [], marker=marker, linestyle=line, color=shade, label=name)
    ax.axvline(2.5, color="0.6", linewidth=0.8, linestyle=":")
    ax.annotate(
        "collapse", (2.5, 1e-6), xytext=(-3, 0), textcoords="offset points", ha="right", fontsize=8, rotation=90
    )
    ax.set(xscale="log", yscale="log", xlabel="$\\sigma_X$", ylabel="nats above the floor", ylim=(_SHOWN, 20))
    ticks = [0.03, 0.1, 0.3, 1, 2]
    ax.set_xticks(ticks, labels=[f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return fig


@picture
def two_sides(distances: Sequence[float], trained: pd.DataFrame) -> Figure:
    """Losses on loops whose sides are some distance apart: with a given decoder, and with a free one and ``trained``.

    ``trained`` has ``distance``, ``above`` (nats above the floor) and ``degree`` of every member.
    """
    given = pd.DataFrame([two_modes.given(d) for d in distances], index=distances)
    free = pd.DataFrame([two_modes.free(d) for d in distances], index=distances)
    fig = canvas(7, 2.9)
    left, right = fig.subplots(1, 2)
    looks = (("-", "#0072B2"), ((0, (1, 1)), "#7F7F7F"), ("--", "#000000"))
    for (name, losses), (line, shade) in zip(given.items(), looks, strict=True):
        left.plot(losses, linestyle=line, color=shade, linewidth=1.5, label=f"{name}")
    left.set(title="decoder given", ylabel="nats above the best posterior")
    for name, label, line, shade in (
        ("sides", "one, sides told apart", "-", "#0072B2"),
        ("merged", "one, sides merged", "-.", "#009E73"),
    ):
        right.plot(free[name], linestyle=line, color=shade, linewidth=1.5, label=label)
    for degree, marker, shade in ((1, "o", "#0072B2"), (2, "^", "#009E73")):
        some = trained[trained.degree.abs() == degree]
        label = f"trained, {'once' if degree == 1 else 'twice'} around"
        if len(some):
            right.plot(
                some.distance, some.above, marker, color=shade, markersize=6, markeredgecolor="white", label=label
            )
    right.set(title="decoder free", ylabel="nats above the floor")
    for ax, most in ((left, 0.8), (right, 3.8)):
        ax.set(
            xlabel="distance of both sides (units of $\\sigma_X$)",
            ylim=(-0.02 * most, most),
            xlim=(0, max(distances) + 0.1),
        )
        ax.legend(fontsize=7.5)
    return fig


@picture
def formulas_elsewhere(divergences: pd.DataFrame, parts: pd.Series) -> Figure:
    """Divergences by t, a column each, and the part of a gradient by κ."""
    fig = canvas(7, 2.7)
    left, right = fig.subplots(1, 2)
    looks = (("-", "#000000"), ("--", "#D55E00"), ((0, (1, 1)), "#0072B2"))
    for (name, values), (line, shade) in zip(divergences.items(), looks, strict=True):
        left.plot(values, linestyle=line, color=shade, linewidth=1.5, label=name)
    left.axhline(0, color="0.6", linewidth=0.8)
    left.set(xscale="log", xlabel="t (radians²)", ylabel="divergence from uniform (nats)")
    left.legend(fontsize=8)
    right.plot(parts, color="#000000", linewidth=1.5)
    right.axhline(1, color="0.6", linewidth=0.8)
    right.set(xscale="log", xlabel="concentration κ", ylabel="part of the gradient", ylim=(0, 1.05))
    return fig
