"""Chapter 10, all objects of the collection: which are recovered, in what order their pictures belong, who look alike.

Objects are numbered from 1, as the datasets of ``loops.Loops`` are.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from latentsep.data import seriation
from latentsep.data.loops import Loops
from latentsep.ledger.numerals import numeral
from latentsep.measures import recovery, topology

SIGMA_X = 0.1  # of all that is said about all objects
ENOUGH = 0.8  # share of the repetitions that have to recover the loop: four of five
WAYS = ("a graph", "the shortest tour", "the best film")  # to an order of the pictures
Found = dict[str, pd.DataFrame]  # variant to what ``recovery.table`` says of its members


@dataclass(frozen=True)
class Outcomes:
    """How many objects each variant recovers, and what is wrong with the others.

    ``degree_0`` and ``degree_2`` list the objects of these median degrees, annealed; ``memory`` is the least mean
    −log p in nats, in words. Steps are in radians.
    """

    objects: int
    needed: int
    film_objects: int
    film_members: int
    all_members: int
    plain_objects: int
    annealed_objects: int
    spectral_objects: int
    published_objects: int
    degree_0: str
    degree_2: str
    memory: str
    memory_frames: int
    wrong_objects: int
    wrong_better: int
    film_order: float
    film_step: float
    even_step: float


@dataclass(frozen=True)
class Orders:
    """How many objects each way puts in order; ``hardest`` is the one that the shortest tour does worst.

    ``film_exact`` counts the true orders, ``film_never_longer`` the films with a code no longer than that of the
    true order, ``raw_orders`` the objects in order where the framing was left in.
    """

    hardest: int
    graph_orders: int
    tour_orders: int
    film_orders: int
    film_worst: float
    raw_orders: int
    film_never_longer: int
    film_exact: int


@dataclass(frozen=True)
class Lookalikes:
    """Objects that look alike from the back, that hardly change, and the one whose back is nearest.

    ``nearest_ratio`` is the distance of its opposite view in units of that of the next one.
    """

    alike: str
    slow: str
    nearest_half: str
    nearest_ratio: float


def recovered(found: Found) -> pd.DataFrame:
    """How many repetitions at σ_X = 0.1 recover the loop, by object (rows) and variant (columns)."""
    counts = pd.DataFrame({name: groups.recovered.sum() for name, groups in _by_object(found).items()})
    counts.index = [f"object {n:g}" for n in counts.index]
    return counts


def with_totals(found: Found, repetitions: int) -> pd.DataFrame:
    """The same, and below it how many objects are recovered: often enough, and by the run of least −ELBO."""
    counts = recovered(found)
    total = _often_enough(counts, repetitions).rename(
        f"objects with {math.ceil(ENOUGH * repetitions)} of {repetitions}"
    )
    groups = _by_object(found)
    chosen = {name: table.loc[groups[name].neg_elbo.idxmin()] for name, table in found.items()}
    best = pd.Series({name: rows.recovered.sum() for name, rows in chosen.items()}, name="objects, run of least −ELBO")
    return pd.concat([counts, total.to_frame().T, best.to_frame().T]).astype(int)


def outcomes(found: Found, data: Loops, repetitions: int) -> Outcomes:
    """Sum up all variants of all objects of ``data``.

    An object is wrong if an annealed run does not recover it and a guided one does; better, if the least −ELBO of
    the former is lower.
    """
    counts = recovered(found)
    total = _often_enough(counts, repetitions)
    film, annealed = (t[t.sigma_x == SIGMA_X] for t in (found["corrected, film start"], found["corrected, annealed"]))
    degrees = annealed.groupby("dataset").degree.agg(lambda d: d.abs().median())
    kept, lost = film[film.recovered], annealed[~annealed.recovered]
    right, wrong = (t.groupby("dataset").neg_elbo.min() for t in (kept, lost))
    shared = right.index.intersection(wrong.index)
    return Outcomes(
        objects=len(counts),
        needed=math.ceil(ENOUGH * repetitions),
        film_objects=int(total["corrected, film start"]),
        film_members=int(counts["corrected, film start"].sum()),
        all_members=len(counts) * repetitions,
        plain_objects=int(total["corrected"]),
        annealed_objects=int(total["corrected, annealed"]),
        spectral_objects=int(total["corrected, spectral start"]),
        published_objects=int(total["as published"]),
        degree_0=_listed(f"{n:g}" for n in degrees[degrees == 0].index),
        degree_2=_listed(f"{n:g}" for n in degrees[degrees == 2].index),
        memory=numeral(recovery.memorised(data.ambient, SIGMA_X, data.frames), 0, group=","),
        memory_frames=data.frames,
        wrong_objects=len(shared),
        wrong_better=int((wrong[shared] < right[shared]).sum()),
        film_order=film.order.min(),
        film_step=film.largest_step.max(),
        even_step=2 * np.pi / data.frames,
    )


def kept(orders: Sequence[dict[str, np.ndarray]]) -> pd.DataFrame:
    """How well the orders found of each object (rows), by way (columns), agree with the true ones, from 0 to 1."""
    agreement = [
        {way: float(topology.circular_rank_correlation(seriation.places(order))) for way, order in found.items()}
        for found in orders
    ]
    return pd.DataFrame(agreement)


def code_gains(pictures: np.ndarray, films: Sequence[np.ndarray]) -> np.ndarray:
    """By how much the code of a film is shorter than that of the true order, for each object ``(objects,)``.

    ``pictures`` has shape ``(objects, frames, H, W)``; their framing is taken out.
    """
    gains = []
    for images, order in zip(pictures, films, strict=True):
        x = seriation.unframed(images)
        gram = x @ x.T
        gains.append(seriation.code_length(gram, np.arange(len(x))) - seriation.code_length(gram, order))
    return np.array(gains)


def orders(pictures: np.ndarray, found: Sequence[dict[str, np.ndarray]]) -> Orders:
    """Sum up the orders that ``seriation.orders`` found of each object's ``pictures`` ``(objects, frames, H, W)``."""
    agreement = kept(found)
    good, film = (agreement > recovery.ORDERLY).sum(), agreement["the best film"]
    gains = code_gains(pictures, [ways["the best film"] for ways in found])
    return Orders(
        hardest=hardest(agreement),
        graph_orders=int(good["a graph"]),
        tour_orders=int(good["the shortest tour"]),
        film_orders=int(good["the best film"]),
        film_worst=film.min(),
        raw_orders=int(good["the best film, framed"]),
        film_never_longer=int((gains >= -1e-6).sum()),
        film_exact=int((film == 1).sum()),
    )


def hardest(agreement: pd.DataFrame) -> int:
    """The number of the object whose shortest tour agrees least with the true order, from ``kept``."""
    return int(agreement["the shortest tour"].argmin()) + 1


def by_lag(pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Mean distance of pictures k poses apart, for every k, ``(frames,)``, by the number of the object.

    ``pictures`` has shape ``(objects, frames, H, W)``.
    """
    found = {}
    for n, images in enumerate(pictures, 1):
        x = seriation.rows(images)
        apart = [np.linalg.norm(x - np.roll(x, -k, 0), axis=1) for k in range(len(x))]
        found[str(n)] = np.mean(apart, axis=1)
    return found


def lookalikes(lags: dict[str, np.ndarray]) -> Lookalikes:
    """Sum up what ``by_lag`` says.

    Alike are objects less than three quarters of their largest distance away after half a turn, slow are those with
    less than half the median's mean distance.
    """
    half = {n: d[len(d) // 2] / d.max() for n, d in lags.items()}
    usual = np.median([d[1:].mean() for d in lags.values()])
    nearer = {n: d[len(d) // 2] / d[1] for n, d in lags.items()}
    return Lookalikes(
        alike=_listed(n for n in half if half[n] < 0.75),
        slow=_listed(n for n in lags if lags[n][1:].mean() < usual / 2),
        nearest_half=min(nearer, key=lambda n: nearer[n]),
        nearest_ratio=min(nearer.values()),
    )


def _by_object(found: Found) -> dict[str, Any]:
    return {name: table[table.sigma_x == SIGMA_X].groupby("dataset") for name, table in found.items()}


def _often_enough(counts: pd.DataFrame, repetitions: int) -> pd.Series:
    return (counts >= ENOUGH * repetitions).sum()


def _listed(numbers: Iterable[str]) -> str:
    return ", ".join(sorted(numbers, key=int)) or "none"
