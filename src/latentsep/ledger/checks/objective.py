"""Checks of chapter 3: the objective, its estimates, Algorithm 1."""

from collections import Counter
from itertools import zip_longest

import torch
from torch import Tensor

from latentsep import figures
from latentsep.data.benchmarks import Benchmark
from latentsep.ledger.checks.registry import (
    MEAN,
    STD,
    LinearModel,
    log_prior,
    log_q,
    nodes_in_the_plane,
    off_by_sampling,
    small_vae,
    statement,
)
from latentsep.ledger.ledger import Check
from latentsep.models.normal import kl_normal, kl_normal_diagonal
from latentsep.models.vae import negative_log_likelihood
from latentsep.training.algorithm import BLOCK, Trainer
from latentsep.training.runs import Member, Run


@statement("def-3.3.1")
def reparametrisation_function() -> Check:
    """The law of μ + εσ is Q: its characteristic function is, at many frequencies."""
    nodes, weights = nodes_in_the_plane()
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
    pairs = zip(trainer.vae.parameters(), plain.parameters(), strict=True)
    distance = max(float((a - b).detach().abs().max()) for a, b in pairs)
    return Check(f"weights after {BLOCK} updates against torch.optim.Adam", distance, 1e-4)


@statement("fig-3.1")
def network_architecture() -> Check:
    """Counted in the drawing: two hidden layers of ⌊25/3⌋ neurons on either side."""
    model = Run((Member(0.1, 1.0),)).model()
    drawing = figures.architecture(model.encoder.widths, model.decoder.widths)
    neurons = Counter(round(circle.center[0], 6) for circle in drawing.shapes("Circle"))
    drawn = [neurons[column] for column in sorted(neurons)]
    wrong = sum(a != b for a, b in zip_longest(drawn, [25, 8, 8, 4, 2, 8, 8, 25]))
    return Check("columns of the drawing with another number of neurons than 25, 8, 8, 4 and 2, 8, 8, 25", wrong, 0)


@statement("text-3.5")
def neurons() -> Check:
    """The thesis's D = 25 is no multiple of 3. Chapter 5 of the thesis has the rounded number."""
    side, found = Benchmark().dimension, Run((Member(0.1, 1.0),)).hidden[0]
    return Check("neurons of a layer against D/3, and against ⌊D/3⌋", abs(side / 3 - found), 0, abs(side // 3 - found))


@statement("eq-3.1")
def one_datapoint() -> Check:
    """The print has x on the left and in the encoder, and xᵢ in the likelihood: here, one of two other datapoints."""
    vae, x, noise = small_vae(samples=3)
    posterior = vae.posterior(x).base_dist
    means = vae.decode(posterior.loc + noise * posterior.scale)

    def off(seen: Tensor) -> float:
        nll = negative_log_likelihood(seen, means, vae.sigma_x[:, None]).mean(0)
        whole = nll + kl_normal_diagonal(posterior.loc, posterior.scale)
        return float((whole - vae.negative_elbo(x, noise)).detach().abs().max())

    return Check(
        "−ELBO put together with the likelihood of another datapoint, and of the same", off(x.roll(1, 1)), 1e-9, off(x)
    )


@statement("text-3.1b")
def negative_elbo_of_a_dataset() -> Check:
    """(3.4) is a sum of bounds, here that of a model with a known evidence, and is called the negative one."""
    model = LinearModel()
    bound = -model.expected_nll() - float(kl_normal_diagonal(MEAN, STD))
    # The negative one is above −log p(x), and the bound itself below log p(x).
    evidence = float(model.evidence.log_prob(model.x))
    short = [max(0.0, -evidence - value) for value in (bound, -bound)]
    return Check("what L and −L lack of −log p(x), which a negative ELBO exceeds; in nats", short[0], 0, short[1])


@statement("eq-3.3")
def negative_elbo() -> Check:
    """At the exact posterior the negative ELBO is −log p(x)."""
    model = LinearModel()
    precision = torch.eye(2, dtype=torch.float64) + model.weight.T @ model.weight / model.sigma**2
    covariance = torch.linalg.inv(precision)
    mean = covariance @ model.weight.T @ model.x / model.sigma**2
    nodes, weights = nodes_in_the_plane()
    nll = (weights * model.nll(mean + nodes @ torch.linalg.cholesky(covariance).T)).sum()
    value = nll + kl_normal(mean, covariance)
    return Check(
        "linear model: −ELBO at its posterior against −log p(x)",
        float((value + model.evidence.log_prob(model.x)).abs()),
        1e-9,
    )


@statement("eq-3.6")
def reconstruction_estimate() -> Check:
    model = LinearModel()
    return Check(
        "standard errors from quadrature, 200 000 samples", off_by_sampling(model.nll, model.expected_nll()), 4
    )


@statement("eq-3.7")
def kl_estimate() -> Check:
    """The print equates −KL with the mean of +log(q/p)."""
    exact = float(kl_normal_diagonal(MEAN, STD))

    def ratio(z: Tensor) -> Tensor:
        return log_q(z) - log_prior(z)

    return Check(
        "standard errors from the closed form; the print has −KL on the left",
        off_by_sampling(ratio, -exact),
        4,
        off_by_sampling(ratio, exact),
    )


@statement("eq-3.8")
def elbo_estimate() -> Check:
    """Without brackets the sum ends at the minus sign; the ratio then has one latent variable, here the last."""
    model = LinearModel()
    exact = -model.expected_nll() - float(kl_normal_diagonal(MEAN, STD))

    def ratio(z: Tensor) -> Tensor:
        return log_q(z) - log_prior(z)

    off = off_by_sampling(lambda z: -model.nll(z) - ratio(z), exact)
    alone = off_by_sampling(lambda z: -model.nll(z) - ratio(z[-1]), exact)
    return Check("standard errors from quadrature, with the ratio outside of the sum, and inside", alone, 4, off)


@statement("eq-3.11")
def gradient_of_estimate() -> Check:
    """Backpropagated gradient of the summed estimate against central differences, float64.

    The print adds up gradients at x_i over all x, as many times that of one datapoint.
    """
    vae, x, noise = small_vae(samples=3)
    weight, step, worst = vae.encoder.get_parameter("layers.0.weight"), 1e-6, 0.0
    (one,) = torch.autograd.grad(vae.negative_elbo(x[:, :1], noise[:, :, :1]).sum(), weight)
    (gradient,) = torch.autograd.grad(vae.negative_elbo(x, noise).sum(), weight)
    printed = float((x.shape[1] * one - gradient).norm() / gradient.norm())
    for i in range(4):
        with torch.no_grad():
            weight[0, i, 0] += step
            above = vae.negative_elbo(x, noise).sum()
            weight[0, i, 0] -= 2 * step
            below = vae.negative_elbo(x, noise).sum()
            weight[0, i, 0] += step
        slope = (above - below) / (2 * step)
        worst = max(worst, float((gradient[0, i, 0] - slope).abs() / slope.abs()))
    return Check("relative distance from central differences; the print has x_i in a sum over x", printed, 1e-6, worst)


@statement("eq-3.12")
def reparametrisation() -> Check:
    """E[f(Rep(α, ε))] = E_Q[f] for f(z) = cos z₁ · z₂², whose mean is known."""
    nodes, weights = nodes_in_the_plane()
    z = MEAN + STD * nodes
    value = (weights * z[:, 0].cos() * z[:, 1].square()).sum()
    exact = torch.exp(-(STD[0] ** 2) / 2) * MEAN[0].cos() * (MEAN[1] ** 2 + STD[1] ** 2)
    return Check("one expectation, in noise and in closed form", float((value - exact).abs()), 1e-9)
