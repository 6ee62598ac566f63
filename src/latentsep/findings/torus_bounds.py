"""How close the autoencoders of chapter 11 come to the best that is possible, and whether their codes have holes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data.benchmarks import ExtendedBenchmark, regular_phases
from latentsep.findings.torus import WORDS
from latentsep.ledger.numerals import numeral
from latentsep.measures import evaluation, homology
from latentsep.models.circular import wrap
from latentsep.training.ensembles import Trained

TORUS = (1, 2, 1)  # its Betti numbers
Measured = Mapping[str, pd.DataFrame]


def bounds(seen: Measured, unseen: Measured, floors: Mapping[float, float]) -> pd.DataFrame:
    """Means over repetitions of −ELBO (nats) and MSE beside the floor; one row per kind of autoencoder and σ_X.

    ``seen`` and ``unseen`` have, by kind, what ``evaluation.measure`` says on the pictures of training and on those
    between them; ``floors`` the least −ELBO by σ_X.
    """
    rows = {}
    for name, table in seen.items():
        for s, floor in sorted(floors.items()):
            old, new = (t[table.sigma_x == s] for t in (table, unseen[name]))
            rows[name, f"{s:g}"] = (old.neg_elbo.mean(), new.neg_elbo.mean(), floor, old.mse.mean(), new.mse.mean())
    columns = ["−ELBO", "−ELBO between", "floor", "MSE", "MSE between"]
    return pd.DataFrame(rows, index=columns).T.rename_axis(["", "σ<sub>X</sub>"])


@dataclass(frozen=True)
class Gaps:
    """By how much −ELBO exceeds the floor, in nats, at σ_X of 1, 0.1 and 0.01.

    On pictures between those of training, ``gap`` for the corrected torus and ``plane`` for the baseline;
    ``published_one`` is that of the torus as published, on the pictures of training, in words. −ELBO differs
    between the two sets of pictures by at most ``learnt_by_heart``, for a run of baseline or corrected torus.
    """

    gap_one: float
    gap_tenth: float
    gap_hundredth: float
    plane_one: float
    plane_tenth: float
    plane_hundredth: float
    learnt_by_heart: float
    published_one: str


def gaps(seen: Measured, unseen: Measured, floors: Mapping[float, float]) -> Gaps:
    """The differences that ``bounds`` of the same shows."""
    table = bounds(seen, unseen, floors)
    above = {}
    for short, name in (("gap", "corrected"), ("plane", "baseline")):
        for word, s in WORDS.items():
            above[f"{short}_{word}"] = float(table["−ELBO between"][name, f"{s:g}"] - floors[s])
    published = table["−ELBO"]["as published", "1"] - floors[1.0]
    apart = [(unseen[n].neg_elbo - seen[n].neg_elbo).abs().max() for n in ("baseline", "corrected")]
    said = numeral(published, 1)
    return Gaps(**above, learnt_by_heart=float(max(apart)), published_one=said)


def scatter(trained: Trained, noisy: Tensor, clean: Tensor) -> float:
    """The root mean square, in radians, by which noise in datapoints ``(n, D)`` moves latent angles."""
    moved = evaluation.latents(trained, noisy) - evaluation.latents(trained, clean)
    return wrap(moved).square().mean().sqrt().item()


def responses(trained: Trained, data: ExtendedBenchmark, drawn: Mapping[float, tuple[Tensor, Tensor]]) -> pd.DataFrame:
    """How far noise moves ``codes``, and the ``least`` by the Cramér–Rao bound of a phase, √2 σ/D; a column for each σ.

    Radians, root mean squares. ``drawn`` has noisy datapoints and their phases, by σ.
    """
    moved = {s: scatter(trained, noisy, data.loop(phases)) for s, (noisy, phases) in drawn.items()}
    columns = {f"σ = {s:g}": (codes, s * np.sqrt(2) / data.side) for s, codes in moved.items()}
    return pd.DataFrame(columns, index=["codes", "least"])


@dataclass(frozen=True)
class Noise:
    """The least and the most of codes' scatter as a multiple of what is possible."""

    noise_least: float
    noise_most: float


def noise(found: pd.DataFrame) -> Noise:
    """Hold the rows of ``responses`` against each other."""
    excess = (found.loc["codes"] / found.loc["least"]).to_numpy()
    return Noise(float(excess.min()), float(excess.max()))


def walk(trained: Trained, data: ExtendedBenchmark, steps: int = 12) -> tuple[np.ndarray, Tensor]:
    """What the first repetition decodes along either angle, the other being 0: pictures and the angle that changes.

    Pictures ``(2·steps, D, D)``, mostly in [0, 1], the first half along the first angle; angles ``(2·steps,)`` in
    radians. ``trained`` has a torus for its latent space, and a single member for each repetition.
    """
    walker = trained.only(repetition=trained.run.members[0].repetition)
    turn = regular_phases(steps)
    still = torch.zeros_like(turn)
    walked = torch.cat([torch.stack([turn, still], -1), torch.stack([still, turn], -1)])
    decoded = data.pictures(walker.vae.decode(walked[None])[0])
    return (decoded.numpy() + 2) / 4, torch.cat([turn, turn])  # F lies between −2 and 2


@dataclass(frozen=True)
class Holes:
    """How many clouds of codes have the Betti numbers of a torus, by kind, if a hole counts from ``lasting`` on."""

    lasting: float
    baseline_holes: int
    corrected_holes: int
    published_holes: int


def holes(numbers: Mapping[str, Sequence[tuple[int, ...]]]) -> Holes:
    """Count the runs of each kind whose ``homology.betti`` are those of a torus."""
    found = {name: sum(n == TORUS for n in several) for name, several in numbers.items()}
    return Holes(homology.LASTING, found["baseline"], found["corrected"], found["as published"])
