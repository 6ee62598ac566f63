"""Sines with an octave: loops that look nearly the same from both sides (Further work)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from latentsep.data import seeds


@dataclass(frozen=True)
class Octave:
    """One period of a sine with its octave, sampled at D points, with a random phase φ.

    A dataset's label is c, the part of the fundamental: √(1 − c²)·sin(4πj/D + 2φ) + c·sin(2πj/D + φ). With c = 0 half
    a turn of φ changes nothing; otherwise the datapoints of φ and φ + π are √(2D)·c apart. ``noise`` is σ.
    """

    dimension: int = 25
    size: int = 10_000
    noise: float = 0.1
    seed: int = 0
    unit: ClassVar[float] = 1.0

    def mean(self, phases: Tensor, part: float) -> Tensor:
        """The noiseless datapoints ``(..., dimension)`` at phases in radians. Raises ``ValueError`` for an c beyond 1.

        >>> datapoints = Octave(dimension=4).mean(torch.tensor([0.0, math.pi]), 0.0)
        >>> bool(torch.allclose(*datapoints, atol=1e-6))
        True
        """
        if not 0 <= part <= 1:
            raise ValueError(f"part is {part:g}; choose 0 to 1")
        along = 2 * math.pi * torch.arange(1, self.dimension + 1, dtype=phases.dtype) / self.dimension
        octave = torch.sin(2 * (along + phases[..., None]))
        return math.sqrt(1 - part**2) * octave + part * torch.sin(along + phases[..., None])

    def sample(self, part: float) -> tuple[Tensor, Tensor]:
        """Draw a dataset: datapoints ``(size, dimension)`` and their phases ``(size,)`` in radians."""
        stream = seeds.generator(self.seed, "octave", f"part={part:g}")
        phases = (torch.rand(self.size, generator=stream) * 2 - 1) * math.pi
        return self.mean(phases, part) + self.noise * torch.randn(self.size, self.dimension, generator=stream), phases

    def loop(self, phases: Tensor, datasets: Sequence[float]) -> Tensor:
        """The noiseless datapoints at given phases, ``(members, len(phases), dimension)``: a loop for each dataset."""
        return torch.stack([self.mean(phases, part) for part in datasets])

    def outside(self, sigma_x: float) -> float:
        """What −log P(x|z) has, in nats, beyond what the networks see: nothing."""
        return 0.0
