"""Figures of rates and distortions: curves that nothing can beat, and models beside them (Foundations)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latentsep.figures.base import STYLES, canvas, picture


@picture
def rate_distortion(
    least: tuple[np.ndarray, np.ndarray],
    models: pd.DataFrame,
    most: tuple[np.ndarray, np.ndarray] | None = None,
    label: str = "squared error of a datapoint",
) -> Figure:
    """The fewest bits by distortion, and models beside it: ``models`` has ``series``, ``distortion`` and ``bits``.

    ``least`` are distortions and bits ``(n,)``; with ``most``, of the same kind, the curve lies between both. What
    ``models`` has in a column ``says`` is written beside those of a series that share it.
    """
    fig = canvas(7, 3.6)
    ax = fig.subplots()
    ax.plot(*least, color="black", linewidth=1.6, label="nothing is below" if most else "the fewest bits")
    if most is not None:
        ax.plot(*most, color="black", linewidth=1, linestyle=(0, (4, 2)), label="this can be had")
        ax.fill_between(least[0], least[1], np.interp(least[0], *most), color="0.88", linewidth=0)
    ax.fill_between(least[0], 0, least[1], color="0.95", linewidth=0)
    groups = models.groupby("series", sort=False)
    for number, ((marker, _, shade), (name, found)) in enumerate(zip(STYLES, groups, strict=False)):
        ax.plot(found.distortion, found.bits, marker, color=shade, markersize=5, label=name, alpha=0.85)
        # Above or below by turns, so that neighbours do not hide each other.
        away = 4 if number % 2 == 0 else -11
        for says, group in found.groupby("says", sort=False):
            side = group.bits.max if number % 2 == 0 else group.bits.min
            ax.annotate(
                str(says), (group.distortion.mean(), side()), xytext=(4, away), textcoords="offset points",
                fontsize=7.5, color=shade,
            )  # fmt: skip
    ax.set_xscale("log")
    low, high = least[0].min(), least[0].max()
    if high < 100 * low:  # powers of ten would be too few
        ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 30, 50, 100) if low <= t <= high]
        ax.set_xticks(ticks, labels=[f"{t:g}" for t in ticks])
        ax.minorticks_off()
    ax.set(xlabel=label, ylabel="bits a datapoint", ylim=(0, None), xlim=(low, high))
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return fig


@picture
def known_by(tables: Mapping[str, np.ndarray], factors: Sequence[str]) -> Figure:
    """How much each number of a code knows of each factor, a panel for each code: ``tables`` ``(factors, numbers)``.

    Cells have the part that is known, in per cent, and a shade for it.
    """
    fig = canvas(7, 0.36 * len(factors) + 0.9)
    widths = [table.shape[1] for table in tables.values()]
    axes = fig.subplots(1, len(tables), gridspec_kw={"width_ratios": widths}, squeeze=False)[0]
    for ax, (name, table) in zip(axes, tables.items(), strict=True):
        ax.imshow(table, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (row, column), value in np.ndenumerate(table):
            shade = "white" if value > 0.55 else "black"
            ax.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=8, color=shade)
        ax.set_title(name)
        ax.set_xticks(range(table.shape[1]), labels=[f"$z_{{{n + 1}}}$" for n in range(table.shape[1])])
        ax.set_yticks(range(len(factors)), labels=factors if ax is axes[0] else [""] * len(factors))
        ax.tick_params(length=0)
    return fig
