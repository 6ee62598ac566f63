"""A torus that a reader can turn, drawn by plotly, with a still twin for paper and for pages without scripts."""

import math

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from latentsep.figures.base import PHASE_MAP, PHASE_MARKERS, canvas, colour, phase_bar, picture
from latentsep.figures.interactive import Interactive
from latentsep.models.latent_spaces import CliffordTorus

_CORE = math.sqrt(2)  # radius of the circle in the middle of the tube, whose own radius is 1
_VIEW = (38, -60)  # elevation and azimuth of the camera, in degrees
_DASHES = (0, (4, 1.5))
#: Lines in plotly: how far above the surface, and how they look.
_WHITE, _BLACK = (0.006, {"color": "white", "width": 7}), (0.011, {"color": "black", "width": 3.5})


class Turnable(Interactive):
    """A closed surface over two phases, to be turned.

    Its data holds the values of the ``first`` and ``second`` phase that make the grid, the ``surface`` and ``lines`` as
    plotly has them, the colour ``scale``, and where the ``eye`` of the camera is.
    """

    kind = "turnable"
    later = ("plotly.min.js",)


def turnable_torus(alt: str, phase_points: int = 60) -> Turnable:
    """The Clifford torus (thesis 11.6) after stereographic projection to R³, to be turned (thesis Fig. 11.2).

    The surface has ``phase_points`` values of each phase, evenly spaced in R³, and is coloured by either; lines are
    where one of the phases is −π, −π/2, 0 or π/2. ``alt`` is the alternative text. Raises ``ValueError`` for fewer than
    8 points.
    """
    if phase_points < 8:
        raise ValueError(f"phase_points is {phase_points!r}; choose 8 or more")
    first, second = np.linspace(-np.pi, np.pi, phase_points + 1), _evenly(phase_points + 1)
    shades = mpl.colormaps[PHASE_MAP](np.linspace(0, 1, 33))
    lines = [
        {**_coordinates(_lifted(_dashed(line) if dashed and height == _BLACK[0] else line, height)), "line": look}
        for line, dashed in _lines()
        for height, look in (_WHITE, _BLACK)
    ]
    data = {
        "first": first.round(5).tolist(),
        "second": second.round(5).tolist(),
        "surface": _coordinates(torus(*np.meshgrid(first, second))),
        "lines": lines,
        "eye": dict(zip("xyz", (1.75 * _towards_camera()).round(4).tolist(), strict=True)),
        "scale": [(round(k / 32, 5), mpl.colors.to_hex(shade)) for k, shade in enumerate(shades)],
    }
    return Turnable("turnable-torus", alt, _still(), data)


def stereographic(points: Tensor) -> Tensor:
    """Project points ``(..., 4)`` of the unit sphere from its pole (0, 0, 0, 1) to R³, shape ``(..., 3)``."""
    return points[..., :3] / (1 - points[..., 3:])


def torus(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where two phases (radians, one shape) are on the projected torus, shape ``(..., 3)``.

    It is a torus of revolution: φ⁽¹⁾ goes around the axis at a distance of √2, φ⁽²⁾ around a tube of radius 1.

    >>> torus(np.zeros(1), np.zeros(1)).round(3)
    array([[0.707, 0.   , 0.707]])
    """
    phases = torch.from_numpy(np.stack([first, second], -1))
    return stereographic(CliffordTorus().embed(phases)).numpy()


def _evenly(count: int) -> np.ndarray:
    """Values of the second phase from −π to π that are equally far from each other on the projected torus."""
    fine = np.linspace(-np.pi, np.pi, 4001)
    way = np.append(0, np.linalg.norm(np.diff(torus(0 * fine, fine), axis=0), axis=1).cumsum())
    return np.interp(np.linspace(0, way[-1], count), way, fine)


def _lines() -> list[tuple[np.ndarray, bool]]:
    """Closed curves ``(n, 3)`` where the first phase is constant, and then, to be dashed, the second."""
    turn = np.linspace(-np.pi, np.pi, 361)
    solid = [(torus(np.full_like(turn, p), turn), False) for p in PHASE_MARKERS]
    return solid + [(torus(turn, np.full_like(turn, p)), True) for p in PHASE_MARKERS]


def _dashed(line: np.ndarray, dash: float = 0.2) -> np.ndarray:
    """A closed curve ``(n, 3)`` with gaps (NaN) half as long as its dashes of about that length."""
    circumference = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    periods = round(circumference / (1.5 * dash))
    place = np.linspace(0, periods, len(line)) % 1
    return np.where((place > 2 / 3)[:, None], np.nan, line)


def _lifted(points: np.ndarray, height: float) -> np.ndarray:
    """Points of the torus, moved out of it, so that neither hides parts of the other."""
    axis = np.hypot(points[..., 0], points[..., 1])
    core = points * _CORE / axis[..., None] * (1, 1, 0)
    return core + (1 + height) * (points - core)


def _coordinates(points: np.ndarray) -> dict[str, list]:
    """Lists for plotly, in which a gap is None."""
    columns = points.round(4).astype(object)
    columns[np.isnan(points)] = None
    return {name: columns[..., k].tolist() for k, name in enumerate("xyz")}


def _towards_camera() -> np.ndarray:
    up, across = np.radians(_VIEW)
    return np.array([np.cos(up) * np.cos(across), np.cos(up) * np.sin(across), np.sin(up)])


def _hidden(points: np.ndarray) -> np.ndarray:
    """Which points ``(n, 3)`` have a part of the torus between them and the camera, which is far away."""
    way = points[:, None] + np.linspace(0.03, 5, 200)[:, None] * _towards_camera()
    distance = np.hypot(np.hypot(way[..., 0], way[..., 1]) - _CORE, way[..., 2])
    return (distance < 0.99).any(1)


@picture(dense=True)
def _still() -> Figure:
    """The torus from one side, in colours of either phase."""
    fig = canvas(7, 2.5)
    axes = fig.subplots(1, 2, subplot_kw={"projection": "3d", "computed_zorder": False, "proj_type": "ortho"})
    phases = np.linspace(-np.pi, np.pi, 151)
    grid = np.meshgrid(phases, phases)
    points = torus(*grid)
    for ax, phase, number in zip(axes, grid, (1, 2), strict=True):
        shades = mpl.colormaps[PHASE_MAP]((phase + np.pi) / (2 * np.pi))
        ax.plot_surface(*np.moveaxis(points, -1, 0), facecolors=shades, rstride=1, cstride=1, shade=False, zorder=1)
        for line, dashed in _lines():
            seen = np.where(_hidden(line)[:, None], np.nan, line)
            ax.plot(*seen.T, color="white", linewidth=1.8, zorder=2)
            ax.plot(*seen.T, color="black", linewidth=0.9, linestyle=_DASHES if dashed else "-", zorder=3)
        for value, marker in PHASE_MARKERS.items():
            pair = (value, 0.0) if number == 1 else (0.0, value)
            at = torus(*np.array(pair)[:, None])
            if not _hidden(at)[0]:
                look = {"color": colour(value), "markeredgecolor": "black", "markersize": 5}
                ax.plot(*at.T, marker, zorder=4, **look)
        ax.view_init(*_VIEW)
        ax.set_axis_off()
        ax.set_box_aspect(np.ptp(points, axis=(0, 1)), zoom=1.5)
        ax.set_title(rf"colour: $\varphi^{{({number})}}$", y=0.95)
    fig.supxlabel(r"solid: $\varphi^{(1)}$ constant, dashed: $\varphi^{(2)}$ constant", fontsize=8)
    phase_bar(fig, axes)
    return fig
