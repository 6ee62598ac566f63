"""Chapter III: autoencoders of drawn shapes, how much their codes know, and the least that anything could need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentsep.data.shapes import Shapes
from latentsep.ledger.checks.information import Passing
from latentsep.measures import codes, drawings, information, meaning
from latentsep.measures.compression import Compression, Envelope
from latentsep.measures.drawings import Drawings
from latentsep.measures.information import SHARE, Passage
from latentsep.measures.meaning import Interpretation
from latentsep.training import drawing, variations
from latentsep.training.ensembles import Trained, train
from latentsep.training.runs import Run

#: Lines that bound the rate–distortion function: by weight β of the divergence, pictures, points to begin with, and
#: extensions. That of 1 has too few pictures for a bound from below; from above it is good.
LINES = {1.0: (10_000, 2_000, 0), 2.0: (10_000, 1_500, 3), 3.0: (10_000, 1_000, 4), 5.0: (10_000, 600, 4)}
LINES |= {10.0: (5_000, 300, 4), 20.0: (5_000, 100, 2)}
SAMPLING = 0.1  # bits that a mean over held-out pictures may be off by: three of its standard errors
SHARES = (0.01, SHARE, 0.5)  # by which noise may raise the error of codes without noise of their own
FEW_TABLED = (2, 4, 8)  # numbers in the codes that this is tabled for


class BelowTheBound(Exception):
    """A model needs fewer bits than any can: the bound is wrong, or what was measured."""


@dataclass(frozen=True)
class Study:
    """The shapes, the trained ensembles, what was measured, codes under ``noisy`` shares, and the envelope of lines."""

    shapes: Shapes
    ensembles: list[Trained]
    evidence: Passing
    noisy: Mapping[float, pd.DataFrame]
    envelope: Envelope

    def one(self, kind: str, length: int, repetition: int = 0) -> Trained:
        """An ensemble of one. Raises ``ValueError`` if there is none."""
        return codes.find(self.ensembles, kind, length, repetition)

    def place(self, kind: str, length: int, repetition: int = 0) -> tuple[Trained, int]:
        """The ensemble that has it, and its number there. Raises ``ValueError`` if there is none."""
        return codes.place(self.ensembles, kind, length, repetition)


def runs(profile: str, repetitions: int, seed: int) -> list[Run]:
    """Its ensembles: plain, variational (both by length), and by the weight of the divergence; two of each."""
    shapes = drawing.shapes(profile, seed=seed)
    settings = (profile, repetitions, seed)
    return [*drawing.lengths(shapes, *settings), *drawing.weights(shapes, *settings)]


def lines(profile: str, seed: int) -> list[Compression]:
    """The lines that bound the rate–distortion function of the shapes; ``smoke`` only shows that it runs."""
    shapes = drawing.shapes(profile, seed=seed)
    if profile == "smoke":
        return [Compression(shapes, 1 / weight, 300, 30, 1, 2, 300) for weight in LINES]
    return [Compression(shapes, 1 / weight, *sizes) for weight, sizes in LINES.items()]


def passages(several: Sequence[Run]) -> dict[float, list[Passage]]:
    """The codes without noise, of the plain ones among its ensembles, under several levels of it."""
    return {share: [Passage(run, share) for run in several[:2]] for share in SHARES}


def study(profile: str, seed: int, repetitions: int) -> Study:
    """Train and examine all autoencoders of the chapter, or fetch them from the records.

    Raises ``BelowTheBound`` if a model needs fewer bits than is possible.
    """
    several = runs(profile, repetitions, seed)
    ensembles = [train(run) for run in several]
    alone, drawn = [], []
    for run in several:
        single, pictures = drawings.table(Drawings.of(run, profile))
        table = single.merge(information.table(Passage(run)))
        alone.append(table.merge(meaning.table(Interpretation(run)), how="left") if run in several[:4] else table)
        drawn.append(pictures)
    shapes = drawing.shapes(profile, seed=seed)
    evidence = Passing(
        alone=pd.concat(alone, ignore_index=True),
        drawn=pd.concat(drawn, ignore_index=True),
        connected=drawings.connected(shapes.held_out()[0]),
    )
    noisy = {share: pd.concat(map(information.table, each)) for share, each in passages(several).items()}
    found = Study(shapes, ensembles, evidence, noisy, Envelope.of(lines(profile, seed)))
    not_below(found)
    return found


def models(found: Study) -> pd.DataFrame:
    """Where models are beside the curve: ``series``, ``says``, ``distortion``, ``bits``, ``gap`` to the lower bound.

    A variational one needs its divergence from the prior, on held-out pictures; a code without noise of its own at
    least the information that passes the noise which its decoder tolerates.
    """
    table = found.evidence.alone
    # That of 1 is beside the others of its weight, which say so.
    kinds = {variations.named(w): f"β = {w:g}" if w != 1 else "" for w in drawing.WEIGHTS}
    weighed = table[table.kind.isin(kinds)].assign(series=f"variational, {drawing.MIDDLE} numbers, by weight")
    by_length = table[table.kind == "variational"].assign(series="variational, β = 1, by length")
    plain = table[(table.kind == "plain") & (table.least < np.log2(found.shapes.learned) - 1)]
    first, *middle, last = sorted(by_length.length.unique())
    between = {first: str(first), last: str(last)} | dict.fromkeys(middle, f"{middle[0]} to {middle[-1]}")
    parts = [
        weighed.assign(says=weighed.kind.map(kinds), bits=weighed.cost),
        by_length.assign(says=by_length.length.map(between), bits=by_length.cost),
        plain.assign(says=plain.length, bits=plain.least, series="plain under noise, by length"),
    ]
    beside = pd.concat(parts, ignore_index=True).rename(columns={"noisy": "distortion"})
    return beside.assign(gap=beside.bits - found.envelope.below(beside.distortion.to_numpy()))


def not_below(found: Study) -> None:
    """Raise ``BelowTheBound`` if a variational model is below the curve, beyond an error of sampling."""
    beside = models(found)
    worst = beside[~beside.series.str.startswith("plain")].nsmallest(1, "gap").iloc[0]
    if worst.gap < -SAMPLING:
        raise BelowTheBound(f"{worst.series} ({worst.says}) is {-worst.gap:.3f} bits below what any code needs")


def curve(found: Study, points: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distortions, and the bits below and above, from the least distortion of a line to the variance."""
    lowest = 0.7 * found.envelope.distortions.min()
    places = np.geomspace(lowest, 1.15 * found.envelope.variance, points)
    return places, found.envelope.below(places), found.envelope.above(places)
