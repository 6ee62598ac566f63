"""Rendered objects turn in small steps around a loop, as those of COIL-20 do, and each is what it is said to be."""

import numpy as np
import pytest

from latentsep.data import turntable
from latentsep.data.turntable import Ellipsoid

POSES, SIZE = 72, 24
OBJECTS = turntable.render(POSES, SIZE)
ROWS = OBJECTS.reshape(4, POSES, -1).astype(np.float64)


def apart(poses: int) -> np.ndarray:
    """Distances between pictures so many poses apart, ``(objects, poses)``."""
    return np.linalg.norm(ROWS - np.roll(ROWS, -poses, 1), axis=-1)


def view(*solids: Ellipsoid, angle: float = 0.0, size: int = 41) -> np.ndarray:
    return turntable._view(solids, angle, size).astype(int)


def test_there_are_four_objects_of_bytes_on_black_that_fit():
    assert (OBJECTS.shape, OBJECTS.dtype) == ((4, POSES, SIZE, SIZE), np.uint8)
    for edge in (OBJECTS[..., 0], OBJECTS[..., -1], OBJECTS[:, :, 0], OBJECTS[:, :, -1]):
        assert not edge.any()
    seen = OBJECTS > 0
    assert seen.mean((2, 3)).min() > 0.1
    assert OBJECTS.max((1, 2, 3)).min() > 150
    # What is seen is lit, if only by the sky.
    assert OBJECTS[seen].min() >= 0.25 * 0.35 * 255 - 1


def test_nothing_is_random():
    np.testing.assert_array_equal(turntable.render(POSES, SIZE), OBJECTS)


def test_by_default_it_is_as_large_as_coil_20(monkeypatch):
    monkeypatch.setattr(turntable, "OBJECTS", ((Ellipsoid((0, 0, 0), (0.1, 0.1, 0.1), 1.0),),))
    assert turntable.render().shape == (1, 72, 128, 128)


@pytest.mark.parametrize(("poses", "size"), [(1, 8), (5, 9), (36, 24)])
def test_other_numbers_of_poses_and_pixels(poses, size):
    found = turntable.render(poses, size)
    assert found.shape == (4, poses, size, size)
    np.testing.assert_array_equal(found[:, 0], turntable.render(1, size)[:, 0])
    if POSES % poses == 0 and size == SIZE:
        np.testing.assert_array_equal(found, OBJECTS[:, :: POSES // poses])


def test_the_loop_closes_without_a_seam():
    steps = apart(1)
    assert (steps[[0, 1, 3]] > 0).all()  # no two neighbours are the same
    assert (steps[:, -1] <= 1.2 * steps[:, :-1].max(1)).all()
    assert (steps.mean(1) < 0.7 * apart(18).mean(1)).all()


def test_all_sides_of_the_first_object_are_plainly_different():
    distances = np.linalg.norm(ROWS[0][:, None] - ROWS[0], axis=-1) + np.diag(np.full(POSES, np.inf))
    assert distances.min() > 0
    nearest = (distances.argmin(1) - np.arange(POSES)) % POSES
    assert set(nearest) == {1, POSES - 1}


def test_the_second_object_looks_alike_after_half_a_turn():
    half, quarter = apart(POSES // 2).mean(1), apart(POSES // 4).mean(1)
    assert half[1] < 0.2 * quarter[1]
    assert (np.delete(half, 1) > 0.5 * np.delete(quarter, 1)).all()
    assert apart(POSES // 2)[1].max() < apart(1)[1].max()  # closer than many a neighbour


def test_the_third_object_is_nearly_round():
    moved = ROWS.std(1).max(1)
    assert moved[2] < 0.8 * np.delete(moved, 2).min()
    assert apart(POSES // 4)[2].mean() < 0.5 * np.delete(apart(POSES // 4).mean(1), 2).min()


# How one picture is made


def test_a_ball_is_a_disc_lit_from_above_on_the_left():
    ball = view(Ellipsoid((0, 0, 0), (0.5, 0.5, 0.5), 1.0))
    across = (np.arange(41) + 0.5) / 41 * 2 - 1
    np.testing.assert_array_equal(ball > 0, np.add.outer(across**2, across**2) < 0.25)
    row, column = np.unravel_index(ball.argmax(), ball.shape)
    assert row < 20
    assert column < 20
    np.testing.assert_array_equal(view(Ellipsoid((0, 0, 0), (0.5, 0.5, 0.5), 1.0), angle=1.0), ball)
    half = view(Ellipsoid((0, 0, 0), (0.5, 0.5, 0.5), 0.5))
    assert np.abs(half - ball / 2).max() <= 1


@pytest.mark.parametrize(("axes", "angle"), [((0.8, 0.8, 0.8), 0.0), ((0.8, 0.3, 0.5), 0.0), ((0.8, 0.3, 0.5), 0.7)])
def test_light_falls_as_lambert_says(axes, angle):
    """On the ellipsoid xᵀAx = 1 the normal at x is along Ax."""
    size, tilt = 31, np.radians(25)
    picture = view(Ellipsoid((0, 0, 0), axes, 1.0), angle=angle, size=size) / 255
    turned = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    form = turned.T @ np.diag(np.array(axes) ** -2.0) @ turned
    right, up = np.array([1.0, 0, 0]), np.array([0, np.sin(tilt), np.cos(tilt)])
    towards = np.array([0, -np.cos(tilt), np.sin(tilt)])  # the camera
    lamp = np.array([-0.45, -0.6, 0.66]) / np.linalg.norm([-0.45, -0.6, 0.66])
    across = (np.arange(size) + 0.5) / size * 2 - 1
    for i, j in np.ndindex(size, size):
        foot = across[j] * right - across[i] * up
        heights = np.roots([towards @ form @ towards, 2 * foot @ form @ towards, foot @ form @ foot - 1])
        if np.isreal(heights).all():
            normal = form @ (foot + heights.max() * towards)
            lit = max(0, normal @ lamp) / np.linalg.norm(normal)
            assert picture[i, j] == pytest.approx(0.25 + 0.75 * lit, abs=0.51 / 255)
        else:
            assert picture[i, j] == 0


def test_what_is_nearer_hides_what_is_behind_it():
    """The camera is at negative y; the order in which solids are listed does not matter."""
    near, far = Ellipsoid((0, -0.5, 0), (0.3, 0.3, 0.3), 1.0), Ellipsoid((0, 0.5, 0), (0.3, 0.3, 0.3), 0.4)
    both = view(near, far)
    np.testing.assert_array_equal(view(far, near), both)
    alone = view(near)
    np.testing.assert_array_equal(both[alone > 0], alone[alone > 0])
    # After half a turn the dark one is in front.
    behind = view(near, far, angle=np.pi)
    dark = view(Ellipsoid((0, -0.5, 0), (0.3, 0.3, 0.3), 0.4))
    np.testing.assert_array_equal(behind[dark > 0], dark[dark > 0])


def test_the_table_turns_by_the_angle():
    """A ball at one side of the table goes to where its centre is turned to, seen under 25 degrees."""
    across = (np.arange(101) + 0.5) / 101 * 2 - 1
    for angle in np.linspace(0, 2 * np.pi, 9):
        seen = view(Ellipsoid((0.6, 0.1, 0.2), (0.1, 0.1, 0.1), 1.0), angle=angle, size=101) > 0
        x = 0.6 * np.cos(angle) - 0.1 * np.sin(angle)
        y = 0.6 * np.sin(angle) + 0.1 * np.cos(angle)
        assert across[seen.any(0)].mean() == pytest.approx(x, abs=0.02)
        up = y * np.sin(np.radians(25)) + 0.2 * np.cos(np.radians(25))
        assert -across[seen.any(1)].mean() == pytest.approx(up, abs=0.02)


def test_an_ellipsoid_is_as_long_as_its_axes():
    across = (np.arange(101) + 0.5) / 101 * 2 - 1
    for axes, angle in (((0.7, 0.2, 0.3), 0.0), ((0.2, 0.7, 0.3), np.pi / 2)):
        seen = view(Ellipsoid((0, 0, 0), axes, 1.0), angle=angle, size=101) > 0
        assert across[seen.any(0)].max() == pytest.approx(0.7, abs=0.02)
        height = np.hypot(0.2 * np.sin(np.radians(25)), 0.3 * np.cos(np.radians(25)))
        assert across[seen.any(1)].max() == pytest.approx(height, abs=0.02)
