"""Handwritten digits: MNIST, found wherever it is and known by what is in it (LeCun, Cortes and Burges, 1998).

MNIST comes in two parts, *test* with ten thousand pictures and *train* with sixty thousand, each as a file of pictures
and one of labels in the IDX format. Copies differ in how they are packed, so that what is inside decides.
"""

import gzip
import hashlib
import math
import re
import zipfile
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from latentsep.data.library import Library
from latentsep.runtime.downloads import download
from latentsep.runtime.paths import UsageError

ADDRESS = "https://storage.googleapis.com/cvdf-datasets/mnist/"
SECONDS, LIMIT = 10.0, 300.0  # without an answer, and for the whole of a file
PARTS = {"test": "t10k", "train": "train"}  # as their files are called
SIZES = {"test": 10_000, "train": 60_000}
#: SHA-256 of what the test files hold. Of the training files the counts of each digit and the sum of all grey values.
DIGESTS = {
    "images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
COUNTS = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
GREY = 1_567_298_545
_HEADS = {"images": 0x803, "labels": 0x801}


@dataclass(frozen=True)
class Digits:
    """Pictures of digits, uint8 ``(n, 28, 28)`` from 0 for paper to 255 for ink, which ones, and their source."""

    images: np.ndarray
    labels: np.ndarray
    source: str


def load(where: str | Path | None = None, part: str = "test", download: bool = True) -> Digits | None:
    """A part of MNIST from ``where``, else ``LATENTSEP_DATA``, the cache, the network; ``None`` if it is nowhere.

    ``where`` is a file that was kept in the cache, or a folder; it, the folder ``mnist`` in it, or either of the one
    that the environment variable names may have the files ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``,
    or ``train-...``, packed by gzip or not. Raises ``ValueError`` for another part, and ``UsageError`` if ``where``
    does not hold it, or if either holds one that is truncated, altered or something else.
    """
    if part not in PARTS:
        raise ValueError(f"part is {part!r}; choose {' | '.join(PARTS)}")
    found = _library(part).find(where, download)
    return Digits(*found[0], found[1]) if found else None


def at_hand(part: str = "test") -> str:
    """From where ``load()`` would take them without fetching any: LATENTSEP_DATA, cache or none."""
    return _library(part).at_hand()


def _library(part: str) -> Library[tuple[np.ndarray, np.ndarray]]:
    return Library(
        title="MNIST",
        parameter="mnist",
        holds=f"{_named(part, 'images')} and {_named(part, 'labels')}, packed by gzip or not",
        file=f"mnist_{part}.npz",
        candidate=partial(_candidate, part=part),
        read=partial(_read, part=part),
        fetch=partial(_fetch, part),
        instead="smaller digits are used instead",
    )


def _named(part: str, kind: str) -> str:
    return f"{PARTS[part]}-{kind}-idx{_HEADS[kind] & 0xFF}-ubyte"


def _candidate(place: Path, part: str) -> Path | None:
    """The folder with both files of a part: the place itself, or ``mnist`` in it. Or the cache's file."""
    if place.is_file():
        return place
    return next((f for f in (place, place / "mnist") if all(_file(f, part, kind) for kind in _HEADS)), None)


def _file(folder: Path, part: str, kind: str) -> Path | None:
    """The file of one kind, however its name is put together."""
    pattern = re.compile(rf"{PARTS[part]}-{kind}[-.]idx[13]-ubyte(\.gz)?")
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return next((file for file in files if pattern.fullmatch(file.name) and file.is_file()), None)


def _read(place: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and labels of a folder, or of the cache's file. Raises ``UsageError`` if they are not MNIST's."""
    if place.is_dir():
        images, labels = (_unpacked(_file(place, part, kind), part, kind) for kind in _HEADS)
    else:
        try:
            with np.load(place, allow_pickle=False) as arrays:
                images, labels = (arrays[kind] for kind in _HEADS)
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise UsageError(f"{place.name} is truncated or no copy of MNIST ({str(error).splitlines()[0]})") from error
    return _checked(images, labels, part, place.name)


def _unpacked(file: Path | None, part: str, kind: str) -> np.ndarray:
    if file is None:  # it was there a moment ago
        raise UsageError(f"{_named(part, kind)} is gone; choose a complete copy of MNIST")
    try:
        return _array(file.read_bytes(), part, kind, file.name)
    except OSError as error:
        raise UsageError(f"{file.name} cannot be read ({error.strerror or error})") from error


def _array(content: bytes, part: str, kind: str, name: str) -> np.ndarray:
    """What an IDX file holds. Raises ``UsageError`` if it is not of the kind and size of its name."""
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise UsageError(f"{name} is truncated or damaged ({error})") from error
    shape, head = _shape(part, kind), _head(part, kind)
    if content[:4] != head[:4]:
        raise UsageError(f"{name} is no IDX file of {kind}; choose MNIST's {_named(part, kind)}")
    if content[: len(head)] != head or len(content) != len(head) + math.prod(shape):
        raise UsageError(f"{name} is truncated or another set; MNIST's has {' × '.join(map(str, shape))} bytes")
    return np.frombuffer(content, np.uint8, offset=len(head)).reshape(shape)


def _shape(part: str, kind: str) -> tuple[int, ...]:
    return (SIZES[part], 28, 28) if kind == "images" else (SIZES[part],)


def _head(part: str, kind: str) -> bytes:
    """The first bytes of an IDX file: a number for its kind, and its shape."""
    return np.array([_HEADS[kind], *_shape(part, kind)], ">u4").tobytes()


def _checked(images: np.ndarray, labels: np.ndarray, part: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The same arrays. Raises ``UsageError`` if they are not MNIST's."""
    for kind, array in zip(_HEADS, (images, labels), strict=True):
        if array.dtype != np.uint8 or array.shape != _shape(part, kind):
            raise UsageError(f"{name} holds {kind} {array.dtype} {array.shape}; MNIST's are uint8 {_shape(part, kind)}")
    if part == "test":
        files = {
            kind: _head(part, kind) + array.tobytes() for kind, array in zip(_HEADS, (images, labels), strict=True)
        }
        right = all(hashlib.sha256(files[kind]).hexdigest() == DIGESTS[kind] for kind in files)
    else:
        right = tuple(np.bincount(labels, minlength=10)) == COUNTS and int(images.sum(dtype=np.int64)) == GREY
    if not right:
        raise UsageError(f"{name} has digits that differ from MNIST's; choose an unaltered copy")
    return images, labels


def _fetch(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Fetch both files, check what they hold, and keep them in the cache if they can be kept."""
    found = []
    for kind in _HEADS:
        address = f"{ADDRESS}{_named(part, kind)}.gz"
        try:
            content = download(address, SECONDS, LIMIT)
        except Exception as error:
            raise OSError(f"{type(error).__name__} at {address.split('/')[2]}") from error
        found.append(_array(content, part, kind, f"{_named(part, kind)}.gz"))
    images, labels = _checked(found[0], found[1], part, "what was fetched")
    _library(part).keep(lambda file: np.savez_compressed(file, images=images, labels=labels))
    return images, labels
