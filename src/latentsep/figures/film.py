"""Pictures that move."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from latentsep.figures.pictures import grey


@dataclass(frozen=True)
class Film:
    """Pictures ``(frames, H, W)``, uint8, that show themselves one after the other, for ever, as an animated PNG."""

    pictures: np.ndarray
    rate: int = 12  # frames a second

    def bytes(self) -> bytes:
        first, *others = (Image.fromarray(frame) for frame in self.pictures)
        buffer = io.BytesIO()
        timing = {"duration": 1000 / self.rate, "loop": 0}  # milliseconds a frame; 0 is for ever
        first.save(buffer, "PNG", save_all=True, append_images=others, optimize=True, **timing)
        return buffer.getvalue()

    def _repr_mimebundle_(self, **_) -> dict[str, object]:
        return {"image/png": self.bytes()}


def turning(pictures: np.ndarray, rate: int = 12) -> Film:
    """A film in a loop of pictures ``(frames, H, W)``, uint8 or from 0 to 1, at ``rate`` frames a second."""
    return Film(eight_bit(pictures), rate)


def eight_bit(pictures: np.ndarray) -> np.ndarray:
    """Pictures, uint8 or from 0 to 1, as uint8."""
    return np.round(255 * grey(pictures)).astype(np.uint8)
