"""What every figure shares: the style, cyclic phases, and how a picture shows itself."""

import functools
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

PHASE_MAP = "twilight_shifted"
PHASE_LABELS = {-np.pi: "−π", -np.pi / 2: "−π/2", 0.0: "0", np.pi / 2: "π/2", np.pi: "π"}
PHASE_MARKERS = {-np.pi: "o", -np.pi / 2: "s", 0.0: "^", np.pi / 2: "D"}
#: Marker, line and colour of the first, second, ... curve: told apart without colour too.
STYLES = (("o", "-", "#0072B2"), ("s", "--", "#D55E00"), ("^", "-.", "#009E73"), ("D", ":", "#CC79A7"))
_STYLE_FILE = resources.files("latentsep.figures") / "latentsep.mplstyle"
_STYLE = mpl.rc_params_from_file(str(_STYLE_FILE), use_default_template=False)


@dataclass(frozen=True)
class Picture:
    """A finished matplotlib ``figure`` that shows itself in a notebook, byte for byte the same each time."""

    figure: Figure
    dense: bool = False

    def shapes(self, kind: str) -> list[Patch]:
        """What the first panel has of a class of matplotlib, such as ``"Circle"`` or ``"FancyArrowPatch"``."""
        return [patch for patch in self.figure.axes[0].patches if type(patch).__name__ == kind]

    def bytes(self, format: str) -> bytes:
        buffer = io.BytesIO()
        metadata = {"Date": None, "Creator": None} if format == "svg" else {"Software": None}
        with mpl.rc_context(_STYLE):
            self.figure.savefig(buffer, format=format, metadata=metadata, dpi=200)
        return buffer.getvalue()

    def _repr_mimebundle_(self, **_) -> dict[str, object]:
        if self.dense:
            return {"image/png": self.bytes("png")}
        return {"image/svg+xml": self.bytes("svg").decode()}


def picture(draw: Callable[..., Figure] | None = None, *, dense: bool = False):
    """Decorate a function that returns a ``Figure`` so that it draws in the book's style and returns a ``Picture``."""
    if draw is None:
        return functools.partial(picture, dense=dense)

    @functools.wraps(draw)
    def drawn(*args, **kwargs) -> Picture:
        with mpl.rc_context(_STYLE):
            figure = draw(*args, **kwargs)
            # Laid out once and for all: solved again at every rendering, the layout would drift.
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
            return Picture(figure, dense)

    return drawn


def canvas(width: float, height: float) -> Figure:
    """An empty figure of the given size in inches; pages are about 7 inches wide."""
    return Figure(figsize=(width, height), layout="constrained")


def scatter_phases(ax: Axes, points: torch.Tensor, phases: torch.Tensor, size: float = 9, rim: float = 0.25) -> None:
    """Mark points of the plane by phase: a cyclic colour each, and four phases with a marker of their own."""
    x, y = points.T
    ax.scatter(x, y, c=[colour(float(p)) for p in phases], s=size, zorder=3, linewidths=rim, edgecolors="0.4")
    for phase, marker in PHASE_MARKERS.items():
        nearest = int((phases - phase).abs().argmin())
        ax.scatter(
            x[nearest],
            y[nearest],
            color=colour(phase),
            marker=marker,
            s=size + 26,
            zorder=4,
            edgecolors="black",
            linewidths=0.8,
        )


def colour(phase: float) -> tuple[float, float, float, float]:
    """The colour of a phase in radians, from a cyclic map."""
    return mpl.colormaps[PHASE_MAP]((phase + np.pi) / (2 * np.pi) % 1.0)


def phase_bar(fig: Figure, axes: Sequence[Axes] | np.ndarray) -> None:
    """A colour bar for phases that also shows which marker stands for which phase."""
    scale = mpl.cm.ScalarMappable(mpl.colors.Normalize(-np.pi, np.pi), PHASE_MAP)
    bar = fig.colorbar(scale, ax=axes, shrink=0.6, aspect=25, label=r"phase $\varphi$ (radians)")
    bar.set_ticks(list(PHASE_LABELS), labels=list(PHASE_LABELS.values()))
    for phase, marker in PHASE_MARKERS.items():
        bar.ax.plot(
            [0.5], [phase], marker, color=colour(phase), markeredgecolor="black", markersize=5, clip_on=False, zorder=5
        )
