"""The Columbia Object Image Library COIL-20: finding it, reading it, and knowing that it is the right one.

Twenty objects on a turntable, 72 poses each, 128 × 128 pixels (Nene, Nayar, Murase, CUCS-005-96). What
counts as the library is decided by the SHA-256 of its decoded pictures, whatever file they come in.
"""

import hashlib
import io
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import platformdirs
from PIL import Image, UnidentifiedImageError

from latentsep.data import turntable
from latentsep.runtime import progress
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
    if where is not None:
        if not Path(where).exists():
            raise UsageError(f"coil20 is {str(where)!r}, where there is nothing; choose a file or folder")
        if (found := _in(Path(where))) is None:
            raise UsageError(f"coil20 is {str(where)!r}; choose a folder with {_ARRAY}, {_ARCHIVE} or obj1__0.png ...")
        return Objects(found, "a place named by the reader")
    if (named := os.environ.get("LATENTSEP_DATA")) and (found := _in(Path(named))) is not None:
        return Objects(found, "LATENTSEP_DATA")
    if (cached := _cache()).exists():
        try:
            return Objects(_read(cached), "cache")
        except UsageError as error:
            with suppress(OSError):  # a cache that cannot be written to
                os.replace(cached, cached.with_suffix(".damaged"))
            progress.say(f"{error}; {'not used' if cached.exists() else 'set aside'}")
    if download:
        try:
            return Objects(_download(), "download")
        except (UsageError, OSError) as error:
            progress.say(
                f"COIL-20 could not be fetched ({str(error).splitlines()[0][:120]}); objects are rendered instead"
            )
    return Objects(turntable.render(), "substitute")


def at_hand() -> str:
    """From where ``load()`` would take the pictures without fetching any: LATENTSEP_DATA, cache or none."""
    if (named := os.environ.get("LATENTSEP_DATA")) and _candidate(Path(named)) is not None:
        return "LATENTSEP_DATA"
    return "cache" if _cache().exists() else "none"


def _cache() -> Path:
    folder = os.environ.get("LATENTSEP_CACHE") or platformdirs.user_cache_path("latentsep")
    return Path(folder) / "data" / _ARRAY


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


def _in(place: Path) -> np.ndarray | None:
    return None if (found := _candidate(place)) is None else _read(found)


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
    try:
        _keep(images)
    except OSError as error:
        progress.say(f"COIL-20 could not be kept for the next time ({error})")
    return images


def _keep(images: np.ndarray) -> None:
    """Put the pictures into the cache, whole or not at all."""
    target = _cache()
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=target.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(file, images=images)
        os.replace(part, target)
    finally:
        Path(part).unlink(missing_ok=True)
