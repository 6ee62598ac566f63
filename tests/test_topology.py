"""What encoders that are made by hand do to loops and tori of data, and the measures that say so."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import by_hand, of_the_phase, untrained
from torch import nn

from latentsep.data import seeds
from latentsep.data.benchmarks import Benchmark, ExtendedBenchmark, regular_phases
from latentsep.data.loops import Loops, in_pixels
from latentsep.measures import topology
from latentsep.measures.evaluation import latents
from latentsep.measures.topology import circular_rank_correlation, plane_angles, winding
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean, LatentSpace
from latentsep.reductions.reductors import Projection
from latentsep.training.ensembles import Trained, train
from latentsep.training.runs import Member, Run

# The degree of an encoder


def linear(space: LatentSpace, *readings: tuple[float, float, float]) -> Trained:
    """Members whose first two codes are ``a·cos φ, b·sin φ`` beside an offset, one for each (a, b, offset)."""
    run = Run(tuple(Member(0.1, 0.5, r) for r in range(len(readings))), Benchmark(6, 50), space, updates=0)
    trained, read = by_hand(run), of_the_phase(run.data)
    for layer, (a, b, offset) in zip(range(len(readings)), readings, strict=True):
        trained.vae.encoder.layers[0].weight[layer, :2] = torch.tensor([a, b]).double()[:, None] * read
        trained.vae.encoder.layers[0].bias[layer, :2] = offset
    return trained


@pytest.mark.parametrize("space", [Circle(), Circle("projected", "published"), Euclidean(2)])
def test_an_encoder_that_copies_the_phase_turns_once_either_way(space):
    found = topology.degrees(linear(space, (1, 1, 0), (1, -1, 0)))
    assert list(found.columns[:3]) == ["dataset", "sigma_x", "repetition"]
    assert list(found["repetition"]) == [0, 1]
    assert list(found["degree"]) == list(found["apparent"]) == [1, -1]
    np.testing.assert_allclose(found["largest_step"], 2 * math.pi / 100, rtol=1e-4)
    assert not found["torn"].any()
    assert list(topology.outcome(found)) == ["recovered"] * 2


def test_codes_in_the_plane_are_seen_from_their_centroid():
    found = topology.degrees(linear(Euclidean(2), (1, 1, 10), (1, 0.1, 10), (1, 0, 10)))
    assert list(topology.outcome(found)[:2]) == ["recovered", "recovered"]
    # The angle of a flat ellipse turns fastest where it is nearest: by atan of 10·tan of the phase.
    assert found["largest_step"][1] == pytest.approx(math.atan(10 * math.tan(2 * math.pi / 100)), rel=1e-3)
    assert topology.outcome(found)[2] != "recovered"  # a line is no loop


def test_an_encoder_that_sees_only_the_cosine_folds():
    # On the circle, an angle of ±0.7 around 1 without the sine; seen from afar, a loop that is not around.
    for trained in (linear(Circle("real"), (0.7, 0, 1)), linear(Circle(), (0.5, 0.5, 2))):
        found = topology.degrees(trained)
        assert (found["degree"][0], found["apparent"][0], found["torn"][0]) == (0, 0, False)
        assert 0 < found["largest_step"][0] < 0.1
        assert list(topology.outcome(found)) == ["folded"]


def test_a_wide_fold_is_as_untorn_as_a_small_one():
    # ±3 half turns by the cosine: the angle goes around the circle, and all the way back.
    found = topology.degrees(linear(Circle("real"), (3 * math.pi, 0, 1)))
    assert (found["degree"][0], found["torn"][0]) == (0, False)
    assert found["largest_step"][0] == pytest.approx(3 * math.pi * 2 * math.pi / 100, rel=1e-3)


def hidden_return(steepness: float, shift: float = math.pi / 100) -> Trained:
    """A real head that rises by a turn gently, at a phase of π/2, and falls back between two of 100 phases, near −π."""
    run = Run((Member(0.1, 0.5),), Benchmark(6, 50), Circle("real"), updates=0)
    trained, read = by_hand(run, (2, 2)), of_the_phase(run.data, shift)
    first, second, head = trained.vae.encoder.layers
    first.weight[0] = torch.stack([read[0], steepness * read[1]])  # a gentle gate, and a steep sign of the sine
    second.weight[0, 0] = torch.tensor([-4.0, 4.0])  # the gate shuts at phases around 0, where the sine turns too
    second.bias[0, 0] = -4
    head.weight[0, 0, 0] = math.pi / math.tanh(4 * math.tanh(1))
    return trained


@pytest.mark.parametrize("steepness", [200.0, 1000.0])
def test_a_way_back_between_two_phases_is_found(steepness):
    trained = hidden_return(steepness)
    angles, _ = winding(latents(trained, trained.run.data.visualisation()[0].double()).squeeze(-1))
    assert angles[0] == 1  # so does it look
    found = topology.degrees(trained).iloc[0]
    assert (found["degree"], found["apparent"], found["torn"]) == (0, 1, True)
    assert found["largest_step"] == pytest.approx(2 * math.pi, abs=0.1)
    assert list(topology.outcome(topology.degrees(trained))) == ["torn"]


def test_a_return_that_hides_even_between_the_phases_of_the_fine_walk_is_found():
    # Its wrapped step is nearly nothing; only the angle before wrapping shows it.
    found = topology.degrees(hidden_return(5000.0, math.pi / 100 + math.pi / 12_800)).iloc[0]
    assert (found["degree"], found["apparent"], found["torn"]) == (0, 1, True)


def test_a_space_without_a_circle_has_no_topology_here():
    trained = train(Run((Member(0.1, 0.5),), Benchmark(6, 50), Euclidean(3), updates=0))
    with pytest.raises(ValueError, match=r"^space is Euclidean\(dimension=3\); choose Circle or Euclidean\(2\)$"):
        topology.degrees(trained)


def test_a_walk_that_is_not_refined_enough_has_no_degree():
    found = topology.degrees(hidden_return(1000.0), halvings=0).iloc[0]
    assert math.isnan(found["degree"])
    assert found["torn"]
    # Walked coarsely from the start, refinement finds the same as on a fine walk.
    fine, coarse = (topology.degrees(hidden_return(50.0), fineness=n).iloc[0] for n in (128, 8))
    assert fine["degree"] == coarse["degree"] == 0
    assert fine["largest_step"] == pytest.approx(coarse["largest_step"], rel=0.01)


def test_members_are_judged_each_by_itself():
    # One that must be walked very finely beside one that need not: neither changes the other's row.
    torn, gentle = hidden_return(500.0), hidden_return(1.0)
    run = replace(torn.run, members=(Member(0.1, 0.5), Member(1.0, 0.2)))
    together = by_hand(run, (2, 2))
    for name, p in together.vae.named_parameters():
        p[:] = torch.cat([part.vae.get_parameter(name) for part in (torn, gentle)])
    found = topology.degrees(together)
    columns = ["degree", "apparent", "largest_step", "torn"]
    for row, alone in zip(found[columns].iloc, (torn, gentle), strict=True):
        pd.testing.assert_series_equal(row, topology.degrees(alone)[columns].iloc[0], check_names=False)
    assert list(topology.outcome(found)) == ["torn", "folded"]


@given(st.integers(0, 10**6), st.floats(0.3, 3), st.sampled_from(["heat kernel", "published"]), st.integers(1, 3))
@settings(max_examples=12)
def test_no_encoder_with_a_real_head_turns_around_the_circle(seed, scale, family, layers):
    # Continuous and real-valued, it ends where it began. (The projected ones below are not so bound.)
    run = Run((Member(0.1, 0.5), Member(1.0, 0.5)), Benchmark(6), Circle("real", family), layers, updates=0, seed=seed)
    trained = untrained(run)
    for p in trained.vae.encoder.parameters():
        p.mul_(scale)
    found = topology.degrees(trained, count=50, fineness=64)
    assert list(found["degree"]) == [0, 0]
    assert "recovered" not in set(topology.outcome(found))


def circles(*centres: tuple[float, float], frames: int = 40) -> Loops:
    """Loops around different points of a plane, in pictures of two pixels."""
    phases = regular_phases(frames).double()
    circle = torch.stack([phases.cos(), phases.sin()], -1).numpy()
    return in_pixels(np.stack([circle + centre for centre in centres])[:, :, None])


def readers(data: Loops, space: LatentSpace, *datasets: int) -> Trained:
    """Encoders that take the two pixels for the first two codes, each on its own loop."""
    trained = by_hand(Run(tuple(Member(d, 0.5, r) for r, d in enumerate(datasets)), data, space, updates=0))
    trained.vae.encoder.layers[0].weight[:, :2] = torch.eye(2).double()
    return trained


def test_the_topology_of_a_member_is_that_of_its_own_loop():
    # Seen from the origin, the first loop goes around it once, and the second does not.
    data = circles((0, 0), (3, 0))
    found = topology.degrees(readers(data, Circle(), 2, 1, 2, 1), count=data.frames)
    assert list(found["dataset"]) == [2, 1, 2, 1]
    assert list(found["degree"]) == list(found["apparent"]) == [0, 1, 0, 1]
    assert list(topology.outcome(found)) == ["folded", "recovered"] * 2
    # Along a straight line the angle goes as far as to the next frame, and there are 40.
    np.testing.assert_allclose(found["largest_step"][1::2], 2 * math.pi / 40, rtol=1e-5)
    np.testing.assert_allclose(found["largest_step"][::2], 2 * math.pi / 40 / 2, rtol=0.2)  # (1/(3 − 1) of the arc)


def test_codes_of_pictures_in_the_plane_are_seen_from_their_own_centroid():
    data = circles((0, 0), (30, 10))
    found = topology.degrees(readers(data, Euclidean(2), 1, 2), count=data.frames)
    assert list(topology.outcome(found)) == ["recovered"] * 2
    np.testing.assert_allclose(found["largest_step"], 2 * math.pi / 40, rtol=1e-4)


def test_between_frames_the_loop_is_a_polygon():
    # Three frames of a circle around the origin; the triangle of the second does not go around it.
    data = circles((0, 0), (-0.6, 0), frames=3)
    found = topology.degrees(readers(data, Circle(), 1, 2), count=3)
    assert list(found["degree"]) == [1, 0]
    assert found["torn"].all()  # three frames are too few for small steps


def test_topology_leaves_the_ensemble_as_it_was():
    trained = untrained(Run((Member(0.1, 0.5), Member(1.0, 1.5, 2)), Benchmark(6, 50), Circle(), updates=0))
    before = {name: value.clone() for name, value in trained.vae.state_dict().items()}
    topology.degrees(trained, count=10, fineness=4)
    for name, value in trained.vae.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, before[name])


def test_every_outcome_has_its_name():
    found = pd.DataFrame(
        {
            "degree": [1, -1, 1, 0, 0, 2, math.nan, math.nan],
            "torn": [False, False, True, True, False, False, True, False],
        },
        index=range(3, 11),
    )
    expected = ["recovered", "recovered", "torn", "torn", "folded", "other", "torn", "other"]
    pd.testing.assert_series_equal(topology.outcome(found), pd.Series(expected, range(3, 11)))


# Windings


@given(
    st.integers(-5, 5),
    st.floats(-10, 10),
    st.floats(0, 0.9),
    st.integers(1, 3),
    st.integers(80, 300),
    st.integers(0, 79),
)
def test_winding_is_the_degree_of_the_curve(degree, offset, wobble, frequency, n, shift):
    t = 2 * np.pi * np.arange(n) / n
    angles = degree * t + offset + wobble * np.sin(frequency * t)  # homotopic to degree · t
    wrapped = np.roll(np.arctan2(np.sin(angles), np.cos(angles)), shift)
    turns, step = winding(wrapped)
    assert turns == degree
    assert step <= (abs(degree) + wobble * frequency) * 2 * np.pi / n + 1e-9


def test_winding_takes_batches_and_tensors():
    t = regular_phases(60)
    turns, step = winding(torch.stack([torch.stack([t, -t]), torch.stack([2 * t, 0 * t])]))
    np.testing.assert_array_equal(turns, [[1, -1], [2, 0]])
    np.testing.assert_allclose(step, np.array([[1, 1], [2, 0]]) * 2 * np.pi / 60, atol=1e-5)


@given(st.integers(40, 400), st.floats(-5, 5))
def test_a_torn_curve_shows_in_its_largest_step(n, offset):
    # Half a turn, and back in one step: what a continuous encoder into R, taken modulo 2π, must do.
    t = -np.pi + 2 * np.pi * np.arange(n) / n
    _, step = winding(t / 2 + offset)
    assert np.pi - np.pi / n - 1e-9 <= step <= np.pi


@given(st.integers(1, 50).map(lambda k: 0.02 * k), st.integers(40, 400))
def test_a_fold_has_degree_zero_and_is_not_torn(height, n):
    t = 2 * np.pi * np.arange(n) / n
    turns, step = winding(height * np.pi * np.cos(t))
    assert turns == 0
    assert step <= height * 2 * np.pi**2 / n + 1e-9


def test_the_largest_step_counts_the_closing_one():
    turns, step = winding(np.array([0.0, 0.1, 0.2, 1.2]))
    assert turns == 0
    assert step == pytest.approx(1.2)


@given(st.floats(0.1, 10), st.floats(-50, 50), st.floats(-50, 50), st.integers(3, 100), st.sampled_from([1, -1]))
def test_plane_angles_are_seen_from_the_centroid(radius, right, up, n, sense):
    phases = sense * (2 * math.pi * torch.arange(n).double() / n - 3)
    points = radius * torch.stack([phases.cos(), phases.sin()], -1) + torch.tensor([right, up]).double()
    found = plane_angles(points)
    off = (found - phases.numpy() + np.pi) % (2 * np.pi) - np.pi
    np.testing.assert_allclose(off, 0, atol=1e-11)  # an offset of 50 over a radius of 0.1
    assert found.shape == (n,)
    assert winding(found)[0] == sense


def test_plane_angles_take_each_member_by_its_own_centroid():
    phases = 2 * math.pi * torch.arange(12).double() / 12
    circle = torch.stack([phases.cos(), phases.sin()], -1)
    found = plane_angles(torch.stack([circle + 10, 3 * circle - 5]))
    assert found.shape == (2, 12)
    np.testing.assert_allclose(np.cos(found), phases.cos().expand(2, 12).numpy(), atol=1e-12)


# Cyclic orders


@given(st.integers(3, 30), st.integers(0, 29), st.sampled_from([1, -1]), st.integers(0, 10**6))
def test_an_order_that_is_kept_has_a_rank_correlation_of_one(n, shift, sense, seed):
    # Whatever the distances, the place of the cut at ±π, and the sense.
    angles = np.sort(np.random.default_rng(seed).uniform(-np.pi, np.pi, n))
    kept = np.roll(angles, shift)[::sense]
    assert circular_rank_correlation(kept) == 1
    assert circular_rank_correlation(torch.tensor(kept.copy())) == 1


@pytest.mark.parametrize(
    ("ranks", "value"),
    [
        ([0, 1, 2, 3], 1),
        ([0, 2, 1, 3], 0.25),  # |1 + i − i + 1|²/16, in either sense: of four steps one is each way and two are double
        ([0, 1, 2, 4, 3], abs(3 + 2 * np.cos(2 * np.pi / 5)) ** 2 / 25),
        ([0, 2, 4, 1, 3], 0),  # a star, that goes around twice
        ([0, 3, 6, 1, 4, 7, 2, 5], 0),  # and around three times
    ],
)
def test_rank_correlations_worked_out_by_hand(ranks, value):
    angles = np.array(ranks) * 0.3 - 1
    assert circular_rank_correlation(angles) == pytest.approx(value, abs=1e-12)


@given(st.integers(4, 20), st.integers(0, 10**6), st.integers(0, 19), st.floats(-3, 3))
def test_a_rank_correlation_is_of_the_cyclic_order_alone(n, seed, shift, turn):
    random = np.random.default_rng(seed)
    angles = random.uniform(-np.pi, np.pi, n)
    expected = circular_rank_correlation(angles)
    assert 0 <= expected <= 1
    for other in (
        (angles + turn + np.pi) % (2 * np.pi) - np.pi,  # turned
        -angles,  # mirrored
        angles**3,  # other distances
        np.roll(angles, shift),  # begun elsewhere
        angles[::-1],
    ):
        assert circular_rank_correlation(other) == pytest.approx(expected, abs=1e-11)


def test_a_random_order_has_a_small_rank_correlation():
    random = np.random.default_rng(0)
    angles = np.stack([random.permutation(72) for _ in range(300)]).reshape(3, 100, 72)
    found = circular_rank_correlation(angles)
    assert found.shape == (3, 100)
    # Each sense is the square of a mean of 72 unit vectors: about exponential, of mean 1/72.
    assert 1 / 72 < found.mean() < 2 / 72
    assert found.max() < 0.15
    one = angles[1, 7]
    assert found[1, 7] == circular_rank_correlation(one)


def test_a_single_angle_for_all_has_no_order():
    assert circular_rank_correlation(np.full(72, 0.3)) == 0
    assert circular_rank_correlation(np.repeat([0.3, 1.3], 36)) < 0.5


# Walks


def test_a_walk_along_several_loops_is_one_walk_along_each():
    # Gentle, turning, steep and broken ones: what one row needs of the walk leaves the others as they are.
    rows = [
        lambda p: 0.5 * p.sin(),
        lambda p: -2 * p + 0.3 * p.cos(),
        lambda p: p + math.pi * (20 * (p - 1).sin()).tanh(),  # up and down by a turn, each way within 0.1 or so
        lambda p: 2.0 * (p.cos() > 0.3),  # jumps
    ]

    def several(phases: torch.Tensor) -> torch.Tensor:
        return torch.stack([row(phases) for row in rows]).unflatten(0, (2, 2))

    found = topology.walk(several, 40, 4, 12)
    for part in found:
        assert part.shape == (2, 2)
    for i, row in enumerate(rows):
        by_itself = topology.walk(lambda phases, row=row: row(phases)[None], 40, 4, 12)
        for part, single in zip(found, by_itself, strict=True):
            assert part.reshape(4)[i] == pytest.approx(float(single[0]), rel=1e-2, nan_ok=True)
    degree, apparent, way = (part.flatten() for part in found)
    np.testing.assert_array_equal(degree, [0, -2, 1, np.nan])
    np.testing.assert_array_equal(apparent, [0, -2, 1, 0])
    # Steps of 1/40 of a turn; that of a sine is its slope, which is 1/2 of the phase's.
    assert way[0] == pytest.approx(0.5 * 2 * math.pi / 40, rel=0.01)
    assert way[1] == pytest.approx(2.3 * 2 * math.pi / 40, rel=0.01)
    assert way[2] > 5
    assert way[3] == pytest.approx(2, abs=1e-9)


def test_a_walk_takes_whole_turns_for_steps_only_where_angles_are_not_wrapped():
    def jump(phases: torch.Tensor) -> torch.Tensor:
        return 2 * math.pi * (phases.cos() > 0.3)[None]

    assert topology.walk(jump, 40, 4, 5)[0] == 0
    degree, _, way = topology.walk(jump, 40, 4, 5, wrapped=False)
    assert np.isnan(degree)
    assert way == pytest.approx(2 * math.pi)


# Tori of data: the four numbers of a picture are √2·(cos φ₁, sin φ₁, cos φ₂, sin φ₂)

T2 = CliffordTorus()
COPY = np.eye(4)
EXCHANGE = COPY[[2, 3, 0, 1]]
REFLECT = np.diag([1, 1, 1, -1])
FOLLOW = COPY[[0, 1, 0, 1]]  # both heads see the first phase, and none the second
#: The first head has (cos φ₁ + ½ cos φ₂, sin φ₁ + 2 sin φ₂), which vanishes four times; the second copies.
VORTICES = np.array([[1, 0, 0.5, 0], [0, 1, 0, 2], [0, 0, 1, 0], [0, 0, 0, 1]])
COLUMNS = ["matrix", "degree", "largest_step", "vortices", "torn"]


def on_pictures(space: LatentSpace, *matrices: np.ndarray, count: int = 24) -> Trained:
    """Members whose encoders take the four numbers of a picture to the points, codes or angles of a matrix each."""
    members = tuple(Member(0, 0.5, r) for r in range(len(matrices)))
    trained = by_hand(Run(members, ExtendedBenchmark(count=count), space, updates=0))
    features = {3: (0, 1, 3, 4), 2: (0, 2)}.get(getattr(getattr(space, "circle", None), "encoder_features", 0))
    weight = trained.vae.encoder.layers[0].weight
    weight[:, features or slice(4)] = torch.from_numpy(np.stack(matrices)).to(weight)
    return trained


def alone(trained: Trained, *others: object, **more: object) -> pd.DataFrame:
    return topology.degree_matrices(trained, *others, **more)[COLUMNS]


class Planted(nn.Module):
    """Encoders that take phases ``(..., 2)`` to the two angles that each of several functions says."""

    def __init__(self, *angles: Callable[[torch.Tensor], torch.Tensor]):
        super().__init__()
        self.angles = angles

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        phases = torch.stack([torch.atan2(x[..., 1], x[..., 0]), torch.atan2(x[..., 3], x[..., 2])], -1)
        found = torch.stack([f(own) for f, own in zip(self.angles, phases, strict=True)])
        return torch.stack([found.cos(), found.sin(), 0 * found], -1).flatten(-2)


def planted(*angles: Callable[[torch.Tensor], torch.Tensor], count: int = 24) -> Trained:
    trained = on_pictures(T2, *[COPY] * len(angles), count=count)
    trained.vae.encoder = Planted(*angles)
    return trained


@pytest.mark.parametrize("space", [T2, CliffordTorus(Circle("projected", "published"))])
def test_linear_encoders_of_a_torus_have_the_matrices_that_they_are_made_for(space):
    found = topology.degree_matrices(on_pictures(space, COPY, EXCHANGE, REFLECT, EXCHANGE @ REFLECT, FOLLOW))
    assert list(found.columns) == ["dataset", "sigma_x", "repetition", *COLUMNS]
    assert list(found["repetition"]) == [0, 1, 2, 3, 4]
    assert list(found["matrix"]) == [
        ((1, 0), (0, 1)),
        ((0, 1), (1, 0)),
        ((1, 0), (0, -1)),
        ((0, -1), (1, 0)),
        ((1, 0), (1, 0)),
    ]
    assert list(found["degree"]) == [1, -1, -1, 1, 0]
    np.testing.assert_allclose(found["largest_step"], 2 * math.pi / 24, rtol=1e-4)
    assert list(found["vortices"]) == [0] * 5
    assert not found["torn"].any()
    assert list(topology.outcome(found)) == ["recovered"] * 4 + ["folded"]


@given(st.tuples(*[st.integers(-3, 3)] * 4), st.floats(0, 0.4), st.floats(-3, 3))
@settings(max_examples=15)
def test_any_matrix_is_found_whatever_is_added_that_turns_nothing(entries, wobble, offset):
    matrix = torch.tensor(entries).double().view(2, 2)

    def angles(phases: torch.Tensor) -> torch.Tensor:
        return phases @ matrix.T + offset + wobble * (phases + phases.flip(-1).cos()).sin()

    found = topology.degree_matrices(planted(angles)).iloc[0]
    assert found["matrix"] == tuple(map(tuple, matrix.tolist()))
    determinant = entries[0] * entries[3] - entries[1] * entries[2]
    assert (found["degree"], found["vortices"], found["torn"]) == (determinant, 0, False)
    cell = 2 * math.pi / 24
    assert found["largest_step"] <= (np.abs(entries).max() + wobble) * cell + 1e-6
    assert found["largest_step"] >= np.abs(entries).max() * cell - 1e-6
    expected = {1: "recovered", 0: "folded"}.get(abs(determinant), "other")
    assert topology.outcome(topology.degree_matrices(planted(angles)))[0] == expected


def test_the_largest_step_is_the_way_between_neighbours():
    # 0.98 of the second phase's point beside the first's: no zero, but a steep turn where they are opposite.
    near = np.eye(4) + 0.98 * np.eye(4, k=2)
    found = alone(on_pictures(T2, near, REFLECT @ near)).iloc[0]
    assert (found["matrix"], found["degree"], found["vortices"]) == (((1, 0), (0, 1)), 1, 0)
    phases = 2 * np.pi * np.arange(24 * 2_000 + 1) / (24 * 2_000) - np.pi
    steps = np.abs(np.diff(np.unwrap(np.angle(np.exp(1j * phases) - 0.98))))
    assert found["largest_step"] == pytest.approx(steps.reshape(24, -1).sum(-1).max(), rel=1e-3)
    assert found["largest_step"] > math.pi / 2
    assert found["torn"]


def test_zeros_of_a_head_are_counted_and_tear():
    found = alone(on_pictures(T2, VORTICES, VORTICES[[2, 3, 0, 1]], COPY))
    assert list(found["vortices"]) == [4, 4, 0]
    assert list(found["torn"]) == [True, True, False]
    assert list(topology.outcome(found)) == ["torn", "torn", "recovered"]
    # Zeros in both heads add up.
    both = VORTICES.copy()
    both[2:] = [[2, 0, 1, 0], [0, 0.5, 0, 1]]
    assert alone(on_pictures(T2, both))["vortices"][0] == 8
    # As many as there are zeros, however fine the grid is.
    assert {alone(on_pictures(T2, VORTICES, count=n))["vortices"][0] for n in (12, 24, 51)} == {4}


def test_zeros_between_the_lines_tear_by_themselves():
    trained = on_pictures(T2, VORTICES)
    found = alone(trained, lines=1).iloc[0]
    # Along the phases at −π alone, there is nothing to be seen.
    assert (found["matrix"], found["degree"]) == (((1, 0), (0, 1)), 1)
    assert found["largest_step"] < math.pi / 2
    assert (found["vortices"], found["torn"]) == (4, True)
    # Nearer to a zero the angle goes further.
    assert alone(trained).iloc[0]["largest_step"] > found["largest_step"] + 0.5


def test_lines_are_walked_for_both_phases_where_they_are_told_to():
    # A jump at φ₁ + φ₂ = 0 for the first angle, of a half turn that is only there near φ₂ = 0 (or, exchanged, φ₁).
    def ridge(phases: torch.Tensor) -> torch.Tensor:
        first, second = phases.unbind(-1)
        bump = 1.5 * torch.exp(-8 * (1 - second.cos()))
        return torch.stack([first + bump * (20 * (first.sin())).tanh(), second], -1)

    def exchanged(phases: torch.Tensor) -> torch.Tensor:
        return ridge(phases.flip(-1)).flip(-1)

    for angles in (ridge, exchanged):
        few, several = (topology.degree_matrices(planted(angles), lines=n).iloc[0] for n in (1, 12))
        assert few["matrix"] == several["matrix"] == ((1, 0), (0, 1))
        assert (few["torn"], several["torn"]) == (False, True)
        assert few["vortices"] == several["vortices"] == 0


@pytest.mark.parametrize(
    ("count", "lines", "walked"), [(50, 10, 10), (20, 10, 10), (24, 24, 24), (24, 1, 1), (5, 9, 5)]
)
def test_as_many_lines_are_walked_as_are_asked_for(count, lines, walked, monkeypatch):
    shapes, walk = [], topology.walk

    def watched(angles_at: Callable[[torch.Tensor], torch.Tensor], *others: int, **more: bool) -> tuple:
        shapes.append(angles_at(regular_phases(7).double()).shape)
        return walk(angles_at, *others, **more)

    monkeypatch.setattr(topology, "walk", watched)
    topology.degree_matrices(on_pictures(T2, COPY, FOLLOW, EXCHANGE, count=count), lines=lines)
    assert shapes == [(3, 2, walked, 7)] * 2


def test_members_on_a_torus_are_judged_each_by_itself():
    matrices = VORTICES, COPY, FOLLOW, np.eye(4) + 0.98 * np.eye(4, k=2)
    together = alone(on_pictures(T2, *matrices))
    for row, matrix in zip(together.iloc, matrices, strict=True):
        single = alone(on_pictures(T2, matrix)).iloc[0]
        assert row.drop("largest_step").equals(single.drop("largest_step"))
        assert row["largest_step"] == pytest.approx(single["largest_step"], rel=1e-2)
    assert list(topology.outcome(together)) == ["torn", "recovered", "folded", "torn"]


def test_a_real_head_turns_around_nothing():
    # A linear one has the angles cos φ₁ and 3 sin φ₂, and a steep one goes over many turns between neighbours.
    space = CliffordTorus(Circle("real"))
    gentle = np.array([[1, 0, 0, 0], [0, 0, 0, 3]]) / math.sqrt(2)
    found = alone(on_pictures(space, gentle, 20 * gentle))
    assert list(found["matrix"]) == [((0, 0), (0, 0))] * 2
    assert list(found["degree"]) == [0, 0]
    np.testing.assert_allclose(found["largest_step"], np.array([3, 60]) * math.sin(2 * math.pi / 24), rtol=1e-3)
    assert list(found["vortices"]) == [0, 0]
    assert list(topology.outcome(found)) == ["folded", "torn"]


@given(st.integers(0, 10**6), st.sampled_from([1.0, 3.0, 10.0]), st.sampled_from(["heat kernel", "published"]))
@settings(max_examples=10)
def test_no_encoder_with_real_heads_recovers_a_torus(seed, scale, family):
    members = Member(0, 0.1), Member(0, 1.0)
    space = CliffordTorus(Circle("real", family))
    trained = untrained(Run(members, ExtendedBenchmark(count=20), space, width=6, updates=0, seed=seed))
    for p in trained.vae.encoder.parameters():
        p.mul_(scale)
    found = topology.degree_matrices(trained)
    # Continuous and real-valued, an angle ends where it began, and nothing turns around a square either.
    assert list(found["matrix"]) == [((0, 0), (0, 0))] * 2
    assert list(found["vortices"]) == [0, 0]
    assert "recovered" not in set(topology.outcome(found))


def test_a_real_head_that_falls_back_by_a_turn_between_neighbours_is_torn():
    # The step looks like none at all once it is wrapped.
    run = Run((Member(0, 0.5),), ExtendedBenchmark(count=24), CliffordTorus(Circle("real")), updates=0)
    trained = by_hand(run, (1,))
    hidden, head = trained.vae.encoder.layers
    hidden.weight[0, 0, 1] = 1e5
    hidden.bias[0, 0] = -5e4
    head.weight[0, 0, 0] = math.pi
    found = topology.degree_matrices(trained).iloc[0]
    assert found["largest_step"] == pytest.approx(2 * math.pi, abs=0.01)
    assert (found["matrix"], found["vortices"], found["torn"]) == (((0, 0), (0, 0)), 0, True)


def in_planes(codes: torch.Tensor) -> torch.Tensor:
    return torch.stack([torch.atan2(codes[..., 1], codes[..., 0]), torch.atan2(codes[..., 3], codes[..., 2])], -1)


def test_codes_in_space_are_seen_as_the_angles_that_are_given():
    shapes = set()

    def angles(codes: torch.Tensor) -> torch.Tensor:
        shapes.add((len(codes), codes.shape[-1]))
        return in_planes(codes)

    found = topology.degree_matrices(on_pictures(Euclidean(4), COPY, EXCHANGE, VORTICES, FOLLOW), angles)
    assert shapes == {(4, 4)}
    on_torus = topology.degree_matrices(on_pictures(T2, COPY, EXCHANGE, VORTICES, FOLLOW))
    pd.testing.assert_frame_equal(found, on_torus)
    assert list(topology.outcome(found)) == ["recovered", "recovered", "torn", "folded"]


def test_the_angles_of_a_reductor_are_those_of_each_member():
    # Each member's codes are mixed by a matrix of its own, and only its own reductor unmixes them.
    generator = seeds.generator(0, "test")
    mixed = torch.randn(3, 4, 4, generator=generator, dtype=torch.float64)
    wanted = [COPY, EXCHANGE, REFLECT]
    trained = on_pictures(Euclidean(4), *mixed.numpy())
    unmixing = torch.from_numpy(np.stack(wanted)) @ torch.linalg.inv(mixed)
    projection = Projection(Euclidean(4), T2)
    found = alone(trained, lambda z: projection.apply(unmixing, z))
    pd.testing.assert_frame_equal(found, alone(on_pictures(T2, *wanted)), rtol=1e-6)


@pytest.mark.parametrize("space", [Euclidean(4), Circle()])
def test_a_space_that_is_no_torus_needs_angles(space):
    trained = by_hand(Run((Member(0, 0.5),), ExtendedBenchmark(), space, updates=0))
    with pytest.raises(
        ValueError, match=r"^angles is None for (Euclidean|Circle)\(.*\); give a function of its codes$"
    ):
        topology.degree_matrices(trained)


def test_many_pictures_are_encoded_in_parts(monkeypatch):
    trained = on_pictures(T2, VORTICES, EXCHANGE)
    whole = topology.degree_matrices(trained)
    monkeypatch.setattr(topology, "_CHUNK", 97)
    pd.testing.assert_frame_equal(topology.degree_matrices(trained), whole)


def test_degree_matrices_leave_the_ensemble_as_it_was():
    trained = untrained(Run((Member(0, 0.5), Member(0, 1.5)), ExtendedBenchmark(count=12), T2, width=3, updates=0))
    before = {name: value.clone() for name, value in trained.vae.state_dict().items()}
    topology.degree_matrices(trained)
    for name, value in trained.vae.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, before[name])
