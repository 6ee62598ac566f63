"""Photographs by numbers: distances of sets, bits of channels, and all that is measured of an ensemble."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from latentsep.data import photographs
from latentsep.measures import channels, exhibition, scattering
from latentsep.measures.exhibition import Exhibition
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
    assert set(drawn.way) == {"standard", "fitted", "mixture"}
    assert np.isfinite(
        single[["error", "held_error", "sharp", "remade", "straight", "round", "uneven"]].to_numpy()
    ).all()
    assert np.isfinite(drawn[["distance", "precision", "recall", "told", "copied", "sharp"]].to_numpy()).all()
    assert ("held_bits" in single) == kind.variational
    if kind.variational:
        assert single.held_bits.between(3, 9).all()
        assert (single.held_divergence > 0).all()
