"""How many bits a channel of a pixel takes, by autoencoders and by common formats of pictures."""

import io
import math
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentsep.data.pictures import in_colour

LEVELS = 256  # values of a channel
LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {"optimize": True},
    "WebP": {"lossless": True, "quality": 100, "method": 6},
}


def pictures_of(flat: Tensor) -> np.ndarray:
    """Pictures ``(n, 3 · side²)`` from 0 to 1 as bytes, ``(n, side, side, 3)``."""
    whole = (flat.clamp(0, 1) * (LEVELS - 1)).round().to(torch.uint8)
    return in_colour(whole).movedim(-3, -1).numpy()


def lossless(flat: Tensor, form: str) -> float:
    """Bits a channel of pictures ``(n, 3 · side²)`` in files of their own, ``"PNG"`` or ``"WebP"``, without loss."""
    sizes = [len(_file(picture, form, **LOSSLESS[form])) for picture in pictures_of(flat)]
    return 8 * float(np.mean(sizes)) / flat.shape[1]


def lossy(flat: Tensor, form: str, quality: int) -> tuple[float, float]:
    """Bits a picture and squared error a picture in files of a quality, ``"JPEG"`` or ``"WebP"``; means."""
    bits, errors = [], []
    for picture in pictures_of(flat):
        content = _file(picture, form, quality=quality)
        with Image.open(io.BytesIO(content)) as opened:
            again = np.asarray(opened.convert("RGB"), float)
        bits.append(8 * len(content))
        errors.append((((again - picture) / (LEVELS - 1)) ** 2).sum())
    return float(np.mean(bits)), float(np.mean(errors))


def _file(picture: np.ndarray, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, form, **options)
    return buffer.getvalue()


def normal_bits(x: Tensor, mean: Tensor, sigma: float) -> float:
    """Bits a channel of pictures ``(n, D)`` in steps of 1/255, for a normal decoder with means ``(n, D)``.

    A channel has the probability of half a step to either side, at the ends of all beyond.
    """
    half = 0.5 / (LEVELS - 1)
    above, below = ((x - mean + way * half).double() / sigma for way in (1, -1))
    # On the side of the mean where both are small: nothing is lost of a difference of numbers near 1.
    other = above + below > 0
    above, below = torch.where(other, -below, above), torch.where(other, -above, below)
    log_above, log_below = torch.special.log_ndtr(above), torch.special.log_ndtr(below)
    inside = log_above + torch.log1p(-torch.exp(log_below - log_above))
    top, bottom = x > 1 - half, x < half
    ends = torch.where(
        top,
        torch.special.log_ndtr(-(x - mean - half).double() / sigma),
        torch.special.log_ndtr((x - mean + half).double() / sigma),
    )
    return -float(torch.where(top | bottom, ends, inside).mean()) / math.log(2)
