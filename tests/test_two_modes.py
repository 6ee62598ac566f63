"""Loops with two similar sides: theory against known limits, and the data against the theory's geometry."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from latentsep.data.benchmarks import regular_phases
from latentsep.data.overtones import Octave
from latentsep.findings import octaves
from latentsep.measures.evaluation import evidence_floor
from latentsep.models.families import Antipodal
from latentsep.models.von_mises import VonMises
from latentsep.theory import ideal, two_modes
from latentsep.training.further import APART
from latentsep.training.further import octaves as octave_run


def test_alike_sides_are_the_benchmarks_circle_walked_twice():
    free = two_modes.free(0.0)
    assert free["floor"] == pytest.approx(evidence_floor(25, 1.0), abs=1e-9)
    lost = ideal.best(ideal.exact(), 1.0).neg_elbo - ideal.best(ideal.of(VonMises), 1.0).neg_elbo
    assert free["merged"] == pytest.approx(lost, abs=1e-8)
    assert free["sides"] == pytest.approx(math.log(2) + lost, abs=1e-6)  # the side is one bit too many


def test_of_a_given_decoder_a_pair_loses_what_the_heat_kernel_does_and_one_mode_a_bit_more():
    found = two_modes.given(0.0)
    assert found["two, equal"] == pytest.approx(found["two, any weights"], abs=1e-8)
    assert found["one"] == pytest.approx(math.log(2) + found["two, equal"], abs=1e-5)
    # The divergence of the pair from the true posterior, from the family's own class and a sum over angles.
    angles = torch.linspace(-math.pi, math.pi, 4097, dtype=torch.float64)[:-1]
    log_true = 12.5 * (2 * angles).cos()
    log_true = log_true - (log_true.exp().sum() * (2 * math.pi / 4096)).log()
    best = math.inf
    for t in np.geomspace(0.005, 0.05, 400):
        pair = Antipodal(torch.zeros(1).double(), torch.tensor([t]).double()).log_prob(angles)
        best = min(best, float((pair.exp() * (pair - log_true)).sum() * 2 * math.pi / 4096))
    assert found["two, equal"] == pytest.approx(best, abs=1e-6)


def test_sides_far_apart_have_one_mode():
    assert two_modes.given(5.0)["one"] < 5e-4
    assert two_modes.free(5.0)["sides"] < 5e-4
    assert two_modes.free(5.0)["merged"] == pytest.approx(25 / 8 - math.log(2), abs=0.15)


def test_a_free_decoder_never_loses_more_than_a_given_one_by_much():
    for distance in (1.0, 2.0, 2.4, 3.0):
        free, given = two_modes.free(distance), two_modes.given(distance)
        assert -1e-9 <= min(free["sides"], free["merged"]) < 0.08
        assert given["two, any weights"] <= min(given["one"], given["two, equal"]) + 1e-9


def test_a_distance_beyond_the_loop_is_refused():
    with pytest.raises(ValueError, match=r"^distance is 8; choose 0 to 7\.07$"):
        two_modes.free(8.0)


# The data


@pytest.mark.parametrize("part", [0.0, 0.3, 1.0])
def test_an_octave_has_the_radius_of_the_benchmark_and_its_sides_are_apart(part):
    data = Octave()
    x = data.mean(regular_phases(64).double(), part)
    torch.testing.assert_close(x.square().sum(-1), torch.full((64,), 12.5).double(), rtol=1e-5, atol=0)
    apart = (x - x.roll(32, 0)).norm(dim=-1)
    torch.testing.assert_close(apart, torch.full((64,), math.sqrt(50) * part).double(), rtol=1e-4, atol=1e-5)


def test_a_dataset_is_its_loop_and_noise():
    data = Octave(size=2_000, noise=0.1, seed=3)
    x, phases = data.sample(0.2)
    left = x - data.mean(phases, 0.2)
    assert float(left.std()) == pytest.approx(0.1, rel=0.02)
    assert torch.equal(x, data.sample(0.2)[0])
    assert not torch.equal(x, data.sample(0.3)[0])
    assert data.loop(phases, [0.2, 0.3]).shape == (2, 2_000, 25)
    with pytest.raises(ValueError, match=r"^part is 1\.5; choose 0 to 1$"):
        data.mean(phases, 1.5)


def test_members_of_the_run_are_apart_as_they_say():
    run = octave_run(repetitions=1)
    assert [round(math.sqrt(50) * m.dataset / m.sigma_x, 6) for m in run.members] == list(APART)


def test_members_take_the_cheaper_way_or_not():
    rows = pd.DataFrame(
        {"distance": [0.0, 2.0, 2.0, 3.0], "sides": [0.7, 0.2, 0.2, 0.01], "merged": [0.0, 0.1, 0.1, 0.4],
         "larger": [2, 0, 2, 1], "degree": [2, -2, 1, -1], "at_start": [-2, 2, 2, 1], "above": [0.01, 0.12, 0.25, 0.02]}
    )  # fmt: skip
    told = octaves.what_sides_do(rows)
    assert (told.dearer, told.side_members, told.as_at_start) == (1, 4, 3)
    assert (told.as_larger, told.with_larger, told.equal, told.equal_once, told.most_equal) == (2, 3, 1, 0, 0.12)
    assert told.most_lost == 0.25
    assert told.sides_off == pytest.approx(0.05)
    assert 2.3 < told.worst_at < 2.5
    assert told.worst_loss == pytest.approx(two_modes.free(told.worst_at)["merged"], abs=1e-3)
