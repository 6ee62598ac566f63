"""Trained ensembles: split over processes or not, from the records or not, they are the same."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from latentsep.data.benchmarks import Benchmark
from latentsep.data.loops import shrink
from latentsep.models.latent_spaces import Circle
from latentsep.runtime import executors, pool, records
from latentsep.training import ensembles
from latentsep.training.algorithm import WORTH_COMPILING, Trainer, fit
from latentsep.training.ensembles import job, shards, train
from latentsep.training.runs import Member, Run

SMALL = Run(
    members=tuple(Member(sigma, sigma_x, r) for sigma in (0.1, 1.0) for sigma_x in (0.1, 1.0) for r in range(2)),
    data=Benchmark(dimension=6, size=50),
    updates=70,
    batch_size=8,
)
#: Pictures that make more than a pipe holds, with both of the starts that the thesis does not have.
STARTED = replace(
    SMALL,
    members=tuple(Member(n, 0.3, r) for n in (1, 2) for r in range(4)),
    data=shrink(np.random.default_rng(0).random((20, 24, 4, 8)))[0].ordered(
        [[*range(0, 24, 2), *range(1, 24, 2)]] * 20
    ),
    space=Circle(),
    batch_size=None,
    learning_rate=1e-3,
    annealing=0.5,
    guided=30,
    cooled=25,
)


@pytest.fixture
def two_shards(monkeypatch):
    """Split even short runs, and let workers train them."""
    # Workers do not see this: they take the runs for what they are, and do not compile.
    monkeypatch.setattr(ensembles, "_COMPILING", 0.0)
    monkeypatch.setattr(ensembles, "_LONGEST", max(map(ensembles._seconds, (SMALL, STARTED))) / 1.5)
    monkeypatch.setattr(ensembles, "_seconds", lambda run: ensembles._LONGEST * len(run.members) * 1.5 / 8)
    monkeypatch.setattr(pool, "WORTH_WORKERS", 0.0)


@pytest.fixture
def a_gpu_for_workers(tmp_path, monkeypatch):
    """Shards are for the CPU: a worker left to choose for itself takes this GPU, and dies of it."""
    (tmp_path / "sitecustomize.py").write_text("import torch\ntorch.cuda.is_available = lambda: True\n")
    path = [str(tmp_path), str(Path(ensembles.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))


def at_work(run: Run) -> float:
    """About how many seconds a run takes on one core when it is compiled."""
    return ensembles._seconds(run) - ensembles._COMPILING


def lasting(run: Run, shards: float) -> Run:
    """The same for as many updates as take that many times as long as a shard may."""
    many = replace(run, updates=10**9)
    return replace(run, updates=round(10**9 * shards * ensembles._LONGEST / at_work(many)))


LONG = lasting(replace(SMALL, batch_size=256), 2.5)


@pytest.mark.parametrize("times", [0.7, 2.5, 30])
@pytest.mark.parametrize("count", [8, 9, 13, 45])
def test_shards_hold_all_members_in_order(count, times):
    members = tuple(Member(0.1, 1.0, r) for r in range(count))
    run = lasting(replace(LONG, members=members, data=Benchmark(25, 50)), times)
    parts = shards(run)
    assert sum((part.members for part in parts), ()) == run.members
    assert {replace(part, members=run.members) for part in parts} == {run}
    (size,) = {len(part.members) for part in parts}  # equal shapes are compiled once
    # No shard is longer than it may be, but for one that has a single member.
    assert size == 1 or at_work(parts[0]) <= ensembles._LONGEST
    # And no fewer would do.
    fewer = [n for n in range(1, len(parts)) if count % n == 0]
    assert all(at_work(replace(run, members=members[: count // n])) > ensembles._LONGEST for n in fewer)


def test_more_of_everything_takes_longer():
    longer = {"updates": 2, "batch_size": 2, "samples": 2}
    base = at_work(LONG)
    for name, factor in longer.items():
        assert at_work(replace(LONG, **{name: factor * getattr(LONG, name)})) > 1.5 * base
    assert at_work(replace(LONG, members=SMALL.members[:4])) < base / 1.5
    assert at_work(replace(LONG, data=Benchmark(60, 50))) > 1.5 * base
    assert at_work(replace(LONG, width=50)) > 1.5 * base


@pytest.mark.parametrize(
    ("updates", "members", "batch_size"),
    [
        (WORTH_COMPILING - 1, 8, 256),
        (WORTH_COMPILING, 1, 10_000),
        (WORTH_COMPILING, 8, 256),
        (WORTH_COMPILING, 7, 256),
        (WORTH_COMPILING, 1, 1024),
        (WORTH_COMPILING, 1, 64),
    ],
)
def test_short_runs_and_single_members_need_no_shards(updates, members, batch_size):
    run = replace(SMALL, updates=updates, members=SMALL.members[:members], batch_size=batch_size)
    assert shards(run) == [run]
    assert job(run, "cpu").parts == ()


def test_one_member_is_never_split():
    run = lasting(replace(LONG, members=SMALL.members[:1]), 100)
    assert at_work(run) > 99 * ensembles._LONGEST
    assert shards(run) == [run]


def test_two_members_with_large_batches_are_a_shard_each():
    run = lasting(replace(SMALL, members=SMALL.members[:2], batch_size=10_000), 1.5)
    assert [part.members for part in shards(run)] == [SMALL.members[:1], SMALL.members[1:2]]


def test_how_a_run_is_split_depends_on_nothing_but_the_run(monkeypatch, float64):
    run, parts = LONG, shards(LONG)
    assert len(parts) == 4
    for cores in (1, 2, 64):
        monkeypatch.setattr(torch, "get_num_threads", lambda cores=cores: cores)
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        monkeypatch.setattr(executors, "cores", lambda cores=cores: cores)
        assert shards(run) == parts
        assert [part.definition for part in job(run, "cpu").parts] == parts


def test_a_job_is_of_its_run_whether_it_has_parts_or_not():
    for run in (SMALL, LONG):
        found = job(run, "cpu")
        assert found.path == records.locate(run, fit)
        assert not found.here
        assert [part.path for part in found.parts] == [records.locate(part.definition, fit) for part in found.parts]
        assert found.seconds == pytest.approx(sum(map(ensembles._seconds, shards(run))))


def test_a_run_on_a_gpu_is_whole_and_stays_here(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    run = LONG
    for device in ("auto", "cuda"):
        found = job(run, device)
        assert found.here
        assert found.parts == ()
        assert found.path == job(run, "cpu").path
    assert not job(run, "cpu").here


def test_a_part_of_an_ensemble_is_its_members():
    trained = train(SMALL, "cpu")
    part = trained.only(dataset=1.0, sigma_x=0.1, repetitions=1)
    index = SMALL.members.index(Member(1.0, 0.1, 0))
    assert part.run.members == (Member(1.0, 0.1, 0),)
    x = SMALL.data.visualisation(5)[0]
    torch.testing.assert_close(part.vae.posterior(x).mean[0], trained.vae.posterior(x).mean[index])
    with pytest.raises(ValueError, match="no member has"):
        trained.only(dataset=7.0)


def test_train_returns_the_weights_and_history_of_fit():
    trained, arrays = train(SMALL, "cpu"), fit(SMALL, device="cpu")
    assert trained.run == SMALL
    np.testing.assert_array_equal(trained.history, arrays.pop("history"))
    for name, value in trained.vae.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), arrays.pop(name))
    assert not arrays
    assert not trained.vae.training
    assert not any(p.requires_grad for p in trained.vae.parameters())


def joined(run: Run) -> dict[str, np.ndarray]:
    """The shards of a run, one after the other, each trained in this process."""
    parts = [fit(part, device="cpu") for part in shards(run)]
    return {name: np.concatenate([arrays[name] for arrays in parts]) for name in parts[0]}


@pytest.mark.usefixtures("a_gpu_for_workers", "fresh_workers", "two_shards")
@pytest.mark.parametrize("run", [SMALL, STARTED], ids=["plain", "guided and annealed"])
def test_training_in_two_processes_is_training_in_one(run, records_folder, monkeypatch, said):
    assert [len(part.members) for part in shards(run)] == [4, 4]
    trained, whole, here = train(run, "cpu"), fit(run, device="cpu"), joined(run)
    np.testing.assert_array_equal(trained.history, here["history"])
    for name, value in trained.vae.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), here[name])
    # The products of fewer members at a time may round otherwise; 70 steps of the rate are 700 times that.
    for name, value in trained.vae.state_dict().items():
        np.testing.assert_allclose(value.numpy(), whole[name], rtol=0, atol=run.learning_rate / 10)
    np.testing.assert_allclose(trained.history, whole["history"], rtol=1e-4)
    # The parts have done their duty.
    assert [path.name for path in records_folder.glob("*.*") if path.is_file()] == [job(run).path.name]
    assert said() == []

    monkeypatch.setattr(pool, "_together", None)
    monkeypatch.setattr(Trainer, "block", None)
    np.testing.assert_array_equal(train(run, "cpu").history, trained.history)


@pytest.mark.usefixtures("two_shards")
def test_several_runs_share_the_workers_and_are_each_what_they_are_alone(records_folder, monkeypatch):
    runs = {"one": SMALL, "other": replace(SMALL, seed=1), "short": replace(SMALL, updates=5)}
    asked, run_all = [], executors.run
    monkeypatch.setattr(executors, "run", lambda tasks, *a, **k: asked.append(sorted(tasks)) or run_all(tasks, *a, **k))
    found = ensembles.train_all(runs, "cpu")
    assert asked == [sorted(part.path.name for run in runs.values() for part in job(run).parts)]
    assert {name: trained.run for name, trained in found.items()} == runs
    shutil.rmtree(records_folder)
    for name, run in runs.items():
        np.testing.assert_array_equal(train(run, "cpu").history, found[name].history)
    asked.clear()
    ensembles.train_all(runs, "cpu")
    assert not asked


def test_a_record_is_the_same_bytes_whether_a_worker_or_this_process_made_it(records_folder, monkeypatch):
    compiled = replace(SMALL, members=SMALL.members[:2], updates=WORTH_COMPILING)
    runs = {"plain": SMALL, "started": STARTED, "compiled": compiled}
    ensembles.train_all(runs, "cpu")
    here = {name: job(run).path.read_bytes() for name, run in runs.items()}
    shutil.rmtree(records_folder)
    monkeypatch.setattr(pool, "WORTH_WORKERS", 0.0)
    monkeypatch.setattr(Trainer, "block", None)  # not here
    ensembles.train_all(runs, "cpu")
    assert {name: job(run).path.read_bytes() for name, run in runs.items()} == here


@pytest.mark.usefixtures("two_shards")
def test_what_a_long_run_takes_is_what_its_parts_took():
    trained = job(SMALL, "cpu")
    pool.carry_out([trained])
    assert all(part.cost is not None for part in trained.parts)
    assert trained.seconds == pytest.approx(sum(part.cost.seconds for part in trained.parts), abs=1e-9)


def test_trained_once_is_trained_for_good(monkeypatch):
    first = train(SMALL, "cpu")
    monkeypatch.setattr(Trainer, "block", None)
    second = train(SMALL, "cpu")
    np.testing.assert_array_equal(first.history, second.history)
    for one, other in zip(first.vae.parameters(), second.vae.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_folder_that_cannot_be_written_fails_the_training(records_folder):
    records_folder.write_text("a file where the folder should be")
    with pytest.raises(OSError, match=r"Exists|directory"):
        train(SMALL, "cpu")


@pytest.mark.usefixtures("two_shards")
def test_a_failing_worker_fails_the_training_with_its_reason(monkeypatch):
    # The dataset is drawn when training begins, in the worker.
    run = replace(SMALL, data=Benchmark(6, 0))
    with pytest.raises(executors.JobFailed, match=r"^\w*Error: [^\n]*$"):
        train(run, "cpu")


def test_an_unusable_device_is_refused():
    with pytest.raises(ValueError, match="device is 'abacus'"):
        train(SMALL, "abacus")
