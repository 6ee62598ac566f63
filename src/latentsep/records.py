"""Results on disk, addressed by what produced them.

A record's name is a hash of the full definition of a computation and of the code that carries it
out, so that no result can outlive either. A file is one line with the SHA-256 of the rest, then an
``npz`` archive; it is written under another name and moved into place, so that it is whole or absent.
"""

import ast
import dataclasses
import hashlib
import importlib.util
import io
import json
import os
import platform
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import platformdirs
import torch

from latentsep import progress

_MAGIC = b"latentsep-record 1 "
Arrays = dict[str, np.ndarray]


class DamagedRecord(Exception):
    """A record file is truncated, altered, or not a record of what was asked for."""


def folder() -> Path:
    """Where records live: ``LATENTSEP_RECORDS``, or the user's cache folder."""
    return Path(os.environ.get("LATENTSEP_RECORDS") or platformdirs.user_cache_path("latentsep") / "records")


def fetch(definition: object, compute: Callable[..., Arrays], by: Callable[..., Arrays] | None = None) -> Arrays:
    """Return the arrays that ``compute(definition, checkpoint=path)`` yields, from disk where they are.

    ``definition`` is a frozen dataclass of plain values; ``compute`` is a module-level function,
    and ``by`` another way to the same arrays. A file that is damaged, or that holds something else,
    is reported, set aside and computed anew.
    """
    path = locate(definition, compute)
    description = describe(definition, compute)
    if path.exists():
        try:
            return load(path, description)
        except DamagedRecord as error:
            aside = path.with_suffix(".damaged")
            os.replace(path, aside)
            progress.say(f"{error}; set aside as {aside.name} and computed anew")
    checkpoint = path.with_suffix(".checkpoint")
    arrays = (by or compute)(definition, checkpoint=checkpoint)
    save(path, arrays, description)
    checkpoint.unlink(missing_ok=True)
    # What is shown is what is on disk: the first reader and the second see the same bytes.
    return load(path, description)


def locate(definition: object, compute: Callable) -> Path:
    """Return where the record of ``compute(definition)`` is or would be."""
    key = hashlib.sha256(json.dumps(describe(definition, compute), sort_keys=True).encode()).hexdigest()
    return folder() / f"{type(definition).__name__.lower()}-{key[:20]}.record"


def describe(definition: object, compute: Callable) -> dict:
    """Return all that a record depends on, as plain values: definition, code and library versions."""
    return {
        "definition": {"type": type(definition).__name__, **_plain(definition)},
        "compute": f"{compute.__module__}.{compute.__qualname__}",
        "code": fingerprint(compute.__module__, *_modules(definition)),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }


def _plain(value: object) -> object:
    """Dataclasses as dictionaries that name their type, so that R² and S¹ with equal fields differ."""
    if dataclasses.is_dataclass(value):
        # What two equal values may differ in does not name them, such as pictures of which a digest is kept.
        fields = {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.compare}
        return {"type": type(value).__name__, **fields}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return value


def _modules(value: object) -> set[str]:
    """The modules of this package whose classes a definition is made of: their code is part of it."""
    if isinstance(value, (tuple, list)):
        return set().union(*map(_modules, value))
    if not dataclasses.is_dataclass(value):
        return set()
    found = set().union(*(_modules(getattr(value, f.name)) for f in dataclasses.fields(value) if f.compare))
    module = type(value).__module__
    return found | ({module} if module.startswith(__name__.partition(".")[0] + ".") else set())


def save(path: Path, arrays: Arrays, description: dict) -> None:
    """Write a record, whole or not at all."""
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(description, sort_keys=True).encode(), dtype=np.uint8)
    np.savez(buffer, **arrays, **{"description.json": text})
    payload = buffer.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def load(path: Path, description: dict) -> Arrays:
    """Read a record. Raises ``DamagedRecord`` if it is not whole, or does not fit ``description``."""
    head, _, payload = path.read_bytes().partition(b"\n")
    if not head.startswith(_MAGIC):
        raise DamagedRecord(f"{path.name} is not a record")
    if hashlib.sha256(payload).hexdigest().encode() != head[len(_MAGIC) :]:
        raise DamagedRecord(f"{path.name} is truncated or altered")
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
            arrays = dict(archive)
        found = json.loads(arrays.pop("description.json").tobytes())
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise DamagedRecord(f"{path.name} cannot be read ({error})") from error
    if found != description:
        raise DamagedRecord(f"{path.name} holds another computation")
    return arrays


@cache
def fingerprint(*modules: str) -> str:
    """Return a hash of modules of this package and of all that they import from the package.

    Comments, docstrings and layout do not count: rewording must not cost a training run. Neither do
    ``records`` and ``progress``: how a result is stored or announced does not change it.
    """
    package = __name__.partition(".")[0]
    pending, sources = list(modules), {}
    while pending:
        name = pending.pop()
        if name in sources or name in (package, f"{package}.records", f"{package}.progress"):
            continue
        tree = ast.parse(Path(importlib.util.find_spec(name).origin).read_text())
        pending += imported(tree, package)
        for node in ast.walk(tree):
            if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        sources[name] = ast.dump(tree)
    return hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()[:20]


def imported(tree: ast.AST, package: str) -> list[str]:
    """The modules of ``package`` that a piece of code imports by their full names."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module.partition(".")[0] == package:
            # ``from package.a import b`` names the module a.b, or something inside a.
            found.append(node.module)
            if importlib.util.find_spec(node.module).submodule_search_locations:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                found += [name for name in names if importlib.util.find_spec(name)]
    return [name for name in found if name.partition(".")[0] == package]


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
