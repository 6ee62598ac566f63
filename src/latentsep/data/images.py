"""One picture, and all its circular shifts (thesis §10.1)."""

from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from latentsep.runtime.paths import UsageError


def grey(path: str | Path | None = None, size: int = 64) -> np.ndarray:
    """A picture in shades of grey, ``(size, size)``, from 0 (black) to 1 (white).

    Any picture file is turned to grey, cut to its central square and scaled. Without a ``path`` it is
    the photograph of Grace Hopper that comes with matplotlib (United States Navy, public domain), cut to
    its upper square. Raises ``UsageError`` for a file that is not there or is no picture, or a ``size``
    below 2.
    """
    if not isinstance(size, int) or size < 2:
        raise UsageError(f"size is {size!r}; choose a whole number of 2 or more")
    sample = resources.files("matplotlib") / "mpl-data/sample_data/grace_hopper.jpg"
    file = Path(str(sample if path is None else path))
    if not file.is_file():
        raise UsageError(f"picture is {str(path)!r}; choose a file that exists")
    try:
        with Image.open(file) as opened:
            picture = ImageOps.exif_transpose(opened)
            if picture.mode.startswith("I;16"):  # convert would cut off all above 255
                picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
            picture = picture.convert("L")
    except (UnidentifiedImageError, OSError, SyntaxError, TypeError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(f"picture is {str(path)!r}, which is damaged or no picture; choose another file") from error
    head = (0.5, 0.0) if path is None else (0.5, 0.5)
    picture = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS, centering=head)
    return np.asarray(picture, np.float64) / 255


def shifts(picture: np.ndarray) -> np.ndarray:
    """All circular shifts of a picture ``(H, W)`` to the left, ``(W, H, W)``; the s-th is shifted by s (thesis 10.1).

    The print's index [(j + s) mod W] + 1, with j counted from 1, shifts by s + 1: the same pictures under
    other numbers.

    >>> shifts(np.array([[1.0, 2.0, 3.0]]))[1]
    array([[2., 3., 1.]])
    """
    return np.stack([np.roll(picture, -s, axis=1) for s in range(picture.shape[1])])
