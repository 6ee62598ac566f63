"""Chapter III: the numbers of its sentences."""

import math
from dataclasses import dataclass

import numpy as np

from latentsep.data.shapes import KINDS
from latentsep.findings import information, meanings
from latentsep.findings.information import Study
from latentsep.ledger.checks.evidence import counted
from latentsep.measures import examination, outlines
from latentsep.measures import information as information_measures
from latentsep.measures.drawings import Drawings
from latentsep.training import drawing
from latentsep.training.drawing import MIDDLE
from latentsep.training.variations import named

FEW = 4  # numbers in the codes that most sentences are about


@dataclass(frozen=True)
class Setting:
    """What is trained on what, and how many claims there are."""

    claims: int
    holding: int
    partly: int
    failing: int
    side: int
    dimension: int
    learned: int
    held: int
    units: int
    lengths: str
    times: int
    explained: float
    few: int
    components: int
    log_pictures: float
    fitted: int
    variance: float


def setting(found: Study) -> Setting:
    """The numbers of the chapter's first sections."""
    *first, last = map(str, sorted(found.evidence.alone.length.unique()))
    return Setting(
        **counted(found.evidence, "III"),
        side=found.shapes.side,
        dimension=found.shapes.dimension,
        learned=found.shapes.learned,
        held=found.shapes.held,
        units=found.ensembles[0].run.hidden[0],
        lengths=f"{', '.join(first)} and {last}",
        times=int(found.evidence.alone.repetition.nunique()),
        explained=100 * outlines.EXPLAINED,
        few=FEW,
        components=examination.COMPONENTS,
        log_pictures=math.log2(found.shapes.learned),
        fitted=information.LINES[3.0][0],
        variance=found.envelope.variance,
    )


@dataclass(frozen=True)
class Pictures:
    """What is remade and drawn, in per cent of pictures, and where codes are, means; ``light`` is the least weight."""

    judged: int
    light: float
    middle: int
    most: int
    remade_plain: float
    remade_variational: float
    remade_light: float
    remade_middle: float
    remade_most: float
    drawn_standard: float
    drawn_fitted: float
    drawn_mixture: float
    drawn_variational: float
    drawn_light: float
    worse_prior: float
    worse_box: float
    back_plain: float
    back_variational: float
    back_drawn: float
    alike_three: float
    alike_four: float
    alike_variational: float


def pictures(found: Study) -> Pictures:
    """Gather them."""
    of, most = found.evidence.mean, int(found.evidence.alone.length.max())
    light = drawing.WEIGHTS[0]
    return Pictures(
        judged=Drawings.count,
        light=light,
        middle=MIDDLE,
        most=most,
        remade_plain=100 * of("remade", "plain", FEW),
        remade_variational=100 * of("remade", "variational", FEW),
        remade_light=100 * of("remade", named(light), MIDDLE),
        remade_middle=100 * of("remade", "plain", MIDDLE),
        remade_most=100 * of("remade", "plain", most),
        drawn_standard=100 * of("shapes", "plain", FEW, "standard"),
        drawn_fitted=100 * of("shapes", "plain", FEW, "fitted"),
        drawn_mixture=100 * of("shapes", "plain", FEW, "mixture"),
        drawn_variational=100 * of("shapes", "variational", FEW, "standard"),
        drawn_light=100 * of("shapes", named(light), MIDDLE, "standard"),
        worse_prior=100 * of("worse", "variational", FEW, "standard"),
        worse_box=100 * of("worse", "variational", FEW, "box"),
        back_plain=of("back", "plain", FEW),
        back_variational=of("back", "variational", FEW),
        back_drawn=of("back", "variational", FEW, "standard"),
        alike_three=100 * of("alike", "plain", 3),
        alike_four=100 * of("alike", "plain", FEW),
        alike_variational=100 * of("alike", "variational", FEW),
    )


@dataclass(frozen=True)
class Bits:
    """What codes know, and the least that they would need, in bits and squared errors: means over repetitions.

    With β = 1 ``book`` is the codebook's, ``apart`` by how many bits models and it differ in what both minimise,
    ``blurred`` the error of the mean of all kinds, ``kind_cost`` the squared error that to know the kind costs."""

    scale: float
    moved: float
    gained: float
    rate_light: float
    most_light: float
    rate_most: float
    most_most: float
    rate_few: float
    least_few: float
    most_few: float
    kept: float
    kept_bits: float
    distinct: int
    confused_two: float
    cost_one: float
    error_one: float
    least_one: float
    enough_one: float
    wasted_one: float
    wasted_percent: float
    wasted_three: float
    book_error: float
    book_bits: float
    apart: float
    kind_cost: float
    blurred: float
    clean_one: float
    collapse: float


def bits(found: Study) -> Bits:
    """Gather them."""
    of, most = found.evidence.mean, int(found.evidence.alone.length.max())
    light = named(drawing.WEIGHTS[0])

    def beyond(weight: float) -> float:
        return cost(weight) - float(found.envelope.above(of("noisy", named(weight), MIDDLE)))

    def cost(weight: float) -> float:
        return of("cost", named(weight), MIDDLE)

    error, book = of("noisy", named(1.0), MIDDLE), int(np.argmax(found.envelope.slopes == 1.0))
    book_error, book_bits = float(found.envelope.distortions[book]), float(found.envelope.bits[book])
    confused = found.evidence.alone.groupby("length").confused.max()
    return Bits(
        scale=information_measures.SCALE,
        moved=float(found.evidence.alone.moved.max()),
        gained=of("rate_scaled", "plain", FEW) - of("rate", "plain", FEW),
        rate_light=of("rate", light, MIDDLE),
        most_light=of("most", light, MIDDLE),
        rate_most=of("rate", "plain", most),
        most_most=of("most", "plain", most),
        rate_few=of("rate", "variational", FEW),
        least_few=of("least", "variational", FEW),
        most_few=of("most", "variational", FEW),
        kept=information_measures.KEPT,
        kept_bits=math.log2(6 / information_measures.KEPT),  # for three deviations to either side
        distinct=int(confused.index[confused == 0].min()),
        confused_two=of("confused", "plain", 2),
        cost_one=cost(1.0),
        error_one=error,
        least_one=float(found.envelope.below(error)),
        enough_one=float(found.envelope.above(error)),
        wasted_one=beyond(1.0),
        wasted_percent=100 * beyond(1.0) / cost(1.0),
        wasted_three=beyond(3.0),
        book_error=book_error,
        book_bits=book_bits,
        apart=cost(1.0) - book_bits + (error - book_error) * information_measures.BITS,
        kind_cost=math.log(len(KINDS)),
        blurred=meanings.blurred(found.shapes),
        clean_one=of("clean", named(1.0), MIDDLE),
        collapse=min((w for w in drawing.WEIGHTS if cost(w) < information.SAMPLING), default=math.nan),
    )


@dataclass(frozen=True)
class Meaning:
    """How codes show what they know, in gaps, squared errors and per cent of variances: means over repetitions."""

    gap_variational: float
    gap_spread: float
    gap_turned: float
    gap_plain: float
    gap_plain_turned: float
    forest_x: float
    forest_y: float
    forest_size: float
    linear_size: float
    three_plain: float
    four_plain: float
    three_variational: float
    four_variational: float


def meaning(found: Study) -> Meaning:
    """Gather them."""
    of = found.evidence.mean
    return Meaning(
        gap_variational=of("gap", "variational", FEW),
        gap_spread=float(found.evidence.of("gap", "variational", FEW).std(ddof=1)),
        gap_turned=of("turned_gap", "variational", FEW),
        gap_plain=of("gap", "plain", FEW),
        gap_plain_turned=of("turned_gap", "plain", FEW),
        forest_x=100 * of("forest_x", "plain", 3),
        forest_y=100 * of("forest_y", "plain", 3),
        forest_size=100 * of("forest_size", "plain", 3),
        linear_size=100 * of("size", "plain", 3),
        three_plain=of("clean", "plain", 3),
        four_plain=of("clean", "plain", FEW),
        three_variational=of("clean", "variational", 3),
        four_variational=of("clean", "variational", FEW),
    )
