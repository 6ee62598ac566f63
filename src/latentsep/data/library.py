"""Where a collection of pictures is found: where a reader says, in LATENTSEP_DATA, in the cache, in the network.

What counts as the collection is for its own module to say, which reads files and raises ``UsageError`` for one that
is truncated, altered or something else. Here is the order in which places are asked, and what is kept.
"""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Generic, TypeVar

import platformdirs

from latentsep.runtime import progress
from latentsep.runtime.paths import UsageError

Content = TypeVar("Content")


@dataclass(frozen=True)
class Library(Generic[Content]):
    """A collection: its ``title``, the ``parameter`` that names a place, and what a folder with it ``holds``, in words.

    ``file`` is its name in the cache. ``candidate`` finds what a place offers, or ``None``, without reading it;
    ``read`` reads that; ``fetch`` gets it from the network, and keeps it. ``instead`` says what is done without it.
    """

    title: str
    parameter: str
    holds: str
    file: str
    candidate: Callable[[Path], Path | None]
    read: Callable[[Path], Content]
    fetch: Callable[[], Content]
    instead: str

    def find(self, where: str | Path | None = None, download: bool = True) -> tuple[Content, str] | None:
        """The collection and where it comes from, or ``None`` if it is nowhere.

        From ``where``, else ``LATENTSEP_DATA``, the cache, the network. Raises ``UsageError`` if ``where`` does not
        hold it, or if either holds one that is wrong. A wrong one in the cache is set aside.
        """
        if where is not None:
            if not Path(where).exists():
                raise UsageError(f"{self.parameter} is {str(where)!r}, where there is nothing; choose a file or folder")
            if (found := self.candidate(Path(where))) is None:
                raise UsageError(f"{self.parameter} is {str(where)!r}; choose a folder with {self.holds}")
            return self.read(found), "a place named by the reader"
        if (found := self._named()) is not None:
            return self.read(found), "LATENTSEP_DATA"
        if (cached := cache(self.file)).exists():
            try:
                return self.read(cached), "cache"
            except UsageError as error:
                with suppress(OSError):  # a cache that cannot be written to
                    os.replace(cached, cached.with_suffix(".damaged"))
                progress.say(f"{error}; {'not used' if cached.exists() else 'set aside'}")
        if download:
            try:
                return self.fetch(), "download"
            except (UsageError, OSError) as error:
                reason = str(error).splitlines()[0][:120]
                progress.say(f"{self.title} could not be fetched ({reason}); {self.instead}")
        return None

    def at_hand(self) -> str:
        """From where ``find()`` would take it without fetching: LATENTSEP_DATA, cache or none. Nothing is read."""
        if self._named() is not None:
            return "LATENTSEP_DATA"
        return "cache" if cache(self.file).exists() else "none"

    def _named(self) -> Path | None:
        named = os.environ.get("LATENTSEP_DATA")
        return self.candidate(Path(named)) if named else None

    def keep(self, write: Callable[[IO[bytes]], object]) -> None:
        """Put into the cache what ``write`` writes into a file, whole or not at all; say so if it cannot be kept."""
        target = cache(self.file)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=target.parent, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    write(file)
                os.replace(part, target)
            finally:
                Path(part).unlink(missing_ok=True)
        except OSError as error:
            progress.say(f"{self.title} could not be kept for the next time ({error})")


def cache(file: str) -> Path:
    """Where a file is kept for the next time: under ``LATENTSEP_CACHE``, or in the user's cache folder."""
    folder = os.environ.get("LATENTSEP_CACHE") or platformdirs.user_cache_path("latentsep")
    return Path(folder) / "data" / file
