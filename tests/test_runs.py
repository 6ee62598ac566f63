"""Runs: what they are made of, what they refuse, and that they can be sent elsewhere."""

import math
import pickle
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from latentsep.data.benchmarks import Benchmark, regular_phases
from latentsep.data.loops import in_pixels, shrink
from latentsep.models.latent_spaces import Circle, Euclidean
from latentsep.runtime import records
from latentsep.training.algorithm import fit
from latentsep.training.runs import Member, Run

SMALL = Run((Member(0.1, 0.1), Member(1.0, 1.0)), Benchmark(dimension=6, size=80), updates=20, batch_size=16)
IMAGES = np.random.default_rng(0).random((2, 6, 4, 5))
LOOPS = shrink(IMAGES)[0].ordered([[2, 0, 3, 1, 5, 4], range(6)])
PICTURES = Run((Member(1, 0.1), Member(2, 0.4), Member(1, 0.4)), LOOPS, Circle(), updates=20, batch_size=None)


@pytest.mark.parametrize(
    ("name", "value", "choices"),
    [
        ("members", (), "at least one Member"),
        ("layers", 0, "1 or more"),
        ("width", 0, "None or 1 or more"),
        ("activation", "sine", "tanh | relu | softplus"),
        ("updates", -1, "0 or more"),
        ("batch_size", 0, "None or 1 or more"),
        ("samples", 0, "1 or more"),
        ("learning_rate", 0.0, "a positive number"),
        ("learning_rate", float("nan"), "a positive number"),
        ("cooled", -1, "0 to 20"),
        ("cooled", 21, "0 to 20"),
        ("annealing", 0.0, "None or a positive number"),
        ("annealing", -0.2, "None or a positive number"),
        ("annealing", float("nan"), "None or a positive number"),
        ("guided", -1, "0 to 20"),
        ("guided", 21, "0 to 20"),
    ],
)
def test_a_run_out_of_range_is_refused_by_name_value_and_choices(name, value, choices):
    with pytest.raises(ValueError, match=f"^{re.escape(f'{name} is {value!r}; choose {choices}')}$"):
        replace(PICTURES, **{name: value})


@pytest.mark.parametrize(
    "change",
    [
        {"data": Benchmark(dimension=6, size=80)},
        {"data": replace(LOOPS, orders=None)},
        {"data": in_pixels(IMAGES)},
        {"space": Euclidean(2)},
    ],
    ids=["the benchmark", "no orders", "pixels without orders", "the plane"],
)
def test_a_guided_start_needs_orders_and_a_space_that_knows_its_outputs(change):
    without = replace(PICTURES, **change)
    with pytest.raises(ValueError, match=r"^guided is 5; choose 0") as error:
        replace(without, guided=5)
    assert "\n" not in str(error.value)
    assert replace(without, guided=0) == without


def test_all_or_some_of_the_updates_can_be_guided():
    for guided in (0, 1, 20):
        assert replace(PICTURES, guided=guided).guided == guided
    assert replace(PICTURES, data=in_pixels(IMAGES).ordered(LOOPS.orders), guided=20).data.dimension == 20


def test_hidden_layers_are_a_third_of_the_data_wide_or_as_wide_as_asked():
    assert SMALL.model().encoder.widths == (6, 2, 2, 4)
    assert SMALL.model().decoder.widths == (2, 2, 2, 6)
    wide = replace(PICTURES, width=11, layers=3).model()
    assert wide.encoder.widths == (6, 11, 11, 11, 3)
    assert wide.decoder.widths == (2, 11, 11, 11, 6)
    assert replace(PICTURES, data=in_pixels(IMAGES)).model().encoder.widths == (20, 6, 6, 3)


def test_the_sigma_x_of_a_model_is_in_units_of_its_numbers(float64):
    assert SMALL.model().sigma_x.tolist() == [0.1, 1.0]
    assert LOOPS.unit != pytest.approx(1, abs=0.1)
    np.testing.assert_allclose(PICTURES.model().sigma_x * LOOPS.unit, [0.1, 0.4, 0.4], rtol=1e-14)


def test_a_run_shows_every_member_the_loop_of_its_own_dataset():
    phases = regular_phases(9)
    assert torch.equal(SMALL.loop(phases), SMALL.data.mean(phases))
    found = PICTURES.loop(phases)
    assert found.shape == (3, 9, 6)
    for member, loop in zip(PICTURES.members, found, strict=True):
        assert torch.equal(loop, LOOPS.loop(phases, [member.dataset])[0])


def test_member_seeds_depend_on_every_field_and_on_nothing_else():
    member = Member(0.1, 1.0, 0)
    others = [Member(1.0, 0.1, 0), Member(0.1, 0.1, 0), Member(0.1, 1.0, 1), Member(1.0, 1.0, 0)]
    found = {SMALL.seed_of(m) for m in [member, *others]} | {replace(SMALL, seed=1).seed_of(member)}
    assert len(found) == 6
    assert replace(SMALL, members=(member,), space=Euclidean(3), updates=1).seed_of(member) == SMALL.seed_of(member)
    assert replace(PICTURES, width=7, annealing=0.1, guided=3).seed_of(member) == SMALL.seed_of(member)


def test_a_run_sent_elsewhere_is_the_same_run_there():
    run = replace(PICTURES, guided=10, annealing=0.3)
    sent = pickle.loads(pickle.dumps(run))
    assert sent == run
    assert hash(sent) == hash(run)
    np.testing.assert_array_equal(sent.data.points, LOOPS.points)
    assert records.locate(sent, fit) == records.locate(run, fit)
    here, there = fit(run, device="cpu"), fit(sent, device="cpu")
    assert here.keys() == there.keys()
    for name in here:
        np.testing.assert_array_equal(here[name], there[name])
    assert math.isfinite(here["history"].sum())


@pytest.mark.parametrize(
    "change",
    [
        {"data": Benchmark(dimension=6, size=80)},
        {"data": replace(PICTURES.data, orders=None)},
        {"space": Euclidean(2)},
        {"space": Circle("real", "published")},
        {"space": Circle("projected", "published", ("sampling",))},
    ],
)
def test_a_guided_start_needs_orders_and_a_circle_of_heat_kernels(change):
    message = "guided is 5; choose 0, or data with orders and a latent circle of heat kernels"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        replace(PICTURES, **change, guided=5)
