"""Orders of frames: planted loops are found again, and the measures of an order are what they are said to be."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from latentsep.data import seriation
from latentsep.data.seriation import code_length, film, path_length, places, spectral, tours, unframed


def tour(rows: np.ndarray) -> np.ndarray:
    return tours(rows)[0]


WAYS = [spectral, tour, film]


def planted(seed: int, frames: int, harmonics: tuple[float, ...], jitter: float, noise: float):
    """A smooth random closed curve in 40 dimensions, its frames shuffled: rows, and where each frame belongs.

    Harmonic k has the k-th amplitude; the frames are off their regular places by up to half of
    ``jitter`` steps, and every coordinate has ``noise``.
    """
    random = np.random.default_rng(seed)
    phases = 2 * np.pi * (np.arange(frames) + jitter * random.uniform(-0.5, 0.5, frames)) / frames
    k = np.arange(1, len(harmonics) + 1)
    cosines, sines = random.standard_normal((2, len(k), 40)) * np.array(harmonics)[:, None]
    rows = np.cos(np.outer(phases, k)) @ cosines + np.sin(np.outer(phases, k)) @ sines
    rows += noise * random.standard_normal(rows.shape)
    where = random.permutation(frames)
    return rows[where], where


def same_loop(order: np.ndarray) -> tuple[int, ...]:
    """An order turned to begin at frame 0 and to go the way on which the next frame is the smaller one."""
    turned = np.roll(order, -int(np.argmin(order)))
    return tuple(turned if turned[1] < turned[-1] else np.roll(turned[::-1], 1))


def recovered(found: np.ndarray, where: np.ndarray) -> bool:
    return same_loop(where[found]) == tuple(range(len(where)))


def distances(rows: np.ndarray) -> np.ndarray:
    return np.linalg.norm(rows[:, None] - rows, axis=-1)


# Planted loops


@pytest.mark.parametrize("frames", [15, 24])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("way", WAYS)
def test_a_smooth_regular_loop_is_found_in_every_way(way, seed, frames):
    rows, where = planted(seed, frames, (1, 0.5, 0.25), jitter=0, noise=0)
    assert recovered(way(rows), where)


def test_irregular_steps_mislead_only_the_spectral_order():
    found = []
    for seed in range(6):
        rows, where = planted(seed, 20, (1, 0.5, 0.25), jitter=0.9, noise=0.05)
        found.append([recovered(way(rows), where) for way in WAYS])
    spectral_, tour_, film_ = np.sum(found, 0)
    assert spectral_ < 6
    assert tour_ == film_ == 6


@pytest.mark.parametrize(
    ("frames", "harmonics", "jitter", "noise"),
    [(24, (0.3, 1, 0.2, 0.3), 0.3, 0.03), (24, (0.3, 1, 0.05), 0.3, 0.02), (17, (0.4, 1, 0.3, 0.2), 0.4, 0.02)],
)
def test_frames_half_a_turn_apart_that_look_alike_mislead_all_but_the_film(frames, harmonics, jitter, noise):
    # With a strong second harmonic the nearest frame is often the one of the opposite side.
    found = []
    for seed in range(6):
        rows, where = planted(seed, frames, harmonics, jitter, noise)
        found.append([recovered(way(rows), where) for way in WAYS])
    spectral_, tour_, film_ = np.sum(found, 0)
    assert film_ == 6
    assert spectral_ <= 3
    assert tour_ <= 3


def test_a_film_can_begin_from_the_tours_of_other_rows():
    # Too few frames for these look-alikes: the search ends short of the shortest code, unless it begins well.
    for seed in range(3):
        rows, where = planted(seed, 16, (0.3, 1), jitter=0, noise=0.02)
        angles = 2 * np.pi * where / 16
        assert not recovered(film(rows), where)
        assert recovered(film(rows, begin=tours(np.stack([np.cos(angles), np.sin(angles)], 1))), where)


@pytest.mark.parametrize("way", WAYS)
def test_orders_are_the_same_each_time_and_wherever_the_rows_lie(way):
    rows, _ = planted(3, 24, (0.3, 1, 0.2, 0.3), jitter=0.3, noise=0.03)
    before, state = rows.copy(), np.random.get_state()[1].copy()
    first = way(rows)
    np.testing.assert_array_equal(way(rows), first)
    np.testing.assert_array_equal(way(np.asfortranarray(rows)), first)
    assert same_loop(way(rows[:, ::-1] + 3)) == same_loop(first)  # an isometry, to rounding
    np.testing.assert_array_equal(rows, before)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize("frames", [3, 4, 5, 6])
@pytest.mark.parametrize("way", WAYS)
def test_few_frames_have_an_order_too(way, frames):
    for rows in (np.random.default_rng(0).standard_normal((frames, 2)), np.eye(frames)):
        assert sorted(way(rows)) == list(range(frames))


def test_spectral_is_the_order_along_a_ring_of_nearest_neighbours():
    angles = 2 * np.pi * np.array([0, 3, 1, 4, 2, 5]) / 6
    rows = np.stack([np.cos(angles), np.sin(angles)], 1)
    assert same_loop(spectral(rows)) == same_loop(np.array([0, 2, 4, 1, 3, 5]))


def test_spectral_joins_what_is_near_on_either_side_and_as_many_as_asked():
    found = []
    for seed in range(20):
        rows, where = planted(seed, 20, (1, 0.5, 0.25), jitter=0.7, noise=0)
        found.append([recovered(spectral(rows, neighbours), where) for neighbours in (2, 4)])
    # A frame with two near ones on one side is still joined to the other side, if it is the nearest there.
    assert sum(two for two, _ in found) > 15
    assert any(four and not two for two, four in found)
    assert any(two and not four for two, four in found)


def test_a_tour_is_the_best_of_several_starts(monkeypatch):
    shorter = []
    for seed in range(12):
        rows = np.random.default_rng(seed).standard_normal((25, 3))
        several = path_length(distances(rows), tour(rows))
        with monkeypatch.context() as context:
            context.setattr(seriation, "_STARTS", 1)
            shorter.append(path_length(distances(rows), tour(rows)) - several)
    assert min(shorter) >= 0
    assert max(shorter) > 0.01


def test_tours_are_different_and_the_shortest_is_first():
    counts = set()
    for seed in range(12):
        rows = np.random.default_rng(seed).standard_normal((25, 3))
        found = tours(rows)
        assert all(tuple(order) == same_loop(order) for order in found)  # each loop written in one way only
        assert len(set(map(tuple, found))) == len(found)
        assert (np.diff(path_length(distances(rows), np.array(found))) >= 0).all()
        counts.add(len(found))
    assert 2 < max(counts) <= 6


def test_places_are_where_an_order_puts_the_frames():
    order = np.array([2, 0, 3, 1])
    np.testing.assert_array_equal(places(order), [1, 3, 0, 2])
    np.testing.assert_array_equal(places(order)[order], np.arange(4))


# The two costs


def test_a_tour_is_the_shortest_of_all():
    for seed in range(20):
        rows = np.random.default_rng(seed).standard_normal((7, 2))
        every = np.array([(0, *rest) for rest in itertools.permutations(range(1, 7))])
        lengths = path_length(distances(rows), every)
        assert path_length(distances(rows), tour(rows)) == pytest.approx(lengths.min(), rel=1e-12)


def test_a_path_is_as_long_as_its_steps_and_the_closing_one():
    corners = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0], [0.0, 4.0]])
    orders = np.array([[0, 1, 2, 3], [0, 2, 1, 3]])
    np.testing.assert_allclose(path_length(distances(corners), orders), [14, 18])


@given(st.integers(0, 10**6), st.integers(3, 12))
def test_a_code_length_is_that_of_the_films_power_spectrum(seed, frames):
    random = np.random.default_rng(seed)
    rows = random.standard_normal((frames, random.integers(1, 6)))
    orders = np.stack([random.permutation(frames) for _ in range(6)]).reshape(2, 3, frames)
    power = np.square(np.abs(np.fft.fft(rows[orders], axis=2))).sum(-1)[..., 1:]  # all but the mean
    np.testing.assert_allclose(code_length(rows @ rows.T, orders), np.log(power).sum(-1), rtol=0, atol=1e-8)


@given(st.integers(0, 10**6), st.integers(3, 12), st.integers(0, 11))
def test_a_code_length_knows_no_beginning_no_sense_and_no_mean(seed, frames, shift):
    random = np.random.default_rng(seed)
    rows, order = random.standard_normal((frames, 4)), random.permutation(frames)
    gram, moved = rows @ rows.T, rows + random.standard_normal(4)
    expected = code_length(gram, order)
    for other in (np.roll(order, shift), order[::-1]):
        assert code_length(gram, other) == pytest.approx(expected, abs=1e-9)
        assert path_length(distances(rows), other) == pytest.approx(path_length(distances(rows), order))
    assert code_length(moved @ moved.T, order) == pytest.approx(expected, abs=1e-8)


def test_a_stride_through_the_film_does_not_change_its_code_length():
    # Every k-th frame, k prime to their number, only renames the frequencies. That a film goes from neighbour to
    # neighbour is therefore decided by the short tour that the search begins from.
    rows, _ = planted(0, 16, (1, 0.5, 0.25), jitter=0.5, noise=0.02)
    lengths = [code_length(rows @ rows.T, stride * np.arange(16) % 16) for stride in range(1, 16, 2)]
    np.testing.assert_allclose(lengths, lengths[0], rtol=1e-12)


def test_frequencies_that_a_film_does_not_have_count_as_a_floor():
    angles = 2 * np.pi * np.arange(9) / 9
    rows = np.stack([np.cos(angles), np.sin(angles)], 1)
    # |Σ exp(2i·angle)…|: two of eight frequencies have power 9²/2, the trace is 9.
    expected = 2 * np.log(9**2 / 2) + 6 * np.log(9e-12)
    assert code_length(rows @ rows.T, np.arange(9)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("frames", [9, 14, 20])
def test_no_small_step_from_what_was_found_is_better(frames):
    for seed in (0, 6, 7):
        rows = np.random.default_rng(seed).standard_normal((frames, 5))
        for order, cost in (
            (tour(rows), lambda o: path_length(distances(rows), o)),  # noqa: B023
            (film(rows), lambda o: code_length(rows @ rows.T, o)),  # noqa: B023
        ):
            steps = []
            for i, j in itertools.combinations(range(frames + 1), 2):
                steps.append(np.r_[order[:i], order[i:j][::-1], order[j:]])
            for i, by, length in itertools.product(range(frames), range(1, 6), (1, 2, 3)):
                turned = np.roll(order, -i)
                rest = turned[length:]
                steps += [np.r_[rest[:k], turned[:length], rest[k:]] for k in (by, -by)]
            assert cost(np.array(steps)).min() >= cost(order) * (1 - 1e-8 * np.sign(cost(order)))


def test_a_film_has_a_shorter_code_than_the_tour_that_it_begins_from():
    shorter = []
    for seed in range(4):
        rows, _ = planted(seed, 16, (0.3, 1), jitter=0.3, noise=0.05)
        gram = rows @ rows.T
        shorter.append(code_length(gram, tour(rows)) - code_length(gram, film(rows)))
    assert min(shorter) > 0
    assert np.median(shorter) > 5


# Framing


def scene(framing: np.ndarray, phase: float | None = None, size: int = 28) -> np.ndarray:
    """A few blobs, one of them on its way around the others, seen through eight small changes of the framing."""
    right, down, wide, high, lean_x, lean_y, gain, light = framing
    grid = (np.arange(size) + 0.5) / size - 0.5
    x = grid + right + wide * grid + lean_x * grid[:, None]
    y = grid[:, None] + down + high * grid[:, None] + lean_y * grid
    blobs = [(0.05, -0.1, 0.12, 1.0), (-0.08, 0.15, 0.1, 0.8), (0.18, 0.02, 0.09, -0.4)]
    if phase is not None:
        blobs.append((0.12 * np.cos(phase), 0.12 * np.sin(phase), 0.07, 0.3))
    picture = sum(h * np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * w**2)) for a, b, w, h in blobs)
    return (1 + gain) * picture + light


def framings(seed: int, count: int, most: float) -> np.ndarray:
    """Random framings: moves and scalings up to ``most`` of the width, brightness up to three times that."""
    return np.random.default_rng(seed).uniform(-most, most, (count, 8)) * [1, 1, 1, 1, 1, 1, 3, 3]


@pytest.mark.parametrize("blur", [0.0, 1.0])
@pytest.mark.parametrize("only", [*range(8), slice(None)])
def test_a_change_of_framing_is_taken_out_to_first_order(only, blur):
    for most in (0.005, 0.001):  # at most a quarter of a pixel, where the second order is small
        chosen = np.zeros((9, 8))
        chosen[:, only] = framings(0, 9, most)[:, only]
        images = np.stack([scene(framing, size=56) for framing in chosen])
        changes = gaussian_filter(images - images.mean(0), (0, blur, blur))
        # What is left is mostly the error of differences between pixels in the place of derivatives.
        assert np.linalg.norm(unframed(images, blur)) < 0.03 * np.linalg.norm(changes)


def test_what_is_not_framing_stays():
    random = np.random.default_rng(0)
    images = np.stack([scene(np.zeros(8))] * 10)
    speckles = gaussian_filter(random.standard_normal(images.shape), (0, 1, 1))
    speckles -= speckles.mean(0)
    found = unframed(images + 0.01 * speckles)
    blurred = 0.01 * gaussian_filter(speckles, (0, 1, 1)).reshape(10, -1)
    assert found.shape == blurred.shape == (10, 28 * 28)
    # Eight of about as many patterns as there are speckles are gone.
    assert np.linalg.norm(found) > 0.9 * np.linalg.norm(blurred)
    assert np.vdot(found, blurred) > 0.99 * np.linalg.norm(found) ** 2
    np.testing.assert_allclose(found.sum(0), 0, atol=1e-12)  # seen from the mean picture
    np.testing.assert_allclose(found.sum(1), 0, atol=1e-12)  # none brighter than another


def test_pictures_are_rows_less_their_mean():
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 4), dtype=np.uint8)
    found = seriation.rows(images)
    np.testing.assert_allclose(found.sum(0), 0, atol=1e-12)
    np.testing.assert_allclose(found[3] - found[1], (images[3].astype(float) - images[1]).ravel())


def test_whole_numbers_for_brightness_are_as_good_as_fractions():
    images = np.stack([scene(framing) for framing in framings(0, 5, 0.01)])
    levels = np.clip(images * 100 + 60, 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(unframed(levels), unframed(levels.astype(float)))


def test_a_loop_behind_a_jumping_frame_is_found_without_the_frame():
    for seed in range(3):
        where = np.random.default_rng(seed).permutation(20)
        phases = 2 * np.pi * where / 20
        images = np.stack([scene(f, phase) for f, phase in zip(framings(seed, 20, 0.01), phases, strict=True)])
        assert not recovered(film(seriation.rows(images)), where)
        assert recovered(film(unframed(images)), where)


def test_of_films_with_equal_codes_the_one_that_goes_from_neighbour_to_neighbour_is_taken():
    for seed in range(8):
        rows, where = planted(seed, 17, (0.4, 1, 0.3, 0.2), 0.3, 0.02)
        true = np.argsort(where)
        strided = true[3 * np.arange(17) % 17]
        assert code_length(rows @ rows.T, strided) == pytest.approx(code_length(rows @ rows.T, true), rel=1e-12)
        for begin in ([true, strided], [strided, true]):
            assert recovered(film(rows, begin), where)


@pytest.mark.parametrize("way", WAYS)
def test_an_order_is_written_in_one_way_only(way):
    # Else rounding decides, and a guided start would differ from one processor to the next.
    for seed in range(4):
        order = way(planted(seed, 24, (1, 0.5, 0.25), 0.3, 0.02)[0])
        assert tuple(order) == same_loop(order)


# Records


def moving(seed: int = 0, frames: int = 12) -> np.ndarray:
    """Pictures of a loop, out of order."""
    phases = 2 * np.pi * np.random.default_rng(seed).permutation(frames) / frames
    return np.stack([scene(np.zeros(8), phase) for phase in phases])


def test_orders_are_those_of_every_way_by_name():
    images = moving()
    found = seriation.orders(images)
    short = tours(seriation.rows(images))
    expected = {
        "a graph": spectral(seriation.rows(images)),
        "the shortest tour": short[0],
        "the best film": film(unframed(images), short),
        "the best film, framed": film(seriation.rows(images), short),
    }
    assert list(found) == list(expected)
    for way, order in expected.items():
        np.testing.assert_array_equal(found[way], order)


def test_orders_that_were_found_once_come_from_the_records(records_folder, monkeypatch):
    first = seriation.orders(moving())
    assert list(records_folder.glob("*.record")) == [seriation.job(moving()).path]
    monkeypatch.setattr(seriation, "tours", None)
    again = seriation.orders(moving())
    assert first.keys() == again.keys()
    for way in first:
        np.testing.assert_array_equal(again[way], first[way])


def test_a_record_is_of_pictures_and_of_nothing_else():
    images = moving()
    path = seriation.job(images).path
    assert seriation.job(images.copy()).path == path
    assert seriation.job(np.asfortranarray(images)).path == path
    assert seriation.job(np.stack([images, images])[0]).path == path
    others = [images[::-1], images[:-1], images.astype(np.float32), images.transpose(0, 2, 1), images + 1e-9]
    others.append(images.reshape(len(images), 14, 56))
    assert len({path, *(seriation.job(other).path for other in others)}) == 7
