"""Pictures of the holes that clouds of points have, from persistent homology (thesis ch. 11)."""

from typing import Any

import numpy as np
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from latentsep.figures.base import STYLES, canvas, picture

_HOLES = (("component", "components"), ("loop", "loops"), ("void", "voids"))
_COUNTS: dict[str, Any] = {"linestyle": "", "markersize": 7, "markeredgecolor": "black"}
_PASSES: dict[str, Any] = {"linestyle": "", "markersize": 2, "markerfacecolor": "none"}


@picture(dense=True)
def barcode(bars: dict[str, list[np.ndarray]], lasting: float) -> Figure:
    """When the holes of clouds of points open and close, from ``homology.persistence``, one panel for each cloud.

    Holes of 0, 1 and 2 dimensions have marks of their own shape. Those that count lie in the grey part, where a hole
    closes at ``lasting`` times the scale at which it opened or more, and are filled; of components only those that
    are never joined to another count. The titles say how many.
    """
    every = np.concatenate([b.ravel() for several in bars.values() for b in several])
    finite = every[np.isfinite(every) & (every > 0)]
    low, high = (finite.min() / 1.3, finite.max() * 1.3) if len(finite) else (0.1, 1.0)
    high = max(high, 2 * lasting * low)  # leaves room for the grey part
    zero, never = low / 1.7, high * 1.7  # what has no place on a logarithmic axis is drawn beyond its ends
    columns, rows = min(3, len(bars)), -(-len(bars) // 3)
    fig = canvas(7 if columns == 3 else 2.3 * columns + 2, 2.6 * rows + 0.9)
    axes = fig.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for ax, (title, several) in zip(axes.flat, bars.items(), strict=False):
        scale = np.array([low, high])
        corner = np.array([(low, lasting * low), (high / lasting, high), (low, high)])
        ax.fill(*corner.T, color="0.92", linewidth=0, zorder=0)
        ax.plot(*corner[:2].T, color="0.4", linestyle="--", linewidth=0.8, zorder=1)
        ax.plot(scale, scale, color="0.4", linewidth=0.8, zorder=1)
        counts = []
        for dimension, (marker, _, shade) in zip(range(3), STYLES, strict=False):
            opened, closed = several[dimension].T
            counted = np.isinf(closed) if dimension == 0 else closed > lasting * opened
            places = np.stack([np.where(opened > 0, opened, zero), np.where(np.isinf(closed), never, closed)], 1)
            ax.plot(*places[~counted].T, marker=marker, color=shade, alpha=0.5, **_PASSES)
            ax.plot(*places[counted].T, marker=marker, color=shade, zorder=4, **_COUNTS)
            for place, number in _together(places[counted]):
                ax.annotate(f"×{number}", place, (0, -14), textcoords="offset points", ha="center", fontsize=8)
            counts.append(f"{counted.sum()} {_HOLES[dimension][int(counted.sum() != 1)]}")
        ax.set_title(f"{title}\n{', '.join(counts)}", fontsize=8)
        ax.set(xscale="log", yscale="log", xlim=(zero / 1.4, high), ylim=(low, never * 1.4))
        _end_in(ax.xaxis, zero, "0", low, high)
        _end_in(ax.yaxis, never, "∞", low, high)
        ax.tick_params(labelbottom=True)
    for ax in axes.flat[len(bars) :]:
        ax.axis("off")
    fig.supxlabel("radius at which a hole opens (units of the cloud)", fontsize=9)
    fig.supylabel("radius at which it closes", fontsize=9)
    looks = zip((one for one, _ in _HOLES), STYLES, strict=False)
    handles = [Line2D([], [], marker=m, color=c, label=one, **_COUNTS) for one, (m, _, c) in looks]
    handles.append(Line2D([], [], marker="s", label="passing", color="0.4", **_PASSES))
    handles.append(
        Line2D([], [], color="0.4", linestyle="--", linewidth=0.8, label=f"closes at {lasting:g} × the radius")
    )
    fig.legend(handles=handles, title="large and filled: counts", loc="outside upper center", ncols=min(5, 3 * columns))
    return fig


def _together(places: np.ndarray, apart: float = 0.04) -> list[tuple[np.ndarray, int]]:
    """Where several places ``(n, 2)`` on logarithmic axes are less than ``apart`` decades from the first, how many."""
    found = []
    while len(places):
        near = np.abs(np.log10(places / places[0])).max(1) < apart
        found += [(places[0], int(near.sum()))] if near.sum() > 1 else []
        places = places[~near]
    return found


def _end_in(axis: Axis, place: float, name: str, low: float, high: float) -> None:
    """Ticks of a logarithmic axis from ``low`` to ``high``, and one beyond for what it has no place for."""
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    every = [float(k * d) for d in decades for k in range(1, 10) if low <= k * d <= high]
    named = [t for t in every if f"{t:e}"[0] == "1"]
    named = named if len(named) > 1 else [t for t in every if f"{t:e}"[0] in "125"]
    axis.set_ticks([*named, place], labels=[*(f"{t:g}" for t in named), name])
    axis.set_ticks(every, minor=True, labels=[])
