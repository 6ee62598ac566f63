"""Trained ensembles: split over processes or not, from the records or not, they are the same."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from latentsep import ensembles, progress, records
from latentsep.datasets import Benchmark
from latentsep.ensembles import shards, train
from latentsep.latent_spaces import Circle
from latentsep.loops import shrink
from latentsep.runs import Member, Run
from latentsep.training import WORTH_COMPILING, Trainer, fit

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
def two_processes(monkeypatch, tmp_path):
    """Split even short runs. The workers, which do not see this, take them for what they are and do not compile."""
    monkeypatch.setattr(ensembles, "WORTH_COMPILING", 10)
    monkeypatch.setattr(ensembles, "_FEWEST", 32)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    # Shards are for the CPU: a worker left to choose for itself takes this GPU, and dies of it.
    (tmp_path / "sitecustomize.py").write_text("import torch\ntorch.cuda.is_available = lambda: True\n")
    path = [str(tmp_path), str(Path(ensembles.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))


@pytest.mark.parametrize("threads", [2, 3, 4, 16])
@pytest.mark.parametrize("count", [8, 9, 13, 45])
def test_shards_hold_all_members_in_order(count, threads, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    members = tuple(Member(0.1, 1.0, r) for r in range(count))
    run = replace(SMALL, members=members, updates=WORTH_COMPILING, batch_size=256)
    parts = shards(run)
    assert sum((part.members for part in parts), ()) == run.members
    assert 2 <= len(parts) <= threads
    sizes = [len(part.members) for part in parts]
    assert min(sizes) * 256 >= 1024 - 256  # a process is given work for about a thousand datapoints
    assert max(sizes) - min(sizes) <= 1
    assert {replace(part, members=run.members) for part in parts} == {run}


@pytest.mark.parametrize(
    ("updates", "members", "batch_size", "threads"),
    [
        (WORTH_COMPILING - 1, 8, 256, 2),
        (WORTH_COMPILING, 1, 10_000, 2),
        (WORTH_COMPILING, 8, 256, 1),
    ],
)
def test_short_runs_large_batches_and_single_cores_need_no_process(updates, members, batch_size, threads, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    run = replace(SMALL, updates=updates, members=SMALL.members[:members], batch_size=batch_size)
    assert shards(run) == []


@pytest.mark.parametrize(("members", "batch_size"), [(7, 256), (1, 1024), (1, 64)])
def test_small_runs_stay_whole(members, batch_size, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    run = replace(SMALL, updates=WORTH_COMPILING, members=SMALL.members[:members], batch_size=batch_size)
    assert shards(run) == [run]


def test_two_members_with_large_batches_take_a_process_each(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    run = replace(SMALL, updates=WORTH_COMPILING, members=SMALL.members[:2], batch_size=10_000)
    assert [part.members for part in shards(run)] == [SMALL.members[:1], SMALL.members[1:2]]


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


@pytest.mark.parametrize("run", [SMALL, STARTED], ids=["plain", "guided and annealed"])
def test_training_in_two_processes_is_training_in_one(run, two_processes, records_folder, monkeypatch, tmp_path):
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "progress"))
    assert [len(part.members) for part in shards(run)] == [4, 4]
    trained, whole = train(run, "cpu"), fit(run, device="cpu")
    # The products of fewer members at a time may round otherwise; 70 steps of the rate are 700 times that.
    for name, value in trained.vae.state_dict().items():
        np.testing.assert_allclose(value.numpy(), whole[name], rtol=0, atol=run.learning_rate / 10)
    np.testing.assert_allclose(trained.history, whole["history"], rtol=1e-4)
    # One shard stands for all in what the person waiting sees.
    assert (tmp_path / "progress").read_text().count(
        '{"label": "updates", "done": 70, "total": 70}'
    ) == 2  # with ``fit``
    for part in shards(run):
        assert records.locate(part, fit).exists()
    assert all(path.suffix == ".record" for path in records_folder.iterdir())

    monkeypatch.setattr(ensembles, "_train_in_processes", None)
    monkeypatch.setattr(Trainer, "block", None)
    np.testing.assert_array_equal(train(run, "cpu").history, trained.history)


def test_several_runs_share_the_processes_and_are_each_what_they_are_alone(two_processes, records_folder, monkeypatch):
    runs = {"one": SMALL, "other": replace(SMALL, seed=1), "short": replace(SMALL, updates=5)}
    started, start = [], subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(start(*a, **k)) or started[-1])
    found = ensembles.train_all(runs, "cpu")
    assert len(started) == 2
    assert all(worker.poll() is not None for worker in started)
    assert {name: trained.run for name, trained in found.items()} == runs
    for path in records_folder.iterdir():
        path.unlink()
    for name, run in runs.items():
        np.testing.assert_array_equal(train(run, "cpu").history, found[name].history)
    started.clear()
    ensembles.train_all(runs, "cpu")
    assert not started


def test_trained_once_is_trained_for_good(monkeypatch):
    first = train(SMALL, "cpu")
    monkeypatch.setattr(Trainer, "block", None)
    second = train(SMALL, "cpu")
    np.testing.assert_array_equal(first.history, second.history)
    for one, other in zip(first.vae.parameters(), second.vae.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_failing_worker_fails_the_training(two_processes, records_folder):
    records_folder.write_text("a file where the folder should be")
    with pytest.raises(RuntimeError, match=r"a training process failed: .*(Exists|Directory)"):
        train(SMALL, "cpu")


def test_an_unusable_device_is_refused():
    with pytest.raises(ValueError, match="device is 'abacus'"):
        train(SMALL, "abacus")


def test_a_worker_that_dies_before_it_reads_fails_the_training_with_its_reason(two_processes, tmp_path, monkeypatch):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('no torch here')")
    (tmp_path / "sitecustomize.py").unlink()
    with pytest.raises(RuntimeError, match=r"^a training process failed: ImportError: no torch here$"):
        train(STARTED, "cpu")
