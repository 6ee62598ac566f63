"""Pictures of maps between latent spaces: which there are, what one does step by step, where codes land (thesis ch. 9).

Spaces go by their names in the thesis, "R²", "S¹" and "Φ".
"""

import math
from collections.abc import Iterable
from typing import Any

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

from latentsep.data.benchmarks import embed
from latentsep.figures.base import PHASE_LABELS, PHASE_MARKERS, canvas, phase_bar, picture, scatter_phases
from latentsep.models.circular import wrap
from latentsep.reductions.reductors import Rotation, angles

TEX = {"R²": r"\mathbb{R}^2", "S¹": "S^1", "Φ": r"\Phi", "R⁴": r"\mathbb{R}^4", "T²": "T^2"}
RED, BLUE, _GREY, _GREEN = "#A50F15", "#3182BD", "0.45", "#009E73"  # of different lightness, too
_LOOK = {"R²": ("o", RED), "S¹": ("s", BLUE), "Φ": ("^", _GREY), "R⁴": ("o", RED), "T²": ("s", BLUE)}
_AXES = {"R²": ("z_1", "z_2"), "S¹": (r"\cos\theta", r"\sin\theta"), "Φ": (r"\cos\varphi", r"\sin\varphi")}
_HALO = [withStroke(linewidth=2.5, foreground="white")]  # keeps letters readable on top of marks
_INSIDE = 0.84  # radius at which mapped codes are drawn in a circle, whose own codes are at 1
DASHED = (0, (4, 1.5))
_TURN = embed(torch.linspace(-math.pi, math.pi, 200))


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
        tip = tuple(points[_nearest(phases, -math.pi)].tolist())
        arrow: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 10, "color": "black"}
        ax.add_patch(FancyArrowPatch((0, 0), tip, shrinkA=0, shrinkB=4, **arrow))
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
        ax.add_collection(LineCollection(list(lines.numpy()), colors="0.6", linewidths=0.6, zorder=1))
        _shaded(ax, there, phases, "x", _GREEN)
    _shaded(ax, own, phases, *_LOOK[space])
    for phase in PHASE_MARKERS:
        at = own[_nearest(phases, phase)]
        away = 10 * at / at.norm().clamp(min=1e-9)
        ax.annotate(
            PHASE_LABELS[phase], tuple(at.tolist()), tuple(away.tolist()), textcoords="offset points", fontsize=7,
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
    look: dict[str, Any] = {"s": 16, "linewidths": 0.6, "edgecolors": colour}
    if marker == "x":
        look = {"s": 14, "linewidths": 1.1}
    x, y = points.T
    ax.scatter(x, y, c=shades, marker=marker, zorder=3 if marker == "x" else 2, **look)
