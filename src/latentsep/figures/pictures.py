"""Figures of photographs taken around a loop, and of what networks make of them (thesis ch. 10)."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike

from latentsep.data.benchmarks import embed, regular_phases
from latentsep.figures.base import (
    PHASE_LABELS,
    PHASE_MARKERS,
    canvas,
    colour,
    phase_bar,
    picture,
    scatter_phases,
)

_RIM = [withStroke(linewidth=2.1, foreground="0.45")]  # keeps pale frames visible on white
_CIRCLE = embed(torch.linspace(-math.pi, math.pi, 200))
_APART = math.radians(42)  # least angle between thumbnails, so that they hardly overlap


@picture(dense=True)
def views(pictures: np.ndarray, shown: int = 8) -> Figure:
    """Some of a turn's pictures ``(frames, H, W)``, uint8 or from 0 to 1, side by side, each above its angle."""
    chosen = _evenly(len(pictures), shown)
    fig, axes = _grid(len(chosen), len(chosen), (7 / len(chosen), 7 / len(chosen) + 0.2))
    for ax, frame in zip(axes, chosen, strict=True):
        _show(ax, pictures[frame])
        ax.set_xlabel(f"{round(360 * frame / len(pictures))}°", fontsize=8, labelpad=2)
    return fig


@picture(dense=True)
def around(images: np.ndarray, shown: int = 12, label: Callable[[int], str] | None = None) -> Figure:
    """A loop of pictures on the unit circle, some of them drawn beside their phase (thesis Figs 10.1, 10.5).

    ``images`` ``(frames, H, W)``, uint8 or from 0 to 1, are at regular phases; ``shown`` of them are drawn, in a
    frame of their phase's colour. ``label`` gives the text for a frame, counted from 0, such as its shift in pixels.
    """
    fig = canvas(6.4, 5.6)
    ax = fig.subplots()
    phases = regular_phases(len(images))
    side = min(0.58, 6.1 / shown)  # as large as leaves neighbours apart
    ax.plot(*_CIRCLE.T, color="0.8", linewidth=0.8, zorder=0)
    scatter_phases(ax, embed(phases), phases, size=14)
    for frame in _evenly(len(images), shown):
        place, shade = embed(phases[frame]), colour(float(phases[frame]))
        ax.plot(*torch.stack([place, 1.5 * place]).T, color="0.7", linewidth=0.8, zorder=0)
        _thumbnail(ax, images[frame], 1.58 * place, side, shade)
        if label:
            x, y = (0.81 * place).tolist()
            ax.text(x, y, label(int(frame)), ha="center", va="center", fontsize=8)
    ax.set(xlim=(-1.9, 1.9), ylim=(-1.9, 1.9), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    ax.set(xlabel=r"$\cos\varphi$", ylabel=r"$\sin\varphi$")
    phase_bar(fig, [ax])
    return fig


@picture(dense=True)
def reconstructions(rows: dict[str, np.ndarray], columns: Sequence[str]) -> Figure:
    """Pictures below each other for comparison: one row for every label, one column for every pose.

    Every row holds pictures ``(len(columns), H, W)``, uint8 or from 0 to 1; all share one scale of grey.
    """
    side = 6.1 / len(columns)
    fig = canvas(7, side * len(rows) + 0.3)
    axes = fig.subplots(len(rows), len(columns), squeeze=False)
    for row, (label, pictures) in zip(axes, rows.items(), strict=True):
        for ax, image in zip(row, pictures, strict=True):
            _show(ax, image)
        row[0].set_ylabel(label, rotation=0, ha="right", va="center")
    for ax, title in zip(axes[0], columns, strict=True):
        ax.set_title(title, fontsize=8)
    return fig


@picture(dense=True)
def strip(pictures: np.ndarray, angles: np.ndarray, columns: int = 12) -> Figure:
    """Decoded pictures ``(n, H, W)``, from 0 to 1, in reading order, each above its latent angle ``(n,)`` (radians)."""
    fig, axes = _grid(len(pictures), columns, (7 / columns, 7 / columns + 0.16))
    for ax, image, angle in zip(axes, pictures, angles, strict=True):
        _show(ax, image)
        ax.set_xlabel(f"{round(math.degrees(angle))}°".replace("-", "−"), fontsize=7, labelpad=2)
    return fig


@picture(dense=True)
def learned_circles(
    images: np.ndarray, angles: ArrayLike, phases: torch.Tensor, titles: Sequence[str], columns: int = 4
) -> Figure:
    """For every object the learned angles of its poses on the circle, with the pictures of eight of them.

    Shapes: ``images`` ``(objects, frames, H, W)``, uint8 or from 0 to 1; learned ``angles`` ``(objects, frames)``
    and true ``phases`` ``(frames,)`` in radians. Dots and frames have the colour of the true phase, so that an
    order that was found shows as a rainbow. A line joins a picture to its dot, as neighbours make room for each
    other. ``titles`` stand within the circles: one or two short lines.
    """
    fig, axes = _grid(len(images), columns, (7 / columns, 7 / columns), below=0.45)
    around = np.asarray(angles) % (2 * np.pi)
    for ax, loop, learned, title in zip(axes, images, around, titles, strict=True):
        ax.axis("off")
        ax.plot(*_CIRCLE.T, color="0.8", linewidth=0.8, zorder=0)
        scatter_phases(ax, embed(torch.as_tensor(learned)), phases, size=5)
        chosen = learned.argsort(kind="stable")[_evenly(len(loop), 8)]
        for frame, angle in zip(chosen, _apart(learned[chosen], _APART), strict=True):
            dot, centre = np.array([[np.cos(a), np.sin(a)] for a in (learned[frame], angle)]) * [[1], [1.85]]
            ax.plot(*np.stack([dot, centre]).T, color="0.6", linewidth=0.6, zorder=0)
            _thumbnail(ax, loop[frame], centre, 0.92, colour(float(phases[frame])))
        ax.set(xlim=(-2.37, 2.37), ylim=(-2.37, 2.37), aspect="equal")
        ax.text(0, 0, title, ha="center", va="center", fontsize=7.5)
    _phase_legend(fig)
    return fig


@picture
def lookalikes(distances: dict[str, np.ndarray], columns: int = 5) -> Figure:
    """How different pictures of an object are, against the angle between their poses: one panel for every object.

    Each entry ``(frames,)`` has the mean distance of pictures k = 0, 1, ... poses apart, in units of its mean over
    all k. A dip at 180° is an object that looks alike after half a turn.
    """
    fig, axes = _grid(len(distances), columns, (7 / columns, 1.15), below=0.5, sharex=True, sharey=True)
    look: dict[str, Any] = {"markersize": 1.8, "linewidth": 0.9, "clip_on": False}
    for ax, (title, distance) in zip(axes, distances.items(), strict=True):
        steps = np.arange(len(distance) // 2 + 1)
        ax.plot(360 / len(distance) * steps, np.asarray(distance)[steps], "o-", **look)
        ax.axhline(1, color="0.5", linewidth=0.6, linestyle=":", zorder=2)
        ax.set_title(title, fontsize=8, pad=2)
        ax.set(xlim=(0, 180), xticks=(0, 90, 180))
    axes[0].set_ylim(0, 1.1 * max(max(distance) for distance in distances.values()))
    for ax in axes[-columns:]:
        ax.tick_params(labelbottom=True)  # also where the last row ends early
    fig.supxlabel("angle between the poses (degrees)", fontsize=9)
    fig.supylabel("mean distance (relative)", fontsize=9)
    return fig


@picture
def orders(found: dict[str, np.ndarray]) -> Figure:
    """The place of every picture in an order against its true pose, both in degrees, one panel for every order.

    Each entry ``(frames,)`` has the places 0, 1, ... of the frames in a found order. Where an order starts and which
    way it goes means nothing, so both are chosen here to be as near as possible to the poses'.
    """
    side = min(2.15, 6.4 / len(found))
    fig = canvas(side * len(found) + 0.55, side + 0.45)
    axes = fig.subplots(1, len(found), squeeze=False, sharey=True)[0]
    for ax, (title, places) in zip(axes, found.items(), strict=True):
        n = len(places)
        points = 360 / n * np.stack([np.arange(n), _aligned(np.asarray(places))], 1)
        ax.plot((0, 360), (0, 360), color="0.8", linewidth=0.8, zorder=0)
        scatter_phases(ax, torch.tensor(points), regular_phases(n), size=7)
        ax.set(title=title, xlabel="true pose (degrees)", aspect="equal", xlim=(-8, 368), ylim=(-8, 368))
        ax.set(xticks=range(0, 361, 90), yticks=range(0, 361, 90))
    axes[0].set_ylabel("place in the order (degrees)")
    return fig


def grey(images: np.ndarray) -> np.ndarray:
    """Pictures from 0 to 1; those of a decoder may leave that range a little."""
    images = np.asarray(images)
    return images / 255 if images.dtype == np.uint8 else images.clip(0, 1)


def _evenly(count: int, shown: int) -> np.ndarray:
    """Up to ``shown`` indices below ``count``, evenly spaced."""
    return np.arange(min(shown, count)) * count // min(shown, count)


def _show(ax: Axes, image: np.ndarray) -> None:
    ax.imshow(grey(image), cmap="gray", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _thumbnail(ax: Axes, image: np.ndarray, centre: Iterable[float], side: float, shade: Sequence[float]) -> None:
    """A picture in a coloured frame; centre and side in the units of ``ax``."""
    x, y = (float(c) for c in centre)
    inset = ax.inset_axes((x - side / 2, y - side / 2, side, side), transform=ax.transData)
    _show(inset, image)
    frame: dict[str, Any] = {"edgecolor": shade, "linewidth": 1.4, "path_effects": _RIM}
    inset.add_patch(Rectangle((0, 0), 1, 1, fill=False, transform=inset.transAxes, clip_on=False, **frame))


def _apart(angles: np.ndarray, least: float) -> np.ndarray:
    """Sorted angles (radians), of neighbours around the circle that were too close pushed ``least`` apart."""
    for _ in range(500):
        short = (least - np.diff(angles, append=angles[0] + 2 * np.pi)).clip(0) / 2
        angles = angles + np.roll(short, 1) - short
    return angles


def _aligned(places: np.ndarray) -> np.ndarray:
    """Places 0, 1, ... in a cyclic order, turned and perhaps reversed such that they come nearest to 0, 1, ..."""
    n = len(places)
    means = {sense: np.exp(2j * np.pi / n * (sense * places - np.arange(n))).mean() for sense in (1, -1)}
    sense = max(means, key=lambda s: abs(means[s]))
    return (sense * places - round(np.angle(means[sense]) / (2 * np.pi) * n)) % n


def _grid(count: int, columns: int, cell: Sequence[float], below: float = 0, **shared) -> tuple[Figure, np.ndarray]:
    """A figure with a panel for each of ``count`` things, ``cell`` inches wide and high, and room below them all."""
    rows, columns = -(-count // columns), min(count, columns)
    fig = canvas(max(3.5, cell[0] * columns), cell[1] * rows + below)
    axes = fig.subplots(rows, columns, squeeze=False, **shared).ravel()
    for ax in axes[count:]:
        ax.axis("off")
    return fig, axes[:count]


def _phase_legend(fig: Figure) -> None:
    """Which marker and colour stand for which phase, in one line below the panels."""
    look: dict[str, Any] = {"linestyle": "", "markeredgecolor": "black"}
    marks = [Line2D([], [], color=colour(p), marker=m, label=PHASE_LABELS[p], **look) for p, m in PHASE_MARKERS.items()]
    title = r"true phase $\varphi$ (radians)"
    fig.legend(handles=marks, title=title, title_fontsize=8, loc="outside lower center", ncols=len(marks))
