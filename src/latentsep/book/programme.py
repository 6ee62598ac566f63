"""What each chapter has to have computed before it runs, in stages, as a function of its parameters.

A stage is a list of jobs. It may depend on what the stages before it found, such as the best of several starts: a
chapter's function is resumed when the records hold all that it has asked for.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from latentsep.data import images, loops, seriation
from latentsep.data.benchmarks import ExtendedBenchmark
from latentsep.findings import information as informing
from latentsep.findings import photographs as exhibited
from latentsep.findings import ring_rates
from latentsep.findings import variational as findings
from latentsep.measures import (
    circle_bound,
    compression,
    drawings,
    evidence,
    examination,
    exhibition,
    information,
    judge,
    meaning,
    posteriors,
)
from latentsep.measures.circle_bound import Bound
from latentsep.measures.drawings import Drawings
from latentsep.measures.evidence import Valuation
from latentsep.measures.examination import Examination
from latentsep.measures.exhibition import Exhibition
from latentsep.measures.information import Passage
from latentsep.measures.judge import Schooling
from latentsep.measures.meaning import Interpretation
from latentsep.measures.posteriors import Reading
from latentsep.reductions import comparisons, pairing, reduction
from latentsep.runtime.records import Job
from latentsep.training import autoencoding, ensembles, experiments, further, photographing, protocols
from latentsep.training.ensembles import train
from latentsep.training.runs import Run

Stages = Iterator[list[Job]]


def stages(chapter: str, values: dict[str, object]) -> Stages:
    """The stages of a chapter with these values of its parameters; none if it trains nothing."""
    return CHAPTERS[chapter](**values) if chapter in CHAPTERS else iter(())


def _trainings(runs: Iterable[Run]) -> list[Job]:
    return [ensembles.job(run) for run in runs]


def estimators(profile: str, seed: int, **_: object) -> Stages:
    yield _trainings([experiments.estimator_study(profile, seed=seed)])


def baseline(profile: str, seed: int, repetitions: int, **_: object) -> Stages:
    yield _trainings([experiments.sigma_x_sweep(profile, repetitions=repetitions, seed=seed)])


def benchmark(profile: str, seed: int, repetitions: int, **changes: Any) -> Stages:
    run = experiments.benchmark_table(profile, repetitions=repetitions, seed=seed, **changes)
    slow = experiments.benchmark_table(profile, repetitions=1, seed=seed, table=protocols.PRINTED, **changes)
    variants = [*experiments.other_activations(run).values(), *experiments.other_batches(run, profile).values()]
    yield _trainings([run, slow, *variants, experiments.smallest()])


def simplified(profile: str, seed: int, resolution: int, **changes: Any) -> Stages:
    yield _trainings([experiments.benchmark_table(profile, seed=seed, **changes), _sweep_of_chapter_4(profile, seed)])


def _sweep_of_chapter_4(profile: str, seed: int) -> Run:
    return experiments.sigma_x_sweep(profile, seed=seed)


def diffusion(profile: str, seed: int, repetitions: int, **changes: Any) -> Stages:
    tables = experiments.circle_tables(profile, repetitions, seed, **changes)
    plane = experiments.benchmark_table(profile, repetitions=repetitions, seed=seed, **changes)
    start = replace(tables["corrected"], updates=0, cooled=0)
    ablation = experiments.ablation(profile, repetitions, seed, **changes).values()
    tear = experiments.tear(profile, seed, **changes)
    smallest = experiments.smallest(experiments.circle())
    yield _trainings([*tables.values(), plane, start, *ablation, *tear, smallest])


def _plane_and_circle(profile: str, seed: int) -> tuple[Run, Run]:
    return experiments.benchmark_table(profile, seed=seed), experiments.circle_tables(profile, seed=seed)["corrected"]


def generative(profile: str, seed: int, updates: int, **_: object) -> Stages:
    plane, circle = _plane_and_circle(profile, seed)
    yield _trainings([plane, circle])
    models, pairs = comparisons.examples(*(comparisons.one(train(run)) for run in (circle, plane)))
    settings = {"repetitions": 1, "updates": updates, "samples": 256, "seed": seed}
    yield [reduction.job(several, **settings) for several in (pairs, comparisons.across(models))]


def reductions(profile: str, seed: int, repetitions: int, maps: int, **changes: Any) -> Stages:
    readings = experiments.reductions(profile, repetitions, seed, **changes)
    again = experiments.redrawn(readings["corrected"][0])
    yield _trainings([*(run for *pair, _ in readings.values() for run in pair), *again.values()])
    models = {name: comparisons.benchmark_models(*reading, repetitions)[1] for name, reading in readings.items()}
    each = [*map(pairing.between, models.values()), comparisons.unreflected(models["corrected"])]
    each.append(comparisons.shifted_start(models["rectified"]))
    once = [comparisons.redrawn_pair(run, models["corrected"]["Φ"]) for run in again.values()]
    settings = {**protocols.REDUCTORS[profile], "seed": seed}
    yield [
        reduction.job(pairs, repetitions=times, **settings)
        for several, times in ((each, maps), (once, 1))
        for pairs in several
    ]


def pictures(
    profile: str,
    seed: int,
    repetitions: int,
    example: int,
    updates: int | None,
    picture: str | None,
    coil20: str | None,
) -> Stages:
    shifted, turns = images.shifts(images.grey(picture)), comparisons.turned(profile, coil20)
    yield [seriation.job(shifted), *map(seriation.job, turns)]
    example = min(example, len(turns))
    settings = {"profile": profile, "seed": seed, "updates": updates}
    shift = comparisons.shift_runs(shifted, repetitions, **settings)
    orders = [*map(seriation.orders, turns)]
    turning = comparisons.turntable_runs(loops.shrink(turns)[0], orders, example, repetitions, **settings)
    noisy = experiments.noisy_pictures(shift["corrected, film start"], comparisons.NOISES, min(3, repetitions))
    yield _trainings([*shift.values(), *turning.values(), *noisy.values()])
    wanted = ((shift, {"sigma_x": 0.1}), (turning, {"dataset": example, "sigma_x": 0.1}))
    found = ([train(runs[name]).only(**cell) for name in comparisons.BOTH] for runs, cell in wanted)
    pairs = [comparisons.plane_and_circle(*both)[1] for both in found]
    yield [reduction.job(p, **comparisons.map_protocol(profile, seed)) for p in pairs]


def torus(profile: str, seed: int, repetitions: int, starts: int, maps: int, **changes: Any) -> Stages:
    runs = experiments.torus(profile, repetitions, seed, **changes)
    runs |= {f"{name}, rectified": run for name, run in experiments.rectified_torus(runs, profile).items()}
    chosen = [name for name in runs if name.startswith("corrected")]
    screened = {name: experiments.starts(runs[name], starts) for name in chosen}
    plain = [run for name, run in runs.items() if name != "corrected, rectified"]
    yield _trainings([*screened.values(), *plain])
    runs |= {name: experiments.best_starts(runs[name], train(screened[name])) for name in chosen}
    yield _trainings(runs[name] for name in chosen)
    trained = {name: train(run) for name, run in runs.items()}
    _, models = comparisons.torus_models(trained, ExtendedBenchmark(seed=seed), repetitions)
    settings = {**protocols.REDUCTORS[profile], "repetitions": maps, "seed": seed}
    yield [reduction.job(pairing.between(m), **settings) for m in models.values()]


def autoencoders(profile: str, seed: int, repetitions: int, mnist: str | None) -> Stages:
    digits, _ = autoencoding.digits(profile, mnist)
    runs, schooling = autoencoding.kinds(digits, profile, repetitions, seed), Schooling(digits, seed=seed)
    wide = autoencoding.widths(digits, profile, repetitions, seed)
    yield [*_trainings([*runs, *(run for several in wide.values() for run in several)]), judge.job(schooling)]
    yield [examination.job(Examination(run, schooling)) for run in runs]


def variational(profile: str, seed: int, repetitions: int, mnist: str | None) -> Stages:
    digits, _ = autoencoding.digits(profile, mnist)
    common, own = findings.runs(digits, profile, repetitions, seed)
    schooling = Schooling(digits, seed=seed)
    yield [*_trainings([common, *own, *_plane_and_circle(profile, seed)]), judge.job(schooling)]
    each = (examination.job(Examination(run, schooling)) for run in (common, *own))
    yield [
        *each,
        *(posteriors.job(Reading(run)) for run in (common, *own)),
        evidence.job(Valuation.of(common, profile)),
    ]


def shapes(profile: str, seed: int, repetitions: int) -> Stages:
    runs, ring = informing.runs(profile, repetitions, seed), ring_rates.runs(profile, seed).values()
    yield [*_trainings([*runs, *ring]), *map(compression.job, informing.lines(profile, seed))]
    yield [
        *(drawings.job(Drawings.of(run, profile)) for run in runs),
        *(meaning.job(Interpretation(run)) for run in runs[:4]),
        *(information.job(Passage(run)) for run in runs),
        *(information.job(passage) for each in informing.passages(runs).values() for passage in each),
    ]


def pictured(profile: str, seed: int, repetitions: int, pictures: str | None) -> Stages:
    if decoding := photographing.folders_of(profile, pictures):
        yield decoding
    large, small, _ = photographing.load(profile, pictures)
    every = list(exhibited.runs(large, small, profile, repetitions, seed))
    yield _trainings(every)
    yield [exhibition.job(Exhibition(run)) for run in every]


def families(profile: str, seed: int, repetitions: int, **changes: Any) -> Stages:
    sides = further.octaves(profile, min(repetitions, 3), seed, **changes)
    runs = [*further.families(profile, repetitions, seed, **changes).values(), sides]
    yield _trainings([*runs, replace(sides, updates=0, cooled=0)])
    yield [circle_bound.job(Bound(run)) for run in runs]


CHAPTERS: dict[str, Callable[..., Stages]] = {
    "03-variational-autoencoders": estimators,
    "04-baseline": baseline,
    "05-benchmark-dataset": benchmark,
    "06-simplified-baseline": simplified,
    "07-diffusion-vae": diffusion,
    "08-generative-model-reduction": generative,
    "09-simple-reduction-mappings": reductions,
    "10-circular-datasets": pictures,
    "11-torus": torus,
    "13-other-distributions": families,
    "I-autoencoders": autoencoders,
    "II-variational": variational,
    "III-information": shapes,
    "IV-photographs": pictured,
}
