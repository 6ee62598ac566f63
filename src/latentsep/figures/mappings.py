"""Pictures of maps between latent spaces: which there are, what one does step by step, where codes land (thesis ch. 9).

Spaces go by their names in the thesis, "R²", "S¹" and "Φ".
"""

import math
from collections.abc import Iterable

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from matplotlib.patheffects import withStroke
from torch import Tensor

from latentsep.datasets import embed
from latentsep.distributions import wrap
from latentsep.figures.base import PHASE_LABELS, PHASE_MARKERS, canvas, phase_bar, picture, scatter_phases
from latentsep.reductors import Family, Linear, Rotation, angles

TEX = {"R²": r"\mathbb{R}^2", "S¹": "S^1", "Φ": r"\Phi", "R⁴": r"\mathbb{R}^4", "T²": "T^2"}
_RED, _BLUE, _GREY, _GREEN = "#A50F15", "#3182BD", "0.45", "#009E73"  # of different lightness, too
_LOOK = {"R²": ("o", _RED), "S¹": ("s", _BLUE), "Φ": ("^", _GREY), "R⁴": ("o", _RED), "T²": ("s", _BLUE)}
_AXES = {"R²": ("z_1", "z_2"), "S¹": (r"\cos\theta", r"\sin\theta"), "Φ": (r"\cos\varphi", r"\sin\varphi")}
_HALO = [withStroke(linewidth=2.5, foreground="white")]  # keeps letters readable on top of marks
_BEND = 0.24  # of a curved arrow, relative to the distance that it covers
_INSIDE = 0.84  # radius at which mapped codes are drawn in a circle, whose own codes are at 1
_DASHED = (0, (4, 1.5))
_TURN = embed(torch.linspace(-math.pi, math.pi, 200))


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
    for name, place in places.items():
        ax.text(*place, name, ha="center", va="center", fontsize=16)
    first, data, second = places.values()
    _straight(ax, first, data, _RED, "-", shafts=2)
    _straight(ax, first, second, _BLUE, _DASHED, shafts=1)
    _straight(ax, second, data, _BLUE, _DASHED, shafts=2)
    ax.text(1.7, 2.34, r"$\mu^*_{X;1}$", ha="center", va="bottom", fontsize=14)
    ax.text(-0.12, 1.1, r"$M^{(\lambda)}_{1;2}$", ha="right", va="center", fontsize=14)
    ax.text(1.85, 1.0, r"$\mu^*_{X;2}$", ha="left", va="top", fontsize=14)
    ax.text(1.6, 2.06, "red path (solid)", ha="center", va="top", color=_RED, fontsize=11)
    ax.text(0.16, 1.2, "blue path\n(dashed)", ha="left", va="center", color=_BLUE, fontsize=11)
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
    for name, place in places.items():
        ax.text(*place, f"${TEX[name]}$", ha="center", va="center", fontsize=16)
    legend = {}
    for (source, target), family in families.items():
        linear = isinstance(family, Linear)
        look = {"color": _RED if linear else _BLUE, "linestyle": "-" if linear else _DASHED, "linewidth": 1.3}
        start, end = places[source], places[target]
        shape = {"connectionstyle": f"arc3,rad={_BEND}", "arrowstyle": "-|>", "mutation_scale": 11}
        ax.add_patch(FancyArrowPatch(start, end, shrinkA=13, shrinkB=13, **shape, **look))
        # The label sits on the curve, which passes half its bend to the right of the chord.
        right = np.array([(end - start)[1], (start - end)[0]])
        parameter = family.symbol.partition(r" \in")[0]
        label = rf"$M^{{({parameter})}}_{{{TEX[source]};{TEX[target]}}}$"
        paper = {"color": "white", "pad": 1}
        ax.text(*((start + end) / 2 + right * _BEND / 2), label, ha="center", va="center", bbox=paper, fontsize=11)
        kind = "matrix multiplication" if linear else "angle rotation"
        legend[f"{kind}, ${family.symbol}$"] = Line2D([], [], **look)
    fig.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=2, fontsize=10)
    return fig


def factors(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U, the singular values and Vᵀ of a 2×2 matrix U S Vᵀ, with signs such that Vᵀ is a rotation by at most 90°.

    A singular value decomposition leaves signs open: a column of U may change sign along with its row of
    Vᵀ. Changing one pair makes det Vᵀ = +1; changing both turns Vᵀ by 180°.
    """
    u, s, vt = torch.linalg.svd(matrix)
    signs = torch.ones_like(s)
    signs[1] = torch.linalg.det(vt).sign()
    # The diagonal of a rotation is twice the same cosine.
    signs = signs * (1 if float((signs[:, None] * vt).trace()) >= 0 else -1)
    return u * signs, s, signs[:, None] * vt


def _degrees(radians: float) -> str:
    return f"{math.degrees(radians):.0f}°".replace("-0°", "0°").replace("-", "−")


@picture
def matrix_steps(matrix: Tensor, points: Tensor, phases: Tensor) -> Figure:
    """What multiplication by a ``(2, 2)`` matrix U S Vᵀ does to points ``(n, 2)``, step by step (thesis Fig. 9.3).

    The factors are those of ``factors``, so that Vᵀ is a rotation, and U is one or a reflection. The grey curve
    is the image of the unit circle, the two grey lines those of the axes that S stretches, and the arrow points
    at the datapoint of phase ±π. ``phases`` ``(n,)`` in radians.
    """
    u, s, vt = factors(matrix)
    first, last = (math.atan2(m[1, 0], m[0, 0]) for m in (vt, u))
    # The first column of a reflection lies at twice the angle of its mirror.
    mirrors = torch.linalg.det(u) < 0
    kind = f"mirrored in the line at {_degrees(last / 2)}" if mirrors else f"turned by {_degrees(last)}"
    steps = {
        "codes": torch.eye(2),
        f"$V^T$: turned by {_degrees(first)}": vt,
        f"$S$: scaled by {s[0]:.3g} and {s[1]:.3g}": s[:, None] * vt,
        f"$U$: {kind}": u @ (s[:, None] * vt),
    }
    fig, axes = _panels({title: points @ step.mT for title, step in steps.items()}, phases, float(s.max()))
    for ax, step in zip(axes, steps.values(), strict=True):
        ax.plot(*(_TURN @ step.mT).T, color="0.75", linewidth=0.8, zorder=1)
        for axis, style in zip(vt @ step.mT, ("-", "--"), strict=True):
            ax.plot(*torch.stack([-axis, axis]).T, style, color="0.75", linewidth=0.8, zorder=1)
    return fig


@picture
def rotation_steps(family: Rotation, parameters: Tensor, points: Tensor, phases: Tensor) -> Figure:
    """What a rotation by θ' ``(1,)`` does to codes in the plane ``(n, 2)``, step by step (thesis Fig. 9.4).

    A reflected family mirrors the angles first. The outer ring of the last panel holds the true ``phases``
    ``(n,)``, in radians; the arrow points at the datapoint of phase ±π. Raises ``ValueError`` if the family
    says ``reflected`` member by member: the picture shows one member.
    """
    if not isinstance(family.reflected, bool):
        raise ValueError(f"reflected is {family.reflected}; choose that of one member, True or False")
    on_circle = angles(family.source, points)
    steps = {"codes": points, "projected": embed(on_circle[:, 0])}
    if family.reflected:
        steps["mirrored"] = embed(-on_circle[:, 0])
    steps[f"turned by {_degrees(wrap(parameters).item())}"] = embed(family.apply(parameters, points)[:, 0])
    fig, axes = _panels(steps, phases, 1.3)
    for ax in axes:
        ax.plot(*_TURN.T, color="0.75", linewidth=0.8, zorder=1)
    scatter_phases(axes[-1], 1.3 * embed(phases), phases)
    return fig


def _panels(steps: dict[str, Tensor], phases: Tensor, reach: float) -> tuple[Figure, np.ndarray]:
    """A panel for each step, with points ``(n, 2)`` coloured by phase and an arrow to the one nearest to ±π.

    All share one square window that holds every point and reaches at least to ``reach``.
    """
    rows = 1 + len(steps) // 4
    fig = canvas(*((6.2, 5.6) if rows == 2 else (7, 2.5)))
    axes = fig.subplots(rows, len(steps) // rows, sharex=True, sharey=True, squeeze=False)
    reach = 1.1 * max(reach, *(float(points.abs().max()) for points in steps.values()))
    for number, (ax, (title, points)) in enumerate(zip(axes.flat, steps.items(), strict=True), 1):
        scatter_phases(ax, points, phases)
        tip = points[_nearest(phases, -math.pi)].tolist()
        arrow = {"arrowstyle": "-|>", "mutation_scale": 10, "color": "black", "shrinkA": 0, "shrinkB": 4}
        ax.add_patch(FancyArrowPatch((0, 0), tip, **arrow))
        ax.set(title=f"{number}. {title}", aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach))
        ax.locator_params(nbins=5)
    for ax in axes[-1]:
        ax.set_xlabel("first coordinate")
    for ax in axes[:, 0]:
        ax.set_ylabel("second coordinate")
    phase_bar(fig, axes)
    return fig, axes.ravel()


def _nearest(phases: Tensor, phase: float) -> int:
    """The index of the phase nearest to ``phase`` around the circle."""
    return int(wrap(phases - phase).abs().argmin())


@picture(dense=True)
def mapped_grid(codes: dict[str, Tensor], mapped: dict[tuple[str, str], Tensor], phases: Tensor) -> Figure:
    """Codes mapped from each space (row) into each (column), beside the target's own (thesis Figs 9.5, 10.4, 10.8).

    ``codes`` has the points ``(n, 2)`` of every space and ``mapped`` those of every (source, target); ``phases``
    ``(n,)`` in radians. A line joins the two points of a datapoint, so that a good map has short lines. On the
    circles, mapped codes are drawn at a smaller radius. Marks are dark at phase ±π and pale at 0, and four
    phases are named.
    """
    side = 1.6 + 1.8 * len(codes)  # three spaces fill the page
    fig = canvas(side, side + 0.4)
    axes = fig.subplots(len(codes), len(codes), sharex="col", sharey="col", squeeze=False)
    for source, row in zip(codes, axes, strict=True):
        for (target, own), ax in zip(codes.items(), row, strict=True):
            compared(ax, target, own, mapped.get((source, target)), phases)
            square(ax, [own, *(mapped[s, target] for s in codes if s != target)])
    for name, top, bottom, left in zip(codes, axes[0], axes[-1], axes[:, 0], strict=True):
        top.set_title(f"into ${TEX[name]}$")
        left.set_ylabel(f"from ${TEX[name]}$")
        bottom.set_xlabel("${}$ across, ${}$ up".format(*_AXES[name]))
    spaces_legend(fig, codes)
    return fig


def compared(ax: Axes, space: str, own: Tensor, mapped: Tensor | None, phases: Tensor) -> None:
    """Codes ``(n, 2)`` of a space and those mapped into it, if any, joined by a line where the datapoint is the same.

    Mapped codes are drawn at a smaller radius in circles, where they would hide behind the own ones.
    """
    if mapped is not None:
        there = mapped * (1 if space.startswith("R") else _INSIDE)
        lines = torch.stack([own, there], 1)
        ax.add_collection(LineCollection(lines.numpy(), colors="0.6", linewidths=0.6, zorder=1))
        _shaded(ax, there, phases, "x", _GREEN)
    _shaded(ax, own, phases, *_LOOK[space])
    for phase in PHASE_MARKERS:
        at = own[_nearest(phases, phase)]
        away = 10 * at / at.norm().clamp(min=1e-9)
        ax.annotate(
            PHASE_LABELS[phase], at.tolist(), away.tolist(), textcoords="offset points", fontsize=7,
            ha="center", va="center", zorder=5, path_effects=_HALO,
        )  # fmt: skip


def square(ax: Axes, points: Iterable[Tensor]) -> None:
    """A window around the origin, as wide as high, in which several sets of points ``(n, 2)`` have room for names."""
    reach = 1.4 * max(float(p.abs().max()) for p in points)
    ax.set(aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach))
    ax.locator_params(nbins=5)


def spaces_legend(fig: Figure, spaces: Iterable[str]) -> None:
    """Which marks are codes of which space, and which were mapped there, below the panels."""
    looks = {f"codes in ${TEX[name]}$": _LOOK[name] for name in spaces} | {"mapped codes": ("x", _GREEN)}
    handles = [Line2D([], [], linestyle="", marker=m, color=c, label=label) for label, (m, c) in looks.items()]
    handles.append(Line2D([], [], color="0.6", linewidth=0.6, label="same phase"))
    fig.legend(handles=handles, title="dark: phase ±π, pale: phase 0", loc="outside lower center", ncols=len(handles))


def _shaded(ax: Axes, points: Tensor, phases: Tensor, marker: str, colour: str) -> None:
    """Marks in one colour, the paler the nearer the phase is to 0."""
    pale = 0.7 * (1 + phases.cos().numpy()[:, None]) / 2
    shades = (1 - pale) * np.array(mpl.colors.to_rgb(colour)) + pale
    look = {"s": 14, "linewidths": 1.1} if marker == "x" else {"s": 16, "linewidths": 0.6, "edgecolors": colour}
    ax.scatter(*points.T, c=shades, marker=marker, zorder=3 if marker == "x" else 2, **look)
