"""Convolutional encoder and decoder networks with residual blocks, for an ensemble of members.

Inside, the channels of all members stand side by side, ``(batch, members · channels, height, width)``, in groups that
do not see each other.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, group_norm, interpolate, leaky_relu

from latentsep.data import seeds
from latentsep.models.networks import Linear

SLOPE = 0.2  # of leaky rectifiers
GROUPS = 4  # of channels that are normalised together


@dataclass(frozen=True)
class Shape:
    """Pictures of ``side`` × ``side`` pixels of three channels, and networks that halve them ``levels`` times.

    The first halving yields ``width`` channels, each other one twice as many. At every resolution there is a block of
    two convolutions, with its input added if ``residual``. Raises ``ValueError`` for a side that cannot be halved so
    often.
    """

    side: int
    width: int
    levels: int = 3
    residual: bool = True
    channels: int = 3

    def __post_init__(self):
        if self.side % 2**self.levels:
            raise ValueError(f"side is {self.side!r}; choose a multiple of {2**self.levels}")

    @property
    def widths(self) -> tuple[int, ...]:
        """The channels at each level, from large pictures to small."""
        return tuple(self.width * 2**level for level in range(self.levels))

    @property
    def smallest(self) -> int:
        """Height and width of what is left after all halvings."""
        return self.side // 2**self.levels

    @property
    def flat(self) -> int:
        """How many numbers that is."""
        return self.widths[-1] * self.smallest**2

    @property
    def products(self) -> int:
        """Multiplications that convolutions of encoder and decoder take for a picture."""
        total, inputs = 0, self.channels
        for level, width in enumerate(self.widths):
            pixels = (self.side // 2 ** (level + 1)) ** 2
            # Blocks on both ways; the way down convolves after halving, the way up before doubling but for pixels.
            total += 9 * pixels * (2 * 2 * width * width + inputs * width)
            total += 9 * (self.side**2 * inputs * width if level == 0 else pixels * inputs * width)
            inputs = width
        return total


class Convolution(nn.Module):
    """One convolution of 3 × 3 for every member; with a ``stride`` of two it halves height and width.

    Weights start uniform within ±√(6/(inputs + outputs)), of all pixels that they are for (Glorot and Bengio, 2010),
    and biases at zero; each member draws from its own generator.
    """

    def __init__(self, inputs: int, outputs: int, generators: Sequence[torch.Generator], stride: int = 1):
        super().__init__()
        self.stride = stride
        bound = math.sqrt(6 / (9 * (inputs + outputs)))
        start = [torch.rand(outputs, inputs, 3, 3, generator=g) * 2 * bound - bound for g in generators]
        self.weight = nn.Parameter(torch.stack(start))
        self.bias = nn.Parameter(torch.zeros(len(start), outputs))

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight.flatten(0, 1), self.bias.flatten()
        return conv2d(x, weight, bias, self.stride, padding=1, groups=len(self.bias))


class Normalisation(nn.Module):
    """Groups of channels of a picture at mean 0 and variance 1, whatever else is in the batch (Wu and He, 2018)."""

    def __init__(self, channels: int, members: int):
        super().__init__()
        self.groups = members * math.gcd(channels, GROUPS)
        self.weight = nn.Parameter(torch.ones(members, channels))
        self.bias = nn.Parameter(torch.zeros(members, channels))

    def forward(self, x: Tensor) -> Tensor:
        return group_norm(x, self.groups, self.weight.flatten(), self.bias.flatten())


class Block(nn.Module):
    """Two convolutions with normalisation, and rectifiers after each; ``residual`` adds the input before the last."""

    def __init__(self, channels: int, generators: Sequence[torch.Generator], residual: bool):
        super().__init__()
        self.residual = residual
        self.first, self.second = (Convolution(channels, channels, generators) for _ in range(2))
        self.before, self.after = (Normalisation(channels, len(generators)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        y = self.after(self.second(torch.relu(self.before(self.first(x)))))
        return torch.relu(y + x if self.residual else y)


class ConvolutionalEncoder(nn.Module):
    """Pictures ``(members, batch, 3 · side²)`` to ``outputs`` numbers, ``(members, batch, outputs)``."""

    def __init__(self, shape: Shape, outputs: int, member_seeds: Sequence[int]):
        super().__init__()
        self.shape = shape
        generators = [seeds.generator(seed, "initial weights", "encoder") for seed in member_seeds]
        inputs = (shape.channels, *shape.widths[:-1])
        self.down = nn.ModuleList(Convolution(i, o, generators, 2) for i, o in zip(inputs, shape.widths, strict=True))
        self.norms = nn.ModuleList(Normalisation(width, len(generators)) for width in shape.widths)
        self.blocks = nn.ModuleList(Block(width, generators, shape.residual) for width in shape.widths)
        self.last = Linear(shape.flat, outputs, generators)

    def forward(self, x: Tensor) -> Tensor:
        y = _side_by_side(x.unflatten(-1, (self.shape.channels, self.shape.side, self.shape.side)))
        for down, norm, block in zip(self.down, self.norms, self.blocks, strict=True):
            y = block(leaky_relu(norm(down(y)), SLOPE))
        return self.last(_apart(y, len(x)).flatten(2))


class ConvolutionalDecoder(nn.Module):
    """``inputs`` numbers ``(members, batch, inputs)`` to pictures ``(members, batch, 3 · side²)``."""

    def __init__(self, shape: Shape, inputs: int, member_seeds: Sequence[int]):
        super().__init__()
        self.shape = shape
        generators = [seeds.generator(seed, "initial weights", "decoder") for seed in member_seeds]
        outputs = (shape.channels, *shape.widths[:-1])
        self.first = Linear(inputs, shape.flat, generators)
        self.blocks = nn.ModuleList(Block(width, generators, shape.residual) for width in reversed(shape.widths))
        self.up = nn.ModuleList(Convolution(w, o, generators) for w, o in self._steps(outputs))
        self.norms = nn.ModuleList(Normalisation(width, len(generators)) for width in reversed(shape.widths[:-1]))

    def _steps(self, outputs: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        return zip(reversed(self.shape.widths), reversed(outputs), strict=True)

    def forward(self, z: Tensor) -> Tensor:
        shape = self.shape
        y = _side_by_side(self.first(z).unflatten(-1, (shape.widths[-1], shape.smallest, shape.smallest)))
        for block, up, norm in zip(self.blocks, self.up, self.norms, strict=False):
            y = _doubled(torch.relu(norm(up(block(y)))))
        # Pixels are convolved after the doubling: before it, two by two would be alike.
        y = self.up[-1](_doubled(self.blocks[-1](y)))
        return _apart(y, len(z)).flatten(2)


def _side_by_side(x: Tensor) -> Tensor:
    """``(members, batch, channels, h, w)`` as ``(batch, members · channels, h, w)``."""
    return x.transpose(0, 1).flatten(1, 2)


def _apart(x: Tensor, members: int) -> Tensor:
    """The same back."""
    return x.unflatten(1, (members, -1)).transpose(0, 1)


def _doubled(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2, mode="nearest")
