"""Pictures of pages made light: what a reader does not see is not sent."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageChops

from latentsep.runtime import executors

_LARGE = 50_000  # bytes; of smaller ones there is nothing to be gained
_COLOURS = 256
_FAR = 16  # of 255: a picture in which few colours would change one by more is one of photographs
_PHOTOGRAPH = 80  # percent, the quality of these
# Of other numbers than places, such as the scales of letters, every digit counts.
_PLACES = re.compile(r'\b[dxy]="[^"]*"|\btranslate\([^)]*\)')
_DIGITS = re.compile(r"(\d\.\d\d)\d+")


def lighten(html: Path) -> None:
    """Do this to all pictures of a rendered book, and let its pages show what has become of them.

    Drawings keep two decimals, a hundredth of a point; large pictures of pixels become WebP, of 256 colours where
    those suffice, or as photographs are kept where that takes less.
    """
    folder = html / "_images"
    for drawing in folder.glob("*.svg"):
        drawing.write_text(_PLACES.sub(lambda place: _DIGITS.sub(r"\1", place[0]), drawing.read_text()))
    large = sorted(path for path in folder.glob("*.png") if path.stat().st_size > _LARGE)
    with ThreadPoolExecutor(executors.cores()) as threads:
        names = {path.name for path, done in zip(large, threads.map(_as_webp, large), strict=True) if done}
    for page in sorted(html.rglob("*.html")) if names else ():
        before = page.read_text()
        after = re.sub(r"(_images/)([\w-]+)\.png\b", lambda m: _renamed(m, names), before)
        if after != before:
            page.write_text(after)


def _renamed(match: re.Match, names: set[str]) -> str:
    place, name = match.groups()
    return f"{place}{name}.webp" if f"{name}.png" in names else match[0]


def _as_webp(path: Path) -> bool:
    """Replace a PNG by a WebP beside it, unless one can see through it."""
    with Image.open(path) as picture:
        if np.asarray(picture.convert("RGBA"))[..., 3].min() < 255:
            return False
        if getattr(picture, "n_frames", 1) > 1:
            picture.save(path.with_suffix(".webp"), save_all=True, quality=_PHOTOGRAPH, method=4)
            path.unlink()
            return True
        full = picture.convert("RGB")
    few = full.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).convert("RGB")
    farthest = np.asarray(ImageChops.difference(full, few)).max()
    content = _webp(full, quality=_PHOTOGRAPH)
    if farthest <= _FAR:
        content = min(content, _webp(few, lossless=True), key=len)
    path.with_suffix(".webp").write_bytes(content)
    path.unlink()
    return True


def _webp(picture: Image.Image, **how: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", method=4, **how)
    return buffer.getvalue()
