"""The registry of checks, and what several of them share."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal

from latentsep import seeds
from latentsep.ledger import Check

STATEMENTS: dict[str, Callable[[], Check]] = {}


def statement(item: str) -> Callable:
    """Register a function without arguments as the check of a numbered item."""

    def register(check: Callable[[], Check]) -> Callable[[], Check]:
        STATEMENTS[item] = check
        return check

    return register


def against_normal(
    says: str, printed: Callable[[Tensor, Tensor, float], Tensor], corrected: Callable | None = None
) -> Check:
    """Distance of a formula for −log N(x; m, σ²I) from ``torch.distributions``, over three σ."""
    stream = seeds.generator(0, "likelihood check")
    x, m = torch.randn(2, 25, generator=stream, dtype=torch.float64)
    worst = {}
    for name, formula in (("printed", printed), ("corrected", corrected)):
        if formula is not None:
            gaps = [formula(x, m, s) + Normal(m, s).log_prob(x).sum() for s in (0.01, 0.1, 1.0)]
            worst[name] = max(float(g.abs()) for g in gaps)
    return Check(says, tolerance=1e-7, **worst)
