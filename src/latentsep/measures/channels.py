"""How many bits a channel of a pixel takes, by autoencoders and by common formats of pictures."""

import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from latentsep.data.pictures import in_colour, side_of

LEVELS = 256  # values of a channel
LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {"optimize": True},
    "WebP": {"lossless": True, "quality": 100, "method": 6},
}
PARTS = (1, 2, 4)  # by which pictures are made smaller before they are written
QUALITIES = (1, 5, 10, 20, 40, 60, 80, 90)


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
    bits, again = _again(flat, form, quality)
    whole = (flat.clamp(0, 1) * (LEVELS - 1)).round() / (LEVELS - 1)
    return bits, float((again - whole).square().sum(1).mean())


def _again(flat: Tensor, form: str, quality: int) -> tuple[float, Tensor]:
    """Bits a picture in files of a quality, and the pictures that come out of these, ``(n, 3 · side²)``."""
    bits, again = [], []
    for picture in pictures_of(flat):
        content = _file(picture, form, quality=quality)
        bits.append(8 * len(content))
        with Image.open(io.BytesIO(content)) as opened:
            again.append(np.asarray(opened.convert("RGB"), np.float32).transpose(2, 0, 1).ravel() / (LEVELS - 1))
    return float(np.mean(bits)), torch.from_numpy(np.stack(again))


@dataclass(frozen=True)
class Files:
    """Files of pictures in a format: bits and squared errors a picture, by how large and how good they are.

    Bits are those beyond the file of an even grey picture of the same size: a format's head says nothing of a picture.
    """

    bits: np.ndarray
    errors: np.ndarray

    @classmethod
    def of(cls, flat: Tensor, form: str) -> "Files":
        """Of pictures ``(n, 3 · side²)``; they are also made smaller before they are written, and larger again."""
        found = []
        for part in PARTS:
            small = interpolate(in_colour(flat), scale_factor=1 / part, mode="area").flatten(1)
            for quality in QUALITIES:
                bits, again = _again(small, form, quality)
                head, _ = _again(torch.full_like(small[:1], 0.5), form, quality)
                whole = interpolate(in_colour(again), side_of(flat), mode="bilinear").flatten(1)
                found.append((max(0.0, bits - head), float((whole - flat).square().sum(1).mean())))
        return cls(*np.array(found).T)

    def fewest(self, error: float) -> float:
        """The fewest bits a picture for a squared error of at most ``error``; infinite if none is so good."""
        return float(self.bits[self.errors <= error].min(initial=math.inf))


@dataclass(frozen=True)
class Normal:
    """The best code of normal numbers with known ``variances`` ``(n,)``, beside a ``rest`` that is always missed."""

    variances: np.ndarray
    rest: float

    def fewest(self, error: float) -> float:
        """The fewest bits for a squared error of at most ``error``: each number missed alike (Shannon, 1949).

        >>> Normal(np.array([4.0, 1.0]), 0.0).fewest(2.0), Normal(np.array([4.0, 1.0]), 3.0).fewest(2.0)
        (1.0, inf)
        """
        if error <= self.rest:
            return math.inf
        missed = np.sort(self.variances)
        # Where the k smallest are missed whole, and the others by as much each.
        left = error - self.rest - np.concatenate([[0], np.cumsum(missed)[:-1]])
        level = left / np.arange(len(missed), 0, -1)
        level = level[level <= missed]
        if not len(level):
            return 0.0
        return float(0.5 * np.log2(np.maximum(missed / level[0], 1)).sum())


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
