"""Ensembles that several tests make without training: as they start, or with weights worked out by hand."""

import math

import numpy as np
import torch

from latentsep.data.benchmarks import Benchmark
from latentsep.models.vae import VAE
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Run


def untrained(run: Run) -> Trained:
    """An ensemble as it starts."""
    return Trained(run, run.model().eval().requires_grad_(False), np.zeros((len(run.members), 0)))


def of_the_phase(data: Benchmark, shift: float = 0.0) -> torch.Tensor:
    """Weights ``(2, D)`` that read the cosine and the sine of the phase, less ``shift``, off noiseless data."""
    j = 2 * math.pi * torch.arange(1, data.dimension + 1).double() / data.dimension
    cosine, sine = (2 / data.dimension * f for f in (torch.sin(j), torch.cos(j)))
    c, s = math.cos(shift), math.sin(shift)
    return torch.stack([c * cosine + s * sine, c * sine - s * cosine])


def by_hand(run: Run, hidden: tuple[int, ...] = ()) -> Trained:
    """An ensemble with all weights zero, in double precision; without hidden layers it is linear."""
    seeds_, sigma_x = [run.seed_of(m) for m in run.members], [m.sigma_x / run.data.unit for m in run.members]
    vae = VAE(run.space, run.data.dimension, hidden, sigma_x, seeds_).double().requires_grad_(False)
    for p in vae.parameters():
        p.zero_()
    vae.sigma_x.copy_(torch.tensor(sigma_x, dtype=torch.float64))
    return Trained(run, vae, np.zeros((len(run.members), 0)))
