"""The pool on a Dask cluster: the same bytes as on this machine, also if a worker is killed in the middle."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import latentsep
from latentsep.book import programme
from latentsep.commands import cli
from latentsep.data.benchmarks import Benchmark
from latentsep.runtime import executors, pool, records
from latentsep.runtime.executors import JobFailed
from latentsep.runtime.paths import UsageError
from latentsep.runtime.records import Job
from latentsep.training import ensembles
from latentsep.training.runs import Member, Run

distributed = pytest.importorskip("distributed", reason="latentsep[cluster] is not installed")

NOBODY = "tcp://127.0.0.1:1"
SHORT = Run(members=(Member(0.1, 0.1), Member(1.0, 0.1)), data=Benchmark(6, 50), updates=50, batch_size=8)
# Long enough for a worker to be killed in the middle.
RUNS = [replace(SHORT, updates=150, seed=seed) for seed in range(8)]


def jobs() -> list[Job]:
    return [ensembles.job(run, "cpu") for run in RUNS]


def held() -> dict[str, bytes]:
    """The records that are there, by name."""
    return {path.name: path.read_bytes() for path in records.folder().glob("*.record")}


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> dict[str, bytes]:
    """The records of all jobs, made by this process alone."""
    with pytest.MonkeyPatch.context() as context:
        context.setenv("LATENTSEP_RECORDS", str(tmp_path_factory.mktemp("alone")))
        for job in jobs():
            job.fetch()
        return held()


@contextlib.contextmanager
def scheduler(folder: Path, **variables: str) -> Iterator[str]:
    """The address of a scheduler on loopback that has no workers yet."""
    file = folder / "scheduler.json"
    # It ends by itself if whoever runs the tests is killed, and its workers with it.
    options = ("--port", 0, "--scheduler-file", file, "--idle-timeout", "3 hours")
    with process(folder, "dask_scheduler", *options, **variables):
        yield read_once_there(file)["address"]


@contextlib.contextmanager
def process(folder: Path, module: str, *arguments: object, **variables: str) -> Iterator[None]:
    """A program of Dask in a process group of its own, of which none is left behind."""
    command = [sys.executable, "-m", f"distributed.cli.{module}", "--host", "127.0.0.1", "--no-dashboard", *arguments]
    source = str(Path(latentsep.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source, "TMPDIR": str(folder), **variables}
    with (
        (folder / f"{module}.log").open("w") as log,
        subprocess.Popen(
            [*map(str, command)], cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as started,
    ):
        (folder / f"{module}.pid").write_text(str(started.pid))
        try:
            yield
        finally:
            os.killpg(started.pid, signal.SIGKILL)


def read_once_there(file: Path) -> dict:
    for _ in range(600):
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return json.loads(file.read_text())
        time.sleep(0.1)
    raise TimeoutError(f"there is no {file.name} after a minute")


def client_of(address: str) -> "distributed.Client":
    return distributed.Client(address, set_as_default=False, loop=executors.event_loop())


@contextlib.contextmanager
def workers(folder: Path, address: str, count: int) -> Iterator[None]:
    """Workers of a scheduler, each of which is started again if it is killed."""
    options = ("--nworkers", count, "--nthreads", 1, "--local-directory", folder, "--death-timeout", 60)
    with process(folder, "dask_worker", address, *options):
        with client_of(address) as client:
            client.wait_for_workers(count, timeout=120)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the cluster leaves what is half-done."""
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def cluster(folder) -> Iterator[str]:
    """The address of a scheduler with two workers."""
    with scheduler(folder) as address, workers(folder, address, 2):
        yield address


@contextlib.contextmanager
def killing(worker: int) -> Iterator[list[int]]:
    """Kill a process once the first record has come; yields a list, then of how many there were at that moment."""
    count: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            if found := len(held()):
                os.kill(worker, signal.SIGKILL)
                count.append(found)
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield count
    finally:
        over.set()
        thread.join()


def workers_of(cluster: str) -> list[int]:
    with client_of(cluster) as client:
        client.wait_for_workers(2, timeout=60)
        return [*client.run(os.getpid).values()]


def workers_here() -> list[int]:
    """The processes of loky that this one has started."""
    children = psutil.Process().children(recursive=True)
    return [child.pid for child in children if any("popen_loky" in word for word in child.cmdline())]


# Wherever it is computed


def test_a_cluster_gives_the_bytes_of_one_process(cluster, reference):
    assert pool.carry_out(jobs(), cluster=cluster) == jobs()
    assert held() == reference
    assert pool.carry_out(jobs(), cluster=NOBODY) == []  # whatever is there is not asked for


def test_a_cluster_gives_the_bytes_of_one_process_though_a_worker_is_killed(cluster, reference):
    victim = workers_of(cluster)[0]
    with killing(victim) as count:
        pool.carry_out(jobs(), cluster=cluster)
    assert 0 < count[0] < len(RUNS)
    assert held() == reference
    assert victim not in workers_of(cluster)


def test_workers_on_this_machine_give_the_bytes_of_one_process(reference, monkeypatch):
    monkeypatch.setattr(pool, "WORTH_WORKERS", 0)
    pool.carry_out(jobs(), workers=2)
    assert held() == reference


def test_workers_on_this_machine_give_them_though_one_is_killed(reference, monkeypatch, said):
    monkeypatch.setattr(pool, "WORTH_WORKERS", 0)
    executors.run({str(n): (time.sleep, 0.1) for n in range(4)}, lambda *_: None, workers=2)  # starts them
    with killing(workers_here()[0]) as count:
        pool.carry_out(jobs(), workers=2)
    assert 0 < count[0] < len(RUNS)
    assert held() == reference
    assert "a worker was killed; what it did not finish begins anew, from its last checkpoint" in said()


def test_a_cluster_can_be_named_by_a_variable(cluster, folder, reference, monkeypatch):
    monkeypatch.setenv(executors.VARIABLE, cluster)
    (job,) = [ensembles.job(replace(SHORT, seed=100), "cpu")]
    pool.carry_out([job])
    assert job.done()
    # It was computed there, where only its cost is left.
    (elsewhere,) = folder.glob("latentsep-worker-*")
    cost = records.cost_path(job.definition, job.compute)
    assert (elsewhere / "costs" / cost.name).read_bytes() == cost.read_bytes()
    assert [*elsewhere.glob("*.record"), *elsewhere.glob("*.checkpoint")] == []


def test_an_empty_variable_names_no_cluster(monkeypatch):
    monkeypatch.setattr(pool, "WORTH_WORKERS", 0)
    monkeypatch.setattr(executors, "_in_cluster", None)
    monkeypatch.setenv(executors.VARIABLE, "")
    asked = [ensembles.job(replace(SHORT, seed=seed), "cpu") for seed in (0, 1)]
    assert pool.carry_out(asked, workers=2) == asked


# What can be wrong with a cluster


@contextlib.contextmanager
def within(count: int, threads: int) -> Iterator[str]:
    """The address of a cluster of threads of this process."""
    options = {"processes": False, "protocol": "tcp", "host": "127.0.0.1", "dashboard_address": ":0"}
    options["loop"] = executors.event_loop()
    with distributed.LocalCluster(n_workers=count, threads_per_worker=threads, **options) as found:
        yield found.scheduler_address


def refused(cluster: str | None = None) -> str:
    """Why a cluster is not taken, in one line."""
    with pytest.raises(UsageError) as caught:
        pool.carry_out([ensembles.job(SHORT, "cpu")], cluster=cluster)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_scheduler_that_does_not_answer_is_told_in_a_line(monkeypatch):
    monkeypatch.setattr(executors, "_REACH", 0.5)
    start = f"cluster is '{NOBODY}'; choose the address of a scheduler that answers ("
    assert refused(NOBODY).startswith(start)
    monkeypatch.setenv(executors.VARIABLE, NOBODY)
    assert refused().startswith(start)


def test_an_address_that_is_none_is_told_in_a_line(monkeypatch):
    monkeypatch.setattr(executors, "_REACH", 0.5)
    assert refused("somewhere else entirely").startswith("cluster is 'somewhere else entirely'; choose the address")


def test_a_scheduler_without_workers_is_told_in_a_line(monkeypatch):
    monkeypatch.setattr(executors, "_REACH", 2.0)
    with within(0, 0) as address:
        assert refused(address) == f"cluster is '{address}', which has no workers; start some, or choose none"


def test_workers_with_several_threads_are_refused():
    # They share what is there once in a process: the number of threads of a sum, the compiler, the environment.
    with within(1, 2) as address:
        assert "several threads a worker; start them with --nthreads 1" in refused(address)


def test_a_missing_package_is_told_in_a_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "install latentsep[cluster]" in refused(NOBODY)


def test_the_command_line_names_a_cluster_and_tells_in_a_line_what_is_wrong(checkout, monkeypatch, capfd):
    monkeypatch.setattr(executors, "_REACH", 0.5)
    job = ensembles.job(SHORT, "cpu")
    monkeypatch.setitem(programme.CHAPTERS, "01-small", lambda **_: iter([[job]]))
    assert cli.main(["build", "--profile", "smoke", "--cluster", NOBODY]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"latentsep: cluster is '{NOBODY}'; ")


def test_a_worker_with_other_code_is_refused(reference):
    job = jobs()[0]
    with pytest.raises(JobFailed, match=r"a worker sent run-0123\.record for .*: it has other code or another torch"):
        pool._keep(job, "run-0123.record", reference[job.path.name], None)
    assert not held()


def test_a_task_that_kills_its_workers_fails_and_a_scheduler_that_is_killed_is_told_in_a_line(tmp_path):
    # After how many killed workers a task is given up is the scheduler's affair: three, or here none.
    with (
        scheduler(tmp_path, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as address,
        workers(tmp_path, address, 1),
    ):
        failures = executors.run({"deadly": (signal.raise_signal, signal.SIGKILL)}, print, cluster=address)
        assert list(failures) == ["deadly"]
        assert failures["deadly"].startswith("KilledWorker: ")

        def kill(*_: object) -> None:
            os.kill(read_once_there(tmp_path / "dask_scheduler.pid"), signal.SIGKILL)

        with pytest.raises(JobFailed, match=f"the scheduler at {address} is gone"):
            executors.run({"quick": (abs, -1), "slow": (time.sleep, 300)}, kill, cluster=address)
