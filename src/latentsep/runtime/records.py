"""Results on disk, addressed by what produced them.

A record's name is a hash of the full definition of a computation and of the code that carries it
out, so that no result can outlive either. A file is one line with the SHA-256 of the rest, then an
``npz`` archive; it is written under another name and moved into place, so that it is whole or absent.
"""

import contextlib
import hashlib
import io
import json
import os
import platform
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import torch

from latentsep.runtime import costs, files, progress, witness
from latentsep.runtime.describing import classes, plain
from latentsep.runtime.fingerprints import fingerprint

_MAGIC = b"latentsep-record 1 "
#: Set while a chapter runs inside a build, whose plan has computed everything before: it names who is to be told.
PLANNED = "LATENTSEP_PLANNED"
Arrays = dict[str, np.ndarray]
Compute = Callable[..., Arrays]


class DamagedRecord(Exception):
    """A record file is truncated, altered, or not a record of what was asked for."""


def folder() -> Path:
    """Where records live: ``LATENTSEP_RECORDS``, or the user's cache folder."""
    return Path(os.environ.get("LATENTSEP_RECORDS") or platformdirs.user_cache_path("latentsep") / "records")


@dataclass(frozen=True)
class Job:
    """A computation whose result the records keep.

    ``definition`` is a frozen dataclass of plain values, ``compute`` a module-level function of it and of a
    ``checkpoint`` path, and ``by`` another way to the same arrays. ``parts`` are jobs that have to be done first, on
    other cores perhaps, and whose records it makes superfluous. ``guess`` is how many seconds it may take on one core
    where no cost is remembered. ``here`` marks a job for the process that asks: a GPU is not shared.
    """

    definition: Any
    compute: Compute
    by: Compute | None = None
    parts: tuple["Job", ...] = ()
    guess: float = 1.0
    here: bool = False

    @property
    def path(self) -> Path:
        return locate(self.definition, self.compute)

    @property
    def cost(self) -> costs.Cost | None:
        """What it took the last time, also if that was other code."""
        return costs.read(cost_path(self.definition, self.compute))

    @property
    def seconds(self) -> float:
        """How long it should take on one core."""
        if self.parts:  # the cost of the whole is that of joining them
            return sum(part.seconds for part in self.parts)
        return cost.seconds if (cost := self.cost) else self.guess

    def done(self) -> bool:
        """Whether the record is there and whole. One that is not is reported and set aside."""
        return find(self.path, describe(self.definition, self.compute)) is not None

    def fetch(self) -> Arrays:
        """The arrays, from disk where they are."""
        return fetch(self.definition, self.compute, self.by, self.parts)


def fetch(definition: object, compute: Compute, by: Compute | None = None, parts: tuple[Job, ...] = ()) -> Arrays:
    """Return the arrays that ``compute(definition, checkpoint=path)`` yields, from disk where they are.

    What is computed is computed by one thread: then its bits do not depend on the number of cores. A file that
    is damaged, or that holds something else, is reported, set aside and computed anew. Raises ``OSError`` if the
    result cannot be kept.
    """
    description = describe(definition, compute)
    path = folder() / name_of(description)
    if (arrays := find(path, description)) is None:
        with files.turn(path):
            # A build beside this one may just have done it.
            if find(path, description) is None:
                _compute(definition, by or compute, path, description, cost_path(definition, compute))
            # What is shown is what is on disk: the first reader and the second see the same bytes.
            arrays = load(path, description)
    if witness.listening():
        took = [cost_path(definition, compute), *(cost_path(part.definition, part.compute) for part in parts)]
        witness.note(path, description, getattr(definition, "summary", ""), [cost.name for cost in took])
    return arrays


def _compute(definition: object, compute: Compute, path: Path, description: dict, cost: Path) -> None:
    if chapter := os.environ.get(PLANNED):
        progress.say(f"{chapter} computes {path.name}, which its plan does not have")
    checkpoint = path.with_suffix(".checkpoint")
    origin = {name: description[name] for name in ("code", "torch")}
    measured = costs.measured(cost, folder(), origin, partial=checkpoint.exists())
    with measured, _one_thread(), witness.silence():
        arrays = compute(definition, checkpoint=checkpoint)
        save(path, arrays, description)
    checkpoint.unlink(missing_ok=True)


def find(path: Path, description: dict) -> Arrays | None:
    """The arrays of a record, or ``None`` if it is not there; one that is damaged is reported and set aside."""
    try:
        return load(path, description)
    except FileNotFoundError:
        return None
    except DamagedRecord:
        return _set_aside(path, description)


def _set_aside(path: Path, description: dict) -> Arrays | None:
    with files.alone(path.parent):
        try:
            return load(path, description)  # another process was faster, and may have computed it anew
        except FileNotFoundError:
            return None
        except DamagedRecord as error:
            aside = next(p for p in _asides(path) if not p.exists())
            os.rename(path, aside)
            progress.say(f"{error}; set aside as {aside.name} and computed anew")
            return None


def _asides(path: Path) -> Iterator[Path]:
    yield path.with_suffix(".damaged")
    yield from (path.with_suffix(f".{n}.damaged") for n in range(2, 10_000))


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def locate(definition: object, compute: Compute) -> Path:
    """Return where the record of ``compute(definition)`` is or would be."""
    return folder() / name_of(describe(definition, compute))


def name_of(description: dict) -> str:
    """The name of the record that describes itself so."""
    return f"{description['definition']['type'].lower()}-{_digest(description)}.record"


def cost_path(definition: object, compute: Compute) -> Path:
    """Where it is remembered what ``compute(definition)`` took, with whatever code."""
    return _cost_path(plain(definition), compute.__qualname__)


def cost_path_of(description: dict) -> Path:
    """The same for a record that describes itself so."""
    return _cost_path(description["definition"], description["compute"])


def _cost_path(definition: dict, compute: str) -> Path:
    name = _digest({"definition": definition, "compute": compute})
    return folder() / "costs" / f"{definition['type'].lower()}-{name}.json"


def _digest(value: dict) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:20]


def describe(definition: object, compute: Compute) -> dict:
    """Return all that a record depends on, as plain values: definition, code and library versions."""
    return {
        "definition": {"type": type(definition).__name__, **plain(definition)},
        "compute": compute.__qualname__,
        "code": fingerprint(f"{compute.__module__}.{compute.__qualname__}", *sorted(classes(definition))),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }


def save(path: Path, arrays: Arrays, description: dict) -> None:
    """Write a record, whole or not at all."""
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(description, sort_keys=True).encode(), dtype=np.uint8)
    members: dict[str, Any] = {**arrays, "description.json": text}
    np.savez(buffer, **members)
    payload = buffer.getvalue()
    head = _MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n"
    files.write_whole(path, head + payload, path.parent)


def load(path: Path, description: dict) -> Arrays:
    """Read a record. Raises ``DamagedRecord`` if it is not whole, or does not fit ``description``."""
    arrays, found = read(path)
    if found != description:
        raise DamagedRecord(f"{path.name} holds another computation")
    return arrays


def read(path: Path) -> tuple[Arrays, dict]:
    """The arrays of a record and what it says that it is. Raises ``DamagedRecord``, or ``FileNotFoundError``."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:  # a folder in its place, no permission, a bad disk
        raise DamagedRecord(f"{path.name} cannot be read ({error.strerror})") from error
    return parse(content, path.name)


def parse(content: bytes, name: str) -> tuple[Arrays, dict]:
    """The same of the content of a file called ``name``."""
    head, _, payload = content.partition(b"\n")
    if not head.startswith(_MAGIC):
        raise DamagedRecord(f"{name} is not a record")
    if hashlib.sha256(payload).hexdigest().encode() != head[len(_MAGIC) :]:
        raise DamagedRecord(f"{name} is truncated or altered")
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
            arrays = dict(archive)
        return arrays, json.loads(arrays.pop("description.json").tobytes())
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise DamagedRecord(f"{name} cannot be read ({error})") from error
