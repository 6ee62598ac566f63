"""The trainings of chapter II: variational autoencoders of digits, varied one choice at a time."""

from dataclasses import dataclass
from typing import Any

from latentsep.data.handwriting import Handwriting
from latentsep.models.variants import Variant, Variants
from latentsep.training.autoencoding import Autoencoding, runs_of
from latentsep.training.runs import Run

#: Weights β of the divergence against squared errors, between reconstruction only and divergence only.
WEIGHTS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, float("inf"))
#: Lengths of the codes for which they are varied, and that for which everything else is.
SHORT, LONG, MIDDLE = 2, 16, 8


def named(weight: float) -> str:
    """What the variational autoencoder is called whose divergence has a weight.

    >>> [named(weight) for weight in (0, 0.3, float("inf"))]
    ['reconstruction only', 'β = 0.3', 'divergence only']
    """
    return {0.0: "reconstruction only", float("inf"): "divergence only"}.get(weight, f"β = {weight:g}")


def weighed(weight: float) -> Variant:
    """The variational autoencoder whose divergence has a weight; infinity leaves only the divergence."""
    alone = weight == float("inf")
    return Variant(named(weight), reconstruction=0.0 if alone else 1.0, divergence=1.0 if alone else weight)


def others(dimension: int) -> dict[str, Variant]:
    """Other likelihoods and gradients by name, for pictures of so many pixels.

    *averaged* divides the squared error by the number of pixels, as the mean squared errors of libraries do.
    """
    found = (
        Variant("averaged", sigma_x=(dimension / 2) ** 0.5),
        Variant("Bernoulli", likelihood="Bernoulli"),
        Variant("continuous Bernoulli", likelihood="continuous Bernoulli"),
        Variant("score function", gradient="score"),
        Variant("no gradient", gradient="none"),
        Variant("straight through", gradient="straight through"),
    )
    return {kind.name: kind for kind in found}


@dataclass(frozen=True)
class Variation(Autoencoding):
    """A run of ``Variant`` members."""

    def model(self) -> Variants:
        """The ensemble with its initial weights."""
        kinds, lengths, seeds = zip(*((m.kind, m.length, self.seed_of(m)) for m in self.members), strict=True)
        return Variants(self.space, self.data.dimension, self.hidden, kinds, lengths, seeds, self.activation)


def variations(
    data: Handwriting, profile: str = "book", repetitions: int = 3, seed: int = 0, **changes: Any
) -> list[Run]:
    """The weights for short and for long codes, and the others: three ensembles, to be trained side by side."""
    parts = [[(weighed(weight), length) for weight in WEIGHTS] for length in (SHORT, LONG)]
    parts.append([(kind, MIDDLE) for kind in others(data.dimension).values()])
    return runs_of(Variation, data, parts, profile, repetitions, seed, **changes)
