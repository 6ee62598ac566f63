"""Estimators of the ELBO and of its gradient, and exact values to hold them against (thesis ch. 3 and 4).

Every estimator returns one value per sample, so that its mean, its variance and its error at any L
follow from the same array. Samples come from ``noise``: drawn from the standard normal distribution
for Monte Carlo, or the nodes of a Gauss-Hermite rule, whose weighted mean is an accurate reference.
"""

import copy
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal
from torch.func import functional_call, grad, vmap

from latentsep.models.vae import VAE, negative_log_likelihood

_CHUNK = 2_048  # samples decoded at once, which bounds the memory taken


def gauss_hermite(dimension: int, order: int) -> tuple[Tensor, Tensor]:
    """Return nodes ``(order**dimension, dimension)`` and weights ``(order**dimension,)`` for N(0, I).

    Exact for polynomials of degree below ``2·order`` in each variable; double precision. Raises
    ``ValueError`` if either argument is below 1.

    >>> nodes, weights = gauss_hermite(1, 8)
    >>> (weights @ nodes**4).round(decimals=12)
    tensor([3.], dtype=torch.float64)
    """
    if dimension < 1 or order < 1:
        raise ValueError(f"dimension is {dimension} and order is {order}; both must be 1 or more")
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(order))
    grid, products = (torch.cartesian_prod(*[a] * dimension).view(-1, dimension) for a in (nodes, weights))
    return grid, products.prod(-1) / (2 * math.pi) ** (dimension / 2)


def mean_and_std(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of values ``(samples, ...)`` under weights ``(samples,)`` that sum to one."""
    mean = torch.tensordot(weights, values, 1)
    return mean, torch.tensordot(weights, (values - mean).square(), 1).sqrt()


def error_by_samples(values: Tensor, truth: Tensor, counts: list[int]) -> np.ndarray:
    """Root mean square error of the mean of L ``values``, for each L in ``counts``, in the units of the values.

    ``values`` has shape ``(samples, ...)`` and ``truth`` ``(...)``; the samples are cut into disjoint
    groups of L, and the square is averaged over groups and all further axes. Raises ``ValueError``
    if a count exceeds the number of samples.
    """
    if max(counts) > len(values):
        raise ValueError(f"counts go up to {max(counts)}, but there are only {len(values)} samples")
    errors = []
    for count in counts:
        groups = values[: len(values) // count * count].unflatten(0, (-1, count)).mean(1)
        errors.append(float((groups - truth).square().mean().sqrt()))
    return np.array(errors)


def in_chunks(estimator: Callable[..., Tensor], vae: VAE, x: Tensor, raw: Tensor, noise: Tensor) -> Tensor:
    """Apply an estimator to many samples of ``noise`` without decoding all of them at once."""
    return torch.cat([estimator(vae, x, raw, part) for part in noise.split(_CHUNK)])


@torch.no_grad()
def reconstruction(vae: VAE, x: Tensor, raw: Tensor, noise: Tensor) -> Tensor:
    """Return −log p(x|z) in nats for each sample z ~ Q(z|x), the summand of thesis (3.6).

    Shapes: ``x`` ``(batch, D)``, encoder outputs ``raw`` ``(members, batch, features)``, ``noise``
    ``(samples, members, batch, noise_features)``; result ``(samples, members, batch)``.
    """
    return _loss(vae, x, vae.space.rsample(vae.space.posterior(raw), noise))


@torch.no_grad()
def negative_elbo(vae: VAE, x: Tensor, order: int = 40) -> Tensor:
    """Return −L(x) in nats without sampling error, shape ``(members, batch)``, in double precision.

    The mean over Q(z|x) is a Gauss-Hermite rule of ``order`` nodes in each noise variable. For latent
    spaces that know their KL regularisation in closed form; ``x`` has shape ``(batch, D)``.
    """
    vae, x = copy.deepcopy(vae).double(), x.double()
    nodes, weights = gauss_hermite(vae.space.noise_features, order)
    raw = vae.encoder(x.expand(vae.members, *x.shape))
    each = reconstruction(vae, x, raw, nodes[:, None, None].expand(-1, *raw.shape[:2], -1))
    return torch.tensordot(weights, each, 1) + vae.space.kl(vae.space.posterior(raw))


@torch.no_grad()
def log_ratio(vae: VAE, x: Tensor, raw: Tensor, noise: Tensor) -> Tensor:
    """Return log q(z) − log p(z) in nats for each sample z ~ Q(z|x), the summand of thesis (3.7).

    Its mean is KL(Q || P_Z), with a plus sign. Shapes as in ``reconstruction``.
    """
    posterior = vae.space.posterior(raw)
    z = vae.space.rsample(posterior, noise)
    return posterior.log_prob(z) - vae.space.prior().log_prob(z)


def pathwise(vae: VAE, x: Tensor, raw: Tensor, noise: Tensor) -> Tensor:
    """Gradient of −log p(x|Rep(raw, ε)) with respect to the encoder outputs, for each sample (thesis 3.12).

    Shapes as in ``reconstruction``; result ``(samples, members, batch, features)``, nats per unit of
    the outputs. Kingma and Welling (2014), Rezende et al. (2014).
    """
    raw = _per_sample(raw, noise)
    loss = _loss(vae, x, vae.space.rsample(vae.space.posterior(raw), noise))
    return torch.autograd.grad(loss.sum(), raw)[0]


def score(vae: VAE, x: Tensor, raw: Tensor, noise: Tensor) -> Tensor:
    """The score, ∇ log q(z) with respect to the encoder outputs with z held fixed. Shapes as in ``pathwise``."""
    raw = _per_sample(raw, noise)
    posterior = vae.space.posterior(raw)
    z = vae.space.rsample(posterior, noise).detach()
    return torch.autograd.grad(posterior.log_prob(z).sum(), raw)[0]


def score_function(vae: VAE, x: Tensor, raw: Tensor, noise: Tensor, baseline: Tensor | float = 0.0) -> Tensor:
    """The gradient that ``pathwise`` estimates, by (−log p(x|z) − baseline)·∇ log q(z) (Williams, 1992).

    It needs no derivative of the decoder. ``baseline``, in nats, broadcasts against
    ``(members, batch, features)``; any constant leaves the mean as it is. Shapes as in ``pathwise``.
    """
    return (reconstruction(vae, x, raw, noise)[..., None] - baseline) * score(vae, x, raw, noise)


def best_baseline(vae: VAE, x: Tensor, raw: Tensor, noise: Tensor, weights: Tensor) -> Tensor:
    """The constant, in nats, that minimises the variance of ``score_function``, for each component.

    It is E[f s²]/E[s²] for the loss f and the score s, with the expectations taken under
    ``weights``. Result ``(members, batch, features)``. Mohamed et al. (2020), §7.4.1.
    """
    squared = score(vae, x, raw, noise).square()
    loss = reconstruction(vae, x, raw, noise)[..., None]
    return torch.tensordot(weights, loss * squared, 1) / torch.tensordot(weights, squared, 1)


def variance_split(means: Tensor, stds: Tensor) -> tuple[float, float]:
    """Return the variance between datapoints, and that which one sample adds on average.

    ``means`` and ``stds`` have shape ``(batch, ...)``: of one sample, for every datapoint. Variances
    are summed over further axes. The mean over a minibatch of M, with L samples each, has variance
    (between + sampling/L)/M. Raises ``ValueError`` for fewer than two datapoints.
    """
    if len(means) < 2:
        raise ValueError(f"there are {len(means)} datapoints; two or more are needed")
    return float(means.var(0).sum()), float(stds.square().mean(0).sum())


def weight_gradients(vae: VAE, x: Tensor, noise: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the gradient of −L̃(x) by all weights, for L = 1 (thesis 3.11).

    For a single member. Shapes: ``x`` ``(batch, D)``, nodes ``noise`` ``(samples, noise_features)``
    with ``weights`` ``(samples,)`` that sum to one; both results ``(batch, parameters)``, in nats per
    unit of the weights. Raises ``ValueError`` for an ensemble of several.
    """
    if vae.members != 1:
        raise ValueError(f"vae has {vae.members} members; give an ensemble of one")

    def loss(parameters: dict[str, Tensor], datapoint: Tensor, draw: Tensor) -> Tensor:
        parts = functional_call(vae, parameters, (datapoint[None], draw[None, None, None]))
        return sum(parts).squeeze()

    parameters = {name: p.detach() for name, p in vae.named_parameters()}
    each = vmap(grad(loss), in_dims=(None, None, 0))
    # One datapoint at a time: all gradients at once would take gigabytes.
    moments = [mean_and_std(_flat(each(parameters, datapoint, noise)), weights) for datapoint in x]
    means, stds = zip(*moments, strict=True)
    return torch.stack(means), torch.stack(stds)


def kl_monte_carlo(mean: Tensor, covariance: Tensor, noise: Tensor) -> tuple[float, float]:
    """Estimate KL(N(mean, covariance) || N(0, I)) in nats, and the standard error of the estimate.

    Shapes: ``mean`` ``(d,)``, ``covariance`` ``(d, d)``, standard normal ``noise`` ``(samples, d)``.
    Raises ``ValueError`` if the covariance is not positive definite.
    """
    posterior = MultivariateNormal(mean, covariance)
    prior = MultivariateNormal(torch.zeros_like(mean), torch.eye(len(mean), dtype=mean.dtype))
    z = mean + noise @ posterior.scale_tril.mT
    ratio = posterior.log_prob(z) - prior.log_prob(z)
    return float(ratio.mean()), float(ratio.std() / math.sqrt(len(noise)))


def kl_as_printed(mean: Tensor, std: Tensor) -> Tensor:
    """Thesis (4.5) to the letter, with ‖log σ²‖₁ read as a norm: not a divergence where a σ is below 1."""
    logs = std.square().log().abs()
    return 0.5 * (std.square() + mean.square() - logs - 1).sum(-1)


@torch.no_grad()
def negative_log_evidence(vae: VAE, x: Tensor, step: float = 0.1) -> Tensor:
    """Return −log p(x) in nats under a model whose prior is N(0, I); shape ``(members, batch)``.

    ``x`` has shape ``(batch, D)``. The sum runs over a regular grid of the latent space, ``step`` apart,
    out to five standard deviations; ``step`` should be well below the width of p(x|z). No negative ELBO
    of these decoders is below it, whatever the encoder.
    """
    axis = torch.arange(-5, 5 + step / 2, step, dtype=x.dtype)
    grid = torch.cartesian_prod(*[axis] * vae.space.noise_features).view(-1, vae.space.noise_features)
    log_weights = (-grid.square().sum(-1) / 2).log_softmax(0)
    parts = []
    # Fewer at once than elsewhere: every decoded point meets every datapoint.
    for z, log_weight in zip(grid.split(_CHUNK // 8), log_weights.split(_CHUNK // 8), strict=True):
        means = vae.decode(z[:, None, None].expand(-1, vae.members, 1, -1))
        log_likelihood = -negative_log_likelihood(x, means, vae.sigma_x[:, None])
        parts.append((log_likelihood + log_weight[:, None, None]).logsumexp(0))
    return -torch.stack(parts).logsumexp(0)


def _loss(vae: VAE, x: Tensor, z: Tensor) -> Tensor:
    return negative_log_likelihood(x, vae.decode(z), vae.sigma_x[:, None])


def _per_sample(raw: Tensor, noise: Tensor) -> Tensor:
    """A copy of the encoder outputs for each sample, so that one backward pass gives every sample's gradient."""
    return raw.detach().expand(len(noise), *raw.shape).clone().requires_grad_()


def _flat(gradients: dict[str, Tensor]) -> Tensor:
    return torch.cat([g.flatten(1) for g in gradients.values()], dim=-1)
