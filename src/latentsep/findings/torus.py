"""Chapter 11: the pictures with two phases, how autoencoders were trained on them, and which runs recover the torus."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data.benchmarks import ExtendedBenchmark
from latentsep.findings.torus_planes import share
from latentsep.ledger import checks
from latentsep.ledger.numerals import numeral
from latentsep.measures import evaluation, topology
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Run

_SHOWN = 0.1  # σ_X of the runs that are looked at more closely
WORDS = {"one": 1.0, "tenth": 0.1, "hundredth": 0.01}  # σ_X in names of numbers


@dataclass(frozen=True)
class Dataset:
    """X_Vis: its size, the singular values of its pictures and their mean length, and how far the print's is from it.

    ``twin_gap`` is the largest difference of products between datapoints with (11.1) as printed, as a part of the
    largest product.
    """

    images: int
    pixels: int
    numbers: int
    singular_first: float
    singular_fourth: float
    singular_fifth: float
    length: float
    twin_gap: float


def dataset(data: ExtendedBenchmark, phases: Tensor) -> Dataset:
    """What the pictures at pairs of phases ``(n, 2)``, in radians, have in common; side 25, as in print."""
    lengths = data.mean(phases).flatten(1)
    values = torch.linalg.svdvals(lengths.double()).numpy()
    twin = checks.torus.written_out(phases.double().numpy(), "i").reshape(len(phases), -1)
    products = (lengths.double().numpy() @ lengths.double().numpy()[:50].T, twin @ twin[:50].T)
    return Dataset(
        images=len(phases),
        pixels=data.ambient,
        numbers=data.dimension,
        singular_first=float(values[0]),
        singular_fourth=float(values[3]),
        singular_fifth=float(values[4]),
        length=float(lengths.norm(dim=-1).mean()),
        twin_gap=float(np.abs(products[0] - products[1]).max() / np.abs(products[0]).max()),
    )


@dataclass(frozen=True)
class Training:
    """How the autoencoders are trained; ``printed_width`` is the thesis's, ``times`` the number of repetitions."""

    torus_width: int | None
    torus_updates: int
    torus_batch: int
    torus_cooled: int
    times: int
    printed_width: int


def training(run: Run, data: ExtendedBenchmark) -> Training:
    """The protocol of a run on this data."""
    return Training(
        torus_width=run.width,
        torus_updates=run.updates,
        torus_batch=run.batch_size or data.size,
        torus_cooled=run.cooled,
        times=len({m.repetition for m in run.members}),
        printed_width=data.ambient // 3,
    )


def recovered(found: pd.DataFrame) -> pd.Series:
    """Whether the torus is recovered (determinant ±1, untorn), for each row of ``topology.degree_matrices``."""
    return topology.outcome(found) == "recovered"


def counts(found: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """In how many runs the torus is recovered: a row for each table of degree matrices, a column for each σ_X."""
    rows = {}
    for name, table in found.items():
        rows[name] = recovered(table).groupby(table.sigma_x).sum().sort_index(ascending=False)
    count = pd.DataFrame(rows).T
    count.columns = [f"σ<sub>X</sub> = {s:g}" for s in count.columns]
    return count


@dataclass(frozen=True)
class Recovery:
    """In how many of ``members`` runs each kind of autoencoder recovers the torus.

    ``best_fewest`` is the least number for a σ_X with the best of several starts. Of plain starts ``failed`` do
    not, ``failed_turning`` of these with vortices, most often ``typical_vortices`` of them.
    """

    members: int
    baseline_recovered: int
    published_recovered: int
    plain_recovered: int
    failed: int
    failed_turning: int
    typical_vortices: int | str
    best_recovered: int
    best_fewest: int


def recovery(baseline: pd.DataFrame, published: pd.DataFrame, plain: pd.DataFrame, best: pd.DataFrame) -> Recovery:
    """Count by degree matrices: of the baseline, the torus as published, and corrected by its start."""
    failed, best_right = plain[~recovered(plain)], recovered(best)
    return Recovery(
        members=len(baseline),
        baseline_recovered=int(recovered(baseline).sum()),
        published_recovered=int(recovered(published).sum()),
        plain_recovered=int(recovered(plain).sum()),
        failed=len(failed),
        failed_turning=int((failed.vortices > 0).sum()),
        typical_vortices=int(failed.vortices.mode().iloc[0]) if len(failed) else "none",
        best_recovered=int(best_right.sum()),
        best_fewest=int(best_right.groupby(best.sigma_x).sum().min()),
    )


@dataclass(frozen=True)
class Heads:
    """What tells failed runs from recovered ones: shares of a circle in a head (per cent), mean squared errors.

    ``right_share`` is the least share of a recovered run, ``wrong_least`` and ``wrong_most`` bound those of failed
    ones; the errors are means at σ_X = 0.1. NaN where there is no such run.
    """

    right_share: float
    wrong_least: float
    wrong_most: float
    wrong_mse: float
    right_mse: float


def heads(trained: Trained, found: pd.DataFrame, x: Tensor, phases: Tensor, seed: int) -> Heads:
    """Compare the runs that recover the torus, by their degree matrices ``found``, with those that do not.

    ``x`` ``(n, D)`` are the pictures at ``phases`` ``(n, 2)``, in radians.
    """
    right_rows = recovered(found)
    shares, right = share(evaluation.latents(trained, x), phases), torch.tensor(right_rows.to_numpy())
    measured = evaluation.measure(trained, x, 10, seed)
    shown = measured.sigma_x == _SHOWN
    return Heads(
        right_share=float(shares[right].min()) if right.any() else np.nan,
        wrong_least=float(shares[~right].min()) if not right.all() else np.nan,
        wrong_most=float(shares[~right].max()) if not right.all() else np.nan,
        wrong_mse=float(measured[shown & ~right_rows].mse.mean()),
        right_mse=float(measured[shown & right_rows].mse.mean()),
    )


def screened(starts: Trained) -> pd.DataFrame:
    """What became of each start so far: degree matrices, ``outcome``, and the ``last`` mean −ELBO in nats."""
    early = topology.degree_matrices(starts, lines=4, fineness=4)  # few loops and steps, for many runs
    early["outcome"] = topology.outcome(early)
    early["last"] = starts.history[:, -1]
    return early


@dataclass(frozen=True)
class Screening:
    """How many of ``early_all`` random starts are right after ``screened`` updates, and whether −ELBO (nats) tells.

    Each run has ``starts`` of them. ``right_one`` is the worst −ELBO of a right start with σ_X = 1 and ``wrong_one``
    the best of the others, "nan" if one of the two kinds is missing; the others are for σ_X of 0.1 and 0.01.
    """

    early_right: int
    early_all: int
    early_share: float
    screened: int
    starts: int
    right_one: str
    wrong_one: str
    right_tenth: str
    wrong_tenth: str
    right_hundredth: str
    wrong_hundredth: str


def screening(early: pd.DataFrame, updates: int, starts: int) -> Screening:
    """Count and compare what ``screened`` says of the starts after so many updates."""
    right = early.outcome == "recovered"
    edges = {}
    for word, sigma in WORDS.items():
        kinds = [early["last"][(early.sigma_x == sigma) & kind] for kind in (right, ~right)]
        both = all(map(len, kinds))
        for name, value in zip(("right", "wrong"), (kinds[0].max(), kinds[1].min()), strict=True):
            edges[f"{name}_{word}"] = numeral(value if both else np.nan, 0, group=",")
    share_right = 100 * int(right.sum()) / len(early)
    return Screening(int(right.sum()), len(early), share_right, screened=updates, starts=starts, **edges)


def examples(
    published: Trained, plain: Trained, starts: Trained, best: Trained, x: Tensor
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """One run with σ_X = 0.1 of each kind: its latent angles of ``x`` ``(n, 2)``, in radians, and its degrees in words.

    The torus as published; a corrected one that lies across, of plain starts or else of those not trained to the
    end, if there is any; and one from its best start.
    """
    found = {
        "as published": _first(published, x),
        "corrected, across": _first(plain, x, wrong=True) or _first(starts, x, wrong=True),
        "corrected, best start": _first(best, x),
    }
    rows = {name: one for name, one in found.items() if one}
    return {name: angles for name, (angles, _) in rows.items()}, {name: text for name, (_, text) in rows.items()}


def _first(trained: Trained, x: Tensor, wrong: bool = False) -> tuple[Tensor, str] | None:
    """Angles and degrees of the first run at σ_X = 0.1, or with ``wrong`` of the first that lost the torus."""
    table = topology.degree_matrices(trained, lines=4, fineness=4)
    kept = (table.sigma_x == _SHOWN) & ~(wrong & recovered(table))
    if not kept.any():
        return None
    i = int(kept.to_numpy().argmax())
    lines = (" ".join(numeral(v, 0) for v in line) for line in table.matrix[i])
    return evaluation.latents(trained, x)[i], "degrees " + "; ".join(lines)
