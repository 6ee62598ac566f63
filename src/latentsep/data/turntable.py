"""Objects on a turntable, rendered: what chapter 10 shows where COIL-20 is not at hand."""

from dataclasses import dataclass

import numpy as np

_TILT = np.radians(25)  # of the camera, above the plane of the table
_LIGHT = np.array([-0.45, -0.6, 0.66])  # direction towards the lamp, which stands still


@dataclass(frozen=True)
class Ellipsoid:
    """A solid of the scene: centre and half axes along x, y (the table) and z (up), and how bright it is, to 1."""

    centre: tuple[float, float, float]
    axes: tuple[float, float, float]
    shade: float


#: The objects: plainly different from all sides; alike after half a turn but for one end; nearly round; an animal.
OBJECTS: tuple[tuple[Ellipsoid, ...], ...] = (
    (
        Ellipsoid((0, 0, -0.3), (0.62, 0.4, 0.3), 0.8),
        Ellipsoid((0.5, 0.1, 0.2), (0.24, 0.24, 0.3), 1.0),
        Ellipsoid((-0.45, -0.25, 0.05), (0.14, 0.14, 0.4), 0.5),
    ),
    (
        Ellipsoid((0, 0, -0.25), (0.8, 0.22, 0.2), 0.75),
        Ellipsoid((0.62, 0, -0.05), (0.2, 0.26, 0.26), 1.0),
        Ellipsoid((-0.62, 0, -0.05), (0.2, 0.26, 0.26), 0.85),
    ),
    (
        Ellipsoid((0, 0, -0.1), (0.55, 0.55, 0.5), 0.8),
        Ellipsoid((0.5, 0, 0.1), (0.1, 0.1, 0.12), 0.35),
        Ellipsoid((0.1, 0.52, -0.2), (0.1, 0.1, 0.06), 1.0),
    ),
    (
        Ellipsoid((0, 0, -0.1), (0.5, 0.28, 0.26), 0.7),
        Ellipsoid((0.52, 0, 0.2), (0.22, 0.2, 0.2), 0.9),
        Ellipsoid((0.68, 0, 0.14), (0.12, 0.08, 0.08), 0.4),
        Ellipsoid((0.3, 0.16, -0.45), (0.08, 0.08, 0.25), 0.6),
        Ellipsoid((0.3, -0.16, -0.45), (0.08, 0.08, 0.25), 0.6),
        Ellipsoid((-0.35, 0.16, -0.45), (0.08, 0.08, 0.25), 0.6),
        Ellipsoid((-0.35, -0.16, -0.45), (0.08, 0.08, 0.25), 0.6),
        Ellipsoid((-0.55, 0, 0.15), (0.05, 0.05, 0.28), 0.5),
    ),
)


def render(poses: int = 72, size: int = 128) -> np.ndarray:
    """All objects from ``poses`` sides, 360/poses degrees apart: uint8 ``(objects, poses, size, size)``.

    Parallel rays, one for each pixel, meet ellipsoids that turn with the table; the nearest one is
    shaded by the angle between its surface and the light (Lambert), on black. Nothing in it is random.
    """
    return np.stack([[_view(solids, 2 * np.pi * k / poses, size) for k in range(poses)] for solids in OBJECTS])


def _view(solids: tuple[Ellipsoid, ...], angle: float, size: int) -> np.ndarray:
    """One picture, ``(size, size)``, uint8."""
    span = (np.arange(size) + 0.5) / size * 2 - 1
    right, up = np.array([1.0, 0, 0]), np.array([0, np.sin(_TILT), np.cos(_TILT)])
    ray = np.array([0, np.cos(_TILT), -np.sin(_TILT)])  # away from the camera
    start = span[None, :, None] * right - span[:, None, None] * up - 3 * ray
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])  # from the room to the turning table
    depth, bright = np.full((size, size), np.inf), np.zeros((size, size))
    for solid in solids:
        axes = np.array(solid.axes)
        p, d = (start @ turn.T - solid.centre) / axes, (turn @ ray) / axes
        # |p + t d| = 1: the ray meets the solid where its image meets the unit ball.
        a, b, c = d @ d, p @ d, (p**2).sum(-1) - 1
        root = b**2 - a * c
        with np.errstate(invalid="ignore"):
            t = (-b - np.sqrt(root)) / a
        seen = (root > 0) & (t < depth)
        normal = (p + t[..., None] * d) / axes @ turn
        with np.errstate(invalid="ignore"):
            normal = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
        light = 0.25 + 0.75 * np.clip(normal @ (_LIGHT / np.linalg.norm(_LIGHT)), 0, 1)
        depth, bright = np.where(seen, t, depth), np.where(seen, solid.shade * light, bright)
    return np.round(255 * bright).astype(np.uint8)
