"""Checks of what two introductory texts print wrongly about variational autoencoders."""

import math

from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check
from latentsep.theory.factors import Factors
from latentsep.theory.recipes import Kitchen

KITCHEN = Kitchen(("curry", "stew"), ("hot", "mild"), (0.7, 0.3), ((0.9, 0.1), (0.4, 0.6)))


@statement("text-C.1")
def prior() -> Check:
    """The probabilities of all dishes, with the prior as the chance that a recipe is in the book, which each is."""
    exists = [1.0] * len(KITCHEN.recipes)

    def total(weights) -> float:
        return sum(w * p for w, row in zip(weights, KITCHEN.likelihood, strict=True) for p in row)

    return Check(
        "two recipes: P(X) summed over all dishes, less 1", abs(total(exists) - 1), 1e-12, abs(total(KITCHEN.prior) - 1)
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
