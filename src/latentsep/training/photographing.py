"""The trainings of chapter IV: convolutional autoencoders of photographs, as a tutorial has them and otherwise."""

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor

from latentsep.data.photographs import Photographs
from latentsep.models.convolutions import Shape
from latentsep.models.picture_variants import PictureVariants
from latentsep.models.vae import VAE
from latentsep.models.variants import Variant
from latentsep.training.autoencoding import Autoencoding

LARGE = Shape(64, 16)  # as large as the pictures of the tutorial
WATCHED = 60  # pictures of either sort that are looked at while it trains


@dataclass(frozen=True)
class Photographing(Autoencoding):
    """A run of convolutional autoencoders of one kind and length of code; its networks have a ``shape``."""

    data: Photographs
    shape: Shape = LARGE
    compiles: ClassVar[bool] = False  # it takes a minute, and convolutions are as fast without

    def __post_init__(self):
        super().__post_init__()
        if len({(member.kind, member.length) for member in self.members}) > 1:
            raise ValueError(f"members is {self.members!r}; choose those of one kind and length")

    @property
    def hidden(self) -> tuple[int, ...]:
        return self.shape.widths

    @property
    def work(self) -> float:
        # Three products each; of what is not a product there is little beside so many.
        return 3.5 * self.shape.products

    @property
    def large(self) -> bool:
        return True

    def model(self) -> PictureVariants:
        """The ensemble with its initial weights."""
        first = self.members[0]
        seeds = [*map(self.seed_of, self.members)]
        return PictureVariants(self.space, self.shape, cast(Variant, first.kind), first.length, seeds)

    @torch.no_grad()
    def watched(self, vae: VAE) -> Tensor:
        """Squared error and divergence of some learned pictures, and the same of held-out ones, ``(members, 4)``.

        With one draw each, the same all the time.
        """
        model, seen = cast(PictureVariants, vae), []
        for pictures, _ in (self.data.first(min(WATCHED, self.data.learned)).sample(1), self.data.held_out()):
            x = pictures[:WATCHED].to(vae.sigma_x.device)
            stream = torch.Generator().manual_seed(0)
            noise = torch.randn(len(x), self.space.dimension, generator=stream).to(x)
            mean, std = model.posteriors(x)
            made = model.decode(model.drawn(x, noise))
            seen += [(x - made).square().sum(-1).mean(-1), model.divergences(mean, std).mean(-1)]
        return torch.stack(seen, 1)
