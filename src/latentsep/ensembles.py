"""Trained ensembles: from the records if they are there, else by training on all cores.

Members are independent, so a long run on a CPU is split into shards of members. Processes of one thread
each train them, with a record and checkpoints for each. That is faster than many threads in one process,
where every small matrix product waits for the slowest thread.
"""

import contextlib
import itertools
import math
import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from latentsep import progress, records
from latentsep.runs import Run
from latentsep.training import WORTH_COMPILING, choose_device, fit
from latentsep.vae import VAE

_FEWEST = 1024  # datapoints per update, over all members, that are worth a process of their own


@dataclass(frozen=True)
class Trained:
    """A run, its trained ensemble on the CPU, and the mean −ELBO of every block of updates, ``(members, blocks)``."""

    run: Run
    vae: VAE
    history: np.ndarray

    def only(self, **wanted: float) -> "Trained":
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
        return Trained(run, _restored(run, weights), self.history[chosen])


def train(run: Run, device: str = "auto") -> Trained:
    """Train an ensemble, or fetch it from the records if this very run was trained before.

    Raises ``ValueError`` for a device that is not there, ``RuntimeError`` if a training process dies.
    """
    parts = shards(run, device)

    def compute(definition: Run, checkpoint: Path) -> records.Arrays:
        if not parts:
            return fit(definition, checkpoint, device)
        _train_in_processes(parts)
        trained = [records.fetch(part, fit, by=_fit_on_cpu) for part in parts]
        return {name: np.concatenate([arrays[name] for arrays in trained]) for name in trained[0]}

    arrays = records.fetch(run, fit, by=compute)
    weights = {name: torch.from_numpy(value) for name, value in arrays.items() if name != "history"}
    return Trained(run, _restored(run, weights), arrays["history"])


def train_all(runs: Mapping[str, Run], device: str = "auto") -> dict[str, Trained]:
    """The same for several runs by name, at less cost: no core waits for the end of one run to begin the next."""
    missing = [run for run in runs.values() if not records.locate(run, fit).exists()]
    _train_in_processes([part for run in missing for part in shards(run, device)])
    return {name: train(run, device) for name, run in runs.items()}


def _restored(run: Run, weights: dict[str, torch.Tensor]) -> VAE:
    vae = run.model()
    vae.load_state_dict(weights)
    return vae.eval().requires_grad_(False)


def shards(run: Run, device: str = "cpu") -> list[Run]:
    """The parts of a long run on a CPU that processes of one thread each train, as many as there are cores for them.

    There are none of a run that is short, or on a GPU, or all for one core, or a single member with so large a
    batch that several threads are worth their while: such a run is trained where it is asked for.
    """
    work, threads = len(run.members) * (run.batch_size or run.data.size), torch.get_num_threads()
    count = max(1, min(threads, len(run.members), work // _FEWEST))
    alone = count == 1 and work >= 2 * _FEWEST
    if choose_device(device).type != "cpu" or run.updates < WORTH_COMPILING or threads == 1 or alone:
        return []
    cuts = [round(i * len(run.members) / count) for i in range(count + 1)]
    return [replace(run, members=run.members[a:b]) for a, b in itertools.pairwise(cuts)]


def _train_in_processes(parts: Iterable[Run]) -> None:
    """Train what is not in the records, in as many processes as there are cores, each of which takes what is next."""
    jobs = queue.SimpleQueue()
    for part in dict.fromkeys(parts):
        if not records.locate(part, fit).exists():
            jobs.put(part)
    count = min(torch.get_num_threads(), jobs.qsize())
    if count == 0:
        return
    with ThreadPoolExecutor(count) as pool, _progress_file() as path, contextlib.ExitStack() as stack:
        # One process stands for all in the progress bar: they work side by side on what is alike.
        workers = [stack.enter_context(_worker(path if i == 0 else os.devnull)) for i in range(count)]
        served = [pool.submit(_serve, *worker, jobs) for worker in workers]
        for done in wait(served, return_when=FIRST_EXCEPTION).done:
            done.result()


def _serve(worker: subprocess.Popen, errors: BinaryIO, jobs: queue.SimpleQueue) -> None:
    """Hand a process one run after the other, and wait until it has left the record of each."""
    with contextlib.suppress(queue.Empty):
        while True:
            part = jobs.get_nowait()
            # One that is gone before it has read a run is found below, with its reason.
            with contextlib.suppress(BrokenPipeError):
                pickle.dump(part, worker.stdin)
                worker.stdin.flush()
            if not worker.stdout.readline():
                code = worker.wait()
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip()
                reason = said.splitlines()[-1] if said else f"exit code {code}"
                raise RuntimeError(f"a training process failed: {reason}")


@contextlib.contextmanager
def _worker(reports: str) -> Iterator[tuple[subprocess.Popen, BinaryIO]]:
    """A process of one thread that trains runs, and the file that its errors go to; it ends with the block."""
    environment = {**os.environ, progress.VARIABLE: reports, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "latentsep.ensembles"]
    with tempfile.TemporaryFile() as errors:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
        worker = subprocess.Popen(command, env=environment, **pipes)
        try:
            yield worker, errors
        finally:
            worker.kill()
            worker.wait()
            worker.stdout.close()
            with contextlib.suppress(BrokenPipeError):  # of what it did not read any more
                worker.stdin.close()


@contextlib.contextmanager
def _progress_file() -> Iterator[str]:
    """Where workers report: on to whoever watches this process, or to a bar of our own."""
    if path := os.environ.get(progress.VARIABLE):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "progress"
        with progress.follow(path, position=None):
            yield str(path)


def _fit_on_cpu(run: Run, checkpoint: Path) -> records.Arrays:
    # Only runs on the CPU are split, also where there is a GPU that a worker would choose by itself.
    return fit(run, checkpoint, "cpu")


def _work() -> None:
    """A worker: trains one run after the other from stdin, and answers with a line. It ends when its parent does."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what a compiler prints is no answer
    runs = queue.SimpleQueue()

    def read() -> None:
        try:
            while True:
                runs.put(pickle.load(sys.stdin.buffer))
        finally:  # the parent's end of the pipe is closed, however it ended
            os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    try:
        while True:
            records.fetch(runs.get(), fit, by=_fit_on_cpu)
            torch.compiler.reset()  # each run is compiled as if it were the first
            print("done", file=answers, flush=True)
    except Exception:
        traceback.print_exc()
        os._exit(1)  # an orderly end would wait for the thread that waits for runs


if __name__ == "__main__":
    _work()
