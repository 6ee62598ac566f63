"""Chapter 11's maps between R⁴, the torus and the phases: where they send codes, what their tolerance is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.benchmarks import ExtendedBenchmark
from latentsep.ledger import checks, ledger
from latentsep.measures import evaluation
from latentsep.reductions import tolerance
from latentsep.reductions.comparisons import Models
from latentsep.reductions.generative import GenerativeModel, aggregate_posterior, draw
from latentsep.reductions.reduction import Reductor
from latentsep.training.ensembles import Trained

THERE, BACK = ("R⁴", "T²"), ("T²", "R⁴")  # the two maps of Table 11.1
_SHORT = {"corrected": "tanh", "rectified": "relu", "as published": "torn"}  # readings in names of numbers

Reductors = Mapping[tuple[str, str], Reductor]
Own = dict[str, Tensor]  # points (n, 4) by space
Sent = dict[tuple[str, str], Tensor]  # points (n, 4) by source and target


def drawings(models: Models, cells: list[Trained], reductors: Reductors, x: Tensor) -> tuple[Own, Sent]:
    """The first autoencoder's codes of ``x`` in both spaces, and where the first maps send them, as points of R⁴.

    ``models`` and ``reductors`` are those of one reading of Table 11.1, ``cells`` its autoencoders, R⁴ first.
    """
    spaces = {space: models[space].space for space in THERE}
    codes = {s: evaluation.latents(t, x) for s, t in zip(spaces, cells, strict=True)}
    own = {s: spaces[s].embed(z)[0] for s, z in codes.items()}
    learned = {k: r for k, r in reductors.items() if "Φ²" not in k}
    return own, {(a, b): spaces[b].embed(r(codes[a]))[0, 0] for (a, b), r in learned.items()}


def in_planes(own: Own, sent: Sent, into_torus: Reductor) -> tuple[Own, Sent]:
    """The same with R⁴ turned: its first two axes span the first plane of the map into the torus, orthonormally.

    The other two span what is at right angles to it: the map's second plane, if that is.
    """
    turn = torch.linalg.qr(into_torus.parameters[0, 0].mT)[0]
    return {**own, "R⁴": own["R⁴"] @ turn}, {k: v @ turn if k[1] == "R⁴" else v for k, v in sent.items()}


@dataclass(frozen=True)
class Strayed:
    """How far from its own phases (radians) a mapped code lands on average, in the worse direction; width of layers."""

    rectified_width: int | None
    strayed_corrected: str
    strayed_published: float


def straying(drawn: Mapping[str, tuple[Own, Sent]], phases: Tensor, rectified_width: int | None) -> Strayed:
    """Judge the ``drawings`` of each reading by the phases ``(n, 2)``, in radians."""
    worst = {name: max(checks.torus.strayed(*drawn[name], phases).values()) for name in ("corrected", "as published")}
    return Strayed(rectified_width, f"{worst['corrected']:.1g}", worst["as published"])


@dataclass(frozen=True)
class AgainstPrint:
    """Tolerances in nats: the print's ``there`` and ``back``, their ``factor``, and ours as multiples of them.

    ``torn`` is the torus as published, ``tanh`` and ``relu`` the corrected one with either kind of units. ``distance``
    is a mean squared distance between pictures that a tolerance stands for, ``unrelated`` that of two pictures at
    random: for the printed one with σ_X² = 0.1 (``there``) or σ_X = 0.1 (``other``), and for ours. ``tanh_other`` is
    our tolerance with σ_X² = 0.1. ``known`` leads from the torus to the true
    phases.
    """

    there: float
    back: float
    factor: float
    tanh_there: float
    tanh_back: float
    tanh_factor: float
    relu_there: float
    relu_back: float
    relu_factor: float
    torn_there: float
    torn_back: float
    torn_factor: float
    distance_there: float
    unrelated: int
    distance_other: float
    tanh_distance: float
    tanh_other: float
    tanh_back_nats: float
    relu_back_nats: float
    relu_back_least: float
    relu_back_most: float
    tanh_known: float
    relu_known: float


def against_print(delta: Mapping[str, pd.DataFrame], side: int) -> AgainstPrint:
    """Hold tables of ``tolerance.tolerances``, by reading of Table 11.1, against it; ``side`` is D."""
    printed = ledger.cells("table-11.1")
    there, back = (printed["/".join(k)]["tolerance"].mean for k in (THERE, BACK))
    mean = {name: table.groupby(["source", "target"]).tolerance.mean() for name, table in delta.items()}
    ours = {}
    for name, short in _SHORT.items():
        ours[f"{short}_there"] = float(mean[name][THERE] / there)
        ours[f"{short}_back"] = float(mean[name][BACK] / back)
        ours[f"{short}_factor"] = float(mean[name][THERE] / mean[name][BACK])
    # Δ = ‖difference‖² / 2σ_X² on average
    distance = 2 * 0.01 * mean["corrected"][THERE]
    each = delta["rectified"].query("source == 'T²' and target == 'R⁴'").groupby("member").tolerance.mean()
    return AgainstPrint(
        there=there,
        back=back,
        factor=there / back,
        **ours,
        distance_there=2 * 0.1 * there,
        unrelated=2 * side**2,
        distance_other=2 * 0.01 * there,
        tanh_distance=float(distance),
        tanh_other=float(distance / 0.2),
        tanh_back_nats=float(mean["corrected"][BACK]),
        relu_back_nats=float(mean["rectified"][BACK]),
        relu_back_least=float(each.min()),
        relu_back_most=float(each.max()),
        tanh_known=float(mean["corrected"]["T²", "Φ²"]),
        relu_known=float(mean["rectified"]["T²", "Φ²"]),
    )


def radial(model: GenerativeModel, z: Tensor) -> float:
    """The part of Δ, in nats, that no map into the true torus can avoid: what the decoder leaves it by.

    The mean over codes ``(members, n, d)`` and members, of a model of the four coordinates that networks see.
    """
    rings = model.decode(z).detach().unflatten(-1, (2, 2)).norm(dim=-1)
    missed = (rings - 2**0.5).square().sum(-1)  # in the networks' numbers both rings have radius √2
    return float((missed / (2 * model.sigma_x[:, None] ** 2)).mean())


def into_phases(
    models: Models, reductors: Reductors, plane: Trained, x: Tensor, seed: int
) -> dict[tuple[str, str], float]:
    """Δ from R⁴ to Φ² in nats, over the prior and over codes of data ``x``, by the map's matrix and by the best of all.

    ``plane`` is the ensemble whose model is ``models["R⁴"]``.
    """
    source, known = models["R⁴"], models["Φ²"]
    stream = seeds.generator(seed, "chapter 11")
    prior = draw(source.space, 10_000, stream).expand(len(source.sigma_x), -1, -1)
    found = {}
    for title, z in (("prior", prior), ("codes of data", aggregate_posterior(plane, x, seed))):
        value = tolerance.tolerance(source, known, reductors["R⁴", "Φ²"], latents=z).value
        found[title, "matrix"], found[title, "best of all"] = float(value.mean()), radial(source, z)
    return found


@dataclass(frozen=True)
class Causes:
    """What Δ from R⁴ to the phases is made of, with both kinds of units, and what the decoder makes of the centre.

    ``radial`` is the part over the prior that no map avoids, in per cent; ``at_codes`` Δ over codes of data, in nats,
    ``saved`` times less than over the prior. ``middle`` is the mean length of
    the picture at the origin, ``full`` that of all pictures.
    """

    tanh_radial: float
    tanh_at_codes: float
    tanh_saved: float
    relu_radial: float
    relu_at_codes: float
    relu_saved: float
    middle: float
    full: float


def causes(tanh: pd.Series, relu: pd.Series, plane: GenerativeModel, data: ExtendedBenchmark) -> Causes:
    """From what ``into_phases`` found with either kind of units, and the model of R⁴ with smooth ones."""
    parts = {}
    for short, row in (("tanh", tanh), ("relu", relu)):
        parts[f"{short}_radial"] = float(100 * row["prior", "best of all"] / row["prior", "matrix"])
        parts[f"{short}_at_codes"] = float(row["codes of data", "matrix"])
        parts[f"{short}_saved"] = float(row["prior", "matrix"] / row["codes of data", "matrix"])
    centre = plane.decode(torch.zeros(len(plane.sigma_x), 1, 4))
    return Causes(**parts, middle=float(centre.detach().norm(dim=-1).mean()) * data.unit, full=float(data.side))
