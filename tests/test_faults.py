"""What can go wrong on a disk and between processes: told in a line, and never half a result."""

import contextlib
import errno
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from latentsep.book import programme
from latentsep.commands import cli
from latentsep.data.benchmarks import Benchmark
from latentsep.runtime import pool, records
from latentsep.runtime.records import Job, describe, fetch, locate, save
from latentsep.training import ensembles
from latentsep.training.algorithm import BLOCK, Trainer, fit
from latentsep.training.runs import Member, Run

RUN = Run(members=(Member(0.1, 0.1),), data=Benchmark(6, 20), updates=60, batch_size=8)
NOBODY = 65534  # the user who owns nothing, on any Unix

forking = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="torch survives a fork on Linux only")


@dataclass(frozen=True)
class Square:
    size: int = 3


calls: list[Square] = []


def compute(definition: Square, checkpoint: Path) -> records.Arrays:
    calls.append(definition)
    return {"squares": np.arange(definition.size) ** 2}


@pytest.fixture(autouse=True)
def forget_calls():
    calls.clear()


@pytest.fixture
def whole(tmp_path) -> bytes:
    """What the record of a square has to hold."""
    path = tmp_path / "whole.record"
    save(path, {"squares": np.arange(3) ** 2}, describe(Square(), compute))
    return path.read_bytes()


def things(folder: Path) -> list[str]:
    """What is in a records folder beside the costs, and all that is half-done."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return sorted(name for name in names if not name.startswith("costs/") and not name.endswith("lock"))


# Something else in the place of a record


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def exchange(path: Path) -> None:
    """Put the record of something else there."""
    fetch(Square(7), compute)
    os.rename(locate(Square(7), compute), path)


def furnish(path: Path) -> None:
    """Put a folder there, with something in it."""
    path.unlink()
    path.mkdir()
    (path / "thing").write_text("of value")


DAMAGE = {
    truncate: "is truncated or altered",
    empty: "is not a record",
    exchange: "holds another computation",
    furnish: "cannot be read (Is a directory)",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_pool_repairs_what_it_finds_damaged_and_leaves_the_rest(damage, whole, said):
    jobs = [Job(Square(size), compute) for size in (2, 3, 4)]
    pool.carry_out(jobs)
    path = jobs[1].path
    damage(path)
    calls.clear()
    assert pool.carry_out(jobs) == [jobs[1]]
    assert calls == [Square(3)]
    aside = path.with_suffix(".damaged")
    assert said() == [f"{path.name} {DAMAGE[damage]}; set aside as {aside.name} and computed anew"]
    assert path.read_bytes() == whole
    assert aside.exists()
    assert pool.carry_out(jobs) == []


def test_a_folder_in_the_place_of_a_record_is_set_aside_with_all_that_is_in_it(whole):
    path = locate(Square(), compute)
    fetch(Square(), compute)
    for number in ("", ".2", ".3"):
        furnish(path)
        fetch(Square(), compute)
        assert path.read_bytes() == whole
        assert (path.with_suffix(f"{number}.damaged") / "thing").read_text() == "of value"


@pytest.fixture
def without_power(monkeypatch) -> Iterator[Path]:
    """An empty records folder of a user who may not read everything, as root may; the test is that user."""
    is_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:  # that of pytest is closed to all others
        monkeypatch.setenv("LATENTSEP_RECORDS", name)
        locate(Square(), compute)  # the code, and what it needs, has to be read before
        if is_root:
            os.chown(name, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            os.chmod(name, 0o700)
            if is_root:
                os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="there are no such permissions on this system")
def test_a_record_that_may_not_be_read_is_set_aside_and_computed_anew(whole, without_power, monkeypatch):
    messages = []
    monkeypatch.setattr(records.progress, "say", messages.append)
    fetch(Square(), compute)
    path = locate(Square(), compute)
    path.chmod(0)
    fetch(Square(), compute)
    aside = path.with_suffix(".damaged")
    assert messages == [f"{path.name} cannot be read (Permission denied); set aside as {aside.name} and computed anew"]
    assert path.read_bytes() == whole
    aside.chmod(0o600)
    assert aside.read_bytes() == whole


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="there are no such permissions on this system")
def test_a_folder_that_may_not_be_written_is_an_error_and_what_it_holds_is_as_it_was(without_power):
    fetch(Square(), compute)
    before = things(without_power)
    without_power.chmod(0o500)
    assert fetch(Square(), compute)["squares"].tolist() == [0, 1, 4]  # reading is enough for this
    locate(Square(), compute).chmod(0)
    for size in (3, 4):
        with pytest.raises(PermissionError):
            fetch(Square(size), compute)
    assert things(without_power) == before


# A disk that is full


@pytest.fixture
def command(checkout, monkeypatch) -> Callable[..., int]:
    """A command line whose one chapter wants the given jobs."""

    def run(*jobs: Job) -> int:
        monkeypatch.setitem(programme.CHAPTERS, "01-small", lambda **_: iter([list(jobs)]))
        return cli.main(["run", "1"])

    return run


@pytest.fixture
def small_disk(tmp_path, monkeypatch) -> Iterator[Path]:
    """A file system of its own with very little space, and the records there."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", folder]
    try:
        done = subprocess.run([*map(str, mount)], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount on this system")
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here ({done.stderr.strip()})")
    monkeypatch.setenv("LATENTSEP_RECORDS", str(folder / "records"))
    try:
        yield folder
    finally:
        # Workers may still hold a lock there; what is unmounted so is gone when they are.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Leave no space on a disk."""
    path = disk / "filler"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    return path


def full(capfd) -> bool:
    """Whether all that was said is, in one line, that a disk is full."""
    (line,) = capfd.readouterr().err.splitlines()
    return line.startswith("latentsep: ") and os.strerror(errno.ENOSPC) in line


def test_a_full_disk_is_told_in_a_line_and_leaves_nothing_half_written(small_disk, command, capfd):
    job = ensembles.job(RUN, "cpu")
    filler = fill(small_disk)
    assert command(job) == 1
    assert full(capfd)
    assert things(small_disk) == ["filler"]
    assert not job.done()
    filler.unlink()
    pool.carry_out([job])
    assert things(small_disk / "records") == [job.path.name]


@pytest.mark.usefixtures("fresh_workers")
def test_a_full_disk_is_told_in_one_line_though_every_worker_meets_it(small_disk, command, capfd, monkeypatch):
    monkeypatch.setattr(pool, "WORTH_WORKERS", 0)
    jobs = [ensembles.job(replace(RUN, seed=seed), "cpu") for seed in range(3)]
    filler = fill(small_disk)
    assert command(*jobs) == 1
    assert full(capfd)
    filler.unlink()
    assert things(small_disk) == []
    assert pool.carry_out(jobs, workers=2) == jobs
    assert things(small_disk / "records") == sorted(job.path.name for job in jobs)


def test_a_disk_that_is_full_when_all_seems_written_leaves_nothing_either(command, records_folder, capfd, monkeypatch):
    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as context:
        context.setattr(os, "fsync", refuse)
        assert command(Job(Square(), compute)) == 1
    assert full(capfd)
    assert things(records_folder) == []
    assert fetch(Square(), compute)["squares"].tolist() == [0, 1, 4]


# Two processes


class Forked:
    """Processes that are this one, at one moment; in each something else is done from there on."""

    def __init__(self):
        self.context = multiprocessing.get_context("fork")
        self.barrier = self.context.Barrier(2, timeout=100)

    def run(self, *functions: Callable[[], object]) -> None:
        processes = [self.context.Process(target=function) for function in functions]
        for process in processes:
            process.start()
        for process in processes:
            process.join(200)
        assert [process.exitcode for process in processes] == [0] * len(functions)


@forking
def test_of_two_processes_that_miss_a_record_at_once_one_computes_it_and_both_have_it(
    whole, said, records_folder, monkeypatch, tmp_path
):
    forked, find, seen = Forked(), records.find, []

    def both_at_once(*arguments: object) -> records.Arrays | None:
        found = find(*arguments)
        if not seen:
            seen.append(True)
            forked.barrier.wait()  # neither has begun, and both know that it is not there
        return found

    def noted(definition: Square, checkpoint: Path) -> records.Arrays:
        with (tmp_path / "calls").open("a") as file:
            file.write("once\n")
        return {"squares": np.arange(definition.size) ** 2}

    def ask() -> None:
        assert fetch(Square(), compute, by=noted)["squares"].tolist() == [0, 1, 4]

    monkeypatch.setattr(records, "find", both_at_once)
    forked.run(ask, ask)
    assert (tmp_path / "calls").read_text() == "once\n"
    assert locate(Square(), compute).read_bytes() == whole
    assert things(records_folder) == [locate(Square(), compute).name]
    assert said() == []


@forking
def test_two_processes_that_find_the_same_damage_do_not_disturb_each_other(whole, said, records_folder, monkeypatch):
    fetch(Square(), compute)
    path = locate(Square(), compute)
    truncate(path)
    forked, load, seen = Forked(), records.load, []

    def both_at_once(*arguments: object) -> records.Arrays:
        try:
            return load(*arguments)
        except records.DamagedRecord:
            if not seen:
                seen.append(True)
                forked.barrier.wait()  # both have seen it, and neither has done anything about it
            raise

    monkeypatch.setattr(records, "load", both_at_once)
    forked.run(*[lambda: fetch(Square(), compute)] * 2)
    assert path.read_bytes() == whole
    assert things(records_folder) == sorted([path.name, path.with_suffix(".damaged").name])
    assert len(said()) == 1


def test_what_another_process_has_repaired_meanwhile_is_not_set_aside(whole, said, records_folder, monkeypatch):
    fetch(Square(), compute)
    path = locate(Square(), compute)
    truncate(path)
    calls.clear()
    load, seen = records.load, []

    def slow(*arguments: object) -> records.Arrays:
        try:
            return load(*arguments)
        except records.DamagedRecord:
            if not seen:  # between the look and what follows from it, another one does all there is to do
                seen.append(True)
                fetch(Square(), compute)
            raise

    monkeypatch.setattr(records, "load", slow)
    assert fetch(Square(), compute)["squares"].tolist() == [0, 1, 4]
    assert calls == [Square()]
    assert path.read_bytes() == whole
    assert things(records_folder) == sorted([path.name, path.with_suffix(".damaged").name])
    assert len(said()) == 1


class Vanishing(type(Path())):
    """A file that is there when one asks, and then is not."""

    def exists(self) -> bool:
        found = super().exists()
        self.unlink()
        return found


def test_a_checkpoint_that_vanishes_while_it_is_resumed_costs_time_only(tmp_path, said):
    trainer = Trainer(RUN, "cpu")
    trainer.block(BLOCK)
    trainer.save(tmp_path / "checkpoint")
    found, expected = fit(RUN, Vanishing(tmp_path / "checkpoint"), "cpu"), fit(RUN, device="cpu")
    assert not (tmp_path / "checkpoint").exists()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
    assert said() == []
