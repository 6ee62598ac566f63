"""Algorithm 2: the parameters of maps between the latent spaces of pairs of models (thesis §9.4)."""

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.reductions.generative import digest, draw
from latentsep.reductions.pairing import Pair
from latentsep.reductions.reductors import Family
from latentsep.runtime import progress, records


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
        pairs: Mapping[Any, Pair],
        repetitions: int = 3,
        updates: int = 10_000,
        samples: int = 10_000,
        learning_rate: float = 0.05,
        seed: int = 0,
    ) -> "Reduction":
        """The definition for pairs by their keys; a model without a name leaves its pair without one."""
        models = tuple(map(_digest, pairs.values()))
        return cls(tuple(pairs), models, repetitions, updates, samples, learning_rate, seed, tuple(pairs.values()))

    def reductors(self, arrays: dict[str, np.ndarray]) -> dict[Any, Reductor]:
        """The maps with the parameters that ``train`` or the records hold."""
        found = (torch.from_numpy(arrays[str(i)]) for i in range(len(self.keys)))
        return {k: Reductor(p.family, v) for k, p, v in zip(self.keys, self.pairs, found, strict=True)}


def _digest(pair: Pair) -> str:
    """What tells a pair from others: both models, the family, the latent variables; empty if a model has no name."""
    parts = [digest(pair.source), digest(pair.target), repr(pair.family)]
    if pair.latents is not None:
        parts.append(hashlib.sha256(pair.latents.contiguous().numpy().tobytes()).hexdigest())
    return "" if None in parts else hashlib.sha256(repr(parts).encode()).hexdigest()


def job(pairs: Mapping[Any, Pair], **settings: Any) -> records.Job:
    """Algorithm 2 for ``pairs`` as a job for the records; ``settings`` are those of ``train``.

    Raises ``ValueError`` for a model without a name, of which no record could tell what it is of.
    """
    definition = Reduction.of(pairs, **settings)
    if "" in definition.models:
        raise ValueError(f"pairs has a model without a name in {definition.keys[definition.models.index('')]}")
    return records.Job(definition, algorithm_2, guess=10.0)


def train(pairs: Mapping[Any, Pair], *numbers: int, **settings: Any) -> dict[Any, Reductor]:
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
