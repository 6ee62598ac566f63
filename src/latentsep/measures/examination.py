"""All that chapter I measures of an ensemble of autoencoders, as one record.

Codes, lines between them and pictures drawn from them are held against held-out digits, and against a judge.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.measures import codes, samples, walks
from latentsep.measures.judge import Judge, Schooling, judge
from latentsep.runtime import records
from latentsep.training.autoencoding import KINDS
from latentsep.training.ensembles import Trained, train
from latentsep.training.runs import Run

REAL, DRAWN = 2_000, 1_000  # pictures that are held against each other
WAYS = ("standard", "fitted", "mixture")  # densities that codes are drawn from
MIXED = ("plain", "variational", "calibrated")  # kinds that a mixture is fitted to the codes of
COMPONENTS, FITTED = 10, 4_000  # of the mixture, and the codes that it is fitted to


@dataclass(frozen=True)
class Examination:
    """An ensemble, and the judge of what it draws."""

    run: Run
    schooling: Schooling

    @property
    def summary(self) -> str:
        """What it is, in a few words for a list of many."""
        return f"examination of {len(self.run.members)} autoencoders"


def job(examination: Examination) -> records.Job:
    """Its computation as a job for the records; the ensemble and the judge must be there."""
    return records.Job(examination, examine, guess=1.0 * len(examination.run.members))


def table(examination: Examination) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is measured of each member, one row each; and of what it draws, one row for each way."""
    arrays = records.fetch(examination, examine)
    about = codes.members(train(examination.run))
    drawn = []
    for n, way in enumerate(WAYS):
        found = {name.removeprefix("drawn."): v[:, n] for name, v in arrays.items() if name.startswith("drawn.")}
        drawn.append(about.assign(way=way, **found))
    single = about.assign(**{name: v for name, v in arrays.items() if not name.startswith("drawn.")})
    return single, pd.concat(drawn, ignore_index=True).dropna()


@torch.no_grad()
def examine(examination: Examination, checkpoint: Path | None = None) -> records.Arrays:
    """The measures by name, ``(members,)``, and of drawn pictures ``(members, ways)``, NaN where none are drawn."""
    trained, known = train(examination.run), judge(examination.schooling)
    x, labels = codes.data(trained).sample(1)
    held, held_labels = codes.data(trained).held_out()
    found = {"learned": codes.errors(trained, x[: len(held)]), "held_out": codes.errors(trained, held)}
    harmed = {name: codes.damage(held, KINDS[name]) for name in ("noise", "masking")}
    found |= {f"mended_{name}": codes.errors(trained, held, part) for name, part in harmed.items()}
    real = samples.Real.of(known.features(x[:REAL]))
    rows, apart = [], codes.lengths(held)
    parts = [codes.used(trained, part) for part in (x, held, *harmed.values())]
    parts.append(codes.used(trained, x, seed=trained.run.seed))
    for member, code, other, noisy, masked, seen in zip(trained.run.members, *parts, strict=True):
        alone = trained.only(**vars(member))
        rows.append({
            "probe": codes.probe(code, labels, other, held_labels),
            "distances": codes.rank_correlation(apart, codes.lengths(other)),
            "irregular": codes.irregularity(seen),
            "neighbours": codes.neighbours(other, held_labels),
            "axes": codes.axes(other[:, codes.active(code)], held_labels),
            "displaced_noise": codes.displacement(other, noisy),
            "displaced_masking": codes.displacement(other, masked),
            **_lines(alone, other, held_labels, known, real),
            **_drawn(alone, code, seen, known, real, x),
        })  # fmt: skip
    gathered = pd.DataFrame(rows)
    arrays = {name: np.asarray(values, float) for name, values in found.items()}
    arrays |= {name: gathered[name].to_numpy() for name in gathered if "/" not in name}
    for name in dict.fromkeys(name.partition("/")[2] for name in gathered if "/" in name):
        arrays[f"drawn.{name}"] = np.stack(
            [gathered.get(f"{way}/{name}", np.full(len(rows), np.nan)) for way in WAYS], 1
        )
    return arrays


def _lines(alone: Trained, code: Tensor, labels: Tensor, known: Judge, real: samples.Real) -> dict[str, float]:
    found = {}
    for name, equal in (("equal", True), ("unequal", False)):
        start, end = code[walks.pairs(labels, equal)]
        points = walks.straight(start, end)
        pictures = codes.pictures_of(alone, points.flatten(0, 1)).unflatten(0, points.shape[:2])
        found[f"{name}_uneven"] = walks.unevenness(pictures)
        middle = walks.plausible(pictures[:, walks.STEPS // 2], known, real)
        ends = walks.plausible(pictures[:, [0, -1]].flatten(0, 1), known, real)
        found |= {f"{name}_middle_{key}": value for key, value in middle.items()}
        found |= {f"{name}_ends_{key}": value for key, value in ends.items()}
    return found


def _drawn(alone: Trained, code: Tensor, seen: Tensor, known: Judge, real: samples.Real, x: Tensor) -> dict[str, float]:
    member = codes.autoencoding(alone).members[0]
    found: dict[str, float] = {}
    # Noise of numbers that say nothing would hide the holes of the others.
    says = codes.active(code)
    isolated = codes.isolation(seen[:, says])
    for way in WAYS:
        if way == "mixture" and member.kind.name not in MIXED:
            continue
        stream = seeds.generator(alone.run.seed, "codes drawn", way, member.repetition)
        drawn = draw(code, way, DRAWN, stream)
        pictures = codes.pictures_of(alone, drawn)
        probabilities = known.probabilities(pictures)
        values = samples.compare(real, known.features(pictures))
        values |= {
            **walks.plausible(pictures, known, real),
            "classes": samples.classes(probabilities),
            "nearest": float(torch.cdist(pictures, x).amin(1).double().mean()),
            "holes": codes.holes(seen[:, says], drawn[:, says], isolated),
        }
        found |= {f"{way}/{name}": value for name, value in values.items()}
    return found


def draw(code: Tensor, way: str, count: int, stream: torch.Generator) -> Tensor:
    """``count`` codes ``(count, d)``: standard normal, or of a density fitted to ``code`` ``(n, d)``.

    Raises ``ValueError`` for another way.
    """
    noise = torch.randn(count, code.shape[1], generator=stream)
    if way == "standard":
        return noise
    if way == "fitted":
        return code.mean(0) + noise @ torch.linalg.cholesky(codes.covariance_of(code)).T.to(noise.dtype)
    if way != "mixture":
        raise ValueError(f"way is {way!r}; choose {' | '.join(WAYS)}")
    from sklearn.mixture import GaussianMixture  # late: it takes a second

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it stops when it is told to
        fitted = GaussianMixture(COMPONENTS, max_iter=30, reg_covar=1e-4, random_state=0).fit(
            code[:FITTED].double().numpy()
        )
    which = torch.multinomial(torch.from_numpy(fitted.weights_), count, replacement=True, generator=stream)
    factors = torch.linalg.cholesky(torch.from_numpy(fitted.covariances_))[which].float()
    return torch.from_numpy(fitted.means_)[which].float() + (factors @ noise[..., None])[..., 0]
