"""What chapter 13 finds of other families on the circle: what they must lose, and what trained circles lose."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from latentsep.data import seeds
from latentsep.measures import circle_bound, evaluation, topology
from latentsep.models.kinds import ELSEWHERE, FAMILIES, KINDS
from latentsep.models.von_mises import VonMises
from latentsep.theory import ideal, settling
from latentsep.training.ensembles import Trained, train_all
from latentsep.training.further import WIDTHS
from latentsep.training.runs import Run

ONE_MODE = tuple(name for name in FAMILIES if name != "antipodal")
NEAR = 0.1  # nats above its last value, from which on a run has as good as arrived


def predicted(widths: Iterable[float], dimension: int = 25) -> pd.DataFrame:
    """By how many nats the least −ELBO of each family with one mode exceeds the floor, by σ_X (rows).

    The floor is the von Mises family's own least −ELBO, so that rounding is alike.
    """
    least = {
        s: {name: ideal.best(ideal.of(FAMILIES[name]), s, dimension).neg_elbo for name in ONE_MODE} for s in widths
    }
    table = pd.DataFrame(least).T
    return table.sub(table["von Mises"], axis=0)


def measured(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Of every member: ``family``, ``sigma_x``, ``repetition``, what it is ``above`` the floor, and ``claimed`` to be.

    The first is by quadrature, the second by the family's own formulas and 100 samples a datapoint, both in nats;
    ``outcome`` is what became of the loop, and ``updates`` when its −ELBO as trained had nearly arrived.
    """
    rows = []
    for name, trained in train_all(runs).items():
        run = trained.run
        x, _ = trained.benchmark.visualisation()
        found = evaluation.measure(trained, x, seed=run.seed)[["sigma_x", "repetition", "neg_elbo"]]
        floors = found.sigma_x.map(lambda s, d=run.data.dimension: evaluation.evidence_floor(d, s))
        found = found.assign(family=name, above=circle_bound.bounds(run) - floors, claimed=found.neg_elbo - floors)
        rows.append(found.assign(outcome=topology.outcome(topology.degrees(trained)), updates=_arrival(trained)))
    return pd.concat(rows, ignore_index=True).drop(columns="neg_elbo")


def _arrival(trained: Trained) -> list[int]:
    """After how many updates each member's mean −ELBO stays within ``NEAR`` of that of the last tenth of training."""
    curves, run = trained.history, trained.run
    last = curves[:, -max(1, curves.shape[1] // 10) :].mean(1, keepdims=True)
    # Means over twenty blocks: single ones have the noise of their minibatches.
    wide = min(20, curves.shape[1])
    smooth = np.stack([np.convolve(curve, np.ones(wide) / wide, "valid") for curve in curves])
    away = np.abs(smooth - last) > NEAR
    first = [int(np.flatnonzero(row).max()) + 1 if row.any() else 0 for row in away]
    return [min(run.updates, round((block + wide) * run.updates / curves.shape[1])) for block in first]


def against_prediction(found: pd.DataFrame, forecast: pd.DataFrame) -> pd.DataFrame:
    """Nats above the floor by family and σ_X: the prediction, and mean and deviation of the circles that are whole."""
    ours = (
        found[found.family.isin(ONE_MODE) & (found.outcome == "recovered")]
        .groupby(["family", "sigma_x"])
        .above.agg(["mean", "std"])
    )
    table = {}
    for s in WIDTHS:
        table[_width(s), "predicted"] = forecast.loc[s, list(ONE_MODE)]
        here = ours.xs(s, level=1)
        table[_width(s), "trained"] = [_with_spread(*here.loc[n]) if n in here.index else "none" for n in ONE_MODE]
    return pd.DataFrame(table).loc[list(ONE_MODE)]


def _with_spread(mean: float, std: float) -> str:
    return f"{mean:.4f}" if np.isnan(std) else f"{mean:.4f} ± {std:.4f}"


def _width(sigma_x: float) -> str:
    return f"σ<sub>X</sub> = {sigma_x:g}"


@dataclass(frozen=True)
class WhatFamiliesLose:
    """Nats above the floor by σ_X, as predicted (``heat``, ``power``, ``projected``, ``cauchy``) and as trained.

    ``family_off`` is the most by which recovered circles' excess over von Mises's differs from the prediction at the
    two larger σ_X. ``own_sharp`` is what training leaves at the smallest in circles of von Mises, ``cauchy_left`` in
    those of Cauchy. ``worst_family`` is the most that a family other than Cauchy's loses anywhere. Lost loops are
    counted by family and σ_X.
    """

    heat_one: float
    heat_two: float
    power_one: float
    power_two: float
    projected_one: float
    projected_two: float
    cauchy_sharp: float
    cauchy_one: float
    cauchy_two: float
    family_off: float
    own_sharp: float
    cauchy_left: float
    worst_family: float
    lost_loops: str
    all_recovered: int
    all_members: int


def what_families_lose(found: pd.DataFrame, forecast: pd.DataFrame) -> WhatFamiliesLose:
    """From ``measured`` and ``predicted`` with the σ_X of ``WIDTHS``."""
    sharp, one, two = WIDTHS
    several = found[found.family.isin(ONE_MODE)]
    means = several.groupby(["sigma_x", "family"]).above.mean().unstack()
    whole = several[several.outcome == "recovered"].groupby(["sigma_x", "family"]).above.mean().unstack()
    excess = whole.sub(whole["von Mises"], axis=0) - forecast.loc[list(WIDTHS)]
    lost = several[several.outcome != "recovered"].groupby(["family", "sigma_x"]).size()
    return WhatFamiliesLose(
        heat_one=forecast.loc[one, "heat kernel"],
        heat_two=forecast.loc[two, "heat kernel"],
        power_one=forecast.loc[one, "power spherical"],
        power_two=forecast.loc[two, "power spherical"],
        projected_one=forecast.loc[one, "projected normal"],
        projected_two=forecast.loc[two, "projected normal"],
        cauchy_sharp=forecast.loc[sharp, "wrapped Cauchy"],
        cauchy_one=forecast.loc[one, "wrapped Cauchy"],
        cauchy_two=forecast.loc[two, "wrapped Cauchy"],
        family_off=float(excess.loc[[one, two]].abs().max().max()),
        own_sharp=means.loc[sharp, "von Mises"],
        cauchy_left=means.loc[sharp, "wrapped Cauchy"] - forecast.loc[sharp, "wrapped Cauchy"],
        worst_family=float(forecast.drop(columns="wrapped Cauchy").max().max()),
        lost_loops=", ".join(f"{n} {name} at {s:g}" for (name, s), n in lost.items()) or "none",
        all_recovered=int((several.outcome == "recovered").sum()),
        all_members=len(several),
    )


def behaviour(found: pd.DataFrame, dimension: int = 25, draws: int = 100_000) -> pd.DataFrame:
    """How the families train: noise numbers a sample, spread of a gradient, updates to arrive, loops recovered.

    The gradient is that of a datapoint's reconstruction error by log t, in nats, at σ_X = 1 and the best t, from one
    sample. Its spread is the range of the middle four fifths over ``draws`` of the noise: that of the projected normal
    is divided by a distance that may be small, and has no variance.
    """
    rows = {}
    for name in ONE_MODE:
        family, several = FAMILIES[name], found[found.family == name]
        t = ideal.best(ideal.of(family), 1.0, dimension).t
        log_t = torch.full((draws,), np.log(t), dtype=torch.float64, requires_grad=True)
        kernel = family.diffused(torch.zeros_like(log_t), log_t.exp())
        shape = (draws,) if family.noise_features == 1 else (draws, family.noise_features)
        noise = torch.randn(shape, generator=seeds.generator(0, "spread of gradients", name), dtype=torch.float64)
        ahead = kernel.transform(noise).cos()
        (gradient,) = torch.autograd.grad((-0.5 * dimension * ahead.mean().detach() * ahead).sum(), log_t)
        rows[name] = {
            "noise numbers": family.noise_features,
            "spread of the gradient": float(gradient.quantile(0.9) - gradient.quantile(0.1)),
            **{f"updates, {_width(s)}": int(several[several.sigma_x == s].updates.median()) for s in WIDTHS},
            "recovered": f"{(several.outcome == 'recovered').sum()} of {len(several)}",
        }
    return pd.DataFrame(rows).T


def compared_formulas() -> tuple[pd.DataFrame, pd.Series]:
    """The heat kernel's divergence and what stands for it, in nats, by t; and ``path_part`` by κ."""
    times = torch.logspace(-1.5, 1, 81, dtype=torch.float64)
    names = {"heat kernel": "exact", "small time": "small time", "floored": "floored"}
    divergences = {
        label: KINDS[name].diffused(torch.zeros_like(times), times).kl_to_uniform().numpy()
        for name, label in names.items()
    }
    concentrations = np.geomspace(0.1, 100, 81)
    parts = pd.Series([path_part(k) for k in concentrations], index=concentrations)
    return pd.DataFrame(divergences, index=times.numpy()), parts


def elsewhere(found: pd.DataFrame, dimension: int = 25) -> pd.DataFrame:
    """Formulas by σ_X: where t comes to rest, what is claimed there and what is true, above the floor; and trained."""
    rows = {}
    for name in ("heat kernel", *ELSEWHERE):
        for s in WIDTHS:
            rest = settling.rest(KINDS[name], s, dimension)
            ours = found[(found.family == name) & (found.sigma_x == s)]
            rows[name, s] = {
                "t": rest.t,
                "claimed": rest.claimed,
                "true": rest.true,
                "trained, claimed": ours.claimed.median(),
                "trained, true": ours.above.median(),
            }
    return pd.DataFrame(rows).T


@dataclass(frozen=True)
class WhatFormulasDo:
    """Nats above the floor as predicted, by σ_X where it is told, and members that a formula leads astray at σ_X = 1.

    ``path_part`` is the part of the gradient of E cos Δ by κ that a path without correction has, at κ = 2;
    ``constant`` is (d/2)·log 2π for two angles.
    """

    small_two: float
    floored_two: float
    path_two: float
    path_one: float
    small_astray: int
    floored_astray: int
    astray_members: int
    path_part: float
    constant: float
    formula_off: float


def what_formulas_do(found: pd.DataFrame, table: pd.DataFrame) -> WhatFormulasDo:
    """From ``measured`` and ``elsewhere``. Astray is who is half a nat or more above the floor."""
    _, one, two = WIDTHS
    far = found[(found.sigma_x == one) & (found.above > 0.5)].groupby("family").size()
    off = [(table.loc[(name, two), "true"] - table.loc[(name, two), "trained, true"]) for name in ELSEWHERE]
    return WhatFormulasDo(
        small_two=table.loc[("small time", two), "true"],
        floored_two=table.loc[("floored", two), "true"],
        path_two=table.loc[("path only", two), "true"],
        path_one=table.loc[("path only", one), "true"],
        small_astray=int(far.get("small time", 0)),
        floored_astray=int(far.get("floored", 0)),
        astray_members=int(((found.family == "small time") & (found.sigma_x == one)).sum()),
        path_part=path_part(2.0),
        constant=float(np.log(2 * np.pi)),
        formula_off=float(np.abs(off).max()),
    )


def path_part(concentration: float) -> float:
    """The part of d E cos Δ/dκ that goes through the proposals of rejection sampling alone, on S¹.

    >>> round(path_part(2.0), 3)
    0.515
    """
    k = torch.tensor(concentration, dtype=torch.float64)
    ahead = 1 - VonMises(0.0, k).variance
    return float(ahead / (k * (4 * k**2 + 1).sqrt()) / (1 - ahead / k - ahead**2))
