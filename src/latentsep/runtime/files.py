"""Files that are whole or absent, and folders for what is half-done.

A process that is killed leaves what it was writing. So what is half-written lies in a folder of its process alone,
under ``.scratch`` of the folder that it belongs to, and a lock that the system gives back with the process tells
the next one whether it may clear it away.
"""

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

_own: dict[tuple[int, Path], tuple[Path, FileLock]] = {}  # by process, since a fork inherits the dictionary


def write_whole(path: Path, content: bytes, base: Path | None = None) -> None:
    """Write a file so that it is there with all of ``content``, or as it was before.

    ``base`` is a folder of ours on the same disk, in whose scratch the file lies until it is whole; without one it
    lies beside ``path``. Raises ``OSError``, for instance if the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=scratch(base) if base else path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o644)  # a temporary file is its owner's alone
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        if error.errno is not None and error.filename is None:  # a full disk does not say which file
            error.filename = str(path)
        raise
    finally:
        Path(part).unlink(missing_ok=True)


def scratch(base: Path) -> Path:
    """This process's folder for what is half-done in ``base``; gone with the process, at the latest with the next."""
    key = os.getpid(), base.resolve()
    if key not in _own or not _own[key][0].is_dir():
        with alone(base) as folder:
            _clear(folder)
            own = Path(tempfile.mkdtemp(dir=folder))
            _own[key] = own, _locked(own)
        atexit.register(_remove, key)
    return _own[key][0]


@contextlib.contextmanager
def alone(base: Path) -> Iterator[Path]:
    """The folder for what is half-done in ``base``, by all processes; only one at a time is in such a block."""
    folder = base / ".scratch"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock", is_singleton=False, thread_local=False):
        yield folder


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait until no other process makes the file at ``path``, and let others wait during the block."""
    folder = path.parent / ".scratch"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{path.name}.lock", is_singleton=False, thread_local=False)
    with lock:
        yield
        # Who waits already has this file, who comes later another one: both find that the work is done.
        Path(lock.lock_file).unlink(missing_ok=True)


def temporary(base: Path, label: str) -> tempfile.TemporaryDirectory:
    """A folder in this process's scratch of ``base``, for one ``with`` block."""
    return tempfile.TemporaryDirectory(dir=scratch(base), prefix=f"{label}-", ignore_cleanup_errors=True)


def _lock_of(folder: Path) -> FileLock:
    return FileLock(folder.with_name(f"{folder.name}.lock"), is_singleton=False, thread_local=False)


def _locked(folder: Path) -> FileLock:
    lock = _lock_of(folder)
    lock.acquire(timeout=0)
    return lock


def _clear(scratches: Path) -> None:
    """Remove the folders of processes that are gone. Whoever calls it holds the lock of all."""
    for folder in [p for p in scratches.iterdir() if p.is_dir()]:
        try:
            lock = _locked(folder)
        except Timeout:
            continue  # in use
        _discard(folder, lock)


def _discard(folder: Path, lock: FileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():  # else the next one tries again: an orphan may still be writing there
        Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()


def _remove(key: tuple[int, Path]) -> None:
    if key[0] == os.getpid() and key in _own:
        _discard(*_own.pop(key))
