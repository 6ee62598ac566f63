"""The negative ELBO of a circle by quadrature: no sample, and no formula for the divergence (Further work)."""

import copy
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentsep.data.benchmarks import regular_phases
from latentsep.models.vae import negative_log_likelihood
from latentsep.runtime import records
from latentsep.training.ensembles import Trained, train
from latentsep.training.runs import Run

_NODES, _WEIGHTS = (torch.from_numpy(a).view(-1, 1, 1, 1) for a in np.polynomial.legendre.leggauss(96))


@torch.no_grad()
def exact_bound(trained: Trained, x: Tensor) -> Tensor:
    """Every member's −ELBO in nats, ``(members,)``: the mean over ``x`` ``([members,] batch, D)``, double precision.

    For families with one mode, at the location. With q the density of the posterior it is the integral of
    q·(−log P(x|θ) + log 2πq) over one turn, which is valid whatever a family takes for its divergence. Angles
    are √(2t)·sinh(s) from the location, so that narrow densities and heavy tails are resolved alike; s is integrated by
    Gauss and Legendre's rule.
    """
    vae, x = copy.deepcopy(trained.vae).double(), x.double()
    posterior = vae.posterior(x).base_dist
    log_t = vae.encoder(x.expand(vae.members, *x.shape[-2:]))[..., -1:]
    width = (0.5 * (log_t + math.log(2))).exp().clamp(max=1.0)
    reach = torch.asinh(math.pi / width)
    s = reach * _NODES  # (nodes, members, batch, 1)
    angles = posterior.loc + width * s.sinh()
    log_q = posterior.log_prob(angles)
    weights = log_q.exp() * width * s.cosh() * reach * _WEIGHTS
    missed = negative_log_likelihood(x, vae.decode(angles), vae.sigma_x[:, None])
    return (weights * (missed[..., None] + log_q + math.log(2 * math.pi))).sum((0, -1)).mean(-1)


@dataclass(frozen=True)
class Bound:
    """An ensemble on loops, whose bound over regular phases is wanted."""

    run: Run

    @property
    def summary(self) -> str:
        """What it is, in a few words for a list of many."""
        return f"bounds of {len(self.run.members)} circles by quadrature"


def job(bound: Bound) -> records.Job:
    """Its computation as a job for the records; the ensemble must be there."""
    return records.Job(bound, _compute, guess=10.0)


def bounds(run: Run) -> np.ndarray:
    """``exact_bound`` at 100 regular phases of a trained run, ``(members,)``, from the records if it is there."""
    return records.fetch(Bound(run), _compute)["neg_elbo"]


def _compute(bound: Bound, checkpoint: Path | None = None) -> records.Arrays:
    return {"neg_elbo": exact_bound(train(bound.run), bound.run.loop(regular_phases())).numpy()}
