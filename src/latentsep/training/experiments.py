"""The experiments as data: which cells, of what data and latent space; how they are trained is in ``protocols``."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from latentsep.data.benchmarks import Benchmark, ExtendedBenchmark
from latentsep.data.loops import Loops
from latentsep.models.distributions import CORRECTIONS
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean, LatentSpace
from latentsep.models.networks import ACTIVATIONS
from latentsep.training.ensembles import Trained
from latentsep.training.protocols import PICTURES, PROFILES, RECTIFIED, SHORT, TORUS, Table, protocol
from latentsep.training.runs import Member, Run

SIGMAS = (0.01, 0.1, 1.0)  # noise levels σ of the benchmark, and values of σ_X (thesis §5.3)
Reading = tuple[Run, Run, float]  # a plane and a circle, and the σ_X at which they are reduced to each other
STARTS = 8  # of which each corrected torus is the best


def benchmark_table(
    profile: str = "book",
    space: LatentSpace = Euclidean(2),
    repetitions: int = 5,
    seed: int = 0,
    table: Table = PROFILES,
    **changes: Any,
) -> Run:
    """All cells of Table 5.1 as one ensemble: three noise levels, three σ_X, several repetitions.

    ``table`` has the protocols of the profiles, ``PRINTED`` those at the printed pace.

    >>> len(benchmark_table("smoke").members)
    45
    """
    members = tuple(Member(s, x, r) for s in SIGMAS for x in SIGMAS for r in range(repetitions))
    return Run(members, Benchmark(seed=seed), space, seed=seed, **protocol(profile, table, **changes))


def circle(*corrected: str) -> Circle:
    """The latent circle of thesis chapter 7 with some of its four formulas put right.

    They are ``density`` (7.5), ``sampling`` (7.10), ``kl`` (7.9) and ``head`` (§7.1). With none it is
    as published; with the first three its posterior is the heat kernel, KL in closed form. Raises
    ``ValueError`` for any other name.

    >>> circle("density", "sampling", "kl", "head") == Circle()
    True
    """
    if unknown := set(corrected) - {*CORRECTIONS, "head"}:
        raise ValueError(f"corrected has {', '.join(sorted(unknown))}; choose from {', '.join(CORRECTIONS)}, head")
    head = "projected" if "head" in corrected else "real"
    formulas = tuple(name for name in CORRECTIONS if name in corrected)
    return Circle(head) if formulas == CORRECTIONS else Circle(head, "published", formulas)


def circle_tables(profile: str = "book", repetitions: int = 5, seed: int = 0, **changes: Any) -> dict[str, Run]:
    """Table 7.1 twice: as ``published``, and ``corrected`` with minibatches of twice the size, unless that is given.

    At σ_X = 0.01 the noise of small minibatches is part of what keeps a correct autoencoder from the
    floor; the published one is kept from it by other things.
    """
    published = benchmark_table(profile, circle(), repetitions, seed, **changes)
    corrected = benchmark_table(profile, Circle(), repetitions, seed, **changes)
    if corrected.batch_size is not None and changes.get("batch_size") is None:
        corrected = replace(corrected, batch_size=2 * corrected.batch_size)
    return {"published": published, "corrected": corrected}


def ablation(profile: str = "book", repetitions: int = 5, seed: int = 0, **changes: Any) -> dict[str, Run]:
    """The published circle, each correction alone, all but each, and all: one dataset (σ = 0.1), three σ_X.

    The last two are all corrections with other activations. All are trained alike.
    """
    every = (*CORRECTIONS, "head")
    variants: dict[str, tuple[str, ...]] = {"as published": ()} | {f"{one} corrected": (one,) for one in every}
    variants |= {f"all but {one}": tuple(o for o in every if o != one) for one in every} | {"all corrected": every}
    members = tuple(Member(0.1, x, r) for x in SIGMAS for r in range(repetitions))
    settings = {"data": Benchmark(seed=seed), "seed": seed, **protocol(profile, SHORT, **changes)}
    runs = {name: Run(members, space=circle(*corrected), **settings) for name, corrected in variants.items()}
    last = runs["all corrected"]
    return runs | {f"all corrected, {a}": replace(last, activation=a) for a in ACTIVATIONS if a != last.activation}


def tear(profile: str = "book", seed: int = 0, **changes: Any) -> list[Run]:
    """One published circle (σ = σ_X = 0.1) stopped after more and more updates; settings as in ``ablation``."""
    settings = protocol(profile, SHORT, **changes) | {"cooled": 0}  # so that a short run is the beginning of a long one
    stops = sorted({int(settings["updates"] * part) for part in (0, 0.01, 0.05, 0.2, 1)})
    run = Run((Member(0.1, 0.1),), Benchmark(seed=seed), circle(), seed=seed, **settings)
    return [replace(run, updates=stop) for stop in stops]


def other_activations(table: Run) -> dict[str, Run]:
    """Up to two repetitions of a table's cells with σ of 0.1 and 1, under every activation but its own."""
    members = tuple(m for m in table.members if m.dataset >= 0.1 and m.repetition < 2)
    return {a: replace(table, members=members, activation=a) for a in ACTIVATIONS if a != table.activation}


def reduced_cell(table: Run, **changes: Any) -> Run:
    """A table's cell with σ = σ_X = 0.1, which chapter 9 reduces to others, with some fields of the run changed."""
    members = tuple(m for m in table.members if m.dataset == m.sigma_x == 0.1)
    return replace(table, members=members, **changes)


def redrawn(table: Run, activations: Sequence[str] = ("tanh", "relu")) -> dict[str, Run]:
    """The same cell with another draw of the dataset and of all else that is random, by activation."""
    seed = table.seed + 1
    again = reduced_cell(table, seed=seed, data=replace(table.data, seed=seed))
    return {activation: replace(again, activation=activation) for activation in activations}


def reductions(profile: str = "book", repetitions: int = 5, seed: int = 0, **changes: Any) -> dict[str, Reading]:
    """What chapter 9 reduces to each other: reading of the print to plane, circle, and their σ_X.

    ``as printed`` and ``variance 0.01`` are the published autoencoders with σ_X = 0.01 and σ_X² = 0.01,
    ``corrected`` has chapter 7's corrected circle; ``rectified`` has rectified units and, of the
    corrections, the projected head. The last two show what is decided by the head and by σ_X.
    """
    units = {"activation": "relu"}
    plane = benchmark_table(profile, repetitions=repetitions, seed=seed, **changes)
    circles = circle_tables(profile, repetitions, seed, **changes)
    published = circles["published"]
    torn, wound = (replace(plane, space=circle(*corrected)) for corrected in ((), ("head",)))
    return {
        "as printed": (plane, published, 0.01),
        "variance 0.01": (plane, published, 0.1),
        "corrected": (plane, circles["corrected"], 0.1),
        "rectified": (reduced_cell(plane, **units), reduced_cell(wound, **units), 0.1),
        "rectified, real head": (reduced_cell(plane, **units), reduced_cell(torn, **units), 0.1),
        "corrected, σ_X = 0.01": (plane, circles["corrected"], 0.01),
    }


def other_batches(table: Run, profile: str = "book") -> dict[int, Run]:
    """A table's noisiest cell (σ = 1, σ_X = 0.01), once, with minibatches from 64 to all of the data.

    At the pace of short studies: what the size of the batch does shows as well, and the whole data is dear.
    """
    settings = protocol(profile, SHORT, updates=min(table.updates, SHORT[profile]["updates"]))
    run = replace(table, members=(Member(1.0, 0.01),), **settings)
    return {size or run.data.size: replace(run, batch_size=size) for size in (64, 256, 1024, None)}


def sigma_x_sweep(profile: str = "book", repetitions: int = 2, seed: int = 0, **changes: Any) -> Run:
    """One dataset (σ = 0.1), nine values of σ_X, from 0.01 to past the collapse at σ_X = √(D/4) = 2.5 (chapter 4)."""
    members = tuple(
        Member(0.1, x, r) for x in (0.01, 0.03, 0.1, 0.3, 1.0, 1.5, 2.0, 2.4, 3.0) for r in range(repetitions)
    )
    return Run(members, Benchmark(seed=seed), seed=seed, **protocol(profile, SHORT, **changes))


def estimator_study(profile: str = "book", seed: int = 0, **changes: Any) -> Run:
    """One small autoencoder of chapter 5 (σ = σ_X = 0.1) on which chapter 3 measures its estimators."""
    return Run((Member(0.1, 0.1),), Benchmark(seed=seed), seed=seed, **protocol(profile, SHORT, **changes))


def smallest(space: LatentSpace = Euclidean(2)) -> Run:
    """One autoencoder, trained for a moment: enough to hold the pictures drawn of it against its numbers."""
    return Run((Member(0.1, 0.1),), Benchmark(size=256), space, updates=50, batch_size=64, learning_rate=1e-3)


def pictures(
    data: Loops,
    starts: dict[str, Loops],
    members: Sequence[Member],
    profile: str = "book",
    layers: int = 2,
    seed: int = 0,
    **changes: Any,
) -> dict[str, Run]:
    """Chapter 10's variants, each with the same members: baseline, published circle, corrected circle by its start.

    The last are a plain start, one with σ_X annealed from a fifth of the data's root mean square, and
    guided starts along the orders of ``starts``. All pictures make up a batch. Half of the updates of a
    guided start are guided, and the others cooled.
    """
    settings = protocol(profile, PICTURES, data.ambient, **changes)
    run = Run(tuple(members), data, layers=layers, seed=seed, **settings)
    runs = {"baseline": run, "as published": replace(run, space=circle()), "corrected": replace(run, space=Circle())}
    runs["corrected, annealed"] = replace(runs["corrected"], annealing=0.2)
    for name, guide in starts.items():
        half = run.updates // 2
        runs[f"corrected, {name}"] = replace(runs["corrected"], data=guide, guided=half, cooled=run.updates - half)
    return runs


def noisy_pictures(guided: Run, noises: Sequence[float], repetitions: int = 3) -> dict[float, Run]:
    """A guided run of the first loop, shorter and for two σ_X, by the noise in its pictures (thesis §10.1.1)."""
    members = tuple(Member(1, x, r) for x in (0.1, 1.0) for r in range(repetitions))
    updates = min(guided.updates, 1_900)
    shared: dict[str, Any] = {"members": members, "updates": updates, "guided": updates // 2, "batch_size": 256}
    shared["cooled"] = updates - shared["guided"]
    return {s: replace(guided, data=replace(guided.data, noise=s, draws=4_000), **shared) for s in noises}


def torus(profile: str = "book", repetitions: int = 5, seed: int = 0, **changes: Any) -> dict[str, Run]:
    """Chapter 11's autoencoders on pictures with two phases: R⁴, the torus as published, and corrected."""
    data = ExtendedBenchmark(seed=seed)
    members = tuple(Member(0, x, r) for x in SIGMAS for r in range(repetitions))
    run = Run(members, data, Euclidean(4), seed=seed, **protocol(profile, TORUS, data.ambient, **changes))
    published, corrected = CliffordTorus(circle()), CliffordTorus()
    return {"baseline": run, "as published": replace(run, space=published), "corrected": replace(run, space=corrected)}


def starts(run: Run, count: int = STARTS, screened: int = 200) -> Run:
    """The first ``screened`` updates of a run from ``count`` random starts for each member, as repetitions."""
    members = tuple(replace(m, repetition=m.repetition * count + k) for m in run.members for k in range(count))
    return replace(run, members=members, updates=min(screened, run.updates), cooled=0)


def best_starts(run: Run, screened: Trained) -> Run:
    """The run with each member's best start: the one with the least −ELBO over the last updates of ``screened``.

    A short run is the beginning of a long one, so that the chosen starts go on as they began. Raises
    ``ValueError`` if ``screened`` is not what ``starts`` makes of the run.
    """
    count, rest = divmod(len(screened.run.members), len(run.members))
    if rest or screened.run.members != starts(run, count).members:
        raise ValueError(f"screened has {len(screened.run.members)} members; choose what starts(run) trains")
    last = screened.history[:, -1].reshape(len(run.members), count)
    chosen = last.argmin(1) + count * np.arange(len(run.members))
    return replace(run, members=tuple(screened.run.members[i] for i in chosen))


def rectified_torus(runs: dict[str, Run], profile: str = "book") -> dict[str, Run]:
    """The cell with σ_X = 0.1 of ``torus``'s baseline and corrected torus, with rectified units (Table 11.1)."""
    changes = {"activation": "relu", **protocol(profile, RECTIFIED)}
    chosen = {name: runs[name] for name in ("baseline", "corrected")}
    members = {name: tuple(m for m in run.members if m.sigma_x == 0.1) for name, run in chosen.items()}
    return {name: replace(run, members=members[name], **changes) for name, run in chosen.items()}
