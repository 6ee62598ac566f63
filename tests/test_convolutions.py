"""Convolutional networks of an ensemble, how pictures are augmented, and what a channel's likelihood is."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
import torch

from latentsep.data.photographs import Photographs
from latentsep.models import augmentation
from latentsep.models.autoencoders import Codes
from latentsep.models.convolutions import ConvolutionalDecoder, ConvolutionalEncoder, Shape
from latentsep.models.picture_variants import log_logistic
from latentsep.models.variants import Variant
from latentsep.runtime import records
from latentsep.training import ensembles, photographing
from latentsep.training.algorithm import Trainer, fit
from latentsep.training.autoencoding import Autoencoder
from latentsep.training.photographing import Photographing

SMALL = Shape(16, 4, levels=2)


def some(count: int = 40, side: int = 16, seed: int = 0) -> Photographs:
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 3 * side * side), np.uint8)
    return Photographs(f"noise {seed}", pixels, np.zeros(count, np.int64), count - count // 5)


VARIATIONAL = Variant("variational", sigma_x=0.0)


def run(kind: Variant = VARIATIONAL, members: int = 2, **changes) -> Photographing:
    settings = {"updates": 60, "batch_size": 8, "learning_rate": 1e-3, "shape": SMALL, **changes}
    return Photographing(
        tuple(Autoencoder(1, 1.0, r, kind, 5) for r in range(members)),
        some(),
        Codes(5, augmentation.FEATURES),
        **settings,
    )


def test_members_do_not_see_each_other():
    x = torch.rand(3, 7, 768, generator=torch.Generator().manual_seed(0))
    for network in (ConvolutionalEncoder, ConvolutionalDecoder):
        inputs = x if network is ConvolutionalEncoder else x[..., :6]
        together = network(SMALL, 6, [1, 2, 3])(inputs)
        for i, seed in enumerate((1, 2, 3)):
            alone = network(SMALL, 6, [seed])(inputs[i : i + 1])
            torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-4, atol=1e-5)


def test_pictures_of_a_batch_do_not_see_each_other():
    x = torch.rand(1, 7, 768, generator=torch.Generator().manual_seed(0))
    encoder = ConvolutionalEncoder(SMALL, 6, [1])
    torch.testing.assert_close(encoder(x)[:, :2], encoder(x[:, :2]), rtol=1e-4, atol=1e-5)


def test_a_linear_way_leads_past_the_blocks_unless_sums_are_rectified():
    x, y = torch.rand(2, 1, 5, 768, generator=torch.Generator().manual_seed(0))
    for shape, linear in ((SMALL, True), (dataclasses.replace(SMALL, rectified=True), False)):
        encoder, decoder = ConvolutionalEncoder(shape, 6, [1]), ConvolutionalDecoder(shape, 6, [1])
        for block in (*encoder.blocks, *decoder.blocks):  # what is left of a block is its input
            block.second.weight.data.zero_()
            block.second.bias.data.zero_()
        for network, one, two in ((encoder, x, y), (decoder, encoder(x), encoder(y))):
            middle = network((one + two) / 2) - (network(one) + network(two)) / 2
            assert (middle.abs().max() < 1e-5) == linear


@torch.no_grad()
def test_normalisation_hides_how_bright_a_picture_is_where_nothing_leads_past_it():
    x = torch.rand(1, 5, 768, generator=torch.Generator().manual_seed(0)) / 2
    brighter = 2 * x - 0.5  # twice as far from the centre, which the networks take for zero
    moved = {}
    for residual in (True, False):
        encoder = ConvolutionalEncoder(dataclasses.replace(SMALL, residual=residual), 6, [1])
        moved[residual] = float((encoder(brighter) - encoder(x)).norm() / encoder(x).norm())
    assert moved[False] < 0.05 < moved[True]


def test_what_is_decoded_has_the_shape_of_what_is_encoded():
    shape = Shape(24, 3, levels=3)
    decoded = ConvolutionalDecoder(shape, 4, [1, 2])(torch.zeros(2, 5, 4))
    assert decoded.shape == (2, 5, 3 * 24 * 24)
    assert ConvolutionalEncoder(shape, 8, [1, 2])(decoded).shape == (2, 5, 8)


def test_residual_blocks_have_as_many_weights_and_other_outputs():
    with_input, without = (ConvolutionalEncoder(replace(SMALL, residual=r), 6, [1]) for r in (True, False))
    assert with_input.state_dict().keys() == without.state_dict().keys()
    x = torch.rand(1, 3, 768, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(with_input(x), without(x), atol=1e-2)


def test_products_are_those_that_are_multiplied():
    counted = 0

    def count(module, inputs, output):
        nonlocal counted
        counted += module.weight[0].numel() * output[0, 0].numel()

    shape = Shape(32, 4)
    for network, inputs in ((ConvolutionalEncoder, (1, 1, 3 * 32 * 32)), (ConvolutionalDecoder, (1, 1, 6))):
        found = network(shape, 6, [1])
        for module in found.modules():
            if type(module).__name__ == "Convolution":
                module.register_forward_hook(count)
        found(torch.zeros(inputs))
    assert shape.products == counted


def test_a_side_that_cannot_be_halved_is_refused():
    with pytest.raises(ValueError, match=r"^side is 20; choose a multiple of 8$"):
        Shape(20, 4)


# Augmentation


def draws(count: int, **values: float) -> torch.Tensor:
    """Draws that leave pictures as they are, but for some ``values``."""
    order = ("mirrored", "turned", "angle", "brightness", "contrast", "colour")
    still = {"mirrored": 3.0, "turned": 3.0}
    return torch.tensor([[{**still, **values}.get(name, 0.0) for name in order]] * count)


def test_pictures_are_left_as_they_are_or_mirrored():
    x = torch.rand(4, 3 * 16 * 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(augmentation.augmented(x, draws(4)), x, atol=1e-5, rtol=0)
    mirrored = augmentation.augmented(x, draws(4, mirrored=-3.0)).unflatten(1, (3, 16, 16))
    torch.testing.assert_close(mirrored, x.unflatten(1, (3, 16, 16)).flip(-1), atol=1e-5, rtol=0)


def test_a_picture_is_turned_by_ten_degrees_at_most():
    """The middle of a bar's mass moves along a circle."""
    picture = torch.zeros(1, 3, 33, 33)
    picture[..., 15:18, 17:33] = 1.0
    turned = augmentation.augmented(picture.flatten(1), draws(1, turned=-3.0, angle=8.0)).view(3, 33, 33)[0]
    y, x = torch.meshgrid(torch.arange(-16.0, 17), torch.arange(-16.0, 17), indexing="ij")
    middle = (turned * torch.hypot(x, y).lt(12)).flatten()
    angle = torch.rad2deg(torch.atan2((middle * y.flatten()).sum(), (middle * x.flatten()).sum())).abs()
    assert float(angle) == pytest.approx(10, abs=0.5)


def test_light_changes_by_a_tenth_at_most():
    x = torch.full((1, 3 * 16 * 16), 0.5)
    assert augmentation.augmented(x, draws(1, brightness=9.0)).unique().item() == pytest.approx(0.55, abs=1e-5)
    assert augmentation.augmented(x, draws(1, contrast=9.0)).unique().item() == pytest.approx(0.5, abs=1e-5)
    stream = torch.Generator().manual_seed(0)
    moved = augmentation.augmented(torch.rand(50, 768, generator=stream), torch.randn(50, 6, generator=stream))
    assert moved.min() >= 0
    assert moved.max() <= 1


def test_every_other_picture_is_mirrored_and_three_of_ten_are_turned():
    x = torch.linspace(0, 1, 16).expand(3, 16, 16).flatten().expand(4_000, -1)
    noise = torch.randn(4_000, 6, generator=torch.Generator().manual_seed(0))
    noise[:, 3:] = 0
    moved = augmentation.augmented(x, noise).view(4_000, 3, 16, 16)[:, 0]
    assert float((moved[:, 8, 0] > 0.5).double().mean()) == pytest.approx(0.5, abs=0.03)
    still = (moved.var(1) < 1e-8).all(1)  # rows are alike
    assert float((~still).double().mean()) == pytest.approx(augmentation.TURNED, abs=0.03)


# Likelihoods


@pytest.mark.parametrize("scale", [0.003, 0.02, 0.5])
def test_the_steps_of_a_logistic_distribution_have_probability_one(scale, float64):
    steps = torch.arange(256) / 255
    for mean in (-0.2, 0.0, 0.37, 1.0, 3.0):
        logs = log_logistic(steps, torch.tensor(mean), torch.tensor(scale))
        assert torch.isfinite(logs).all()
        assert float(logs.exp().sum()) == pytest.approx(1, abs=1e-9)


def test_a_likelihood_of_other_pictures_is_refused():
    with pytest.raises(
        ValueError, match=r"^likelihood is 'continuous Bernoulli'; choose normal \| Bernoulli \| logist"
    ):
        run(Variant("other", likelihood="continuous Bernoulli")).model()


@pytest.mark.parametrize("likelihood", ["normal", "Bernoulli", "logistic"])
@pytest.mark.parametrize("sigma_x", [0.0, 0.5**0.5])
def test_every_likelihood_learns(likelihood, sigma_x):
    kind = Variant("one", likelihood=likelihood, sigma_x=sigma_x)
    fitted = fit(run(kind, updates=150, learning_rate=5e-3), device="cpu", compiled=False)
    assert (fitted["history"][:, -1] < fitted["history"][:, 0]).all()
    assert ("log_scale" in fitted) == (likelihood == "logistic")


# Training


@pytest.mark.parametrize("change", [{}, {"decay": 0.1}, {"clip": 0.5}, {"cosine": True}])
def test_a_killed_training_goes_on_to_the_same_bits(change, tmp_path):
    """With pictures augmented."""
    wanted = run(updates=150, **change)
    whole = fit(wanted, device="cpu", compiled=False)
    begun = Trainer(wanted, "cpu")
    begun.block(50)
    begun.save(tmp_path / "state")
    resumed = fit(wanted, tmp_path / "state", device="cpu", compiled=False)
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value)
    assert whole["watched"].shape == (2, 3, 4)


def test_what_is_watched_is_of_pictures_as_they_are():
    trained = ensembles.train(run(updates=100))
    assert trained.watched is not None
    assert trained.only(repetition=1).watched.shape == (1, 2, 4)
    # Errors of noise do not differ between learned and held-out pictures after so few updates.
    learned, _, held, _ = trained.watched[0, -1]
    assert learned == pytest.approx(held, rel=0.1)


def test_weights_decay_as_adamw_has_it():
    plain, decayed = (Trainer(run(decay=decay), "cpu") for decay in (0.0, 0.5))
    start = plain.weights.clone()
    for trainer in (plain, decayed):
        trainer.block(1)
    taken = (plain.weights - decayed.weights) / start
    large = start.abs() > 0.05
    torch.testing.assert_close(taken[large], torch.full_like(taken[large], 1e-3 * 0.5), rtol=0.02, atol=0)


def test_a_gradient_is_clipped_for_each_member_alone(monkeypatch):
    lengths = []
    clipped = Trainer(run(clip=1e-3), "cpu")

    def noted(params, grads, *rest, **options):
        lengths.append(grads[0].norm(dim=1))

    monkeypatch.setattr("latentsep.training.algorithm.adam", noted)
    clipped.block(1)
    torch.testing.assert_close(lengths[0], torch.full((2,), 1e-3), rtol=1e-3, atol=0)


def test_a_cosine_falls_from_one_to_next_to_nothing():
    wanted = run(cosine=True, updates=100)
    rates = [wanted.rate(update) / wanted.learning_rate for update in (0, 50, 99)]
    assert rates == pytest.approx([1, 0.501, 0.0022], abs=1e-3)


def test_members_of_several_kinds_are_refused():
    members = (Autoencoder(1, 1.0, 0, Variant("a"), 5), Autoencoder(1, 1.0, 0, Variant("b"), 5))
    with pytest.raises(ValueError, match="choose those of one kind and length"):
        replace(run(), members=members)


def test_its_networks_are_part_of_a_record():
    described = records.describe(run(), fit)
    assert described["definition"]["shape"]["width"] == SMALL.width
    wider = records.describe(run(shape=replace(SMALL, width=6)), fit)
    assert records.name_of(wider) != records.name_of(described)


# The trainings of chapter IV


def test_each_switch_changes_one_thing():
    found = photographing.switches(some(), "smoke", repetitions=2)
    whole = found.pop("as it is")
    for name, one in found.items():
        told = {
            field.name: getattr(one, field.name)
            for field in dataclasses.fields(one)
            if getattr(one, field.name) != getattr(whole, field.name)
        }
        assert len(told) == 1, name
    assert len(set(map(repr, found.values()))) == len(found)


def test_the_printed_numbers_differ_in_all_but_the_batch():
    text, listing = photographing.printed(some(), "book").values()
    assert (text.updates, listing.updates) == (50, 10)  # 32 pictures are one batch
    assert (text.members[0].length, listing.members[0].length) == (32, 256)
    assert text.batch_size == listing.batch_size
    assert (text.cosine, listing.cosine, text.decay, listing.decay) == (False, True, 0, 1e-5)


@pytest.mark.parametrize("name", list(photographing.KINDS))
def test_every_kind_of_chapter_iv_trains(name):
    ensembles.train(photographing.run(some(), "smoke", 2, kind=photographing.KINDS[name]))
