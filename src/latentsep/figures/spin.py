"""An object on a turntable that a reader can turn, with a still strip for paper and for pages without scripts."""

import base64
import io

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from latentsep.figures.film import eight_bit
from latentsep.figures.interactive import Interactive
from latentsep.figures.pictures import views

QUALITY = 65  # of pictures on a sheet, in percent: no trace of it can be seen at their size
COLUMNS = 9  # pictures in a row of the sheet that the page carries


class Spin(Interactive):
    """Pictures to be turned by a slider or by dragging; ``still`` shows some of them.

    Its data holds the ``count`` of pictures, one ``sheet`` of all of them (WebP, base64), how many ``columns`` that
    has, and the ``ratio`` of their sides.
    """

    kind = "spin"


def sheet(pictures: np.ndarray) -> np.ndarray:
    """All pictures ``(frames, H, W[, 3])``, uint8, in one, row by row, ``(rows·H, columns·W[, 3])``."""
    frames, high, wide, *colours = pictures.shape
    columns = min(COLUMNS, frames)
    rows = -(-frames // columns)
    cells = np.zeros((rows * columns, high, wide, *colours), np.uint8)
    cells[:frames] = pictures
    return (
        cells.reshape(rows, columns, high, wide, *colours).swapaxes(1, 2).reshape(rows * high, columns * wide, *colours)
    )


def spin(pictures: ArrayLike, alt: str, shown: int = 8, name: str = "spin") -> Spin:
    """A turntable of pictures ``(frames, H, W)``, uint8 or from 0 to 1, one whole turn (thesis Fig. 1.1).

    ``alt`` is the alternative text, ``shown`` the number of pictures of the still version, ``name`` the element's
    id in the page. Raises ``ValueError`` for fewer than 2 pictures.
    """
    pictures = np.asarray(pictures)
    if pictures.ndim != 3 or len(pictures) < 2:
        raise ValueError(f"pictures has shape {pictures.shape}; choose (frames, H, W) with 2 frames or more")
    frames, high, wide = pictures.shape
    buffer = io.BytesIO()
    Image.fromarray(sheet(eight_bit(pictures))).save(buffer, "WEBP", quality=QUALITY, method=6)
    data = {"count": frames, "columns": min(COLUMNS, frames), "ratio": f"{wide} / {high}"}
    data["sheet"] = base64.b64encode(buffer.getvalue()).decode()
    return Spin(name, alt, views(pictures, shown), data)
