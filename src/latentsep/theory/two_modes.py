"""Loops that look nearly the same from both sides, and what posteriors with one mode lose on them (Further work).

The data are R(√(1 − c²)·exp(2iφ), c·exp(iφ)) in C², R² = D/2, without noise. A decoder draws the same with radii a and
b times these, so that the true posterior has two modes; for a = b = 1 it is *given*, otherwise *free*. Distances of a
point's double are in units of σ_X, 2cR = d·σ_X. Losses are in nats above the true posterior of the given decoder, or of
the best one where it is free. Such a loop is enough: rotations that take φ to φ + const make of one datapoint all of
them, and a density that is averaged over these rotations is no worse.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp

from latentsep.models.distributions import HeatKernel
from latentsep.theory import diffusion

_ANGLES = diffusion.grid(2048)
_STEP = 2 * math.pi / len(_ANGLES)


def given(distance: float, sigma_x: float = 1.0, dimension: int = 25) -> dict[str, float]:
    """What the best heat kernel loses, the best pair of equal ones, and the best pair of any weights.

    Of a given decoder: the divergence from the true posterior, by the trapezoidal rule over one turn. Raises
    ``ValueError`` for a distance at which the loop would need an c above 1.

    >>> found = given(0.0)
    >>> round(found["one"], 2), round(found["two, equal"], 2)
    (0.69, 0.0)
    """
    missed = _missed(distance, sigma_x, dimension, 1.0, 1.0)
    log_true = -missed - logsumexp(-missed) - math.log(_STEP)

    def lost(weight: float, t: float) -> float:
        q = np.maximum(weight * _heat(t) + (1 - weight) * np.roll(_heat(t), len(_ANGLES) // 2), 1e-300)
        return float((q * (np.log(q) - log_true)).sum() * _STEP)

    start = math.log(0.04 * sigma_x**2)
    return {
        "one": _least(lambda v: lost(1.0, math.exp(v[0])), [start]),
        "two, equal": _least(lambda v: lost(0.5, math.exp(v[0])), [start]),
        "two, any weights": _least(lambda v: lost(1 / (1 + math.exp(-v[1])), math.exp(v[0])), [start, 0.5]),
    }


def free(distance: float, sigma_x: float = 1.0, dimension: int = 25) -> dict[str, float]:
    """What the best heat kernel loses with its best decoder: it tells the ``sides`` apart or has them ``merged``.

    For a code that tells them the decoder's best radii are E cos 2Δ and E cos Δ; where they are merged, b is 0 and the
    code is the angle 2φ. ``floor`` is the least mean of −log p(x), with true posteriors; errors as for ``given``.
    """
    whole, odd = _radii(distance, sigma_x, dimension)
    constant = dimension / 2 * math.log(2 * math.pi * sigma_x**2)

    def evidence(v: np.ndarray) -> float:
        return float(math.log(len(_ANGLES)) - logsumexp(-_missed(distance, sigma_x, dimension, v[0], v[1])))

    # The second start is for decoders that tell the sides apart: neither is the best for every distance.
    floor = min(_least(evidence, [0.95, b]) for b in (0.0, 0.95))

    def told(t: float) -> float:
        return -0.5 * (whole * math.expm1(-8 * t) + odd * math.expm1(-2 * t)) + _divergence(t)

    def merged(t: float) -> float:
        return -0.5 * whole * math.expm1(-8 * t) + 0.5 * odd + _divergence(4 * t)

    start = math.log(0.04 * sigma_x**2)
    return {
        "floor": constant + floor,
        "sides": _least(lambda v: told(math.exp(v[0])), [start]) - floor,
        "merged": _least(lambda v: merged(math.exp(v[0])), [start]) - floor,
    }


def _radii(distance: float, sigma_x: float, dimension: int) -> tuple[float, float]:
    """The squares of both radii, in units of σ_X."""
    whole, odd = dimension / 2 / sigma_x**2, distance**2 / 4
    if not 0 <= odd <= whole:
        raise ValueError(f"distance is {distance:g}; choose 0 to {2 * math.sqrt(whole):.3g}")
    return whole - odd, odd


def _missed(distance: float, sigma_x: float, dimension: int, a: float, b: float) -> np.ndarray:
    """Half of the squared distance to each point ``(2048,)`` of what the decoder draws, in units of σ_X."""
    whole, odd = _radii(distance, sigma_x, dimension)
    octave = 1 + a**2 - 2 * a * np.cos(2 * _ANGLES)
    return 0.5 * (whole * octave + odd * (1 + b**2 - 2 * b * np.cos(_ANGLES)))


def _divergence(t: float) -> float:
    return float(HeatKernel(0.0, torch.tensor(t, dtype=torch.float64)).kl_to_uniform())


def _heat(t: float) -> np.ndarray:
    """The heat kernel at time t, per radian; by images where it is narrow, by cosines where it is wide."""
    return diffusion.images(_ANGLES, t, 2) if t < 1 else diffusion.theta_series(_ANGLES, t, 8)


def _least(function: Callable[[np.ndarray], float], start: list[float]) -> float:
    found = minimize(function, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-12, "maxiter": 2000})
    return float(found.fun)
