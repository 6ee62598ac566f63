"""Chapter II: the middles of straight lines between codes of digits, and of mixtures of their pixels."""

from dataclasses import dataclass
from typing import Any

import torch

from latentsep.findings.autoencoders import Study
from latentsep.measures import codes, walks


@dataclass(frozen=True)
class Middles:
    """Of ``pairs`` of different digits: of how many pictures the judge is sure, in per cent; mean lengths of codes."""

    pairs: int
    sure_ends: float
    sure_middle: float
    sure_mixed: float
    norm_ends: float
    norm_middle: float


@torch.no_grad()
def middles(found: Study[Any], kind: str, length: int) -> Middles:
    """Look at held-out digits of different classes, remade by one autoencoder, and midway between two of them."""
    alone = found.one(kind, length)
    held, labels = found.digits.held_out()
    code = next(codes.used(alone, held))
    first, second = walks.pairs(labels, equal=False)
    middle = (code[first] + code[second]) / 2

    def sure(pictures: torch.Tensor) -> float:
        return 100 * float(found.judge.sure(pictures).double().mean())

    ends = torch.cat([code[first], code[second]])
    return Middles(
        pairs=len(first),
        sure_ends=sure(codes.pictures_of(alone, ends)),
        sure_middle=sure(codes.pictures_of(alone, middle)),
        sure_mixed=sure((held[first] + held[second]) / 2),
        norm_ends=float(ends.norm(dim=-1).mean()),
        norm_middle=float(middle.norm(dim=-1).mean()),
    )
