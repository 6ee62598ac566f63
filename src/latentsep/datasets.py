"""Generative models with known latent variables (thesis §5.1, §5.2)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from latentsep import seeds


def regular_phases(count: int = 100) -> Tensor:
    """Return ``count`` equally spaced phases in [-π, π), in radians, shape ``(count,)`` (thesis 5.4).

    >>> regular_phases(4) / math.pi
    tensor([-1.0000, -0.5000,  0.0000,  0.5000])
    """
    index = torch.arange(count, dtype=torch.float64)
    return (-math.pi + 2 * math.pi * index / count).to(torch.get_default_dtype())


def embed(phases: Tensor) -> Tensor:
    """Place phases (radians, any shape) on the unit circle, shape ``(..., 2)`` (thesis 5.3)."""
    return torch.stack([phases.cos(), phases.sin()], dim=-1)


class Data(Protocol):
    """What training and evaluation ask of a kind of data: several datasets along closed loops, each with a label."""

    dimension: int  # numbers that the networks see of a datapoint
    size: int  # datapoints in a dataset
    unit: float  # length in the data space of 1 in those numbers

    def sample(self, dataset: float) -> tuple[Tensor, Tensor]: ...
    def loop(self, phases: Tensor, datasets: Sequence[float]) -> Tensor: ...
    def outside(self, sigma_x: float) -> float: ...


@dataclass(frozen=True)
class Benchmark:
    """The benchmark of thesis chapter 5: one period of a sine, sampled at D points, with a random phase.

    ``dimension`` is D and ``size`` is N, the number of datapoints drawn for each noise level. The
    datapoints of a noise level depend on ``seed`` and on that level alone.
    """

    dimension: int = 25
    size: int = 10_000
    seed: int = 0
    unit: ClassVar[float] = 1.0

    def mean(self, phases: Tensor) -> Tensor:
        """Return F(φ), shape ``(..., dimension)``, for phases in radians (thesis 5.1).

        >>> Benchmark(dimension=4).mean(torch.tensor(0.0)).round(decimals=3).abs()
        tensor([1., 0., 1., 0.])
        """
        j = torch.arange(1, self.dimension + 1, dtype=phases.dtype, device=phases.device)
        return torch.sin(2 * math.pi * j / self.dimension + phases[..., None])

    def sample(self, sigma: float) -> tuple[Tensor, Tensor]:
        """Draw the dataset X_σ: datapoints ``(size, dimension)`` and their phases ``(size,)`` in radians.

        Phases are uniform on [-π, π) and the noise is normal with standard deviation ``sigma`` in
        every coordinate (thesis §5.1).
        """
        stream = seeds.generator(self.seed, "benchmark", f"sigma={sigma:g}")
        phases = (torch.rand(self.size, generator=stream) * 2 - 1) * math.pi
        noise = torch.randn(self.size, self.dimension, generator=stream)
        return self.mean(phases) + sigma * noise, phases

    def visualisation(self, count: int = 100) -> tuple[Tensor, Tensor]:
        """Return X_Vis, the noiseless datapoints at ``count`` regular phases, and the phases (thesis 5.5)."""
        phases = regular_phases(count)
        return self.mean(phases), phases

    def loop(self, phases: Tensor, datasets: Sequence[float]) -> Tensor:
        """The noiseless datapoints at given phases, ``(len(phases), dimension)``: one loop, for all noise levels."""
        return self.mean(phases)

    def outside(self, sigma_x: float) -> float:
        """What −log P(x|z) has, in nats, beyond what the networks see: nothing."""
        return 0.0
