"""The experiments as data: what the profiles mean, and that the cells are all there and all different."""

import itertools
import math
from dataclasses import replace

import pytest
import torch

from latentsep.datasets import Benchmark
from latentsep.experiments import (
    PROFILES,
    SIGMAS,
    benchmark_table,
    estimator_study,
    other_activations,
    other_batches,
    protocol,
    sigma_x_sweep,
)
from latentsep.latent_spaces import Euclidean
from latentsep.networks import ACTIVATIONS


def test_an_unknown_profile_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="profile is 'quick'; choose one of smoke, book, thesis"):
        protocol("quick")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_change_of_none_leaves_the_value_of_the_profile(profile):
    assert protocol(profile) == PROFILES[profile]
    assert protocol(profile, updates=None, batch_size=None) == PROFILES[profile]
    assert protocol(profile, updates=7, samples=None) == {**PROFILES[profile], "updates": 7}
    assert PROFILES[profile] is not protocol(profile)


def test_the_thesis_profile_is_the_protocol_of_the_thesis():
    run = benchmark_table("thesis")
    assert (run.updates, run.batch_size, run.samples, run.learning_rate) == (100_000, None, 1, 1e-4)  # §5.3
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
    activations, batches = other_activations(table), other_batches(table)
    assert set(activations) == set(ACTIVATIONS) - {table.activation}
    assert set(batches) | {table.batch_size or table.data.size} >= {64, 256, 1024, 10_000}
    assert (table.batch_size or table.data.size) not in batches
    for name, run in activations.items():
        assert replace(run, members=table.members, activation=table.activation) == table
        assert run.activation == name
    for size, run in batches.items():
        assert replace(run, members=table.members, batch_size=table.batch_size) == table
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


@pytest.mark.parametrize("make", [benchmark_table, sigma_x_sweep, estimator_study])
def test_parameters_left_open_in_a_chapter_leave_the_profile(make):
    # A chapter hands on its ``updates`` and ``batch_size``, which are None unless the reader sets them.
    assert make("smoke", updates=None, batch_size=None) == make("smoke")
    assert make("smoke", updates=7, batch_size=9).updates == 7
    assert make("smoke", updates=7, batch_size=9).batch_size == 9


@pytest.mark.parametrize("make", [benchmark_table, sigma_x_sweep, estimator_study])
def test_every_experiment_refuses_an_unknown_profile(make):
    with pytest.raises(ValueError, match="profile is 'quick'"):
        make("quick")


def test_variants_follow_the_run_that_they_vary():
    relu = benchmark_table("smoke", activation="relu", batch_size=256, updates=7, repetitions=1)
    assert set(other_activations(relu)) == set(ACTIVATIONS) - {"relu"}
    assert set(other_batches(relu)) == {64, 1024, 10_000}
    for run in (*other_activations(relu).values(), *other_batches(relu).values()):
        assert run.updates == 7
        assert {m.repetition for m in run.members} == {0}
