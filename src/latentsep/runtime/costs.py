"""What computations took, remembered beside the records, so that the next plan can say how long it will take.

A cost outlives the record it was measured with: it is found by the definition alone, whatever has become of the
code. It never decides what is computed, only in which order and what a bar says.
"""

import contextlib
import json
import os
import platform
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path

from latentsep.runtime import files

_noted: ContextVar[dict[str, float] | None] = ContextVar("noted", default=None)


@dataclass(frozen=True)
class Cost:
    """Wall seconds of one computation on one core, the part that went into compiling, and where it was.

    ``rate`` is the number of updates per second after compiling, 0 where there are none. ``origin`` tells the code
    and libraries of the record that was made, so that it can be said why it does not serve any more.
    """

    seconds: float
    compiling: float = 0.0
    rate: float = 0.0
    machine: str = ""
    origin: dict[str, str] | None = None


def note(**values: float) -> None:
    """Add something about the computation under way to its cost: ``compiling`` (seconds), ``rate`` (per second)."""
    if (noted := _noted.get()) is not None:
        noted |= values


@contextlib.contextmanager
def measured(path: Path, base: Path, origin: dict[str, str], partial: bool = False) -> Iterator[None]:
    """Remember at ``path`` what the block took, if it ends well. A ``partial`` one, resumed half-way, tells nothing."""
    noted: dict[str, float] = {}
    token, started = _noted.set(noted), time.perf_counter()
    try:
        yield
    finally:
        _noted.reset(token)
    if not partial:
        cost = Cost(round(time.perf_counter() - started, 3), **noted, machine=_machine(), origin=origin)
        files.write_whole(path, json.dumps(asdict(cost), sort_keys=True).encode(), base)


def read(path: Path) -> Cost | None:
    """What is remembered at ``path``, or ``None``: a cost that cannot be read is no reason to stop."""
    try:
        return Cost(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _machine() -> str:
    """The processor, as far as the system names it, and how many cores there are."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()}, {os.cpu_count()} cores"
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
