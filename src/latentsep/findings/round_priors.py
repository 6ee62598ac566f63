"""Chapter II: codes of data along a loop, against a normal prior in the plane and a uniform one on the circle."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.benchmarks import embed, regular_phases
from latentsep.measures import posteriors
from latentsep.training import experiments
from latentsep.training.ensembles import Trained, train

CELL = {"dataset": 0.1, "sigma_x": 0.1, "repetition": 0}  # of the thesis's tables
PRECISE = 0.01  # another σ_X of theirs


@dataclass(frozen=True)
class Misfit:
    """The divergence of the aggregate posterior from the prior, in nats, in the plane and on the circle.

    ``of_precise`` is that in the plane for ``sigma_precise`` as σ_X, the others are for ``sigma_plane``.
    """

    of_plane: float
    of_precise: float
    of_circle: float
    sigma_plane: float
    sigma_precise: float


@torch.no_grad()
def draws(profile: str, seed: int) -> tuple[dict[str, tuple[Tensor, Tensor, Tensor]], Misfit]:
    """Draws from prior and posteriors of data along a loop, for ``figures.priors_and_codes``, and the misfit."""
    planes = train(experiments.benchmark_table(profile, seed=seed))
    circle = train(experiments.circle_tables(profile, seed=seed)["corrected"]).only(**CELL)
    phases = regular_phases(1_000)
    stream = seeds.generator(seed, "priors and codes")
    _, of_precise = _in_plane(planes.only(**CELL | {"sigma_x": PRECISE}), phases, stream)
    z, of_plane = _in_plane(planes.only(**CELL), phases, stream)
    angles, misfit = _around(circle, phases, stream)
    even = 2 * math.pi * torch.rand(len(phases), generator=stream)
    rings = [
        embed(angle) * (1 + 0.04 * torch.randn(len(phases), generator=stream))[:, None] for angle in (even, angles)
    ]
    spaces = {
        "the plane, normal prior": (torch.randn(z.shape, generator=stream), z, phases),
        "the circle, uniform prior": (rings[0], rings[1], phases),
    }
    return spaces, Misfit(of_plane, of_precise, misfit, CELL["sigma_x"], PRECISE)


def _in_plane(plane: Trained, phases: Tensor, stream: torch.Generator) -> tuple[Tensor, float]:
    """A draw of each posterior in the plane, and the divergence of their mean density from the normal one."""
    posterior = plane.vae.posterior(plane.run.loop(phases)).base_dist
    mean, std = posterior.loc[0], posterior.scale[0]
    z = mean + std * torch.randn(mean.shape, generator=stream)
    return z, posteriors.together(z, mean, std)["marginal"]


def _around(circle: Trained, phases: Tensor, stream: torch.Generator) -> tuple[Tensor, float]:
    """A draw of each posterior on the circle, and the divergence of their mean density from the uniform one."""
    posterior = circle.vae.posterior(circle.run.loop(phases))
    noise = torch.randn(1, 1, len(phases), circle.run.space.noise_features, generator=stream)
    angles = circle.run.space.rsample(posterior, noise)[0, 0, :, 0]
    grid = regular_phases(720)
    each = torch.stack([posterior.log_prob(torch.full((1, len(phases), 1), float(a)))[0] for a in grid])
    mixed = torch.logsumexp(each.double(), 1) - math.log(len(phases)) + math.log(2 * math.pi)
    shares = torch.softmax(mixed, 0)
    return angles, float((shares * mixed).sum())
