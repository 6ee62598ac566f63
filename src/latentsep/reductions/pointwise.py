"""Maps between plane, circle and phases, looked at point by point: where one leads, and what it adds to Δ there."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from latentsep.reductions.comparisons import SIGMA
from latentsep.reductions.generative import GenerativeModel, Known, generative_model
from latentsep.reductions.reduction import Reductor
from latentsep.reductions.reductors import Linear, Rotation
from latentsep.reductions.tolerance import divergence
from latentsep.training.ensembles import Trained

Key = tuple[str, str]  # source and target, by their names


@dataclass(frozen=True)
class Pointwise:
    """What is mapped to one another: the autoencoders of ``R²`` and ``S¹``, and the phases Φ of what they have seen.

    ``means`` has Δ in nats of the first repetition of each of the ``reductors``, for the first autoencoders. Raises
    ``ValueError`` for a map that is neither a matrix nor a rotation.
    """

    trained: Mapping[str, Trained]
    reductors: Mapping[Key, Reductor]
    means: Mapping[Key, float]

    def __post_init__(self):
        for (a, b), reductor in self.reductors.items():
            if not isinstance(reductor.family, Linear | Rotation):
                raise ValueError(f"{a} → {b} is a {type(reductor.family).__name__}; choose a matrix or a rotation")

    @cached_property
    def models(self) -> dict[str, GenerativeModel]:
        """The generative models by the names of their spaces."""
        learned: dict[str, GenerativeModel] = {name: generative_model(t) for name, t in self.trained.items()}
        first = next(iter(self.trained.values()))
        return {**learned, "Φ": Known.benchmark(first.benchmark, SIGMA, len(first.run.members))}

    @torch.no_grad()
    def compared(self, key: Key, z: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of latent variables ``(n, d)``: their images, both decoded ``(n, D)``, and KL in nats ``(n,)`` (8.11)."""
        source, target = (self.models[name] for name in key)
        reductor, several = self.reductors[key], z.expand(len(source.sigma_x), -1, -1)
        image = reductor(several)
        kl = divergence(source, target, reductor, several)
        return image[0, 0], source.decode(several)[0], target.decode(image)[0, 0], kl[0, 0]
