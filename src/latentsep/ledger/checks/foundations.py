"""Checks of what two introductory texts print wrongly about variational autoencoders."""

import math

import torch

from latentsep.ledger.checks.registry import MEAN, STD, LinearModel, log_prior, log_q, nodes_in_the_plane, statement
from latentsep.ledger.ledger import Check
from latentsep.models.normal import kl_normal_diagonal
from latentsep.theory.factors import Factors
from latentsep.theory.recipes import Kitchen

KITCHEN = Kitchen(("curry", "stew", "soup"), ("hot", "mild"), (0.5, 0.3, 0.2), ((0.9, 0.1), (0.4, 0.6), (0.2, 0.8)))


@statement("text-C.1")
def prior() -> Check:
    """The probabilities of all dishes, with the prior as the chance that a recipe is in the book, which each is."""
    exists = [1.0] * len(KITCHEN.recipes)

    def total(weights) -> float:
        return sum(w * p for w, row in zip(weights, KITCHEN.likelihood, strict=True) for p in row)

    return Check("P(X) summed over all dishes, against 1", abs(total(exists) - 1), 1e-12, abs(total(KITCHEN.prior) - 1))


@statement("eq-C.1")
def sign_of_reconstruction() -> Check:
    """log P(X) ≥ reconstruction loss − divergence: a loss is smaller the better the picture."""
    model, (nodes, weights) = LinearModel(), nodes_in_the_plane()
    z = MEAN + STD * nodes
    bound = float((weights * (log_prior(z) - model.nll(z) - log_q(z))).sum())
    loss, kl = model.expected_nll(), float(kl_normal_diagonal(MEAN, STD))
    return Check(
        "the bound in two parts, against E[log p(x, z) − log q(z)]",
        abs(loss - kl - bound),
        1e-9,
        abs(-loss - kl - bound),
    )


@statement("eq-C.2")
def dimensions() -> Check:
    """The divergence between densities of a single number, against a sum over d of them."""
    summed = 0.5 * (MEAN**2 + STD**2 - torch.log(STD**2) - 1).sum()
    nodes, weights = nodes_in_the_plane()
    z = MEAN + STD * nodes
    both = float((weights * (log_q(z) - log_prior(z))).sum())
    first = float(kl_normal_diagonal(MEAN[:1], STD[:1]))
    return Check(
        "the sum against the divergence by quadrature: of one number, of both",
        abs(float(summed) - first),
        1e-9,
        abs(float(summed) - both),
    )


@statement("text-M.1")
def minimised_alone() -> Check:
    """The angle of two factors at which the divergence from the posterior is smallest, against the highest bound."""
    model = Factors()
    x = model.draw(math.radians(30), 2_000, 0)
    angles = [math.radians(degrees) for degrees in range(1, 91)]
    alone = min(angles, key=model.gap)
    highest = model.bound(x, model.highest_bound(x))
    best = max(angles, key=lambda angle: model.bound(x, angle))
    lost = [highest - model.bound(x, angle) for angle in (alone, best)]
    return Check("nats by which the bound misses its maximum: least divergence, highest bound", lost[0], 1e-3, lost[1])
