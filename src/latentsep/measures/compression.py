"""How few bits a picture needs for a squared error, for any code and any decoder: bounds from both sides.

The rate–distortion function R(D) of a source of pictures is the upper envelope of lines of slope −s, with s in nats per
unit of squared error. On each, R + sD is the least mean of −log Σ w exp(−s‖x − c‖²) over *codebooks* of points c with
weights w (Blahut, 1972; Arimoto, 1972). Any codebook bounds it from above, on pictures that it was not fitted to. From
below it is bounded by duality (Csiszár, 1974), by a function λ of pictures with E λ(x) exp(−s‖x − c‖²) ≤ 1 for all c.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentsep.data.shapes import Shapes
from latentsep.measures import codes
from latentsep.runtime import records

_AT_ONCE = 2_000  # pictures that are held against all points together
_NOTHING = -60.0  # logarithm of a share
KEPT = 0.02  # nats a picture that directions may cost which are left out
MISSING = 0.02  # logarithm of how much more than now a point must be used to be taken in


@dataclass(frozen=True)
class Codebook:
    """Points ``(k, D)`` and the logarithms of their weights ``(k,)``, for a ``slope`` in nats per squared error."""

    points: Tensor
    log_weights: Tensor
    slope: float

    def log_terms(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Of pictures ``(n, D)``, some at a time: they, log w − s‖x − c‖² ``(some, k)``, and its sum's logarithm."""
        own = self.log_weights - self.slope * self.points.square().sum(-1)
        for part in x.split(_AT_ONCE):
            terms = torch.addmm(own, part, self.points.T, alpha=2 * self.slope)
            terms -= self.slope * part.square().sum(-1, keepdim=True)
            yield part, terms, torch.logsumexp(terms, 1)

    def sums(self, x: Tensor) -> Tensor:
        """The logarithms of Σ w exp(−s‖x − c‖²) of pictures ``(n, D)``, ``(n,)``."""
        return torch.cat([total for _, _, total in self.log_terms(x)])

    def improved(self, x: Tensor) -> "Codebook":
        """One round of Blahut's and Arimoto's: the weights as they are used, the points where their pictures are."""
        used, sums = torch.zeros(len(self.points)), torch.zeros_like(self.points)
        for part, terms, total in self.log_terms(x):
            chosen = _shares(terms, total)
            used += chosen.sum(0)
            sums += chosen.T @ part
        kept = used > 1e-6  # a point that nobody uses will not be used again
        used, sums = used[kept], sums[kept]
        return Codebook(sums / used[:, None], torch.log(used / used.sum()), self.slope)

    def cost(self, x: Tensor) -> tuple[float, float]:
        """Rate in nats and squared error with which the codebook codes pictures ``(n, D)``, means over them."""
        total = error = 0.0
        for _, terms, sums in self.log_terms(x):
            chosen = torch.exp(terms - sums[:, None])
            error += float((chosen * (self.log_weights - terms)).double().sum()) / self.slope
            total += float(sums.double().sum())
        return -(total + self.slope * error) / len(x), error / len(x)

    def wanted(self, x: Tensor, starts: int, rounds: int = 20) -> tuple[Tensor, Tensor]:
        """Where points are missing, ``(m, D)``, and the logarithms of how much more they would be used than they are.

        That is the mean over pictures of exp(−s‖x − c‖²) over what the codebook has there; it is at most 1 everywhere
        if the codebook is the best. The ``starts`` points and pictures where it is highest climb (mean shift).
        """
        bumps = Codebook(x, -self.sums(x) - math.log(len(x)), self.slope)
        points = torch.cat([self.points, x])
        points = points[bumps.sums(points).topk(min(starts, len(points))).indices]
        for _ in range(rounds):
            moved = [_shares(terms, total) @ x for _, terms, total in bumps.log_terms(points)]
            points = torch.cat(moved)
        return points, bumps.sums(points)

    def extended(self, x: Tensor, starts: int = 300) -> "Codebook":
        """With points where they are missing, each with the weight of one picture."""
        points, gains = self.wanted(x, starts)
        points = points[gains > MISSING]
        weights = torch.cat([self.log_weights, torch.full((len(points),), -math.log(len(x)))])
        return Codebook(torch.cat([self.points, points]), weights - torch.logsumexp(weights, 0), self.slope)

    def certificate(self, x: Tensor, starts: int = 1_000) -> float:
        """A lower bound on R + sD in nats of the source that has just the pictures ``(n, D)``, as likely each.

        λ is the reciprocal of what the codebook gives to a picture, over the highest that is ``wanted``.
        """
        return -float(self.sums(x).double().mean()) - max(0.0, float(self.wanted(x, starts)[1].max()))


def _shares(terms: Tensor, total: Tensor) -> Tensor:
    """What of a sum each term is, in place; what is next to nothing, since products of denormal numbers take long."""
    return terms.sub_(total[:, None]).clamp_(min=_NOTHING).exp_()


def fitted(x: Tensor, points: Tensor, slope: float, rounds: int, extensions: int = 0) -> Codebook:
    """A codebook for pictures ``(n, D)`` that begins with some points ``(k, D)``, alike in weight.

    It is improved in so many ``rounds``, and again after each of the ``extensions``.
    """
    book = Codebook(points, torch.full((len(points),), -math.log(len(points))), slope)
    for extension in range(extensions + 1):
        book = book.extended(x) if extension else book
        for _ in range(rounds):
            book = book.improved(x)
    return book


@dataclass(frozen=True)
class Compression:
    """One line of slope −``slope``: the source, how many ``pictures`` and ``points`` it is looked for with."""

    data: Shapes
    slope: float
    pictures: int
    points: int
    extensions: int
    rounds: int = 8
    unseen: int = 5_000

    @property
    def summary(self) -> str:
        """What it is, in a few words for a list of many."""
        return f"codebook of up to {self.points:,} points at {self.slope:g} nats per squared error"


def job(compression: Compression) -> records.Job:
    """Its computation as a job for the records."""
    return records.Job(compression, bound, guess=1e-6 * compression.pictures * compression.points)


def bounds(compression: Compression) -> dict[str, float]:
    """``bits`` and ``distortion`` of a code there is, and ``least``, below which R + sD is for none, in bits."""
    return {name: float(value) for name, value in records.fetch(compression, bound).items()}


@torch.no_grad()
def bound(compression: Compression, checkpoint: Path | None = None) -> records.Arrays:
    """Fit the codebook to some pictures, take the upper bound from others, and the lower one from those.

    The least R + sD of a sample is no more, on average, than that of its source, so what bounds it from below does so,
    too. Both go in as many principal directions as cost ``KEPT`` nats; what lies outside counts above, not below.
    """
    count, slope = compression.pictures, compression.slope
    x = compression.data.more("codebook, fitted", count)[0]
    start = compression.data.more("codebook, points", compression.points)[0]
    unseen = compression.data.more("codebook, unseen", compression.unseen)[0]
    mean, variances, directions = codes.principal(x)
    lost = slope * (variances.double().sum() - variances.double().cumsum(0))
    wanted = int((lost > KEPT).sum()) + 1
    x, start, other = ((part - mean) @ directions[:wanted].T for part in (x, start, unseen))
    book = fitted(x, start, slope, compression.rounds, compression.extensions)
    nats, error = book.cost(other)
    outside = float((unseen - mean).square().sum(-1).double().mean() - other.square().sum(-1).double().mean())
    found = {"bits": nats / math.log(2), "distortion": error + outside, "least": book.certificate(x) / math.log(2)}
    return {name: np.array(value) for name, value in found.items()}


@dataclass(frozen=True)
class Envelope:
    """What several lines say together: ``slopes``, ``distortions`` and ``bits`` of codes there are, and ``least``.

    All are ``(lines,)``; ``variance`` is the squared error without any bit.
    """

    slopes: np.ndarray
    distortions: np.ndarray
    bits: np.ndarray
    least: np.ndarray
    variance: float

    @classmethod
    def of(cls, lines: Sequence[Compression]) -> "Envelope":
        """From the records."""
        found = [bounds(line) for line in lines]
        distortions, bits, least = (np.array([each[n] for each in found]) for n in ("distortion", "bits", "least"))
        held = lines[0].data.held_out()[0]
        variance = float((held - lines[0].data.sample(1)[0].mean(0)).square().sum(1).double().mean())
        return cls(np.array([line.slope for line in lines]), distortions, bits, least, variance)

    def below(self, distortion: np.ndarray | float) -> np.ndarray:
        """Bits that no code with this squared error has less of: the highest of the lines, and zero."""
        lines = self.least - np.asarray(distortion, float)[..., None] * self.slopes / math.log(2)
        return np.maximum(lines.max(-1), 0.0)

    def above(self, distortion: np.ndarray | float) -> np.ndarray:
        """Bits that a code with this squared error can have: those of the lines, mixed; NaN where there is none."""
        places, bits = np.append(self.distortions, self.variance), np.append(self.bits, 0.0)
        order = np.argsort(places)
        return np.interp(distortion, places[order], bits[order], left=np.nan, right=0.0)
