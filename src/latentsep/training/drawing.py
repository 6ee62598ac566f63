"""The trainings of chapter III: autoencoders of drawn shapes, plain and variational, by length and by weight."""

from typing import Any

from latentsep.data.shapes import Shapes
from latentsep.training.autoencoding import KINDS, Autoencoding, runs_of
from latentsep.training.protocols import SHAPES
from latentsep.training.runs import Run
from latentsep.training.variations import Variation, weighed

LENGTHS = (2, 3, 4, 5, 8, 32)
FEW_LENGTHS = (2, 3, 4, 8)  # those of the profile ``smoke``, which only shows that it runs
#: Weights β of the divergence against squared errors, and the length of the codes for which they are varied.
WEIGHTS, MIDDLE = (0.1, 0.3, 1.0, 3.0, 6.0, 20.0), 8
SMOKE = 400  # pictures of the same


def shapes(profile: str, turned: bool = False, seed: int = 0) -> Shapes:
    """The shapes of a profile."""
    return Shapes(SMOKE, SMOKE, turned, seed) if profile == "smoke" else Shapes(turned=turned, seed=seed)


def lengths(data: Shapes, profile: str = "book", repetitions: int = 3, seed: int = 0, **changes: Any) -> list[Run]:
    """Plain autoencoders with codes of several lengths, and then variational ones: four ensembles of equal size.

    They are few enough for their weights to stay near the processor.
    """
    several = FEW_LENGTHS if profile == "smoke" else LENGTHS
    halves = several[: len(several) // 2], several[len(several) // 2 :]
    parts = [[(KINDS[name], n) for n in half] for name in ("plain", "variational") for half in halves]
    return runs_of(Autoencoding, data, parts, profile, repetitions, seed, SHAPES, **changes)


def weights(data: Shapes, profile: str = "book", repetitions: int = 3, seed: int = 0, **changes: Any) -> list[Run]:
    """Variational autoencoders with codes of a middle length, by the weight of their divergence: two ensembles."""
    halves = WEIGHTS[: len(WEIGHTS) // 2], WEIGHTS[len(WEIGHTS) // 2 :]
    parts = [[(weighed(weight), MIDDLE) for weight in half] for half in halves]
    return runs_of(Variation, data, parts, profile, repetitions, seed, SHAPES, **changes)
