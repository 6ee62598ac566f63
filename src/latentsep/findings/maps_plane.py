"""Why the maps from the plane do worse than the others: where in the plane their tolerance comes from (thesis §9.5)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from latentsep.data.benchmarks import regular_phases
from latentsep.findings.mappings import Reading, prior_draws
from latentsep.measures import evaluation
from latentsep.reductions import pairing, tolerance
from latentsep.reductions.generative import aggregate_posterior
from latentsep.reductions.reduction import Reductor

OUT = ("R²", "Φ")  # the pair that is looked at: no circle has been learned
Causes = dict[tuple[str, str], float]


def causes(reading: Reading, x: Tensor, seed: int) -> Causes:
    """Δ from R² to Φ in nats: over the prior or the codes of ``x``, by the rotation or the best of all maps.

    ``x`` ``(N, D)`` are datapoints; means over maps and autoencoders.
    """
    plane, known = reading.models["R²"], reading.models["Φ"]

    def nearest(z: Tensor) -> Tensor:
        return pairing.nearest(plane, known, z)

    codes = aggregate_posterior(reading.trained[0], x, seed)
    rows = {}
    for name, latents in (("prior", None), ("codes of data", codes)):
        for label, mapping in (("rotation", reading.reductors[OUT]), ("best of all", nearest)):
            found = tolerance.tolerance(plane, known, mapping, latents=latents)
            rows[name, label] = float(found.value.mean())
    return rows


def scanned(reading: Reading, seed: int, steps: int = 720) -> float:
    """By which share Δ of the trained rotations exceeds the best of a dense scan on the same draws, at most."""
    pair = reading.pairs[OUT]
    z = prior_draws(pair.source, 2000, seed)
    turns = regular_phases(steps)[:, None, None].expand(-1, reading.repetitions, 1)
    scans = (Reductor(pair.family, part) for part in turns.split(60))  # bounds the memory taken
    best = torch.cat([tolerance.divergence(pair.source, pair.target, m, z).mean(-1) for m in scans]).amin(0)
    mine = tolerance.divergence(pair.source, pair.target, reading.reductors[OUT], z).mean(-1)
    return float((mine / best - 1).max())


@dataclass(frozen=True)
class Shares:
    """What draws from the plane's prior add to Δ by the first map, for every autoencoder.

    ``radius`` and ``kl``, in nats, have the shape ``(members, draws)``, and ``ring``, the median radius of the
    codes, ``(members, 1)``.
    """

    radius: Tensor
    kl: Tensor
    ring: Tensor


def shares(reading: Reading, x: Tensor, seed: int) -> Shares:
    """Where in the plane Δ arises; the ring is that of the codes of ``x`` ``(n, D)``."""
    pair = reading.pairs[OUT]
    z = prior_draws(pair.source, 20_000, seed)
    kl = tolerance.divergence(pair.source, pair.target, reading.reductors[OUT], z)[0]
    ring = evaluation.latents(reading.trained[0], x).norm(dim=-1).median(-1, keepdim=True).values
    return Shares(z.norm(dim=-1), kl, ring)


def density(reading: Reading, reach: float, steps: int = 161) -> Tensor:
    """KL in nats at the nodes of a grid over the square up to ``reach``, by the first map, for the first autoencoder.

    Shape ``(steps, steps)``, the second coordinate along the rows, from the bottom up.
    """
    line = torch.linspace(-reach, reach, steps)
    nodes = torch.cartesian_prod(line, line)[:, [1, 0]].expand(reading.repetitions, -1, -1)
    found = tolerance.divergence(reading.models["R²"], reading.models["Φ"], reading.reductors[OUT], nodes)
    return found[0, 0].reshape(len(line), -1)


@dataclass(frozen=True)
class Plane:
    """What makes Δ from the plane to Φ large; with rectified units where nothing else is said, shares in %."""

    shape_share: float  # what the best of all maps saves
    shape_share_tanh: float
    at_codes: float  # Δ over the codes of data, in nats
    codes_factor: float  # by which it is less there
    codes_factor_tanh: float
    codes_best: float  # of the best of all maps, with either activation
    scan: float  # by which a dense scan of angles is better, at most
    ring: float  # radius of the codes
    # Within half the ring's radius, and beyond one and a half: of the prior, and of Δ.
    inner_mass: float
    inner_share: float
    outer_mass: float
    outer_share: float
    inner_codes: int
    all_codes: int
    # Lengths of what the decoder returns at the centre, and of F(φ).
    centre: float
    on_ring: float


def plane(found: Mapping[str, Causes], reading: Reading, share: Shares, x: Tensor, phases: Tensor, seed: int) -> Plane:
    """``found`` has the ``causes`` for ``rectified units``, of which the rest is, and ``hyperbolic tangent``.

    ``x`` ``(N, D)`` are datapoints, and F is taken at ``phases`` ``(n,)`` in radians.
    """
    relu, tanh = found["rectified units"], found["hyperbolic tangent"]
    rotation, best = ("prior", "rotation"), ("prior", "best of all")
    inner, outer = share.radius < share.ring / 2, share.radius > 1.5 * share.ring
    distances = aggregate_posterior(reading.trained[0], x, seed).norm(dim=-1)
    centre = reading.models["R²"].decode(torch.zeros(reading.repetitions, 1, 2))
    return Plane(
        shape_share=100 * (1 - relu[best] / relu[rotation]),
        shape_share_tanh=100 * (1 - tanh[best] / tanh[rotation]),
        at_codes=relu["codes of data", "rotation"],
        codes_factor=relu[rotation] / relu["codes of data", "rotation"],
        codes_factor_tanh=tanh[rotation] / tanh["codes of data", "rotation"],
        codes_best=max(relu["codes of data", "best of all"], tanh["codes of data", "best of all"]),
        scan=100 * scanned(reading, seed),
        ring=float(share.ring.mean()),
        inner_mass=_mass(inner),
        inner_share=_share(share.kl, inner),
        outer_mass=_mass(outer),
        outer_share=_share(share.kl, outer),
        inner_codes=int((distances < share.ring / 2).sum()),
        all_codes=distances.numel(),
        centre=float(centre.norm(dim=-1).mean()),
        on_ring=float(reading.data.mean(phases).norm(dim=-1).mean()),
    )


def _mass(inside: Tensor) -> float:
    """The share of draws, in %."""
    return float(100 * inside.double().mean())


def _share(kl: Tensor, inside: Tensor) -> float:
    """The share of Δ that comes from some of the draws, in %, the mean over members."""
    return float(100 * ((kl * inside).sum(-1) / kl.sum(-1)).mean())
