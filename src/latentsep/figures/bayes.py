"""Pictures of inference where all can be computed: dice, a line, and what integrals cost (chapter 2)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latentsep.figures.base import STYLES, canvas, picture
from latentsep.theory.bayes import Dice, Parabola

_HATCHES = ("", "//", "..", "xx")


@picture
def dice_posteriors(dice: Dice) -> Figure:
    """Which die it was: the share of every die before a roll, and its posterior after each number."""
    fig = canvas(7, 2.9)
    ax = fig.subplots()
    numbers = range(1, max(dice.sides) + 1)
    columns = np.array([dice.share] + [dice.given(n).posterior() for n in numbers])
    below = np.zeros(len(columns))
    places = np.array([-0.5, *numbers])
    for k, sides in enumerate(dice.sides):
        ax.bar(
            places, columns[:, k], 0.8, below, color=STYLES[k][2], hatch=_HATCHES[k], edgecolor="white", linewidth=0.4,
            label=f"die of {sides} sides",
        )  # fmt: skip
        below += columns[:, k]
    ax.set(xlabel="number $x$ that was rolled", ylabel="probability of a die", ylim=(0, 1))
    ax.set_xticks(places, labels=["prior", *map(str, numbers)])
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return fig


@picture
def ascent(line: Parabola, x: float, paths: dict[str, np.ndarray]) -> Figure:
    """Normal distributions that climb the bound, ``paths`` ``(steps, 3)`` of mean, deviation, bound by name.

    Left, the posterior and the distributions at the start and at the end of each path; right, the bound in
    nats after every step, and the evidence above it.
    """
    fig = canvas(7, 2.9)
    left, right = fig.subplots(1, 2, width_ratios=(3, 2))
    seen, step = line.given(x), line.nodes[1] - line.nodes[0]
    left.fill_between(line.nodes, seen.posterior() / step, color="0.85", label=f"posterior of $x = {x:g}$")
    for (marker, dashes, shade), (name, path) in zip(STYLES, paths.items(), strict=False):
        for (mean, std, _), width in ((path[0], 0.8), (path[-1], 1.8)):
            density = line.masses(mean, std) / step
            left.plot(line.nodes, density, dashes, color=shade, linewidth=width, label=name if width > 1 else None)
        right.plot(path[:, 2], dashes, marker=marker, color=shade, markersize=3.5, label=name)
    right.axhline(seen.log_evidence(), color="black", linewidth=0.8)
    right.annotate(
        "log evidence", (1, seen.log_evidence()), (-2, 3), xycoords=("axes fraction", "data"),
        textcoords="offset points", ha="right", fontsize="small",
    )  # fmt: skip
    left.set(xlim=(-3, 3), ylim=(0, None), xlabel="latent variable $z$", ylabel="density")
    right.set(xlabel="step", ylabel="bound (nats)", ylim=(None, seen.log_evidence() + 0.3))
    left.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False, fontsize="small")
    return fig


@picture
def costs(table: pd.DataFrame) -> Figure:
    """The error of estimates of log P_X(x), in nats, against the dimension of z; one line for each column."""
    fig = canvas(7, 3.0)
    ax = fig.subplots()
    for (marker, dashes, shade), (name, column) in zip(STYLES, table.items(), strict=False):
        ax.plot(table.index, column.clip(lower=1e-16), dashes, marker=marker, color=shade, markersize=4, label=name)
    ax.set(yscale="log", xlabel="dimension of $z$", ylabel="error (nats)", xticks=list(table.index))
    ax.axhline(1, color="0.6", linewidth=0.8)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return fig
