"""Objects that a reader turns, beside the latent circles of two autoencoders that have seen all their poses."""

import base64
import io
from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from PIL import Image

from latentsep.data.benchmarks import embed, regular_phases
from latentsep.figures.base import canvas, picture, scatter_phases
from latentsep.figures.explorers import SHADES
from latentsep.figures.film import eight_bit
from latentsep.figures.interactive import Interactive
from latentsep.figures.spin import COLUMNS, QUALITY, sheet


class Poses(Interactive):
    """Pictures of objects to be turned by the camera's angle or by a latent one.

    Its data holds one ``sheet`` of every ``step``-th picture (WebP, base64) and how many ``columns`` that has, the
    ``count`` of poses, the ``names`` of two autoencoders, for each of the ``objects`` their latent angles ``(2,
    count)`` in radians, which object is there at the ``start``, and the ``shades`` of phases.
    """

    kind = "poses"
    needs = ("panels.js",)


def poses(
    pictures: ArrayLike,
    angles: Mapping[str, ArrayLike],
    alt: str,
    side: int = 48,
    step: int = 1,
    start: int = 0,
    name: str = "poses",
) -> Poses:
    """Pictures ``(objects, poses, H, W)``, uint8 or from 0 to 1, of whole turns (thesis §10.2).

    ``angles`` has for two autoencoders, by name, the latent angle of every picture in radians, ``(objects, poses)``.
    Pictures are shown ``side`` pixels wide, every ``step``-th of them. Raises ``ValueError`` for angles of another
    shape, another number of autoencoders than 2, or a ``step`` that does not divide the number of poses.
    """
    pictures = np.asarray(pictures)
    objects, count = pictures.shape[:2]
    found = {key: np.asarray(value, dtype=float) for key, value in angles.items()}
    if len(found) != 2 or any(value.shape != (objects, count) for value in found.values()):
        shapes = {key: value.shape for key, value in found.items()}
        raise ValueError(f"angles has the shapes {shapes}; choose two of {(objects, count)}")
    if count % step:
        raise ValueError(f"step is {step}; choose one that divides {count}")
    small = np.stack([_resized(each, side) for each in eight_bit(pictures[:, ::step]).reshape(-1, *pictures.shape[2:])])
    buffer = io.BytesIO()
    Image.fromarray(sheet(small)).save(buffer, "WEBP", quality=QUALITY, method=6)
    data = {
        "sheet": base64.b64encode(buffer.getvalue()).decode(),
        "columns": min(COLUMNS, len(small)),
        "count": count,
        "step": step,
        "names": list(found),
        "objects": np.stack(list(found.values()), 1).round(4).tolist(),
        "start": start,
        "shades": SHADES,
    }
    return Poses(name, alt, _object_and_circles(pictures[start], {k: v[start] for k, v in found.items()}), data)


def _resized(frame: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(frame).resize((side, side), Image.Resampling.LANCZOS))


@picture
def _object_and_circles(pictures: np.ndarray, angles: dict[str, np.ndarray]) -> Figure:
    """The first pose of one object, and the codes of all its poses on both circles."""
    fig = canvas(6.4, 2.4)
    first, *circles = fig.subplots(1, 3)
    first.imshow(pictures[0], cmap="gray")
    first.axis("off")
    phases = regular_phases(len(pictures))
    for ax, (name, found) in zip(circles, angles.items(), strict=True):
        ax.plot(*embed(regular_phases(200)).T, color="0.8", linewidth=0.8, zorder=0)
        scatter_phases(ax, embed(torch.from_numpy(found).float()), phases)
        ax.set(title=name, xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal", xticks=[], yticks=[])
    return fig
