"""Whether a loop was recovered is decided rightly for encoders that are made to recover it, or not."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from latentsep.data.benchmarks import regular_phases
from latentsep.data.loops import in_pixels
from latentsep.measures import evaluation, recovery, topology
from latentsep.measures.topology import winding
from latentsep.models.latent_spaces import Circle, Euclidean
from latentsep.training.ensembles import Trained
from latentsep.training.experiments import circle
from latentsep.training.runs import Member, Run

FRAMES = 32
PHASES = regular_phases(FRAMES).double().numpy()
#: Pictures of 2 × 2 pixels around a circle in the space of pictures.
PICTURES = 0.5 + 0.4 * np.stack([np.cos(PHASES), np.sin(PHASES), 0 * PHASES, 0 * PHASES], -1).reshape(FRAMES, 2, 2)


class Planted(nn.Module):
    """An encoder that takes the phase of a picture to the outputs that it is told."""

    def __init__(self, *maps: Callable[[Tensor], Tensor]):
        super().__init__()
        self.maps = maps

    def forward(self, x: Tensor) -> Tensor:
        phases = torch.atan2(x[..., 1] - 0.5, x[..., 0] - 0.5)
        return torch.stack([f(p) for f, p in zip(self.maps, phases, strict=True)])


def planted(*maps: Callable[[Tensor], Tensor], space=None, sigmas: tuple[float, ...] = ()) -> Trained:
    members = tuple(Member(1, s, i) for i, s in enumerate(sigmas or [0.1] * len(maps)))
    run = Run(members, in_pixels(PICTURES[None]), space or Circle(), updates=0, width=3)
    vae = run.model().requires_grad_(False)
    vae.encoder = Planted(*maps)
    return Trained(run, vae, np.zeros((len(maps), 1)))


def around(angle: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Outputs of a projected head at an angle, given by the phase."""

    def outputs(phase: Tensor) -> Tensor:
        z = angle(phase)
        return torch.stack([z.cos(), z.sin(), torch.full_like(z, -6)], -1)

    return outputs


def ramp(phase: Tensor, start: float, end: float) -> Tensor:
    """0 before one phase, 1 behind another, and a straight line between."""
    return ((phase - start) / (end - start)).clamp(0, 1)


def in_order(*frames: int) -> Callable[[Tensor], Tensor]:
    """Takes the first frames to where others would belong, the rest to where they do, and straight on in between."""
    targets = PHASES[[*frames, *range(len(frames), FRAMES)]]
    knots, values = np.append(PHASES, math.pi), np.append(targets, targets[0] + 2 * math.pi)
    return lambda p: torch.tensor(np.interp(p.numpy(), knots, values)).to(p.dtype)


GAP = (float(PHASES[9]) + 0.02, float(PHASES[10]) - 0.02)  # between two neighbouring frames
ENCODERS = {
    "once around": (lambda p: p + 0.3, True),
    "the other way around": (lambda p: 2 - p, True),
    "at uneven speed": (lambda p: p + 0.8 * p.sin(), True),
    "with three frames the wrong way around": (in_order(0, 3, 2, 1), True),
    "folded": (lambda p: 1.3 * p.cos(), False),
    "nowhere": (lambda p: 0 * p, False),
    "twice around": (lambda p: 2 * p + 0.01 * p.sin(), False),
    "three times around": (lambda p: 3 * p + 0.1, False),
    "once around but out of order": (lambda p: p + 1.5 * (3 * p).sin(), False),
    "with four frames the wrong way around": (in_order(0, 4, 3, 2, 1), False),
    "torn": (lambda p: p / 2 + math.pi * ramp(p, *GAP), False),
    "back around between two frames": (lambda p: p - 2 * math.pi * ramp(p, *GAP), False),
    "to and fro between two frames": (
        lambda p: p + 2 * ramp(p, GAP[0], sum(GAP) / 2) - 2 * ramp(p, sum(GAP) / 2, GAP[1]),
        False,
    ),
}
TRAINED = planted(*(around(angle) for angle, _ in ENCODERS.values()))


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return recovery.table(TRAINED, samples=3, seed=5).set_index(pd.Index(ENCODERS))


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_loop_is_recovered_once_around_untorn_and_in_order(kind, found):
    assert found.recovered[kind] == ENCODERS[kind][1]


def test_each_encoder_fails_for_its_own_reason(found):
    """So that none of the conditions is idle."""
    assert found.degree.abs()[["once around", "the other way around", "at uneven speed"]].tolist() == [1, 1, 1]
    assert found.degree[["once around", "the other way around"]].tolist() == [1, -1]
    assert found.degree[["folded", "nowhere", "twice around", "three times around"]].tolist() == [0, 0, 2, 3]
    good = found.recovered | found.index.isin(["torn", "to and fro between two frames"])
    assert (found.order[good] > recovery.ORDERLY).all()
    disordered = found.loc[["once around but out of order", "with four frames the wrong way around"]]
    assert (disordered.degree == 1).all()
    assert not disordered.torn.any()
    assert (disordered.order < recovery.ORDERLY).all()
    assert disordered.order.max() > 0.97
    assert found.order["with three frames the wrong way around"] < 1
    torn = found.loc[["torn", "to and fro between two frames"]]
    assert torn.torn.all()
    assert (torn.degree == 1).all()
    back = found.loc["back around between two frames"]
    assert (back.apparent, back.degree, back.order) == (1, 0, 1)
    assert found.largest_step["once around"] == pytest.approx(2 * math.pi / FRAMES, rel=0.02)


def test_the_table_has_a_row_for_each_member_with_what_was_measured(found):
    measured = evaluation.measure(TRAINED, recovery.frames(TRAINED), 3, 5)
    for name in (*evaluation.QUANTITIES, "error"):
        np.testing.assert_array_equal(found[name], measured[name])
    walked = topology.degrees(TRAINED, FRAMES, 16)
    for name in walked:
        np.testing.assert_array_equal(found[name], walked[name])
    assert found.repetition.tolist() == list(range(len(ENCODERS)))
    assert found.recovered.dtype == bool
    angles = np.stack([angle(torch.tensor(PHASES)) for angle, _ in ENCODERS.values()])
    np.testing.assert_array_equal(found.order, topology.circular_rank_correlation(angles % (2 * np.pi)))


def test_by_default_there_are_twenty_samples_of_the_first_seed():
    one = planted(around(lambda p: p))
    pd.testing.assert_frame_equal(recovery.table(one), recovery.table(one, 20, 0))
    assert recovery.table(one).neg_elbo[0] != recovery.table(one, seed=1).neg_elbo[0]


def plane(points: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Callable[[Tensor], Tensor]:
    """Outputs of an encoder into the plane."""
    return lambda phase: torch.stack([*points(phase), torch.full_like(phase, -6), torch.full_like(phase, -6)], -1)


def test_in_the_plane_a_loop_is_seen_from_its_centroid():
    trained = planted(
        plane(lambda p: (3 + p.cos(), 0.5 * p.sin() - 7)),
        plane(lambda p: (3 + p.cos(), 0.5 * (2 * p).sin() - 7)),
        space=Euclidean(2),
    )
    found = recovery.table(trained)
    assert found.recovered.tolist() == [True, False]
    ellipse = np.arctan2(0.5 * np.sin(PHASES), np.cos(PHASES))
    np.testing.assert_allclose(np.exp(1j * recovery.angles(trained)[0]), np.exp(1j * ellipse), atol=1e-5)


@pytest.mark.parametrize("space", [Circle(), circle()])
def test_angles_on_the_circle_are_the_codes(space):
    projected = space == Circle()
    maps = [around(lambda p: p + 0.3), around(lambda p: 2 * p)]
    if not projected:
        maps = [lambda p, k=k: torch.stack([k * p.sin(), 0 * p - 6], -1) for k in (1, 5)]
    found = recovery.angles(planted(*maps, space=space))
    expected = [PHASES + 0.3, 2 * PHASES] if projected else [np.sin(PHASES), 5 * np.sin(PHASES)]
    assert found.shape == (2, FRAMES)
    np.testing.assert_allclose(np.exp(1j * found), np.exp(1j * np.array(expected)), atol=1e-5)
    assert np.abs(found).max() <= math.pi + 1e-6
    if projected:
        assert winding(found)[0].tolist() == [1, 2]


def test_frames_are_the_pictures_of_each_member_in_their_order():
    other = PICTURES[::-1].copy()
    run = Run((Member(2, 0.1), Member(1, 0.1)), in_pixels(np.stack([PICTURES, other])), Circle(), updates=0, width=3)
    trained = Trained(run, run.model().requires_grad_(False), np.zeros((2, 1)))
    x = recovery.frames(trained).numpy().reshape(2, FRAMES, 2, 2)
    np.testing.assert_allclose(x, [other, PICTURES], atol=1e-6)


# Neighbours


def codes(points: np.ndarray) -> Callable[[Tensor], Tensor]:
    """An encoder that takes the frames to given points ``(FRAMES, 2)`` of the plane."""
    table = torch.tensor(points).float()

    def point(phase: Tensor) -> tuple[Tensor, Tensor]:
        frame = ((phase + math.pi) / (2 * math.pi) * FRAMES).round().long() % FRAMES
        return table[frame].unbind(-1)

    return plane(point)


def brute_force(points: np.ndarray) -> float:
    kept = 0
    for i in range(len(points)):
        others = [j for j in range(len(points)) if j != i]
        nearest = min(others, key=lambda j: math.dist(points[i], points[j]))
        kept += nearest in ((i + 1) % len(points), (i - 1) % len(points))
    return kept / len(points)


def test_neighbours_are_kept_as_counted_one_by_one():
    rng = np.random.default_rng(0)
    ring = np.stack([np.cos(PHASES), np.sin(PHASES)], 1)
    spiral = np.stack([np.cos(PHASES * 0.9), np.sin(PHASES * 0.9)], 1) * np.linspace(1, 0.2, FRAMES)[:, None]
    sets = [ring, -3 * ring[::-1], ring[rng.permutation(FRAMES)], ring[::5].repeat(5, 0)[:FRAMES], spiral]
    sets[3] = sets[3] + 1e-2 * rng.normal(size=(FRAMES, 2))
    sets += [ring + s * rng.normal(size=(FRAMES, 2)) for s in (0.05, 0.1, 0.2, 0.4, 1)]
    # Every second frame on another ring: its nearest is two frames away.
    sets.append(ring * np.where(np.arange(FRAMES) % 2, 1, 5)[:, None])
    found = recovery.neighbours_kept(planted(*(codes(s) for s in sets), space=Euclidean(2)))
    np.testing.assert_allclose(found, [brute_force(s) for s in sets], atol=1e-12)
    assert found[[0, 1]].tolist() == [1, 1]
    assert found[-1] == 0
    assert len(set(found.tolist())) > 5


def test_neighbours_are_found_also_away_from_the_origin():
    """Differences of large numbers must not hide small distances."""
    ring = 0.1 * np.stack([np.cos(PHASES), np.sin(PHASES)], 1)
    assert recovery.neighbours_kept(planted(codes(ring + [3, -2]), space=Euclidean(2))).tolist() == [1]


# Words


def test_notes_say_what_was_found():
    rows = pd.DataFrame(
        {
            "degree": [1.0, -1.0, 0.0, 2.0, np.nan, -10.0],
            "largest_step": [0.126, 3.0, 0.0, 1.005, 6.2831, 2.0],
            "mse": [1.234e-5, 0.5, 12345.0, 0.0, 1.0, 2.0],
            "neg_elbo": [-12345.6, 12.4, 0.6, 1e6, -0.7, 3.0],
        }
    )
    assert recovery.notes(rows) == [
        "degree +1, step 0.13\nMSE 1.23e−05, −ELBO −12,346",
        "degree −1, step 3.00\nMSE 0.5, −ELBO 12",
        "degree 0, step 0.00\nMSE 1.23e+04, −ELBO 1",
        "degree +2, step 1.00\nMSE 0, −ELBO 1,000,000",
        "degree none, step 6.28\nMSE 1, −ELBO −1",
        "degree −10, step 2.00\nMSE 2, −ELBO 3",
    ]


def test_notes_are_those_of_a_table(found):
    said = recovery.notes(found)
    assert len(said) == len(ENCODERS)
    assert said[0].startswith("degree +1, step 0.20\nMSE ")
    assert said[2 + 2].startswith("degree 0, ")


# The best that any model can do


def mean_surprise(points: np.ndarray, centres: np.ndarray, weights: np.ndarray, sigma: float) -> float:
    """The mean of −log p over points, of a mixture of normal distributions."""
    squares = ((points[:, None] - centres) ** 2).sum(-1)
    logs = np.log(weights) - squares / (2 * sigma**2) - points.shape[1] / 2 * np.log(2 * np.pi * sigma**2)
    return float(-np.logaddexp.reduce(logs, axis=1).mean())


@pytest.mark.parametrize(("dimension", "sigma_x", "count"), [(7, 0.1, 5), (3, 2.0, 12), (16, 0.01, 2), (4, 1.0, 1)])
def test_memorised_pictures_are_the_best_mixture(dimension, sigma_x, count):
    rng = np.random.default_rng(0)
    points = 1000 * sigma_x * rng.normal(size=(count, dimension))
    best = recovery.memorised(dimension, sigma_x, count)
    equal = np.full(count, 1 / count)
    assert best == pytest.approx(mean_surprise(points, points, equal, sigma_x), rel=1e-12, abs=1e-12)
    moved = points + 0.3 * sigma_x * rng.normal(size=points.shape)
    assert mean_surprise(points, moved, equal, sigma_x) > best
    if count > 1:
        assert mean_surprise(points, points, rng.dirichlet(np.ones(count)), sigma_x) > best
        assert mean_surprise(points / 2000, points / 2000, equal, sigma_x) < best  # these do not lie apart
