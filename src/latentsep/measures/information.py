"""How much a code knows of a picture, in bits: the rate of a channel, and bounds on the information from both sides."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.measures import codes, posteriors
from latentsep.models.normal import kl_normal_diagonal
from latentsep.runtime import records
from latentsep.training.ensembles import Trained, train
from latentsep.training.runs import Run

BITS = 1 / math.log(2)  # in a nat
DRAWN = 400  # draws, one from each of so many posteriors
SHARE = 0.1  # by which noise that a decoder tolerates may raise the squared error
PICTURES = 200  # for which it is looked for
KEPT = 1e-3  # of the deviation of a number: the steps in which codes without noise are written down
SCALE = 10.0  # by which a code may be stretched without any difference to pictures
SINGLE = 8  # numbers up to which each is looked at by itself


def channel_rate(signal: Tensor, noise: Tensor) -> float:
    """Σ ½ log₂(1 + s/n) for variances of signal and noise ``(d,)``, in bits: the capacity of Gaussian channels.

    No signal of these variances passes more through noise that is normal and independent of it (Shannon, 1949). What
    one passes depends on its distribution, too: as much only if it is normal and independent from number to number.

    >>> channel_rate(torch.tensor([3.0, 0.0]), torch.tensor([1.0, 1.0]))
    1.0
    """
    return float(0.5 * torch.log2(1 + signal.double() / noise.double()).sum())


def between(z: Tensor, mean: Tensor, std: Tensor) -> dict[str, float]:
    """Bounds in bits on the mutual information of picture and code, for normal posteriors ``(n, d)``.

    ``z`` ``(m, d)`` has one draw from each of the first m. Against the mean of all posteriors a draw's own density says
    at least too little, at most log₂ n (*InfoNCE*, with the posteriors for critics); against that of all others it says
    too much (Poole et al., 2019). Both are means, so that the truth is between them up to an error of sampling; its
    standard deviation is ``doubt``, for these pictures.

    A normal density with the moments of all codes together is near their mean density. How much denser draws are under
    their own posterior than under it is known exactly on average, ``beyond``, which takes off most of that error.
    """
    each = posteriors.log_densities(z, mean, std)
    own = each.diagonal().clone()
    each.diagonal().fill_(-torch.inf)
    total = torch.logsumexp(each, 1)
    mixed = torch.logaddexp(total, own) - math.log(len(mean))
    others = total - math.log(len(mean) - 1)
    log_normal, beyond = _beyond_normal(z.double(), mean.double(), std.double())
    known = own - log_normal
    bits = {"beyond": beyond}
    for name, sampled in (("least", own - mixed), ("most", own - others)):
        weight = torch.cov(torch.stack([sampled, known]))[0, 1] / known.var()
        steady = sampled - weight * (known - beyond)
        bits |= {name: steady.mean(), "doubt": steady.std() / len(z) ** 0.5}
    return {name: float(value) * BITS for name, value in bits.items()}


def _beyond_normal(z: Tensor, mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """The log density ``(m,)`` of draws under a normal one with all codes' moments, and posteriors' mean divergence."""
    spread = torch.cov(mean.T, correction=0).reshape(mean.shape[1], mean.shape[1]) + std.square().mean(0).diag()
    normal = torch.distributions.MultivariateNormal(mean.mean(0), spread)
    entropy = normal.entropy()  # of posteriors it is the mean of −log density under a normal one of their moments
    each = (std.log() + 0.5 * math.log(2 * math.pi * math.e)).sum(-1)
    return normal.log_prob(z), entropy - each.mean()


@torch.no_grad()
def tolerated(alone: Trained, x: Tensor, share: float = SHARE) -> Tensor:
    """Deviations ``(d,)`` of noise in the numbers of a code, each of which raises the squared error by ``share``/d.

    Found by halving, for pictures ``(batch, D)``; so all together raise it by about ``share``. A number whose noise
    does no harm tolerates a hundred of its own deviations.
    """
    code = next(codes.used(alone, x))
    error = (x - codes.pictures_of(alone, code)).square().sum(-1).mean()
    noise = torch.randn(code.shape, generator=seeds.generator(alone.run.seed, "tolerated"))
    length = code.shape[1]
    most = 100 * code.std(0).clamp(min=1e-6)
    low, high = (most * 1e-6).log(), most.log()
    for _ in range(14):
        middle = (low + high) / 2
        moved = code + torch.diag_embed(middle.exp() * noise).transpose(0, 1)  # (numbers, batch, d), one number in each
        made = codes.pictures_of(alone, moved.flatten(0, 1)).unflatten(0, moved.shape[:2])
        raised = (x - made).square().sum(-1).mean(-1) - error
        much = raised > share / length * error
        low, high = torch.where(much, low, middle), torch.where(much, middle, high)
    return low.exp()


@dataclass(frozen=True)
class Passage:
    """An ensemble whose codes are asked how much they know; ``share`` is that of ``tolerated`` noise."""

    run: Run
    share: float = SHARE

    @property
    def summary(self) -> str:
        """What it is, in a few words for a list of many."""
        return f"information in {len(self.run.members)} codes"


def job(passage: Passage) -> records.Job:
    """Its computation as a job for the records; the ensemble must be there."""
    return records.Job(passage, measure, guess=1.0 * len(passage.run.members))


def table(passage: Passage) -> pd.DataFrame:
    """What is measured of each member, one row each."""
    return codes.members(train(passage.run)).assign(**records.fetch(passage, measure))


@torch.no_grad()
def measure(passage: Passage, checkpoint: Path | None = None) -> records.Arrays:
    """The measures by name, ``(members,)``, in bits but for errors.

    A code is a mean and noise: that of its posterior, or for a code without noise what is ``tolerated``. ``rate``
    is the channel's with the variance of the code before noise; ``least`` and ``most`` bound the information, up to
    a ``doubt``; ``singles`` sums the least of each number; ``divergence`` is that from the prior, ``marginal`` that
    of all codes together, ``irregular`` that of these from a normal density of their moments, both with the least
    information; ``confused`` is what codes without noise, written down in steps of ``KEPT``, do not say. Of
    held-out pictures there are the ``cost``, their divergence, and squared errors, ``clean`` without the noise and
    ``noisy`` with it. Without a prior there is ``rate_scaled``, with the same noise and the code at ten times the
    scale, and by how much that moves a pixel at most, ``moved``.
    """
    trained, rows = train(passage.run), []
    x, held = codes.data(trained).sample(1)[0], codes.data(trained).held_out()[0]
    for member in codes.autoencoding(trained).members:
        alone = trained.only(**vars(member))
        (mean, std), (other, spread) = (posteriors.posterior(alone, part) for part in (x, held))
        if not member.kind.variational:
            quiet = tolerated(alone, x[:PICTURES], passage.share)
            std, spread = quiet.expand_as(mean), quiet.expand_as(other)
        stream = seeds.generator(trained.run.seed, "information", member.kind.name, member.repetition)
        z = mean + std * torch.randn(mean.shape, generator=stream)
        seen = other + spread * torch.randn(other.shape, generator=stream)
        noise = std.square().mean(0)
        few = slice(0, DRAWN)
        bounds = between(z[few], mean, std)
        singles = [
            between(z[few, i : i + 1], mean[:, i : i + 1], std[:, i : i + 1])["least"]
            for i in range(member.length if member.length <= SINGLE else 0)
        ]
        rows.append({
            "rate": channel_rate(mean.var(0), noise),
            **bounds,
            "singles": sum(singles) if singles else math.nan,
            "divergence": divergence(mean, std),
            "cost": divergence(other, spread),
            "marginal": divergence(mean, std) - bounds["least"],
            "irregular": bounds["beyond"] - bounds["least"],
            "confused": confused(torch.round(mean / mean.std(0).clamp(min=1e-6) / KEPT)),
            "clean": error(alone, held, other),
            "noisy": error(alone, held, seen),
            **(_at_another_scale(alone, x[:PICTURES], mean, noise) if not member.kind.variational else {}),
        })  # fmt: skip
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, math.nan) for row in rows]) for name in names}


def divergence(mean: Tensor, std: Tensor) -> float:
    """The mean divergence of posteriors ``(n, d)`` from the standard normal prior, in bits."""
    return float(kl_normal_diagonal(mean.double(), std.double()).mean()) * BITS


def confused(code: Tensor) -> float:
    """What codes ``(n, d)`` without noise do not say, in bits, of which of the n pictures it is.

    >>> confused(torch.tensor([[1.0], [1.0], [2.0], [3.0]]))
    0.5
    """
    counts = code.unique(dim=0, return_counts=True)[1].double()
    return float((counts * counts.log2()).sum() / len(code))


def _at_another_scale(alone: Trained, x: Tensor, mean: Tensor, noise: Tensor) -> dict[str, float]:
    other = rescaled(alone, SCALE)
    codes_of = next(codes.used(other, x))
    made = codes.pictures_of(alone, next(codes.used(alone, x))), codes.pictures_of(other, codes_of)
    return {
        "rate_scaled": channel_rate((SCALE * mean).var(0), noise),
        "moved": float((made[0] - made[1]).abs().max()),
    }


def error(alone: Trained, x: Tensor, code: Tensor) -> float:
    """The mean squared error of pictures ``(batch, D)`` that are made of codes ``(batch, d)``."""
    return float((x - codes.pictures_of(alone, code)).square().sum(-1).double().mean())


def rescaled(alone: Trained, factor: float) -> Trained:
    """The same autoencoder with another scale of its code: the encoder's last layer times ``factor``, the decoder back.

    It makes the same pictures. Raises ``ValueError`` for a variational one, whose prior has a scale, or if ``factor``
    is not positive.
    """
    if not factor > 0 or codes.autoencoding(alone).members[0].kind.variational:
        raise ValueError(f"factor is {factor!r}; choose a positive number, and a code without a prior")
    weights = {name: value.clone() for name, value in alone.vae.state_dict().items()}
    last = f"encoder.layers.{alone.run.layers}"
    for name, by in ((f"{last}.weight", factor), (f"{last}.bias", factor), ("decoder.layers.0.weight", 1 / factor)):
        weights[name] *= by
    vae = alone.run.model()
    vae.load_state_dict(weights)
    return Trained(alone.run, vae.eval().requires_grad_(False), alone.history)
