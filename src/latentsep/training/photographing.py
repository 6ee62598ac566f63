"""The trainings of chapter IV: convolutional autoencoders of photographs, as a tutorial has them and otherwise."""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import torch
from torch import Tensor

from latentsep.data.photographs import Photographs
from latentsep.models.augmentation import FEATURES
from latentsep.models.autoencoders import Codes
from latentsep.models.convolutions import Shape
from latentsep.models.picture_variants import PictureVariants
from latentsep.models.vae import VAE
from latentsep.models.variants import Variant
from latentsep.training.autoencoding import Autoencoder, Autoencoding
from latentsep.training.protocols import PHOTOGRAPHS, protocol

LARGE = Shape(64, 16)  # as large as the pictures of the tutorial
WATCHED = 60  # pictures of either sort that are looked at while it trains
LENGTH = 32  # numbers in the codes
#: The networks of the model that is shown, and of those that are compared, many times.
SHAPES = {
    "smoke": (Shape(16, 4, levels=2), Shape(16, 4, levels=2)),
    "book": (LARGE, Shape(32, 8)),
    "thesis": (Shape(64, 64, levels=4), Shape(64, 32)),
}
#: Of the tutorial: text and listing have an optimiser each, a number of passes through the data, and a code.
TEXT = {"learning_rate": 1e-3, "decay": 0.0, "cosine": False}
LISTING = {"learning_rate": 5e-4, "decay": 1e-5, "cosine": True}
PASSES, LENGTHS = {"text": 50, "listing": 10}, {"text": 32, "listing": 256}
RECIPE = {"decay": 1e-2, "clip": 1.0, "cosine": True}

VARIATIONAL = Variant("variational", sigma_x=0.0)
KINDS = {
    kind.name: kind
    for kind in (
        VARIATIONAL,
        Variant("plain", variational=False, sigma_x=0.0),
        Variant("fixed", sigma_x=0.5**0.5),
        Variant("Bernoulli", likelihood="Bernoulli"),
        Variant("logistic", likelihood="logistic"),
    )
}


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


def run(
    data: Photographs,
    profile: str = "book",
    repetitions: int = 3,
    seed: int = 0,
    kind: Variant = VARIATIONAL,
    length: int = LENGTH,
    shape: Shape | None = None,
    augmented: bool = True,
    **changes: Any,
) -> Photographing:
    """So many repetitions of one kind, with every trick of the tutorial but for the ``changes``."""
    settings = {**protocol(profile, PHOTOGRAPHS), **RECIPE, **changes}
    members = tuple(Autoencoder(1, 1.0, r, kind, length) for r in range(repetitions))
    space = Codes(length, FEATURES if augmented else 0)
    return Photographing(members, data, space, shape=shape or SHAPES[profile][1], seed=seed, **settings)


def switches(data: Photographs, profile: str = "book", repetitions: int = 3, seed: int = 0) -> dict[str, Photographing]:
    """The variational kind, and the same with one thing changed each, by what that is."""
    common = (data, profile, repetitions, seed)
    plainer = replace(SHAPES[profile][1], residual=False)
    return {
        "as it is": run(*common),
        "no residual blocks": run(*common, shape=plainer),
        "no augmentation": run(*common, augmented=False),
        "no cosine": run(*common, cosine=False),
        "no clipping": run(*common, clip=None),
        "Adam": run(*common, decay=0.0),
        **{name: run(*common, kind=kind) for name, kind in KINDS.items() if kind != VARIATIONAL},
    }


def printed(data: Photographs, profile: str = "book", repetitions: int = 3, seed: int = 0) -> dict[str, Photographing]:
    """The tutorial's two sets of numbers: of its text, and of its listing."""
    found = {}
    for name, settings in (("text", TEXT), ("listing", LISTING)):
        updates = 10 if profile == "smoke" else PASSES[name] * math.ceil(data.learned / 32)
        changes: dict[str, Any] = {**settings, "updates": updates, "batch_size": 8 if profile == "smoke" else 32}
        found[name] = run(data, profile, repetitions, seed, length=LENGTHS[name], **changes)
    return found
