"""Pictures of data with two phases, and of the tori that encoders make of them (thesis ch. 11)."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from torch import Tensor

from latentsep.data.benchmarks import ExtendedBenchmark
from latentsep.figures.base import (
    PHASE_LABELS,
    PHASE_MARKERS,
    STYLES,
    canvas,
    colour,
    phase_bar,
    picture,
    scatter_phases,
)
from latentsep.figures.mappings import TEX, compared, spaces_legend, square

_FINE = 400  # points of a curve that should look smooth
_EVERY = 5  # of the values of a phase, how many apart the lines of a flat torus are
_NAMES = (r"\varphi^{(1)}", r"\varphi^{(2)}")
_RIM = "0.35"  # around colours, the palest of which would be lost on white


@picture
def mean_picture(data: ExtendedBenchmark, phases: Sequence[float] = (0.0, 0.0)) -> Figure:
    """F(φ) for a pair of phases (radians) as a picture, and the two sines it is the sum of (thesis Fig. 11.1).

    Beside the picture is the sine that varies with the row i and has phase φ⁽¹⁾, below it the one that varies with
    the column j and has phase φ⁽²⁾.
    """
    fig = canvas(5.6, 5.1)
    grid = fig.add_gridspec(2, 2, width_ratios=(3, 1), height_ratios=(3, 1))
    main = fig.add_subplot(grid[0, 0])
    right, below = fig.add_subplot(grid[0, 1], sharey=main), fig.add_subplot(grid[1, 0], sharex=main)
    values = data.mean(torch.tensor(phases, dtype=torch.float64)).numpy()
    edges = (0.5, data.side + 0.5)
    image = main.imshow(values, cmap="gray", vmin=-2, vmax=2, extent=(*edges, *edges[::-1]), aspect="auto")
    index, fine = np.arange(1, data.side + 1), np.linspace(*edges, _FINE)
    look: dict[str, Any] = {"color": STYLES[0][2], "linestyle": "", "markersize": 3}
    first, second = (lambda t, k=k, p=p: np.sin(2 * np.pi * k * t / data.side + p) for k, p in enumerate(phases, 1))
    right.plot(first(fine), fine, color="0.6", linewidth=1)
    right.plot(first(index), index, marker="o", **look)
    below.plot(fine, second(fine), color="0.6", linewidth=1)
    below.plot(index, second(index), marker="o", **look)
    main.set(ylabel="row index $i$")
    main.tick_params(labelbottom=False)
    right.set(xlabel=rf"$\sin(2\pi i/D + {_NAMES[0]})$", xlim=(-1.15, 1.15), xticks=(-1, 0, 1))
    right.tick_params(labelleft=False)
    below.set(xlabel="column index $j$", ylabel=rf"$\sin(4\pi j/D + {_NAMES[1]})$", ylim=(-1.15, 1.15))
    below.set_yticks((-1, 0, 1))
    main.set_yticks([1, *range(5, data.side + 1, 5)])
    main.set_xticks([1, *range(5, data.side + 1, 5)])
    fig.colorbar(image, ax=main, location="left", label=rf"$f_{{i,j}}({_NAMES[0]}, {_NAMES[1]})$", ticks=range(-2, 3))
    return fig


@picture(dense=True)
def raw_coordinates(codes: dict[str, Tensor], phases: Tensor, labels: Sequence[str] = ("z_1", "z_2", "z_3")) -> Figure:
    """Three coordinates of codes ``(n, 4)``, a row for every entry, in colours of each phase (thesis Figs 11.3, 11.4).

    ``phases`` ``(n, 2)`` in radians; ``labels`` name the coordinates in TeX. Four values of the phase that gives the
    colour are marked where the other phase is 0, whether these points can be seen from the front or not.
    """
    fig = canvas(7, 2.9 * len(codes) + 0.35)
    axes = fig.subplots(len(codes), 2, squeeze=False, subplot_kw={"projection": "3d", "computed_zorder": False})
    for row, (title, points) in zip(axes, codes.items(), strict=True):
        points = points[:, :3]
        low, high = points.min(0).values, points.max(0).values
        reach = 0.52 * float((high - low).max())
        limits = [(m - reach, m + reach) for m in ((low + high) / 2).tolist()]
        for number, (ax, name) in enumerate(zip(row, _NAMES, strict=True)):
            shades = [colour(float(p)) for p in phases[:, number]]
            ax.scatter(*points.T, c=shades, s=5, depthshade=False, linewidths=0.1, edgecolors="0.4")
            for phase, (marker, index) in _marked(phases, number).items():
                look: dict[str, Any] = {"color": colour(phase), "markeredgecolor": "black", "markersize": 6}
                ax.plot(*points[index, :, None], marker, zorder=5, **look)
            ax.set_title(f"{title}, colour: ${name}$", y=1.0)
            ax.set(xlim=limits[0], ylim=limits[1], zlim=limits[2])
            ax.set_box_aspect((1, 1, 1), zoom=0.92)
            ax.tick_params(pad=-2, labelsize=7)
            ax.locator_params(nbins=4)
            for axis, label, turned in zip((ax.xaxis, ax.yaxis, ax.zaxis), labels, (0, 0, 90), strict=True):
                axis.set_rotate_label(False)
                axis.set_label_text(f"${label}$", rotation=turned, fontsize=8)
                axis.labelpad = -4
    phase_bar(fig, axes)
    return fig


def _marked(phases: Tensor, number: int) -> dict[float, tuple[str, int]]:
    """Markers of four phases, and the datapoints to mark: of their value of one phase (0 or 1), the other one 0."""
    one, other = phases[:, number], phases[:, 1 - number]
    return {p: (m, int(((one - p).cos() + other.cos()).argmax())) for p, m in PHASE_MARKERS.items()}


@picture(dense=True)
def planes(codes: dict[str, Tensor], phases: Tensor) -> Figure:
    """Codes ``(n, 4)`` in two planes, their first two numbers and their last two, a row for every entry.

    The first plane is coloured by φ⁽¹⁾ and the second by φ⁽²⁾, of ``phases`` ``(n, 2)`` in radians.
    """
    fig = canvas(6.2, 2.7 * len(codes) + 0.2)
    axes = fig.subplots(len(codes), 2, squeeze=False)
    for row, (title, points) in zip(axes, codes.items(), strict=True):
        reach = 1.12 * float(points.abs().max())
        for number, (ax, name) in enumerate(zip(row, _NAMES, strict=True)):
            plane = points[:, 2 * number : 2 * number + 2]
            # Rims of their own would cover the colours of marks that overlap.
            ax.scatter(*plane.T, color="0.4", s=8, linewidths=0, zorder=2)
            scatter_phases(ax, plane, phases[:, number], size=5, rim=0)
            ax.set(title=f"{title}, colour: ${name}$", aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach))
            across, up = (("first", "second"), ("third", "fourth"))[number]
            ax.set(xlabel=f"{across} coordinate", ylabel=f"{up} coordinate")
            ax.locator_params(nbins=5)
    phase_bar(fig, axes)
    return fig


@picture
def flat_torus(
    angles: dict[str, Tensor], phases: Tensor, count: int = 50, notes: dict[str, str] | None = None
) -> Figure:
    """Where encoders take the grid of ``count`` × ``count`` pairs of phases on their torus, cut open to a square.

    Every entry has latent angles ``(n, 2)`` and a panel; ``phases`` ``(n, 2)``, all in radians. Along solid lines
    φ⁽¹⁾ is constant and gives the colour, along dashed ones φ⁽²⁾. What leaves the square comes back on the other
    side. A step of more than π/2 between neighbours is a tear, and grey. ``notes`` has short texts, by name, to
    stand below panels. Raises ``ValueError`` for another number of points and for a note to nothing.
    """
    texts = notes or {}
    if set(texts) - set(angles):
        raise ValueError(f"notes is for {', '.join(map(repr, texts))}; choose from {', '.join(map(repr, angles))}")
    if len(phases) != count**2 or any(len(a) != count**2 for a in angles.values()):
        raise ValueError(f"count is {count}, for {len(phases)} pairs of phases; choose the root of their number")
    columns, rows = min(3, len(angles)), -(-len(angles) // 3)
    lines = max((len(text.splitlines()) for text in texts.values()), default=0)
    fig = canvas(7 if columns == 3 else 2.2 * columns + 1.6, (2.05 + 0.14 * lines) * rows + 0.75)
    axes = fig.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    order = np.lexsort(phases.T.flip(0).numpy())
    grid = phases[order].unflatten(0, (count, count)).numpy()
    for ax, (title, found) in zip(axes.flat, angles.items(), strict=False):
        _grid_lines(ax, found[order].unflatten(0, (count, count)).numpy(), grid)
        ax.set(title=title, aspect="equal", xlim=(-np.pi, np.pi), ylim=(-np.pi, np.pi))
        ax.spines[:].set_visible(True)
        ax.set_xticks(list(PHASE_LABELS), labels=list(PHASE_LABELS.values()))
        ax.set_yticks(list(PHASE_LABELS), labels=list(PHASE_LABELS.values()))
        ax.tick_params(labelbottom=True)
        ax.set_xlabel(texts.get(title, ""), fontsize=7)
    for ax in axes.flat[len(angles) :]:
        ax.axis("off")
    fig.supxlabel(r"latent angle $\theta_1$ (radians)", fontsize=9)
    fig.supylabel(r"latent angle $\theta_2$ (radians)", fontsize=9)
    looks: dict[str, dict[str, Any]] = {
        f"${_NAMES[0]}$ constant": {"color": "0.3"},
        f"${_NAMES[1]}$ constant": {"color": "0.3", "linestyle": (0, (4, 1.5)), "linewidth": 1.0},
        "tear": {"color": "0.8", "linewidth": 0.6},
    }
    handles = [Line2D([], [], label=label, **look) for label, look in looks.items()]
    fig.legend(handles=handles, title="marks: where the other phase is 0", loc="outside upper center", ncols=3)
    phase_bar(fig, axes)
    return fig


def _grid_lines(ax: Axes, angles: np.ndarray, phases: np.ndarray) -> None:
    """Lines of constant phase on a grid ``(count, count, 2)``; the first axis has the values of φ⁽¹⁾."""
    for phase, width, style in ((0, 1.5, "-"), (1, 1.0, (0, (4, 1.5)))):
        loops, values = np.swapaxes(angles, 0, phase), np.swapaxes(phases, 0, phase)[:, 0, phase]
        paths, shades, jumps = [], [], []
        for loop, value in zip(loops[::_EVERY], values[::_EVERY], strict=True):
            whole, torn = _unbroken(loop)
            paths += whole
            shades += [colour(float(value))] * len(whole)
            jumps += torn
        ax.add_collection(LineCollection(jumps, colors="0.8", linewidths=0.6, zorder=1))
        rim = [withStroke(linewidth=width + 0.6, foreground=_RIM)]
        look: dict[str, Any] = {"linewidths": width, "linestyles": [style], "path_effects": rim, "zorder": 3 - phase}
        ax.add_collection(LineCollection(paths, colors=shades, **look))
        for value, (marker, index) in _marked(torch.from_numpy(phases).flatten(0, 1), phase).items():
            dot: dict[str, Any] = {"color": colour(value), "markeredgecolor": "black", "markersize": 5}
            ax.plot(*angles.reshape(-1, 2)[index], marker, clip_on=False, zorder=5, **dot)


def _unbroken(loop: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The paths that a closed loop of angles ``(n, 2)`` goes in the square, and its jumps.

    A path that leaves the square is there once more for every turn, so that what is inside of it is complete.
    """
    steps = (np.roll(loop, -1, 0) - loop + np.pi) % (2 * np.pi) - np.pi
    torn = np.abs(steps).max(1) > np.pi / 2
    if not torn.any():
        return _copies(np.cumsum([loop[0], *steps], 0)), []
    # From behind a jump on, so that every part ends with one.
    start = -(torn.nonzero()[0][-1] + 1)
    loop, steps, torn = np.roll(loop, start, 0), np.roll(steps, start, 0), np.roll(torn, start)
    ends = torn.nonzero()[0] + 1
    parts = [np.cumsum([loop[i], *steps[i : j - 1]], 0) for i, j in itertools.pairwise([0, *ends])]
    jumps = [np.stack([loop[j - 1], loop[j - 1] + steps[j - 1]]) for j in ends]
    return [c for p in parts if len(p) > 1 for c in _copies(p)], [c for j in jumps for c in _copies(j)]


def _copies(path: np.ndarray) -> list[np.ndarray]:
    """A path ``(n, 2)``, moved by whole turns to where it meets the square; on its border, to both sides."""
    near = 1e-3
    first = np.floor((path.min(0) + np.pi - near) / (2 * np.pi)).astype(int)
    last = np.floor((path.max(0) + np.pi + near) / (2 * np.pi)).astype(int)
    turns = itertools.product(*(range(a, b + 1) for a, b in zip(first, last, strict=True)))
    return [path - 2 * np.pi * np.array(t) for t in turns]


@picture(dense=True)
def mapped_tori(own: dict[str, Tensor], mapped: dict[tuple[str, str], Tensor], phases: Tensor) -> Figure:
    """Codes mapped from "R⁴" and "T²" (row) into each (column), beside the target's own (thesis Fig. 11.5).

    ``own`` has the codes ``(n, 4)`` of every space and ``mapped`` those of every (source, target). Each is shown in
    two planes: its first two numbers, shaded by φ⁽¹⁾, and its last two, by φ⁽²⁾, of ``phases`` ``(n, 2)`` in radians.
    A line joins the two points of a datapoint. On the torus, mapped codes are drawn at a smaller radius.
    """
    fig = canvas(7, 1.65 * len(own) + 0.65)
    axes = fig.subplots(len(own), 2 * len(own), sharex="col", sharey="col", squeeze=False)
    for column, (target, plane) in enumerate(itertools.product(own, (0, 1))):
        part = slice(2 * plane, 2 * plane + 2)
        for source, ax in zip(own, axes[:, column], strict=True):
            there = None if source == target else mapped[source, target][:, part]
            compared(ax, target, own[target][:, part], there, phases[:, plane])
            square(ax, [own[target], *(mapped[s, target] for s in own if s != target)])
        axes[0, column].set_title(f"into ${TEX[target]}$, shade: ${_NAMES[plane]}$", fontsize=8)
        axes[-1, column].set_xlabel(("first across, second up", "third across, fourth up")[plane], fontsize=8)
    for source, ax in zip(own, axes[:, 0], strict=True):
        ax.set_ylabel(f"from ${TEX[source]}$")
    spaces_legend(fig, own)
    return fig
