"""Principal components of pictures as an autoencoder: the least squared error that a linear one can have."""

from dataclasses import dataclass

import torch
from torch import Tensor

from latentsep.data.pictures import in_colour

FITTED = 4_000  # pictures that they are fitted to, at most


@dataclass(frozen=True)
class Components:
    """The first principal directions ``(numbers, D)`` of pictures, their mean ``(D,)``, and deviations ``(numbers,)``.

    >>> found = Components.of(torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]]), 1)
    >>> found.decode(found.code(torch.tensor([[6.0, 1.0]])))
    tensor([[6., 1.]])
    """

    mean: Tensor
    directions: Tensor
    deviations: Tensor

    @classmethod
    def of(cls, x: Tensor, numbers: int, mirrored: bool = False) -> "Components":
        """Of pictures ``(n, D)``, so many of them, or n − 1 if that is fewer.

        If ``mirrored``, of pictures in colour and their mirror images.
        """
        part = x[:FITTED]
        if mirrored:
            part = torch.cat([part, in_colour(part).flip(-1).flatten(1)])
        mean = part.mean(0)
        _, sizes, directions = torch.linalg.svd((part - mean).double(), full_matrices=False)
        kept = min(numbers, len(part) - 1)
        return cls(mean, directions[:kept].to(x), (sizes[:kept] / (len(part) - 1) ** 0.5).to(x))

    def code(self, x: Tensor) -> Tensor:
        """The code ``(n, numbers)`` of pictures ``(n, D)``."""
        return (x - self.mean) @ self.directions.T

    def decode(self, code: Tensor) -> Tensor:
        """The pictures ``(n, D)`` of codes ``(n, numbers)``."""
        return self.mean + code @ self.directions

    def remade(self, x: Tensor) -> Tensor:
        """Pictures ``(n, D)``, encoded and decoded."""
        return self.decode(self.code(x))

    def drawn(self, count: int, stream: torch.Generator) -> Tensor:
        """``count`` new pictures, with normal codes of the same deviations."""
        return self.decode(torch.randn(count, len(self.deviations), generator=stream) * self.deviations)
