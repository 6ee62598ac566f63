"""What code computed a result: a hash of the definitions that are reached from it, wherever they stand."""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from latentsep.runtime.definitions import Package

#: How a result is stored, announced or timed does not change it.
NEUTRAL = frozenset({"runtime"})


@cache
def package() -> Package:
    """This package's own code, as it was when the first fingerprint was taken."""
    return Package(Path(__file__).parents[1], NEUTRAL)


@cache
def fingerprint(*names: str) -> str:
    """Return a hash of definitions or modules, by their full names, and of all that they reach in the package.

    Comments, docstrings, annotations and layout do not count, nor in which module a definition stands: rewording
    and tidying must not cost a training run.
    """
    return _hash((name, text) for (_, name), text in package().reached(names).items())


def reached(code: str) -> dict[tuple[str, str], str]:
    """The definitions that some code outside the package reaches, such as a chapter's, by module and name."""
    return package().reached([], code)


def by_room(found: dict[tuple[str, str], str]) -> dict[str, str]:
    """A hash of what was ``reached`` in each room of the package."""
    rooms: dict[str, list[tuple[str, str]]] = {}
    for (module, name), text in found.items():
        rooms.setdefault(module.split(".")[1] if "." in module else module, []).append((name, text))
    return {room: _hash(texts) for room, texts in sorted(rooms.items())}


def _hash(found: Iterable[tuple[str, str]]) -> str:
    return hashlib.sha256(json.dumps(sorted(found)).encode()).hexdigest()[:20]
