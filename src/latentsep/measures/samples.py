"""How good are drawn pictures? Fidelity and coverage apart, since no single number has both.

Pictures enter as features, one row each. ``real`` ones are what the ``drawn`` ones are held against.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

NEIGHBOURS = 5
MEASURES = ("precision", "recall", "density", "coverage", "told")


@dataclass(frozen=True)
class Real:
    """Features of real pictures ``(n, f)``, and how far each is from the k-th nearest of the others, ``(n,)``.

    >>> Real.of(torch.tensor([[0.0], [1.0], [3.0]]), 1).radii
    tensor([1., 1., 2.])
    """

    features: Tensor
    radii: Tensor

    @classmethod
    def of(cls, features: Tensor, neighbours: int = NEIGHBOURS) -> "Real":
        """Raises ``ValueError`` for fewer than two or for no more pictures than ``neighbours``."""
        return cls(features, radii(features, neighbours))


def radii(features: Tensor, neighbours: int) -> Tensor:
    """The distance of each row ``(n, f)`` to its k-th nearest other row, ``(n,)``."""
    if not 1 <= neighbours < len(features):
        raise ValueError(f"neighbours is {neighbours!r}; choose 1 to {len(features) - 1}")
    apart = torch.cdist(features, features).fill_diagonal_(torch.inf)
    return apart.topk(neighbours, dim=1, largest=False).values[:, -1]


def compare(real: Real, drawn: Tensor, neighbours: int = NEIGHBOURS) -> dict[str, float]:
    """The ``MEASURES`` of drawn features ``(m, f)``.

    *Precision* is the share of drawn pictures that lie in the ball of a real one up to its k-th neighbour, *recall* the
    share of real ones in the ball of a drawn one (Kynkäänniemi et al., 2019). *Density* counts in how many balls of
    real ones a drawn one lies, over k, and *coverage* is the share of real ones whose ball has a drawn one (Naeem et
    al., 2020). *Told* is how often the nearest other picture tells whether one is real or drawn, with as many of
    either: 0.5 where nothing does (Lopez-Paz and Oquab, 2017).

    >>> compare(Real.of(torch.tensor([[0.0], [1.0], [3.0]]), 1), torch.tensor([[0.5], [9.0]]), 1)["precision"]
    0.5
    """
    apart = torch.cdist(real.features, drawn)
    inside = apart <= real.radii[:, None]
    own = radii(drawn, neighbours)
    return {
        "precision": float(inside.any(0).double().mean()),
        "recall": float((apart <= own).any(1).double().mean()),
        "density": float(inside.double().sum(0).mean()) / neighbours,
        "coverage": float(inside.any(1).double().mean()),
        "told": told(real.features, drawn),
    }


def told(real: Tensor, drawn: Tensor) -> float:
    """How often the class of the nearest other of all rows is a row's own, for as many real rows as drawn ones."""
    count = min(len(real), len(drawn))
    rows = torch.cat([real[:count], drawn[:count]])
    drawn_one = torch.arange(2 * count) >= count
    nearest = torch.cdist(rows, rows).fill_diagonal_(torch.inf).argmin(1)
    return float((drawn_one[nearest] == drawn_one).double().mean())


def classes(probabilities: Tensor) -> float:
    """How many classes are drawn: e to the entropy of their shares, from class ``probabilities`` ``(m, classes)``.

    >>> classes(torch.eye(4))
    4.0
    """
    shares = torch.bincount(probabilities.argmax(1), minlength=probabilities.shape[1]).double() / len(probabilities)
    return float(torch.exp(torch.special.entr(shares).sum()))
