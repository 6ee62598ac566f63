"""The negative ELBO in its two parts: likelihoods, shapes, gradients, and that it is a bound."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from latentsep.models.latent_spaces import Circle, Euclidean
from latentsep.models.vae import VAE, negative_log_likelihood

SPREAD = st.floats(-1.5, 1.5)


def small(members: int = 2, hidden: tuple[int, ...] = (4, 3)) -> VAE:
    sigma_x = [0.5, 1.5, 0.2][:members]
    return VAE(Euclidean(2), 5, hidden, sigma_x, member_seeds=list(range(members)))


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def sigma_points(d: int) -> torch.Tensor:
    """2d noise values ``(2d, 1, 1, d)`` whose plain mean is exact for every quadratic function."""
    points = torch.cat([torch.eye(d), -torch.eye(d)]).double() * math.sqrt(d)
    return points[:, None, None]


@given(arrays(np.float64, (3, 4), elements=SPREAD), arrays(np.float64, (3, 4), elements=SPREAD), st.floats(0.01, 10))
def test_negative_log_likelihood_is_that_of_torch(x, mean, sigma):
    x, mean = torch.from_numpy(x), torch.from_numpy(mean)
    expected = -Normal(mean, sigma).log_prob(x).sum(-1)
    torch.testing.assert_close(negative_log_likelihood(x, mean, sigma), expected, rtol=1e-12, atol=1e-10)


def test_negative_log_likelihood_takes_one_sigma_per_member(float64):
    x, means, sigma = normal(7, 4), normal(6, 2, 7, 4, seed=1), torch.tensor([0.3, 2.0])
    found = negative_log_likelihood(x, means, sigma[:, None])
    assert found.shape == (6, 2, 7)
    for member in range(2):
        expected = -Normal(means[:, member], float(sigma[member])).log_prob(x).sum(-1)
        torch.testing.assert_close(found[:, member], expected)


def test_the_shapes_of_a_forward_pass():
    vae = small(3)
    reconstruction, kl = vae(normal(3, 7, 5), normal(4, 3, 7, 2))
    assert reconstruction.shape == kl.shape == (3, 7)
    assert vae.members == 3
    assert vae.posterior(normal(7, 5)).batch_shape == (3, 7)


def test_data_shared_by_all_members_are_data_repeated_for_each(float64):
    vae, x, noise = small(3), normal(7, 5), normal(4, 3, 7, 2, seed=1)
    shared, repeated = vae.negative_elbo(x, noise), vae.negative_elbo(x.repeat(3, 1, 1), noise)
    torch.testing.assert_close(shared, repeated, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("samples", [(), (1,), (6,), (2, 3)])
def test_decoding_folded_samples_is_decoding_one_after_another(samples, float64):
    vae, z = small(2), normal(*samples, 2, 7, 2)
    found = vae.decode(z)
    assert found.shape == (*samples, 2, 7, 5)
    for index in np.ndindex(*samples):
        torch.testing.assert_close(found[index], vae.decoder(z[index]), rtol=0, atol=1e-13)


def test_several_samples_are_the_mean_of_single_ones(float64):
    vae, x, noise = small(2), normal(2, 7, 5), normal(6, 2, 7, 2, seed=1)
    reconstruction, kl = vae(x, noise)
    singles = [vae(x, noise[i : i + 1]) for i in range(6)]
    torch.testing.assert_close(reconstruction, torch.stack([r for r, _ in singles]).mean(0), rtol=0, atol=1e-12)
    for _, single_kl in singles:
        assert torch.equal(kl, single_kl)


def test_the_parts_are_those_of_the_thesis(float64):
    vae, x, noise = small(2), normal(2, 7, 5), normal(1, 2, 7, 2, seed=1)
    reconstruction, kl = vae(x, noise)
    q = vae.posterior(x)
    means = vae.decode(q.mean + noise[0] * q.stddev)  # (4.6)
    sigma = vae.sigma_x[:, None, None].expand_as(means)
    torch.testing.assert_close(reconstruction, -Normal(means, sigma).log_prob(x).sum(-1))
    prior = Normal(torch.zeros(2), torch.ones(2))
    torch.testing.assert_close(kl, kl_divergence(q.base_dist, prior).sum(-1))
    torch.testing.assert_close(vae.negative_elbo(x, noise), reconstruction + kl)


@pytest.mark.parametrize("samples", [1, 4])
def test_the_kl_may_look_at_the_samples_that_are_decoded(samples, float64):
    # (7.9): the published circle estimates its KL from them; its exact one and that of R² do not change.
    x, noise = normal(7, 5), normal(samples, 2, 7, 1, seed=1)
    circle = VAE(Circle("real", "published"), 5, (4, 3), [0.5, 1.5], member_seeds=[0, 1])
    q = circle.posterior(x)
    z = circle.space.rsample(q, noise)
    reconstruction, kl = circle(x, noise)
    torch.testing.assert_close(kl, (q.log_prob(z).exp() * (q.log_prob(z) + math.log(2 * math.pi))).mean(0))
    sigma = circle.sigma_x[:, None]
    torch.testing.assert_close(reconstruction, negative_log_likelihood(x, circle.decode(z), sigma).mean(0))
    assert not torch.allclose(kl, circle(x, 2 * noise)[1], rtol=1e-2)
    for space in (Circle(), Circle("real"), Euclidean(2)):
        vae = VAE(space, 5, (4, 3), [0.5, 1.5], member_seeds=[0, 1])
        one, other = (vae(x, normal(samples, 2, 7, space.noise_features, seed=seed))[1] for seed in (1, 2))
        assert torch.equal(one, other)
        assert torch.equal(one, space.kl(vae.posterior(x)))


@pytest.mark.parametrize("space", [Euclidean(2), Circle(), Circle("real", "published")])
def test_given_outputs_are_those_of_an_encoder_that_has_them(space, float64):
    vae = VAE(space, 5, (4, 3), [0.5, 1.5], member_seeds=[0, 1])
    x, noise = normal(2, 7, 5), normal(3, 2, 7, space.noise_features, seed=1)
    own = vae(x, noise)
    for found, expected in zip(vae(x, noise, vae.encoder(x)), own, strict=True):
        assert torch.equal(found, expected)
    outputs = normal(2, 7, space.encoder_features, seed=2)
    with torch.no_grad():  # an encoder of these outputs, whatever it sees
        for i in range(7):
            for p in vae.encoder.parameters():
                p.zero_()
            vae.encoder.layers[-1].bias[..., 0] = outputs[:, i]
            for found, expected in zip(vae(x, noise, outputs), vae(x, noise), strict=True):
                torch.testing.assert_close(found[:, i], expected[:, i])
                assert not torch.allclose(found, expected)


def test_given_outputs_keep_the_gradient_from_the_encoder():
    vae, x, noise = small(2), normal(2, 7, 5), normal(3, 2, 7, 2, seed=1)
    reconstruction, kl = vae(x, noise, normal(2, 7, 4, seed=2))
    (reconstruction + kl).sum().backward()
    assert all(p.grad is None for p in vae.encoder.parameters())
    assert all(p.grad.abs().sum() > 0 for p in vae.decoder.parameters())


def test_the_decoder_sees_the_circle_in_the_plane(float64):
    vae = VAE(Circle(), 5, (4, 3), [0.5, 1.5], member_seeds=[0, 1])
    z = 3 * normal(6, 2, 7, 1)
    found = vae.decode(z)
    assert found.shape == (6, 2, 7, 5)
    for i in range(6):
        expected = vae.decoder(torch.cat([z[i].cos(), z[i].sin()], -1))
        torch.testing.assert_close(found[i], expected, rtol=0, atol=1e-13)
    torch.testing.assert_close(vae.decode(z + 2 * math.pi), found)  # no seam


@st.composite
def linear_models(draw):
    """A linear-Gaussian model with orthogonal columns, so that its posterior has a diagonal covariance."""
    dimension, d = draw(st.sampled_from([(3, 1), (4, 2), (5, 3)]))
    basis, _ = np.linalg.qr(draw(arrays(np.float64, (dimension, dimension), elements=SPREAD)) + 4 * np.eye(dimension))
    scales = draw(arrays(np.float64, d, elements=st.floats(0.2, 3)))
    offset = draw(arrays(np.float64, dimension, elements=SPREAD))
    x = draw(arrays(np.float64, (6, dimension), elements=st.floats(-4, 4)))
    sigma = draw(st.floats(0.3, 2))
    return *map(torch.from_numpy, (basis[:, :d] * scales, offset, x)), sigma


def with_exact_posterior(weight: torch.Tensor, offset: torch.Tensor, sigma: float) -> VAE:
    """A VAE without hidden layers that decodes to ``weight z + offset`` and encodes to the posterior of that."""
    dimension, d = weight.shape
    vae = VAE(Euclidean(d), dimension, (), [1.0], member_seeds=[0]).double()
    vae.sigma_x.fill_(sigma)
    variance = 1 / (1 + weight.square().sum(0) / sigma**2)  # of z given x (Bishop 2006, 12.42)
    gain = variance[:, None] * weight.T / sigma**2
    with torch.no_grad():
        vae.decoder.layers[0].weight[0], vae.decoder.layers[0].bias[0, :, 0] = weight, offset
        vae.encoder.layers[0].weight[0] = torch.cat([gain, torch.zeros(d, dimension)])
        vae.encoder.layers[0].bias[0, :, 0] = torch.cat([-gain @ offset, variance.log()])
    return vae


@given(linear_models())
def test_the_elbo_of_the_exact_posterior_is_the_evidence(model):
    weight, offset, x, sigma = model
    vae = with_exact_posterior(weight, offset, sigma)
    evidence = MultivariateNormal(offset, weight @ weight.T + sigma**2 * torch.eye(len(offset)).double())
    found = vae.negative_elbo(x[None], sigma_points(weight.shape[1]))[0]
    torch.testing.assert_close(found, -evidence.log_prob(x), rtol=1e-8, atol=1e-8)


@given(linear_models(), arrays(np.float64, 200, elements=st.floats(-0.5, 0.5)))
def test_the_elbo_of_any_other_posterior_lies_below_by_its_divergence(model, changes):
    weight, offset, x, sigma = model
    d = weight.shape[1]
    vae = with_exact_posterior(weight, offset, sigma)
    truth = vae.posterior(x[None])
    evidence = MultivariateNormal(offset, weight @ weight.T + sigma**2 * torch.eye(len(offset)).double())
    changes = torch.from_numpy(changes)
    with torch.no_grad():
        for p in vae.encoder.parameters():
            p += changes[: p.numel()].view_as(p)
    gap = vae.negative_elbo(x[None], sigma_points(d)) + evidence.log_prob(x)
    assert (gap > -1e-8).all()
    expected = kl_divergence(vae.posterior(x[None]).base_dist, truth.base_dist).sum(-1)
    torch.testing.assert_close(gap, expected, rtol=1e-7, atol=1e-7)  # log p(x) = ELBO + KL(Q || P(z|x))


@pytest.mark.parametrize("space", [Euclidean(2), Circle(), Circle("real", "published")])
@pytest.mark.parametrize("samples", [1, 3])
def test_gradients_match_finite_differences(samples, space, float64):
    vae = VAE(space, 5, (3,), [0.5, 1.5], member_seeds=[0, 1])
    x, noise = normal(2, 4, 5), normal(samples, 2, 4, space.noise_features, seed=1)
    names = [name for name, _ in vae.named_parameters()]

    def loss(*weights):
        return sum(torch.func.functional_call(vae, dict(zip(names, weights, strict=True)), (x, noise)))

    weights = [p.detach().clone().requires_grad_() for p in vae.parameters()]
    assert torch.autograd.gradcheck(loss, weights)


def test_members_do_not_see_each_other(float64):
    company, x, noise = small(2), normal(2, 7, 5), normal(3, 2, 7, 2, seed=1)
    for member, sigma_x in enumerate([0.5, 1.5]):
        alone = VAE(Euclidean(2), 5, (4, 3), [sigma_x], member_seeds=[member])
        part = slice(member, member + 1)
        torch.testing.assert_close(
            alone.negative_elbo(x[part], noise[:, part]), company.negative_elbo(x, noise)[part], rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("sigma_x", [0.0, -1.0, math.nan])
def test_a_sigma_x_that_is_not_positive_is_refused(sigma_x):
    with pytest.raises(ValueError, match=r"sigma_x is .*positive"):
        VAE(Euclidean(2), 5, (3,), [1.0, sigma_x], member_seeds=[0, 1])


def test_one_sigma_x_and_one_seed_per_member():
    with pytest.raises(ValueError, match="sigma_x has 3 entries for 2 members"):
        VAE(Euclidean(2), 5, (3,), [1.0, 1.0, 1.0], member_seeds=[0, 1])


def test_the_state_holds_everything():
    one, other = small(2), VAE(Euclidean(2), 5, (4, 3), [9.0, 9.0], member_seeds=[8, 9])
    other.load_state_dict(one.state_dict())
    x, noise = normal(7, 5), normal(1, 2, 7, 2)
    assert torch.equal(one.negative_elbo(x, noise), other.negative_elbo(x, noise))
