"""The diffusion equation on the circle, solved in ways that share nothing (thesis appendix A).

The equation is ∂ρ/∂t = ∂²ρ/∂r² with period 2π and all mass at r = 0 when t = 0. Angles r are in
radians, measured from the starting point μ; times t are in radians² (the thesis sets D = 1; for
another diffusion coefficient t stands for Dt); densities are per radian. Everything is written out
in NumPy, without ``distributions``, which is held against it.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import expm


def grid(points: int) -> np.ndarray:
    """Equally spaced angles ``(points,)`` in [-π, π), one of them 0. Raises ``ValueError`` for fewer than 3.

    >>> grid(4) / math.pi
    array([-1. , -0.5,  0. ,  0.5])
    """
    if points < 3:
        raise ValueError(f"points is {points}; choose 3 or more")
    return (np.arange(points) - points // 2) * (2 * math.pi / points)


def spike(points: int) -> np.ndarray:
    """The density ``(points,)`` on ``grid`` that has all its mass in the single cell at angle 0."""
    start = np.zeros(len(grid(points)))
    start[points // 2] = points / (2 * math.pi)
    return start


def laplacian(points: int) -> np.ndarray:
    """Second differences on ``grid``, over the square of its spacing: ``(points, points)``, in radians⁻²."""
    eye = np.eye(len(grid(points)))
    return (np.roll(eye, 1, 0) - 2 * eye + np.roll(eye, -1, 0)) * (points / (2 * math.pi)) ** 2


def finite_differences(start: ArrayLike, t: float) -> np.ndarray:
    """Solve the equation from the density ``start`` ``(points,)`` on ``grid`` up to time ``t``; same shape.

    The method of lines: second differences in space, and in time the exact solution of the system of
    linear equations that they give, its matrix exponential. The error is of second order in the
    grid's spacing. Raises ``ValueError`` for a negative time. LeVeque (2007), ch. 9.

    >>> late = finite_differences(spike(64), 10.0)
    >>> bool(np.allclose(late, 1 / (2 * math.pi), atol=1e-4))  # it ends up uniform
    True
    """
    start = np.asarray(start, dtype=float)
    if not 0 <= t < math.inf:
        raise ValueError(f"t is {t:g}; choose a finite time of 0 or more")
    return expm(t * laplacian(len(start))) @ start


def images(r: ArrayLike, t: float, terms: int = 100) -> np.ndarray:
    """The normal density of variance 2t wrapped around the circle, with ``terms`` images on either side.

    It takes the shape of ``r``. Raises ``ValueError`` unless t > 0 and ``terms`` is 0 or more. Mardia
    and Jupp (2000), §3.5.7.

    >>> round(float(images(0.0, 0.01)), 6) == round(1 / math.sqrt(4 * math.pi * 0.01), 6)  # too narrow to meet itself
    True
    """
    _check(t, terms)
    r = (np.asarray(r, dtype=float) + math.pi) % (2 * math.pi) - math.pi
    unwrapped = np.add.outer(r, 2 * math.pi * np.arange(-terms, terms + 1))
    return np.exp(-(unwrapped**2) / (4 * t)).sum(-1) / math.sqrt(4 * math.pi * t)


def theta_series(r: ArrayLike, t: float, terms: int = 100) -> np.ndarray:
    """(1 + 2 Σ cos(mr) exp(−m²t))/2π with m up to ``terms``: thesis (A.19) with its factor 2 in place.

    Shape and errors as for ``images``.
    """
    return (1 + 2 * _cosines(r, t, terms)) / (2 * math.pi)


def printed_series(r: ArrayLike, t: float, terms: int = 100) -> np.ndarray:
    """(1 + Σ cos(mr) exp(−m²t))/2π: thesis (A.19) and (7.5) as printed, half uniform and half the solution.

    Shape and errors as for ``images``.
    """
    return (1 + _cosines(r, t, terms)) / (2 * math.pi)


def _cosines(r: ArrayLike, t: float, terms: int) -> np.ndarray:
    _check(t, terms)
    m = np.arange(1, terms + 1)
    return np.cos(np.multiply.outer(np.asarray(r, dtype=float), m)) @ np.exp(-(m**2) * t)


def terms_needed(t: float, tolerance: float = 1e-13) -> dict[str, int]:
    """The fewest terms with which ``theta_series`` and ``images`` are right at time ``t``.

    Right means to within ``tolerance`` of the density's peak everywhere on the circle. Raises
    ``ValueError`` for a time outside 0.01 to 1000, where more than 100 terms might be needed.

    >>> terms_needed(math.pi)
    {'theta_series': 3, 'images': 3}
    """
    if not 0.01 <= t <= 1000:
        raise ValueError(f"t is {t:g}; choose 0.01 to 1000")
    r = grid(64)
    exact = images(r, t) if t < math.pi else theta_series(r, t)
    needed = {}
    for series in (theta_series, images):
        errors = (np.abs(series(r, t, terms) - exact).max() for terms in range(101))
        needed[series.__name__] = next(i for i, error in enumerate(errors) if error <= tolerance * exact.max())
    return needed


def mass(density: np.ndarray) -> float:
    """The integral of a density ``(points,)`` on ``grid``."""
    return float(density.sum() * 2 * math.pi / len(density))


def second_moment(density: np.ndarray) -> float:
    """The integral of r² times a density ``(points,)`` on ``grid``, in radians²."""
    return mass(grid(len(density)) ** 2 * density)


def distance(density: np.ndarray, other: np.ndarray) -> float:
    """The L¹ distance of two densities ``(points,)`` on ``grid``: 0 if equal, 2 if nowhere both positive."""
    return mass(np.abs(density - other))


def _check(t: float, terms: int) -> None:
    if not 0 < t < math.inf:
        raise ValueError(f"t is {t:g}; choose a finite time above 0")
    if terms < 0:
        raise ValueError(f"terms is {terms}; choose 0 or more")
