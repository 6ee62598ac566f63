"""Which map leads where: the commuting square and the triangle of chapter 9."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from latentsep.figures.base import canvas, picture
from latentsep.figures.mappings import BLUE, DASHED, RED, TEX
from latentsep.reductions.reductors import Family, Linear

_BEND = 0.24  # of a curved arrow, relative to the distance that it covers


@picture
def commuting_square() -> Figure:
    """Two ways from Z₁ to the data: through its own decoder, and through Z₂ (thesis Fig. 9.1).

    Double arrows are networks and the single one is the reductor; the red path is solid, the blue one dashed.
    """
    fig = canvas(4.2, 2.9)
    ax = fig.subplots()
    ax.set(xlim=(-0.65, 3.75), ylim=(-0.3, 2.75), aspect="equal")
    ax.axis("off")
    places = {"$Z_1$": np.array([0, 2.2]), "$X$": np.array([3.4, 2.2]), "$Z_2$": np.array([0, 0.0])}
    for name, (x, y) in places.items():
        ax.text(x, y, name, ha="center", va="center", fontsize=16)
    first, data, second = places.values()
    _straight(ax, first, data, RED, "-", shafts=2)
    _straight(ax, first, second, BLUE, DASHED, shafts=1)
    _straight(ax, second, data, BLUE, DASHED, shafts=2)
    ax.text(1.7, 2.34, r"$\mu^*_{X;1}$", ha="center", va="bottom", fontsize=14)
    ax.text(-0.12, 1.1, r"$M^{(\lambda)}_{1;2}$", ha="right", va="center", fontsize=14)
    ax.text(1.85, 1.0, r"$\mu^*_{X;2}$", ha="left", va="top", fontsize=14)
    ax.text(1.6, 2.06, "red path (solid)", ha="center", va="top", color=RED, fontsize=11)
    ax.text(0.16, 1.2, "blue path\n(dashed)", ha="left", va="center", color=BLUE, fontsize=11)
    return fig


def _straight(ax: Axes, start: np.ndarray, end: np.ndarray, colour: str, line: str | tuple, shafts: int) -> None:
    """An arrow with one shaft or two, which leaves room for the names of the places that it joins."""
    along = (end - start) / np.linalg.norm(end - start)
    across = np.array([-along[1], along[0]])
    start, tip = start + 0.3 * along, end - 0.38 * along
    for side in np.linspace(-0.045, 0.045, shafts) if shafts > 1 else (0.0,):
        # A shaft ends where it meets the head, whose sides open at 45 degrees.
        shaft = np.stack([start + side * across, tip - abs(side) * along + side * across])
        ax.plot(*shaft.T, linestyle=line, color=colour, linewidth=1.3)
    head = np.stack([tip + 0.1 * (-along + across), tip, tip + 0.1 * (-along - across)])
    ax.plot(*head.T, color=colour, linewidth=1.5)


@picture
def mapping_triangle(families: dict[tuple[str, str], Family]) -> Figure:
    """An arrow for each map, from (source, target), with the parameter that its family has (thesis Fig. 9.2).

    Matrix multiplications are drawn solid and rotations dashed. Raises ``KeyError`` for another name of a space.
    """
    fig = canvas(4.8, 3.7)
    ax = fig.subplots()
    ax.set(xlim=(-1.75, 1.75), ylim=(-0.5, 1.95), aspect="equal")
    ax.axis("off")
    places = {"S¹": np.array([0, 1.6]), "R²": np.array([-1.3, 0]), "Φ": np.array([1.3, 0])}
    for name, (x, y) in places.items():
        ax.text(x, y, f"${TEX[name]}$", ha="center", va="center", fontsize=16)
    legend = {}
    for (source, target), family in families.items():
        linear = isinstance(family, Linear)
        shade, line = (RED, "-") if linear else (BLUE, DASHED)
        look: dict[str, Any] = {"color": shade, "linestyle": line, "linewidth": 1.3}
        start, end = places[source], places[target]
        shape: dict[str, Any] = {"connectionstyle": f"arc3,rad={_BEND}", "arrowstyle": "-|>", "mutation_scale": 11}
        ax.add_patch(FancyArrowPatch(tuple(start), tuple(end), shrinkA=13, shrinkB=13, **shape, **look))
        # The label sits on the curve, which passes half its bend to the right of the chord.
        right = np.array([(end - start)[1], (start - end)[0]])
        parameter = family.symbol.partition(r" \in")[0]
        label = rf"$M^{{({parameter})}}_{{{TEX[source]};{TEX[target]}}}$"
        paper = {"color": "white", "pad": 1}
        x, y = (start + end) / 2 + right * _BEND / 2
        ax.text(x, y, label, ha="center", va="center", bbox=paper, fontsize=11)
        kind = "matrix multiplication" if linear else "angle rotation"
        legend[f"{kind}, ${family.symbol}$"] = Line2D([], [], **look)
    fig.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=2, fontsize=10)
    return fig
