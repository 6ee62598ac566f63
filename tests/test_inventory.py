"""What the records hold: listed, checked, computed anew and compared, and removed where nothing needs it."""

import functools
import json
import os

import numpy as np
import pytest
import smallbook
import torch

from latentsep.commands import inventory
from latentsep.runtime import records


@pytest.fixture
def call(checkout, monkeypatch, capsys):
    smallbook.install(monkeypatch)
    return functools.partial(smallbook.call, capsys)


def altered(job, change):
    """Keep other arrays, as a whole record, and with the time that it took."""
    arrays = job.fetch()
    records.save(job.path, {n: change(a) for n, a in arrays.items()}, records.describe(job.definition, job.compute))


def forget_machine(job):
    path = records.cost_path(job.definition, job.compute)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"machine": "Abacus, 7 cores"}))


def test_the_list_names_each_record_and_tells_whether_the_book_needs_it(call):
    first, _, sharded = smallbook.compute()
    smallbook.compute("smoke")
    lines = call("list").out.splitlines()
    assert len(lines) == 6
    assert sum(line.endswith("needed") for line in lines) == 3
    line = next(line for line in lines if line.startswith(first.path.name))
    assert " fit " in line
    assert "kB" in line
    took = inventory.seconds(sharded)
    assert took == pytest.approx(sum(part.cost.seconds for part in sharded.parts) + sharded.cost.seconds)
    first.path.write_bytes(b"half")
    out = call("list").out
    assert "damaged" in out
    assert "not known yet: what later stages of 01-small (book) need" in out
    assert first.path.read_bytes() == b"half"


@pytest.mark.parametrize("damage", ["cut", "flipped", "renamed", "silent", "folder"])
def test_verify_finds_every_damage_and_leaves_it_where_it_is(damage, call):
    first, plain, _ = smallbook.compute()
    assert call("verify").code == 0
    content = first.path.read_bytes()
    first.path.unlink()
    if damage == "folder":
        first.path.mkdir()
    elif damage == "silent":
        records.save(first.path, {}, {"definition": "none"})
    else:
        other = {"cut": content[:-1], "flipped": content[:-9] + b"?" + content[-8:], "renamed": plain.path.read_bytes()}
        first.path.write_bytes(other[damage])
    done = call("verify")
    assert done.code == 1
    assert sum(first.path.name in line for line in done.out.splitlines()) == 1
    assert "2 of 3 records are whole" in done.out
    assert first.path.exists()


def test_a_sample_comes_out_bit_for_bit_and_leaves_nothing(call):
    smallbook.compute()
    before = smallbook.kept()
    done = call("verify", "--sample", "9")
    assert done.code == 0
    assert done.out.count("the same bits; compared bit for bit") == 3
    assert smallbook.kept() == before
    assert not list(records.folder().rglob("verify-*"))
    one, same, other = (call("verify", "--sample", "1", "--seed", seed).out for seed in ("0", "0", "1"))
    assert one == same
    assert one != other


def test_a_difference_of_one_bit_is_found_where_the_machine_is_the_same_and_allowed_where_it_is_not(call):
    jobs = smallbook.compute()
    for job in jobs:
        altered(job, lambda a: np.nextafter(a, np.float32(9)) if a.dtype == np.float32 else a)
    done = call("verify", "--sample", "3")
    assert done.code == 1
    assert done.out.count("compared bit for bit; differs") == 3
    for job in jobs:
        forget_machine(job)
    done = call("verify", "--sample", "3")
    assert done.code == 0
    assert done.out.count("compared to 0.01, since it was not made by this kind of processor") == 3
    for job in jobs:
        altered(job, lambda a: a * np.float32(1.1))
    assert call("verify", "--sample", "3").code == 1


@pytest.mark.parametrize(
    ("old", "new", "same", "apart"),
    [
        ({"a": [1.0, -1.0]}, {"a": [1.0, -1.0]}, True, 0.0),
        ({"a": [3.0, 4.0]}, {"a": [3.0, 4.5]}, False, 0.1),
        ({"a": [1.0]}, {"b": [1.0]}, False, np.inf),
        ({"a": [1.0]}, {"a": [1.0, 1.0]}, False, np.inf),
        ({"a": [0.0]}, {"a": [-0.0]}, False, 0.0),
        ({"a": [0.0]}, {"a": [1.0]}, False, np.inf),
        ({"a": [1.0]}, {"a": [np.nan]}, False, np.nan),
        ({"a": [np.nan]}, {"a": [np.nan]}, True, 0.0),
        ({"a": [1.0], "history": [2.0]}, {"a": [9.0], "history": [3.0]}, False, 0.5),
        ({"a": [], "b": [1.0]}, {"a": [], "b": [2.0]}, False, 1.0),
    ],
)
def test_how_far_records_are_apart(old, new, same, apart):
    found = inventory._compared(*({k: np.array(v) for k, v in one.items()} for one in (old, new)))
    assert found == (same, pytest.approx(apart, nan_ok=True))
    assert inventory.Comparison("", False, *found).fits == (apart <= inventory.TOLERANCE)
    assert inventory.Comparison("", True, *found).fits == same


def test_a_record_whose_origin_is_not_remembered_was_made_elsewhere(call):
    first, *_ = smallbook.compute()
    records.cost_path(first.definition, first.compute).unlink()
    assert call("verify", "--sample", "3").out.count("not made by this kind of processor") == 1


def test_prune_removes_what_nothing_needs_and_nothing_else(call, monkeypatch):
    book, smoke = smallbook.compute(), smallbook.compute("smoke")
    thesis = smallbook.compute("thesis")
    needed = {job.path.name for job in (*book, *smoke)}
    folder = records.folder()
    costs = sorted(os.listdir(folder / "costs"))
    aside = ["run-0.damaged", f"{book[0].path.stem}.damaged", "run-1.checkpoint", f"{book[0].path.stem}.checkpoint"]
    for name in aside:
        (folder / name).write_bytes(b"x" * 10)
    (folder / book[2].parts[0].path.name).write_bytes(thesis[0].path.read_bytes())
    gone = {*aside, book[2].parts[0].path.name, *(job.path.name for job in thesis)}
    shown = call("prune", "--dry-run")
    assert needed | gone == set(smallbook.kept())
    assert set(shown.out.splitlines()[:-1]) == gone
    size = sum(len(content) for name, content in smallbook.kept().items() if name in gone)
    assert f"removed {len(gone)} files, {size / 1e3:.1f} kB" in call("prune").out
    assert set(smallbook.kept()) == needed
    assert sorted(os.listdir(folder / "costs")) == costs
    call("prune", "--profile", "book")
    assert set(smallbook.kept()) == {job.path.name for job in book}


def test_prune_keeps_what_later_stages_may_need_and_what_an_interrupted_job_resumes_from(call):
    first, plain, sharded = smallbook.compute()
    stale = records.folder() / "run-0.record"
    stale.write_bytes(b"x")
    first.path.unlink()
    done = call("prune")  # nothing is known of the second stage, but none of the first is there: never begun
    assert set(smallbook.kept()) == set()
    assert "removed 3 files" in done.out

    first, plain, sharded = smallbook.compute()
    sharded.path.unlink()
    plain.path.unlink()
    half = [first.path.with_suffix(".checkpoint"), sharded.parts[0].path.with_suffix(".checkpoint"), stale]
    sharded.parts[1].fetch()
    for path in half:
        path.write_bytes(b"x")
    done = call("prune")
    assert "kept what may belong to later stages of 01-small (book)" in done.out
    assert set(smallbook.kept()) == {first.path.name, half[1].name, sharded.parts[1].path.name, stale.name}


def test_after_a_change_of_code_everything_can_go(call, monkeypatch):
    smallbook.compute()
    monkeypatch.setattr(torch, "__version__", "9.9")
    assert "removed 3 files" in call("prune").out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "command"),
        (["tidy"], "prune"),
        (["list", "--profile", "fast"], "smoke, book, thesis"),
        (["prune", "--profile", "fast"], "smoke, book, thesis"),
        (["verify", "--sample", "0"], "1 or more"),
        (["verify", "--sample", "3"], "build"),
        (["verify", "--sample", "many"], "many"),
        (["export"], "file"),
    ],
)
def test_a_senseless_request_is_one_line_and_exit_2(arguments, named, call):
    done = call(*arguments)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert named in done.err
