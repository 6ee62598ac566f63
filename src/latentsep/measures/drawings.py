"""What autoencoders of shapes draw: whether it is a shape, whether it is noise, and where their codes are good for."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.shapes import SIDE
from latentsep.measures import codes, examination, meaning, outlines, walks
from latentsep.runtime import records
from latentsep.training.ensembles import Trained, train
from latentsep.training.runs import Run

WAYS = (*examination.WAYS, "box")  # where codes are drawn: the last, uniform between the smallest and the largest
PRIOR = WAYS[:1]
WAYS_OF = {"plain": WAYS, "variational": (*PRIOR, "box")}  # for others it is the prior only


@dataclass(frozen=True)
class Drawings:
    """An ensemble of autoencoders of shapes that is made to draw, ``count`` pictures of each sort."""

    run: Run
    count: int = 100

    @classmethod
    def of(cls, run: Run, profile: str) -> "Drawings":
        """As many as a profile looks at: ``smoke`` only shows that it runs."""
        return cls(run, 10) if profile == "smoke" else cls(run)

    @property
    def summary(self) -> str:
        """What it is, in a few words for a list of many."""
        return f"drawings of {len(self.run.members)} autoencoders"


def job(drawings: Drawings) -> records.Job:
    """Its computation as a job for the records; the ensemble must be there."""
    return records.Job(drawings, judge, guess=3.0 * len(drawings.run.members))


def table(drawings: Drawings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is measured of each member, one row each; and of what it draws, one row for each way."""
    return codes.by_way(train(drawings.run), records.fetch(drawings, judge), WAYS)


def connected(pictures: Tensor) -> float:
    """How much neighbouring pixels of pictures ``(n, 784)`` have in common: 0 for noise, 1 for even pictures.

    It is the correlation of a pixel with the one to its right, and with the one below, over all pictures.
    """
    whole = pictures.unflatten(1, (SIDE, SIDE)).double()
    pairs = ((whole[:, :, :-1], whole[:, :, 1:]), (whole[:, :-1], whole[:, 1:]))
    found = [torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1] for a, b in pairs]
    return float(torch.stack(found).mean().nan_to_num())


def draw(code: Tensor, way: str, count: int, stream: torch.Generator) -> Tensor:
    """``count`` codes ``(count, d)`` as by ``examination.draw``, or for ``"box"`` between the ends of ``code``."""
    if way != "box":
        return examination.draw(code, way, count, stream)
    low, high = code.amin(0), code.amax(0)
    return low + (high - low) * torch.rand(count, code.shape[1], generator=stream)


@torch.no_grad()
def judge(drawings: Drawings, checkpoint: Path | None = None) -> records.Arrays:
    """The measures by name, ``(members,)``, and those of what is drawn as ``WAY/name``.

    ``remade`` and ``shapes`` are the parts of remade held-out and of drawn pictures that are shapes;
    ``unexplained`` is the median, ``worse`` the part of drawn pictures for which it is more than for all but one in
    twenty of the remade ones; ``connected`` as above. ``uneven`` is as in ``walks``, between any two held-out
    pictures. ``back`` and ``WAY/back`` say how far a code is moved, as a part of the spread of codes, if it is
    decoded and encoded again.
    """
    trained, count = train(drawings.run), drawings.count
    data = meaning.shapes(trained)
    x, held = data.sample(1)[0], data.held_out()[0]
    rows = []
    both = zip(codes.used(trained, x), codes.used(trained, held), strict=True)
    for member, (code, other) in zip(codes.autoencoding(trained).members, both, strict=True):
        alone = trained.only(**vars(member))
        spread = code.std(0).norm()
        drawn = {}
        for way in WAYS_OF.get(member.kind.name, PRIOR):
            stream = seeds.generator(trained.run.seed, "shapes drawn", way, member.repetition)
            drawn[way] = draw(code, way, count, stream)
        sets = {"": other[:count], **drawn}
        pictures = {name: codes.pictures_of(alone, z) for name, z in sets.items()}
        found = outlines.nearest(torch.cat(list(pictures.values())))
        usual = found.unexplained[:count].quantile(0.95)
        parts = zip(found.shapes.split(count), found.unexplained.split(count), strict=True)
        row: dict[str, float] = {}
        for (name, z), (good, rest) in zip(sets.items(), parts, strict=True):
            head = f"{name}/" if name else ""
            share = float(good.double().mean())
            row |= {
                f"{head}shapes" if name else "remade": share,
                f"{head}unexplained": float(rest.median()),
                f"{head}connected": connected(pictures[name]),
                f"{head}back": float((_again(alone, pictures[name]) - z).norm(dim=1).median() / spread),
            }
            if name:
                row[f"{head}worse"] = float((rest > usual).double().mean())
        rows.append(row | {"uneven": _uneven(alone, other)})
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}


def _again(alone: Trained, pictures: Tensor) -> Tensor:
    return next(codes.used(alone, pictures))


def _uneven(alone: Trained, code: Tensor) -> float:
    points = walks.straight(code[: walks.LINES], code[-walks.LINES :])
    return walks.unevenness(codes.pictures_of(alone, points.flatten(0, 1)).unflatten(0, points.shape[:2]))
