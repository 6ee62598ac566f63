"""Jobs that the records lack, side by side: on the cores of this machine, or by the workers of a Dask cluster.

loky starts, feeds and watches the workers here, and Dask those of a cluster. What a job gives depends on its
definition alone: not on the cores, the workers or the order, and not on how often one of them was killed and began
again from its checkpoint.
"""

import contextlib
import getpass
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import joblib
import torch
from joblib.externals import loky

from latentsep import files, progress, records
from latentsep.paths import UsageError
from latentsep.records import Job

VARIABLE = "LATENTSEP_CLUSTER"
_PATIENCE = 3  # breakdowns in a row without a finished job, before it is given up
_REACH = 10.0  # seconds in which a scheduler has to answer
# Workers do not share a core, and sums over many threads round otherwise than over one.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
# How torch's compiler works for the CPU: by itself, since each core has a worker, and with calls between kernels in
# C++, which compiles and runs in less time. Wide layers may round otherwise with it: so every process takes it.
_COMPILER = {"TORCHINDUCTOR_COMPILE_THREADS": "1", "TORCHINDUCTOR_CPP_WRAPPER": "1"}
if not torch.cuda.is_available():
    for _name, _value in _COMPILER.items():
        os.environ.setdefault(_name, _value)  # read when something is compiled for the first time
_IDLE = 300.0  # seconds until a worker ends that has nothing to do
WORTH_WORKERS = 10.0  # seconds of work; less is done where it is asked for, before a worker has begun


class JobFailed(RuntimeError):
    """A job raised an error, or its worker was killed again and again."""


@dataclass(frozen=True)
class Outcome:
    """How a task ended in a worker: its value, or in a line why there is none."""

    value: object = None
    failure: str = ""


def cores() -> int:
    """How many workers this machine is good for."""
    return joblib.cpu_count()


def carry_out(jobs: Iterable[Job], workers: int | None = None, cluster: str | None = None) -> list[Job]:
    """See to it that the records hold what all ``jobs`` give, longest first; return those that were carried out.

    ``workers`` is the number of processes, by default one for each core; ``cluster`` the address of a Dask
    scheduler (``tcp://host:8786``), by default what ``LATENTSEP_CLUSTER`` says. Finished jobs are kept, whatever
    becomes of the others. Raises ``JobFailed``, and ``UsageError`` for a cluster that cannot be reached.
    """
    cluster = cluster or os.environ.get(VARIABLE) or None
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
        name, outcome = _outcome(job.path.name, _here_and_now, job)
        if outcome.failure:
            failures[name] = outcome.failure
        for part in () if outcome.failure else job.parts:
            if part.path not in asked_for:
                part.path.unlink(missing_ok=True)
    if failures:
        raise JobFailed("; ".join(dict.fromkeys(failures.values())))
    return missing


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
            failures = run(tasks, finished, workers, cluster, done=lambda name: jobs[name].done())
        tally.bar.close()
    if failures:
        raise JobFailed("; ".join(dict.fromkeys(failures.values())))  # a full disk fails all in one way


def run(
    tasks: dict[str, tuple],
    finished: Callable[[str, object], None],
    workers: int | None = None,
    cluster: str | None = None,
    done: Callable[[str], bool] = lambda name: False,
) -> dict[str, str]:
    """Call ``function(*arguments)`` for every named task in workers, and ``finished`` here with what each returns.

    Tasks start in the order given. Returns in a line for each why tasks failed; the others are finished all the
    same. After a worker was killed those that are not ``done`` begin anew. Raises ``JobFailed`` if that happens
    ``_PATIENCE`` times with nothing finished in between.
    """
    failures, patience = {}, _PATIENCE
    tasks = dict(tasks)
    while tasks:
        outcomes = _in_cluster(tasks, cluster) if cluster else _here(tasks, min(workers or cores(), len(tasks)))
        try:
            with contextlib.closing(outcomes):
                for name, outcome in outcomes:
                    del tasks[name]
                    patience = _PATIENCE
                    if outcome.failure:
                        failures[name] = outcome.failure
                    else:
                        finished(name, outcome.value)
        except BrokenProcessPool:
            patience -= 1
            if patience == 0:
                raise JobFailed("workers are killed again and again, perhaps for lack of memory") from None
            progress.say("a worker was killed; what it did not finish begins anew, from its last checkpoint")
            for name in [name for name in tasks if done(name)]:
                del tasks[name]
                finished(name, None)
    return failures


def _here(tasks: dict[str, tuple], count: int) -> Iterator[tuple[str, Outcome]]:
    """The outcomes of tasks as they end, in processes of this machine. Raises ``BrokenProcessPool`` at the end."""
    executor = loky.get_reusable_executor(count, timeout=_IDLE, env=_ONE_THREAD)
    broken = None
    try:
        for future in loky.as_completed([executor.submit(_outcome, name, *task) for name, task in tasks.items()]):
            try:
                outcome = future.result()
            except BrokenProcessPool as error:  # others may have ended well before
                broken = error
                continue
            yield outcome
    except BaseException:  # whoever interrupts does not wait for minutes of training
        executor.shutdown(wait=False, kill_workers=True)
        raise
    if broken is not None:
        raise broken


def _in_cluster(tasks: dict[str, tuple], cluster: str) -> Iterator[tuple[str, Outcome]]:
    """The outcomes of tasks as they end, in the workers of a cluster; Dask repeats those whose worker is killed."""
    with _client(cluster) as client:
        import distributed

        futures = {client.submit(_outcome, name, *task, pure=False): name for name, task in tasks.items()}
        for future in distributed.as_completed(futures, loop=client.loop):
            if future.cancelled():
                raise JobFailed(f"the scheduler at {cluster} is gone; what was finished is kept")
            try:
                outcome = future.result()
            except Exception as error:  # a job that kills every worker, or workers without this package
                outcome = futures[future], _failed(error)
            future.release()
            yield outcome


@contextlib.contextmanager
def _client(cluster: str) -> Iterator["distributed.Client"]:  # noqa: F821, an optional package
    try:
        import distributed
    except ImportError:
        raise UsageError(f"cluster is {cluster!r}; install latentsep[cluster], or choose none") from None
    try:
        client = distributed.Client(cluster, timeout=_REACH, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"cluster is {cluster!r}; choose the address of a scheduler that answers ({reason})") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=_REACH)  # one that was killed a moment ago is being started again
        except TimeoutError:
            raise UsageError(f"cluster is {cluster!r}, which has no workers; start some, or choose none") from None
        # Torch's compiler, its number of threads and the environment are there once in a process.
        if max(client.nthreads().values()) > 1:
            raise UsageError(f"cluster is {cluster!r} with several threads a worker; start them with --nthreads 1")
        yield client


def _outcome(name: str, function: Callable, *arguments: object) -> tuple[str, Outcome]:
    """Call a task in a worker. An error comes back as a line: one failure does not cost the others their work."""
    try:
        return name, Outcome(function(*arguments))
    except Exception as error:
        return name, _failed(error)


def _failed(error: Exception) -> Outcome:
    said = str(error).strip().splitlines()
    return Outcome(failure=f"{type(error).__name__}: {said[0]}" if said else type(error).__name__)


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
        raise JobFailed(f"a worker sent {name} for {job.path.name}: it has other code or another torch")
    records.parse(content, name)
    files.write_whole(job.path, content, records.folder())
    if cost is not None:
        files.write_whole(records.cost_path(job.definition, job.compute), cost, records.folder())


def _end_with_parent() -> None:
    """Let this worker end when the process that started it is gone, however that ended."""
    if not hasattr(_end_with_parent, "watching"):
        _end_with_parent.watching = True
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
        self.finished, self.under_way = 0.0, {}

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
