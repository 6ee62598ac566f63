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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

VARIABLE = "LATENTSEP_PROGRESS"
_INTERVAL = 0.2  # seconds between two lines, or two looks at the file


def say(message: str) -> None:
    """Tell the person waiting something that is no result: a file set aside, a run resumed."""
    if VARIABLE in os.environ:
        tell(say=message)
    else:
        _write(message)


def tell(**event: object) -> None:
    """Append an event to the file that is followed; without one it is dropped."""
    if path := os.environ.get(VARIABLE):
        with open(path, "a") as file:
            file.write(json.dumps({**event, "pid": os.getpid()}) + "\n")


class Bar:
    """A bar over ``total`` steps; ``advance`` it, and ``close`` it (or use it in a ``with`` block)."""

    def __init__(self, label: str, total: int, done: int = 0):
        self._path, self._label, self._total, self._done, self._last = os.environ.get(VARIABLE), label, total, done, 0.0
        self._tqdm = None if self._path else bar(label, total, done, leave=False)

    def advance(self, steps: int) -> None:
        self.reach(self._done + steps)

    def reach(self, done: int) -> None:
        """Set how many steps are done, at most all of them."""
        steps, self._done = min(done, self._total) - self._done, min(done, self._total)
        if self._tqdm is not None:
            self._tqdm.update(steps)
        elif time.monotonic() - self._last > _INTERVAL or self._done >= self._total:
            self._last = time.monotonic()
            tell(label=self._label, done=self._done, total=self._total)

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
def follow(path: Path, show: Callable[[dict], None]) -> Iterator[None]:
    """Call ``show`` with every event that other processes append to ``path`` while the block runs.

    Their messages are said here.
    """
    path.touch()
    stop = threading.Event()
    thread = threading.Thread(target=_follow, args=(path, stop, show), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        path.unlink(missing_ok=True)


def _follow(path: Path, stop: threading.Event, show: Callable[[dict], None]) -> None:
    line = ""
    with path.open() as lines:
        while True:
            last_look = stop.is_set()
            while part := lines.readline():
                line += part
                if not line.endswith("\n"):
                    continue  # the other side is in the middle of writing
                try:
                    event, line = json.loads(line), ""
                except ValueError:  # a full disk cut it short
                    line = ""
                    continue
                if "say" not in event:
                    show(event)
                # This process may have the variable set as well, for a kernel to inherit: without end it
                # would pass on to itself what it reads.
                elif os.environ.get(VARIABLE) == str(path):
                    _write(event["say"])
                else:
                    say(event["say"])
            if last_look:
                break
            stop.wait(_INTERVAL)


class Bars:
    """Shows the bar of another process, one after the other as it begins them."""

    def __init__(self, position: int | None = None):
        self._position, self._label = position, ""
        self._shown: tqdm | None = None

    def __call__(self, event: dict) -> None:
        if "label" not in event:
            return
        if self._shown is None or self._label != event["label"] or self._shown.n > event["done"]:
            self.close()
            self._label = event["label"]
            self._shown = bar(self._label, event["total"], event["done"], leave=False, position=self._position)
        self._shown.update(event["done"] - self._shown.n)

    def close(self) -> None:
        if self._shown is not None:
            self._shown.close()


def _write(message: str) -> None:
    tqdm.write(f"latentsep: {message}", file=sys.stderr)
