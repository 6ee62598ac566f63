"""Autoencoders of several kinds as one ensemble: each member is what it would be alone, and what its kind says."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from latentsep.data.handwriting import Handwriting
from latentsep.models.autoencoders import RARE, Autoencoders, Codes, Kind, damaged
from latentsep.training import autoencoding
from latentsep.training.algorithm import Trainer
from latentsep.training.autoencoding import KINDS, Autoencoder, Autoencoding

PIXELS = 25


def small_digits(count: int = 200) -> Handwriting:
    """Pictures of two bars that move, with the place of the first as their class."""
    stream = np.random.default_rng(0)
    labels = stream.integers(0, 5, count)
    pixels = np.zeros((count, 5, 5), np.float32)
    pixels[np.arange(count), labels] = 1
    pixels[np.arange(count), :, stream.integers(0, 5, count)] = 1
    return Handwriting("bars", pixels.reshape(count, -1), labels, count - count // 5)


def ensemble(*cells: tuple[Kind, int], damage: int = 0, longest: int = 4) -> Autoencoders:
    kinds, lengths = zip(*cells, strict=True)
    return Autoencoders(Codes(longest, damage), PIXELS, (8,), kinds, lengths, [1] * len(cells))


def noise(members: int, batch: int, features: int) -> torch.Tensor:
    return torch.randn(1, members, batch, features, generator=torch.Generator().manual_seed(0))


def batch(members: int, count: int = 30) -> torch.Tensor:
    return small_digits().sample(1)[0][:count].expand(members, -1, -1)


def test_the_plain_loss_is_that_of_a_normal_decoder_with_the_best_sigma():
    vae, x = ensemble((KINDS["plain"], 4)), batch(1)
    reconstruction, rest = vae(x, noise(1, 30, 4))
    errors = (x - vae.decode(vae.codes(x))).square()
    best = errors.mean().sqrt()
    exact = -Normal(vae.decode(vae.codes(x)), best).log_prob(x).sum(-1).mean()
    constant = PIXELS / 2 * (1 + math.log(2 * math.pi))
    torch.testing.assert_close(reconstruction.mean() + constant, exact)
    for other in (0.9 * best, 1.1 * best):
        assert -Normal(vae.decode(vae.codes(x)), other).log_prob(x).sum(-1).mean() > exact
    assert (rest == 0).all()


def test_a_fixed_sigma_weighs_the_squared_error():
    vae, x = ensemble((Kind("fixed", sigma_x=0.5**0.5), 4), (KINDS["plain"], 4)), batch(2)
    errors = (x - vae.decode(vae.codes(x))).square().sum(-1)
    torch.testing.assert_close(vae(x, noise(2, 30, 4))[0][0], errors[0])
    weights = [*vae.parameters()]
    gradients = torch.autograd.grad(vae(x, noise(2, 30, 4))[0].mean(-1).sum(), weights)
    assert all(g.isfinite().all() for g in gradients)
    # At σ_X² of the mean squared error of a pixel both have the same gradient.
    best = (errors[1].mean() / PIXELS).sqrt().item()
    same = ensemble((Kind("fixed", sigma_x=best), 4), (KINDS["plain"], 4))
    found = torch.autograd.grad(same(x, noise(2, 30, 4))[0].mean(-1).sum(), [*same.parameters()])
    for gradient in found:
        torch.testing.assert_close(gradient[0], gradient[1], atol=1e-5, rtol=1e-4)


def test_numbers_beyond_the_length_are_not_used():
    vae, x = ensemble((KINDS["plain"], 2), (KINDS["variational"], 2), (KINDS["sparse"], 2)), batch(3)
    assert (vae.codes(x)[..., 2:] == 0).all()
    assert (vae.drawn(x, torch.ones(30, 4))[..., 2:] == 0).all()
    first, second = (
        vae(x, noise(3, 30, 4) * scale) for scale in (torch.tensor([1, 1, 1, 1]), torch.tensor([1, 1, 7, 7]))
    )
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other)


def test_only_a_variational_code_is_drawn_and_its_divergence_counts():
    vae, x = ensemble((KINDS["plain"], 4), (KINDS["variational"], 4)), batch(2)
    seen = vae.drawn(x, torch.ones(30, 4)) - vae.codes(x)
    assert (seen[0] == 0).all()
    assert (seen[1] > 0).all()
    mean, log_variance = vae.encoder(x)[1].chunk(2, -1)
    exact = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(-1)
    _, rest = vae(x, noise(2, 30, 4))
    torch.testing.assert_close(rest[1], exact)
    assert (rest[0] == 0).all()


def test_a_sparse_code_lies_between_0_and_1_and_costs_nothing_where_it_is_rare():
    vae, x = ensemble((Kind("sparse", sparsity=2.0), 4)), batch(1)
    assert ((vae.codes(x) > 0) & (vae.codes(x) < 1)).all()
    active = vae.codes(x).mean((0, 1))
    exact = (RARE * (RARE / active).log() + (1 - RARE) * ((1 - RARE) / (1 - active)).log()).sum()
    torch.testing.assert_close(vae(x, noise(1, 30, 4))[1].mean(), 2 * exact)
    with torch.no_grad():
        vae.encoder.layers[-1].weight.zero_()
        vae.encoder.layers[-1].bias.fill_(math.log(RARE / (1 - RARE)))
    torch.testing.assert_close(vae(x, noise(1, 30, 4))[1].abs().max(), torch.tensor(0.0), atol=1e-5, rtol=0)


def test_decay_is_half_the_squared_weights():
    vae, x = ensemble((Kind("decayed", decay=3.0), 4)), batch(1)
    squares = sum(float(p.detach().square().sum()) for n, p in vae.named_parameters() if n.endswith("weight"))
    assert float(vae(x, noise(1, 30, 4))[1].mean()) == pytest.approx(1.5 * squares, rel=1e-5)


def test_a_linear_autoencoder_is_linear_and_others_are_not():
    vae = ensemble((KINDS["linear"], 4), (KINDS["plain"], 4))
    x, y = batch(2, 60).split(30, 1)

    def bend(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        made = [vae.decode(vae.codes(v)) for v in (one, other, (one + other) / 2)]
        return ((made[0] + made[1]) / 2 - made[2]).abs().amax((1, 2))

    linear, plain = bend(x, y)
    assert linear < 1e-5
    assert plain > 1e-2


def test_damage_is_of_the_size_that_is_asked_for():
    x, draws = torch.ones(2, 40_000), torch.randn(2, 40_000, generator=torch.Generator().manual_seed(0))
    noisy = damaged(x, draws, torch.tensor(0.5), torch.tensor(0.0))
    assert float((noisy - x).std()) == pytest.approx(0.5, rel=0.02)
    masked = damaged(x, draws, torch.tensor(0.0), torch.tensor(0.3))
    assert float((masked == 0).double().mean()) == pytest.approx(0.3, abs=0.01)
    torch.testing.assert_close(masked.unique(), torch.tensor([0.0, 1 / 0.7]))
    assert float(masked.mean()) == pytest.approx(1, abs=0.02)
    torch.testing.assert_close(damaged(x, draws, torch.tensor(0.0), torch.tensor(0.0)), x)


def test_a_denoising_encoder_sees_damage_and_is_held_against_the_picture():
    kind, x = Kind("masking", masked=0.5), batch(1)
    vae, draws = ensemble((kind, 4), damage=PIXELS), noise(1, 30, 4 + PIXELS)
    seen = damaged(x, draws[0, ..., 4:], torch.tensor(0.0), torch.tensor(0.5))
    error = (x - vae.decode(vae.codes(seen))).square().mean()
    torch.testing.assert_close(vae(x, draws)[0].mean(), PIXELS / 2 * error.log())


def run(*cells: tuple[Kind, int], **changes) -> Autoencoding:
    damage = PIXELS if cells[0][0].damages else 0
    members = tuple(Autoencoder(1, 1.0, 0, *cell) for cell in cells)
    settings = {"layers": 1, "width": 8, "activation": "relu", "updates": 30, "batch_size": 16, "learning_rate": 1e-2}
    return Autoencoding(members, small_digits(), Codes(4, damage), **{**settings, **changes})


def test_a_member_learns_in_company_what_it_learns_alone():
    cells = (KINDS["plain"], 2), (KINDS["variational"], 4), (KINDS["sparse"], 3)
    trainers = [Trainer(run(*cells)), *(Trainer(run(cell)) for cell in cells)]
    for trainer in trainers:
        trainer.block(30)
    together, *alone = (t.weights for t in trainers)
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-4, rtol=1e-3)


def test_all_kinds_of_a_repetition_start_alike():
    model = run((KINDS["plain"], 2), (KINDS["variational"], 4)).model()
    for _, value in model.named_parameters():
        assert torch.equal(value[0], value[1])


def test_the_studies_have_every_kind_every_length_and_damage_apart():
    runs = autoencoding.kinds(small_digits(), "smoke", repetitions=2)
    cells = [(m.kind.name, m.length, m.repetition) for r in runs for m in r.members]
    assert len(cells) == len(set(cells)) == len(KINDS) * len(autoencoding.LENGTHS) * 2
    assert [r.space.damage for r in runs] == [0, 0, 0, PIXELS, PIXELS]
    wide = autoencoding.widths(small_digits(), "smoke", repetitions=1)
    assert {w: {r.hidden for r in several} for w, several in wide.items()} == {w: {(w,)} for w in autoencoding.WIDTHS}


def test_digits_to_learn_from_and_held_out_ones_are_apart():
    data = small_digits()
    assert (data.most, data.size, data.dimension, data.side) == (160, 160, 25, 5)
    assert torch.equal(data.held_out()[0], torch.tensor(data.pixels[160:]))
    few = data.first(10)
    assert torch.equal(few.sample(1)[0], torch.tensor(data.pixels[:10]))
    assert torch.equal(few.held_out()[0], data.held_out()[0])
    with pytest.raises(ValueError, match=r"^learned is 161; choose 1 to 160$"):
        data.first(161)
