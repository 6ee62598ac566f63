"""What maps between plane, circle and phases were made, which way around, and where they lead codes (thesis ch. 9)."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.benchmarks import Benchmark
from latentsep.ledger import checks
from latentsep.ledger.checks.reduction import Codes, Mapped
from latentsep.ledger.numerals import numeral
from latentsep.measures import evaluation, topology
from latentsep.reductions import pairing
from latentsep.reductions.comparisons import Models, Pairs
from latentsep.reductions.generative import GenerativeModel, draw
from latentsep.reductions.pointwise import Pointwise
from latentsep.reductions.reduction import Reductor
from latentsep.reductions.reductors import Rotation
from latentsep.training.ensembles import Trained

Key = tuple[str, str]  # source and target, by their names
PAIRS: tuple[Key, ...] = tuple(itertools.permutations(("R²", "S¹", "Φ"), 2))
FORWARD: tuple[Key, ...] = (("R²", "S¹"), ("R²", "Φ"), ("S¹", "Φ"))  # each two spaces once
Drawn = tuple[Codes, Mapped]


@dataclass(frozen=True)
class Reading:
    """One reading of Table 9.2: the autoencoders of plane and circle, three models, and what maps between them.

    ``found`` is what ``tolerance.tolerances`` returns for ``pairs`` and ``reductors``.
    """

    trained: Sequence[Trained]
    models: Models
    pairs: Pairs
    reductors: Mapping[Key, Reductor]
    found: pd.DataFrame

    @property
    def mean(self) -> pd.Series:
        """Δ in nats of every source and target, the mean over maps and autoencoders."""
        return self.found.groupby(["source", "target"]).tolerance.mean()

    @property
    def shown(self) -> Pointwise:
        """The first map of every pair, between the first autoencoders, to be looked at point by point."""
        first = self.found.query("map == 0 and member == 0").set_index(["source", "target"]).tolerance
        plane, circle = self.trained
        return Pointwise({"R²": plane, "S¹": circle}, self.reductors, first.to_dict())

    @property
    def data(self) -> Benchmark:
        """What the autoencoders have seen."""
        return self.trained[0].benchmark

    @property
    def repetitions(self) -> int:
        """How many autoencoders of each kind there are."""
        return len(self.models["Φ"].sigma_x)


Readings = Mapping[str, Reading]


def title(key: Key) -> str:
    """A pair of spaces as tables and sentences name it.

    >>> title(("S¹", "Φ"))
    'S¹ → Φ'
    """
    return f"{key[0]} → {key[1]}"


def prior_draws(model: GenerativeModel, count: int, seed: int) -> Tensor:
    """Latent variables from the prior of a model, the same for all its members, ``(members, count, d)``."""
    stream = seeds.generator(seed, "chapter 9")
    return draw(model.space, count, stream).expand(len(model.sigma_x), -1, -1)


# Which way around


def senses(models: Models) -> pd.DataFrame:
    """The relative degree of each two models as a signed number in words, one column per repetition from 1 on."""
    rows = [pairing.relative_degree(models[a], models[b])[0] for a, b in FORWARD]
    return pd.DataFrame(
        [[numeral(d, 0, "+") for d in degrees] for degrees in rows],
        index=[title(key) for key in FORWARD],
        columns=pd.Index(range(1, len(rows[0]) + 1), name="repetition"),
    )


def degrees_agree(reading: Reading) -> np.ndarray:
    """Whether the relative degree is the product of those of the encoders, ``(pairs, members)``; that of Φ is 1."""
    turns = {s: topology.degrees(t).degree.to_numpy() for s, t in zip(("R²", "S¹"), reading.trained, strict=True)}
    turns["Φ"] = np.ones(reading.repetitions)
    relative = {(a, b): pairing.relative_degree(reading.models[a], reading.models[b])[0] for a, b in reading.pairs}
    return np.stack([relative[a, b] == turns[a] * turns[b] for a, b in reading.pairs])


def unreflected_and_reflected(reading: Reading, plain: pd.DataFrame) -> pd.DataFrame:
    """``plain``, tolerances of maps without reflection, beside those of the reading's own, as ``tolerance_best``.

    ``reflected`` says whether the pair of models has opposite senses.
    """
    both = plain.merge(reading.found, on=["source", "target", "map", "member"], suffixes=("", "_best"))
    families = {key: pair.family for key, pair in reading.pairs.items()}
    reflected = {key: np.asarray(f.reflected) for key, f in families.items() if isinstance(f, Rotation)}
    opposite = [reflected[a, b][m] for a, b, m in zip(both.source, both.target, both.member, strict=True)]
    return both.assign(reflected=opposite)


@dataclass(frozen=True)
class Made:
    """How many maps were trained, and what a reflection is good for; tolerances in nats."""

    map_updates: int
    map_samples: int
    maps: int
    autoencoders: int
    all_maps: int
    all_readings: int
    # Of the corrected circle.
    pairs_of_circles: int
    opposite_pairs: int
    stuck_least: float
    unstuck_most: float
    agreed: int
    agreed_of: int


def made(readings: Readings, plain: pd.DataFrame, updates: int, samples: int) -> Made:
    """The maps of all readings, ``plain`` being the tolerances of those of the corrected circle without reflection.

    ``updates`` and ``samples`` are those of Algorithm 2.
    """
    corrected = readings["corrected"]
    maps = len(corrected.reductors[PAIRS[0]].parameters)
    both = unreflected_and_reflected(corrected, plain)
    wrong = both[both.reflected]
    agreed = degrees_agree(corrected)
    return Made(
        map_updates=updates,
        map_samples=samples,
        maps=maps,
        autoencoders=corrected.repetitions,
        all_maps=sum(len(reading.found) for reading in readings.values()),
        all_readings=len(readings),
        pairs_of_circles=len(both) // maps,
        opposite_pairs=len(wrong) // maps,
        stuck_least=wrong.tolerance.min(),
        unstuck_most=wrong.tolerance_best.max(),
        agreed=int(np.sum(agreed)),
        agreed_of=int(np.size(agreed)),
    )


# Where codes are led


def drawings(reading: Reading, x: Tensor, phases: Tensor, member: int = 0) -> Drawn:
    """The codes of ``x`` in each space, and in each where the first map from each other sends them.

    ``x`` ``(n, D)`` are datapoints of ``phases`` ``(n,)`` in radians, which are their codes in Φ; one member's
    codes, as points of the plane ``(n, 2)``.
    """
    plane, circle = reading.trained
    spaces = {space: m.space for space, m in reading.models.items()}
    z = {"R²": evaluation.latents(plane, x), "S¹": evaluation.latents(circle, x)}
    z["Φ"] = phases[:, None].expand(reading.repetitions, -1, -1)
    own = {space: spaces[space].embed(value)[member] for space, value in z.items()}
    sent = {(a, b): spaces[b].embed(r(z[a]))[0, member] for (a, b), r in reading.reductors.items()}
    return own, sent


def thinned(drawn: Drawn, step: int = 2) -> Drawn:
    """Every second datapoint of ``drawings``, or every ``step``-th."""
    own, sent = drawn
    return {k: v[::step] for k, v in own.items()}, {k: v[::step] for k, v in sent.items()}


@dataclass(frozen=True)
class Strayed:
    """By how much phase the worst map of a reading leads codes astray, in radians, and radii in the plane."""

    strayed_corrected: float
    strayed_published: float
    strayed_rectified: float
    strayed_maps: int  # of the published circle, by more than ``checks.reduction.NEAR``
    ellipse: float  # mean radius of the corrected reading's codes from Φ
    plane_ring: float  # mean radius of the plane's own


def strayed(drawn: Mapping[str, Drawn], phases: Tensor) -> Strayed:
    """What the ``drawings`` of each reading show, for datapoints of ``phases`` ``(n,)`` in radians."""
    by_map = {name: checks.reduction.strayed(*codes, phases) for name, codes in drawn.items()}
    own, sent = drawn["corrected"]
    return Strayed(
        strayed_corrected=max(by_map["corrected"].values()),
        strayed_published=max(by_map["variance 0.01"].values()),
        strayed_rectified=max(by_map["rectified"].values()),
        strayed_maps=sum(v > checks.reduction.NEAR for v in by_map["variance 0.01"].values()),
        ellipse=float(sent["Φ", "R²"].norm(dim=-1).mean()),
        plane_ring=float(own["R²"].norm(dim=-1).mean()),
    )
