"""Jobs side by side: each once, the longest first, and whatever becomes of one of them or of a worker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from latentsep.runtime import executors, pool, progress, records
from latentsep.runtime.executors import JobFailed
from latentsep.runtime.pool import carry_out, unique
from latentsep.runtime.records import Job

# What is sent to workers has to be at home in a module that they can import: this one.


@dataclass(frozen=True)
class Task:
    """Something to do, and a folder to leave a trace in."""

    name: str
    folder: str
    count: int = 3


def trace(definition: Task, checkpoint: Path) -> records.Arrays:
    """Leave a line for every time that this is carried out."""
    with open(Path(definition.folder) / definition.name, "a") as file:
        file.write(f"{os.getpid()}\n")
    return {"numbers": np.arange(definition.count)}


def fail(definition: Task, checkpoint: Path) -> records.Arrays:
    raise ValueError(f"{definition.name} is on strike\nand says so at length")


def fail_without_words(definition: Task, checkpoint: Path) -> records.Arrays:
    raise AssertionError


def kill_once(definition: Task, checkpoint: Path) -> records.Arrays:
    """Take the worker along the first time."""
    marker = Path(definition.folder) / f"{definition.name}.killed"
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return trace(definition, checkpoint)


def kill_always(definition: Task, checkpoint: Path) -> records.Arrays:
    with open(Path(definition.folder) / f"{definition.name}.killed", "a") as file:
        file.write(f"{os.getpid()}\n")
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("not reached")


def join(definition: Task, checkpoint: Path) -> records.Arrays:
    """What the parts of ``whole`` found, one after the other."""
    found = [part.fetch()["numbers"] for part in whole(definition).parts]
    return {"numbers": np.concatenate(found)}


def whole(definition: Task) -> Job:
    parts = [Task(f"{definition.name}-{n}", definition.folder, n) for n in (1, 2)]
    return Job(definition, trace, join, tuple(Job(part, trace) for part in parts))


def answer(value: object) -> object:
    return value


def fail_to_answer(value: object) -> object:
    raise KeyError(value)


def wait_and_touch(path: Path, seconds: float) -> str:
    time.sleep(seconds)
    path.touch()
    return path.name


class Unreadable:
    """Cannot be unpickled."""

    def __reduce__(self):
        return fail_to_answer, ("no such thing here",)


@pytest.fixture
def task(tmp_path) -> Callable[..., Task]:
    (tmp_path / "traces").mkdir()
    return lambda name, *more: Task(name, str(tmp_path / "traces"), *more)


@pytest.fixture
def times(tmp_path) -> Callable[[str], int]:
    """How often a task was carried out to its end."""

    def count(name: str) -> int:
        path = tmp_path / "traces" / name
        return len(path.read_text().splitlines()) if path.exists() else 0

    return count


@pytest.fixture
def in_workers(monkeypatch):
    monkeypatch.setattr(pool, "WORTH_WORKERS", 0.0)


@pytest.fixture
def asked(monkeypatch) -> list[list[str]]:
    """The names of tasks in the order in which workers would be given them; nobody works."""
    seen = []
    monkeypatch.setattr(pool, "WORTH_WORKERS", 0.0)
    monkeypatch.setattr(executors, "run", lambda tasks, *_, **__: seen.append(list(tasks)) or {})
    return seen


def worker_of(job: Job) -> int:
    return int((Path(job.definition.folder) / job.definition.name).read_text().split()[-1])


# What is carried out, and in which order


def test_the_longest_job_is_first(task, asked):
    jobs = [Job(task(str(n)), trace, guess=float(n)) for n in (3, 9, 1, 5)]
    assert carry_out(jobs) == jobs
    assert asked == [[jobs[n].path.name for n in (1, 3, 0, 2)]]


def test_what_a_job_took_the_last_time_decides_over_what_was_guessed(task, asked):
    jobs = [Job(task(str(n)), trace, guess=float(n)) for n in (3, 9, 1)]
    path = records.cost_path(jobs[2].definition, trace)
    path.parent.mkdir(parents=True)
    path.write_text('{"seconds": 100}')
    carry_out(jobs)
    assert asked == [[jobs[n].path.name for n in (2, 1, 0)]]


def test_parts_are_in_line_each_by_itself(task, asked):
    jobs = [whole(task("a")), Job(task("long"), trace, guess=5.0)]
    carry_out(jobs)
    assert asked == [[job.path.name for job in (jobs[1], *jobs[0].parts)]]


def test_what_stays_here_is_not_for_workers(task, asked, times):
    jobs = [Job(task("gpu"), trace, here=True, guess=50.0), *(Job(task(n), trace) for n in "ab")]
    carry_out(jobs)
    assert asked == [[job.path.name for job in jobs[1:]]]
    assert worker_of(jobs[0]) == os.getpid()


@pytest.mark.parametrize(("count", "guess"), [(1, 1000.0), (3, 3.0)])
def test_one_job_or_little_work_needs_no_workers(count, guess, task, monkeypatch):
    monkeypatch.setattr(pool, "_together", None)
    jobs = [Job(task(str(n)), trace, guess=guess) for n in range(count)]
    assert carry_out(jobs) == jobs
    assert {worker_of(job) for job in jobs} == {os.getpid()}


def test_nothing_is_done_where_nothing_is_missing(task, times, monkeypatch):
    jobs = [Job(task(name), trace) for name in "ab"]
    assert carry_out(jobs) == jobs
    monkeypatch.setattr(pool, "_together", None)
    assert carry_out(jobs) == carry_out([]) == []
    assert [times(name) for name in "ab"] == [1, 1]


def test_of_equal_jobs_the_first_is_taken(task):
    jobs = [Job(task("a"), trace, guess=1.0), Job(task("b"), trace), Job(task("a"), trace, guess=2.0)]
    assert sorted(unique(jobs), key=jobs.index) == jobs[:2]
    assert unique([]) == []


@pytest.mark.usefixtures("in_workers")
def test_duplicates_are_carried_out_once(task, times):
    jobs = [Job(task(name), trace) for name in "abab"]
    assert carry_out(jobs) == jobs[:2]
    assert [times(name) for name in "ab"] == [1, 1]


def test_a_part_that_is_asked_for_by_itself_stays(task, times):
    job = whole(task("a"))
    carry_out([job, job.parts[0]])
    assert [part.done() for part in job.parts] == [True, False]
    assert times("a-1") == 1


# In workers


@pytest.mark.usefixtures("in_workers")
def test_jobs_are_carried_out_elsewhere_and_kept_here(task, records_folder, said):
    jobs = [Job(task(str(n), n), trace) for n in range(3)]
    carry_out(jobs, workers=2)
    for n, job in enumerate(jobs):
        assert job.path.parent == records_folder
        assert worker_of(job) != os.getpid()
        np.testing.assert_array_equal(job.fetch()["numbers"], range(n))
        assert job.cost is not None
    assert said() == []
    assert records.folder() == records_folder


@pytest.mark.usefixtures("in_workers")
def test_parts_are_joined_and_removed(task, times):
    job = whole(task("a"))
    carry_out([job], workers=2)
    np.testing.assert_array_equal(job.fetch()["numbers"], [0, 0, 1])
    assert {worker_of(part) for part in job.parts}.isdisjoint({os.getpid()})
    assert [part.path.exists() for part in job.parts] == [False, False]
    assert [times(name) for name in ("a", "a-1", "a-2")] == [0, 1, 1]


@pytest.mark.usefixtures("in_workers")
def test_a_part_that_is_there_already_is_not_done_again(task, times):
    job = whole(task("a"))
    job.parts[0].fetch()
    carry_out([job], workers=2)
    assert [times(name) for name in ("a-1", "a-2")] == [1, 1]
    np.testing.assert_array_equal(job.fetch()["numbers"], [0, 0, 1])


@pytest.mark.usefixtures("in_workers")
def test_a_failing_job_lets_the_others_finish_and_is_told_in_a_line(task):
    good = [Job(task(str(n)), trace, guess=0.1) for n in range(3)]
    bad = [Job(task("bad"), fail, guess=9.0), Job(task("worse"), fail_without_words, guess=8.0)]
    with pytest.raises(JobFailed) as caught:
        carry_out([*bad, *good], workers=2)
    assert sorted(str(caught.value).split("; ")) == ["AssertionError", "ValueError: bad is on strike"]
    assert all(job.done() for job in good)
    assert not any(job.done() for job in bad)
    carry_out(good)


@pytest.mark.usefixtures("in_workers")
def test_a_failing_part_lets_the_others_finish_and_keeps_them(task):
    failing = Job(task("bad"), fail)
    job = Job(task("a"), trace, join, (failing, *whole(task("a")).parts))
    with pytest.raises(JobFailed, match=r"^ValueError: bad is on strike$"):
        carry_out([job], workers=2)
    assert [part.done() for part in job.parts] == [False, True, True]
    assert not job.done()


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_job_that_fails_in_this_process_is_told_in_a_line_and_lets_the_others_finish(jobs, task):
    good = [Job(task(str(n)), trace, guess=0.1) for n in range(jobs - 1)]
    with pytest.raises(JobFailed, match=r"^ValueError: bad is on strike$"):
        carry_out([Job(task("bad"), fail, guess=0.5), *good])
    assert all(job.done() for job in good)


@pytest.mark.usefixtures("in_workers")
def test_nothing_half_done_is_left(task, records_folder):
    carry_out([Job(task(name), trace) for name in "ab"], workers=2)
    assert sorted(p.name for p in records_folder.iterdir() if not p.name.startswith("task-")) == [".scratch", "costs"]
    left = [p for p in (records_folder / ".scratch").rglob("*") if p.is_file() and "lock" not in p.name]
    assert left == []


# The bar


def test_the_bar_counts_what_is_finished_and_the_share_of_what_is_under_way(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "_INTERVAL", -1)
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "progress"))
    tally, reached = pool._Tally(100.0), []
    monkeypatch.setattr(tally.bar, "reach", reached.append)
    for event in (
        {"begins": 40.0, "pid": 1},
        {"begins": 60.0, "pid": 2},
        {"label": "updates", "done": 5, "total": 10, "pid": 1},
        {"label": "updates", "done": 1, "total": 3, "pid": 2},
        {"label": "updates", "done": 9, "total": 10, "pid": 3},  # of a worker that was not given anything
        {"ends": True, "pid": 1},
    ):
        tally(event)
    tally.finish(40.0)
    assert reached == [0, 0, 20, 40, 40, 20, 60]


def test_a_bar_without_work_is_no_division_by_zero():
    tally = pool._Tally(0.0)
    tally({"begins": 0.0, "pid": 1})
    tally({"label": "updates", "done": 0, "total": 0, "pid": 1})


# Tasks


def test_every_task_is_handed_over_with_its_name():
    found = {}
    tasks = {"one": (answer, 1), "two": (answer, [2])}
    assert executors.run(tasks, found.__setitem__, workers=2) == {}
    assert found == {"one": 1, "two": [2]}


@pytest.mark.parametrize(("count", "workers"), [(1, None), (1, 2), (3, 1)])
def test_one_task_or_one_worker_is_still_another_process(count, workers):
    found, here = {}, os.getpid()
    assert executors.run({str(n): (os.getpid,) for n in range(count)}, found.__setitem__, workers=workers) == {}
    assert len(found) == count
    assert here not in found.values()


def test_failures_come_back_by_name_and_the_others_are_finished():
    found = {}
    tasks = {"bad": (fail_to_answer, "x"), "good": (answer, 1), "worse": (fail_to_answer, "y")}
    failures = executors.run(tasks, found.__setitem__, workers=2)
    assert failures == {"bad": "KeyError: 'x'", "worse": "KeyError: 'y'"}
    assert found == {"good": 1}


@pytest.mark.usefixtures("fresh_workers")
def test_what_fails_here_ends_the_workers_at_once(tmp_path):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    tasks = {"quick": (answer, 1), "slow": (wait_and_touch, tmp_path / "slow", 30.0)}
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        executors.run(tasks, interrupt, workers=2)
    assert time.monotonic() - started < 30
    assert not (tmp_path / "slow").exists()


# Workers that are killed. In a process apart: a job that is by mistake not in a worker would end the tests.

APART = """
import os, sys
sys.path.insert(0, {tests!r})
from latentsep.runtime import pool
from latentsep.runtime.records import Job
from test_pool import *
pool.WORTH_WORKERS = 0.0
folder = {folder!r}
print("parent", os.getpid(), flush=True)
{code}
"""


def apart(tmp_path: Path, code: str) -> subprocess.CompletedProcess:
    """Run code in a process of its own."""
    source = str(Path(pool.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])}
    (tmp_path / "traces").mkdir(exist_ok=True)
    text = APART.format(tests=str(Path(__file__).parent), folder=str(tmp_path / "traces"), code=code)
    (tmp_path / "apart.py").write_text(text)
    command = [sys.executable, tmp_path / "apart.py"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("others", [0, 3])
def test_a_job_that_takes_its_worker_along_once_is_done_in_the_end(others, tmp_path, task, times):
    done = apart(
        tmp_path,
        f"jobs = [Job(Task('killer', folder), kill_once, guess=9.0)]\n"
        f"jobs += [Job(Task(str(n), folder), trace) for n in range({others})]\n"
        f"jobs += [Job(Task('second', folder), kill_once)]\n"
        "pool.carry_out(jobs, workers=2)\n"
        "print([job.done() for job in jobs])\n",
    )
    assert done.returncode == 0, done.stderr
    parent, found = done.stdout.splitlines()
    assert found == str([True] * (2 + others))
    assert "a worker was killed; what it did not finish begins anew" in done.stderr
    assert times("killer") == times("second") == 1
    for path in (tmp_path / "traces").glob("*.killed"):
        assert worker_of(Job(task(path.stem), kill_once)) != int(parent.split()[1])


def test_workers_that_are_killed_again_and_again_are_given_up(tmp_path, times):
    done = apart(
        tmp_path,
        "jobs = [Job(Task(name, folder), kill_always) for name in ('one', 'other')]\n"
        "try:\n    pool.carry_out(jobs, workers=2)\nexcept executors.JobFailed as error:\n    print(error)\n",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == ["workers are killed again and again, perhaps for lack of memory"]
    parent = done.stdout.split()[1]
    victims = "".join(path.read_text() for path in (tmp_path / "traces").glob("*.killed")).split()
    assert parent not in victims
    assert len(victims) <= 2 * executors._PATIENCE


def test_what_was_finished_before_the_giving_up_is_kept(tmp_path):
    done = apart(
        tmp_path,
        "jobs = [Job(Task('good', folder), trace, guess=9.0), Job(Task('bad', folder), kill_always)]\n"
        "try:\n    pool.carry_out(jobs, workers=2)\nexcept executors.JobFailed as error:\n    print('failed')\n"
        "print([job.done() for job in jobs])\n",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == ["failed", "[True, False]"]


def test_workers_end_with_the_process_that_started_them(tmp_path, times):
    started = tmp_path / "traces" / "started"
    done = apart(
        tmp_path,
        "jobs = [Job(Task(name, folder), sleep_long) for name in ('one', 'other')]\n"
        "import threading, time\n"
        "def end():\n"
        "    while len(list(Path(folder).glob('*.pid'))) < 2: time.sleep(0.05)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "threading.Thread(target=end).start()\n"
        "pool.carry_out(jobs, workers=2)\n",
    )
    assert done.returncode == -signal.SIGKILL
    assert not started.exists()
    workers = [int(path.read_text()) for path in (tmp_path / "traces").glob("*.pid")]
    assert len(workers) == 2
    for _ in range(200):
        if not any(map(alive, workers)):
            break
        time.sleep(0.05)
    assert not any(map(alive, workers))


def sleep_long(definition: Task, checkpoint: Path) -> records.Arrays:
    part = Path(definition.folder) / f"{definition.name}.part"
    part.write_text(str(os.getpid()))
    part.rename(part.with_suffix(".pid"))
    time.sleep(300)
    return {"numbers": np.zeros(1)}


def alive(pid: int) -> bool:
    """Whether a process runs; one that is gone and not yet buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_task_that_no_worker_can_read_fails(tmp_path):
    done = apart(
        tmp_path,
        "try:\n    executors.run({'a': (answer, Unreadable()), 'b': (answer, 1)}, print, workers=2)\n"
        "except executors.JobFailed as error:\n    print('failed')\n",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "failed"


# What a worker on another machine sends


def test_what_a_worker_sends_is_kept_if_it_is_what_was_asked_for(task, records_folder):
    job = Job(task("a"), trace)
    job.fetch()
    record, cost = job.path.read_bytes(), records.cost_path(job.definition, trace).read_bytes()
    for content, measured in ((record, cost), (record, None)):
        for path in (job.path, records.cost_path(job.definition, trace)):
            path.unlink(missing_ok=True)
        pool._keep(job, job.path.name, content, measured)
        assert job.done()
        assert (job.cost is not None) == (measured is not None)


def test_what_a_worker_with_other_code_sends_is_refused(task):
    job = Job(task("a"), trace)
    with pytest.raises(JobFailed, match="it has other code or another torch"):
        pool._keep(job, "task-0123.record", b"", None)
    with pytest.raises(records.DamagedRecord):
        pool._keep(job, job.path.name, b"half a rec", None)
    assert not job.path.exists()
