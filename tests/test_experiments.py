"""The experiments as data: what the profiles mean, and that the cells are all there and all different."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from latentsep.data.benchmarks import Benchmark, ExtendedBenchmark
from latentsep.data.loops import shrink
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean
from latentsep.models.networks import ACTIVATIONS
from latentsep.runtime import records
from latentsep.training import ensembles, experiments
from latentsep.training.algorithm import BLOCK, fit
from latentsep.training.ensembles import Trained
from latentsep.training.experiments import (
    SIGMAS,
    ablation,
    benchmark_table,
    best_starts,
    circle,
    circle_tables,
    estimator_study,
    noisy_pictures,
    other_activations,
    other_batches,
    pictures,
    rectified_torus,
    redrawn,
    reductions,
    sigma_x_sweep,
    starts,
    tear,
    torus,
)
from latentsep.training.protocols import PICTURES, PRINTED, PROFILES, REDUCTORS, SHORT, TORUS, protocol
from latentsep.training.runs import Member, Run

EVERY = ("density", "sampling", "kl", "head")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_table_at_the_printed_pace_differs_in_that_alone(profile):
    table, slow = benchmark_table(profile), benchmark_table(profile, table=PRINTED)
    assert (slow.learning_rate, slow.cooled) == (1e-4, 0)
    assert slow.updates == (60 if profile == "smoke" else 100_000)
    assert replace(slow, updates=table.updates, learning_rate=table.learning_rate, cooled=table.cooled) == table


def test_the_thesis_profile_is_the_protocol_of_the_thesis():
    run = benchmark_table("thesis")
    assert (run.updates, run.batch_size, run.samples, run.learning_rate) == (100_000, None, 1, 1e-4)  # §5.3
    assert run.cooled == 0
    assert run.data == Benchmark(dimension=25, size=10_000)
    assert run.layers == 2
    assert run.space == Euclidean(2)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_table_has_every_cell_with_five_repetitions(profile):
    members = benchmark_table(profile).members
    assert len(set(members)) == len(members) == 45
    cells = {(m.dataset, m.sigma_x) for m in members}
    assert cells == set(itertools.product(SIGMAS, SIGMAS))
    for cell in cells:
        assert sorted(m.repetition for m in members if (m.dataset, m.sigma_x) == cell) == [0, 1, 2, 3, 4]


def test_every_member_of_the_table_has_a_seed_and_a_start_of_its_own():
    run = benchmark_table("smoke")
    assert len({run.seed_of(m) for m in run.members}) == 45
    starts = run.model().encoder.layers[0].weight.detach().flatten(1)
    assert len(torch.unique(starts, dim=0)) == 45


def test_another_seed_changes_the_data_and_every_member():
    one, other = benchmark_table("smoke"), benchmark_table("smoke", seed=1)
    assert one.data != other.data
    assert not {one.seed_of(m) for m in one.members} & {other.seed_of(m) for m in other.members}


def test_changes_reach_the_run():
    run = benchmark_table("smoke", space=Euclidean(3), repetitions=1, updates=5, samples=2, batch_size=None)
    assert (run.space, len(run.members), run.updates, run.samples, run.batch_size) == (Euclidean(3), 9, 5, 2, 64)


@pytest.mark.parametrize("profile", PROFILES)
def test_other_choices_change_one_thing_about_members_of_the_table(profile):
    table = benchmark_table(profile)
    activations, batches = other_activations(table), other_batches(table, profile)
    assert set(activations) == set(ACTIVATIONS) - {table.activation}
    assert set(batches) == {64, 256, 1024, 10_000}
    for name, run in activations.items():
        assert replace(run, members=table.members, activation=table.activation) == table
        assert run.activation == name
    short = protocol(profile, SHORT)
    for size, run in batches.items():
        assert (run.updates, run.learning_rate) == (min(table.updates, short["updates"]), short["learning_rate"])
        alike = {name: getattr(table, name) for name in ("batch_size", "updates", "cooled", "learning_rate")}
        assert replace(run, members=table.members, **alike) == table
        assert (run.batch_size or run.data.size) == size
    for run in (*activations.values(), *batches.values()):
        assert set(run.members) <= set(table.members)
        assert [run.seed_of(m) for m in run.members] == [table.seed_of(m) for m in run.members]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_sweep_crosses_the_collapse(profile):
    run = sigma_x_sweep(profile)
    assert len(set(run.members)) == len(run.members) == 18
    values = {m.sigma_x for m in run.members}
    assert min(values) < 0.1
    assert any(2 < v < math.sqrt(25 / 4) for v in values)
    assert max(values) > math.sqrt(25 / 4)
    assert {m.dataset for m in run.members} == {0.1}
    assert run.updates >= 60
    assert run.batch_size is not None


def test_the_estimators_are_studied_on_one_autoencoder_of_the_benchmark():
    run = estimator_study("smoke")
    assert [(m.dataset, m.sigma_x) for m in run.members] == [(0.1, 0.1)]
    assert run.data == Benchmark()


def runs(made: Run | list[Run] | dict[str, Run]) -> list[Run]:
    return [made] if isinstance(made, Run) else list(made.values() if isinstance(made, dict) else made)


@pytest.mark.parametrize(
    "make", [benchmark_table, circle_tables, ablation, tear, sigma_x_sweep, estimator_study, torus]
)
def test_parameters_left_open_in_a_chapter_leave_the_profile(make):
    # A chapter hands on its ``updates`` and ``batch_size``, which are None unless the reader sets them.
    assert make("smoke", updates=None, batch_size=None) == make("smoke")
    changed = runs(make("smoke", updates=7, batch_size=9))
    assert max(run.updates for run in changed) == 7
    assert {run.batch_size for run in changed} == {9}


@pytest.mark.parametrize(
    "make", [benchmark_table, circle_tables, ablation, tear, sigma_x_sweep, estimator_study, torus]
)
def test_every_experiment_refuses_an_unknown_profile(make):
    with pytest.raises(ValueError, match="profile is 'quick'"):
        make("quick")


def test_variants_follow_the_run_that_they_vary():
    relu = benchmark_table("smoke", activation="relu", batch_size=256, updates=7, repetitions=1)
    assert set(other_activations(relu)) == set(ACTIVATIONS) - {"relu"}
    for run in (*other_activations(relu).values(), *other_batches(relu, "smoke").values()):
        assert run.updates == 7
        assert {m.repetition for m in run.members} == {0}


# The circle


def test_a_circle_names_what_is_put_right():
    assert circle() == Circle("real", "published")
    assert circle("head") == Circle("projected", "published")
    assert circle("density") == Circle("real", "published", ("density",))
    assert circle("kl", "head", "sampling") == Circle("projected", "published", ("sampling", "kl"))
    assert circle("density", "sampling", "kl") == Circle("real")  # the heat kernel, not three corrections of another
    assert circle(*EVERY) == circle(*reversed(EVERY)) == Circle()
    subsets = [chosen for n in range(5) for chosen in itertools.combinations(EVERY, n)]
    assert len({circle(*chosen) for chosen in subsets}) == 16


def test_a_circle_with_an_unknown_correction_is_refused_with_the_choices():
    with pytest.raises(ValueError, match=r"^corrected has loc, scale; choose from density, sampling, kl, head$"):
        circle("head", "scale", "loc")


@pytest.mark.parametrize("profile", PROFILES)
def test_the_ablation_differs_in_the_circle_and_then_in_the_activation(profile):
    variants = ablation(profile)
    expected = {
        "as published": circle(),
        "density corrected": circle("density"),
        "sampling corrected": circle("sampling"),
        "kl corrected": circle("kl"),
        "head corrected": circle("head"),
        "all but density": circle("sampling", "kl", "head"),
        "all but sampling": circle("density", "kl", "head"),
        "all but kl": circle("density", "sampling", "head"),
        "all but head": circle("density", "sampling", "kl"),
        "all corrected": Circle(),
        "all corrected, relu": Circle(),
        "all corrected, softplus": Circle(),
    }
    assert [(name, run.space) for name, run in variants.items()] == list(expected.items())  # in this order
    first = variants["as published"]
    for name, run in variants.items():
        assert run.activation == (name.partition(", ")[2] or "tanh")
        assert replace(run, space=first.space, activation="tanh") == first
    assert first.members == tuple(Member(0.1, x, r) for x in SIGMAS for r in range(5))
    assert first.learning_rate == 1e-3
    assert first.updates == SHORT[profile]["updates"]
    assert first.batch_size is not None
    # Members have the seeds of Table 7.1's.
    table = circle_tables(profile)["published"]
    assert {first.seed_of(m) for m in first.members} <= {table.seed_of(m) for m in table.members}
    assert len(ablation(profile, repetitions=1)["all corrected"].members) == 3
    assert ablation(profile, seed=1)["as published"].data == Benchmark(seed=1)


@pytest.mark.parametrize("profile", PROFILES)
def test_table_7_1_is_trained_twice(profile):
    tables = circle_tables(profile, repetitions=2)
    assert list(tables) == ["published", "corrected"]
    published, corrected = tables.values()
    assert (published.space, corrected.space) == (Circle("real", "published"), Circle())
    assert published == benchmark_table(profile, circle(), repetitions=2)
    size = PROFILES[profile]["batch_size"]
    assert corrected.batch_size == (None if size is None else 2 * size)
    assert replace(corrected, batch_size=size) == benchmark_table(profile, Circle(), repetitions=2)


def test_the_tear_is_one_training_stopped_ever_later():
    stages = tear("book")
    assert [run.updates for run in stages] == [0, 100, 500, 2_000, 10_000]
    for run in stages:
        assert replace(run, updates=10_000) == stages[-1]  # a short run is the beginning of a long one
    last = stages[-1]
    assert (last.space, last.members, last.learning_rate) == (circle(), (Member(0.1, 0.1),), 1e-3)
    assert last == replace(ablation("book")["as published"], members=last.members, cooled=0)
    for profile in ("smoke", "thesis"):
        stops = [run.updates for run in tear(profile)]
        assert stops == sorted(set(stops))
        assert (stops[0], stops[-1]) == (0, ablation(profile)["as published"].updates)


def test_records_tell_the_latent_spaces_apart():
    spaces = [
        Euclidean(2),
        Euclidean(1),
        *(circle(*chosen) for n in range(5) for chosen in itertools.combinations(EVERY, n)),
    ]
    run = benchmark_table("smoke", repetitions=1)
    paths = {records.locate(replace(run, space=space), fit) for space in spaces}
    assert len(paths) == len(spaces) == 18
    described = records.describe(replace(run, space=Circle("real", "published")), fit)["definition"]["space"]
    assert described == {"type": "Circle", "head": "real", "family": "published", "corrected": []}
    assert records.describe(replace(run, space=Circle()), fit)["definition"]["space"]["family"] == "heat kernel"


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_reduces_the_tables_that_it_trains(profile):
    readings = reductions(profile, repetitions=2)
    tables = circle_tables(profile, repetitions=2)
    plane = benchmark_table(profile, repetitions=2)
    assert readings["as printed"] == (plane, tables["published"], 0.01)
    assert readings["variance 0.01"] == (plane, tables["published"], 0.1)
    assert readings["corrected"] == (plane, tables["corrected"], 0.1)
    assert readings["corrected, σ_X = 0.01"] == (plane, tables["corrected"], 0.01)
    wound, torn = readings["rectified"], readings["rectified, real head"]
    assert wound[0] == torn[0] == replace(plane, members=wound[0].members, activation="relu")
    assert wound[0].members == (Member(0.1, 0.1, 0), Member(0.1, 0.1, 1))
    assert torn[1] == replace(torn[0], space=circle())
    assert wound[1] == replace(torn[1], space=circle("head"))
    again = redrawn(plane)
    assert again["relu"] == replace(wound[0], seed=1, data=Benchmark(seed=1))
    assert again["tanh"] == replace(again["relu"], activation="tanh")
    # Every plane and circle has the members that the chapter asks for.
    for plane, around, sigma_x in readings.values():
        for run in (plane, around):
            assert sum((m.dataset, m.sigma_x) == (0.1, sigma_x) for m in run.members) == 2
    assert set(REDUCTORS) == set(PROFILES)
    assert REDUCTORS["thesis"] == {"updates": 10_000, "samples": 10_000}


# Pictures


LOOPS, _ = shrink(np.random.default_rng(0).random((2, 6, 4, 5)))
FILM, TOUR = (replace(LOOPS, orders=(order, order)) for order in ((0, 1, 2, 3, 4, 5), (0, 2, 1, 3, 4, 5)))
MEMBERS = [Member(n, s) for n in (1, 2) for s in SIGMAS]


@pytest.mark.parametrize("profile", PROFILES)
def test_pictures_are_learnt_in_every_way_by_the_same_members(profile):
    found = pictures(LOOPS, {"film": FILM, "tour": TOUR}, MEMBERS, profile, layers=3, seed=4)
    assert list(found) == [
        "baseline", "as published", "corrected", "corrected, annealed", "corrected, film", "corrected, tour"
    ]  # fmt: skip
    base = found["baseline"]
    assert base.members == tuple(MEMBERS)
    assert (base.data, base.layers, base.seed, base.batch_size) == (LOOPS, 3, 4, None)
    width = PICTURES[profile]["width"] or LOOPS.ambient // 3
    rate = PICTURES[profile]["learning_rate"]
    assert (base.updates, base.width, base.learning_rate) == (PICTURES[profile]["updates"], width, rate)
    half = base.updates // 2
    differences = {
        "as published": {"space": circle()},
        "corrected": {"space": Circle()},
        "corrected, annealed": {"space": Circle(), "annealing": 0.2},
        "corrected, film": {"space": Circle(), "data": FILM, "guided": half, "cooled": base.updates - half},
        "corrected, tour": {"space": Circle(), "data": TOUR, "guided": half, "cooled": base.updates - half},
    }
    for name, changes in differences.items():
        assert found[name] == replace(base, **changes)
    assert len({records.locate(run, fit) for run in found.values()}) == 6


def test_profiles_know_pictures_too():
    assert set(PICTURES) == set(PROFILES)
    updates = [PICTURES[profile]["updates"] for profile in PROFILES]
    assert updates == sorted(updates)
    # §10.1.1, §10.2.1: 100 000 updates of ⌊D/3⌋ neurons, D the number of pixels; the rate is that of §5.3.
    thesis = pictures(LOOPS, {}, MEMBERS, "thesis")["baseline"]
    wide = LOOPS.ambient // 3
    assert (thesis.updates, thesis.model().encoder.widths) == (100_000, (6, wide, wide, 4))
    assert thesis.learning_rate == 1e-4


def test_what_a_chapter_leaves_open_about_pictures_is_the_profiles():
    assert pictures(LOOPS, {}, MEMBERS, "smoke", updates=None, width=None) == pictures(LOOPS, {}, MEMBERS, "smoke")
    changed = pictures(LOOPS, {"film": FILM}, MEMBERS, "smoke", updates=9, width=3, batch_size=4, learning_rate=0.1)
    for run in changed.values():
        assert (run.updates, run.width, run.batch_size, run.learning_rate) == (9, 3, 4, 0.1)
    assert (changed["corrected, film"].guided, changed["corrected, film"].cooled) == (4, 5)


@pytest.mark.parametrize("profile", PROFILES)
def test_noisy_pictures_are_a_guided_run_of_one_loop_that_differs_in_noise_alone(profile):
    guided = pictures(LOOPS, {"film": FILM}, MEMBERS, profile, seed=4)["corrected, film"]
    found = noisy_pictures(guided, (0.0, 0.1, 0.5), repetitions=2)
    assert list(found) == [0.0, 0.1, 0.5]
    for noise, run in found.items():
        assert run.members == tuple(Member(1, x, r) for x in (0.1, 1.0) for r in range(2))
        assert (run.data.noise, run.data.orders, run.data.source) == (noise, FILM.orders, FILM.source)
        assert run.updates <= guided.updates
        assert run.guided == run.updates // 2 > 0
        assert run.cooled == run.updates - run.guided
        assert run.data.sample(1)[0].shape == (6 if noise == 0 else 4_000, 6)
        same = ("members", "updates", "guided", "cooled", "batch_size", "data")
        assert replace(run, **{name: getattr(guided, name) for name in same}) == guided
    assert len({records.locate(run, fit) for run in found.values()}) == 3


def test_pictures_refuse_an_unknown_profile():
    with pytest.raises(ValueError, match="profile is 'quick'"):
        experiments.pictures(LOOPS, {}, MEMBERS, "quick")


# The torus


@pytest.mark.parametrize("profile", PROFILES)
def test_the_autoencoders_of_the_torus_differ_in_their_space_alone(profile):
    found = torus(profile, repetitions=2, seed=3)
    base = found["baseline"]
    assert (base.space, base.data, base.layers, base.seed) == (Euclidean(4), ExtendedBenchmark(seed=3), 2, 3)
    assert base.members == tuple(Member(0, x, r) for x in SIGMAS for r in range(2))
    assert found == {
        "baseline": base,
        "as published": replace(base, space=CliffordTorus(circle())),
        "corrected": replace(base, space=CliffordTorus()),
    }
    assert len({records.locate(run, fit) for run in found.values()}) == 3


def test_the_thesis_profile_of_the_torus_has_the_pictures_widths():
    assert set(TORUS) == set(PROFILES)
    # §11.3 has the networks of §5.3, for pictures of 625 numbers, on all 2500 of them.
    run = torus("thesis")["baseline"]
    assert (run.updates, run.batch_size, run.learning_rate, run.cooled) == (100_000, None, 1e-4, 0)
    assert run.model().encoder.widths == (4, 625 // 3, 625 // 3, 8)
    assert len(run.data.sample(0)[0]) == 2_500


def test_starts_are_repetitions_that_no_other_member_shares():
    run = torus("book", repetitions=2)["corrected"]
    found = starts(run, 3, screened=50)
    assert (found.updates, found.cooled) == (50, 0)
    assert replace(found, members=run.members, updates=run.updates, cooled=run.cooled) == run
    expected = [Member(0, x, r) for x in SIGMAS for r in range(6)]
    assert list(found.members) == expected
    assert len({found.seed_of(m) for m in found.members}) == 18
    assert starts(replace(run, updates=20, cooled=0), 3).updates == 20


def test_the_best_start_is_the_one_with_the_least_bound_in_the_end():
    run = torus("smoke", repetitions=2)["corrected"]
    short = starts(run, 3)
    history = np.full((18, 2), 5.0)
    history[:, 0] = -np.arange(18)  # what came before does not matter
    best = {(0.01, 0): 1, (0.01, 1): 0, (0.1, 0): 2, (0.1, 1): 2, (1.0, 0): 0, (1.0, 1): 1}
    for i, (x, r) in enumerate(itertools.product(SIGMAS, range(2))):
        history[3 * i + best[x, r], 1] = 4.0
    chosen = best_starts(run, Trained(short, None, history))
    assert chosen == replace(run, members=chosen.members)
    assert chosen.members == tuple(Member(0, x, 3 * r + k) for (x, r), k in best.items())


def test_a_chosen_start_goes_on_as_it_began():
    run = replace(torus("smoke", repetitions=2)["corrected"], updates=BLOCK + 1, cooled=1)
    short = ensembles.train(starts(run, 2, screened=BLOCK))
    chosen = best_starts(run, short)
    long = ensembles.train(chosen)
    assert short.history.shape == (12, 1)
    for member, begun in zip(chosen.members, long.history[:, 0], strict=True):
        assert short.history[short.run.members.index(member), 0] == pytest.approx(float(begun), rel=1e-5)


def test_starts_of_another_run_are_refused():
    run = torus("smoke", repetitions=2)["corrected"]
    other = Trained(starts(replace(run, members=run.members[:4]), 3), None, np.zeros((12, 1)))
    with pytest.raises(ValueError, match=r"^screened has 12 members; choose what starts\(run\) trains$"):
        best_starts(run, other)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_rectified_torus_is_one_cell_with_rectified_units_of_the_thesis_width(profile):
    found = torus(profile, repetitions=2)
    rectified = rectified_torus(found, profile)
    assert list(rectified) == ["baseline", "corrected"]
    for name, run in rectified.items():
        assert run.members == (Member(0, 0.1, 0), Member(0, 0.1, 1))
        shared = {f: getattr(run, f) for f in ("members", "width", "learning_rate")}
        assert run == replace(found[name], activation="relu", **shared)
        assert run.width == (8 if profile == "smoke" else 625 // 3)
        assert run.learning_rate <= found[name].learning_rate


def test_a_rectified_torus_refuses_an_unknown_profile():
    with pytest.raises(ValueError, match="profile is 'quick'"):
        rectified_torus(torus("smoke"), "quick")
