"""What becomes of a code if the decoder is handed something of the picture beside it."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from latentsep.data.pictures import in_colour
from latentsep.measures.components import Components

ASIDE = 4  # by which the small picture that is handed over is smaller
WEIGHT = 1e-2  # of the ridge: little, since most of the picture can be told


@dataclass(frozen=True)
class Leaky:
    """The best linear decoder of a code, principal components, and a small picture beside it.

    ``components`` are the encoder, ``weights`` ``(numbers + D/ASIDE², D)`` the decoder.
    """

    components: Components
    weights: Tensor

    @classmethod
    def of(cls, x: Tensor, numbers: int) -> "Leaky":
        """Fitted to pictures ``(n, D)``."""
        fitted = cls(Components.of(x, numbers, mirrored=True), torch.empty(0))
        features = torch.cat([fitted.code(x), fitted.aside(x)], 1).double()
        scale = features.square().sum() / features.shape[1]
        square = features.T @ features + WEIGHT * scale * torch.eye(features.shape[1]).double()
        weights = torch.linalg.solve(square, features.T @ (x - fitted.components.mean).double())
        return cls(fitted.components, weights.to(x))

    def code(self, x: Tensor) -> Tensor:
        """The code of pictures ``(n, D)``, ``(n, numbers)``."""
        return self.components.code(x)

    def aside(self, x: Tensor) -> Tensor:
        """What is handed over beside it, ``(n, D/ASIDE²)``."""
        return avg_pool2d(in_colour(x - self.components.mean), ASIDE).flatten(1)

    def decode(self, code: Tensor, aside: Tensor) -> Tensor:
        """Pictures of codes and what is beside them, ``(n, D)``."""
        return self.components.mean + torch.cat([code, aside], 1) @ self.weights

    def by_code(self, x: Tensor) -> float:
        """How far what is made of a picture's code, beside another's small picture, is on the way from that to this.

        1 if the code says all, and 0 if what is beside it does: the part of their squared distance that is gone.
        """
        own, other = self.code(x), self.aside(x.roll(1, 0))
        made = self.decode(own, other)
        spread = (x - x.roll(1, 0)).square().sum(1).mean()
        return float(1 - (made - x).square().sum(1).mean() / spread)
