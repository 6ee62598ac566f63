"""The trainings of chapter IV: convolutional autoencoders of photographs, as a tutorial has them and otherwise."""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import torch
from torch import Tensor

from latentsep.data import folders, photographs
from latentsep.data.folders import Folder
from latentsep.data.photographs import Photographs
from latentsep.models.augmentation import FEATURES
from latentsep.models.autoencoders import Codes
from latentsep.models.convolutions import Shape
from latentsep.models.picture_variants import PictureVariants
from latentsep.models.vae import VAE
from latentsep.models.variants import Variant
from latentsep.runtime.records import Job
from latentsep.training.autoencoding import Autoencoder, Autoencoding
from latentsep.training.protocols import PHOTOGRAPHS, protocol

LARGE = Shape(64, 16)  # as large as the pictures of the tutorial
WATCHED = 60  # pictures of either sort that are looked at while it trains
LENGTHS = {"smoke": 8, "book": 32, "thesis": 256}  # numbers in the codes
#: The networks of the model that is shown, and of those that are compared, many times.
SHAPES = {
    "smoke": (Shape(16, 4, levels=2), Shape(16, 4, levels=2)),
    "book": (LARGE, Shape(32, 16, levels=2)),
    "thesis": (Shape(64, 64, levels=4), Shape(64, 32)),
}
#: The model that is shown trains for longer.
SHOWN: dict[str, dict[str, Any]] = {"smoke": {}, "book": {"updates": 320}, "thesis": {}}
#: Of the tutorial: text and listing have an optimiser each, a number of passes through the data, and a code.
TEXT = {"learning_rate": 1e-3, "decay": 0.0, "cosine": False}
LISTING = {"learning_rate": 5e-4, "decay": 1e-5, "cosine": True}
PASSES, PRINTED = {"text": 50, "listing": 10}, {"text": 32, "listing": 256}
STANFORD = 20_580  # photographs that it takes
RECIPE = {"decay": 1e-2, "clip": 1.0, "cosine": True}
FEWER = (30, 100)  # pictures to learn from, in place of all
LONGER = 4
SMOKE = 100  # pictures of the profile ``smoke``
AS_IT_IS = "as it is"

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
    length: int | None = None,
    shape: Shape | None = None,
    augmented: bool = True,
    **changes: Any,
) -> Photographing:
    """So many repetitions of one kind, with every trick of the tutorial but for the ``changes``."""
    settings = {**protocol(profile, PHOTOGRAPHS), **RECIPE, **changes}
    length = LENGTHS[profile] if length is None else length
    members = tuple(Autoencoder(1, 1.0, r, kind, length) for r in range(repetitions))
    space = Codes(length, FEATURES if augmented else 0)
    return Photographing(members, data, space, shape=shape or SHAPES[profile][1], seed=seed, **settings)


def shown(data: Photographs, profile: str = "book", seed: int = 0) -> Photographing:
    """The model whose pictures are shown."""
    return run(data, profile, 1, seed, shape=SHAPES[profile][0], **SHOWN[profile])


def switches(data: Photographs, profile: str = "book", repetitions: int = 3, seed: int = 0) -> dict[str, Photographing]:
    """The variational kind, and the same with one thing changed each, by what that is."""
    common, shape = (data, profile, repetitions, seed), SHAPES[profile][1]
    return {
        AS_IT_IS: run(*common),
        "no residual blocks": run(*common, shape=replace(shape, residual=False)),
        "rectified sums": run(*common, shape=replace(shape, rectified=True)),
        "no normalisation": run(*common, shape=replace(shape, normalised=False)),
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
        batch = 8 if profile == "smoke" else 32
        updates = 10 if profile == "smoke" else PASSES[name] * math.ceil(data.learned / batch)
        changes: dict[str, Any] = {**settings, "updates": updates, "batch_size": batch}
        found[name] = run(data, profile, repetitions, seed, length=PRINTED[name], **changes)
    return found


def fewer(data: Photographs, profile: str = "book", repetitions: int = 3, seed: int = 0) -> dict[int, Photographing]:
    """The same with fewer pictures to learn from, and as many updates, by how many they are."""
    return {count: run(data.first(count), profile, repetitions, seed) for count in FEWER if count < data.most}


def named(pictures: int) -> str:
    """What a run is called that learns from so many pictures."""
    return f"{pictures} pictures"


def longer(data: Photographs, profile: str = "book", seed: int = 0) -> Photographing:
    """The same once, with ``LONGER`` times as many updates."""
    usual = run(data, profile, 1, seed)
    return replace(usual, updates=LONGER * usual.updates)


def folders_of(profile: str, pictures: str | None = None) -> list[Job]:
    """The decoding of the folder that the photographs of a profile are in, in both sizes; none without a folder."""
    place = photographs.place(pictures)
    sides = {shape.side for shape in SHAPES[profile]}
    return [] if place is None else [folders.job(Folder.at(place, side)) for side in sorted(sides)]


def load(profile: str, pictures: str | None = None) -> tuple[Photographs, Photographs, str]:
    """The photographs of a profile in both sizes, of what is shown and compared, and where they come from."""
    (large, source), (small, _) = (photographs.load(pictures, shape.side) for shape in SHAPES[profile])
    return (large.of(SMOKE), small.of(SMOKE), source) if profile == "smoke" else (large, small, source)
