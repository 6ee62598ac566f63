"""Pictures of tolerances Δ: where in a latent space they arise, and their values for every pair (thesis ch. 9)."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import torch
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Patch
from numpy.typing import ArrayLike

from latentsep.figures.base import STYLES, canvas, phase_bar, picture, scatter_phases

_PAIRS = [f"{source} → {target}" for source, target in itertools.permutations(("R²", "S¹", "Φ"), 2)]


@picture(dense=True)
def plane_of_errors(
    density: ArrayLike,
    extent: tuple[float, float, float, float],
    codes: torch.Tensor,
    phases: torch.Tensor,
    prior_radii: Sequence[float] = (0.5, 0.9, 0.99),
) -> Figure:
    """KL in nats for every latent variable of the plane, and the learned codes ``(m, 2)`` with phases ``(m,)``.

    ``density`` ``(n, n)`` has its first row at the bottom, and ``extent`` is (left, right, bottom, top), where its
    outermost values are; their pixels reach half a step beyond. Each dashed circle holds the share p in
    ``prior_radii`` of the standard normal prior: its radius is √(−2 log(1−p)).
    """
    density = np.asarray(density)
    largest = density.max()
    # A zero has no logarithm: everything below a millionth of the largest value gets the palest shade.
    smallest = max(density.min(), 1e-6 * largest)
    fig = canvas(6.6, 4.6)
    ax = fig.subplots()
    # Not down to black, so that marks and circles stay visible.
    shades = ListedColormap(mpl.colormaps["Greys"](np.linspace(0, 0.7, 256)))
    scale = LogNorm(smallest, largest, clip=True)
    left, right, bottom, top = extent
    dx, dy = (right - left) / (density.shape[1] - 1) / 2, (top - bottom) / (density.shape[0] - 1) / 2
    edges = (left - dx, right + dx, bottom - dy, top + dy)
    image = ax.imshow(density, cmap=shades, norm=scale, extent=edges, origin="lower")
    for share in prior_radii:
        radius = np.sqrt(-2 * np.log1p(-share))
        for width, style, shade in ((2.2, "-", "white"), (0.9, "--", "black")):
            ax.add_patch(Circle((0, 0), radius, fill=False, linewidth=width, linestyle=style, edgecolor=shade))
        paper = {"color": "white", "pad": 0.8}
        ax.text(0, radius, f"{100 * share:g} %", ha="center", va="center", fontsize=7, bbox=paper, clip_on=True)
    scatter_phases(ax, codes, phases)
    ax.set(xlabel="$z_1$", ylabel="$z_2$", xlim=extent[:2], ylim=extent[2:], aspect="equal")
    fig.colorbar(image, ax=ax, label="KL at one latent variable (nats)", shrink=0.6, aspect=25)
    phase_bar(fig, [ax])
    return fig


@picture
def shares_by_radius(radii: ArrayLike, contributions: dict[str, ArrayLike], ring: float) -> Figure:
    """The share of Δ, and of the prior, that lies within a radius in Z₁ (thesis Table 9.2, its first row).

    ``radii`` ``(n,)`` are those of draws from the prior, and each entry of ``contributions`` ``(n,)`` holds what
    they add to Δ, in nats. The vertical line is at ``ring``, the radius at which the learned codes lie.
    Raises ``ValueError`` for more than four entries.
    """
    radii = np.asarray(radii)
    order = np.argsort(radii)
    upto = np.linspace(0, radii.max(), 300)
    within = np.searchsorted(radii[order], upto, side="right")
    fig = canvas(5.2, 3.1)
    ax = fig.subplots()
    # Every draw stands for the same amount of the prior.
    ax.plot(upto, within / len(radii), color="0.55", linewidth=2.4, alpha=0.6, label="prior mass")
    for label, (_, line, colour) in _styled("contributions", contributions):
        total = np.append(0, np.cumsum(np.asarray(contributions[label])[order], dtype=float))
        ax.plot(upto, total[within] / total[-1], line, color=colour, label=label)
    ax.axvline(ring, color="0.3", linestyle=(0, (1, 1)), linewidth=1)
    ax.annotate("learned ring", (ring, 1), (4, 2), textcoords="offset points", fontsize=8, color="0.3")
    ax.set(xlabel="radius in $Z_1$", ylabel="share within the radius", xlim=(0, upto[-1]), ylim=(0, 1.0))
    ax.legend(loc="lower right")
    return fig


@picture
def tolerances(table: pd.DataFrame, floor: float = 1e-3) -> Figure:
    """Δ of every pair of spaces, one mark per row of ``table``, beside the thesis's (thesis Table 9.2).

    Columns: ``pair`` ("R² → S¹"), ``reading`` (up to 4 different ones), ``value`` and ``thesis``, both in nats. A
    bar marks the printed value, and a band reaches from half of it to twice as much. What lies below ``floor``
    (nats), zero included, is drawn there, as a triangle that points to the left. Raises ``ValueError`` for a pair
    that the thesis lacks, or a fifth reading.
    """
    readings = list(dict.fromkeys(table.reading))
    if unknown := sorted(set(table.pair) - set(_PAIRS)):
        raise ValueError(f"pair is {unknown[0]!r}; choose from {', '.join(_PAIRS)}")
    fig = canvas(7, 3.9)
    ax = fig.subplots()
    for pair, printed in table.thesis.groupby(table.pair).first().items():
        row = _PAIRS.index(str(pair))
        ax.fill_betweenx([row - 0.42, row + 0.42], printed / 2, printed * 2, color="0.88", linewidth=0, zorder=0)
        ax.plot([printed, printed], [row - 0.42, row + 0.42], color="0.25", linewidth=1.8, zorder=1)
    handles = [Line2D([], [], color="0.25", linewidth=1.8), Patch(color="0.88", linewidth=0)]
    labels = ["printed", "within a factor of 2 of it"]
    for number, (reading, (marker, _, colour)) in enumerate(_styled("reading", readings)):
        part = table[table.reading == reading]
        rows = part.pair.map(_PAIRS.index) + 0.2 * (number - (len(readings) - 1) / 2)
        below = part.value < floor
        look: dict[str, Any] = {"linestyle": "", "color": colour, "markerfacecolor": "none", "clip_on": False}
        handles += ax.plot(part.value[~below], rows[~below], marker=marker, markersize=4.5, **look)
        labels.append(reading)
        if below.any():
            ax.plot([floor] * int(below.sum()), rows[below], marker="<", markersize=6, **look)
    if (table.value < floor).any():
        handles.append(Line2D([], [], linestyle="", marker="<", color="0.4", markerfacecolor="none"))
        labels.append(f"below {floor:g}")
    ax.set(xscale="log", xlabel=r"tolerance $\Delta$ (nats)")
    ax.set_yticks(range(len(_PAIRS)), labels=_PAIRS)
    ax.set_ylim(len(_PAIRS) - 0.5, -0.5)
    ax.grid(axis="x", color="0.92", linewidth=0.6)
    fig.legend(handles, labels, loc="outside lower center", ncols=3)
    return fig


def _styled(name: str, entries: Iterable[str]) -> Iterable[tuple[str, tuple[str, str, str]]]:
    """Every entry with a style of its own. Raises ``ValueError`` if there are more entries than styles."""
    entries = list(entries)
    if len(entries) > len(STYLES):
        raise ValueError(f"{name} has {len(entries)} different entries; choose {len(STYLES)} at most")
    return zip(entries, STYLES, strict=False)
