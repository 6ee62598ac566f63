"""What the numbers of a code mean: whether factors that are known can be read off it, and off which numbers.

Three common measures, none of which is the meaning itself: a linear *probe*, the *mutual information gap* (Chen et al.,
2018), and *disentanglement, completeness, informativeness* (Eastwood and Williams, 2018).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.shapes import FACTORS, Shapes
from latentsep.measures import codes
from latentsep.runtime import records
from latentsep.training.ensembles import Trained, train
from latentsep.training.runs import Run

BINS = 20  # for factors and numbers, of as many pictures each
TREES, DEPTH, FITTED = 10, 10, 2_000  # of the forests that predict factors, and pictures that they learn from
TURNS = 20  # random rotations that axes are held against
LONGEST = 8  # numbers of the codes that are looked at


def binned(values: Tensor) -> np.ndarray:
    """Which of ``BINS`` equally full bins values ``(n,)`` fall in; as they are, if they take no more values."""
    distinct = values.unique()
    if len(distinct) <= BINS:
        return torch.searchsorted(distinct, values.contiguous()).numpy()
    edges = torch.quantile(values.double(), torch.linspace(0, 1, BINS + 1).double()[1:-1])
    return torch.searchsorted(edges, values.double().contiguous()).numpy()


def shared(first: np.ndarray, second: np.ndarray) -> float:
    """The mutual information in nats of two columns of bins, as they occur together."""
    counts = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(counts, (first, second), 1)
    joint = counts / counts.sum()
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / apart[seen])).sum())


def table_of(code: Tensor, factors: Tensor) -> np.ndarray:
    """Of each factor ``(n, k)`` the part that each number of a code ``(n, d)`` knows of it, ``(k, d)``."""
    numbers, known = ([binned(column) for column in part.T] for part in (code, factors))
    return np.array([[shared(number, factor) / shared(factor, factor) for number in numbers] for factor in known])


def gap(known: np.ndarray) -> float:
    """The mutual information gap of a ``table_of``: what the best number knows beyond the second, over factors.

    >>> gap(np.array([[1.0, 0.0], [0.5, 0.5]]))
    0.5
    """
    if known.shape[1] == 1:
        return float(known.mean())
    ordered = np.sort(known, 1)
    return float((ordered[:, -1] - ordered[:, -2]).mean())


def forests(code: Tensor, factors: Tensor, other: Tensor, other_factors: Tensor) -> dict[str, float]:
    """*Disentanglement*, *completeness* and *informativeness* of codes ``(n, d)``, each at most 1.

    Random forests predict each factor ``(n, k)`` from the code. How much each number matters to them is a table; it is
    disentangled if each number matters to one factor, and complete if each factor needs one number. They are
    informative so far as they are right about ``other`` codes: R², or for a kind the part that is known. ``forest_x``
    and the like say that of each factor, which have the order of ``FACTORS``.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor  # late: it takes a second

    weights, right = [], []
    settings = {"n_estimators": TREES, "max_depth": DEPTH, "random_state": 0, "n_jobs": 1}
    for factor, other_factor in zip(factors.T, other_factors.T, strict=True):
        kind = RandomForestClassifier if len(factor.unique()) <= BINS else RandomForestRegressor
        forest = kind(**settings).fit(code[:FITTED].numpy(), factor[:FITTED].numpy())
        weights.append(forest.feature_importances_)
        right.append(forest.score(other.numpy(), other_factor.numpy()))
    matter = np.array(weights)  # (k, d)
    return {
        "disentangled": _sharpness(matter.T, matter.sum(0)),
        "complete": _sharpness(matter, matter.sum(1)),
        "informative": float(np.mean(right)),
        **{f"forest_{name}": score for name, score in zip(FACTORS, right, strict=False)},
    }


def _sharpness(rows: np.ndarray, weights: np.ndarray) -> float:
    """One less the entropy of each row, over its maximum, on average by weight; 1 if each row has a single entry."""
    if rows.shape[1] == 1:
        return 1.0
    shares = rows / np.maximum(rows.sum(1, keepdims=True), 1e-12)
    entropies = -(shares * np.log(np.maximum(shares, 1e-12))).sum(1) / np.log(rows.shape[1])
    return float(np.average(1 - entropies, weights=weights / weights.sum()))


def linear(code: Tensor, factor: Tensor, other: Tensor, other_factor: Tensor) -> float:
    """R² of the best linear prediction of a factor ``(n,)`` from codes ``(n, d)``, on ``other`` codes."""
    from sklearn.linear_model import LinearRegression  # late: it takes a second

    found = LinearRegression().fit(code.double().numpy(), factor.double().numpy())
    return float(found.score(other.double().numpy(), other_factor.double().numpy()))


def turned(code: Tensor, times: int = TURNS, seed: int = 0) -> list[Tensor]:
    """Rotations ``(d, d)`` drawn at random, as many as ``times``."""
    length = code.shape[1]
    streams = (seeds.generator(seed, "turn", length, turn) for turn in range(times))
    return [torch.linalg.qr(torch.randn(length, length, generator=stream))[0] for stream in streams]


@dataclass(frozen=True)
class Interpretation:
    """An ensemble of autoencoders of shapes whose codes are read."""

    run: Run

    @property
    def summary(self) -> str:
        """What it is, in a few words for a list of many."""
        return f"meaning of {len(self.run.members)} codes"


def job(interpretation: Interpretation) -> records.Job:
    """Its computation as a job for the records; the ensemble must be there."""
    return records.Job(interpretation, interpret, guess=4.0 * len(interpretation.run.members))


def table(interpretation: Interpretation) -> pd.DataFrame:
    """What is read of each member with a code that is not too long, one row each."""
    about = codes.members(train(interpretation.run))
    return about[about.length <= LONGEST].reset_index(drop=True).assign(**records.fetch(interpretation, interpret))


def shapes(trained: Trained) -> Shapes:
    """The shapes that it was trained on. Raises ``ValueError`` for other data."""
    if not isinstance(trained.run.data, Shapes):
        raise ValueError(f"data is {trained.run.data}; choose Shapes")
    return trained.run.data


@torch.no_grad()
def interpret(interpretation: Interpretation, checkpoint: Path | None = None) -> records.Arrays:
    """The measures by name, ``(members,)``.

    ``gap`` is the mutual information gap of the codes as they are, ``turned_gap`` that of random rotations of them.
    ``x``, ``y`` and ``size`` are linear probes, ``told`` how often a linear discriminant knows the kind, ``alike`` how
    often the nearest code is of the same kind, ``spread`` the mean distance within kinds over that between them.
    """
    trained, rows = train(interpretation.run), []
    data = shapes(trained)
    (x, factors), (held, held_factors) = data.sample(1), data.held_out()
    names = FACTORS[: 6 if data.turned else 4]
    factors, held_factors = factors[:, : len(names)], held_factors[:, : len(names)]
    both = zip(codes.used(trained, x), codes.used(trained, held), strict=True)
    for member, (code, other) in zip(codes.autoencoding(trained).members, both, strict=True):
        if member.length > LONGEST:
            continue
        row = {name: linear(code, factors[:, i], other, held_factors[:, i]) for i, name in enumerate(names) if i} | {
            "told": codes.probe(code, factors[:, 0].long(), other, held_factors[:, 0].long())
        }
        row |= {"gap": gap(table_of(code, factors)), **forests(code, factors, other, held_factors)}
        turns = turned(code, seed=seeds.derive(trained.run.seed, member.repetition))
        row["turned_gap"] = float(np.mean([gap(table_of(code @ turn, factors)) for turn in turns]))
        row |= sheets(code, factors[:, 0])
        rows.append(row)
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def sheets(code: Tensor, kinds: Tensor, probes: int = 1_000) -> dict[str, float]:
    """Whether kinds lie on sheets of their own: as in ``interpret``, for codes ``(n, d)``."""
    distances = torch.cdist(code[:probes], code)
    distances[torch.arange(len(distances)), torch.arange(len(distances))] = torch.inf
    own = kinds[:probes, None] == kinds
    near, far = (distances.masked_fill(~which, torch.inf).amin(1) for which in (own, ~own))
    finite = distances.masked_fill(distances.isinf(), 0.0)
    within, between = (float((finite * which).sum() / which.sum()) for which in (own, ~own))
    return {
        "alike": float((near < far).double().mean()),
        "spread": within / between,
    }
