"""The experiments of Further work as data: circles whose posteriors are of other families (chapter 13)."""

import math
from typing import Any

from latentsep.data.benchmarks import Benchmark
from latentsep.data.overtones import Octave
from latentsep.models.kinds import ELSEWHERE, FAMILIES, FamilyCircle
from latentsep.training.protocols import FURTHER, protocol
from latentsep.training.runs import Member, Run

APART = (0.0, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0)  # distances of a point's double, in units of σ_X
WIDTHS = (0.1, 1.0, 2.0)  # values of σ_X, up to not far from the collapse at 2.5


def families(profile: str = "book", repetitions: int = 5, seed: int = 0, **changes: Any) -> dict[str, Run]:
    """A circle for each family with one mode, and for each formula of ``elsewhere``: σ = 0.1, three σ_X, trained alike.

    Members of equal σ_X and repetition start from the same weights.

    >>> list(families())[:2], len(families()["von Mises"].members)
    (['heat kernel', 'von Mises'], 15)
    """
    members = tuple(Member(0.1, x, r) for x in WIDTHS for r in range(repetitions))
    settings = {"data": Benchmark(seed=seed), "seed": seed, **protocol(profile, FURTHER, **changes)}
    names = [name for name in (*FAMILIES, *ELSEWHERE) if name != "antipodal"]
    return {name: Run(members, space=FamilyCircle(family=name), **settings) for name in names}


def octaves(profile: str = "book", repetitions: int = 3, seed: int = 0, **changes: Any) -> Run:
    """Latent circles of heat kernels at σ_X = 1 on loops whose two sides are ``APART``, from the same to distinct."""
    data = Octave(seed=seed)
    parts = [distance / math.sqrt(2 * data.dimension) for distance in APART]
    members = tuple(Member(part, 1.0, r) for part in parts for r in range(repetitions))
    return Run(members, data, FamilyCircle(family="heat kernel"), seed=seed, **protocol(profile, FURTHER, **changes))
