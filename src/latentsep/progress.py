"""Progress bars and messages that reach the person waiting, also from inside a notebook's kernel.

A chapter runs in a kernel of its own, whose stderr would end up as a cell output. When
``LATENTSEP_PROGRESS`` names a file, bars and messages are appended to it as JSON lines instead, and
the process that started the kernel ``follow``\\ s the file and shows them.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

VARIABLE = "LATENTSEP_PROGRESS"
_INTERVAL = 0.2  # seconds between two lines, or two looks at the file


def say(message: str) -> None:
    """Tell the person waiting something that is no result: a file set aside, a run resumed."""
    if path := os.environ.get(VARIABLE):
        _append(path, {"say": message})
    else:
        _write(message)


class Bar:
    """A bar over ``total`` steps; ``advance`` it, and ``close`` it (or use it in a ``with`` block)."""

    def __init__(self, label: str, total: int, done: int = 0):
        self._path, self._label, self._total, self._done, self._last = os.environ.get(VARIABLE), label, total, done, 0.0
        self._tqdm = None if self._path else bar(label, total, done, leave=False)

    def advance(self, steps: int) -> None:
        self._done += steps
        if self._tqdm is not None:
            self._tqdm.update(steps)
        elif time.monotonic() - self._last > _INTERVAL or self._done >= self._total:
            self._last = time.monotonic()
            _append(self._path, {"label": self._label, "done": self._done, "total": self._total})

    def close(self) -> None:
        if self._tqdm is not None:
            self._tqdm.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def bar(label: str, total: int, done: int = 0, leave: bool = True, position: int | None = None) -> tqdm:
    """A ``tqdm`` bar with the time left; silent where stderr is no terminal and no notebook shows it."""
    return tqdm(desc=label, total=total, initial=done, leave=leave, position=position, disable=not watched())


def watched() -> bool:
    """Whether somebody sees bars: stderr is a terminal, or this is a notebook."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return sys.stderr.isatty() or type(shell).__name__ == "ZMQInteractiveShell"


@contextmanager
def follow(path: Path, position: int | None = None) -> Iterator[None]:
    """Show what a kernel appends to ``path`` while the block runs."""
    path.touch()
    stop = threading.Event()
    thread = threading.Thread(target=_show, args=(path, stop, position), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        path.unlink(missing_ok=True)


def _show(path: Path, stop: threading.Event, position: int | None) -> None:
    shown, label, line = None, None, ""
    with path.open() as lines:
        while True:
            last_look = stop.is_set()
            while part := lines.readline():
                line += part
                if not line.endswith("\n"):
                    continue  # the other side is in the middle of writing
                event, line = json.loads(line), ""
                if "say" in event:
                    # This process may have the variable set as well, for the kernel to inherit: without end it
                    # would pass on to itself what it reads.
                    if os.environ.get(VARIABLE) == str(path):
                        _write(event["say"])
                    else:
                        say(event["say"])
                    continue
                if shown is None or label != event["label"] or shown.n > event["done"]:
                    if shown is not None:
                        shown.close()
                    label = event["label"]
                    shown = bar(label, event["total"], event["done"], leave=False, position=position)
                shown.update(event["done"] - shown.n)
            if last_look:
                break
            stop.wait(_INTERVAL)
    if shown is not None:
        shown.close()


def _write(message: str) -> None:
    tqdm.write(f"latentsep: {message}", file=sys.stderr)


def _append(path: str, event: dict) -> None:
    with open(path, "a") as file:
        file.write(json.dumps(event) + "\n")
