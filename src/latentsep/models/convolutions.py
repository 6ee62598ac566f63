"""Convolutional encoder and decoder networks with residual blocks, for an ensemble of members.

Inside, the channels of all members stand side by side, ``(batch, members · channels, height, width)``, in groups that
do not see each other.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, group_norm, interpolate, leaky_relu, pixel_shuffle

from latentsep.data import seeds
from latentsep.models.networks import Linear

SLOPE = 0.2  # of leaky rectifiers
CENTRE, SPREAD = 0.5, 0.25  # about the mean and the deviation of channels
GROUPS = 4  # of channels that are normalised together


@dataclass(frozen=True)
class Shape:
    """Pictures of ``side`` × ``side`` pixels of three channels, and networks that halve them ``levels`` times.

    The first halving yields ``width`` channels, each other one twice as many. At every resolution there is a block of
    two convolutions, ``normalised`` before each, whose input is added if ``residual``. What is added is not rectified,
    so that there is a linear way from the picture to the code and back (He et al., 2016, of *identity mappings*);
    unless networks are ``rectified`` after each sum, and wherever the resolution changes. Raises ``ValueError`` for a
    side that cannot be halved so often.
    """

    side: int
    width: int
    levels: int = 3
    residual: bool = True
    normalised: bool = True
    rectified: bool = False
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
            # Blocks on both ways; the way down convolves after halving, the way up before doubling, four pixels as one.
            total += 9 * pixels * (2 * 2 * width * width + (5 if level == 0 else 2) * inputs * width)
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
    """Groups of channels of a picture at mean 0 and variance 1, whatever else is in the batch (Wu and He, 2018).

    How bright a picture is and how much contrast it has does not pass it, so it stands where there is a way past it.
    """

    def __init__(self, channels: int, members: int):
        super().__init__()
        self.groups = members * math.gcd(channels, GROUPS)
        self.weight = nn.Parameter(torch.ones(members, channels))
        self.bias = nn.Parameter(torch.zeros(members, channels))

    def forward(self, x: Tensor) -> Tensor:
        return group_norm(x, self.groups, self.weight.flatten(), self.bias.flatten())


class Block(nn.Module):
    """Two convolutions, each after normalisation and a rectifier, and their input added, as a ``shape`` says.

    If that is ``rectified``, normalisation and rectifiers come after the convolutions, the last of them after the sum.
    """

    def __init__(self, shape: Shape, channels: int, generators: Sequence[torch.Generator]):
        super().__init__()
        self.shape = shape
        self.first, self.second = (Convolution(channels, channels, generators) for _ in range(2))
        self.one, self.two = (
            Normalisation(channels, len(generators)) if shape.normalised else nn.Identity() for _ in range(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.shape.rectified:
            y = self.two(self.second(torch.relu(self.one(self.first(x)))))
            return torch.relu(y + x if self.shape.residual else y)
        y = self.second(torch.relu(self.two(self.first(torch.relu(self.one(x))))))
        return y + x if self.shape.residual else y


class ConvolutionalEncoder(nn.Module):
    """Pictures ``(members, batch, 3 · side²)`` to ``outputs`` numbers, ``(members, batch, outputs)``."""

    def __init__(self, shape: Shape, outputs: int, member_seeds: Sequence[int]):
        super().__init__()
        self.shape = shape
        generators = [seeds.generator(seed, "initial weights", "encoder") for seed in member_seeds]
        inputs = (shape.channels, *shape.widths[:-1])
        self.down = nn.ModuleList(Convolution(i, o, generators, 2) for i, o in zip(inputs, shape.widths, strict=True))
        self.blocks = nn.ModuleList(Block(shape, width, generators) for width in shape.widths)
        self.last = Linear(shape.flat, outputs, generators)

    def forward(self, x: Tensor) -> Tensor:
        pictures = x.unflatten(-1, (self.shape.channels, self.shape.side, self.shape.side))
        y = _side_by_side((pictures - CENTRE) / SPREAD)
        for down, block in zip(self.down, self.blocks, strict=True):
            y = down(y)
            y = block(leaky_relu(y, SLOPE) if self.shape.rectified else y)
        return self.last(_apart(y, len(x)).flatten(2))


class ConvolutionalDecoder(nn.Module):
    """``inputs`` numbers ``(members, batch, inputs)`` to pictures ``(members, batch, 3 · side²)``.

    What the last convolution puts out is in units of ``spread`` from a ``centre``.
    """

    def __init__(
        self, shape: Shape, inputs: int, member_seeds: Sequence[int], centre: float = CENTRE, spread: float = SPREAD
    ):
        super().__init__()
        self.shape, self.centre, self.spread = shape, centre, spread
        generators = [seeds.generator(seed, "initial weights", "decoder") for seed in member_seeds]
        outputs = (4 * shape.channels, *shape.widths[:-1])
        self.first = Linear(inputs, shape.flat, generators)
        self.blocks = nn.ModuleList(Block(shape, width, generators) for width in reversed(shape.widths))
        self.up = nn.ModuleList(Convolution(w, o, generators) for w, o in self._steps(outputs))

    def _steps(self, outputs: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        return zip(reversed(self.shape.widths), reversed(outputs), strict=True)

    def forward(self, z: Tensor) -> Tensor:
        shape = self.shape
        y = _side_by_side(self.first(z).unflatten(-1, (shape.widths[-1], shape.smallest, shape.smallest)))
        for block, up in zip(self.blocks[:-1], self.up[:-1], strict=True):
            y = up(block(y))
            y = _doubled(torch.relu(y) if shape.rectified else y)
        # Two by two pixels are channels of one, until there are no more convolutions (Shi et al., 2016).
        pictures = pixel_shuffle(self.up[-1](self.blocks[-1](y)), 2)
        return self.centre + self.spread * _apart(pictures, len(z)).flatten(2)


def _side_by_side(x: Tensor) -> Tensor:
    """``(members, batch, channels, h, w)`` as ``(batch, members · channels, h, w)``."""
    return x.transpose(0, 1).flatten(1, 2)


def _apart(x: Tensor, members: int) -> Tensor:
    """The same back."""
    return x.unflatten(1, (members, -1)).transpose(0, 1)


def _doubled(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2, mode="nearest")
