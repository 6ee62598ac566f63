"""Pictures of photographs along directions of codes, which a reader goes along step by step."""

import base64
import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from latentsep.data.pictures import in_colour
from latentsep.figures.base import canvas, picture
from latentsep.figures.interactive import Interactive
from latentsep.figures.spin import QUALITY, sheet
from latentsep.measures.directions import Directions


class Steps(Interactive):
    """Steps along directions of codes, drawn in the build: convolutions are too much for a page.

    Its data holds one ``sheet`` of all pictures (WebP, base64), their ``side``, the ``names`` of directions, of the
    codes that they lead through, ``starts``, the ``places`` of the steps in deviations of codes, by direction, start
    and place the ``values`` of the attribute that the direction is called after, and its ``deviations``.
    """

    kind = "steps"
    needs = ("panels.js",)


def photograph_steps(found: Directions, alt: str, name: str = "photograph-steps") -> Steps:
    """What one autoencoder of photographs decodes along directions of attributes (Foundations, IV)."""
    pictures = _shown(found.pictures)
    side = pictures.shape[-2]
    buffer = io.BytesIO()
    small = np.round(255 * pictures.reshape(-1, side, side, 3)).astype(np.uint8)
    Image.fromarray(sheet(small)).save(buffer, "WEBP", quality=QUALITY, method=6)
    data = {
        "sheet": base64.b64encode(buffer.getvalue()).decode(),
        "side": side,
        "names": list(found.names),
        "starts": list(found.starts),
        "places": found.places.double().numpy().round(3).tolist(),
        "values": found.values.numpy().round(5).tolist(),
        "deviations": found.deviations.numpy().round(5).tolist(),
    }
    return Steps(name, alt, _first_direction(pictures[0, 0], found), data)


def _shown(flat: Tensor) -> np.ndarray:
    return in_colour(flat).movedim(-3, -1).numpy()


@picture
def _first_direction(pictures: np.ndarray, found: Directions) -> Figure:
    """Some steps along the first direction, through the first start."""
    chosen = np.linspace(0, len(pictures) - 1, 7).round().astype(int)
    fig = canvas(6.4, 1.4)
    for ax, place in zip(fig.subplots(1, len(chosen)), chosen, strict=True):
        ax.imshow(pictures[place])
        ax.axis("off")
        ax.set_title(f"{float(found.places[place]):+.1f} s".replace("-", "−").replace("+0.0", "0"), fontsize=8)
    fig.suptitle(f"direction of {found.names[0]}, from {found.starts[0]}", fontsize=9)
    return fig
