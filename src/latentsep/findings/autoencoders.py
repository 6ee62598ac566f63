"""Chapter I: the autoencoders of digits, what was measured of them, and the numbers of its sentences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
from torch import Tensor

from latentsep.data.handwriting import Handwriting
from latentsep.ledger.checks.evidence import Evidence, Measures
from latentsep.measures import codes, examination, judge
from latentsep.measures.examination import Examination
from latentsep.measures.judge import Judge, Schooling
from latentsep.training import autoencoding
from latentsep.training.ensembles import Trained, train

Found = TypeVar("Found", bound=Measures)


@dataclass(frozen=True)
class Study(Generic[Found]):
    """The digits and where they come from, the trained ensembles of all kinds, the judge, and what was measured."""

    digits: Handwriting
    source: str
    ensembles: list[Trained]
    judge: Judge
    evidence: Found

    @property
    def notice(self) -> str | None:
        """What a page must say in front of smaller digits, in MyST; ``None`` for MNIST's."""
        if self.source != "substitute":
            return None
        return (
            ":::{warning}\nMNIST was not at hand. The digits below are those of scikit-learn, 8 × 8 pixels, and every"
            " number is theirs.\nName a copy of MNIST by the parameter `mnist` or the environment variable"
            " `LATENTSEP_DATA`.\n:::"
        )

    def one(self, kind: str, length: int, repetition: int = 0) -> Trained:
        """An ensemble of one."""
        return codes.find(self.ensembles, kind, length, repetition)

    def place(self, kind: str, length: int, repetition: int = 0) -> tuple[Trained, int]:
        """The ensemble that has it, and its number there."""
        return codes.place(self.ensembles, kind, length, repetition)

    def pictures(self, flat: Tensor) -> np.ndarray:
        """Pictures ``(..., side²)`` as they are shown, black ink on white, ``(..., side, side)``."""
        return 1 - flat.clamp(0, 1).unflatten(-1, (self.digits.side, self.digits.side)).numpy()


def study(profile: str, seed: int, repetitions: int, mnist: str | None = None) -> Study[Evidence]:
    """Train and examine all autoencoders of the chapter, or fetch them from the records."""
    digits, source = autoencoding.digits(profile, mnist)
    runs = autoencoding.kinds(digits, profile, repetitions, seed)
    schooling = Schooling(digits, seed=seed)
    ensembles = [train(run) for run in runs]
    tables = [examination.table(Examination(run, schooling)) for run in runs]
    alone, drawn = (pd.concat(parts, ignore_index=True) for parts in zip(*tables, strict=True))
    few = wide(digits, profile, repetitions, seed)
    evidence = Evidence(
        alone=alone, drawn=drawn, wide=few, principal=principal(digits), substitute=source == "substitute"
    )
    return Study(digits, source, ensembles, judge.judge(schooling), evidence)


def wide(digits: Handwriting, profile: str, repetitions: int, seed: int) -> pd.DataFrame:
    """Errors of autoencoders of few digits on those they learned and on held-out ones, one row each."""
    parts = []
    for width, runs in autoencoding.widths(digits, profile, repetitions, seed).items():
        for run in runs:
            trained = train(run)
            data = codes.data(trained)
            learned, held = data.sample(1)[0], data.held_out()[0]
            parts.append(
                codes.members(trained).assign(
                    width=width, learned=codes.errors(trained, learned), held_out=codes.errors(trained, held)
                )
            )
    return pd.concat(parts, ignore_index=True)


def principal(digits: Handwriting) -> pd.DataFrame:
    """What principal components of the learned digits do for held-out ones: error and probe, by how many there are."""
    x, labels = digits.sample(1)
    held, held_labels = digits.held_out()
    mean, _, directions = codes.principal(x)
    rows = {}
    for length in autoencoding.LENGTHS:
        basis = directions[:length]
        code, other = (x - mean) @ basis.T, (held - mean) @ basis.T
        rest = (held - mean - other @ basis).square().sum(-1).double().mean()
        rows[length] = {"error": float(rest), "probe": codes.probe(code, labels, other, held_labels)}
    return pd.DataFrame(rows).T


def errors(found: Study[Evidence]) -> pd.DataFrame:
    """Squared errors on held-out digits by kind and length, means over repetitions; principal components last."""
    table = found.evidence.alone.pivot_table(index="kind", columns="length", values="held_out")
    table = table.loc[list(autoencoding.KINDS)]
    table.loc["principal components"] = found.evidence.principal.error
    return table.rename_axis(index="kind", columns="numbers in the code")


def series(found: Study[Any], names: Mapping[str, tuple[str, str | None]]) -> pd.DataFrame:
    """The measures of some kinds as ``figures.curves`` takes them: name to kind, and to how its codes are drawn."""
    parts = []
    for name, (kind, way) in names.items():
        table = found.evidence.alone if way is None else found.evidence.drawn.query("way == @way")
        parts.append(table[table.kind == kind].assign(series=name))
    return pd.concat(parts, ignore_index=True)
