"""The ring's rate–distortion function, which no code and no decoder can beat: exact, one point for each σ_X.

Every model whose decoder is normal with a deviation σ_X has −log p(x) ≥ R + D/(2σ_X²) on average, for some point
(R, D) of this curve, up to the constant of the density. So the evidence floor of thesis chapter 5 is this curve.
"""

import math
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.special import i0e, i1e


@dataclass(frozen=True)
class Point:
    """The fewest ``bits`` a datapoint with which its squared error can be ``distortion`` on average."""

    bits: float
    distortion: float


def ring(sigma_x: float, dimension: int = 25) -> Point:
    """The point of the curve with slope −1/(2σ_X²), in nats, for a phase that is uniform on a circle of radius √(D/2).

    The best reproductions lie on a circle of a times that radius, with a the mean resultant length I₁(κ)/I₀(κ) of a
    von Mises density of κ = aD/(2σ_X²), which is the best channel. Then R = κa − log I₀(κ), and D is D/2·(1 − a²). From
    σ_X² = D/4 on nothing is worth saying. Raises ``ValueError`` if ``sigma_x`` is not positive.

    >>> point = ring(1.0)
    >>> round(point.bits, 3), round(point.distortion, 3)
    (2.363, 1.046)
    """
    if not sigma_x > 0:
        raise ValueError(f"sigma_x is {sigma_x!r}; it must be positive")
    square = dimension / 2
    if sigma_x**2 >= square / 2:
        return Point(0.0, square)
    scale = square / sigma_x**2

    def short(a: float) -> float:
        return i1e(a * scale) / i0e(a * scale) - a

    lowest = 1e-9 if scale > 2 else 0.0
    a = brentq(short, lowest, 1.0, xtol=1e-15, rtol=1e-15)
    kappa = a * scale
    nats = kappa * (a - 1) - math.log(i0e(kappa))
    return Point(nats / math.log(2), square * (1 - a**2))
