"""A collection of pictures as data for autoencoders: some to learn from, the others held out."""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

HELD_OUT = 5  # one picture of so many is held out
CHANNELS = 3  # red, green and blue


def side_of(flat: Tensor | np.ndarray) -> int:
    """Height and width of pictures in colour ``(..., 3 · side²)``."""
    return round((flat.shape[-1] / CHANNELS) ** 0.5)


def in_colour(flat: Tensor) -> Tensor:
    """Pictures ``(..., 3 · side²)`` channel by channel, ``(..., 3, side, side)``.

    >>> in_colour(torch.zeros(5, 12)).shape
    torch.Size([5, 3, 2, 2])
    """
    return flat.unflatten(-1, (CHANNELS, side_of(flat), side_of(flat)))


@dataclass(frozen=True)
class Pictures:
    """Pictures in an order of their own, of which the first ``learned`` are learned from.

    ``pixels`` ``(pictures, D)`` and ``labels`` ``(pictures,)`` are what ``source`` identifies. The last fifth of the
    pictures is always held out. Raises ``ValueError`` for a ``learned`` that is not there.
    """

    source: str
    pixels: np.ndarray = field(compare=False, repr=False)
    labels: np.ndarray = field(compare=False, repr=False)
    learned: int
    unit: ClassVar[float] = 1.0
    full: ClassVar[int] = 1  # the value of ``pixels`` that networks see as 1

    def __post_init__(self):
        if not 1 <= self.learned <= self.most:
            raise ValueError(f"learned is {self.learned!r}; choose 1 to {self.most}")

    @property
    def dimension(self) -> int:
        return self.pixels.shape[1]

    @property
    def size(self) -> int:
        return self.learned

    @property
    def most(self) -> int:
        """How many may be learned from."""
        return len(self.labels) - len(self.labels) // HELD_OUT

    def sample(self, dataset: float) -> tuple[Tensor, Tensor]:
        """The pictures to learn from ``(learned, D)``, from 0 to 1, and their labels; all datasets are the same."""
        return self._part(slice(0, self.learned))

    def held_out(self) -> tuple[Tensor, Tensor]:
        """The pictures that nothing has learned from, and their labels."""
        return self._part(slice(self.most, None))

    def first(self, learned: int) -> Self:
        """The same pictures with fewer to learn from."""
        return replace(self, learned=learned)

    def of(self, pictures: int) -> Self:
        """The first so many pictures of either sort, if there are as many: data of its own."""
        if pictures >= len(self.labels):
            return self
        learned = pictures - pictures // HELD_OUT
        source = f"{self.source}, the first {pictures}"
        return type(self)(source, self.pixels[:pictures], self.labels[:pictures], learned)

    def outside(self, sigma_x: float) -> float:
        """What −log P(x|z) has, in nats, beyond what the networks see: nothing."""
        return 0.0

    def _part(self, rows: slice) -> tuple[Tensor, Tensor]:
        pixels = torch.tensor(self.pixels[rows], dtype=torch.get_default_dtype()).div_(self.full)
        return pixels, torch.tensor(self.labels[rows]).long()
