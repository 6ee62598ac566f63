"""How pictures move with codes: along straight lines between two of them, and step by step at single ones."""

import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.measures.judge import Judge
from latentsep.measures.samples import Real

LINES, STEPS = 200, 20  # straight lines of each sort, and the steps of each


def pairs(labels: Tensor, equal: bool, seed: int = 0) -> Tensor:
    """``LINES`` pairs of rows ``(2, LINES)`` whose ``labels`` are equal, or are not, drawn at random."""
    stream = seeds.generator(seed, "lines", "equal" if equal else "unequal")
    found = torch.randint(len(labels), (2, 100 * LINES), generator=stream)
    fits = ((labels[found[0]] == labels[found[1]]) == equal) & (found[0] != found[1])
    return found[:, fits][:, :LINES]


def straight(start: Tensor, end: Tensor) -> Tensor:
    """``STEPS`` + 1 points on the straight line between each pair of rows, ``(lines, STEPS + 1, d)``."""
    return torch.lerp(start[:, None], end[:, None], torch.linspace(0, 1, STEPS + 1)[:, None])


def unevenness(pictures: Tensor) -> float:
    """The longest step of lines of pictures ``(lines, steps + 1, D)`` over the mean one; 1 if all are even."""
    steps = pictures.diff(dim=1).norm(dim=-1)
    return float((steps.amax(1) / steps.mean(1).clamp(min=1e-9)).mean())


def plausible(pictures: Tensor, judge: Judge, real: Real) -> dict[str, float]:
    """Of pictures ``(n, D)``: the share of which a judge is sure, and of those among them that are near real ones.

    *Near* is what precision asks: inside the ball of a real picture up to its k-th neighbour.
    """
    sure = judge.sure(pictures)
    near = (torch.cdist(real.features, judge.features(pictures)) <= real.radii[:, None]).any(0)
    return {"sure": float(sure.double().mean()), "plausible": float((sure & near).double().mean())}
