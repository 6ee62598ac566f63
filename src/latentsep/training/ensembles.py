"""Trained ensembles: from the records if they are there, else by training on all cores.

Members are independent, so a long run on a CPU is split into shards of members, each a job of its own for one core:
many threads in one process would wait for the slowest of them at every small matrix product. How a run is split
depends on the run alone, since products of fewer members at a time may round otherwise.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latentsep.data.benchmarks import Benchmark
from latentsep.models.vae import VAE
from latentsep.runtime import pool, records
from latentsep.runtime.records import Job
from latentsep.training.algorithm import WORTH_COMPILING, fit
from latentsep.training.devices import choose_device, compiler_works
from latentsep.training.runs import Run

_COMPILING = 13.0  # seconds that compiling one update takes, forwards and backwards
#: Multiplications and additions per second of a compiled update on one core: memory limits products of small matrices,
#: arithmetic those of large ones.
_RATE, _FAST = 7e9, 25e9
_LONG = 15.0  # seconds of large products, for which fewer updates than ``fit`` asks for are worth compiling
_LONGEST = 240.0  # seconds that a shard may take


@dataclass(frozen=True)
class Trained:
    """A run, its trained ensemble on the CPU, and the mean −ELBO of every block of updates, ``(members, blocks)``.

    Of a run that is ``watched`` there is what was seen after every block, ``(members, blocks, numbers)``.
    """

    run: Run
    vae: VAE
    history: np.ndarray
    watched: np.ndarray | None = None

    @property
    def benchmark(self) -> Benchmark:
        """The data of chapter 5, which it was trained on. Raises ``ValueError`` if it was other data."""
        if not isinstance(self.run.data, Benchmark):
            raise ValueError(f"data is {self.run.data}; choose an ensemble that was trained on a Benchmark")
        return self.run.data

    def only(self, **wanted: Any) -> "Trained":
        """The members whose fields are as wanted; ``repetitions=n`` keeps the first n repetitions.

        Raises ``ValueError`` if there are none.
        """
        first = wanted.pop("repetitions", math.inf)
        chosen = [
            i
            for i, m in enumerate(self.run.members)
            if m.repetition < first and all(getattr(m, name) == value for name, value in wanted.items())
        ]
        if not chosen:
            raise ValueError(f"no member has {wanted}; there are {len(self.run.members)} others")
        run = replace(self.run, members=tuple(self.run.members[i] for i in chosen))
        weights = {name: value[chosen] for name, value in self.vae.state_dict().items()}
        watched = None if self.watched is None else self.watched[chosen]
        return Trained(run, _restored(run, weights), self.history[chosen], watched)


def train(run: Run, device: str = "auto") -> Trained:
    """Train an ensemble, or fetch it from the records if this very run was trained before.

    Raises ``ValueError`` for a device that is not there, ``executors.JobFailed`` if training fails.
    """
    return train_all({"": run}, device)[""]


def train_all(runs: Mapping[str, Run], device: str = "auto") -> dict[str, Trained]:
    """The same for several runs by name, side by side."""
    jobs = {name: job(run, device) for name, run in runs.items()}
    pool.carry_out(jobs.values())
    return {name: trained(run, jobs[name]) for name, run in runs.items()}


def trained(run: Run, done: Job) -> Trained:
    """What the records hold of a run."""
    arrays = done.fetch()
    curves = {name: arrays[name] for name in ("history", "watched") if name in arrays}
    weights = {name: torch.from_numpy(value) for name, value in arrays.items() if name not in curves}
    return Trained(run, _restored(run, weights), **curves)


def job(run: Run, device: str = "auto") -> Job:
    """The training of a run as a job: in shards where it is long, and here where it takes a GPU."""
    if (chosen := choose_device(device)).type != "cpu":
        return Job(run, fit, partial(fit, device=chosen.type), guess=_seconds(run), here=True)
    parts = shards(run)
    if len(parts) == 1:
        return Job(run, fit, _on_cpu, guess=_seconds(run))
    return Job(run, fit, _joined, tuple(Job(part, fit, _on_cpu, guess=_seconds(part)) for part in parts), guess=0.0)


def _restored(run: Run, weights: dict[str, torch.Tensor]) -> VAE:
    vae = run.model()
    vae.load_state_dict(weights)
    return vae.eval().requires_grad_(False)


def shards(run: Run) -> list[Run]:
    """The parts in which a run is trained on a CPU: the run itself, or as many equal ones as a long run needs."""
    members = len(run.members)
    wanted = math.ceil((_seconds(run) - _COMPILING) / _LONGEST)
    # Equal shapes are compiled once.
    count = next((n for n in range(max(1, wanted), members) if members % n == 0), members) if wanted > 1 else 1
    size = members // count
    return [replace(run, members=run.members[i : i + size]) for i in range(0, members, size)]


def _seconds(run: Run) -> float:
    """About how long a run takes on one core."""
    batch = run.batch_size or run.data.size
    compiling = _COMPILING if run.compiles and run.updates >= WORTH_COMPILING else 0.0
    rate = _FAST if run.large else _RATE
    return compiling + run.updates * len(run.members) * batch * run.samples * run.work / rate


def _on_cpu(run: Run, checkpoint: Path) -> records.Arrays:
    # Also where there is a GPU that a worker would choose by itself.
    long = True if run.compiles and run.large and _seconds(run) > _LONG and compiler_works() else None
    arrays = fit(run, checkpoint, "cpu", long)
    torch.compiler.reset()  # each run is compiled as if it were the first
    return arrays


def _joined(run: Run, checkpoint: Path) -> records.Arrays:
    """The records of all shards, one after the other."""
    parts = [part.fetch() for part in job(run, "cpu").parts]
    return {name: np.concatenate([arrays[name] for arrays in parts]) for name in parts[0]}
