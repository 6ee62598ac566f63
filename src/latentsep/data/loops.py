"""Pictures taken around closed loops, as data that small networks can learn exactly (thesis ch. 10)."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.benchmarks import regular_phases


@dataclass(frozen=True)
class Loops:
    """Closed loops of datapoints at regular phases: dataset n is the n-th loop, counted from 1.

    ``points`` ``(loops, frames, numbers)`` are what networks see, in units of ``unit``; ``ambient`` is D,
    the dimension of the data space that these numbers stand for. ``source`` identifies the pictures.
    ``orders`` has for each loop an order of its frames, as ``seriation`` finds it, for a guided start.
    With ``noise`` a dataset has ``draws`` datapoints, each a random frame plus normal noise of that
    standard deviation in every one of the D coordinates, as the benchmark's X_σ (thesis §5.1).
    Made by ``shrink`` or ``in_pixels``.
    """

    source: str
    points: np.ndarray = field(compare=False, repr=False)
    unit: float = field(compare=False)  # of ``points``, and like them given by the source but for rounding
    ambient: int
    orders: tuple[tuple[int, ...], ...] | None = None
    noise: float = 0.0
    draws: int = 10_000
    seed: int = 0

    @property
    def dimension(self) -> int:
        return self.points.shape[-1]

    @property
    def frames(self) -> int:
        return self.points.shape[1]

    @property
    def size(self) -> int:
        return self.draws if self.noise else self.frames

    def sample(self, dataset: float) -> tuple[Tensor, Tensor]:
        """The datapoints ``(size, dimension)`` of a loop, and their phases ``(size,)`` in radians."""
        rows = self._rows(dataset)
        x = self._frames(dataset)[rows]
        if self.noise:
            x = x + self.noise / self.unit * torch.randn(x.shape, generator=self._stream(dataset, "noise"))
        return x, regular_phases(self.frames)[rows]

    def loop(self, phases: Tensor, datasets: Sequence[float]) -> Tensor:
        """Noiseless datapoints, ``(len(datasets), len(phases), dimension)``, one loop for each of ``datasets``.

        Between two neighbouring frames they lie on the straight line that joins them.
        """
        place = (phases.double() + math.pi) / (2 * math.pi) * self.frames
        before = place.floor()
        weight = (place - before)[:, None]
        rows = before.long() % self.frames
        labels = sorted(set(datasets))
        loops = torch.stack([self._frames(label).double() for label in labels])
        between = torch.lerp(loops[:, rows], loops[:, (rows + 1) % self.frames], weight).to(phases.dtype)
        return between[[labels.index(d) for d in datasets]]

    def angles(self, dataset: float) -> Tensor:
        """Angles ``(size,)`` in radians that place the datapoints regularly in the order found for their loop."""
        angles = torch.empty(self.frames)
        # Asked for only where there are orders: ``Run`` sees to it.
        angles[list(self.orders[_index(dataset, len(self.points))])] = regular_phases(self.frames)  # type: ignore[index]
        return angles[self._rows(dataset)]

    def ordered(self, orders: Sequence[Sequence[int] | np.ndarray]) -> "Loops":
        """The same data with an order of the frames for each loop, along which a start can be guided."""
        everyone, count = list(range(self.frames)), len(self.points)
        if len(orders) != count or any(sorted(order) != everyone for order in orders):
            raise ValueError(f"orders is {orders!r}; choose {count} orders of the frames 0 to {self.frames - 1}")
        return replace(self, orders=tuple(tuple(int(i) for i in order) for order in orders))

    def outside(self, sigma_x: float) -> float:
        """What −log P(x|z) has, in nats, beyond what the networks see of a picture without noise.

        It is the constant of the directions that no picture has, where a decoder is exact, and of the unit.
        """
        missing = self.ambient - self.dimension
        return missing / 2 * math.log(2 * math.pi * sigma_x**2) + self.dimension * math.log(self.unit)

    def _frames(self, dataset: float) -> Tensor:
        return torch.tensor(self.points[_index(dataset, len(self.points))] / self.unit, dtype=torch.get_default_dtype())

    def _rows(self, dataset: float) -> Tensor:
        """Which frame each datapoint is of."""
        if not self.noise:
            return torch.arange(self.frames)
        return torch.randint(self.frames, (self.draws,), generator=self._stream(dataset, "frames"))

    def _stream(self, dataset: float, name: str) -> torch.Generator:
        return seeds.generator(self.seed, "noisy pictures", name, f"{dataset:g}", f"{self.noise:g}")


@dataclass(frozen=True)
class Span:
    """Where the numbers of ``shrink`` are among the pictures: x = mean + basisᵀ · numbers, for each loop.

    ``means`` has shape ``(loops, H, W)`` and ``bases`` ``(loops, numbers, H, W)``.
    """

    means: np.ndarray
    bases: np.ndarray
    unit: float = field(compare=False)  # of ``points``, and like them given by the source but for rounding

    def pictures(self, x: Tensor, dataset: float) -> np.ndarray:
        """The pictures ``(..., H, W)`` of datapoints ``(..., numbers)`` of a loop."""
        i = _index(dataset, len(self.means))
        return self.means[i] + np.tensordot(x.double().numpy() * self.unit, self.bases[i], 1)


def shrink(images: np.ndarray) -> tuple[Loops, Span]:
    """Loops of pictures ``(loops, frames, H, W)`` in as many numbers as there are frames, and the way back.

    F pictures differ from their mean within a space of fewer than F dimensions. Turned into that space,
    distances stay what they are; an encoder can see nothing else, and a decoder that leaves it only
    loses. So the least −ELBO is the same, up to ``Loops.outside``.

    With the centred pictures as rows of X and G = XXᵀ, the numbers are the rows of G^½ and the basis is
    G^(−½)X, the orthonormal one nearest to the pictures themselves (Löwdin, 1950). Unlike singular
    vectors it has no arbitrary signs or rotations, so that it is the same wherever it is computed. The
    unit is the root mean square of all the numbers.
    """
    pictures = _float(images)
    means = pictures.mean(1)
    rows = (pictures - means[:, None]).reshape(*pictures.shape[:2], -1)
    points, bases = [], []
    for x in rows:
        values, vectors = np.linalg.eigh(x @ x.T)
        # Directions without any length, such as that of the mean, stay without.
        there = values > values.max() * 1e-10
        root = np.sqrt(np.where(there, values, 0))
        inverse = np.divide(1, root, out=np.zeros_like(root), where=there)
        points.append((vectors * root) @ vectors.T)
        bases.append(((vectors * inverse) @ vectors.T @ x).reshape(-1, *pictures.shape[2:]))
    numbers = np.stack(points)
    unit = float(np.sqrt((numbers**2).mean()))
    ambient = rows.shape[-1]
    loops = Loops(_digest(images, "span"), numbers, unit, ambient)
    return loops, Span(means, np.stack(bases), unit)


def in_pixels(images: np.ndarray) -> Loops:
    """Loops of pictures ``(loops, frames, H, W)`` as they are, D = H·W numbers between 0 and 1 (thesis §10.1)."""
    points = _float(images).reshape(*images.shape[:2], -1)
    return Loops(_digest(images, "pixels"), points, 1.0, points.shape[-1])


def _index(dataset: float, count: int) -> int:
    if dataset not in range(1, count + 1):
        raise ValueError(f"dataset is {dataset!r}; choose a whole number from 1 to {count}")
    return int(dataset) - 1


def _float(images: np.ndarray) -> np.ndarray:
    return images / 255 if images.dtype == np.uint8 else np.asarray(images, np.float64)


def _digest(images: np.ndarray, form: str) -> str:
    content = hashlib.sha256(f"{images.dtype} {images.shape} ".encode() + np.ascontiguousarray(images).tobytes())
    return f"{form} of {content.hexdigest()[:20]}"
