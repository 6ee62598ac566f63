"""The witness tells what a chapter reads, and not what is read on the way to a missing record."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from latentsep.runtime import pool, records, witness
from latentsep.runtime.records import Job


@dataclass(frozen=True)
class Root:
    size: int
    seed: int = 7
    summary = "a root"


@dataclass(frozen=True)
class Sum:
    root: Root


def root(definition: Root, checkpoint: Path) -> records.Arrays:
    return {"root": np.sqrt([definition.size])}


def total(definition: Sum, checkpoint: Path) -> records.Arrays:
    return {"sum": 1 + records.fetch(definition.root, root)["root"]}


def joined(definition: Sum, checkpoint: Path) -> records.Arrays:
    return {"sum": np.array([2.0])}


@pytest.fixture
def drain(tmp_path, monkeypatch) -> witness.Drain:
    monkeypatch.setenv(witness.VARIABLE, str(tmp_path / "read"))
    return witness.Drain(tmp_path / "read")


def test_each_record_is_told_once_with_what_it_is(drain):
    assert drain.drained() == []
    for size in (4, 9, 4):
        records.fetch(Root(size), root)
    told = drain.drained()
    names = {records.locate(Root(size), root).stem for size in (4, 9)}
    assert [each["name"] for each in told] == sorted(names)
    assert {(each["type"], each["summary"], *each["seeds"]) for each in told} == {("Root", "a root", 7)}
    assert told[0]["code"] == records.describe(Root(4), root)["code"]
    files = {path.stem: path.read_bytes() for path in records.folder().glob("*.record")}
    assert all(each["sha256"] == hashlib.sha256(files[each["name"]]).hexdigest() for each in told)
    assert drain.drained() == []
    records.fetch(Root(16), root)
    assert [each["name"] for each in drain.drained()] == [records.locate(Root(16), root).stem]


def test_what_is_read_to_compute_another_record_does_not_count(drain):
    records.fetch(Sum(Root(4)), total)
    missing = drain.drained()
    records.fetch(Sum(Root(4)), total)
    assert missing == drain.drained()
    assert [each["type"] for each in missing] == ["Sum"]
    assert missing[0]["seeds"] == [7]  # of the definition inside


def test_what_is_carried_out_is_not_yet_read(drain):
    pool.carry_out([Job(Root(size), root) for size in (4, 9)])
    assert drain.drained() == []
    assert Job(Root(4), root).done()


def test_a_record_of_parts_names_their_costs(drain):
    part = Job(Root(4), root)
    Job(Sum(Root(4)), joined, parts=(part,)).fetch()
    (told,) = drain.drained()
    assert told["costs"] == [
        records.cost_path(Sum(Root(4)), joined).name,
        records.cost_path(Root(4), root).name,
    ]


def test_nobody_is_told_where_nobody_asks(tmp_path, monkeypatch):
    monkeypatch.delenv(witness.VARIABLE, raising=False)
    records.fetch(Root(4), root)
    assert not (tmp_path / "read").exists()
