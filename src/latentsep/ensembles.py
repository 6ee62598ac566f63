"""Trained ensembles: from the records if they are there, else by training on all cores.

Members are independent, so a long run on a CPU is split into shards of members, each trained in a
process of its own with a record and checkpoints of its own. That is faster than many threads in one
process, where every small matrix product waits for the slowest thread.
"""

import contextlib
import itertools
import math
import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

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
        if len(parts) == 1:
            return fit(definition, checkpoint, device)
        _train_in_processes(parts)
        trained = [records.fetch(part, fit, by=_fit_on_cpu) for part in parts]
        return {name: np.concatenate([arrays[name] for arrays in trained]) for name in trained[0]}

    arrays = records.fetch(run, fit, by=compute)
    weights = {name: torch.from_numpy(value) for name, value in arrays.items() if name != "history"}
    return Trained(run, _restored(run, weights), arrays["history"])


def _restored(run: Run, weights: dict[str, torch.Tensor]) -> VAE:
    vae = run.model()
    vae.load_state_dict(weights)
    return vae.eval().requires_grad_(False)


def shards(run: Run, device: str = "cpu") -> list[Run]:
    """Split a long run on a CPU into as many runs as there are cores to train them; other runs stay whole."""
    on_gpu = choose_device(device).type != "cpu"
    work = len(run.members) * (run.batch_size or run.data.size)
    count = min(torch.get_num_threads(), len(run.members), work // _FEWEST)
    if on_gpu or run.updates < WORTH_COMPILING or count < 2:
        return [run]
    cuts = [round(i * len(run.members) / count) for i in range(count + 1)]
    return [replace(run, members=run.members[a:b]) for a, b in itertools.pairwise(cuts)]


def _train_in_processes(parts: list[Run]) -> None:
    threads = max(1, torch.get_num_threads() // len(parts))
    with _progress_file() as path, contextlib.ExitStack() as stack:
        workers = []
        for i, part in enumerate(parts):
            # One shard stands for all in the progress bar: they are alike and run side by side.
            environment = {**os.environ, progress.VARIABLE: path if i == 0 else os.devnull}
            environment["OMP_NUM_THREADS"] = str(threads)
            command = [sys.executable, "-m", "latentsep.ensembles"]
            worker = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
            )
            stack.callback(worker.kill)
            # One that is gone before it has read a run is found below, with its reason.
            with contextlib.suppress(BrokenPipeError):
                pickle.dump(part, worker.stdin)
                worker.stdin.flush()
            workers.append(worker)
        for worker in workers:
            errors = worker.stderr.read().decode(errors="replace")
            if worker.wait() != 0:
                reason = errors.strip().splitlines()[-1] if errors.strip() else f"exit code {worker.returncode}"
                raise RuntimeError(f"a training process failed: {reason}")


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
    """A worker: reads a run from stdin and leaves its record. It ends when its parent does."""
    run = pickle.load(sys.stdin.buffer)

    def end_with_parent() -> None:
        os.read(sys.stdin.fileno(), 1)  # returns when the parent's end of the pipe closes, however it ended
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    records.fetch(run, fit, by=_fit_on_cpu)


if __name__ == "__main__":
    _work()
