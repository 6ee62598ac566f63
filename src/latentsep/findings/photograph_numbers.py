"""Chapter IV: the numbers of its sentences."""

import math
from dataclasses import dataclass
from typing import cast

from latentsep.data import photographs
from latentsep.findings.photographs import Study, linear
from latentsep.ledger.checks.evidence import counted
from latentsep.measures import channels, codes, scattering, walks
from latentsep.measures.channels import Files
from latentsep.measures.components import Components
from latentsep.measures.exhibition import KNOWN
from latentsep.measures.leaks import Leaky
from latentsep.models import augmentation
from latentsep.training import photographing
from latentsep.training.photographing import AS_IT_IS, FEWER, LISTING, STANFORD, Photographing, named


@dataclass(frozen=True)
class Setting:
    """What is trained on what, and how many claims there are."""

    claims: int
    holding: int
    partly: int
    failing: int
    learned: int
    held: int
    large: int
    small: int
    length: int
    times: int
    decayed: float
    listing_updates: int
    stanford_updates: int
    stanford_text: int
    fewest_files: int
    levels: int
    compared: int
    stanford: int
    angle: float
    turns: float
    directions: int
    halves: int
    steps: int


def setting(found: Study) -> Setting:
    """The numbers of the chapter's first sections."""
    listing = found.ensembles["listing"].run
    updates = photographing.PASSES["listing"] * math.ceil(STANFORD / (listing.batch_size or 1))
    return Setting(
        **counted(found.evidence, "IV"),
        learned=found.large.learned,
        held=len(found.large.held_out()[1]),
        large=found.large.side,
        small=found.small.side,
        length=codes.autoencoding(found.shown).members[0].length,
        times=int(found.evidence.alone.repetition.nunique()),
        # With the rate at its first value throughout, which is more than a cosine has.
        decayed=100 * (1 - (1 - LISTING["learning_rate"] * LISTING["decay"]) ** updates),
        listing_updates=listing.updates,
        stanford_updates=updates,
        stanford_text=photographing.PASSES["text"] * math.ceil(STANFORD / (listing.batch_size or 1)),
        fewest_files=photographs.FEWEST,
        levels=cast(Photographing, found.shown.run).shape.levels,
        compared=len(found.ensembles),
        stanford=STANFORD,
        angle=augmentation.ANGLE,
        turns=100 * augmentation.TURNED,
        directions=scattering.KEPT,
        halves=len(found.small.held_out()[0][:KNOWN]) // 2,
        steps=walks.STEPS,
    )


@dataclass(frozen=True)
class Learning:
    """Squared errors a picture, and what they exceed those of learned pictures by, in per cent."""

    usual: float
    usual_held: float
    pca_error: float
    pca_held: float
    pca_excess: float
    long: float
    long_held: float
    excess: float
    excess_plainly: float
    excess_fewest: float
    fewest: int
    long_bits: float
    usual_bits: float
    listing_held: float
    text_held: float


def learning(found: Study) -> Learning:
    """Gather them."""
    seen = found.evidence

    def excess(run: str) -> float:
        return 100 * (seen.mean("held_error", run) / seen.mean("error", run) - 1)

    few = named(FEWER[0])
    return Learning(
        usual=seen.mean("error"),
        usual_held=seen.mean("held_error"),
        pca_error=seen.components("error", AS_IT_IS),
        pca_held=seen.components("held_error", AS_IT_IS),
        pca_excess=100 * (seen.components("held_error", AS_IT_IS) / seen.components("error", AS_IT_IS) - 1),
        long=float(found.long.error[0]),
        long_held=float(found.long.held_error[0]),
        excess=excess(AS_IT_IS),
        excess_plainly=excess("no augmentation"),
        excess_fewest=excess(few) if few in found.ensembles else math.nan,
        fewest=FEWER[0],
        long_bits=float(found.long.held_bits[0]),
        usual_bits=seen.mean("held_bits"),
        listing_held=seen.mean("held_error", "listing"),
        text_held=seen.mean("held_error", "text"),
    )


@dataclass(frozen=True)
class Bits:
    """Bits a channel without loss, and bits a picture at an error, of the model that is shown and of others."""

    lossless: float
    PNG: float
    WebP: float
    grey_levels: float
    code: float
    error: float
    file: float
    linear: float
    weights: int


def bits(found: Study) -> Bits:
    """Gather them: of held-out pictures."""
    held, one = found.large.held_out()[0][:KNOWN], found.display.iloc[0]
    files, weights = Files.of(held, "WebP"), sum(p[0].numel() for p in found.shown.vae.parameters())
    file = files.fewest(one.held_noisy)
    return Bits(
        lossless=float(one.held_bits),
        PNG=channels.lossless(held, "PNG"),
        WebP=channels.lossless(held, "WebP"),
        grey_levels=255 * float(one.sigma),
        code=float(one.held_divergence),
        error=float(one.held_noisy),
        file=file,
        linear=linear(found.large).fewest(float(one.held_noisy)),
        weights=weights,
    )


@dataclass(frozen=True)
class Pictures:
    """How remade and drawn pictures differ from photographs; means over repetitions of those that are compared."""

    floor: float
    remade: float
    drawn: float
    faded: float
    between: float
    sharp: float
    sharp_components: float
    told_photographs: float
    copied: float
    uneven: float
    uneven_plain: float
    by_code: float
    alone: float


def pictures(found: Study) -> Pictures:
    """Gather them."""
    seen, anchor = found.evidence, found.evidence.anchors
    x, held = found.large.sample(1)[0], found.large.held_out()[0]
    leaky = Leaky.of(x, codes.autoencoding(found.shown).members[0].length)
    apart = (held - held.roll(1, 0)).square().sum(1).mean()
    alone = Components.of(x, leaky.components.directions.shape[0]).remade(held)
    return Pictures(
        floor=anchor.distance["held-out photographs"],
        remade=seen.mean("remade"),
        drawn=seen.mean("distance", way="standard"),
        faded=anchor.distance["cross-faded"],
        between=seen.mean("straight"),
        sharp=100 * seen.mean("sharp"),
        sharp_components=100 * anchor.sharp["principal components, remade"],
        told_photographs=100 * anchor.told["held-out photographs"],
        copied=100 * seen.mean("copied", way="standard"),
        uneven=seen.mean("uneven"),
        uneven_plain=seen.mean("uneven", "plain"),
        by_code=100 * leaky.by_code(held),
        alone=100 * float(1 - (held - alone).square().sum(1).mean() / apart),
    )
