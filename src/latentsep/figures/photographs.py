"""Figures of autoencoders of photographs (Foundations): how they learn, what switches do, how codes lie."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from latentsep.figures.base import STYLES, canvas, picture

_BARS = ("#0072B2", "#D55E00")


@picture
def watched(table: pd.DataFrame, measures: Mapping[str, str]) -> Figure:
    """What falls while autoencoders learn, a panel for each measure, which maps to the panel's title.

    ``table`` has a row for each ``run`` and number of ``updates``, with each measure for learned pictures and, as
    ``held_MEASURE``, for held-out ones; a row for each repetition. Lines are means; a star marks the least of held-out
    ones if it is not the last.
    """
    fig = canvas(7, 2.9)
    panels = fig.subplots(1, len(measures), sharex=True)
    for ax, (measure, title) in zip(panels, measures.items(), strict=True):
        for (_, _, shade), (_, own) in zip(STYLES, table.groupby("run", sort=False), strict=False):
            mean = own.groupby("updates")[[measure, f"held_{measure}"]].mean()
            ax.plot(mean.index, mean[measure], "--", color=shade, linewidth=1)
            held = mean[f"held_{measure}"]
            ax.plot(mean.index, held, "-", color=shade, linewidth=1.5)
            if measure != "divergence" and held.idxmin() != mean.index[-1]:
                ax.plot(held.idxmin(), held.min(), "*", color=shade, markersize=9, markeredgecolor="black")
        ax.set(title=title, xlabel="updates")
        ax.grid(color="0.92", linewidth=0.6)
    names = list(dict.fromkeys(table.run))
    marks = [Line2D([], [], color=shade, label=name) for (_, _, shade), name in zip(STYLES, names, strict=False)]
    marks += [Line2D([], [], color="0.3", label="held out"), Line2D([], [], color="0.3", ls="--", label="learned")]
    fig.legend(handles=marks, loc="outside lower center", ncols=len(marks))
    return fig


@picture
def switched(table: pd.DataFrame, measures: Mapping[str, str], base: str) -> Figure:
    """Measures of runs that differ in one thing each: a panel for each measure, a row for each ``run``.

    A dot is a repetition. The band is what repetitions of the ``base`` run span.
    """
    names = list(dict.fromkeys(table.run))
    fig = canvas(7, 0.25 * len(names) + 0.8)
    panels = fig.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    for ax, (measure, title) in zip(panels, measures.items(), strict=True):
        usual = table[table.run == base][measure]
        ax.axvspan(usual.min(), usual.max(), color="0.87", linewidth=0)
        for place, name in enumerate(names):
            values = table[table.run == name][measure].dropna()
            shade = _BARS[0] if name == base else _BARS[1]
            ax.plot(values, np.full(len(values), place), "o", color=shade, markersize=4, alpha=0.8)
        ax.set_title(title)
        ax.grid(axis="x", color="0.92", linewidth=0.6)
    panels[0].set_yticks(range(len(names)), labels=names)
    panels[0].invert_yaxis()
    return fig


@picture
def code_map(
    plane: np.ndarray, values: np.ndarray, label: str, shares: Sequence[float], known: Mapping[str, Sequence[float]]
) -> Figure:
    """Codes in the plane of two principal directions, what each direction explains, and what the code knows.

    ``plane`` ``(n, 2)`` has the shade of ``values`` ``(n,)``, which ``label`` names; ``shares`` are parts of the
    variance. ``known`` has R² of attributes by name, of the code and of as many principal components.
    """
    fig = canvas(7, 3.1)
    left, middle, right = fig.subplots(1, 3, gridspec_kw={"width_ratios": (1.5, 1, 1.1)})
    dots = left.scatter(*plane.T, c=values, cmap="viridis", s=9, linewidths=0)
    fig.colorbar(dots, ax=left, label=label, location="bottom", aspect=30)
    left.set(xlabel="1st principal direction", ylabel="2nd", aspect="equal")
    middle.plot(np.arange(1, len(shares) + 1), 100 * np.cumsum(shares), ".-", color=_BARS[0], linewidth=1)
    middle.set(title="variance explained (%)", xlabel="directions", ylim=(0, 102))
    middle.grid(color="0.92", linewidth=0.6)
    place = np.arange(len(known))
    for shift, shade, hatch, name, which in ((-0.2, _BARS[0], "", "code", 0), (0.2, _BARS[1], "///", "components", 1)):
        right.barh(
            place + shift, [max(pair[which], 0) for pair in known.values()], 0.36, color=shade, label=name, hatch=hatch,
            edgecolor="white",
        )  # fmt: skip
    right.set_yticks(place, labels=list(known))
    right.invert_yaxis()
    right.set(title="known (R²)", xlim=(0, 1))
    right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, fontsize=7)
    return fig
