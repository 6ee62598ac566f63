"""All pictures of a folder, cut to squares of one size; what cannot be read is left out and told."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from latentsep.data import images
from latentsep.data.pictures import CHANNELS
from latentsep.runtime import progress, records
from latentsep.runtime.paths import UsageError

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
TOLD = 20  # files that are left out and told by name; more are counted


@dataclass(frozen=True)
class Folder:
    """The pictures in a folder and the folders in it, ``side`` pixels wide and high. Made by ``Folder.at``.

    ``files`` are their paths from ``where``, in the order of the alphabet. Names and contents are what ``digest``
    identifies, so that decoded pictures are kept among the records and found again, wherever the folder is.
    """

    where: Path = field(compare=False)
    files: tuple[str, ...] = field(compare=False, repr=False)
    digest: str
    side: int

    @classmethod
    def at(cls, where: str | Path, side: int = 64) -> "Folder":
        """The pictures of a folder: JPEG, PNG, WebP and BMP, by the endings of their names.

        Raises ``UsageError`` if it is no folder or has no pictures, or for a ``side`` below 2.
        """
        if not isinstance(side, int) or side < 2:
            raise UsageError(f"side is {side!r}; choose a whole number of 2 or more")
        if not Path(where).is_dir():
            raise UsageError(f"pictures is {str(where)!r}; choose a folder that exists")
        files = tuple(sorted(_found(Path(where))))
        if not files:
            kinds = ", ".join(ending.removeprefix(".") for ending in ENDINGS)
            raise UsageError(f"pictures is {str(where)!r}, which has none; choose a folder with files of {kinds}")
        return cls(Path(where), files, _digest(Path(where), files), side)

    @property
    def summary(self) -> str:
        """What it is, in a few words for a list of many."""
        return f"{len(self.files):,} pictures of {self.side} × {self.side}"


def job(folder: Folder) -> records.Job:
    """Its decoding as a job for the records."""
    return records.Job(folder, decode, guess=3e-3 * len(folder.files))


def pictures(folder: Folder) -> tuple[np.ndarray, np.ndarray]:
    """The pictures that could be read ``(n, 3, side, side)``, from 0 to 255, and which of ``files`` they are ``(n,)``.

    Raises ``UsageError`` if there are none.
    """
    arrays = records.fetch(folder, decode)
    if not len(arrays["kept"]):
        raise UsageError(f"pictures is {str(folder.where)!r}, where none of {len(folder.files)} files can be read")
    return arrays["pixels"], arrays["kept"]


def labels(folder: Folder, kept: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Which folder in the folder pictures are from ``(n,)``, and the names of these; the folder itself is ``""``."""
    heads = [file.partition("/")[0] if "/" in file else "" for file in (folder.files[i] for i in kept)]
    names = sorted(set(heads))
    return np.array([names.index(head) for head in heads]), names


def decode(folder: Folder, checkpoint: Path | None = None) -> records.Arrays:
    """The pictures that can be read ``pixels`` ``(n, 3, side, side)``, and which of the files they are, ``kept``.

    One at a time, so that memory holds one as large as it is, and all others as small as they become.
    """
    pixels = np.empty((len(folder.files), CHANNELS, folder.side, folder.side), np.uint8)
    kept: list[int] = []
    with progress.Bar("pictures", len(folder.files)) as bar:
        for i, file in enumerate(folder.files):
            try:
                pixels[len(kept)] = _decoded(folder.where / file, folder.side)
                kept.append(i)
            except images.Unreadable as error:
                if i + 1 - len(kept) <= TOLD:
                    progress.say(f"{file} is left out: {error}")
            bar.advance(1)
    if (missing := len(folder.files) - len(kept)) > TOLD:
        progress.say(f"{missing - TOLD:,} more files are left out")
    return {"pixels": pixels[: len(kept)], "kept": np.array(kept, np.int64)}


def _decoded(file: Path, side: int) -> np.ndarray:
    with images.opened(file, side) as picture:
        return np.asarray(images.square(picture.convert("RGB"), side)).transpose(2, 0, 1)


def _found(where: Path) -> Iterator[str]:
    """Paths of pictures from a folder. Links are followed, but into no folder that is around them."""
    around: dict[str, frozenset[tuple[int, int]]] = {}
    for top, folders, files in os.walk(where, followlinks=True):
        known = os.stat(top)
        here = around.get(top, frozenset()) | {(known.st_dev, known.st_ino)}
        inner = {name: os.stat(os.path.join(top, name)) for name in sorted(folders) if not name.startswith(".")}
        folders[:] = [name for name, each in inner.items() if (each.st_dev, each.st_ino) not in here]
        around |= {os.path.join(top, name): here for name in folders}
        for name in files:
            path = Path(top, name)  # a pipe would never end; a link that leads nowhere is told with what is damaged
            if name.lower().endswith(ENDINGS) and not name.startswith(".") and (path.is_file() or path.is_symlink()):
                yield path.relative_to(where).as_posix()


def _digest(where: Path, files: tuple[str, ...]) -> str:
    """Of names and contents; of a file that may not be read, of its name alone."""
    found = hashlib.sha256()
    for file in files:
        try:
            with (where / file).open("rb") as content:
                inside = hashlib.file_digest(content, "sha256").hexdigest()
        except OSError:
            inside = "not read"
        found.update(f"{file}\0{inside}\0".encode("utf-8", "surrogateescape"))
    return found.hexdigest()[:20]
