"""Drawn shapes as data for autoencoders: squares, circles and triangles whose position and size are known.

A shape is its chords: each line through it enters once and leaves once, since all of them are convex. How much of a
chord lies in a pixel is exact; across, a pixel has ``LINES`` of them, and shapes end where they end.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from latentsep.data import seeds

KINDS = ("square", "circle", "triangle")
FACTORS = ("kind", "x", "y", "size", "angle", "grey")  # what a picture is made of, in this order
SIDE, LINES = 28, 8  # pixels along each side of the canvas, and lines through each of them
POSITIONS, SIZES, GREYS = (9.0, 19.0), (5.0, 10.0), (0.4, 1.0)  # in pixels from the upper left corner; pixels; ink
_AT_ONCE = 500  # pictures that are drawn together
#: Of polygons with an area of 1: where the normals of their edges point, and how far these are from the centroid.
_EDGES = {"square": ((0, 90, 180, 270), 0.5), "triangle": ((90, 210, 330), 3**-0.75)}


@dataclass(frozen=True)
class Shapes:
    """Pictures of one shape each, ``learned`` to learn from and ``held`` held out; nothing else is like them.

    All factors are drawn independently: the kind, the centroid uniform in a square of ``POSITIONS``, the size uniform
    in ``SIZES``. The size is the root of the area, for all kinds alike. With ``turned`` shapes have angles, in radians,
    and grey levels, too. Raises ``ValueError`` for less than one picture.
    """

    learned: int = 10_000
    held: int = 2_000
    turned: bool = False
    seed: int = 0
    unit: ClassVar[float] = 1.0
    side: ClassVar[int] = SIDE
    dimension: ClassVar[int] = SIDE * SIDE

    def __post_init__(self):
        for name in ("learned", "held"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)!r}; choose 1 or more")

    @property
    def size(self) -> int:
        return self.learned

    def sample(self, dataset: float) -> tuple[Tensor, Tensor]:
        """The pictures to learn from ``(learned, 784)`` and their ``factors``; all labels name the same."""
        return _drawn(self, "learned", self.learned)

    def held_out(self) -> tuple[Tensor, Tensor]:
        """The pictures that nothing has learned from, and their factors."""
        return _drawn(self, "held out", self.held)

    def more(self, name: str, count: int) -> tuple[Tensor, Tensor]:
        """``count`` other pictures of the same distribution, from a stream with a ``name``, and their factors."""
        factors = self.factors(name, count)
        return draw(factors).flatten(1), factors

    def factors(self, name: str, count: int) -> Tensor:
        """The factors ``(count, 6)`` of pictures, as in ``FACTORS``, from a stream with a ``name``."""
        stream = seeds.generator(self.seed, "shapes", self.turned, name)
        kind = torch.randint(len(KINDS), (count, 1), generator=stream).float()
        low, high = torch.tensor([POSITIONS, POSITIONS, SIZES, (0.0, 2 * math.pi), GREYS]).T
        drawn = low + (high - low) * torch.rand(count, 5, generator=stream)
        if not self.turned:
            drawn[:, 3:] = torch.tensor([0.0, 1.0])
        return torch.cat([kind, drawn], 1)

    def outside(self, sigma_x: float) -> float:
        """What −log P(x|z) has, in nats, beyond what the networks see: nothing."""
        return 0.0


@lru_cache(maxsize=4)
def _drawn(shapes: Shapes, name: str, count: int) -> tuple[Tensor, Tensor]:
    return shapes.more(name, count)


def draw(factors: Tensor) -> Tensor:
    """Pictures ``(n, 28, 28)`` with so much ink from 0 to 1 in each pixel, of ``factors`` ``(n, 6)``.

    Raises ``ValueError`` for a kind that is none of ``KINDS``.

    >>> draw(torch.tensor([[0.0, 14.0, 14.0, 2.5, 0.0, 1.0]]))[0, 12:14, 12:14]
    tensor([[0.0625, 0.2500],
            [0.2500, 1.0000]])
    """
    kinds = factors[:, 0].long()
    if not torch.isin(kinds, torch.arange(len(KINDS))).all():
        raise ValueError(f"kind is {factors[:, 0].unique().tolist()}; choose 0 to {len(KINDS) - 1}")
    pictures = torch.empty(len(factors), SIDE, SIDE)
    for number, name in enumerate(KINDS):
        for rows in torch.nonzero(kinds == number)[:, 0].split(_AT_ONCE):
            pictures[rows] = _ink(name, factors[rows].double()).to(pictures.dtype)
    return pictures


def _ink(kind: str, factors: Tensor) -> Tensor:
    _, x, y, size, angle, grey = factors[:, :, None].unbind(1)
    reach = _height(kind, size, angle)
    edges = torch.arange(SIDE * LINES + 1, dtype=factors.dtype) / LINES - y
    # A strip between two lines is seen through where the shape is: at the middle of what it has of its height.
    above, below = edges[:, :-1].clamp(-reach[0], reach[1]), edges[:, 1:].clamp(-reach[0], reach[1])
    middle, part = (above + below) / 2, LINES * (below - above)
    enter, leave = _circle(middle, size) if kind == "circle" else _polygon(kind, middle, size, angle)
    left = torch.arange(SIDE).float()
    # What of the line lies left of each pixel's right edge, and no further than its left one.
    before, inside = (
        ((end + x).float()[..., None] - left).clamp_(0, 1) for end in (enter, torch.maximum(enter, leave))
    )
    weights = (grey * part / LINES).float().unflatten(1, (SIDE, 1, LINES))
    return (weights @ inside.sub_(before).unflatten(1, (SIDE, LINES)))[:, :, 0]


def _height(kind: str, size: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """How far it reaches above its centroid and below it."""
    if kind == "circle":
        return size / math.pi**0.5, size / math.pi**0.5
    degrees, apart = _EDGES[kind]
    corners = torch.tensor(degrees) * (math.pi / 180) + math.pi / len(degrees)
    heights = apart / math.cos(math.pi / len(degrees)) * size * torch.sin(angle + corners.to(angle))
    return -heights.amin(1, keepdim=True), heights.amax(1, keepdim=True)


def _circle(lines: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """Where lines at a height ``(n, lines)`` over the centroid enter and leave."""
    half = (size.square() / math.pi - lines.square()).clamp(min=0).sqrt()
    return -half, half


def _polygon(kind: str, lines: Tensor, size: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    degrees, apart = _EDGES[kind]
    enter, leave = torch.full_like(lines, -2.0 * SIDE), torch.full_like(lines, 2.0 * SIDE)
    for normal in degrees:
        cosine, sine = (angle + math.radians(normal)).cos(), (angle + math.radians(normal)).sin()
        level = cosine.abs() < 1e-9  # no line within the height crosses it
        crossing = (apart * size - sine * lines) / torch.where(level, 1.0, cosine)
        leave = torch.where((cosine > 0) & ~level, torch.minimum(leave, crossing), leave)
        enter = torch.where((cosine < 0) & ~level, torch.maximum(enter, crossing), enter)
    return enter, leave
