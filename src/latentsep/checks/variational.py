"""Checks of chapters 3 and 4: the objective, its estimates, the normal families."""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.polynomial.hermite_e import hermegauss
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from latentsep import seeds
from latentsep.checks.registry import against_normal, statement
from latentsep.datasets import Benchmark
from latentsep.latent_spaces import Euclidean, kl_normal, kl_normal_diagonal
from latentsep.ledger import Check
from latentsep.training import BLOCK, Member, Run, Trainer
from latentsep.vae import VAE, negative_log_likelihood

# The objects that several checks share: a Gaussian posterior in the plane, quadrature against it,
# and a linear autoencoder whose evidence and posterior are known in closed form.

MEAN = torch.tensor([0.7, -1.1], dtype=torch.float64)
STD = torch.tensor([0.4, 1.3], dtype=torch.float64)


def _nodes(order: int = 40) -> tuple[Tensor, Tensor]:
    """Nodes ``(order², 2)`` and weights of Gauss–Hermite quadrature against the standard normal in the plane."""
    x, w = hermegauss(order)
    nodes = torch.tensor(np.stack(np.meshgrid(x, x), -1).reshape(-1, 2))
    return nodes, torch.tensor(np.outer(w, w).ravel() / (2 * math.pi))


def _log_q(z: Tensor) -> Tensor:
    return Normal(MEAN, STD).log_prob(z).sum(-1)


def _log_prior(z: Tensor) -> Tensor:
    return Normal(torch.zeros_like(z), torch.ones_like(z)).log_prob(z).sum(-1)


class _Linear:
    """x = Wz + σε with z in the plane: everything about it is known exactly."""

    dimension, sigma = 5, 0.6

    def __init__(self):
        stream = seeds.generator(0, "linear model")
        self.weight = torch.randn(self.dimension, 2, generator=stream, dtype=torch.float64)
        self.x = torch.randn(self.dimension, generator=stream, dtype=torch.float64)
        eye = torch.eye(self.dimension, dtype=torch.float64)
        self.evidence = MultivariateNormal(torch.zeros_like(self.x), self.weight @ self.weight.T + self.sigma**2 * eye)

    def nll(self, z: Tensor) -> Tensor:
        return negative_log_likelihood(self.x, z @ self.weight.T, self.sigma)

    def expected_nll(self) -> float:
        """E_Q[−log p(x|z)] under N(MEAN, diag(STD²)), by quadrature."""
        nodes, weights = _nodes()
        return float((weights * self.nll(MEAN + STD * nodes)).sum())


def _monte_carlo(values: Callable[[Tensor], Tensor], exact: float, samples: int = 200_000) -> float:
    """How many standard errors a Monte Carlo mean over Q lies from the exact value."""
    stream = seeds.generator(0, "checks")
    draws = values(MEAN + STD * torch.randn(samples, 2, generator=stream, dtype=torch.float64))
    return float((draws.mean() - exact).abs() / (draws.std() / math.sqrt(samples)))


@statement("def-3.3.1")
def reparametrisation_function() -> Check:
    """The law of μ + εσ is Q: its characteristic function is, at many frequencies."""
    nodes, weights = _nodes()
    z = MEAN + STD * nodes
    t = torch.tensor([[0.3, 0.0], [0.0, 0.9], [1.0, -0.7], [-0.4, 1.2]], dtype=torch.float64)
    by_nodes = (weights * torch.exp(1j * (z @ t.T)).T).sum(-1)
    exact = torch.exp(1j * (t @ MEAN) - 0.5 * (t.square() @ STD.square()))
    return Check(
        "characteristic function of the transformed noise against that of Q",
        float((by_nodes - exact).abs().max()),
        1e-9,
    )


@statement("alg-1")
def algorithm_1() -> Check:
    """One trained member equals the algorithm written out with ``torch.optim.Adam``, one member, eager."""
    run = Run(
        (Member(0.1, 0.1), Member(0.1, 1.0)), Benchmark(size=64), updates=BLOCK, batch_size=16, learning_rate=1e-3
    )
    trainer = Trainer(run)
    rows, noise = trainer.draw()
    plain = run.model()
    optimiser = torch.optim.Adam(plain.parameters(), lr=run.learning_rate)
    for i in range(BLOCK):
        optimiser.zero_grad()
        plain.negative_elbo(trainer.minibatch(rows[i]), noise[i].permute(1, 0, 3, 2)).mean(-1).sum().backward()
        optimiser.step()
    trainer = Trainer(run)
    trainer.block(BLOCK)
    pairs = zip(trainer.weights.values(), plain.parameters(), strict=True)
    distance = max(float((a - b).detach().abs().max()) for a, b in pairs)
    return Check(f"weights after {BLOCK} updates against torch.optim.Adam", distance, 1e-4)


@statement("fig-3.1")
def network_architecture() -> Check:
    """Two hidden layers of ⌊25/3⌋ neurons on either side."""
    model = Run((Member(0.1, 1.0),)).model()
    hidden = [*model.encoder.widths[1:-1], *model.decoder.widths[1:-1]]
    wrong = sum(width != 25 // 3 for width in hidden) + (len(hidden) != 4)
    return Check("hidden layers of the drawn networks that do not have ⌊D/3⌋ neurons", wrong, 0)


@statement("eq-3.3")
def negative_elbo() -> Check:
    """At the exact posterior the negative ELBO is −log p(x)."""
    model = _Linear()
    precision = torch.eye(2, dtype=torch.float64) + model.weight.T @ model.weight / model.sigma**2
    covariance = torch.linalg.inv(precision)
    mean = covariance @ model.weight.T @ model.x / model.sigma**2
    nodes, weights = _nodes()
    nll = (weights * model.nll(mean + nodes @ torch.linalg.cholesky(covariance).T)).sum()
    value = nll + kl_normal(mean, covariance)
    return Check(
        "linear model: −ELBO at its posterior against −log p(x)",
        float((value + model.evidence.log_prob(model.x)).abs()),
        1e-9,
    )


@statement("eq-3.6")
def reconstruction_estimate() -> Check:
    model = _Linear()
    return Check("standard errors from quadrature, 200 000 samples", _monte_carlo(model.nll, model.expected_nll()), 4)


@statement("eq-3.7")
def kl_estimate() -> Check:
    """The print equates −KL with the mean of +log(q/p)."""
    exact = float(kl_normal_diagonal(MEAN, STD))

    def ratio(z: Tensor) -> Tensor:
        return _log_q(z) - _log_prior(z)

    return Check(
        "standard errors from the closed form; the print has −KL on the left",
        _monte_carlo(ratio, -exact),
        4,
        _monte_carlo(ratio, exact),
    )


@statement("eq-3.8")
def elbo_estimate() -> Check:
    model = _Linear()
    exact = -model.expected_nll() - float(kl_normal_diagonal(MEAN, STD))
    off = _monte_carlo(lambda z: -model.nll(z) - (_log_q(z) - _log_prior(z)), exact)
    return Check("standard errors from quadrature", off, 4)


@statement("eq-3.11")
def gradient_of_estimate() -> Check:
    """Backpropagated gradient of the summed estimate against central differences, float64."""
    vae = VAE(Euclidean(2), 6, (4,), [0.5], [1]).double()
    stream = seeds.generator(0, "gradient check")
    x = torch.randn(1, 10, 6, generator=stream, dtype=torch.float64)
    noise = torch.randn(3, 1, 10, 2, generator=stream, dtype=torch.float64)
    vae.negative_elbo(x, noise).sum().backward()
    weight, step, worst = vae.encoder.layers[0].weight, 1e-6, 0.0
    for i in range(4):
        with torch.no_grad():
            weight[0, i, 0] += step
            above = vae.negative_elbo(x, noise).sum()
            weight[0, i, 0] -= 2 * step
            below = vae.negative_elbo(x, noise).sum()
            weight[0, i, 0] += step
        slope = (above - below) / (2 * step)
        worst = max(worst, float((weight.grad[0, i, 0] - slope).abs() / slope.abs()))
    return Check("relative distance from central differences", worst, 1e-6)


@statement("eq-3.12")
def reparametrisation() -> Check:
    """E[f(Rep(α, ε))] = E_Q[f] for f(z) = cos z₁ · z₂², whose mean is known."""
    nodes, weights = _nodes()
    z = MEAN + STD * nodes
    value = (weights * z[:, 0].cos() * z[:, 1].square()).sum()
    exact = torch.exp(-(STD[0] ** 2) / 2) * MEAN[0].cos() * (MEAN[1] ** 2 + STD[1] ** 2)
    return Check("one expectation, in noise and in closed form", float((value - exact).abs()), 1e-9)


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


@statement("eq-4.4")
def kl_general() -> Check:
    covariance = torch.tensor([[0.5, 0.3], [0.3, 1.4]], dtype=torch.float64)
    nodes, weights = _nodes()
    q = MultivariateNormal(MEAN, covariance)
    z = MEAN + nodes @ torch.linalg.cholesky(covariance).T
    by_nodes = float((weights * (q.log_prob(z) - _log_prior(z))).sum())
    return Check("closed form against quadrature", abs(by_nodes - float(kl_normal(MEAN, covariance))), 1e-9)


def kl_printed(mean: Tensor, std: Tensor) -> Tensor:
    """(4.5) with the norm ‖log σ²‖₁ taken at its word."""
    variance = std.square()
    return 0.5 * (variance.sum(-1) + mean.square().sum(-1) - variance.log().abs().sum(-1) - mean.shape[-1])


@statement("eq-4.5")
def kl_diagonal() -> Check:
    exact = kl_divergence(Normal(MEAN, STD), Normal(torch.zeros_like(MEAN), torch.ones_like(STD))).sum()
    printed, ours = (float((f(MEAN, STD) - exact).abs()) for f in (kl_printed, kl_normal_diagonal))
    return Check("against torch.distributions; the print has a norm in place of the signed sum", printed, 1e-9, ours)


@statement("eq-4.6")
def normal_reparametrisation() -> Check:
    q = Euclidean(2).posterior(torch.cat([MEAN, 2 * STD.log()])[None, None])
    nodes, weights = _nodes()
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
    """L samples through the ensemble's own forward pass against the formula, sample by sample."""
    vae = VAE(Euclidean(2), 6, (4,), [0.5], [1]).double()
    stream = seeds.generator(0, "reconstruction check")
    x = torch.randn(1, 10, 6, generator=stream, dtype=torch.float64)
    noise = torch.randn(7, 1, 10, 2, generator=stream, dtype=torch.float64)
    with torch.no_grad():
        q = vae.posterior(x).base_dist
        total = torch.zeros(1, 10, dtype=torch.float64)
        for eps in noise:
            error = (x - vae.decoder(q.loc + eps * q.scale)).square().sum(-1)
            total += error / 0.5**2 + 6 * math.log(2 * math.pi * 0.5**2)
        distance = (vae(x, noise)[0] - total / (2 * len(noise))).abs().max()
    return Check("the package's reconstruction error against the printed sum", float(distance), 1e-9)


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
    model = _Linear()
    mean, std = MEAN.clone().requires_grad_(), STD.clone().requires_grad_()
    nodes, weights = _nodes()
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
