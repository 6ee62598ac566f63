"""Colour photographs as data for autoencoders: of a folder of the reader's, of dogs, or cut from two or three."""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from PIL import Image

from latentsep.data import folders, images, seeds
from latentsep.data.folders import Folder
from latentsep.data.pictures import HELD_OUT, Pictures, side_of
from latentsep.runtime.paths import UsageError

FEWEST = 50  # pictures, of which ten are held out: of fewer nothing could be said
NAMED = ("dogs", "stanford-dogs", "Images")  # folders of LATENTSEP_DATA in which dogs are looked for
CUT = 300  # squares that are cut from the photographs of libraries
SMALLEST = 96  # pixels of these, at least, before they are scaled


@dataclass(frozen=True)
class Photographs(Pictures):
    """Photographs, of which each has ``side`` × ``side`` pixels of three channels. Made by ``load``.

    ``pixels`` ``(pictures, 3 side²)`` go from 0 to 255, channel by channel; ``names`` are those of the labels.
    ``left_out`` is how many files could not be read.
    """

    full: ClassVar[int] = 255
    names: tuple[str, ...] = field(default=(), compare=False)
    left_out: int = field(default=0, compare=False)

    @property
    def side(self) -> int:
        """Height and width of a picture."""
        return side_of(self.pixels)


def load(where: str | Path | None = None, side: int = 64) -> tuple[Photographs, str]:
    """The photographs of a folder, and where they come from; shuffled.

    ``where`` names the folder, with names of folders in it for labels. Else it is the one with dogs in
    ``LATENTSEP_DATA``; else squares are cut from three photographs that come with libraries, and the second value is
    ``"substitute"``. Raises ``UsageError`` as ``Folder.at`` does, or if too few pictures can be read.
    """
    if (folder_at := place(where)) is None:
        pixels = cut(side)
        return _shuffled(pixels, np.zeros(len(pixels), np.int64), ("",), 0), "substitute"
    folder = Folder.at(folder_at, side)
    pixels, kept = folders.pictures(folder)
    if len(pixels) < FEWEST:
        raise UsageError(f"pictures is {str(folder_at)!r} with {len(pixels)}; choose a folder with {FEWEST} or more")
    labels, names = folders.labels(folder, kept)
    found = _shuffled(pixels, labels, tuple(names), len(folder.files) - len(kept))
    return found, "LATENTSEP_DATA" if where is None else "a folder named by the reader"


def place(where: str | Path | None = None) -> Path | None:
    """The folder that ``load`` takes, if there is one."""
    return at_hand() if where is None else Path(where)


def at_hand() -> Path | None:
    """The folder with dogs in ``LATENTSEP_DATA``, if there is one."""
    named = os.environ.get("LATENTSEP_DATA")
    places = [Path(named) / name for name in NAMED] if named else []
    return next((place for place in places if place.is_dir()), None)


def _shuffled(pixels: np.ndarray, labels: np.ndarray, names: tuple[str, ...], left_out: int) -> Photographs:
    order = torch.randperm(len(pixels), generator=seeds.generator(0, "order of photographs")).numpy()
    flat = pixels.reshape(len(pixels), -1)
    content = f"{pixels.shape} ".encode() + flat.tobytes() + labels.tobytes()
    source = f"photographs of {hashlib.sha256(content).hexdigest()[:20]}"
    learned = len(order) - len(order) // HELD_OUT
    return Photographs(source, flat[order], labels[order], learned, names, left_out)


def cut(side: int) -> np.ndarray:
    """``CUT`` squares of random size and place, 0 to 255, ``(n, 3, side, side)``, of photographs of two libraries."""
    from sklearn.datasets import load_sample_images  # late: it takes a second

    with images.opened(images.portrait()) as opened:
        photographs = [opened.convert("RGB"), *map(Image.fromarray, load_sample_images().images)]
    stream = seeds.generator(0, "squares of photographs")
    found = []
    for i, (size, x, y) in enumerate(torch.rand(CUT, 3, generator=stream).tolist()):
        picture = photographs[i % len(photographs)]
        width = SMALLEST + round(size * (min(picture.size) - SMALLEST))
        left, top = round(x * (picture.width - width)), round(y * (picture.height - width))
        part = picture.crop((left, top, left + width, top + width))
        found.append(np.asarray(images.square(part, side)).transpose(2, 0, 1))
    return np.stack(found)
