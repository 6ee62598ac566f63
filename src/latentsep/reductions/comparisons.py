"""What chapters 8 to 11 hold against each other: models that are reduced to one another, pictures by their start."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from latentsep.data import coil, loops, seriation
from latentsep.data.benchmarks import ExtendedBenchmark
from latentsep.data.loops import Loops
from latentsep.reductions import pairing
from latentsep.reductions.generative import GenerativeModel, Known, generative_model, rolled
from latentsep.reductions.pairing import Pair
from latentsep.training import experiments, protocols
from latentsep.training.ensembles import Trained, train
from latentsep.training.runs import Member, Run

SIGMA = 0.1  # noise of the benchmark's data, and σ_X, in what is reduced
NOISES = (0.0, 0.1, 0.3)  # in the shifted pictures of chapter 10's last experiment
BOTH = ("baseline", "corrected, film start")  # which chapter 10 reduces to each other
READINGS = {  # of Table 11.1, each with its two autoencoders
    "as published": ("baseline", "as published"),
    "corrected": ("baseline", "corrected"),
    "rectified": ("baseline, rectified", "corrected, rectified"),
}
Models = dict[str, GenerativeModel]
Pairs = dict[tuple[str, str], Pair]


def one(table: Trained) -> Trained:
    """The autoencoder of a table that chapter 8 takes for an example, an ensemble of one."""
    return table.only(dataset=SIGMA, sigma_x=SIGMA, repetitions=1)


def examples(circle: Trained, plane: Trained) -> tuple[Models, Pairs]:
    """Chapter 8's three models, and the maps into and out of Φ that it looks at."""
    models: Models = {"S¹": generative_model(circle), "R²": generative_model(plane)}
    models["Φ"] = Known.benchmark(circle.benchmark, SIGMA)
    keys = (("S¹", "Φ"), ("Φ", "S¹"), ("R²", "Φ"))
    return models, {(a, b): pairing.matched(models[a], models[b]) for a, b in keys}


def across(models: Models) -> Pairs:
    """Of chapter 8's models the two that were trained, each mapped to the other."""
    return pairing.between({name: models[name] for name in ("R²", "S¹")})


def benchmark_models(plane: Run, circle: Run, sigma_x: float, repetitions: int) -> tuple[list[Trained], Models]:
    """The autoencoders of one reading of Table 9.2, and its three models, with a member per repetition."""
    learned = [train(run).only(dataset=SIGMA, sigma_x=sigma_x) for run in (plane, circle)]
    known = Known.benchmark(learned[0].benchmark, SIGMA, repetitions)
    return learned, {"R²": generative_model(learned[0]), "S¹": generative_model(learned[1]), "Φ": known}


def unreflected(models: Models) -> Pairs:
    """Table 9.1's families to the letter, for the pairs that end on a circle."""
    return {k: p for k, p in pairing.between(models, Pair).items() if k[1] != "R²"}


def redrawn_pair(run: Run, known: GenerativeModel) -> dict[str, Pair]:
    """From the plane of another draw of the data to the phases."""
    return {"R² → Φ": pairing.matched(generative_model(train(run)), known)}


def shifted_start(models: Models) -> Pairs:
    """The circle of another repetition, which did not start from the same weights as the plane, into that plane."""
    return {("S¹", "R²"): pairing.matched(rolled(models["S¹"]), models["R²"])}


def shift_runs(shifted: np.ndarray, repetitions: int, **settings: Any) -> dict[str, Run]:
    """Chapter 10's variants for a picture that is shifted ``(shifts, H, W)``, by name."""
    data, _ = loops.shrink(shifted[None])
    members = [Member(1, s, r) for s in experiments.SIGMAS for r in range(repetitions)]
    starts = {"film start": data.ordered([seriation.orders(shifted)["the best film"]])}
    runs = experiments.pictures(data, starts, members, layers=3, **settings)
    del runs["corrected, annealed"]
    return runs


def turned(profile: str, where: str | None = None) -> np.ndarray:
    """The pictures of objects on the turntable that a profile takes, ``(objects, poses, H, W)``."""
    return coil.load(where).images[: 3 if profile == "smoke" else None]


def turntable_runs(
    data: Loops, orders: list[dict[str, np.ndarray]], example: int, repetitions: int, **settings: Any
) -> dict[str, Run]:
    """Chapter 10's variants for all objects at σ_X = 0.1, and for one more closely, by name."""
    ways = {"spectral start": "a graph", "film start": "the best film"}
    starts = {name: data.ordered([found[way] for found in orders]) for name, way in ways.items()}
    members = [Member(n, 0.1, r) for n in range(1, len(orders) + 1) for r in range(repetitions)]
    members += [Member(example, s, r) for s in (0.01, 1.0) for r in range(repetitions)]
    return experiments.pictures(data, starts, members, layers=2, **settings)


def map_protocol(profile: str, seed: int) -> dict[str, int]:
    """How chapter 10 trains its maps: a third of the updates is ample for so few parameters."""
    protocol = protocols.REDUCTORS[profile]
    return {**protocol, "updates": protocol["updates"] // 3, "repetitions": 1, "seed": seed}


def plane_and_circle(plane: Trained, circle: Trained) -> tuple[Models, Pairs]:
    """Two autoencoders of chapter 10 as models, and the maps between them."""
    models: Models = {"R²": generative_model(plane), "S¹": generative_model(circle)}
    return models, pairing.between(models)


def torus_models(
    trained: Mapping[str, Trained], data: ExtendedBenchmark, repetitions: int
) -> tuple[dict[str, list[Trained]], dict[str, Models]]:
    """The autoencoders at σ_X = 0.1 that each reading of Table 11.1 compares, and its three models."""
    known = Known.extended(data, SIGMA, repetitions)
    cells = {name: [trained[n].only(sigma_x=SIGMA) for n in names] for name, names in READINGS.items()}
    models = {name: [*map(generative_model, cell)] for name, cell in cells.items()}
    return cells, {name: {"R⁴": plane, "T²": torus, "Φ²": known} for name, (plane, torus) in models.items()}
