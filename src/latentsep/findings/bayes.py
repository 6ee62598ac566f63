"""What chapter 2 finds where nothing is intractable: evidence, the terms of the bound, ascents, costs of integrals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentsep.ledger import checks
from latentsep.theory.bayes import Inference, Parabola

TERMS = (
    "reconstruction error",
    "KL(Q‖P<sub>Z</sub>)",
    "ELBO",
    "KL(Q‖posterior)",
    "sum of the last two",
    "log evidence",
)


@dataclass(frozen=True)
class Checked:
    """What the chapter's checks count and find, whatever its parameters.

    Of four outcomes the ways to box them, the families of their subsets, and the σ-algebras among these.
    In nats: how far the terms of (2.22) are from the log evidence over all ``examples``, how far one
    parameter for a whole dataset is from (2.13), and how far the two printed terms of the bound are off.
    """

    boxes: int
    families: int
    algebras: int
    identity_off: float
    examples: int
    common_off: float
    first_off: float
    second_off: float


def checked() -> Checked:
    """By exhaustion, and by ``ledger.checks``."""
    return Checked(
        boxes=checks.probability.BELL[4],
        families=2**2**4,
        algebras=len(checks.probability.sigma_algebras(4)),
        identity_off=checks.bayes.worst(lambda s, q: s.elbo(q) + s.kl_to_posterior(q) - s.log_evidence()),
        examples=len(checks.bayes.examples()),
        common_off=checks.bound.one_parameter_for_all().printed,
        first_off=checks.bound.reconstruction_term().printed,
        second_off=checks.bound.regularisation_term().printed,
    )


@dataclass(frozen=True)
class Evidence:
    """What was seen, and its evidence: of a roll, and on the line; ``twice`` with the prior counted twice."""

    rolled: int
    evidence: float
    datapoint: float
    on_line: float
    twice: float


def evidence(rolled: int, seen: Inference, datapoint: float, seen_on_line: Inference, line: Parabola) -> Evidence:
    """From both datapoints and all that can be said after seeing them."""
    joint, bell = seen_on_line.prior * np.exp(seen_on_line.log_likelihood), np.exp(-(line.nodes**2) / 2)
    twice = np.log(joint @ bell / math.sqrt(2 * math.pi))
    return Evidence(
        rolled=rolled,
        evidence=math.exp(seen.log_evidence()),
        datapoint=datapoint,
        on_line=math.exp(seen_on_line.log_evidence()),
        twice=math.exp(twice),
    )


def terms(inference: Inference, q: np.ndarray) -> tuple[float, ...]:
    """The ``TERMS`` of (2.20) and (2.22) for masses ``q``, each computed by itself, in nats."""
    divergence = float(inference.kl_to_posterior(q))
    bound, log_evidence = float(inference.elbo(q)), inference.log_evidence()
    reconstruction, kl = float(inference.reconstruction(q)), float(inference.kl_to_prior(q))
    return reconstruction, kl, bound, divergence, bound + divergence, log_evidence


def identity(guesses: Mapping[str, tuple[Inference, Mapping[str, np.ndarray]]]) -> pd.DataFrame:
    """The ``TERMS`` (columns) of several distributions by name, of each example by name (rows)."""
    rows = {(example, name): terms(seen, q) for example, (seen, qs) in guesses.items() for name, q in qs.items()}
    return pd.DataFrame(rows, index=list(TERMS)).T.rename_axis(["", "Q"])


@dataclass(frozen=True)
class Ascents:
    """How far below the evidence the first ascent ends, and log 2, in nats."""

    gap: float
    log_two: float


def ascents(seen: Inference, paths: Mapping[str, np.ndarray]) -> Ascents:
    """From paths of ``theory.bayes.ascend``, rows of mean, deviation and bound."""
    first = next(iter(paths.values()))
    return Ascents(gap=seen.log_evidence() - first[-1][2], log_two=math.log(2))


@dataclass(frozen=True)
class Costs:
    """What a budget of evaluations buys: nodes on each axis in ten dimensions, and errors in nats.

    The errors of the grid in two and ten dimensions, and of the draws in the ``last``; ``hit`` is the volume of the
    posterior relative to the prior's, in two and twenty dimensions.
    """

    budget: int
    per_axis: int
    grid_two: float
    grid_ten: float
    hit_two: float
    hit_twenty: str
    draws_last: float
    last: int


def costs(budget: int, noise: float, errors: pd.DataFrame, visited: Mapping[int, int], names: Sequence[str]) -> Costs:
    """From errors by dimension (rows), of the grid and of the draws of all the budget, which are last in ``names``.

    ``visited`` is how many nodes the grid has in each dimension.
    """
    hit = {d: (noise**2 / (1 + noise**2)) ** (d / 2) for d in (2, 20)}
    last = errors.index[-1]
    return Costs(
        budget=budget,
        per_axis=round(visited[10] ** 0.1),
        grid_two=errors.loc[2, names[0]],
        grid_ten=errors.loc[10, names[0]],
        hit_two=hit[2],
        hit_twenty=f"{hit[20]:.0e}",
        draws_last=errors.loc[last, names[-1]],
        last=last,
    )
