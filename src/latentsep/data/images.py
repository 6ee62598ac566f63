"""One picture in a file, as it is meant to be seen; and all circular shifts of one (thesis §10.1)."""

import contextlib
import warnings
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from latentsep.runtime.paths import UsageError

MOST_PIXELS = 100_000_000  # of a picture: a small file can say that it has more than memory holds


class Unreadable(Exception):
    """A file is no picture, or one that is damaged or too large; its text says why in a few words."""


@contextlib.contextmanager
def opened(file: Path, least: int = 0) -> Iterator[Image.Image]:
    """A picture with 8 bits a channel, upright, and over white where it is transparent.

    One of which ``least`` pixels a side are needed may be decoded at a fraction of its size. Raises ``Unreadable``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit is ours
            with Image.open(file) as stored:
                if stored.width * stored.height > MOST_PIXELS:
                    raise Unreadable(f"it has {stored.width:,} × {stored.height:,} pixels, too many")
                if least:
                    stored.draft(None, (2 * least, 2 * least))
                yield _as_seen(stored)
    except Image.DecompressionBombError as error:
        raise Unreadable("it has too many pixels") from error
    except UnidentifiedImageError as error:
        raise Unreadable("it is no picture") from error
    except PermissionError as error:
        raise Unreadable("it may not be read") from error
    except (OSError, SyntaxError, TypeError, ValueError) as error:
        raise Unreadable("it is damaged") from error


def _as_seen(stored: Image.Image) -> Image.Image:
    picture = ImageOps.exif_transpose(stored)
    if picture.mode.startswith("I;16"):  # convert would cut off all above 255
        picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture


def square(picture: Image.Image, size: int, place: tuple[float, float] = (0.5, 0.5)) -> Image.Image:
    """The largest square of a picture at a place, its middle by default, in so many pixels a side."""
    return ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS, centering=place)


def grey(path: str | Path | None = None, size: int = 64) -> np.ndarray:
    """A picture in shades of grey, ``(size, size)``, from 0 (black) to 1 (white).

    Any picture file is turned to grey, cut to its central square and scaled. Without a ``path`` it is
    the photograph of Grace Hopper that comes with matplotlib (United States Navy, public domain), cut to
    its upper square. Raises ``UsageError`` for a file that is not there or is no picture, or a ``size``
    below 2.
    """
    if not isinstance(size, int) or size < 2:
        raise UsageError(f"size is {size!r}; choose a whole number of 2 or more")
    file = portrait() if path is None else Path(path)
    if not file.is_file():
        raise UsageError(f"picture is {str(path)!r}; choose a file that exists")
    try:
        with opened(file) as picture:
            found = picture.convert("L")
    except Unreadable as error:
        raise UsageError(f"picture is {str(path)!r}, which is damaged or no picture; choose another file") from error
    return np.asarray(square(found, size, (0.5, 0.0) if path is None else (0.5, 0.5)), np.float64) / 255


def portrait() -> Path:
    """The photograph of Grace Hopper that comes with matplotlib."""
    return Path(str(resources.files("matplotlib") / "mpl-data/sample_data/grace_hopper.jpg"))


def shifts(picture: np.ndarray) -> np.ndarray:
    """All circular shifts of a picture ``(H, W)`` to the left, ``(W, H, W)``; the s-th is shifted by s (thesis 10.1).

    The print's index [(j + s) mod W] + 1, with j counted from 1, shifts by s + 1: the same pictures under
    other numbers.

    >>> shifts(np.array([[1.0, 2.0, 3.0]]))[1]
    array([[2., 3., 1.]])
    """
    return np.stack([np.roll(picture, -s, axis=1) for s in range(picture.shape[1])])
