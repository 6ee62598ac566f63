"""Which records a chapter reads, cell by cell.

A chapter runs in a kernel of its own. When ``LATENTSEP_WITNESS`` names a file, each record that is read is appended to
it as a JSON line, and the process that started the kernel drains it after every cell. Only what a chapter itself asks
for counts: not what is read to compute a record that was missing, or pages would tell builds apart.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

VARIABLE = "LATENTSEP_WITNESS"
_silent: ContextVar[bool] = ContextVar("silent", default=False)


def listening() -> bool:
    """Whether somebody drains what is noted, and the record is not read on somebody else's behalf."""
    return VARIABLE in os.environ and not _silent.get()


def note(record: Path, description: dict, summary: str, costs: list[str]) -> None:
    """Append the record that is read to the file that is drained; there must be one.

    ``description`` is what the record says that it is, ``costs`` the names of the files that say what it and its
    parts took.
    """
    definition = description["definition"]
    read = {
        "name": record.stem,
        "type": definition["type"],
        "summary": summary,
        "seeds": sorted(_seeds(definition)),
        "compute": description["compute"],
        "code": description["code"],
        "sha256": hashlib.sha256(record.read_bytes()).hexdigest(),
        "costs": costs,
    }
    with open(os.environ[VARIABLE], "a") as file:
        file.write(json.dumps(read, sort_keys=True) + "\n")


def _seeds(value: object) -> set[int]:
    """The seeds anywhere in a definition as plain values."""
    if isinstance(value, dict):
        own = {value["seed"]} if isinstance(value.get("seed"), int) else set()
        return own.union(*map(_seeds, value.values()))
    return set[int]().union(*map(_seeds, value)) if isinstance(value, list) else set()


@contextmanager
def silence() -> Iterator[None]:
    """A block, or a decorated function, that reads records on somebody else's behalf."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


class Drain:
    """A file of notes; ``drained`` gives what was added to it since the last time."""

    def __init__(self, path: Path):
        self._path, self._read = path, 0

    def drained(self) -> list[dict]:
        """The new notes, each once, by name. A file that is not there yet has none."""
        if not self._path.exists():
            return []
        content = self._path.read_bytes()[self._read :]
        self._read += len(content)
        notes = {each["name"]: each for each in map(json.loads, content.splitlines())}
        return [notes[name] for name in sorted(notes)]
