"""What the posteriors of variational autoencoders say of pictures, and what all of them together look like."""

import math
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.measures import codes
from latentsep.models.normal import kl_normal_diagonal
from latentsep.runtime import records
from latentsep.training.ensembles import Trained, train
from latentsep.training.runs import Run

DRAWN = 1_000  # draws, one from each of so many posteriors
COMPONENTS, FITTED = 10, 4_000  # of a mixture, and the draws that it is fitted to


@dataclass(frozen=True)
class Reading:
    """An ensemble of variational autoencoders whose posteriors are read."""

    run: Run

    @property
    def summary(self) -> str:
        """What it is, in a few words for a list of many."""
        return f"posteriors of {len(self.run.members)} autoencoders"


def job(reading: Reading) -> records.Job:
    """Its computation as a job for the records; the ensemble must be there."""
    return records.Job(reading, read, guess=0.5 * len(reading.run.members))


def table(reading: Reading) -> pd.DataFrame:
    """What is read of each member, one row each."""
    return codes.members(train(reading.run)).assign(**records.fetch(reading, read))


@torch.no_grad()
def posterior(alone: Trained, x: Tensor) -> tuple[Tensor, Tensor]:
    """Means and standard deviations ``(batch, length)`` of the posteriors of an ensemble of one."""
    length = codes.autoencoding(alone).members[0].length
    mean, std = codes.autoencoders(alone).posteriors(x)
    return mean[0, :, :length], std[0, :, :length]


def log_densities(z: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """log N(z; mean, diag(std²)) of draws ``(m, d)`` under posteriors ``(n, d)``, in nats, ``(m, n)``, in double."""
    z, mean, precision = z.double(), mean.double(), std.double().pow(-2)
    squares = z.square() @ precision.T - 2 * z @ (mean * precision).T + (mean.square() * precision).sum(-1)
    return -0.5 * (squares + (math.log(2 * math.pi) - precision.log()).sum(-1))


def log_prior(z: Tensor) -> Tensor:
    """log N(z; 0, I) of ``(..., d)``, in nats, in double precision."""
    return -0.5 * (z.double().square() + math.log(2 * math.pi)).sum(-1)


def together(z: Tensor, mean: Tensor, std: Tensor) -> dict[str, float]:
    """What many posteriors ``(n, d)`` are together, from one draw ``z`` ``(m, d)`` of each of the first m, in nats.

    ``divergence`` is their mean divergence from the prior. It is the sum of ``information``, the mutual information of
    picture and code, and of ``marginal``, the divergence of the aggregate posterior from the prior (Hoffman and
    Johnson, 2016). The information does not exceed log n. ``overlap`` is the share of draws to which another posterior
    gives more density than their own.
    """
    each = log_densities(z, mean, std)
    own = each.diagonal()
    mixed = torch.logsumexp(each, 1) - math.log(len(mean))
    return {
        "divergence": float(kl_normal_diagonal(mean.double(), std.double()).mean()),
        "information": float((own - mixed).mean()),
        "marginal": float((mixed - log_prior(z)).mean()),
        "overlap": float((each.argmax(1) != torch.arange(len(z))).double().mean()),
    }


def lumps(code: Tensor, other: Tensor) -> float:
    """By how many nats a mixture of normal densities says more of ``other`` codes ``(m, d)`` than one of them.

    Both are fitted to ``code`` ``(n, d)``. No classes are asked for.
    """
    from sklearn.mixture import GaussianMixture  # late: it takes a second

    scores = []
    for components in (COMPONENTS, 1):
        fitted = GaussianMixture(components, max_iter=30, tol=1e-2, reg_covar=1e-6, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it stops when it is told to
            scores.append(fitted.fit(code[:FITTED].double().numpy()).score(other.double().numpy()))
    return float(scores[0] - scores[1])


@torch.no_grad()
def read(reading: Reading, checkpoint: Path | None = None) -> records.Arrays:
    """The measures by name, ``(members,)``: those of ``together``, how many numbers are ``active``, and more.

    Of held-out pictures: ``reconstruction``, the squared error of what is drawn and decoded; ``bound``, −ELBO with
    σ_X² = ½ in nats; ``clusters``, the silhouette of the classes among draws, and ``lumps`` among these; ``fresh``, how
    far what is remade is from the nearest learned picture.
    """
    from sklearn.metrics import silhouette_score  # late: it takes a second

    trained = train(reading.run)
    x = codes.data(trained).sample(1)[0]
    held, labels = codes.data(trained).held_out()
    rows = []
    for member in codes.autoencoding(trained).members:
        alone = trained.only(**vars(member))
        mean, std = posterior(alone, x)
        stream = seeds.generator(trained.run.seed, "posteriors", member.kind.name, member.repetition)
        seen = mean + std * torch.randn(mean.shape, generator=stream)
        other, spread = posterior(alone, held)
        drawn = other + spread * torch.randn(other.shape, generator=stream)
        error = (held - codes.pictures_of(alone, drawn)).square().sum(-1).double().mean()
        remade = codes.pictures_of(alone, other)
        kl = kl_normal_diagonal(other, spread).double().mean()
        rows.append({
            **together(seen[:DRAWN], mean, std),
            "reconstruction": float(error),
            "bound": float(error + 0.5 * math.log(math.pi) * x.shape[1] + kl),
            "active": float((mean.var(0) > codes.ACTIVE).sum()),
            "clusters": float(silhouette_score(drawn.double().numpy(), labels.numpy())),
            "lumps": lumps(seen, drawn),
            "fresh": float(torch.cdist(remade, x).amin(1).double().mean()),
        })  # fmt: skip
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
