"""Checks of chapter 4: the normal families and their objective."""

import math

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from latentsep.ledger.checks.registry import (
    MEAN,
    STD,
    LinearModel,
    against_normal,
    log_prior,
    nodes_in_the_plane,
    small_vae,
    statement,
)
from latentsep.ledger.ledger import Check
from latentsep.measures.estimators import kl_as_printed
from latentsep.models.latent_spaces import Euclidean
from latentsep.models.normal import kl_normal, kl_normal_diagonal
from latentsep.models.vae import negative_log_likelihood


@statement("eq-4.1")
def prior_density() -> Check:
    grid = torch.linspace(-9, 9, 721, dtype=torch.float64)
    z = torch.cartesian_prod(grid, grid)
    density = torch.exp(-z.square().sum(-1) / 2) / math.sqrt((2 * math.pi) ** 2)
    step = float(grid[1] - grid[0])
    apart = float((Euclidean(2).prior().log_prob(z.float()).double().exp() - density).abs().max())
    return Check(
        "mass of the printed density, and its distance from ours",
        max(abs(float(density.sum()) * step**2 - 1), apart),
        1e-7,
    )


@statement("text-4.0")
def prior_counted_twice() -> Check:
    """Mass of (2.6) if P_Z is the density (4.1) and the measure P_Z, as in (2.7); with area for a measure.

    The likelihood integrates to one over x, so that the mass is that of the prior alone.
    """
    grid = torch.linspace(-9, 9, 721, dtype=torch.float64)
    density = log_prior(torch.cartesian_prod(grid, grid)).exp()
    cell = float(grid[1] - grid[0]) ** 2
    printed, meant = (abs(float((density * measure).sum()) * cell - 1) for measure in (density, torch.ones(())))
    return Check(
        "mass of the joint density against 1, taken as (4.1) with respect to P_Z, and to area", printed, 1e-7, meant
    )


@statement("text-4.1")
def variance_of_zero() -> Check:
    """A variance may be zero in print, and then there is no density, and no divergence."""
    values = [float(kl_normal_diagonal(MEAN, std)) for std in (STD * torch.tensor([0.0, 1.0]), STD)]
    printed, meant = (int(not math.isfinite(value)) for value in values)
    return Check("divergences that are not finite, with a variance of zero, and without", printed, 0, meant)


@statement("eq-4.4")
def kl_general() -> Check:
    covariance = torch.tensor([[0.5, 0.3], [0.3, 1.4]], dtype=torch.float64)
    nodes, weights = nodes_in_the_plane()
    q = MultivariateNormal(MEAN, covariance)
    z = MEAN + nodes @ torch.linalg.cholesky(covariance).T
    by_nodes = float((weights * (q.log_prob(z) - log_prior(z))).sum())
    return Check("closed form against quadrature", abs(by_nodes - float(kl_normal(MEAN, covariance))), 1e-9)


@statement("eq-4.5")
def kl_diagonal() -> Check:
    exact = kl_divergence(Normal(MEAN, STD), Normal(torch.zeros_like(MEAN), torch.ones_like(STD))).sum()
    printed, ours = (float((f(MEAN, STD) - exact).abs()) for f in (kl_as_printed, kl_normal_diagonal))
    return Check("against torch.distributions; the print has a norm in place of the signed sum", printed, 1e-9, ours)


@statement("eq-4.6")
def normal_reparametrisation() -> Check:
    q = Euclidean(2).posterior(torch.cat([MEAN, 2 * STD.log()])[None, None])
    nodes, weights = nodes_in_the_plane()
    z = Euclidean(2).rsample(q, nodes[None])[0]
    mean = (weights[:, None] * z).sum(0)
    variance = (weights[:, None] * (z - mean).square()).sum(0)
    return Check(
        "mean and variance of the samples", float(torch.cat([mean - MEAN, variance - STD.square()]).abs().max()), 1e-9
    )


@statement("eq-4.10")
def log_likelihood() -> Check:
    def printed(x: Tensor, m: Tensor, s: float) -> Tensor:
        return 0.5 * ((x - m).square().sum() / s**2 + len(x) * math.log(2 * math.pi * s**2))

    return against_normal("against torch.distributions", printed)


@statement("eq-4.11")
def reconstruction_error() -> Check:
    """L samples through the ensemble's own forward pass against the formula, sample by sample.

    Without brackets the sum, and its ½, end at the plus sign, as in (4.13).
    """
    vae, x, noise = small_vae(samples=7)
    constant = 6 * math.log(2 * math.pi * 0.5**2)
    with torch.no_grad():
        q = vae.posterior(x).base_dist
        errors = [(x - vae.decoder(q.loc + eps * q.scale)).square().sum(-1) / 0.5**2 for eps in noise]
        ours, count = vae(x, noise)[0], 2 * len(noise)
        printed = ours - (sum(errors) / count + constant)
        meant = ours - sum(error + constant for error in errors) / count
    return Check(
        "the package's reconstruction error against the sum, with the constant outside of it, and inside",
        float(printed.abs().max()),
        1e-9,
        float(meant.abs().max()),
    )


@statement("eq-4.13")
def likelihood_split() -> Check:
    def printed(x: Tensor, m: Tensor, s: float) -> Tensor:
        return (x - m).square().sum() / (2 * s**2) + len(x) * math.log(2 * math.pi * s**2)

    return against_normal(
        "against torch.distributions; the print lacks a ½ on the constant", printed, negative_log_likelihood
    )


@statement("eq-4.14")
def weighted_objective() -> Check:
    """(4.14) and the negative ELBO differ by a constant: their gradients agree."""
    model = LinearModel()
    mean, std = MEAN.clone().requires_grad_(), STD.clone().requires_grad_()
    nodes, weights = nodes_in_the_plane()
    z = mean + std * nodes
    error = 0.5 * (model.x - z @ model.weight.T).square().sum(-1)
    kl = kl_normal_diagonal(mean, std)
    full = torch.autograd.grad((weights * model.nll(z)).sum() + kl, (mean, std), retain_graph=True)
    short = torch.autograd.grad((weights * error).sum() / model.sigma**2 + kl, (mean, std))
    return Check(
        "gradients of the two objectives",
        max(float((a - b).abs().max()) for a, b in zip(full, short, strict=True)),
        1e-9,
    )
