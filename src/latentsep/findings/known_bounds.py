"""Chapter II: the numbers of its sentences about models whose evidence is known, recipes and two factors."""

import math
from dataclasses import dataclass

import numpy as np

from latentsep.findings import variational
from latentsep.findings.autoencoders import Study
from latentsep.ledger.checks.evidence import Variations
from latentsep.theory.bayes import Inference
from latentsep.theory.factors import Factors


@dataclass(frozen=True)
class Guesses:
    """Of one dish: −log of its evidence, and −bound with the prior and with the best sure guess, in nats."""

    surprise: float
    of_prior: float
    of_best: float
    gap_of_prior: float


def guesses(seen: Inference) -> Guesses:
    """The bounds of three guesses."""
    sure = np.eye(len(seen.prior))
    return Guesses(
        surprise=-seen.log_evidence(),
        of_prior=-float(seen.elbo(seen.prior)),
        of_best=-float(seen.elbo(sure).max()),
        gap_of_prior=float(seen.kl_to_posterior(seen.prior)),
    )


@dataclass(frozen=True)
class Climb:
    """Two factors: the angles in degrees with the highest evidence and bound, and what the climb costs in nats."""

    true: int
    points: int
    likeliest: float
    highest: float
    lost: float
    afar: int
    gained: float


def climb(found: Study[Variations], model: Factors, x: np.ndarray, seed: int) -> Climb:
    """For the points ``(n, 2)`` of the figure; what is lost and gained are means over repetitions."""
    afar = math.radians(variational.AFAR)
    several = (variational.points(model, r, seed) for r in range(len(next(iter(found.evidence.lost.values())))))
    return Climb(
        true=variational.TRUE,
        points=len(x),
        likeliest=math.degrees(model.highest_evidence(x)),
        highest=math.degrees(model.highest_bound(x)),
        lost=float(np.mean(found.evidence.lost["independent components"])),
        afar=variational.AFAR,
        gained=float(np.mean([model.ascended(points, afar) for points in several])),
    )
