"""Chapter I: pictures that autoencoders make, and what the measures say of counterfeits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.findings.autoencoders import Study
from latentsep.measures import codes, examination, samples, walks


def counterfeits(found: Study[Any], seed: int = 0) -> pd.DataFrame:
    """What the measures say of pictures that nobody would take for drawn digits, or for new ones; one row each."""
    x, held = found.digits.sample(1)[0], found.digits.held_out()[0]
    count = min(examination.DRAWN, len(held), len(x) // 3)
    real = samples.Real.of(found.judge.features(x[: examination.REAL]))
    stream = torch.Generator().manual_seed(seed)
    jitter = 1e-3 * torch.randn(count, x.shape[1], generator=stream)  # so that no two are the same picture
    first, second = x[-2 * count : -count], x[-count:]
    rows = torch.randint(len(x), (count, x.shape[1]), generator=stream)
    sets = {
        "held-out digits": held[:count],
        "learned digits, copied": second,
        "one digit, again and again": x[:1] + jitter,
        "the mean of all digits": x.mean(0) + jitter,
        "two digits on top of each other": (first + second) / 2,
        "held-out digits under noise": held[:count] + 0.3 * torch.randn(count, x.shape[1], generator=stream),
        "each pixel from another digit": x.gather(0, rows),
    }
    table = {}
    for name, pictures in sets.items():
        table[name] = {
            **walks.plausible(pictures, found.judge, real),
            "classes": samples.classes(found.judge.probabilities(pictures)),
            "nearest": float(torch.cdist(pictures, x).amin(1).double().mean()),
            **samples.compare(real, found.judge.features(pictures)),
        }
    return pd.DataFrame(table).T


def drawn(found: Study[Any], kind: str, way: str, length: int, count: int) -> np.ndarray:
    """Pictures ``(count, side, side)`` of codes that are drawn from one autoencoder, the first repetition."""
    alone = found.one(kind, length)
    code = next(codes.used(alone, found.digits.sample(1)[0]))
    stream = seeds.generator(alone.run.seed, "shown", way)
    with torch.no_grad():
        return found.pictures(codes.pictures_of(alone, examination.draw(code, way, count, stream)))


def walk(found: Study[Any], kind: str, length: int, rows: tuple[int, int], steps: int) -> np.ndarray:
    """Pictures ``(steps, side, side)`` on the straight line between the codes of two held-out digits."""
    alone, held = found.one(kind, length), found.digits.held_out()[0]
    code = next(codes.used(alone, held[list(rows)]))
    points = torch.lerp(code[:1], code[1:], torch.linspace(0, 1, steps)[:, None])
    with torch.no_grad():
        return found.pictures(codes.pictures_of(alone, points))


def remade(found: Study[Any], kind: str, length: int, seen: Tensor) -> np.ndarray:
    """What one autoencoder, the first repetition, makes of pictures ``(batch, D)``, ``(batch, side, side)``."""
    alone = found.one(kind, length)
    with torch.no_grad():
        return found.pictures(codes.pictures_of(alone, next(codes.used(alone, seen))))


def sheet(found: Study[Any], kind: str, cells: int = 12, reach: float = 2.0) -> Tensor:
    """Pictures ``(cells, cells, side, side)`` of a grid of codes of two numbers, over ±``reach`` deviations."""
    alone = found.one(kind, 2)
    code = next(codes.used(alone, found.digits.sample(1)[0]))
    steps = torch.linspace(-reach, reach, cells)
    grid = torch.cartesian_prod(-steps, steps).flip(-1)  # rows from the top, the first number to the right
    with torch.no_grad():
        pictures = codes.pictures_of(alone, code.mean(0) + grid * code.std(0))
    return pictures.reshape(cells, cells, found.digits.side, found.digits.side)


@dataclass(frozen=True)
class Plane:
    """At how many ``cells`` of a grid of codes, and of how many remade digits, the judge is sure, in per cent."""

    cells: int
    sure_cells: float
    sure_remade: float


@torch.no_grad()
def plane(found: Study[Any], kind: str) -> Plane:
    """Hold the ``sheet`` of a kind against what it remakes of held-out digits from codes of two numbers."""
    alone, held = found.one(kind, 2), found.digits.held_out()[0]
    cells = sheet(found, kind).flatten(0, 1).flatten(1)
    remade = codes.pictures_of(alone, next(codes.used(alone, held)))
    sure = [100 * float(found.judge.sure(pictures).double().mean()) for pictures in (cells, remade)]
    return Plane(len(cells), *sure)
