"""Chapter III: what single numbers of a code move in a picture of a shape."""

from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from latentsep.data.shapes import SIDE
from latentsep.findings.information import Study
from latentsep.measures import codes

STEPS, REACH = 41, 2.0  # of a walk, and how far it goes to either side, in deviations


def outline(flat: Tensor) -> Tensor:
    """Centre x and y, from the upper left corner, and size of the ink in pictures ``(n, 784)``, in pixels, ``(n, 3)``.

    The centre is that of mass, the size the root of the ink: of a whole shape those are its factors.
    """
    ink = flat.double().clamp(0, 1).unflatten(-1, (SIDE, SIDE))
    middles, whole = torch.arange(SIDE) + 0.5, ink.sum((1, 2)).clamp(min=1e-9)
    x, y = ((ink.sum(axis) * middles).sum(-1) / whole for axis in (1, 2))
    return torch.stack([x, y, whole.sqrt()], 1)


@dataclass(frozen=True)
class Slid:
    """The number that changes the size most, by how many pixels from end to end, and how far the centre goes."""

    largest: int
    slid_size: float
    slid_centre: float


@torch.no_grad()
def moved(found: Study, kind: str, length: int) -> pd.DataFrame:
    """How many pixels ``x``, ``y`` and ``size`` go, from least to most, on a walk along each number of a code.

    The others stay at their means.
    """
    alone = found.one(kind, length)
    code = next(codes.used(alone, found.shapes.sample(1)[0]))
    rows = {}
    for number in range(length):
        points = code.mean(0).repeat(STEPS, 1)
        points[:, number] += torch.linspace(-REACH, REACH, STEPS) * code[:, number].std()
        seen = outline(codes.pictures_of(alone, points))
        rows[number + 1] = (seen.amax(0) - seen.amin(0)).tolist()
    table = pd.DataFrame.from_dict(rows, "index", columns=["x", "y", "size"])
    return table.rename_axis(index="number", columns="pixels")


def slid(table: pd.DataFrame) -> Slid:
    """What a sentence says of ``moved``."""
    largest = table["size"].idxmax()
    row = table.loc[largest]
    return Slid(int(largest), float(row["size"]), float((row.x**2 + row.y**2) ** 0.5))
