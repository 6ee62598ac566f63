"""What chapter 6 finds of the linear autoencoder: its scale, its optimum by minimisation, and networks beside it."""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data.benchmarks import Benchmark
from latentsep.ledger import checks, ledger
from latentsep.ledger.numerals import numeral
from latentsep.measures import evaluation
from latentsep.theory import linear
from latentsep.training.ensembles import Trained
from latentsep.training.experiments import SIGMAS

FORMS = {"corrected (6.12)": "corrected", "(6.12) as printed": "statement", "root of (6.17) as printed": "proof"}
HEADINGS = {"neg_elbo": "−ELBO", "kl": "KL", "reconstruction": "reconstruction", "mse": "MSE", "radius": "radius"}
NOISY = 2_000  # datapoints on which the length of a code is held against that of the datapoint
Predicted = Mapping[float, Mapping[str, float]]  # what ``theory.linear.predict`` says, by σ


@dataclass(frozen=True)
class Scale:
    """Vectors in the printed basis, how many are independent, and their length; the norm of a datapoint without noise.

    ``noise_printed`` and ``noise_orthonormal`` are the standard deviation of the noise of σ = 1 in a coordinate.
    """

    family: int
    rank: int
    length: float
    norm: float
    noise_printed: float
    noise_orthonormal: float


def scale(data: Benchmark) -> Scale:
    """The sizes of the benchmark in printed and in orthonormal coordinates."""
    family = checks.linear.printed_family(data.dimension)
    noisy, drawn = data.sample(1.0)
    noise = (noisy - data.mean(drawn)).double() @ plane(data).T
    return Scale(
        family=len(family),
        rank=int(np.linalg.matrix_rank(family)),
        length=math.sqrt(data.dimension / 2),
        norm=float(data.visualisation()[0].double().norm(dim=-1).mean()),
        noise_printed=float(noise.std()) * math.sqrt(2 / data.dimension),
        noise_orthonormal=float(noise.std()),
    )


def plane(data: Benchmark) -> Tensor:
    """The two orthonormal vectors ``(2, D)`` of frequency 1."""
    return linear.fourier_basis(data.dimension)[1:3]


def distances(grid: Mapping[str, np.ndarray], ratios: np.ndarray) -> pd.DataFrame:
    """The largest distance of each form's radius from direct minimisation, below, on and above the boundary.

    ``grid`` is what ``checks.theorem.against_minimisation`` found, its last axis along the ``ratios``
    σ_X σ_Z/√Γ. Rows are the names of ``FORMS``.
    """
    regions = {"below the boundary": ratios < 1, "on it": ratios == 1, "above": ratios > 1}
    gaps = {name: np.abs(grid["found"] - grid[form][..., None]) for name, form in FORMS.items()}
    return pd.DataFrame(
        {region: {name: gap[:, :, where].max() for name, gap in gaps.items()} for region, where in regions.items()}
    )


@dataclass(frozen=True)
class Minimised:
    """How many problems were minimised, and how far each form's radius is from what was found, at most."""

    problems: int
    worst: float
    worst_printed: float
    worst_proof: float


def minimised(grid: Mapping[str, np.ndarray], table: pd.DataFrame) -> Minimised:
    """From the grid and its ``distances``."""
    return Minimised(grid["ratio"].size, *(table.loc[name].max() for name in FORMS))


def comparison(measured: pd.DataFrame, predicted: Predicted) -> pd.DataFrame:
    """Linear theory, our networks and the thesis, three rows for each σ, as words; columns as in ``HEADINGS``."""
    ours, printed = _by_dataset(measured), ledger.cells("table-5.1")
    rows = {}
    for s in SIGMAS:
        cell, mean, std = printed[f"x{s:g}/sx1"], ours.loc[s].xs("mean", level=1), ours.loc[s].xs("std", level=1)
        rows[f"{s:g}", "linear theory"] = [f"{predicted[s][q]:.3f}" for q in HEADINGS]
        rows[f"{s:g}", "our networks"] = [f"{mean[q]:.3f} ± {std[q]:.3f}" for q in HEADINGS]
        rows[f"{s:g}", "thesis"] = [f"{cell[q].mean:.4g} ± {cell[q].std:.2g}" if q in cell else "" for q in HEADINGS]
    return pd.DataFrame(rows, index=list(HEADINGS.values())).T.rename_axis(["σ", ""])


def _by_dataset(measured: pd.DataFrame) -> pd.DataFrame:
    return measured.groupby("dataset")[list(HEADINGS)].agg(["mean", "std"]).fillna(0.0)


@dataclass(frozen=True)
class Networks:
    """How much of the networks with σ_X = 1 linear theory explains.

    KLs in nats, by the printed scale (``kl_literal``, for σ = 1), in the thesis's table, and by the right scale.
    ``radius_gap`` and ``kl_gap`` are relative distances of theory from networks, rounded up, and ``oval`` the
    deviation of the radius along a ring, all in percent; a ``shift`` is of the radius from σ = 0.1 to 1. ``shrink``
    is the part by which a decoded mean falls short. ``bending``, ``lost`` and ``left`` are the parts of −ELBO, in
    nats, for σ = 0.1 and, if ``noisy``, 1. ``halfway`` is the length, against the ring's, of what half of a code is
    decoded to, and ``carried`` the correlation of the lengths of codes and of noisy datapoints.
    """

    kl_literal: float
    kl_thesis_least: float
    kl_thesis_most: float
    kl_linear_least: float
    kl_linear_most: float
    radius_gap: int
    kl_gap: int
    shift_linear: str
    shift_ours: str
    oval: float
    shrink: float
    bending: float
    lost: float
    halfway: float
    halfway_noisy: float
    halfway_linear: float
    carried: float
    left: float
    left_noisy: float


def networks(
    trained: Trained, codes: Tensor, measured: pd.DataFrame, predicted: Predicted, parts: pd.DataFrame
) -> Networks:
    """From the networks with σ_X = 1, their ``codes`` ``(members, batch, 2)`` of X_Vis and what was measured there.

    ``predicted`` is what linear theory says, and ``parts`` what −ELBO is made of, by σ.
    """
    ring = math.sqrt(trained.run.data.dimension / 2)
    ours, gammas = _by_dataset(measured), {s: linear.variance(s, ring) for s in SIGMAS}
    kl_thesis = [ledger.cells("table-5.1")[f"x{s:g}/sx1"]["kl"].mean for s in SIGMAS]
    kl_linear = [p["kl"] for p in predicted.values()]
    radius, mean = codes.norm(dim=-1), ours["radius", "mean"]
    halfway = _halfway(trained, codes).groupby(measured.dataset).mean()
    return Networks(
        kl_literal=float(linear.collapse(linear.variance(SIGMAS[-1]), 2, 1.0)[0]),
        kl_thesis_least=min(kl_thesis),
        kl_thesis_most=max(kl_thesis),
        kl_linear_least=min(kl_linear),
        kl_linear_most=max(kl_linear),
        radius_gap=math.ceil(_gap(predicted, ours, "radius")),
        kl_gap=math.ceil(_gap(predicted, ours, "kl")),
        shift_linear=numeral(predicted[1.0]["radius"] - predicted[0.1]["radius"], 2, "+"),
        shift_ours=numeral(mean[1.0] - mean[0.1], 2, "+"),
        oval=100 * float((radius.std(-1) / radius.mean(-1)).max()),
        shrink=1 / gammas[0.1],
        bending=parts.loc[0.1, "gained by bending"],
        lost=parts.loc[0.1, "lost to the posterior"],
        halfway=halfway[0.1],
        halfway_noisy=halfway[1.0],
        halfway_linear=0.5 * (1 - 1 / gammas[1.0]),
        carried=_carried(trained),
        left=parts.loc[0.1, "still above the floor"],
        left_noisy=parts.loc[1.0, "still above the floor"],
    )


def _gap(predicted: Predicted, ours: pd.DataFrame, quantity: str) -> float:
    """The largest relative distance of linear theory from our networks, in percent."""
    return 100 * max(abs(p[quantity] / ours.loc[s, (quantity, "mean")] - 1) for s, p in predicted.items())


def _halfway(trained: Trained, codes: Tensor) -> pd.Series:
    """How far out half of a code is decoded, against the radius √(D/2) of the ring: a mean for every member."""
    data, vae = trained.benchmark, copy.deepcopy(trained.vae).double()
    with torch.no_grad():
        half = vae.decode(codes.double() / 2)
    return pd.Series((half @ plane(data).T).norm(dim=-1).mean(-1) / math.sqrt(data.dimension / 2))


def _carried(trained: Trained) -> float:
    """The correlation of the lengths of code and datapoint, in the plane, over noisy data, of those trained on it."""
    data, vae = trained.benchmark, copy.deepcopy(trained.vae).double()
    some = data.sample(1.0)[0][:NOISY].double()
    lengths = evaluation.latents(replace(trained, vae=vae), some).norm(dim=-1)
    lengths = lengths[torch.tensor([m.dataset == 1.0 for m in trained.run.members])]
    across = (some @ plane(data).T).norm(dim=-1)
    return float(np.mean([np.corrcoef(code, across)[0, 1] for code in lengths.numpy()]))
