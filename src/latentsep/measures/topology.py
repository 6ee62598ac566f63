"""How an encoder takes closed loops of data: degrees, and whether the loop stays whole (thesis ch. 7, 10, 11)."""

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata
from torch import Tensor

from latentsep.data.benchmarks import regular_phases
from latentsep.models.circular import wrap
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean
from latentsep.training.ensembles import Trained

_CHUNK = 20_000  # datapoints encoded at once, which bounds the memory taken


def packed(angles: Tensor, share: float = 0.9) -> Tensor:
    """The shortest arc that holds a ``share`` of angles ``(members, n)``, relative to the circle, ``(members,)``.

    >>> packed(torch.tensor([[0.0, 0.1, 0.2, 0.3, 3.0]]), share=0.8) * 2 * torch.pi
    tensor([0.3000])
    """
    ordered = angles.remainder(2 * torch.pi).sort(-1).values
    count = angles.shape[-1]
    held = round(share * count)
    twice = torch.cat([ordered, ordered + 2 * torch.pi], -1)
    return (twice[:, held - 1 : held - 1 + count] - ordered).amin(-1) / (2 * torch.pi)


def winding(angles: Tensor | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how often closed sequences of angles turn, and their largest step.

    ``angles`` in radians, shape ``(..., n)``, the last followed by the first. The winding number
    means something only where the largest step (radians, in [0, π]) is well below π.

    >>> float(winding(np.linspace(0, 4 * np.pi, 50, endpoint=False))[0])
    2.0
    """
    angles = np.asarray(angles, dtype=np.float64)
    steps = np.diff(angles, axis=-1, append=angles[..., :1])
    wrapped = (steps + np.pi) % (2 * np.pi) - np.pi
    return np.round(wrapped.sum(-1) / (2 * np.pi)) + 0.0, np.abs(wrapped).max(-1)  # no −0


def circular_rank_correlation(angles: Tensor | np.ndarray) -> np.ndarray:
    """How well angles ``(..., n)`` keep the cyclic order of a loop, from 0 to 1, whatever their spacing and sense.

    The angles (radians, of n regular phases) are replaced by their ranks, spread evenly around the
    circle; the coefficient is the squared length of the mean of exp(i·(rank − phase)), for the better
    of the two senses (Mardia, 1975).

    >>> float(circular_rank_correlation(np.array([3.0, 2.5, 1.0, 0.9, -2.0]))) == 1
    True
    """
    ranks = rankdata(np.asarray(angles), axis=-1)  # equal angles share a rank, so that a single one has no order
    n = ranks.shape[-1]
    means = [np.exp(2j * np.pi / n * (sense * ranks - np.arange(n))).mean(-1) for sense in (1, -1)]
    return np.round(np.maximum(*np.abs(means)) ** 2, 12)


def plane_angles(points: Tensor) -> np.ndarray:
    """Angles, in radians, of points ``(..., n, 2)`` of the plane as seen from their centroid."""
    centred = (points - points.mean(-2, keepdim=True)).numpy()
    return np.arctan2(centred[..., 1], centred[..., 0])


def walk(
    angles_at: Callable[[Tensor], Tensor], count: int, fineness: int, halvings: int, wrapped: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Follow continuous angles around loops: their degree, the degree of ``count`` points alone, the longest way.

    ``angles_at`` maps phases ``(n,)`` to angles ``(..., n)``, both in radians. The walk starts from
    ``count·fineness`` regular phases and halves every interval with a step above π/2, up to ``halvings``
    times; the degree is NaN should a step stay too long. The longest way is the length of path between two
    neighbours of the ``count`` phases. Without ``wrapped`` a step of a whole turn is not taken for none.
    """

    def steps(angles: Tensor) -> Tensor:
        forward = angles.roll(-1, -1) - angles
        return wrap(forward) if wrapped else forward

    phases = regular_phases(count * fineness).double()
    angles, cell = angles_at(phases), torch.arange(count).repeat_interleave(fineness)
    apparent, _ = winding(angles[..., ::fineness])
    for _ in range(halvings):
        long = (steps(angles).abs() > math.pi / 2).flatten(0, -2).any(0)
        if not long.any():
            break
        between = (phases + (phases.roll(-1) - phases).remainder(2 * math.pi) / 2)[long]
        order = torch.cat([phases, between]).argsort()
        phases, cell = torch.cat([phases, between])[order], torch.cat([cell, cell[long]])[order]
        angles = torch.cat([angles, angles_at(between)], -1)[..., order]
    finest, (turns, _) = steps(angles).abs(), winding(angles)
    ways = torch.zeros(*angles.shape[:-1], count, dtype=angles.dtype).index_add_(-1, cell, finest)
    return np.where(finest.amax(-1) > math.pi / 2, np.nan, turns), apparent, ways.amax(-1).numpy()


@torch.no_grad()
def degrees(trained: Trained, count: int = 100, fineness: int = 128, halvings: int = 20) -> pd.DataFrame:
    """How each member's encoder takes the loop of noiseless data around the latent circle; one row per member.

    Networks are continuous, so a loop that is walked finely enough has a ``degree``. ``largest_step``
    (radians) is the longest way that the latent angle goes between two neighbours among the ``count``
    phases of the visualisation set, on a fine ``walk``; above π/2 the member is ``torn``. ``apparent`` is
    the winding number that these ``count`` phases alone would give: an encoder that runs back around the
    whole circle between two of them looks whole. Codes in the plane are seen from their centroid. Raises
    ``ValueError`` for a latent space that is neither S¹ nor R².
    """
    run, vae = trained.run, copy.deepcopy(trained.vae).double()
    if run.space != Euclidean(2) and not isinstance(run.space, Circle):
        raise ValueError(f"space is {run.space}; choose Circle or Euclidean(2)")
    real = getattr(run.space, "head", None) == "real"

    def angles_at(phases: Tensor) -> Tensor:
        posterior = vae.posterior(run.loop(phases))
        if real:
            # Not wrapped: a step of a whole turn must not look like none.
            return posterior.base_dist.loc.squeeze(-1)
        z = run.space.location(posterior)
        return z.squeeze(-1) if z.shape[-1] == 1 else torch.atan2(*(z - centre).flip(-1).unbind(-1))

    centre = run.space.location(vae.posterior(run.loop(regular_phases(count * fineness).double()))).mean(-2, True)
    turns, apparent, largest = walk(angles_at, count, fineness, halvings, wrapped=not real)
    return pd.DataFrame([vars(m) for m in run.members]).assign(
        degree=turns, apparent=apparent, largest_step=largest, torn=largest > np.pi / 2
    )


def outcome(found: pd.DataFrame) -> pd.Series:
    """What became of the loop, from ``degrees``: ``torn``, or by degree ``recovered``, ``folded`` or ``other``.

    From ``degree_matrices`` likewise, by the determinant.
    """
    turns = found["degree"].abs()
    chosen = np.select([found["torn"], turns == 1, turns == 0], ["torn", "recovered", "folded"], "other")
    return pd.Series(chosen, found.index)


@torch.no_grad()
def degree_matrices(
    trained: Trained,
    angles: Callable[[Tensor], Tensor] | None = None,
    lines: int = 10,
    fineness: int = 8,
    halvings: int = 20,
) -> pd.DataFrame:
    """How each member's encoder takes a torus of data around its latent torus; one row per member.

    Entry (a, b) of ``matrix`` says how often latent angle a turns while phase b does: it is walked along
    ``lines`` loops for each phase, with the other one fixed. ``degree`` is the determinant. A member is
    ``torn`` if an angle goes further than π/2 between two neighbours of X_Vis on these loops
    (``largest_step``, radians), or turns differently on parallel ones, or if it has ``vortices``: squares of
    neighbours in X_Vis around which an angle turns, so that it is undefined somewhere inside. A head with
    two outputs for an angle has them where both outputs vanish.

    ``angles`` takes codes ``(members, n, d)`` to angles ``(members, n, 2)`` in a space that is no torus.
    Raises ``ValueError`` where it is needed and missing.
    """
    run, vae = trained.run, copy.deepcopy(trained.vae).double()
    if angles is None and not isinstance(run.space, CliffordTorus):
        raise ValueError(f"angles is None for {run.space}; give a function of its codes")
    real = isinstance(run.space, CliffordTorus) and run.space.circle.head == "real"

    def at(pairs: Tensor) -> Tensor:
        """Angles ``(members, 2, ...)`` at pairs of phases ``(..., 2)``."""
        found = []
        for part in pairs.flatten(0, -2).split(_CHUNK):
            posterior = vae.posterior(run.loop(part))
            codes = posterior.base_dist.base_dist.loc.squeeze(-1) if real else run.space.location(posterior)
            found.append(codes if angles is None else angles(codes))
        return torch.cat(found, 1).mT.unflatten(-1, pairs.shape[:-1])

    count = math.isqrt(run.data.size)  # values of each phase in X_Vis
    side = regular_phases(count).double()
    fixed = side[:: max(1, count // lines)]
    columns, ways = [], []
    for phase in (0, 1):

        def along(phases: Tensor, phase: int = phase) -> Tensor:
            pairs = torch.cartesian_prod(fixed, phases).unflatten(0, (len(fixed), len(phases)))
            return at(pairs if phase == 1 else pairs.flip(-1))

        turns, _, way = walk(along, count, fineness, halvings, wrapped=not real)
        columns.append(turns)
        ways.append(way.max((1, 2)))
    square = at(torch.cartesian_prod(side, side).unflatten(0, (count, count)))
    # A real head is a continuous function, also where it passes ±π.
    vortices = _vortices(square, (lambda step: step) if real else wrap)
    several = np.stack(columns, -1).swapaxes(1, 2)  # (members, lines, angle, phase)
    matrix, largest = several[:, 0], np.maximum(*ways)
    rows: list[Any] = [tuple(map(tuple, m)) for m in matrix]  # pandas' types know of no such cells
    unequal = ~(several == matrix[:, None]).all((1, 2, 3))
    return pd.DataFrame([vars(m) for m in run.members]).assign(
        matrix=rows,
        degree=np.round(np.linalg.det(np.nan_to_num(matrix))) + 0.0,
        largest_step=largest,
        vortices=vortices,
        torn=(largest > np.pi / 2) | unequal | (vortices > 0),
    )


def _vortices(angles: Tensor, wrapped: Callable[[Tensor], Tensor]) -> np.ndarray:
    """How many squares of a periodic grid angles ``(members, 2, n, n)`` turn around."""
    down, right = (wrapped(angles.roll(-1, axis) - angles) for axis in (-2, -1))
    around = down + right.roll(-1, -2) - down.roll(-1, -1) - right
    return (around.abs() > math.pi).sum((1, 2, 3)).numpy()
