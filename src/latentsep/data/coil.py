"""The Columbia Object Image Library COIL-20: finding it, reading it, and knowing that it is the right one.

Twenty objects on a turntable, 72 poses each, 128 × 128 pixels (Nene, Nayar, Murase, CUCS-005-96). What
counts as the library is decided by the SHA-256 of its decoded pictures, whatever file they come in.
"""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from latentsep.data import turntable
from latentsep.data.library import Library
from latentsep.runtime.downloads import download
from latentsep.runtime.paths import UsageError

SHAPE = (20, 72, 128, 128)  # objects, poses, height, width
DIGEST = "7274cbacb79ea6c57340827c9f9301745a8e9b3173dea4aa828e00b49c42946c"
ADDRESS = "https://cave.cs.columbia.edu/old/databases/SLAM_coil-20_coil-100/coil-20/coil-20-proc.zip"
SECONDS = 10.0  # without an answer, after which the university counts as out of reach
LIMIT = 300.0  # seconds for the whole of it
_ARRAY, _ARCHIVE = "coil20_128.npz", "coil-20-proc.zip"
_MEMBER = re.compile(r"(?:^|/)obj(\d+)__(\d+)\.png$")


@dataclass(frozen=True)
class Objects:
    """Pictures of objects on a turntable, uint8 ``(objects, poses, height, width)``, and where they come from."""

    images: np.ndarray
    source: str

    @property
    def real(self) -> bool:
        """Whether they are COIL-20 and not the substitute that the book renders itself."""
        return self.source != "substitute"

    @property
    def notice(self) -> str | None:
        """What a page must say in front of the substitute, in MyST; ``None`` for the real pictures."""
        if self.real:
            return None
        return (
            ":::{warning}\n"
            f"COIL-20 was not at hand. The pictures below are {len(self.images)} objects that this book renders itself,"
            " and every number is theirs.\nName a copy of COIL-20 by the parameter `coil20` or the environment variable"
            " `LATENTSEP_DATA`.\n:::"
        )


def load(where: str | Path | None = None, download: bool = True) -> Objects:
    """COIL-20 from ``where``, else ``LATENTSEP_DATA``, the cache, the university; else the substitute.

    ``where`` is a file or a folder; it, and the folder that the environment variable names, may hold the
    array ``coil20_128.npz``, the university's ``coil-20-proc.zip`` or its pictures ``obj1__0.png`` and so
    on. Raises ``UsageError`` if ``where`` holds none of these, or if either holds one that is truncated,
    altered, incomplete or something else. What is downloaded is kept only if it is right.
    """
    found = _library().find(where, download)
    return Objects(*found) if found else Objects(turntable.render(), "substitute")


def at_hand() -> str:
    """From where ``load()`` would take the pictures without fetching any: LATENTSEP_DATA, cache or none."""
    return _library().at_hand()


def _library() -> Library[np.ndarray]:
    return Library(
        title="COIL-20",
        parameter="coil20",
        holds=f"{_ARRAY}, {_ARCHIVE} or obj1__0.png ...",
        file=_ARRAY,
        candidate=_candidate,
        read=_read,
        fetch=_download,
        instead="objects are rendered instead",
    )


def _candidate(place: Path) -> Path | None:
    """The file, or the folder of pictures, that a place offers."""
    if place.is_file():
        return place
    for name in (_ARRAY, _ARCHIVE):
        if (place / name).is_file():
            return place / name
    for folder in (place, place / "coil-20-proc"):
        if folder.is_dir() and next(folder.glob("obj*__*.png"), None):
            return folder
    return None


def _read(file: Path | io.BytesIO) -> np.ndarray:
    """The pictures of a file or folder. Raises ``UsageError`` if they are not COIL-20's."""
    path = file if isinstance(file, Path) else Path(_ARCHIVE)
    if file is path and path.is_dir():
        files = {p.name: p.read_bytes for p in path.glob("obj*__*.png")}
        return _checked(_assembled(files, path), path)
    try:
        with zipfile.ZipFile(file) as archive:
            if "images.npy" in archive.namelist():
                with archive.open("images.npy") as member:
                    return _checked(np.lib.format.read_array(member, allow_pickle=False), path)
            files = {n: partial(archive.read, n) for n in archive.namelist()}
            return _checked(_assembled(files, path), path)
    except UsageError:
        raise
    # RuntimeError: a member under a password.
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, KeyError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"{path.name} is truncated or no archive of COIL-20 ({reason})") from error


def _assembled(files: dict[str, Callable[[], bytes]], path: Path) -> np.ndarray:
    """Pictures by their names obj1__0.png ... as one array. Raises ``UsageError`` for one that is missing or wrong."""
    named = {(int(m[1]), int(m[2])): read for name, read in files.items() if (m := _MEMBER.search(name))}
    if not named:
        raise UsageError(f"{path.name} holds no pictures obj1__0.png ...; choose COIL-20's processed pictures")
    images = np.empty(SHAPE, np.uint8)
    for n, pose in np.ndindex(SHAPE[:2]):
        name = f"obj{n + 1}__{pose}.png"
        if (n + 1, pose) not in named:
            raise UsageError(f"{path.name} lacks {name}; choose a complete copy of COIL-20's processed pictures")
        try:
            with Image.open(io.BytesIO(named[n + 1, pose]())) as opened:
                picture = np.asarray(opened.convert("L"))
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise UsageError(f"{path.name}: {name} is damaged or no picture") from error
        if picture.shape != SHAPE[2:]:
            size, wanted = ("{1} × {0}".format(*shape) for shape in (picture.shape, SHAPE[2:]))
            raise UsageError(f"{path.name}: {name} has {size} pixels; choose the processed pictures of {wanted}")
        images[n, pose] = picture
    return images


def _checked(images: np.ndarray, path: Path) -> np.ndarray:
    """The same pictures. Raises ``UsageError`` if they are not COIL-20's, pixel by pixel."""
    if images.dtype != np.uint8 or images.shape != SHAPE:
        found = f"{images.dtype} {images.shape}"
        raise UsageError(f"{path.name} holds {found}; COIL-20 is uint8 {SHAPE}")
    if hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest() != DIGEST:
        raise UsageError(f"{path.name} has pictures that differ from COIL-20's; choose an unaltered copy")
    return images


def _download() -> np.ndarray:
    """Fetch the archive, check what it holds, and keep that in the cache if it can be kept."""
    try:
        body = download(ADDRESS, SECONDS, LIMIT)
    except Exception as error:
        raise OSError(f"{type(error).__name__} at {ADDRESS.split('/')[2]}") from error
    images = _read(io.BytesIO(body))
    _library().keep(lambda file: np.savez_compressed(file, images=images))
    return images
