"""Figures of autoencoders of handwritten digits (Foundations)."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from latentsep.figures.base import STYLES, canvas, picture

_CLASSES = mpl.colormaps["tab10"]


@picture
def curves(
    table: pd.DataFrame,
    measures: Mapping[str, str],
    over: str,
    xlabel: str,
    references: Mapping[str, Mapping[float, float]] | None = None,
    rows: int = 1,
) -> Figure:
    """Measures against a quantity on a logarithmic axis, a panel each: means over repetitions, bars of one deviation.

    ``table`` has the columns ``series``, ``over`` and those of ``measures``, which maps each to the panel's title; as
    many series as there are ``STYLES``, in their order in the table. ``references`` are grey lines: by measure, the
    quantity to the value.
    """
    columns = -(-len(measures) // rows)
    fig = canvas(7, 2.6 * rows + 0.3)
    panels = list(fig.subplots(rows, columns, sharex=True, squeeze=False).flat)
    for ax, (measure, title) in zip(panels, measures.items(), strict=False):
        _lines(ax, table, over, measure)
        if references and measure in references:
            ax.plot(list(references[measure]), list(references[measure].values()), color="0.55", linewidth=1, zorder=0)
        ax.set_title(title)
    for ax in panels[-columns:]:
        ax.set_xlabel(xlabel)
    handles, labels = panels[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return fig


def _lines(ax: Axes, table: pd.DataFrame, over: str, measure: str) -> None:
    names, ticks = list(dict.fromkeys(table.series)), sorted(table[over].unique())
    for shift, (name, (marker, dashes, shade)) in enumerate(zip(names, STYLES, strict=False)):
        # Not every series has every measure.
        own = table[(table.series == name) & table[measure].notna()]
        found = own.groupby(over)[measure].agg(["mean", "std"]).fillna(0.0)
        # Side by side where they agree.
        place = found.index.to_numpy(float) * 1.04 ** (shift - (len(names) - 1) / 2)
        ax.errorbar(
            place, found["mean"], found["std"], fmt=marker, linestyle=dashes, color=shade, markersize=4.5,
            linewidth=1.2, capsize=2, label=name,
        )  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.set_xticks(ticks, labels=[f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.grid(color="0.92", linewidth=0.6)


@picture(dense=True)
def code_planes(
    codes: Mapping[str, Tensor], labels: Tensor, sheets: Mapping[str, Tensor], reach: float = 2.0
) -> Figure:
    """Codes of two numbers, a panel each, and below it the pictures of a grid of codes.

    ``codes`` ``(n, 2)`` have the class of each in ``labels`` ``(n,)``, which stands as a numeral at its median.
    ``sheets`` ``(rows, columns, H, W)``, from 0 to 1, are decoded on a grid over ±``reach`` standard deviations.
    """
    fig = canvas(7, 7 / len(codes) * 2 + 0.2)
    axes = fig.subplots(2, len(codes), squeeze=False)
    for (above, below), (name, code) in zip(axes.T, codes.items(), strict=True):
        for digit in range(10):
            own = code[labels == digit]
            if not len(own):
                continue
            above.plot(*own.T, ".", markersize=2, color=_CLASSES(digit), alpha=0.7)
            middle = own.median(0).values
            above.text(*middle.tolist(), str(digit), fontsize=11, weight="bold", ha="center", va="center",
                       bbox={"boxstyle": "circle,pad=0.12", "color": "white", "alpha": 0.85})  # fmt: skip
        above.set(title=name, xlabel="$z_1$", ylabel="$z_2$")
        sheet = sheets[name]
        whole = sheet.permute(0, 2, 1, 3).reshape(sheet.shape[0] * sheet.shape[2], -1)
        below.imshow(1 - whole.clamp(0, 1).numpy(), cmap="gray", vmin=0, vmax=1)
        ends = np.array([0, whole.shape[1]]) - 0.5
        below.set_xticks(ends, labels=[f"−{reach:g} s", f"{reach:g} s"])
        below.set_yticks([])
        below.set_xlabel("$z_1$, in standard deviations s")
    return fig
