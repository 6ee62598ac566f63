"""Jobs that the records lack, side by side: on the cores of this machine, or by the workers of a Dask cluster.

loky starts, feeds and watches the workers here, and Dask those of a cluster. What a job gives depends on its
definition alone: not on the cores, the workers or the order, and not on how often one of them was killed and began
again from its checkpoint.
"""

import getpass
import os
import tempfile
import threading
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import torch

from latentsep.runtime import executors, files, progress, records, witness
from latentsep.runtime.records import Job

# How torch's compiler works for the CPU: by itself, since each core has a worker, and with calls between kernels in
# C++, which compiles and runs in less time. Wide layers may round otherwise with it: so every process takes it.
_COMPILER = {"TORCHINDUCTOR_COMPILE_THREADS": "1", "TORCHINDUCTOR_CPP_WRAPPER": "1"}
if not torch.cuda.is_available():
    for _name, _value in _COMPILER.items():
        os.environ.setdefault(_name, _value)  # read when something is compiled for the first time
WORTH_WORKERS = 10.0  # seconds of work; less is done where it is asked for, before a worker has begun


def carry_out(jobs: Iterable[Job], workers: int | None = None, cluster: str | None = None) -> list[Job]:
    """See to it that the records hold what all ``jobs`` give, longest first; return those that were carried out.

    ``workers`` is the number of processes, by default one for each core; ``cluster`` the address of a Dask
    scheduler (``tcp://host:8786``), by default what ``LATENTSEP_CLUSTER`` says. Finished jobs are kept, whatever
    becomes of the others. Raises ``JobFailed``, and ``UsageError`` for a cluster that cannot be reached.
    """
    cluster = cluster or os.environ.get(executors.VARIABLE) or None
    missing = [job for job in unique(jobs) if not job.done()]
    # Parts may be there already, of an attempt that was interrupted.
    single = unique(part for job in missing for part in job.parts or (job,))
    todo = [job for job in single if not job.done()]
    shared = sorted((job for job in todo if not job.here), key=lambda job: job.seconds, reverse=True)
    few = not cluster and (len(shared) < 2 or sum(job.seconds for job in shared) < WORTH_WORKERS)
    if shared and not few:
        _together({job.path.name: job for job in shared}, workers, cluster)
    asked_for, failures = {job.path for job in missing}, {}
    for job in missing:
        name, outcome = executors.attempt(job.path.name, _here_and_now, job)
        if outcome.failure:
            failures[name] = outcome.failure
        for part in () if outcome.failure else job.parts:
            if part.path not in asked_for:
                part.path.unlink(missing_ok=True)
    if failures:
        raise executors.JobFailed("; ".join(dict.fromkeys(failures.values())))
    return missing


@witness.silence()
def _here_and_now(job: Job) -> None:
    for part in job.parts:
        part.fetch()
    job.fetch()


def unique(jobs: Iterable[Job]) -> list[Job]:
    """The jobs, of those for the same record only the first."""
    return list({job.path: job for job in reversed(list(jobs))}.values())[::-1]


def _together(jobs: dict[str, Job], workers: int | None, cluster: str | None) -> None:
    """Carry out jobs, by the names of their records, in workers; one whose worker is killed is taken up again."""
    home = None if cluster else str(records.folder().resolve())
    with files.temporary(records.folder(), "pool") as scratch:
        reports = Path(scratch) / "progress"
        tally = _Tally(sum(job.seconds for job in jobs.values()))
        tasks = {name: (_carry_out, job, home, str(reports)) for name, job in jobs.items()}

        def finished(name: str, sent: tuple | None) -> None:
            if sent is not None:
                _keep(jobs[name], *sent)
            tally.finish(jobs[name].seconds)

        with progress.follow(reports, tally):
            failures = executors.run(tasks, finished, workers, cluster, done=lambda name: jobs[name].done())
        tally.bar.close()
    if failures:
        raise executors.JobFailed("; ".join(dict.fromkeys(failures.values())))  # a full disk fails all in one way


@witness.silence()
def _carry_out(job: Job, home: str | None, report: str) -> tuple[str, bytes, bytes | None] | None:
    """In a worker: carry out a job and leave its record at ``home``, or return it where there is no folder to share."""
    if home is not None:
        _end_with_parent()
        os.environ |= {"LATENTSEP_RECORDS": home, progress.VARIABLE: report}
        progress.tell(begins=job.seconds)
        try:
            job.fetch()
        finally:
            progress.tell(ends=True)
        return None
    # A worker that is started again on the same machine finds the checkpoint of the one that was killed.
    user = getattr(os, "getuid", getpass.getuser)()  # others may have workers on that machine as well
    os.environ["LATENTSEP_RECORDS"] = str(Path(tempfile.gettempdir()) / f"latentsep-worker-{user}")
    job.fetch()
    cost = records.cost_path(job.definition, job.compute)
    sent = job.path.name, job.path.read_bytes(), cost.read_bytes() if cost.exists() else None
    job.path.unlink(missing_ok=True)
    return sent


def _keep(job: Job, name: str, content: bytes, cost: bytes | None) -> None:
    """Put a record that a worker sent among ours, if it is one of ours."""
    if name != job.path.name:
        raise executors.JobFailed(f"a worker sent {name} for {job.path.name}: it has other code or another torch")
    records.parse(content, name)
    files.write_whole(job.path, content, records.folder())
    if cost is not None:
        files.write_whole(records.cost_path(job.definition, job.compute), cost, records.folder())


@cache  # one watch for all jobs of a worker
def _end_with_parent() -> None:
    """Let this worker end when the process that started it is gone, however that ended."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Tally:
    """The bar over all jobs, in seconds of work: those finished, and of those under way the share that is done."""

    def __init__(self, seconds: float):
        self.bar = progress.Bar("training", max(1, round(seconds)))
        self.finished = 0.0
        self.under_way: dict[int, tuple[float, float]] = {}

    def finish(self, seconds: float) -> None:
        self.finished += seconds
        self._show()

    def __call__(self, event: dict) -> None:
        worker = event["pid"]
        if "begins" in event:
            self.under_way[worker] = event["begins"], 0.0
        elif "ends" in event:
            self.under_way.pop(worker, None)
        elif worker in self.under_way:
            self.under_way[worker] = self.under_way[worker][0], event["done"] / max(1, event["total"])
        self._show()

    def _show(self) -> None:
        done = self.finished + sum(seconds * share for seconds, share in list(self.under_way.values()))
        self.bar.reach(round(done))
