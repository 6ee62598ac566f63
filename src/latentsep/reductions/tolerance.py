"""The tolerance Δ of a map between two generative models, and the part of it that no map can change (thesis ch. 8).

Everything is computed for all members of the two ensembles, and all repetitions of the map, at once.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.benchmarks import regular_phases
from latentsep.models.latent_spaces import Circle, CliffordTorus
from latentsep.reductions.generative import GenerativeModel, draw, kl_isotropic
from latentsep.reductions.pairing import CHUNK, Pair, check
from latentsep.reductions.reduction import Reductor

Map = Callable[[Tensor], Tensor]


@torch.no_grad()
def divergence(source: GenerativeModel, target: GenerativeModel, mapping: Map, z: Tensor) -> Tensor:
    """KL in nats of the decoding distribution at z to that at M(z) (8.11), ``(..., members, batch)``.

    ``z`` has shape ``(members, batch, d)``; the result gains the axes that ``mapping`` adds in front.
    """
    sigmas = source.sigma_x[:, None], target.sigma_x[:, None]
    return kl_isotropic(source.decode(z), sigmas[0], target.decode(mapping(z)), sigmas[1])


@dataclass(frozen=True)
class Tolerance:
    """Δ in nats, and the standard error of its estimate, each ``(..., members)``."""

    value: Tensor
    error: Tensor


def tolerance(
    source: GenerativeModel,
    target: GenerativeModel,
    mapping: Map,
    samples: int = 10_000,
    seed: int = 0,
    latents: Tensor | None = None,
) -> Tolerance:
    """The least Δ for which ``mapping`` is a Δ-reductor: the mean KL over the prior of ``source`` (8.4).

    For a source of angles the mean is taken by quadrature over ``samples`` regular angles (or nearly as
    many pairs): exact to rounding for a smooth map of the circle, and without error. Otherwise it is the
    mean over as many draws from the prior (8.9). ``latents`` ``(members, N, d)`` are averaged over in place of either.
    Raises ``ValueError`` for models that do not fit each other, as ``Pair`` does, or fewer than 2 samples.
    """
    check(source, target)
    if samples < 2:
        raise ValueError(f"samples is {samples}; choose 2 or more")
    members = len(source.sigma_x)
    if latents is not None:
        exact, z = False, latents
    elif exact := isinstance(source.space, Circle | CliffordTorus):
        circles = getattr(source.space, "dimension", 1)
        side = regular_phases(max(2, round(samples ** (1 / circles))))
        z = torch.cartesian_prod(*[side] * circles).reshape(-1, circles).expand(members, -1, -1)
    else:
        z = draw(source.space, samples, seeds.generator(seed, "tolerance")).expand(members, -1, -1)
    values = torch.cat([divergence(source, target, mapping, part) for part in z.split(CHUNK, 1)], -1).double()
    error = values.std(-1) / math.sqrt(values.shape[-1])
    return Tolerance(values.mean(-1), torch.zeros_like(error) if exact else error)


def tolerances(
    pairs: dict[tuple[str, str], Pair],
    reductors: dict[tuple[str, str], Reductor],
    samples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """The tolerance of every trained map, in nats: one row per pair, repetition of the map, and member.

    Columns ``source``, ``target``, ``map``, ``member``, ``tolerance``, ``error`` (the standard error of
    its estimate) and ``constant`` (9.2).
    """
    rows = []
    for (a, b), pair in pairs.items():
        found = tolerance(pair.source, pair.target, reductors[a, b], samples, seed)
        fixed = constant(pair.source, pair.target).expand(found.value.shape)
        for (r, m), value in np.ndenumerate(found.value.numpy()):
            rows.append((a, b, r, m, value, found.error[r, m].item(), fixed[r, m].item()))
    return pd.DataFrame(rows, columns=["source", "target", "map", "member", "tolerance", "error", "constant"])


def by_cell(found: pd.DataFrame) -> tuple[dict[tuple[str, str], tuple[float, float, int]], dict[str, float]]:
    """What ``tolerances`` returns, addressed as the ledger does: mean, deviation and count, and floors, by cell."""
    cells, floors = {}, {}
    for (a, b), group in found.groupby(["source", "target"], sort=False):
        n, values = len(group), group.tolerance
        cells[f"{a}/{b}", "tolerance"] = (float(values.mean()), float(values.std()) if n > 1 else 0.0, n)
        floors[f"{a}/{b}"] = float(group.constant.mean())
    return cells, floors


@torch.no_grad()
def constant(source: GenerativeModel, target: GenerativeModel) -> Tensor:
    """The part of Δ that no map can change, D/2 (log σ₂²/σ₁² + σ₁²/σ₂² − 1), in nats, ``(members,)`` (9.2)."""
    means = source.decode(source.space.prior().mean.expand(len(source.sigma_x), 1, -1))[:, 0]
    return kl_isotropic(means, source.sigma_x, means, target.sigma_x)
