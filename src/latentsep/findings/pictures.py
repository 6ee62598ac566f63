"""Chapter 10, one loop of pictures: what became of it in each variant, and how plane and circle map to each other."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import Tensor

from latentsep.data import seriation
from latentsep.ledger.checks.reduction import Codes, Mapped, strayed
from latentsep.ledger.numerals import numeral
from latentsep.measures import evaluation, recovery
from latentsep.reductions import comparisons, reduction, tolerance
from latentsep.training.ensembles import Trained
from latentsep.training.experiments import SIGMAS

Found = dict[str, pd.DataFrame]  # variant to what ``recovery.table`` says of its members
Drawn = tuple[Codes, Mapped]


@dataclass(frozen=True)
class Shifts:
    """How many members find the loop of pixel shifts, by variant, and what the codes in the plane do.

    ``kept_sharp`` and ``kept_blunt`` are percentages of codes that lie nearest to a neighbour's: the least for σ_X
    below 1, and the mean for σ_X = 1.
    """

    orderly: float
    shift_film: int
    shift_members: int
    shift_published: int
    shift_torn: int
    shift_looks: int
    shift_plain: int
    kept_sharp: float
    kept_blunt: float
    baseline_turns: int
    baseline_sharp: int


@dataclass(frozen=True)
class Maps:
    """How far codes land from their phase in the worse direction (radians), Δ, and what one pixel costs (nats)."""

    strayed_shift: float
    strayed_coil: float
    delta_shift: float
    one_pixel: float


def counted(found: Found, count: int) -> pd.DataFrame:
    """Members by variant and σ_X, as words for a table.

    How many recovered the loop, the degree of each ("?" where there is none), the largest step (radians) and the
    least order of all, their error per number of ``count`` (pixels), and their mean −ELBO (nats).
    """
    rows = {}
    for name, table in found.items():
        for s in SIGMAS:
            part = table[table.sigma_x == s]
            rows[name, f"{s:g}"] = {
                "recovered": f"{part.recovered.sum()} of {len(part)}",
                "degrees": ", ".join("?" if np.isnan(d) else numeral(d, 0) for d in part.degree),
                "step": f"{part.largest_step.max():.2f}",
                "order": f"{part.order.min():.2f}",
                "RMSE": f"{np.sqrt(part.mse.mean() / count):.3f}",
                "−ELBO": numeral(part.neg_elbo.mean(), 0, group=","),
            }
    return pd.DataFrame(rows).T.rename_axis(["", "σ<sub>X</sub>"])


def shifts(baseline: Trained, found: Found) -> Shifts:
    """Sum up the variants of the pixel shifts; ``baseline`` is the trained one of that name."""
    looks, plane = found["as published"], found["baseline"]
    near = recovery.neighbours_kept(baseline)
    sharp = np.array([m.sigma_x < 1 for m in baseline.run.members])
    return Shifts(
        orderly=recovery.ORDERLY,
        shift_film=int(found["corrected, film start"].recovered.sum()),
        shift_members=len(plane),
        shift_published=int(looks.recovered.sum()),
        shift_torn=int(looks.torn.sum()),
        shift_looks=int((looks.apparent.abs() == 1).sum()),
        shift_plain=int(found["corrected"].recovered.sum()),
        kept_sharp=100 * near[sharp].min(),
        kept_blunt=100 * near[~sharp].mean(),
        baseline_turns=int((plane.degree.abs() == 1)[sharp].sum()),
        baseline_sharp=int(sharp.sum()),
    )


def mapped(plane: Trained, circle: Trained, profile: str, seed: int) -> tuple[pd.DataFrame, Drawn]:
    """Train the maps between two spaces that hold the same pictures: their Δ, and where they take the codes.

    Δ is what ``tolerance.tolerances`` says. The codes of each space, and those of every (source, target), are points
    ``(frames, 2)`` of the first member, mapped by the first map.
    """
    trained = {"R²": plane, "S¹": circle}
    models, pairs = comparisons.plane_and_circle(plane, circle)
    maps = reduction.train(pairs, **comparisons.map_protocol(profile, seed))
    z = {k: evaluation.latents(t, recovery.frames(t)) for k, t in trained.items()}
    own = {k: models[k].space.embed(codes)[0] for k, codes in z.items()}
    sent = {(a, b): models[b].space.embed(m(z[a]))[0, 0] for (a, b), m in maps.items()}
    return tolerance.tolerances(pairs, maps, seed=seed), (own, sent)


def spread(deltas: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Mean, deviation and least Δ (nats) over autoencoders, for all maps of what ``mapped`` found by name."""
    each = {n: t.groupby(["source", "target"]).tolerance.agg(["mean", "std", "min"]) for n, t in deltas.items()}
    return pd.concat(each).rename_axis(["", "from", "to"])


def moved(shifted: np.ndarray) -> float:
    """By how much a shift of one pixel moves a picture, ``(shifts, H, W)``: the median distance of neighbours."""
    return float(np.median(np.linalg.norm(np.diff(seriation.rows(shifted), axis=0), axis=1)))


def maps(shifted: np.ndarray, deltas: pd.DataFrame, shift: tuple[Drawn, Tensor], coil: tuple[Drawn, Tensor]) -> Maps:
    """Sum up the maps of the shifts and of the object: of each what was drawn, and the phases (radians).

    ``deltas`` are those of the shifts; one pixel costs what it adds to −log p(x|z) at σ_X = 0.1.
    """
    means = deltas.groupby(["source", "target"]).tolerance.mean()
    return Maps(
        strayed_shift=max(strayed(*shift[0], shift[1]).values()),
        strayed_coil=max(strayed(*coil[0], coil[1]).values()),
        delta_shift=means.min(),
        one_pixel=moved(shifted) ** 2 / (2 * 0.1**2),
    )
