"""Dense encoder and decoder networks for an ensemble of members (thesis §3.5)."""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from latentsep.data import seeds


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent, written so that the compiler can vectorise it (error below 2e-7)."""
    return 2 * torch.sigmoid(2 * x) - 1


ACTIVATIONS = {"tanh": tanh, "relu": torch.relu, "softplus": nn.functional.softplus}


def hidden_widths(data_dimension: int, layers: int) -> tuple[int, ...]:
    """Return the widths of ``layers`` hidden layers of ⌊D/3⌋ neurons (thesis §3.5, §5.3).

    >>> hidden_widths(25, 2)
    (8, 8)
    """
    return (max(1, data_dimension // 3),) * layers


class Linear(nn.Module):
    """One affine layer for every member: ``(members, batch, inputs)`` to ``(members, batch, outputs)``.

    Weights start uniform within ±√(6/(inputs + outputs)) (Glorot and Bengio, 2010) and biases at
    zero; each member draws from its own generator, so that it starts alike alone and in company.
    """

    def __init__(self, inputs: int, outputs: int, generators: Sequence[torch.Generator]):
        super().__init__()
        bound = math.sqrt(6 / (inputs + outputs))
        start = [torch.rand(outputs, inputs, generator=g) * 2 * bound - bound for g in generators]
        self.weight = nn.Parameter(torch.stack(start))
        self.bias = nn.Parameter(torch.zeros(len(start), outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        # The product is taken feature-major: with eight neurons and hundreds of datapoints the long
        # axis must be the contiguous one, which is about four times faster. The shape stays
        # (members, batch, features); only the memory layout differs.
        return (self.weight @ x.mT + self.bias).mT


class Dense(nn.Module):
    """A stack of affine layers with an activation between them, for every member of an ensemble.

    ``widths`` runs from the input to the output. ``activation`` is one of ``ACTIVATIONS``; the
    thesis does not name its own. Raises ``ValueError`` for any other.

    >>> Dense([25, 8, 8, 4], member_seeds=[1, 2, 3])(torch.zeros(3, 100, 25)).shape
    torch.Size([3, 100, 4])
    """

    def __init__(self, widths: Sequence[int], member_seeds: Sequence[int], activation: str = "tanh", name: str = ""):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation is {activation!r}; choose one of {', '.join(ACTIVATIONS)}")
        self.activation = ACTIVATIONS[activation]
        self.widths = tuple(widths)
        generators = [seeds.generator(seed, "initial weights", name) for seed in member_seeds]
        self.layers = nn.ModuleList(Linear(i, o, generators) for i, o in itertools.pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)
