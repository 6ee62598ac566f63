"""Handwritten digits as data for autoencoders: some to learn from, the others held out."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from latentsep.data import digits, seeds
from latentsep.data.pictures import HELD_OUT, Pictures


@dataclass(frozen=True)
class Handwriting(Pictures):
    """Pictures of digits, from 0 for paper to 1 for ink; ``labels`` say which digit it is. Made by ``load``."""

    @property
    def side(self) -> int:
        """Height and width of a picture."""
        return round(self.dimension**0.5)


def load(where: str | Path | None = None, download: bool = True) -> tuple[Handwriting, str]:
    """MNIST's ten thousand test digits (28 × 28), and where they come from; else the 8 × 8 digits of scikit-learn.

    ``where`` is what ``digits.load`` takes; without MNIST the second value is ``"substitute"``. They are shuffled,
    since MNIST has those of the clerks first. Raises ``UsageError`` as ``digits.load`` does.
    """
    found = digits.load(where, download=download)
    if found is None:
        from sklearn import datasets  # late: it takes a second

        images, labels = datasets.load_digits(return_X_y=True)
        found, grey = digits.Digits(images.reshape(-1, 8, 8), labels, "substitute"), 16
    else:
        grey = 255
    content = f"{found.images.dtype} {found.images.shape} ".encode() + found.images.tobytes() + found.labels.tobytes()
    order = torch.randperm(len(found.labels), generator=seeds.generator(0, "order of digits")).numpy()
    pixels = found.images.reshape(len(order), -1)[order] / grey
    name = f"digits of {hashlib.sha256(content).hexdigest()[:20]}"
    learned = len(order) - len(order) // HELD_OUT
    return Handwriting(name, pixels.astype(np.float32), found.labels[order].astype(np.int64), learned), found.source
