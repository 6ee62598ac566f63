"""What every figure shares: the style, cyclic phases, and how a picture shows itself."""

import functools
import io
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

PHASE_MAP = "twilight_shifted"
PHASE_LABELS = {-np.pi: "−π", -np.pi / 2: "−π/2", 0.0: "0", np.pi / 2: "π/2", np.pi: "π"}
PHASE_MARKERS = {-np.pi: "o", -np.pi / 2: "s", 0.0: "^", np.pi / 2: "D"}
_STYLE = mpl.rc_params_from_file(str(resources.files("latentsep") / "latentsep.mplstyle"), use_default_template=False)


@dataclass(frozen=True)
class Picture:
    """A finished matplotlib ``figure`` that shows itself in a notebook, byte for byte the same each time."""

    figure: Figure
    dense: bool = False

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
            return Picture(draw(*args, **kwargs), dense)

    return drawn


def canvas(width: float, height: float) -> Figure:
    """An empty figure of the given size in inches; pages are about 7 inches wide."""
    return Figure(figsize=(width, height), layout="constrained")
