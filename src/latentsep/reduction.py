"""Δ-reduction of one generative model to another: the tolerance Δ and Algorithm 2 (thesis ch. 8 and 9).

Two models decode into the same data space. A map M from the latent space of the first to that of the
second is a Δ-reductor if the decoding distributions at z and M(z) differ by at most Δ nats on average
(8.4). Everything is computed for all members of the two ensembles, and all repetitions, at once.
"""

import hashlib
import itertools
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep import progress, records, seeds
from latentsep.datasets import regular_phases
from latentsep.generative import GenerativeModel, circle, digest, draw, kl_isotropic
from latentsep.latent_spaces import Circle, CliffordTorus
from latentsep.reductors import Family, family
from latentsep.topology import winding

Map = Callable[[Tensor], Tensor]
_CHUNK = 2_000  # latent variables compared at once, which bounds the memory taken


@dataclass(frozen=True)
class Pair:
    """Two generative models, the family that maps between them, and what latent variables are drawn from.

    ``family`` is Table 9.1's unless another is given; ``latents`` ``(members, N, d)`` is a set of latent
    variables to draw from instead of the prior of ``source``. Raises ``ValueError`` if the family is of
    other spaces, or the models differ in their numbers of members or the dimension of their data, or
    ``latents`` or the family's reflections are for another number of members.
    """

    source: GenerativeModel
    target: GenerativeModel
    family: Family | None = None
    latents: Tensor | None = None

    def __post_init__(self):
        if self.family is None:
            object.__setattr__(self, "family", family(self.source.space, self.target.space))
        spaces = self.source.space, self.target.space
        if (self.family.source, self.family.target) != spaces:
            raise ValueError(
                f"family maps {self.family.source} to {self.family.target}; the models have {spaces[0]} and {spaces[1]}"
            )
        check(self.source, self.target)
        reflected = getattr(self.family, "reflected", None)
        for name, given in (("latents", self.latents), ("reflected", reflected)):
            if not (given is None or isinstance(given, bool) or len(given) == len(self.source.sigma_x)):
                raise ValueError(f"{name} is for {len(given)} members of {len(self.source.sigma_x)}; give one each")


def check(source: GenerativeModel, target: GenerativeModel) -> None:
    """Raise ``ValueError`` if two models differ in their numbers of members or the dimension of their data."""
    members = len(source.sigma_x), len(target.sigma_x)
    if members[0] != members[1]:
        raise ValueError(f"target has {members[1]} members and source {members[0]}; choose as many")
    widths = [m.decode(m.space.prior().mean.expand(members[0], 1, -1)).shape[-1] for m in (source, target)]
    if widths[0] != widths[1]:
        raise ValueError(f"target decodes to {widths[1]} numbers and source to {widths[0]}; choose as many")


@dataclass(frozen=True)
class Reductor:
    """A family with its parameters, ``(repetitions, members, *family.shape)``: a map between latent spaces."""

    family: Family
    parameters: Tensor

    def __call__(self, z: Tensor) -> Tensor:
        """Map ``([repetitions,] members, batch, d₁)`` to ``(repetitions, members, batch, d₂)``."""
        return self.family.apply(self.parameters, z)


@dataclass(frozen=True)
class Reduction:
    """Everything that determines what Algorithm 2 finds for several pairs; ``pairs`` are named by ``models``.

    Raises ``ValueError`` for a number below 1.
    """

    keys: tuple[Hashable, ...]
    models: tuple[str, ...]
    repetitions: int
    updates: int
    samples: int
    learning_rate: float
    seed: int
    pairs: tuple[Pair, ...] = field(compare=False, repr=False, default=())

    def __post_init__(self):
        for name in ("repetitions", "updates", "samples"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"{name} is {value}; choose 1 or more")

    @property
    def summary(self) -> str:
        """What it is, in a few words for a list of many."""
        return f"maps between {len(self.keys)} pairs, {self.updates:,} updates"

    @classmethod
    def of(
        cls,
        pairs: dict[Hashable, Pair],
        repetitions: int = 3,
        updates: int = 10_000,
        samples: int = 10_000,
        learning_rate: float = 0.05,
        seed: int = 0,
    ) -> "Reduction":
        """The definition for pairs by their keys; a model without a name leaves its pair without one."""
        models = tuple(map(_digest, pairs.values()))
        return cls(tuple(pairs), models, repetitions, updates, samples, learning_rate, seed, tuple(pairs.values()))

    def reductors(self, arrays: dict[str, np.ndarray]) -> dict[Hashable, Reductor]:
        """The maps with the parameters that ``train`` or the records hold."""
        found = (torch.from_numpy(arrays[str(i)]) for i in range(len(self.keys)))
        return {k: Reductor(p.family, v) for k, p, v in zip(self.keys, self.pairs, found, strict=True)}


def _digest(pair: Pair) -> str:
    """What tells a pair from others: both models, the family, the latent variables; empty if a model has no name."""
    parts = [digest(pair.source), digest(pair.target), repr(pair.family)]
    if pair.latents is not None:
        parts.append(hashlib.sha256(pair.latents.contiguous().numpy().tobytes()).hexdigest())
    return "" if None in parts else hashlib.sha256(repr(parts).encode()).hexdigest()


def job(pairs: dict[Hashable, Pair], **settings: float) -> records.Job:
    """Algorithm 2 for ``pairs`` as a job for the records; ``settings`` are those of ``train``.

    Raises ``ValueError`` for a model without a name, of which no record could tell what it is of.
    """
    definition = Reduction.of(pairs, **settings)
    if "" in definition.models:
        raise ValueError(f"pairs has a model without a name in {definition.keys[definition.models.index('')]}")
    return records.Job(definition, algorithm_2, guess=10.0)


def train(pairs: dict[Hashable, Pair], *numbers: int, **settings: float) -> dict[Hashable, Reductor]:
    """Algorithm 2 for all pairs, members and repetitions at once: the parameters with the least mean distance (9.1).

    Takes the ``repetitions``, ``updates``, ``samples`` (L), ``learning_rate`` and ``seed`` of ``Reduction.of``. Keys
    name the pairs, and their random numbers. What was found before comes from the records. Raises ``ValueError``
    for a number below 1.
    """
    definition = Reduction.of(pairs, *numbers, **settings)
    if "" in definition.models:
        return definition.reductors(algorithm_2(definition))
    return definition.reductors(records.fetch(definition, algorithm_2))


def algorithm_2(definition: Reduction, checkpoint: Path | None = None) -> records.Arrays:
    """The parameters of the maps, by the number of their pair, ``(repetitions, members, *family.shape)``.

    Every update draws ``samples`` (L) latent variables for each pair and repetition; all members share
    them. The thesis leaves the step to the reader: here it is Adam's, from ``learning_rate`` to 0 along a
    cosine.
    """
    pairs = dict(zip(definition.keys, definition.pairs, strict=True))
    parameters, streams = {}, {}
    for key, pair in pairs.items():
        members = len(pair.source.sigma_x)
        streams[key] = [seeds.generator(definition.seed, "reduction", key, r) for r in range(definition.repetitions)]
        start = torch.stack([torch.stack([pair.family.start(s) for _ in range(members)]) for s in streams[key]])
        parameters[key] = start.requires_grad_()
    optimiser = torch.optim.Adam(parameters.values(), lr=definition.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, definition.updates)
    with progress.Bar("updates of the reductors", definition.updates) as bar:
        for _ in range(definition.updates):
            optimiser.zero_grad()
            for key, pair in pairs.items():
                z = _latents(pair, definition.samples, streams[key])
                with torch.no_grad():
                    wanted = pair.source.decode(z)
                distance = (pair.target.decode(pair.family.apply(parameters[key], z)) - wanted).square().sum(-1)
                # Nothing is shared, so the gradient of the sum is every map's own gradient.
                distance.mean(-1).sum().backward(inputs=[parameters[key]])
            optimiser.step()
            schedule.step()
            bar.advance(1)
    return {str(i): value.detach().numpy() for i, value in enumerate(parameters.values())}


def _latents(pair: Pair, samples: int, streams: list[torch.Generator]) -> Tensor:
    """Latent variables for one update, ``(repetitions, members, samples, d)``."""
    if pair.latents is not None:
        rows = [torch.randint(pair.latents.shape[1], (samples,), generator=s) for s in streams]
        return torch.stack([pair.latents[:, r] for r in rows])
    drawn = torch.stack([draw(pair.source.space, samples, s) for s in streams])
    return drawn[:, None].expand(-1, len(pair.source.sigma_x), -1, -1)


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
    values = torch.cat([divergence(source, target, mapping, part) for part in z.split(_CHUNK, 1)], -1).double()
    error = values.std(-1) / math.sqrt(values.shape[-1])
    return Tolerance(values.mean(-1), torch.zeros_like(error) if exact else error)


def matched(source: GenerativeModel, target: GenerativeModel) -> Pair:
    """A pair with the thesis's family, reflected for those members whose relative degree is negative.

    A degree of 0, of a decoder that folds or tears the circle, asks for neither sense and gets no reflection.
    """
    if not isinstance(target.space, Circle):
        return Pair(source, target)
    degrees, _ = relative_degree(source, target)
    return Pair(source, target, family(source.space, target.space, tuple((degrees < 0).tolist())))


def between(
    models: dict[str, GenerativeModel], pair: Callable[[GenerativeModel, GenerativeModel], Pair] = matched
) -> dict[tuple[str, str], Pair]:
    """All ordered pairs of several models, with reflections where they are needed; ``pair=Pair`` for none."""
    return {(a, b): pair(models[a], models[b]) for a, b in itertools.permutations(models, 2)}


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


@torch.no_grad()
def nearest(source: GenerativeModel, target: GenerativeModel, z: Tensor, count: int = 720) -> Tensor:
    """The angle on the target's circle that decodes nearest to what ``z`` decodes to.

    Radians, shape ``(members, batch, 1)``; the best of ``count`` regular angles is taken. No map into a
    circle does better than this one, which need be neither continuous nor simple. In a plane, the
    circle is the unit circle.
    """
    images = target.decode(circle(target.space, count).expand(len(target.sigma_x), -1, -1))
    centre = images.mean(-2, keepdim=True)  # distances are taken from products, which cancel far from the origin
    found = [torch.cdist(source.decode(part) - centre, images - centre).argmin(-1) for part in z.split(_CHUNK, 1)]
    return regular_phases(count)[torch.cat(found, -1)][..., None]


def relative_degree(
    source: GenerativeModel, target: GenerativeModel, count: int = 720
) -> tuple[np.ndarray, np.ndarray]:
    """How often the target's circle is gone around while the source's is gone around once, by ``nearest``.

    Returns the degree of every member, and the largest step on the way (radians), as ``winding`` does;
    a degree of −1 asks for a reflection.
    """
    z = circle(source.space, count).expand(len(source.sigma_x), -1, -1)
    return winding(nearest(source, target, z, count)[..., 0])
