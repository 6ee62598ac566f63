"""Chapter IV: autoencoders of photographs, what was measured of them, and of pictures that none of them made."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.photographs import Photographs
from latentsep.ledger.checks.photographs import COMPONENTS, Exhibits
from latentsep.measures import codes
from latentsep.measures.attributes import NAMES, attributes, known
from latentsep.measures.channels import Files, Normal
from latentsep.measures.components import Components
from latentsep.measures.exhibition import KNOWN, Exhibition, Gallery, table
from latentsep.measures.photograph_codes import blurred
from latentsep.training import photographing
from latentsep.training.ensembles import Trained, train
from latentsep.training.photographing import AS_IT_IS, Photographing, named

FORMATS = ("JPEG", "WebP")


@dataclass(frozen=True)
class Study:
    """Photographs as they are shown, ``large``, and compared, ``small``, and autoencoders of both.

    ``source`` is where they come from, ``shown`` the one whose pictures are shown and ``display`` what is measured of
    it, ``ensembles`` those that are compared, by what is changed, and ``evidence`` what is measured of these.
    ``longer`` is one that learned for longer, and ``long`` what is measured of it.
    """

    large: Photographs
    small: Photographs
    source: str
    shown: Trained
    display: pd.DataFrame
    longer: Trained
    long: pd.DataFrame
    ensembles: Mapping[str, Trained]
    evidence: Exhibits

    @property
    def notice(self) -> str | None:
        """What a page must say in front of other pictures, in MyST; ``None`` for those that it is written about."""
        if self.source == "LATENTSEP_DATA":
            return None
        if self.source == "substitute":
            which = "No photographs of dogs were at hand. These are squares cut from three photographs of libraries"
        else:
            which = f"These are {len(self.large.labels):,} pictures of yours"
            if self.large.left_out:
                which += f" ({self.large.left_out:,} more could not be read)"
        return (
            f":::{{warning}}\n{which}, and every number is theirs. Where the text speaks of dogs, or says what a figure"
            " shows, it is about the dogs that this chapter was written with.\n:::"
        )


@dataclass(frozen=True)
class Runs:
    """The run that is shown, one that learns for longer, and those that are compared, by what is changed."""

    shown: Photographing
    longer: Photographing
    compared: Mapping[str, Photographing]

    def __iter__(self) -> Iterator[Photographing]:
        yield from (self.shown, self.longer, *self.compared.values())


def runs(large: Photographs, small: Photographs, profile: str, repetitions: int, seed: int) -> Runs:
    """All of the chapter."""
    settings = (small, profile, repetitions, seed)
    few = {named(count): run for count, run in photographing.fewer(*settings).items()}
    compared = photographing.switches(*settings) | photographing.printed(*settings) | few
    return Runs(photographing.shown(large, profile, seed), photographing.longer(small, profile, seed), compared)


def study(profile: str, seed: int, repetitions: int, pictures: str | None = None) -> Study:
    """Train and measure all autoencoders of the chapter, or fetch them from the records."""
    large, small, source = photographing.load(profile, pictures)
    every = runs(large, small, profile, repetitions, seed)
    tables = {name: table(Exhibition(run)) for name, run in every.compared.items()}
    alone, drawn = (
        pd.concat([parts[i].assign(run=name) for name, parts in tables.items()], ignore_index=True) for i in (0, 1)
    )
    held = small.held_out()[0][:KNOWN]
    error = float(alone[alone.run == AS_IT_IS].held_error.mean())
    lengths = sorted({run.members[0].length for run in every.compared.values()})
    evidence = Exhibits(
        alone=alone,
        drawn=drawn,
        substitute=source == "substitute",
        anchors=anchors(small, error, photographing.LENGTHS[profile]),
        principal=pd.DataFrame({length: principal(small, length) for length in lengths}).T,
        rivals={form: Files.of(held, form) for form in FORMATS} | {COMPONENTS: linear(small)},
    )
    ensembles = {name: train(run) for name, run in every.compared.items()}
    shown, longer = ((train(run), table(Exhibition(run))[0]) for run in (every.shown, every.longer))
    return Study(large, small, source, *shown, *longer, ensembles, evidence)


def principal(small: Photographs, numbers: int) -> dict[str, float]:
    """What so many principal components of learned pictures, mirrored too, do and know of attributes, on held-out ones.

    Their squared errors are those of learned pictures as well.
    """
    x, held = small.sample(1)[0], small.held_out()[0]
    found = Components.of(x, numbers, mirrored=True)
    code, other = found.code(x), found.code(held)
    errors = {
        name: float((part - found.remade(part)).square().sum(1).mean())
        for name, part in (("error", x), ("held_error", held))
    }
    knows = known(code, attributes(x), other, attributes(held))
    return errors | {f"knows_{name}": value for name, value in zip(NAMES, knows, strict=True)}


def linear(photographs: Photographs) -> Normal:
    """All principal components of learned pictures, mirrored too, as a code with the variances of held-out ones."""
    x, held = photographs.sample(1)[0], photographs.held_out()[0][:KNOWN]
    found = Components.of(x, 2 * len(x), mirrored=True)
    rest = float((held - found.remade(held)).square().sum(1).mean())
    return Normal(found.code(held).square().mean(0).double().numpy(), rest)


def anchors(small: Photographs, error: float, numbers: int) -> pd.DataFrame:
    """How far pictures are from photographs that no autoencoder made, as ``Gallery`` says it, by what they are."""
    x, held = small.sample(1)[0][:KNOWN], small.held_out()[0][:KNOWN]
    gallery, found = Gallery.of(x, held), Components.of(x, numbers, mirrored=True)
    drawn, remade = found.drawn(2 * len(held), seeds.generator(0, "components drawn")), found.remade(held)
    rows = {
        "held-out photographs": _measured(gallery, held) | {"told": chance(gallery, held)},
        "out of focus": _measured(gallery, out_of_focus(held, error)),
        "principal components, remade": _measured(gallery, remade),
        "principal components, drawn": gallery.drawn(drawn),
        "cross-faded": _measured(gallery, (held + held.roll(1, 0)) / 2),
        "principal components, between": _measured(gallery, (remade + remade.roll(1, 0)) / 2),
    }
    return pd.DataFrame(rows).T[["distance", "told", "sharp", "varied"]].astype(float)


def chance(gallery: Gallery, held: Tensor) -> float:
    """How often nearest neighbours tell one half of the held-out photographs from the other."""
    return gallery.remade(held)["told"]


def _measured(gallery: Gallery, pictures: Tensor) -> dict[str, float]:
    found = gallery.remade(pictures)
    return {"distance": found["remade"], "told": found["told"], "sharp": found["sharp"], "varied": math.nan}


def out_of_focus(held: Tensor, error: float) -> Tensor:
    """The pictures ``(n, D)`` out of focus by as much as makes this squared error, or as is possible."""

    def off(part: float) -> float:
        return float((blurred(held, part) - held).square().sum(1).mean()) - error

    least, most = 1e-3, 1.0
    return blurred(held, most if off(most) < 0 else brentq(off, least, most, xtol=1e-3))


def codes_of(alone: Trained) -> tuple[Tensor, Tensor, np.ndarray]:
    """Mean codes of learned pictures, turned to their principal directions ``(n, d)``; these ``(d, d)``; variances.

    The variances ``(d,)`` are parts of their sum.
    """
    code = next(codes.used(alone, codes.data(alone).sample(1)[0]))
    center, variances, directions = codes.principal(code)
    return (code - center) @ directions.T, directions, (variances / variances.sum()).numpy()
