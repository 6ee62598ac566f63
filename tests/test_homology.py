"""Holes of clouds whose holes are known, and scales that are worked out by hand."""

import itertools
import math

import numpy as np
import pytest
import torch

from latentsep.data import seeds
from latentsep.measures.homology import LASTING, betti, persistence


def uniform(*shape: int, name: str = "uniform") -> np.ndarray:
    return torch.rand(*shape, generator=seeds.generator(0, "test", name), dtype=torch.float64).numpy()


def normal(*shape: int, name: str = "normal") -> np.ndarray:
    return torch.randn(*shape, generator=seeds.generator(0, "test", name), dtype=torch.float64).numpy()


def around(angles: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angles), np.sin(angles)], -1)


def circle(n: int = 200) -> np.ndarray:
    return around(2 * np.pi * uniform(n))


def torus(n: int = 2_500) -> np.ndarray:
    return around(2 * np.pi * uniform(n, 2)).reshape(n, 4) / math.sqrt(2)


def sphere(n: int = 1_500) -> np.ndarray:
    points = normal(n, 3)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def ball(n: int = 2_000) -> np.ndarray:
    return sphere(n) * uniform(n, 1, name="radius") ** (1 / 3)


def projective_plane() -> np.ndarray:
    """The sphere with opposite points made one, in R⁴: its loop and its void are there modulo 2 alone."""
    x, y, z = sphere().T
    return np.stack([x * y, x * z, y**2 - z**2, 2 * y * z], -1)


def turned(cloud: np.ndarray, dimension: int) -> np.ndarray:
    """The cloud in a space of more dimensions, turned and moved at random."""
    q, _ = np.linalg.qr(normal(dimension, dimension, name="turn"))
    return np.pad(cloud, ((0, 0), (0, dimension - cloud.shape[1]))) @ q + normal(dimension, name="shift")


SHAPES = {
    "circle": (circle(), (1, 1, 0)),
    "circle in space": (turned(circle(), 3), (1, 1, 0)),
    "Clifford torus": (torus(), (1, 2, 1)),
    "sphere": (sphere(), (1, 0, 1)),
    "projective plane": (projective_plane(), (1, 1, 1)),
    "ball": (ball(), (1, 0, 0)),
    "disc": (ball()[:, :2], (1, 0, 0)),
    "two circles": (np.concatenate([circle(), circle() + 3]), (1, 2, 0)),
    "circle and sphere": (np.concatenate([turned(circle(), 3), 9 + sphere()]), (1, 1, 1)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_have_the_holes_that_they_are_known_for(name):
    cloud, holes = SHAPES[name]
    assert betti(persistence(cloud)) == holes


# Worked out by hand


@pytest.mark.parametrize("n", [3, 4, 5, 12])
def test_the_loop_of_a_regular_polygon_opens_at_half_a_side_and_closes_at_the_radius(n):
    for radius in (1.0, 3.0):
        components, loops, voids = persistence(radius * around(2 * np.pi * np.arange(n) / n))
        half = radius * math.sin(math.pi / n)
        # Beside those that rounding opens and closes at the centre, which all corners are as far from.
        lasting = loops[loops[:, 1] - loops[:, 0] > 1e-9]
        np.testing.assert_allclose(lasting, [[half, radius]], rtol=1e-9)
        np.testing.assert_allclose(np.sort(components[:, 1]), [half] * (n - 1) + [np.inf], rtol=1e-9)
        assert not components[:, 0].any()
        assert voids.shape == (0, 2)


def test_the_void_of_an_octahedron_opens_with_its_faces_and_closes_at_its_centre():
    components, loops, voids = persistence(np.concatenate([np.eye(3), -np.eye(3)]))
    # Edges of length √2, faces of circumradius √(2/3).
    np.testing.assert_allclose(np.sort(components[:, 1]), [math.sqrt(0.5)] * 5 + [np.inf], rtol=1e-9)
    # Twelve edges make seven loops beyond a tree; eight faces fill them.
    np.testing.assert_allclose(loops, [[math.sqrt(0.5), math.sqrt(2 / 3)]] * 7, rtol=1e-9)
    np.testing.assert_allclose(voids, [[math.sqrt(2 / 3), 1]], rtol=1e-9)


def test_components_join_at_half_the_gap_and_one_never_does():
    components, loops, voids = persistence(np.array([[0.0, 0, 0], [1, 0, 0], [4, 0, 0], [4, 0.5, 0], [4, 0.1, 7]]))
    assert sorted(components[:, 1].round(6))[:3] == [0.25, 0.5, 1.5]
    assert np.isinf(components[:, 1]).sum() == 1
    assert betti([components, loops, voids]) == (1, 0, 0)


# Which points are kept


def test_as_many_points_are_kept_as_are_asked_for():
    cloud = sphere(300)
    assert [len(persistence(cloud, points=n)[0]) for n in (10, 77, 300, 1_000)] == [10, 77, 300, 300]
    assert len(persistence(sphere(1_000))[0]) == 600


def test_a_crowd_does_not_push_the_rest_out():
    # Nearly all of a circle's points are on a tenth of it, and all others come last.
    crowd, rest = 0.1 * uniform(5_000), 0.1 + 0.9 * np.arange(60) / 60
    cloud = around(2 * np.pi * np.concatenate([crowd, rest]))
    assert betti(persistence(cloud, points=80)) == (1, 1, 0)
    assert betti(persistence(cloud[:80])) == (1, 0, 0)


# What does not matter


def same(one: list[np.ndarray], other: list[np.ndarray], rtol: float) -> None:
    for bars, others in itertools.zip_longest(one, other):
        assert len(bars) == len(others)
        for end in (0, 1):
            np.testing.assert_allclose(np.sort(bars[:, end]), np.sort(others[:, end]), rtol=rtol)


def test_the_same_cloud_has_the_same_holes():
    for one, other in zip(persistence(torus(), points=100), persistence(torus(), points=100), strict=True):
        np.testing.assert_array_equal(one, other)


def test_only_distances_matter():
    cloud = np.pad(sphere(120), ((0, 0), (0, 1))) + 0.1 * normal(120, 4, name="off")  # no ties
    found = persistence(cloud, points=90)
    assert min(map(len, found)) > 5
    same(found, persistence(turned(cloud, 4), points=90), rtol=1e-6)
    same([2.5 * bars for bars in found], persistence(2.5 * cloud, points=90), rtol=1e-6)
    # The first point is always kept, and so are all: in another order, the holes are the same.
    same(persistence(cloud), persistence(cloud[::-1]), rtol=1e-6)


def test_clouds_of_tensors_lists_and_single_precision_are_clouds():
    cloud = circle(40)
    for other in (cloud.tolist(), torch.from_numpy(cloud), np.asfortranarray(cloud), cloud[:, ::-1].copy()):
        same(persistence(cloud), persistence(other), rtol=1e-9)
    same(persistence(cloud.astype(np.float32).astype(np.float64)), persistence(cloud.astype(np.float32)), rtol=1e-12)


# What lasts


def test_holes_last_that_close_late_for_when_they_opened():
    none = np.zeros((0, 2))
    bars = np.array([[0.1, 0.24], [0.1, 0.26], [1.0, 2.4], [2.0, 7.0]])
    components = np.array([[0, 0.1], [0, np.inf], [0, 5.0], [0, np.inf]])
    assert LASTING == 2.5
    assert betti([components, bars, none]) == (2, 2, 0)
    assert betti([components, none, bars]) == (2, 0, 2)
    assert [betti([components, bars, bars[:2]], lasting)[1:] for lasting in (2.0, 3.0, 4.0)] == [(4, 2), (1, 0), (0, 0)]
    assert all(type(number) is int for number in betti([components, bars, none]))


def test_a_torus_of_noise_is_still_one_and_a_fold_of_it_is_not():
    noisy = torus() + 0.02 * normal(2_500, 4)
    assert betti(persistence(noisy)) == (1, 2, 1)
    # Both circles from the same phase: a loop, of few points. One phase seen by its cosine only: a closed strip.
    first, second = np.meshgrid(*[2 * np.pi * np.arange(50) / 50] * 2)
    copied = np.stack([around(first), around(first)], -1).reshape(-1, 4)
    strip = np.concatenate([around(first), np.cos(second + 0.3)[..., None]], -1).reshape(-1, 3)
    assert betti(persistence(copied)) == betti(persistence(strip)) == (1, 1, 0)
