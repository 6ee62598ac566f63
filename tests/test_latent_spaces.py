"""R^d, S¹ and T^k as latent spaces: divergences from the prior, samples and their gradients."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from latentsep.models.circular import wrap
from latentsep.models.distributions import HeatKernel, PublishedDiffusion
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean
from latentsep.models.normal import kl_normal, kl_normal_diagonal

MODERATE = st.floats(-3, 3)
DIMENSIONS = st.integers(1, 5)


def vectors(elements=MODERATE):
    return DIMENSIONS.flatmap(lambda d: arrays(np.float64, d, elements=elements))


@st.composite
def normals(draw):
    """A mean and a random positive definite covariance with condition number up to about 10³."""
    d = draw(DIMENSIONS)
    factor = draw(arrays(np.float64, (d, d), elements=st.floats(-2, 2)))
    mean = draw(arrays(np.float64, d, elements=MODERATE))
    return torch.from_numpy(mean), torch.from_numpy(factor @ factor.T + 0.1 * np.eye(d))


def hermite(d: int, order: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes ``(order^d, d)`` and weights ``(order^d,)`` for expectations under the standard normal on R^d."""
    x, w = np.polynomial.hermite_e.hermegauss(order)
    nodes = torch.cartesian_prod(*[torch.from_numpy(x)] * d).view(-1, d)
    weights = torch.cartesian_prod(*[torch.from_numpy(w / w.sum())] * d).view(-1, d).prod(-1)
    return nodes, weights


@given(normals())
def test_kl_normal_is_that_of_torch(normal):
    mean, covariance = normal
    d = len(mean)
    prior = MultivariateNormal(torch.zeros(d).double(), torch.eye(d).double())
    expected = kl_divergence(MultivariateNormal(mean, covariance), prior)
    torch.testing.assert_close(kl_normal(mean, covariance), expected, rtol=1e-10, atol=1e-10)


def test_kl_normal_is_the_mean_of_the_log_ratio():
    mean, factor = torch.tensor([0.5, -1.0]).double(), torch.tensor([[1.2, 0.0], [-0.7, 0.4]]).double()
    q = MultivariateNormal(mean, scale_tril=factor)
    p = MultivariateNormal(torch.zeros(2).double(), torch.eye(2).double())
    noise = torch.randn(100_000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    z = mean + noise @ factor.T
    ratio = q.log_prob(z) - p.log_prob(z)
    error = ratio.std() / math.sqrt(len(z))
    assert abs(kl_normal(mean, factor @ factor.T) - ratio.mean()) < 5 * error < 0.05


def test_kl_normal_takes_batches():
    generator = torch.Generator().manual_seed(0)
    factors = torch.randn(3, 4, 2, 2, generator=generator)
    covariances = factors @ factors.mT + torch.eye(2)
    means = torch.randn(3, 4, 2, generator=generator)
    together = kl_normal(means, covariances)
    assert together.shape == (3, 4)
    torch.testing.assert_close(together[2, 1], kl_normal(means[2, 1], covariances[2, 1]))


def test_kl_normal_refuses_what_is_no_covariance():
    with pytest.raises(torch.linalg.LinAlgError):
        kl_normal(torch.zeros(2), torch.tensor([[1.0, 2.0], [2.0, 1.0]]))


@given(vectors().flatmap(lambda m: st.tuples(st.just(m), arrays(np.float64, len(m), elements=st.floats(0.05, 4)))))
def test_diagonal_kl_is_the_general_one_on_diagonals(pair):
    mean, std = map(torch.from_numpy, pair)
    torch.testing.assert_close(
        kl_normal_diagonal(mean, std), kl_normal(mean, torch.diag(std**2)), rtol=1e-11, atol=1e-11
    )


@given(vectors().flatmap(lambda m: st.tuples(st.just(m), arrays(np.float64, len(m), elements=st.floats(0.05, 4)))))
def test_the_norm_printed_in_4_5_is_wrong_where_a_deviation_is_below_one(pair):
    mean, std = map(torch.from_numpy, pair)
    printed = 0.5 * ((std**2).sum() + (mean**2).sum() - (std**2).log().abs().sum() - len(mean))
    below = std[std < 1]
    # |log σ²| in the place of log σ² is too low by 2|log σ| for every σ < 1, and right otherwise.
    torch.testing.assert_close(kl_normal_diagonal(mean, std) - printed, -2 * below.log().sum(), rtol=1e-11, atol=1e-11)


def test_the_printed_norm_is_no_divergence():
    std = torch.tensor([0.1])
    assert 0.5 * (std**2 - (std**2).log().abs() - 1).sum() < 0 < kl_normal_diagonal(torch.zeros(1), std)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_prior_is_the_standard_normal(d):
    z = torch.linspace(-2, 2, 4 * d).view(4, d)
    expected = -0.5 * z.square().sum(-1) - d / 2 * math.log(2 * math.pi)  # (4.1)
    torch.testing.assert_close(Euclidean(d).prior().log_prob(z), expected)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_posterior_reads_mean_and_log_variance(d):
    space = Euclidean(d)
    assert (space.encoder_features, space.noise_features, space.decoder_features) == (2 * d, d, d)
    raw = torch.randn(2, 5, 2 * d, generator=torch.Generator().manual_seed(d))
    q = space.posterior(raw)
    assert q.batch_shape == (2, 5)
    assert q.event_shape == (d,)
    torch.testing.assert_close(q.mean, raw[..., :d])
    torch.testing.assert_close(q.variance, raw[..., d:].exp())
    assert torch.equal(space.location(q), q.mean)
    assert torch.equal(space.embed(q.mean), q.mean)


@given(st.integers(1, 4).flatmap(lambda d: arrays(np.float64, (3, 2 * d), elements=MODERATE)))
def test_kl_of_a_posterior_is_its_divergence_from_the_prior(raw):
    space = Euclidean(raw.shape[-1] // 2)
    q = space.posterior(torch.from_numpy(raw)[None])
    p = Independent(Normal(torch.zeros(q.event_shape).double(), 1.0), 1)
    torch.testing.assert_close(space.kl(q), kl_divergence(q, p), rtol=1e-11, atol=1e-11)
    assert (space.kl(q) >= 0).all()


def test_samples_have_the_moments_of_the_posterior():
    space = Euclidean(2)
    raw = torch.tensor([[[0.3, -1.2, -2.0, 0.8]]]).double()
    q = space.posterior(raw)
    n = 200_000
    noise = torch.randn(n, 1, 1, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    z = (space.rsample(q, noise)[:, 0, 0] - q.mean[0, 0]) / q.stddev[0, 0]
    assert z.mean(0).abs().max() < 5 / math.sqrt(n)
    assert (z.square().mean(0) - 1).abs().max() < 5 * math.sqrt(2 / n)
    assert abs(z.prod(-1).mean()) < 5 / math.sqrt(n)


@pytest.mark.parametrize(
    "f", [lambda z: z.cos().sum(-1), lambda z: (z[..., 0] * z[..., 1]).sin(), lambda z: z.norm(dim=-1)]
)
def test_the_mean_over_samples_is_the_expectation_under_the_posterior(f):
    # (3.12): E_Q[f(z)] = E_ε[f(Rep(α, ε))], the left side by a fine grid against the density of Q.
    space = Euclidean(2)
    q = space.posterior(torch.tensor([[[0.3, -1.2, -1.0, 0.2]]]).double())
    axes = [torch.linspace(-9, 9, 1501).double() * s + m for m, s in zip(q.mean[0, 0], q.stddev[0, 0], strict=True)]
    grid = torch.cartesian_prod(*axes)
    cell = math.prod(float(a[1] - a[0]) for a in axes)
    expected = (q.log_prob(grid).exp().flatten() * f(grid)).sum() * cell
    n = 100_000
    noise = torch.randn(n, 1, 1, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    values = f(space.rsample(q, noise)).flatten()
    assert abs(values.mean() - expected) < 5 * values.std() / math.sqrt(n)
    nodes, weights = hermite(2, 60)
    quadrature = weights @ f(space.rsample(q, nodes[:, None, None])).flatten()
    # The quadrature is exact for the smooth functions, and has only a corner to smear for the norm.
    assert abs(quadrature - expected) < 2e-3


@given(arrays(np.float64, 4, elements=st.floats(-1.5, 1.5)), arrays(np.float64, 2, elements=st.floats(-2, 2)))
def test_gradients_through_samples_are_those_of_the_expectation(raw, a):
    # E cos⟨a, z⟩ = cos⟨a, μ⟩ exp(−½ Σ a²σ²) is known in closed form, and so are its derivatives.
    space = Euclidean(2)
    raw, a = torch.from_numpy(raw), torch.from_numpy(a)
    nodes, weights = hermite(2, 50)

    def expectation(raw):
        z = space.rsample(space.posterior(raw[None, None]), nodes[:, None, None])
        return weights @ (z @ a).cos().flatten()

    found = torch.func.grad(expectation)(raw)
    mean, variance = raw[:2], raw[2:].exp()
    damping = torch.exp(-0.5 * (a.square() * variance).sum())
    by_mean = -a * torch.sin(a @ mean) * damping
    by_log_variance = -0.5 * a.square() * variance * torch.cos(a @ mean) * damping
    torch.testing.assert_close(found, torch.cat([by_mean, by_log_variance]), rtol=0, atol=1e-9)


def test_gradients_through_samples_and_kl_match_finite_differences():
    space = Euclidean(2)
    generator = torch.Generator().manual_seed(3)
    raw = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    noise = torch.randn(5, 2, 3, 2, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda r: space.rsample(space.posterior(r), noise).sin().mean(0), raw)
    assert torch.autograd.gradcheck(lambda r: space.kl(space.posterior(r)), raw)


@pytest.mark.parametrize("dimension", [0, -1, 1.5, "2", None])
def test_a_dimension_that_makes_no_sense_is_refused_by_name(dimension):
    with pytest.raises(ValueError, match=r"dimension is .*choose a whole number of 1 or more") as error:
        Euclidean(dimension)
    assert repr(dimension) in str(error.value)


def test_spaces_are_values():
    assert Euclidean(2) == Euclidean(2) != Euclidean(3)
    assert len({Euclidean(2), Euclidean(2), Euclidean(3)}) == 2


# The circle

CIRCLES = [
    Circle(),
    Circle("real"),
    Circle("projected", "published"),
    Circle("real", "published"),
    Circle("real", "published", ("density", "sampling")),
    Circle("projected", "published", ("density", "sampling", "kl")),
]


def outputs(space: Circle, *shape: int, seed: int = 0) -> torch.Tensor:
    """Random encoder outputs in double precision; the times come out around 0.2."""
    generator = torch.Generator().manual_seed(seed)
    raw = torch.randn(*shape, space.encoder_features, generator=generator, dtype=torch.float64)
    raw[..., -1] -= 1.5
    return raw


@pytest.mark.parametrize("space", CIRCLES)
def test_the_shapes_on_the_circle(space):
    assert space.encoder_features == (3 if space.head == "projected" else 2)
    assert (space.noise_features, space.decoder_features) == (1, 2)
    q = space.posterior(outputs(space, 2, 5))
    assert q.batch_shape == (2, 5)
    assert q.event_shape == space.prior().event_shape == (1,)
    z = space.rsample(q, torch.randn(7, 2, 5, 1, dtype=torch.float64))
    assert z.shape == (7, 2, 5, 1)
    assert space.embed(z).shape == (7, 2, 5, 2)
    assert space.location(q).shape == (2, 5, 1)
    assert space.kl(q, z).shape == q.log_prob(z[0]).shape == (2, 5)


@pytest.mark.parametrize("family", ["heat kernel", "published"])
def test_the_heads_read_location_and_time(family):
    angle, log_t = torch.tensor(2.0), torch.tensor(-0.7)
    real = Circle("real", family).posterior(torch.stack([angle + 6 * math.pi, log_t])[None, None])
    projected = Circle("projected", family).posterior(torch.stack([angle.cos(), angle.sin(), log_t])[None, None])
    for q, space in ((real, Circle("real", family)), (projected, Circle("projected", family))):
        torch.testing.assert_close(space.location(q).squeeze(), angle, rtol=0, atol=1e-5)
        torch.testing.assert_close(q.base_dist.t.squeeze(), log_t.exp())
        assert isinstance(q.base_dist, HeatKernel if family == "heat kernel" else PublishedDiffusion)
    assert float(real.base_dist.loc) == float(angle + 6 * math.pi)  # as it is; only its place on the circle counts


@given(arrays(np.float64, (4, 3), elements=MODERATE), st.floats(1e-3, 1e3))
def test_a_projected_location_is_a_direction_whatever_its_length(raw, length):
    space, raw = Circle(), torch.from_numpy(raw)
    raw[:, 0] += 3.5  # away from the origin, which has no direction
    scaled = raw.clone()
    scaled[:, :2] *= length
    q, other = space.posterior(raw[None]), space.posterior(scaled[None])
    torch.testing.assert_close(space.location(q), space.location(other), rtol=0, atol=1e-14)
    expected = raw[:, :2] / raw[:, :2].norm(dim=-1, keepdim=True)
    torch.testing.assert_close(space.embed(space.location(q))[0], expected, rtol=0, atol=1e-14)


@given(arrays(np.float64, (3, 1), elements=st.floats(-20, 20)))
def test_the_embedding_is_the_complex_exponential_and_locations_are_wrapped(angles):
    space, angles = Circle("real"), torch.from_numpy(angles)
    z = torch.exp(1j * angles)
    torch.testing.assert_close(space.embed(angles), torch.cat([z.real, z.imag], -1), rtol=0, atol=1e-14)  # (7.3)
    location = space.location(space.posterior(torch.cat([angles, angles], -1)))
    assert ((location >= -math.pi) & (location < math.pi)).all()
    torch.testing.assert_close(space.embed(location), space.embed(angles), rtol=0, atol=1e-14)


def test_the_prior_on_the_circle_is_uniform():
    angles = torch.linspace(-math.pi, 3.14, 9)[:, None]
    torch.testing.assert_close(Circle().prior().log_prob(angles), torch.full((9,), -math.log(2 * math.pi)))  # (7.2)


@pytest.mark.parametrize("head", ["real", "projected"])
def test_kl_on_the_circle_is_the_divergence_from_the_prior(head):
    space = Circle(head)
    raw = outputs(space, 2, 5)
    q = space.posterior(raw)
    # E_q[log q − log p] by the trapezoidal rule, which is exact for smooth periodic functions; the prior's
    # own bounds are in single precision, so that the first angle needs a hair.
    grid = (torch.arange(-1024, 1024, dtype=torch.float64) * (math.pi / 1024) + 1e-6)[:, None, None, None]
    log_ratio = q.log_prob(grid.expand(-1, 2, 5, 1)) - space.prior().log_prob(grid)
    expected = (q.log_prob(grid.expand(-1, 2, 5, 1)).exp() * log_ratio).sum(0) * (math.pi / 1024)
    torch.testing.assert_close(space.kl(q), expected, rtol=1e-6, atol=1e-6)  # log 2π of the prior is in float32
    torch.testing.assert_close(space.kl(q), kl_divergence(q, space.prior()))
    z = space.rsample(q, torch.zeros(3, 2, 5, 1, dtype=torch.float64))
    assert torch.equal(space.kl(q, z), space.kl(q))  # samples do not matter


@pytest.mark.parametrize("corrected", [(), ("kl",), ("density", "sampling", "kl")])
def test_the_published_kl_comes_from_the_samples(corrected):
    space = Circle("real", "published", corrected)
    raw = outputs(space, 2, 5)
    q = space.posterior(raw)
    z = space.rsample(q, torch.randn(4, 2, 5, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    log_density = q.log_prob(z)
    log_ratio = log_density + math.log(2 * math.pi)
    expected = (log_ratio if "kl" in corrected else log_density.exp() * log_ratio).mean(0)
    torch.testing.assert_close(space.kl(q, z), expected)
    assert not torch.allclose(space.kl(q, z[:1]), space.kl(q, z[1:2]))


@pytest.mark.parametrize("space", CIRCLES)
def test_samples_on_the_circle_are_shifted_and_wrapped_noise(space):
    raw = outputs(space, 2, 5)
    q = space.posterior(raw)
    noise = torch.randn(6, 2, 5, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    t = raw[..., -1:].exp()
    exact = space.family == "heat kernel" or "sampling" in space.corrected
    expected = wrap(space.location(q) + noise * ((2 * t).sqrt() if exact else t))  # (7.10), with √(2t) for its t
    off = wrap(space.rsample(q, noise) - expected)
    assert off.abs().max() < 1e-13


@pytest.mark.parametrize("space", CIRCLES)
def test_gradients_on_the_circle_match_finite_differences(space):
    raw = outputs(space, 2, 3).requires_grad_()
    noise = torch.randn(5, 2, 3, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def both(raw):
        q = space.posterior(raw)
        z = space.rsample(q, noise)
        return space.embed(z).mean(0), space.kl(q, z)

    assert torch.autograd.gradcheck(both, raw)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plane",), "head is 'plane'; choose projected or real"),
        (("real", "von Mises"), "family is 'von Mises'; choose heat kernel or published"),
        (
            ("real", "published", ("head",)),
            "corrected is ('head',) for the family published; choose from ('density', 'sampling', 'kl')",
        ),
        (("real", "heat kernel", ("kl",)), "corrected is ('kl',) for the family heat kernel; choose from nothing"),
        (("real", "published", "kl"), "corrected is 'kl' for the family published"),
    ],
)
def test_a_word_that_names_no_circle_is_refused_with_the_choices(arguments, message):
    with pytest.raises(ValueError, match=r"^(head|family|corrected) is ") as error:
        Circle(*arguments)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("head", ["real", "projected"])
def test_outputs_are_those_of_a_posterior_that_is_given(head, float64):
    space = Circle(head)
    angles = torch.linspace(-math.pi, 3, 12).view(2, 6, 1)
    raw = space.outputs(angles, 0.2)
    assert raw.shape == (2, 6, space.encoder_features)
    q = space.posterior(raw)
    assert wrap(space.location(q) - angles).abs().max() < 1e-14
    torch.testing.assert_close(q.base_dist.scale, torch.full((2, 6, 1), 0.2))  # and so samples lie around (7.10)
    noise = torch.randn(10_000, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    off = wrap(space.rsample(q, noise) - angles)
    assert abs(off.std(0) - 0.2).max() < 5 * 0.2 / math.sqrt(2 * 10_000)
    if head == "projected":
        torch.testing.assert_close(raw[..., :2].norm(dim=-1), torch.ones(2, 6))  # well away from the origin
    # As data: the precision of the angles, whatever the default.
    assert space.outputs(angles.float(), 0.2).dtype == torch.float32


@pytest.mark.parametrize("space", [s for s in CIRCLES if s.family == "published"])
def test_outputs_are_of_the_heat_kernel_only(space):
    with pytest.raises(ValueError, match=r"^family is 'published'; choose heat kernel$"):
        space.outputs(torch.zeros(1, 1), 0.2)


def test_circles_are_values():
    assert Circle("real") == Circle("real") != Circle()
    assert len(set(CIRCLES)) == len(CIRCLES)
    assert Circle() != Euclidean(2)


# The torus

TORI = [CliffordTorus(circle) for circle in CIRCLES] + [CliffordTorus(CIRCLES[0], 3), CliffordTorus(CIRCLES[3], 3)]


def outputs_on(torus: CliffordTorus, *shape: int, seed: int = 0) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Random encoder outputs, and each circle's own part of them."""
    parts = [outputs(torus.circle, *shape, seed=seed + k) for k in range(torus.dimension)]
    return torch.cat(parts, -1), parts


def noise_on(torus: CliffordTorus, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, torus.dimension, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


@pytest.mark.parametrize("torus", TORI)
def test_a_torus_is_a_product_of_circles(torus):
    circle, k = torus.circle, torus.dimension
    raw, parts = outputs_on(torus, 2, 5)
    noise = noise_on(torus, 4, 2, 5)
    q, alone = torus.posterior(raw), [circle.posterior(part) for part in parts]
    z = torus.rsample(q, noise)
    each = [circle.rsample(p, e) for p, e in zip(alone, noise.split(1, -1), strict=True)]
    torch.testing.assert_close(z, torch.cat(each, -1))
    torch.testing.assert_close(torus.location(q), torch.cat([circle.location(p) for p in alone], -1))
    # Independent angles: log densities and divergences add up (11.8).
    density = sum(p.log_prob(a) for p, a in zip(alone, each, strict=True))
    torch.testing.assert_close(q.log_prob(z[..., None]), density)
    torch.testing.assert_close(torus.kl(q, z), sum(circle.kl(p, a) for p, a in zip(alone, each, strict=True)))
    if circle.family == "heat kernel":
        torch.testing.assert_close(torus.kl(q), torus.kl(q, z))  # samples do not matter
    points = torch.cat([circle.embed(a) for a in each], -1) / math.sqrt(k)  # (11.6)
    torch.testing.assert_close(torus.embed(z), points)
    torch.testing.assert_close(points.norm(dim=-1), torch.ones(4, 2, 5).double())


@pytest.mark.parametrize("torus", TORI)
def test_the_shapes_on_the_torus(torus):
    k, features = torus.dimension, torus.circle.encoder_features
    assert (torus.encoder_features, torus.noise_features, torus.decoder_features) == (k * features, k, 2 * k)
    q = torus.posterior(outputs_on(torus, 2, 5)[0])
    assert (q.batch_shape, q.event_shape) == ((2, 5), (k, 1))
    for leading in ((), (7,), (3, 7)):
        z = torus.rsample(q, noise_on(torus, *leading, 2, 5))
        assert z.shape == (*leading, 2, 5, k)
        assert ((z >= -math.pi) & (z < math.pi)).all()
        assert torus.embed(z).shape == (*leading, 2, 5, 2 * k)
    far = torus.location(torus.posterior(20 * outputs_on(torus, 2, 5)[0]))
    assert torus.location(q).shape == far.shape == (2, 5, k)
    assert ((far >= -math.pi) & (far < math.pi)).all()
    assert torus.kl(q, noise_on(torus, 7, 2, 5)).shape == (2, 5)


def test_the_torus_lies_in_space_as_the_thesis_has_it():
    for first, second in ((0.3, -2.0), (3.0, 1.0)):
        expected = [math.cos(first), math.sin(first), math.cos(second), math.sin(second)]
        found = CliffordTorus().embed(torch.tensor([first, second], dtype=torch.float64))
        np.testing.assert_allclose(found.numpy(), np.array(expected) / math.sqrt(2), atol=1e-15)  # (11.6)


def test_a_torus_of_one_circle_is_that_circle():
    for circle in CIRCLES:
        torus, raw, noise = CliffordTorus(circle, 1), outputs(circle, 2, 5), noise_on(CliffordTorus(circle, 1), 4, 2, 5)
        q, p = torus.posterior(raw), circle.posterior(raw)
        z = torus.rsample(q, noise)
        torch.testing.assert_close(z, circle.rsample(p, noise))
        torch.testing.assert_close(torus.kl(q, z), circle.kl(p, z))
        torch.testing.assert_close(torus.embed(z), circle.embed(z))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_prior_on_the_torus_is_uniform(k):
    prior = CliffordTorus(dimension=k).prior()
    assert (prior.batch_shape, prior.event_shape) == ((), (k,))
    angles = torch.linspace(-math.pi, 3.14, 9 * k).view(9, k)
    torch.testing.assert_close(prior.log_prob(angles), torch.full((9,), -k * math.log(2 * math.pi)))  # (11.5)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = prior.sample((20_000,)).double()
    assert ((drawn >= -math.pi) & (drawn < math.pi)).all()
    for n in (1, 2):
        assert (n * drawn).cos().mean(0).abs().max() < 5 / math.sqrt(2 * 20_000)
        assert (n * drawn).sin().mean(0).abs().max() < 5 / math.sqrt(2 * 20_000)
    if k > 1:  # one angle says nothing about the next
        assert (drawn[:, 0] - drawn[:, 1]).cos().mean().abs() < 5 / math.sqrt(2 * 20_000)


@pytest.mark.parametrize("torus", TORI)
def test_gradients_on_the_torus_match_finite_differences(torus):
    raw = outputs_on(torus, 2, 3)[0].requires_grad_()
    noise = noise_on(torus, 5, 2, 3)

    def both(raw):
        q = torus.posterior(raw)
        z = torus.rsample(q, noise)
        return torus.embed(z).mean(0), torus.kl(q, z)

    assert torch.autograd.gradcheck(both, raw)


@pytest.mark.parametrize("dimension", [0, -1, 1.5, "2", None])
def test_a_torus_of_no_circles_is_refused(dimension):
    with pytest.raises(ValueError, match=r"^dimension is .*; choose a whole number of 1 or more$") as error:
        CliffordTorus(dimension=dimension)
    assert repr(dimension) in str(error.value)


def test_tori_are_values():
    assert CliffordTorus() == CliffordTorus(Circle(), 2) != CliffordTorus(Circle("real"))
    assert len({*TORI, CliffordTorus()}) == len(TORI)
    assert CliffordTorus() != Euclidean(4)
