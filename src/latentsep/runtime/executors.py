"""Tasks in processes of this machine, or in the workers of a Dask cluster; one that is killed costs a beginning anew.

loky starts, feeds and watches the workers here, and Dask those of a cluster.
"""

import asyncio
import contextlib
import functools
import gc
import threading
import warnings
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import joblib
from joblib.externals import loky

from latentsep.runtime import progress
from latentsep.runtime.paths import UsageError

VARIABLE = "LATENTSEP_CLUSTER"
_PATIENCE = 3  # breakdowns in a row without a finished job, before it is given up
_REACH = 10.0  # seconds in which a scheduler has to answer
# Workers do not share a core, and sums over many threads round otherwise than over one.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
_IDLE = 300.0  # seconds until a worker ends that has nothing to do


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


def run(
    tasks: dict[str, tuple],
    finished: Callable[[str, Any], object],
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


def _here(tasks: dict[str, tuple], count: int) -> Generator[tuple[str, Outcome], None, None]:
    """The outcomes of tasks as they end, in processes of this machine. Raises ``BrokenProcessPool`` at the end."""
    # loky replaces a worker that has grown, as training long lists of networks makes it: no cause for alarm.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    executor = loky.get_reusable_executor(count, timeout=_IDLE, env=_ONE_THREAD)
    broken = None
    try:
        for future in loky.as_completed([executor.submit(attempt, name, *task) for name, task in tasks.items()]):
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


def _in_cluster(tasks: dict[str, tuple], cluster: str) -> Generator[tuple[str, Outcome], None, None]:
    """The outcomes of tasks as they end, in the workers of a cluster; Dask repeats those whose worker is killed."""
    with _client(cluster) as client:
        import distributed

        futures = {client.submit(attempt, name, *task, pure=False): name for name, task in tasks.items()}
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
def _client(cluster: str) -> Iterator[Any]:  # a distributed.Client, of an optional package
    try:
        import distributed
    except ImportError:
        raise UsageError(f"cluster is {cluster!r}; install latentsep[cluster], or choose none") from None
    client, reason = None, ""
    try:
        client = distributed.Client(cluster, timeout=_REACH, set_as_default=False, loop=event_loop())
    except (OSError, ValueError, TimeoutError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if client is None:
        # One that failed closes itself when it is collected. In the middle of starting another that waits for itself.
        gc.collect()
        raise UsageError(f"cluster is {cluster!r}; choose the address of a scheduler that answers ({reason})")
    with client:
        try:
            client.wait_for_workers(1, timeout=_REACH)  # one that was killed a moment ago is being started again
        except TimeoutError:
            raise UsageError(f"cluster is {cluster!r}, which has no workers; start some, or choose none") from None
        # Torch's compiler, its number of threads and the environment are there once in a process.
        if max(client.nthreads().values()) > 1:
            raise UsageError(f"cluster is {cluster!r} with several threads a worker; start them with --nthreads 1")
        yield client


@functools.cache
def event_loop() -> Any:  # a tornado.ioloop.IOLoop
    """A loop of events in a thread, for good. Dask's own gives up if a busy machine takes ten seconds to start one."""
    from tornado.ioloop import IOLoop

    started: Future[IOLoop] = Future()

    async def live() -> None:
        started.set_result(IOLoop.current())
        await asyncio.Event().wait()

    threading.Thread(target=asyncio.run, args=(live(),), name="events", daemon=True).start()
    return started.result()


def attempt(name: str, function: Callable, *arguments: object) -> tuple[str, Outcome]:
    """Call a task in a worker. An error comes back as a line: one failure does not cost the others their work."""
    try:
        return name, Outcome(function(*arguments))
    except Exception as error:
        return name, _failed(error)


def _failed(error: Exception) -> Outcome:
    said = str(error).strip().splitlines()
    return Outcome(failure=f"{type(error).__name__}: {said[0]}" if said else type(error).__name__)
