"""Pictures around loops: their span loses nothing, the way back leads back, and noise is that of the pictures."""

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import latentsep
from latentsep.data import seeds
from latentsep.data.benchmarks import regular_phases
from latentsep.data.loops import Loops, Span, in_pixels, shrink
from latentsep.measures.evaluation import QUANTITIES, measure
from latentsep.models.latent_spaces import Circle, Euclidean
from latentsep.models.vae import VAE, negative_log_likelihood
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Member, Run


def random_pictures(seed: int = 0, loops: int = 2, frames: int = 6, height: int = 4, width: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).random((loops, frames, height, width))


def with_two_equal_frames() -> np.ndarray:
    images = random_pictures()
    images[0, 4] = images[0, 1]
    return images


def shifted(width: int = 16, height: int = 6) -> np.ndarray:
    """A picture shifted by every number of pixels: its Gram matrix has every eigenvalue but two twice."""
    picture = random_pictures(loops=1, frames=1, height=height, width=width)[0, 0]
    return np.stack([[np.roll(picture, -s, 1) for s in range(width)]])


ANY = pytest.mark.parametrize(
    "images",
    [
        random_pictures(),
        random_pictures(1, loops=3, frames=9, height=2, width=3),  # more frames than pixels
        random_pictures(2, loops=1, frames=2, height=1, width=7),
        with_two_equal_frames(),
        shifted(),
    ],
    ids=["random", "more frames than pixels", "two frames", "two equal frames", "shifted"],
)


# The span


@ANY
def test_inner_products_and_distances_stay_what_they_are(images, float64):
    loops, _ = shrink(images)
    assert (loops.dimension, loops.frames, loops.ambient) == (images.shape[1], *(images.shape[1], images[0, 0].size))
    for dataset in range(1, len(images) + 1):
        rows = images[dataset - 1].reshape(loops.frames, -1)
        centred = torch.from_numpy(rows - rows.mean(0))
        x = loops.sample(dataset)[0] * loops.unit
        torch.testing.assert_close(x @ x.T, centred @ centred.T, rtol=0, atol=1e-12)
        # Roots of rounded zeros, where frames are equal.
        torch.testing.assert_close(torch.cdist(x, x), torch.cdist(centred, centred), rtol=0, atol=1e-6)


@ANY
def test_the_numbers_of_all_loops_have_a_root_mean_square_of_one(images, float64):
    loops, _ = shrink(images)
    every = torch.stack([loops.sample(n)[0] for n in range(1, len(images) + 1)])
    assert float(every.square().mean()) == pytest.approx(1, rel=1e-12)


@ANY
def test_the_way_back_leads_to_the_pictures(images, float64):
    loops, span = shrink(images)
    for dataset, pictures in enumerate(images, start=1):
        np.testing.assert_allclose(span.pictures(loops.sample(dataset)[0], dataset), pictures, rtol=0, atol=1e-13)
        found = span.pictures(torch.zeros(2, 3, loops.dimension), dataset)
        assert found.shape == (2, 3, *images.shape[2:])
        np.testing.assert_allclose(found, np.broadcast_to(pictures.mean(0), found.shape), rtol=0, atol=1e-15)


@ANY
def test_single_precision_is_enough_for_the_way_back(images):
    loops, span = shrink(images)
    x = loops.sample(1)[0]
    assert x.dtype == torch.float32
    np.testing.assert_allclose(span.pictures(x, 1), images[0], rtol=0, atol=1e-6)


@ANY
def test_the_basis_is_orthonormal_where_the_pictures_differ(images):
    _, span = shrink(images)
    for pictures, basis in zip(images, span.bases, strict=True):
        projection = np.tensordot(basis, basis, ((1, 2), (1, 2)))
        np.testing.assert_allclose(projection @ projection, projection, rtol=0, atol=1e-10)
        rank = np.linalg.matrix_rank((pictures - pictures.mean(0)).reshape(len(pictures), -1))
        assert np.trace(projection) == pytest.approx(rank, abs=1e-10)


@ANY
def test_the_numbers_have_no_arbitrary_signs_or_rotations(images):
    # The only symmetric root without negative eigenvalues; frames in another order only reorder it.
    loops, span = shrink(images)
    for points in loops.points:
        np.testing.assert_allclose(points, points.T, rtol=0, atol=1e-12)
        assert np.linalg.eigvalsh(points).min() > -1e-12
    order = np.random.default_rng(0).permutation(loops.frames)
    other, other_span = shrink(images[:, order])
    np.testing.assert_allclose(other.points, loops.points[:, order][:, :, order], rtol=0, atol=1e-11)
    np.testing.assert_allclose(other_span.bases, span.bases[:, order], rtol=0, atol=1e-9)


def test_equal_frames_have_equal_numbers():
    loops, span = shrink(with_two_equal_frames())
    np.testing.assert_allclose(loops.points[0, 4], loops.points[0, 1], rtol=0, atol=1e-12)
    assert np.isfinite(span.bases).all()
    assert np.abs(span.bases).max() < 1  # no direction without a length was blown up


def test_the_numbers_of_a_loop_do_not_depend_on_the_other_loops(float64):
    images = random_pictures(loops=3)
    together, span = shrink(images)
    for i in range(3):
        alone, its_span = shrink(images[i : i + 1])
        np.testing.assert_array_equal(alone.points[0], together.points[i])
        np.testing.assert_array_equal(its_span.bases[0], span.bases[i])
        np.testing.assert_array_equal(its_span.means[0], span.means[i])
        one, other = alone.sample(1)[0] * alone.unit, together.sample(i + 1)[0] * together.unit
        torch.testing.assert_close(one, other, rtol=1e-14, atol=0)


SHRUNK = """
import numpy as np, sys
from latentsep.data.loops import shrink
loops, span = shrink(np.load(sys.argv[1]))
np.savez(sys.argv[2], points=loops.points, bases=span.bases, source=loops.source)
"""


def test_the_numbers_are_the_same_on_other_threads_and_processors(tmp_path):
    # Eigenvectors of equal eigenvalues come out otherwise wherever the arithmetic is ordered otherwise.
    images = np.concatenate([shifted(32, 12), shifted(32, 12)[:, ::-1] ** 2])
    np.save(tmp_path / "images.npy", images)
    here, span = shrink(images)
    path = os.pathsep.join([str(Path(latentsep.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    elsewhere = {"OPENBLAS_NUM_THREADS": "3", "OMP_NUM_THREADS": "3", "OPENBLAS_CORETYPE": "Nehalem"}
    command = [sys.executable, "-c", SHRUNK, tmp_path / "images.npy", tmp_path / "there.npz"]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": path, **elsewhere}, check=True)
    there = np.load(tmp_path / "there.npz")
    assert there["source"] == here.source
    np.testing.assert_allclose(there["points"], here.points, rtol=0, atol=1e-12)
    np.testing.assert_allclose(there["bases"], span.bases, rtol=0, atol=1e-11)


# The same −ELBO


def a_pair(images: np.ndarray, space: Circle | Euclidean, seed: int) -> tuple[Trained, Trained, Span]:
    """Untrained autoencoders of pixels, and of the span, with the same layers but for the first and the last."""
    members = tuple(Member(n, s) for n in range(1, len(images) + 1) for s in (0.05, 0.7))
    settings = {"space": space, "width": 5, "updates": 0, "seed": seed}
    loops, span = shrink(images)
    pair = [Run(members, data, **settings) for data in (in_pixels(images), loops)]
    return *(Trained(run, run.model().requires_grad_(False), np.zeros((len(members), 0))) for run in pair), span


def map_weights(pixels: VAE, shrunk: VAE, span: Span, members: tuple[Member, ...]) -> None:
    """Let the encoder of the span read what that of the pixels reads, and its decoder write what stays in the span."""
    for one, other in zip(pixels.parameters(), shrunk.parameters(), strict=True):
        if one.shape == other.shape:
            other.copy_(one)
    for i, m in enumerate(members):
        n = int(m.dataset) - 1
        basis = torch.from_numpy(span.bases[n]).flatten(1)
        mean = torch.from_numpy(span.means[n]).flatten()
        read, write = pixels.encoder.layers[0], pixels.decoder.layers[-1]
        shrunk.encoder.layers[0].weight[i] = span.unit * read.weight[i] @ basis.T
        shrunk.encoder.layers[0].bias[i] = read.bias[i] + (read.weight[i] @ mean)[:, None]
        shrunk.decoder.layers[-1].weight[i] = basis @ write.weight[i] / span.unit
        shrunk.decoder.layers[-1].bias[i] = basis @ (write.bias[i] - mean[:, None]) / span.unit


def into_the_span(pixels: VAE, span: Span, members: tuple[Member, ...]) -> None:
    """Make the decoder of the pixels write the nearest picture in the span of its loop."""
    write = pixels.decoder.layers[-1]
    for i, m in enumerate(members):
        n = int(m.dataset) - 1
        basis, mean = torch.from_numpy(span.bases[n]).flatten(1), torch.from_numpy(span.means[n]).flatten()[:, None]
        write.weight[i] = basis.T @ basis @ write.weight[i]
        write.bias[i] = mean + basis.T @ basis @ (write.bias[i] - mean)


def datapoints(trained: Trained) -> torch.Tensor:
    return torch.stack([trained.run.data.sample(m.dataset)[0] for m in trained.run.members])


@pytest.mark.parametrize("space", [Euclidean(2), Circle(), Circle("real", "published")])
@ANY
def test_the_span_has_the_negative_elbo_of_the_pixels(images, space, float64):
    pixels, shrunk, span = a_pair(images, space, seed=3)
    members = pixels.run.members
    # What the pixels' decoder writes outside of the span only adds to its error.
    map_weights(pixels.vae, shrunk.vae, span, members)
    x, y = datapoints(pixels), datapoints(shrunk)
    noise = torch.randn(3, *x.shape[:2], space.noise_features, generator=torch.Generator().manual_seed(0))
    outside = torch.tensor([shrunk.run.data.outside(m.sigma_x) for m in members])[:, None]
    wide, narrow = pixels.vae(x, noise), shrunk.vae(y, noise)
    torch.testing.assert_close(wide[1], narrow[1], rtol=1e-9, atol=1e-10)
    more = wide[0] - narrow[0] - outside
    means = pixels.vae.decode(space.rsample(pixels.vae.posterior(x), noise))
    squares = []
    for i, m in enumerate(members):
        n = int(m.dataset) - 1
        basis, off = torch.from_numpy(span.bases[n]).flatten(1), means[:, i] - torch.from_numpy(span.means[n]).flatten()
        squares.append((off - off @ basis.T @ basis).square().sum(-1).mean(0) / (2 * m.sigma_x**2))
    torch.testing.assert_close(more, torch.stack(squares), rtol=1e-9, atol=1e-9)
    # Without that they agree in every quantity.
    into_the_span(pixels.vae, span, members)
    torch.testing.assert_close(pixels.vae(x, noise)[0], narrow[0] + outside, rtol=1e-9, atol=1e-9)
    found, expected = measure(shrunk, y, samples=4), measure(pixels, x, samples=4)
    for quantity in (*QUANTITIES, "error"):
        np.testing.assert_allclose(found[quantity], expected[quantity], rtol=1e-8, atol=1e-9, err_msg=quantity)


@given(st.integers(0, 10**6), st.integers(2, 8), st.integers(1, 4), st.integers(2, 5), st.floats(0.05, 2))
def test_the_density_of_a_picture_in_the_span_is_that_of_its_numbers(seed, frames, height, width, sigma):
    images = random_pictures(seed, 1, frames, height, width)
    loops, span = shrink(images)
    x = torch.from_numpy(loops.points[0] / loops.unit)
    # A mean anywhere in the span: its part along directions without a length is none.
    mean = x[0] * 0.3 - x[-1] * 0.6
    pixels = torch.from_numpy(images[0]).flatten(1)
    wide = negative_log_likelihood(pixels, torch.from_numpy(span.pictures(mean, 1)).flatten(), sigma)
    narrow = negative_log_likelihood(x, mean, sigma / loops.unit)
    torch.testing.assert_close(wide, narrow + loops.outside(sigma), rtol=1e-9, atol=1e-9)


def test_pixels_have_nothing_outside():
    loops = in_pixels(random_pictures())
    assert loops.outside(0.3) == replace(loops, noise=0.2).outside(0.3) == 0
    assert (loops.dimension, loops.ambient, loops.unit) == (20, 20, 1.0)


# Noise


def test_noise_is_the_same_in_the_span_as_in_the_pixels(float64):
    images = random_pictures(loops=1, frames=5)
    sigma, sigma_x, draws = 0.3, 0.4, 10_000
    shrunk, span = shrink(images)
    shrunk, pixels = (replace(loops, noise=sigma, draws=draws) for loops in (shrunk, in_pixels(images)))
    mean = 0.7 * torch.from_numpy(shrunk.points[0, 2] / shrunk.unit)
    narrow = negative_log_likelihood(shrunk.sample(1)[0], mean, sigma_x / shrunk.unit) + shrunk.outside(sigma_x)
    wide = negative_log_likelihood(pixels.sample(1)[0], torch.from_numpy(span.pictures(mean, 1)).flatten(), sigma_x)
    # What the noise adds in the directions that the networks do not see.
    unseen = (shrunk.ambient - shrunk.dimension) * sigma**2 / (2 * sigma_x**2)
    off = abs(float(narrow.mean() + unseen - wide.mean()))
    error = math.sqrt((float(narrow.var()) + float(wide.var())) / draws)
    assert off < 5 * error
    # Without the noise of the directions that no picture has, it would be far off.
    assert (shrunk.ambient - shrunk.dimension) * sigma**2 / (2 * sigma_x**2) > 20 * error


@pytest.mark.parametrize("make", [lambda images: shrink(images)[0], in_pixels], ids=["span", "pixels"])
def test_noisy_datapoints_are_random_frames_and_normal_noise(make, float64):
    clean = make(random_pictures())
    noisy = replace(clean, noise=0.2)
    x, phases = noisy.sample(2)
    frames, regular = clean.sample(2)
    assert noisy.size == len(x) == len(phases) == 10_000
    assert clean.size == clean.frames == noisy.frames == 6
    rows = (phases[:, None] - regular).abs().argmin(1)
    assert torch.equal(phases, regular[rows])
    counts = torch.bincount(rows, minlength=6)
    assert ((counts - 10_000 / 6).square() / (10_000 / 6)).sum() < 5 + 5 * math.sqrt(10)  # χ², five degrees of freedom
    noise = (x - frames[rows]) * clean.unit / 0.2
    n, d = noise.shape
    assert noise.mean(0).abs().max() < 5 / math.sqrt(n)
    second = noise.T @ noise / n - torch.eye(d)
    assert second.diagonal().abs().max() < 5 * math.sqrt(2 / n)
    assert second.triu(1).abs().max() < 5 / math.sqrt(n)


def test_noise_has_a_stream_for_each_loop_level_and_seed():
    clean, _ = shrink(random_pictures(loops=3))
    noisy = replace(clean, noise=0.2, draws=400)
    before = torch.get_rng_state()
    drawn = []
    for some in (noisy, replace(noisy, noise=0.4), replace(noisy, seed=1)):
        for n in (1, 2):
            x, phases = some.sample(n)
            drawn.append((x - some.loop(phases, [n])[0], phases))
    assert torch.equal(before, torch.get_rng_state())
    for i, (one, phases) in enumerate(drawn):
        for other, others in drawn[:i]:
            assert (phases == others).float().mean() < 0.4  # a sixth, if they are unrelated
            assert abs(torch.cosine_similarity(one, other, dim=-1).mean()) < 5 / math.sqrt(400 * 6)
    assert torch.equal(noisy.sample(2)[0], noisy.sample(2)[0])


def test_which_frame_it_is_and_its_noise_are_drawn_apart(monkeypatch):
    names, drawn = [], seeds.generator
    monkeypatch.setattr(seeds, "generator", lambda *name: names.append(name) or drawn(*name))
    replace(shrink(random_pictures())[0], noise=0.2).sample(1)
    assert len(names) == len(set(names)) == 2


def test_noise_is_on_the_datapoints_and_not_on_the_loop():
    loops = shrink(random_pictures())[0].ordered([range(6)[::-1]] * 2)
    noisy = replace(loops, noise=0.3)
    torch.testing.assert_close(noisy.loop(regular_phases(6), [1])[0], loops.sample(1)[0])
    # Every datapoint keeps the angle of its frame.
    _, phases = noisy.sample(2)
    torch.testing.assert_close(noisy.angles(2), -phases - 2 * math.pi / 6, rtol=0, atol=1e-6)


# Around the loop


@pytest.mark.parametrize("frames", [2, 5, 6])
def test_at_the_regular_phases_a_loop_goes_through_its_frames(frames, float64):
    loops, _ = shrink(random_pictures(frames=frames))
    x, phases = loops.sample(2)
    assert torch.equal(phases, regular_phases(frames))
    found = loops.loop(regular_phases(frames), [2, 1, 2])
    assert found.shape == (3, frames, loops.dimension)
    torch.testing.assert_close(found, torch.stack([x, loops.sample(1)[0], x]), rtol=0, atol=1e-12)


@given(st.integers(2, 9), st.integers(0, 8), st.floats(0, 1), st.integers(-2, 2))
def test_between_two_frames_a_loop_is_straight_and_it_closes(frames, before, weight, turns):
    loops = in_pixels(random_pictures(loops=1, frames=frames))
    before %= frames
    phase = -math.pi + 2 * math.pi * ((before + weight) / frames + turns)
    one, other = (torch.from_numpy(loops.points[0, k % frames]) for k in (before, before + 1))
    found = loops.loop(torch.tensor([phase], dtype=torch.float64), [1])[0, 0]
    assert found.dtype == torch.float64
    # The frames themselves are in single precision here.
    torch.testing.assert_close(found, (1 - weight) * one + weight * other, rtol=0, atol=1e-6)


def test_a_loop_has_the_precision_of_its_phases():
    loops, _ = shrink(random_pictures())
    for dtype in (torch.float32, torch.float64):
        assert loops.loop(regular_phases(7).to(dtype), [1]).dtype == dtype


def test_an_order_places_its_frames_regularly():
    orders = [[2, 0, 3, 1, 5, 4], [5, 4, 3, 2, 1, 0]]
    without, _ = shrink(random_pictures())
    loops = without.ordered(np.array(orders))
    assert loops.orders == tuple(map(tuple, orders))
    assert {type(i) for order in loops.orders for i in order} == {int}  # as a record's name can hold them
    for dataset, order in enumerate(orders, start=1):
        angles = loops.angles(dataset)
        assert torch.equal(angles[order], regular_phases(6))
        assert angles.dtype == torch.float32
    assert without.orders is None
    assert replace(loops, orders=None) == without


@pytest.mark.parametrize("dataset", [0, 3, -1, 1.5, 0.1, math.nan])
@pytest.mark.parametrize("ask", ["sample", "angles", "loop"])
def test_a_loop_that_is_not_there_is_refused_with_the_choices(ask, dataset):
    loops = shrink(random_pictures())[0].ordered([range(6)] * 2)
    arguments = (regular_phases(4), [1, dataset]) if ask == "loop" else (dataset,)
    with pytest.raises(ValueError, match=r"^dataset is .*; choose a whole number from 1 to 2$") as error:
        getattr(loops, ask)(*arguments)
    assert repr(dataset) in str(error.value)


def test_loops_are_counted_from_one_in_whole_numbers_of_any_type():
    loops = in_pixels(random_pictures())
    for n in (1, 2):
        expected = torch.tensor(loops.points[n - 1], dtype=torch.float32)
        for dataset in (n, float(n), np.float64(n), np.int64(n)):
            assert torch.equal(loops.sample(dataset)[0], expected)


# What identifies pictures


def test_bytes_and_fractions_are_brightness_from_0_to_1():
    levels = np.random.default_rng(0).integers(0, 256, (2, 6, 4, 5), dtype=np.uint8)
    np.testing.assert_array_equal(in_pixels(levels).points, levels.reshape(2, 6, 20) / 255)
    np.testing.assert_array_equal(in_pixels(levels / 255).points, in_pixels(levels).points)
    np.testing.assert_array_equal(shrink(levels / 255)[0].points, shrink(levels)[0].points)
    single = (levels / 255).astype(np.float32)
    assert in_pixels(single).points.dtype == np.float64
    np.testing.assert_array_equal(in_pixels(single).points, single.reshape(2, 6, 20))


def test_the_source_is_of_the_content_and_the_form_of_the_pictures():
    images = random_pictures()
    changed = images.copy()
    changed[1, 5, 3, 4] = np.nextafter(changed[1, 5, 3, 4], 2)
    others = [changed, images[:, :5], images[::-1], images.reshape(2, 6, 5, 4), images.astype(np.float32)]
    sources = {
        make(i) for i in (images, *others) for make in (lambda i: shrink(i)[0].source, lambda i: in_pixels(i).source)
    }
    assert len(sources) == 12
    assert all(len(source) < 40 for source in sources)
    assert in_pixels(np.asfortranarray(images)).source == in_pixels(images.copy()).source


def test_loops_are_what_their_source_says_and_not_their_points():
    one, _ = shrink(random_pictures())
    other = replace(one, points=one.points + 1, unit=2.0)
    assert one == other
    assert hash(one) == hash(other)
    assert "points" not in repr(one)
    orders = tuple([tuple(range(6))] * 2)
    for name, value in {"orders": orders, "noise": 0.1, "draws": 5, "seed": 1, "ambient": 21}.items():
        assert replace(one, **{name: value}) != one
    assert Loops(one.source, one.points, one.unit, one.ambient) == one


@pytest.mark.parametrize("dataset", [0, 3, -1, 1.5, math.nan])
def test_a_span_of_a_loop_that_is_not_there_is_refused_with_the_choices(dataset):
    loops, span = shrink(random_pictures())
    with pytest.raises(ValueError, match=r"^dataset is .*; choose a whole number from 1 to 2$"):
        span.pictures(torch.zeros(1, loops.dimension), dataset)


@pytest.mark.parametrize(
    "orders",
    [[range(6)], [range(6)] * 3, [range(6), range(5)], [range(6), [0, 1, 2, 3, 4, 4]], [range(6), range(1, 7)]],
)
def test_orders_that_are_no_orders_of_the_frames_are_refused(orders):
    with pytest.raises(ValueError, match=r"^orders is .*; choose 2 orders of the frames 0 to 5$") as error:
        shrink(random_pictures())[0].ordered(orders)
    assert "\n" not in str(error.value)
