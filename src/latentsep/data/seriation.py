"""Seriation: the cyclic order of pictures that were taken around a loop, found from the pictures alone.

An *order* is a permutation of the frames, cyclic and without a sense: where it starts and which way it
goes means nothing. Three ways to one, from the plainest:

- ``spectral``: the angle of each frame in the first two eigenvectors of a graph of nearest neighbours;
- ``tours``: short closed paths through all frames;
- ``film``: of all orders near such paths, the one that makes the most predictable film.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from latentsep.runtime import records

_STARTS = 6  # tours that are begun at as many frames
_REACH = 12  # places that a short piece of an order may be moved
_MANY = 3_000  # orders whose cost is computed at once, which bounds the memory taken


@dataclass(frozen=True)
class Pictures:
    """Pictures around one loop, ``(frames, H, W)``; ``digest`` names them."""

    digest: str
    images: np.ndarray = field(compare=False, repr=False)

    @property
    def summary(self) -> str:
        """What it is, in a few words for a list of many."""
        return f"orders of {len(self.images)} pictures"


def orders(images: np.ndarray) -> dict[str, np.ndarray]:
    """The orders of pictures ``(frames, H, W)`` by way, as ``every_order`` finds them, or from the records."""
    return job(images).fetch()


def job(images: np.ndarray) -> records.Job:
    """The search for orders of pictures ``(frames, H, W)`` as a job for the records."""
    images = np.ascontiguousarray(images)
    digest = hashlib.sha256(f"{images.dtype} {images.shape}".encode() + images.tobytes()).hexdigest()
    return records.Job(Pictures(digest, images), every_order, guess=3.0)


def every_order(pictures: Pictures, checkpoint: Path | None = None) -> records.Arrays:
    """Orders by way: of *a graph*, *the shortest tour*, *the best film*, and that of pictures with their framing."""
    plain, without = rows(pictures.images), unframed(pictures.images)
    short = tours(plain)
    return {
        "a graph": spectral(plain),
        "the shortest tour": short[0],
        "the best film": film(without, short),
        "the best film, framed": film(plain, short),
    }


def unframed(images: np.ndarray, blur: float = 1.0) -> np.ndarray:
    """Pictures ``(frames, H, W)`` as rows ``(frames, H·W)`` without what only the framing of a picture changes.

    COIL-20's pictures were cropped to their object and scaled, each by itself, so that consecutive ones
    jump by about a pixel and in brightness. To first order that moves a picture along eight directions:
    the shifts, scalings and shears of the mean picture, its brightness, and a constant. They are taken
    out, after a blur of ``blur`` pixels that makes the first order suffice.
    """
    images = np.stack([gaussian_filter(np.asarray(image, np.float64), blur) for image in images])
    mean = images.mean(0)
    y, x = (np.linspace(-0.5, 0.5, n) for n in mean.shape)
    dy, dx = np.gradient(mean)
    y = y[:, None]
    directions = np.stack([dx, dy, dx * x, dy * y, dx * y, dy * x, mean, np.ones_like(mean)])
    basis = np.linalg.qr(directions.reshape(8, -1).T)[0]
    rows = (images - mean).reshape(len(images), -1)
    return rows - (rows @ basis) @ basis.T


def rows(images: np.ndarray) -> np.ndarray:
    """Pictures ``(frames, H, W)`` as rows ``(frames, H·W)`` less their mean."""
    flat = np.asarray(images, np.float64).reshape(len(images), -1)
    return flat - flat.mean(0)


def spectral(rows: np.ndarray, neighbours: int = 2) -> np.ndarray:
    """The order of the frames by their angle in a Laplacian eigenmap (Belkin and Niyogi, 2003).

    ``rows`` has shape ``(frames, numbers)``. The graph joins each frame to its ``neighbours`` nearest.
    """
    distances = _distances(rows)
    np.fill_diagonal(distances, np.inf)
    graph = np.zeros_like(distances)
    np.put_along_axis(graph, distances.argsort(axis=1, kind="stable")[:, :neighbours], 1.0, axis=1)
    graph = np.maximum(graph, graph.T)
    _, vectors = np.linalg.eigh(np.diag(graph.sum(1)) - graph)
    return _canonical(np.arctan2(vectors[:, 2], vectors[:, 1]).argsort(kind="stable"))


def tours(rows: np.ndarray) -> list[np.ndarray]:
    """Short closed paths through the frames, all different, the shortest first.

    Each is a path to the nearest frame not yet visited, begun at another frame, and improved by local
    search: steps reverse a stretch of it (2-opt: Croes, 1958) or move a short one (Or, 1976).
    """
    distances = _distances(rows)
    starts = np.linspace(0, len(rows), _STARTS, endpoint=False).astype(int)
    found = [_descend(_nearest(distances, s), lambda t: path_length(distances, t)) for s in starts]
    different = {tuple(order): order for order in map(_canonical, found)}
    return sorted(different.values(), key=lambda t: path_length(distances, t))


def film(rows: np.ndarray, begin: list[np.ndarray] | None = None) -> np.ndarray:
    """The order with the least ``code_length`` that local search reaches from short ``tours``, by default its own."""
    gram, distances = rows @ rows.T, _distances(rows)
    films = np.array([_descend(t, lambda t: code_length(gram, t)) for t in (tours(rows) if begin is None else begin)])
    codes = code_length(gram, films)
    # Equal codes, those of every k-th frame, are told apart by the way from frame to frame.
    equal = films[codes < codes.min() + 1e-6]
    return _canonical(equal[path_length(distances, equal).argmin()])


def path_length(distances: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """The lengths of closed paths through all frames, for ``orders`` ``(..., frames)``."""
    return distances[orders, np.roll(orders, -1, -1)].sum(-1)


def code_length(gram: np.ndarray, orders: np.ndarray) -> np.ndarray:
    r"""How unpredictable the frames are when shown as a film in a loop: Σ log of the film's power spectrum.

    Up to a factor and a constant it is −log p of the frames for a stationary Gaussian film whose
    spectrum is fitted to them (Whittle, 1953), and so the number of nats that it takes to store them.
    Nothing needs to be chosen. Every k-th frame, with k prime to their number, has the same code, since
    that only renames the frequencies: that a film goes from neighbour to neighbour is decided by the
    short tours from which the search begins. ``gram`` ``(frames, frames)`` holds the inner products of the frames,
    ``orders`` has shape ``(..., frames)``. A shuffled film has a flat spectrum, the longest code:

    >>> angles = 2 * np.pi * np.arange(8) / 8
    >>> rows = np.stack([np.cos(angles), np.sin(angles), 0.1 * np.cos(2 * angles)], 1)
    >>> true, other = np.arange(8), np.array([0, 2, 4, 6, 1, 3, 5, 7])
    >>> bool(code_length(rows @ rows.T, true) < code_length(rows @ rows.T, other))
    True
    """
    n = orders.shape[-1]
    lags = np.stack([gram[orders, np.roll(orders, -k, -1)].sum(-1) for k in range(n // 2 + 1)], -1)
    # The spectrum is the Fourier transform of the autocorrelation, which is even.
    both = np.concatenate([lags, lags[..., 1 : (n + 1) // 2][..., ::-1]], -1)
    power = np.fft.fft(both).real[..., 1:]
    return np.log(np.maximum(power, 1e-12 * np.trace(gram))).sum(-1)


def places(order: np.ndarray) -> np.ndarray:
    """The place of every frame in an order ``(frames,)``."""
    return np.argsort(order)


def _canonical(order: np.ndarray) -> np.ndarray:
    """The same cyclic order from frame 0 on, in the sense that goes to the lower of its two neighbours."""
    order = np.roll(order, -int(np.argmin(order)))
    return order if order[1] < order[-1] else np.roll(order[::-1], 1)


def _distances(rows: np.ndarray) -> np.ndarray:
    gram = rows @ rows.T
    squares = np.diag(gram)
    return np.sqrt(np.maximum(squares[:, None] + squares - 2 * gram, 0))


def _nearest(distances: np.ndarray, start: int) -> np.ndarray:
    """The path that begins at ``start`` and always goes on to the nearest frame left."""
    left, path = np.ones(len(distances), bool), [start]
    for _ in range(len(distances) - 1):
        left[path[-1]] = False
        path.append(int(np.where(left, distances[path[-1]], np.inf).argmin()))
    return np.array(path)


def _descend(order: np.ndarray, cost: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Take the best step among ``_steps`` as long as one makes the cost smaller."""
    steps = _steps(len(order))
    now = cost(order)
    while True:
        costs = np.concatenate([cost(order[part]) for part in np.split(steps, range(_MANY, len(steps), _MANY))])
        best = costs.argmin()
        if not costs[best] < now - 1e-9 * abs(now):
            return order
        order, now = order[steps[best]], costs[best]


@cache
def _steps(n: int) -> np.ndarray:
    """Ways to rearrange ``n`` places, ``(steps, n)``: reverse any stretch, or move up to three places a little."""
    places, steps = np.arange(n), []
    for i in range(n - 1):
        for j in range(i + 2, min(n, n - 1 + i)):
            steps.append(np.r_[places[: i + 1], places[i + 1 : j + 1][::-1], places[j + 1 :]])
    for length in (1, 2, 3):
        for i in range(n):
            turned = np.roll(places, -i)
            piece, rest = turned[:length], turned[length:]
            for k in (*range(1, _REACH), *range(len(rest) - _REACH + 1, len(rest))):
                steps.append(np.r_[rest[:k], piece, rest[k:]])
    return np.array(steps)
