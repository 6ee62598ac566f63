"""Generative models with known latent variables (thesis §5.1, §5.2)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from latentsep.data import seeds


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
    """What training asks of a kind of data: several datasets, each with a label."""

    __dataclass_fields__: ClassVar[dict[str, Any]]  # it is a frozen dataclass, whose fields name the records

    @property
    def dimension(self) -> int: ...  # numbers that the networks see of a datapoint
    @property
    def size(self) -> int: ...  # datapoints in a dataset
    @property
    def unit(self) -> float: ...  # length in the data space of 1 in those numbers

    def sample(self, dataset: float, /) -> tuple[Tensor, Tensor]: ...
    def outside(self, sigma_x: float) -> float: ...


class HeldOut(Data, Protocol):
    """Data of which some is held out: ``sample`` has what may be learned from."""

    def held_out(self) -> tuple[Tensor, Tensor]: ...


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


@dataclass(frozen=True)
class ExtendedBenchmark:
    """The benchmark of thesis chapter 11: pictures of D × D numbers with two phases, one sine in each direction.

    ``side`` is D. The dataset with label 0 is X_Vis, the noiseless pictures at ``count`` × ``count`` regular
    pairs of phases (thesis 11.3, with 50 values for each phase); any other label is a noise level σ, and its
    dataset has as many pictures of random phases. Raises ``ValueError`` for a side below 5.

    With ``shrunk`` networks see the four coordinates of a picture in the plane ⊕ plane that all pictures without
    noise lie in, which for these is exact; otherwise its D² numbers.
    """

    side: int = 25
    count: int = 50
    shrunk: bool = True
    seed: int = 0

    def __post_init__(self):
        if self.side < 5:
            raise ValueError(f"side is {self.side!r}; choose 5 or more, so that both sines can be told apart")

    @property
    def ambient(self) -> int:
        """D², the dimension of the data space."""
        return self.side**2

    @property
    def dimension(self) -> int:
        return 4 if self.shrunk else self.ambient

    @property
    def size(self) -> int:
        return self.count**2

    @property
    def unit(self) -> float:
        # A picture has length D. Each of its four coordinates has this root mean square.
        return self.side / 2 if self.shrunk else 1.0

    def mean(self, phases: Tensor) -> Tensor:
        """Return F(φ), shape ``(..., D, D)``, for pairs of phases ``(..., 2)`` in radians (thesis 11.1).

        The print has the row's index in both sines; its text and its figure have one direction for each.

        >>> ExtendedBenchmark().mean(torch.zeros(2))[-1, -1].abs().round(decimals=3)
        tensor(0.)
        """
        first, second = phases[..., None].unbind(-2)
        index = torch.arange(1, self.side + 1, dtype=phases.dtype, device=phases.device)
        rows = torch.sin(2 * math.pi * index / self.side + first)
        columns = torch.sin(4 * math.pi * index / self.side + second)
        return rows[..., :, None] + columns[..., None, :]

    def pictures(self, x: Tensor) -> Tensor:
        """The pictures ``(..., D, D)`` that numbers ``(..., dimension)`` stand for, as networks see them."""
        if not self.shrunk:
            return x.unflatten(-1, (self.side, self.side))
        return torch.tensordot(x * self.unit, self._basis().to(x), 1)

    def sample(self, sigma: float) -> tuple[Tensor, Tensor]:
        """Draw a dataset: its datapoints ``(size, dimension)``, and their phases ``(size, 2)`` in radians.

        Noise is normal with standard deviation ``sigma`` in each of the D² numbers (thesis §11.1); in the four
        coordinates it has that deviation, too.
        """
        if sigma == 0:
            return self.visualisation()
        stream = seeds.generator(self.seed, "extended benchmark", f"sigma={sigma:g}")
        phases = (torch.rand(self.size, 2, generator=stream) * 2 - 1) * math.pi
        noise = torch.randn(self.size, self.dimension, generator=stream)
        return self.loop(phases) + sigma / self.unit * noise, phases

    def visualisation(self) -> tuple[Tensor, Tensor]:
        """Return X_Vis, the noiseless datapoints at all regular pairs of phases, and the phases (thesis 11.4)."""
        phases = torch.cartesian_prod(*[regular_phases(self.count)] * 2)
        return self.loop(phases), phases

    def loop(self, phases: Tensor, datasets: Sequence[float] = ()) -> Tensor:
        """The noiseless datapoints at given pairs of phases ``(batch, 2)``, ``(batch, dimension)``, for all labels."""
        if not self.shrunk:
            return self.mean(phases).flatten(-2)
        # sin(a + φ) = cos φ sin a + sin φ cos a, and the basis has sin a and cos a at length 1.
        return embed(phases).flatten(-2) * math.sqrt(2)

    def outside(self, sigma_x: float) -> float:
        """What −log P(x|z) has, in nats, beyond what the networks see of a picture without noise."""
        missing = self.ambient - self.dimension
        return missing / 2 * math.log(2 * math.pi * sigma_x**2) + self.dimension * math.log(self.unit)

    def _basis(self) -> Tensor:
        """The four orthonormal pictures ``(4, D, D)`` that all noiseless ones are combinations of."""
        index = torch.arange(1, self.side + 1, dtype=torch.float64) * 2 * math.pi / self.side
        rows = torch.stack([index.sin(), index.cos()])[:, :, None].expand(-1, -1, self.side)
        columns = torch.stack([(2 * index).sin(), (2 * index).cos()])[:, None, :].expand(-1, self.side, -1)
        return torch.cat([rows, columns]) * math.sqrt(2) / self.side
