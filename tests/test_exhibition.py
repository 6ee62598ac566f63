"""Photographs by numbers: distances of sets, bits of channels, and all that is measured of an ensemble."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from latentsep.data import photographs
from latentsep.measures import attributes, channels, exhibition, photograph_codes, scattering
from latentsep.measures.channels import Files, Normal
from latentsep.measures.components import Components
from latentsep.measures.exhibition import Exhibition, Gallery
from latentsep.measures.leaks import Leaky
from latentsep.models.augmentation import FEATURES
from latentsep.models.autoencoders import Codes
from latentsep.models.convolutions import Shape
from latentsep.models.variants import Variant
from latentsep.training.autoencoding import Autoencoder
from latentsep.training.photographing import Photographing

PLAIN = Variant("plain", variational=False, sigma_x=0.0)


@pytest.fixture(scope="module")
def squares() -> photographs.Photographs:
    with pytest.MonkeyPatch.context() as context:
        context.delenv("LATENTSEP_DATA", raising=False)
        return photographs.load(side=16)[0].of(100)


# Distances


def test_the_frechet_distance_of_normal_densities_is_that_of_the_formula():
    stream = torch.Generator().manual_seed(0)
    first = torch.randn(200_000, 3, generator=stream, dtype=torch.float64) * torch.tensor([1.0, 2.0, 0.5])
    second = torch.randn(200_000, 3, generator=stream, dtype=torch.float64) + torch.tensor([0.0, 1.0, 2.0])
    # Independent numbers: squares of differences of means and of deviations.
    assert scattering.frechet(first, second) == pytest.approx(1 + 4 + 0 + 1 + 0.25, rel=0.02)
    assert scattering.frechet(first, first) == pytest.approx(0, abs=1e-9)


def test_the_distance_does_not_depend_on_axes():
    stream = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 50, 4, generator=stream, dtype=torch.float64)
    second = second * torch.tensor([1.0, 3.0, 0.2, 1.0]) + 1
    turn = torch.linalg.qr(torch.randn(4, 4, generator=stream, dtype=torch.float64))[0]
    apart = scattering.frechet(first, second)
    assert scattering.frechet(first @ turn, second @ turn) == pytest.approx(apart, rel=1e-9)
    assert scattering.frechet(second, first) == pytest.approx(apart, rel=1e-9)


def test_features_do_not_move_with_pictures_and_tell_blurred_ones(monkeypatch):
    monkeypatch.delenv("LATENTSEP_DATA", raising=False)
    wide = photographs.load(side=40)[0].of(100).sample(1)[0].unflatten(1, (3, 40, 40))
    x, moved = wide[..., :32, :32].flatten(1), wide[..., 2:34, 3:35].flatten(1)
    view = scattering.View.of(x)
    known = view(x)
    torch.testing.assert_close(known.std(0), torch.ones(known.shape[1], dtype=torch.float64))
    blurred = torch.from_numpy(gaussian_filter(wide[..., :32, :32].numpy(), (0, 0, 1, 1))).flatten(1)
    near, far, farthest = (scattering.frechet(known, view(other)) for other in (moved, blurred, torch.rand_like(x)))
    assert 10 * near < far < farthest


# Bits


@pytest.mark.parametrize("sigma", [0.002, 0.05, 1.0])
@pytest.mark.parametrize("mean", [-0.3, 0.0, 0.41, 1.0, 2.0])
def test_the_steps_of_a_normal_decoder_have_probability_one(mean, sigma):
    steps = torch.arange(256, dtype=torch.float64) / 255
    bits = [channels.normal_bits(step[None, None], torch.full((1, 1), mean).double(), sigma) for step in steps]
    assert np.isfinite(bits).all()
    assert sum(2.0**-b for b in bits) == pytest.approx(1, abs=1e-9)


def test_noise_takes_eight_bits_and_an_even_picture_next_to_none():
    noise = torch.rand(5, 3 * 64 * 64, generator=torch.Generator().manual_seed(0))
    for form in ("PNG", "WebP"):
        assert channels.lossless(noise, form) == pytest.approx(8, rel=0.03)
        assert channels.lossless(torch.full_like(noise, 0.5), form) < 0.2


def test_a_better_quality_takes_more_bits_and_errs_less(squares):
    x = squares.sample(1)[0]
    for form in ("JPEG", "WebP"):
        (few, far), (many, near) = (channels.lossy(x, form, quality) for quality in (5, 90))
        assert few < many
        assert far > near > 0


def test_the_fewest_bits_are_those_of_the_worst_file_that_is_good_enough(squares):
    x = squares.sample(1)[0]
    for form in ("JPEG", "WebP"):
        files = Files.of(x, form)
        assert len(files.bits) == len(channels.PARTS) * len(channels.QUALITIES)
        bits = [files.fewest(error) for error in (0.01, 5.0, 20.0, 1e9)]
        assert bits == sorted(bits, reverse=True)
        assert bits[0] == np.inf
        assert bits[-1] == files.bits.min()
        error = float(files.errors[files.bits.argmax()])
        assert files.fewest(error) <= channels.lossy(x, form, max(channels.QUALITIES))[0]


def test_normal_numbers_take_the_bits_that_shannon_says():
    stream = np.random.default_rng(0)
    variances = stream.uniform(0.1, 4, 50)
    for error in (2.0, 20.0, 60.0):
        low, high = 0.0, 4.0
        for _ in range(100):  # by halves, where ours sorts
            level = (low + high) / 2
            low, high = (level, high) if np.minimum(variances, level).sum() < error else (low, level)
        wanted = 0.5 * np.log2(np.maximum(variances / level, 1)).sum()
        assert Normal(variances, 1.0).fewest(error + 1) == pytest.approx(wanted, abs=1e-6)
    assert Normal(variances, 1.0).fewest(1.0) == np.inf
    assert Normal(variances, 1.0).fewest(500.0) == 0


# Without a network


def test_components_err_least_of_all_linear_codes(squares):
    x = squares.sample(1)[0]
    found, other = Components.of(x, 6), Components.of(x.flip(1), 6)

    def off(made):
        return float((made - x).square().sum(1).mean())

    assert off(found.remade(x)) < 0.5 * float((x - x.mean(0)).square().sum(1).mean())
    assert off(found.remade(x)) == pytest.approx(off(other.remade(x.flip(1)).flip(1)), rel=1e-3)
    assert off(Components.of(x, 500).remade(x)) < 1e-6
    drawn = found.drawn(4_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found.code(drawn).std(0), found.deviations, rtol=0.1, atol=0)


def test_a_decoder_that_sees_more_leaves_the_code_less_to_say(squares):
    x, held = squares.sample(1)[0], squares.held_out()[0]
    leaky = Leaky.of(x, 6)
    alone = leaky.components.remade(held)
    way = 1 - (alone - held).square().sum(1).mean() / (held - held.roll(1, 0)).square().sum(1).mean()
    assert leaky.by_code(held) < float(way) - 0.05
    own = leaky.decode(leaky.code(held), leaky.aside(held))
    assert (own - held).square().sum(1).mean() < 0.7 * (alone - held).square().sum(1).mean()


def test_a_gallery_knows_its_own_photographs(squares):
    x, held = squares.sample(1)[0], squares.held_out()[0]
    gallery = Gallery.of(x, held)
    assert gallery.sharp(held) == pytest.approx(1)
    assert gallery.distance(held) < gallery.distance(photograph_codes.blurred(held)) / 2
    assert gallery.drawn(torch.cat([held, held]))["varied"] == pytest.approx(1, rel=0.1)
    with pytest.raises(ValueError, match=r"^count is 20; choose 3 or fewer$"):
        gallery.distance(held[:3])


def test_unusual_pictures_are_what_they_are_called(squares):
    held = squares.held_out()[0]
    found = photograph_codes.unusual(held)
    assert list(found) == list(photograph_codes.UNUSUAL)
    torch.testing.assert_close(found["negatives"] + held, torch.ones_like(held))
    assert attributes.roughness(found["blurred"]).mean() < 0.6 * attributes.roughness(held).mean()
    assert attributes.roughness(found["noise"]).mean() > 2 * attributes.roughness(held).mean()
    torch.testing.assert_close(found["upside down"].mean(1), held.mean(1))


# Ensembles


def test_arcs_keep_lengths_and_end_where_they_should():
    stream = torch.Generator().manual_seed(0)
    start, end = torch.nn.functional.normalize(torch.randn(2, 9, 5, generator=stream), dim=-1)
    arcs = exhibition.spherical(start, 3 * end)
    torch.testing.assert_close(arcs[:, 0], start, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(arcs[:, -1], 3 * end, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(arcs.norm(dim=-1)[:, 10], torch.full((9,), 2.0), rtol=1e-4, atol=1e-4)


def test_copies_are_told_from_new_pictures():
    learned, held = torch.rand(2, 40, 768, generator=torch.Generator().manual_seed(0))
    assert exhibition.copied(learned + 0.01, learned, held) == 1
    assert exhibition.copied(held + 0.01, learned, held) == 0


@pytest.mark.parametrize("kind", [Variant("normal", sigma_x=0.0), Variant("log", likelihood="logistic"), PLAIN])
def test_an_ensemble_of_any_kind_is_measured(kind, squares):
    members = tuple(Autoencoder(1, 1.0, r, kind, 5) for r in range(2))
    settings = {"updates": 50, "batch_size": 16, "learning_rate": 3e-3, "shape": Shape(16, 4, levels=2)}
    run = Photographing(members, squares, Codes(5, FEATURES), **settings)
    single, drawn = exhibition.table(Exhibition(run))
    assert list(single.repetition) == [0, 1]
    assert set(drawn.way) == set(exhibition.WAYS)
    same = ["error", "held_error", "sharp", "remade", "told", "straight", "round", "uneven", "lumps", "moved", "tight"]
    several = [name for name in single if name.startswith(("knows_", "remakes_", "unusual_"))]
    assert len(several) == 2 * len(attributes.NAMES) + len(photograph_codes.UNUSUAL)
    assert np.isfinite(single[same + several].to_numpy()).all()
    assert np.isfinite(drawn[["distance", "precision", "told", "copied", "sharp", "varied"]].to_numpy()).all()
    assert ("uncertain" in single) == kind.variational
    assert ("held_bits" in single) == kind.variational
    if kind.variational:
        assert single.held_bits.between(3, 9).all()
        assert (single.held_divergence > 0).all()
