"""Pictures of the diffusion equation on the circle (thesis app. A)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from latentsep.figures.base import PHASE_LABELS, canvas, picture
from latentsep.theory import diffusion

# Tints of one hue, the lighter the later, each with a line of its own.
_TIMES = (
    ("#08306b", "-"),
    ("#08519c", "--"),
    ("#2171b5", "-."),
    ("#4292c6", (0, (5, 1, 1, 1, 1, 1))),
    ("#6baed6", ":"),
)
_SOLUTIONS = (
    {"color": "#56B4E9", "linewidth": 4, "alpha": 0.6},
    {"color": "black", "linestyle": "--", "linewidth": 1.1},
    {"color": "#D55E00", "linestyle": "-.", "linewidth": 1.6},
)
_FINE = 401  # both ends of the circle, and 0 in the middle


@picture
def diffusion_in_time(times: Sequence[float]) -> Figure:
    """The density started at 0 at up to five ``times``, exact and as thesis (A.19) is printed (thesis Fig. A.1)."""
    fig = canvas(7, 3.2)
    left, right = fig.subplots(1, 2, sharex=True, sharey=True)
    r = np.linspace(-np.pi, np.pi, _FINE)
    for t, (colour, line) in zip(times, _TIMES, strict=False):
        left.plot(r, diffusion.images(r, t), color=colour, linestyle=line, label=f"$t = {t:g}$")
        right.plot(r, diffusion.printed_series(r, t), color=colour, linestyle=line)
    for ax, level, label in ((left, 1 / (2 * np.pi), r"$1/2\pi$"), (right, 1 / (4 * np.pi), r"$1/4\pi$")):
        ax.axhline(level, color="0.6", linewidth=0.7, zorder=0)
        ax.text(1.08 * np.pi, level, label, color="0.3", va="bottom", fontsize=8)
        _angles(ax)
    left.set(title="solution", ylabel=r"density $\rho(r, t)$ (1/radian)", ylim=(0, None))
    right.set(title="(A.19) as printed")
    left.legend()
    return fig


@picture
def four_solutions(numerical: dict[float, np.ndarray]) -> Figure:
    """Finite differences, image sum, theta series and the printed series, one panel for each time.

    ``numerical`` maps times to the density ``(points,)`` on ``diffusion.grid``.
    """
    fig = canvas(7, 3.2)
    r = np.linspace(-np.pi, np.pi, _FINE)
    for ax, (t, density) in zip(fig.subplots(1, len(numerical), sharex=True), numerical.items(), strict=True):
        series = (diffusion.images, diffusion.theta_series, diffusion.printed_series)
        labels = ("wrapped normal", "theta series", "(A.19) as printed")
        for solution, label, style in zip(series, labels, _SOLUTIONS, strict=True):
            ax.plot(r, solution(r, t), label=label, **style)
        points = diffusion.grid(len(density))
        # Few enough marks to tell apart, placed so that one of them is at the peak.
        step = max(1, len(points) // 24)
        shown = slice(len(points) // 2 % step, None, step)
        ax.plot(
            points[shown], density[shown], "o", color="#009E73", mfc="white", clip_on=False, label="finite differences"
        )
        ax.set(title=f"$t = {t:g}$", ylim=(0, None))
        _angles(ax)
    fig.axes[0].set_ylabel(r"density $\rho(r, t)$ (1/radian)")
    fig.legend(*fig.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return fig


@picture
def terms_needed(times: ArrayLike, theta_series: Sequence[int], images: Sequence[int], switch: float) -> Figure:
    """How many terms the two series need at each time; the dotted line is where the package changes over."""
    fig = canvas(5, 2.8)
    ax = fig.subplots()
    ax.semilogx(times, theta_series, "-", drawstyle="steps-mid", color="#0072B2", label="theta series: cosines")
    ax.semilogx(times, images, "--", drawstyle="steps-mid", color="#D55E00", label="wrapped normal: pairs of images")
    ax.axvline(switch, color="0.4", linestyle=":", linewidth=1)
    ax.text(switch, ax.get_ylim()[1], r" $t = \pi$", va="top", fontsize=8)
    ax.set(xlabel=r"time $t$ (radians$^2$)", ylabel="terms needed")
    fig.legend(loc="outside lower center", ncols=2)
    return fig


def _angles(ax: Axes) -> None:
    ax.set_xticks(list(PHASE_LABELS), labels=list(PHASE_LABELS.values()))
    ax.set_xlabel(r"angle $r - \mu$ (radians)")
