"""Chapter III: pictures of shapes as they are, as autoencoders remake them, and as these draw new ones."""

import numpy as np
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.shapes import SIDE, Shapes
from latentsep.findings.information import Study
from latentsep.ledger.numerals import numeral
from latentsep.measures import codes, drawings


def shown(flat: Tensor) -> np.ndarray:
    """Pictures ``(..., 784)`` as they are shown, black ink on white, ``(..., 28, 28)``."""
    return 1 - flat.clamp(0, 1).unflatten(-1, (SIDE, SIDE)).numpy()


def first(shapes: Shapes, count: int) -> np.ndarray:
    """The first pictures that are learned from, ``(count, 28, 28)``."""
    return shown(shapes.sample(1)[0][:count])


def held(found: Study, count: int) -> np.ndarray:
    """The first pictures that are held out, ``(count, 28, 28)``."""
    return shown(found.shapes.held_out()[0][:count])


@torch.no_grad()
def remade(found: Study, kind: str, length: int, count: int) -> np.ndarray:
    """What one autoencoder, the first repetition, makes of the first held-out pictures, ``(count, 28, 28)``."""
    alone = found.one(kind, length)
    return shown(codes.pictures_of(alone, next(codes.used(alone, found.shapes.held_out()[0][:count]))))


@torch.no_grad()
def drawn(found: Study, kind: str, way: str, length: int, count: int) -> np.ndarray:
    """Pictures ``(count, 28, 28)`` of codes that are drawn in a way, by the first repetition."""
    alone = found.one(kind, length)
    code = next(codes.used(alone, found.shapes.sample(1)[0]))
    stream = seeds.generator(alone.run.seed, "shown", way)
    return shown(codes.pictures_of(alone, drawings.draw(code, way, count, stream)))


@torch.no_grad()
def walks(found: Study, kind: str, length: int, steps: int, reach: float = 2.0) -> dict[str, np.ndarray]:
    """Pictures ``(steps, 28, 28)`` for each number of a code: from −``reach`` to ``reach`` of its deviations.

    The other numbers stay at their means.
    """
    alone = found.one(kind, length)
    code = next(codes.used(alone, found.shapes.sample(1)[0]))
    places = torch.linspace(-reach, reach, steps)
    rows = {}
    for number in range(length):
        points = code.mean(0).repeat(steps, 1)
        points[:, number] += places * code[:, number].std()
        rows[f"$z_{{{number + 1}}}$"] = shown(codes.pictures_of(alone, points))
    return rows


def places(steps: int, reach: float = 2.0) -> list[str]:
    """Where the pictures of ``walks`` are, in deviations, as a figure says it."""
    return [f"{numeral(float(place), 1, '+')} s" for place in np.linspace(-reach, reach, steps)]
