"""Handwritten digits as data for autoencoders: some to learn from, the others held out."""

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from latentsep.data import digits, seeds

HELD_OUT = 5  # one picture of so many is held out


@dataclass(frozen=True)
class Handwriting:
    """Pictures of digits in an order of their own, of which the first ``learned`` are learned from.

    ``pixels`` ``(pictures, side²)`` go from 0 for paper to 1 for ink, ``labels`` ``(pictures,)`` say which digit it is;
    ``source`` identifies both. The last fifth of the pictures is always held out. Made by ``load``. Raises
    ``ValueError`` for a ``learned`` that is not there.
    """

    source: str
    pixels: np.ndarray = field(compare=False, repr=False)
    labels: np.ndarray = field(compare=False, repr=False)
    learned: int
    unit: ClassVar[float] = 1.0

    def __post_init__(self):
        if not 1 <= self.learned <= self.most:
            raise ValueError(f"learned is {self.learned!r}; choose 1 to {self.most}")

    @property
    def dimension(self) -> int:
        return self.pixels.shape[1]

    @property
    def side(self) -> int:
        """Height and width of a picture."""
        return round(self.dimension**0.5)

    @property
    def size(self) -> int:
        return self.learned

    @property
    def most(self) -> int:
        """How many may be learned from."""
        return len(self.labels) - len(self.labels) // HELD_OUT

    def sample(self, dataset: float) -> tuple[Tensor, Tensor]:
        """The pictures to learn from ``(learned, side²)``, and which digits they are; all labels name the same."""
        return self._part(slice(0, self.learned))

    def held_out(self) -> tuple[Tensor, Tensor]:
        """The pictures that nothing has learned from, and which digits they are."""
        return self._part(slice(self.most, None))

    def first(self, learned: int) -> "Handwriting":
        """The same pictures with fewer to learn from."""
        return replace(self, learned=learned)

    def of(self, pictures: int) -> "Handwriting":
        """The first so many pictures of either sort, if there are as many: data of its own."""
        if pictures >= len(self.labels):
            return self
        learned = pictures - pictures // HELD_OUT
        source = f"{self.source}, the first {pictures}"
        return Handwriting(source, self.pixels[:pictures], self.labels[:pictures], learned)

    def outside(self, sigma_x: float) -> float:
        """What −log P(x|z) has, in nats, beyond what the networks see: nothing."""
        return 0.0

    def _part(self, rows: slice) -> tuple[Tensor, Tensor]:
        return torch.tensor(self.pixels[rows], dtype=torch.get_default_dtype()), torch.tensor(self.labels[rows]).long()


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
