"""Records: what is stored comes back, or it is computed anew; never anything in between."""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentsep.data.benchmarks import Benchmark
from latentsep.data.loops import shrink
from latentsep.models import latent_spaces
from latentsep.models.latent_spaces import Euclidean
from latentsep.runtime import costs, describing, files, records
from latentsep.runtime.records import DamagedRecord, Job, cost_path, describe, fetch, load, locate, save
from latentsep.training.algorithm import fit
from latentsep.training.runs import Member, Run


@dataclass(frozen=True)
class Square:
    size: int = 3
    power: float = 2.0


@dataclass(frozen=True)
class Noted:
    size: int = 3
    note: object = field(default=None, compare=False)


@dataclass(frozen=True)
class Circle:
    """A latent space with the field of ``Euclidean``, and another meaning."""

    dimension: int = 2


calls = []


def compute(definition: Square, checkpoint: Path) -> records.Arrays:
    calls.append(definition)
    return expected(definition)


def compute_otherwise(definition: Square, checkpoint: Path) -> records.Arrays:
    return {"powers": np.zeros(definition.size)}


def expected(definition: Square) -> records.Arrays:
    return {
        "powers": np.arange(definition.size) ** definition.power,
        "layers.0.weight": np.float32([[1.5, np.nan]]),
        "count": np.array(7),
        "none": np.zeros((2, 0), np.float32),
    }


@pytest.fixture(autouse=True)
def forget_calls():
    calls.clear()


def assert_same(one: records.Arrays, other: records.Arrays) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].dtype == other[name].dtype
        np.testing.assert_array_equal(one[name], other[name])


def files_in(folder: Path) -> list[Path]:
    """All files but the locks of what is half-done."""
    return sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and "lock" not in p.name)


def test_a_record_comes_back_as_it_was_computed_and_is_computed_once(records_folder):
    first, second = fetch(Square(), compute), fetch(Square(), compute)
    assert_same(first, expected(Square()))
    assert_same(second, first)
    assert calls == [Square()]
    assert [path.name for path in records_folder.glob("*.*") if path.is_file()] == [locate(Square(), compute).name]
    assert files_in(records_folder) == sorted(
        path.relative_to(records_folder) for path in (cost_path(Square(), compute), locate(Square(), compute))
    )


def test_another_way_to_the_same_arrays_fills_the_same_record():
    assert_same(fetch(Square(), compute, by=compute_otherwise), {"powers": np.zeros(3)})
    assert_same(fetch(Square(), compute), {"powers": np.zeros(3)})
    assert calls == []


def test_the_folder_can_be_chosen(records_folder, monkeypatch):
    assert records.folder() == records_folder
    monkeypatch.delenv("LATENTSEP_RECORDS")
    assert records.folder().name == "records"
    assert "latentsep" in records.folder().parts


def test_the_checkpoint_lies_beside_the_record_and_goes_when_it_is_there():
    def compute(definition, checkpoint):
        assert checkpoint == locate(definition, compute).with_suffix(".checkpoint")
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.write_text("half the work")
        return {"powers": np.zeros(1)}

    fetch(Square(), compute)
    assert not locate(Square(), compute).with_suffix(".checkpoint").exists()


RUN = Run((Member(0.1, 0.1),), Benchmark(6, 10))
IMAGES = np.random.default_rng(0).random((2, 5, 3, 4))
LOOPS = shrink(IMAGES)[0].ordered([[0, 2, 4, 1, 3], range(5)])
PICTURES = Run((Member(1, 0.1),), LOOPS, latent_spaces.Circle(), batch_size=None)
CHANGES = {
    "members": (Member(0.1, 0.1), Member(0.1, 0.1, 1)),
    "data": Benchmark(6, 11),
    "space": Euclidean(3),
    "layers": 3,
    "width": 5,
    "activation": "relu",
    "updates": 7,
    "batch_size": None,
    "samples": 2,
    "learning_rate": 2e-4,
    "seed": 1,
    "cooled": 6,
    "annealing": 0.5,
    "guided": 3,
    "decay": 0.1,
    "clip": 1.0,
    "cosine": True,
}


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Run)])
def test_a_record_is_of_every_field_of_its_definition(name):
    run = PICTURES if name == "guided" else RUN  # which needs data with orders
    assert locate(replace(run, **{name: CHANGES[name]}), fit) != locate(run, fit)


@pytest.mark.parametrize(
    "other",
    [
        replace(RUN, space=Circle(2)),
        replace(RUN, data=Benchmark(7, 10)),
        replace(RUN, data=Benchmark(6, 10, seed=1)),
        replace(RUN, members=(Member(0.1, 1.0),)),
        replace(RUN, members=(Member(1.0, 0.1),)),
        replace(RUN, members=(Member(0.1, 0.1, 1),)),
    ],
)
def test_a_record_is_of_the_types_and_fields_within_its_definition(other):
    assert locate(other, fit) != locate(RUN, fit)


def test_a_record_is_of_its_computation_its_code_and_its_libraries(monkeypatch):
    found = {locate(Square(), compute), locate(Square(), compute_otherwise)}
    monkeypatch.setattr(records, "fingerprint", lambda *_: "other code")
    found.add(locate(Square(), compute))
    monkeypatch.setattr(records.torch, "__version__", "0.0")
    found.add(locate(Square(), compute))
    monkeypatch.setattr(records.platform, "machine", lambda: "abacus")
    found.add(locate(Square(), compute))
    assert len(found) == 5


def test_equal_definitions_share_a_record():
    assert locate(replace(RUN), fit) == locate(RUN, fit)


def test_pictures_are_named_by_their_source_and_not_by_their_points():
    other = replace(LOOPS, points=LOOPS.points.astype(np.float32) + 1, unit=2.0)
    assert other == LOOPS
    assert locate(replace(PICTURES, data=other), fit) == locate(PICTURES, fit)
    assert "points" not in describe(PICTURES, fit)["definition"]["data"]
    changes = {
        "source": "span of other pictures",
        "ambient": 13,
        "orders": (LOOPS.orders[1], LOOPS.orders[0]),
        "noise": 0.1,
        "draws": 7,
        "seed": 1,
    }
    assert set(changes) == set(type(LOOPS).__dataclass_fields__) - {"points", "unit"}
    every = [replace(LOOPS, **{name: value}) for name, value in changes.items()] + [replace(LOOPS, orders=None)]
    assert len({locate(replace(PICTURES, data=data), fit) for data in (LOOPS, *every)}) == 8


def test_pictures_go_through_the_records_and_back():
    run = replace(PICTURES, updates=4, guided=2)
    first = fetch(run, fit)
    again = replace(run, data=shrink(IMAGES.copy())[0].ordered(LOOPS.orders))
    assert_same(fetch(again, fit, by=compute), first)
    assert not calls  # it is on disk


# Damage


def assert_repaired(path: Path, content: bytes, said) -> str:
    """Whatever lies in the place of a record: reported, set aside as it was, computed anew."""
    found = fetch(Square(), compute)
    assert_same(found, expected(Square()))
    (message,) = said()
    assert path.name in message
    assert "set aside as" in message
    assert "computed anew" in message
    assert path.with_suffix(".damaged").read_bytes() == content
    assert_same(load(path, describe(Square(), compute)), found)
    return message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda good: b"", "not a record"),
        (lambda good: b"\x93NUMPY and other strangers\n" + good, "not a record"),
        (lambda good: good[:20], "truncated or altered"),
        (lambda good: good[: len(good) // 2], "truncated or altered"),
        (lambda good: good[:-1], "truncated or altered"),
        (lambda good: good + b"\0", "truncated or altered"),
        (lambda good: good.replace(b"\n", b"\n\n", 1), "truncated or altered"),
    ],
)
def test_a_damaged_file_is_reported_set_aside_and_computed_anew(content, reason, said):
    fetch(Square(), compute)
    path = locate(Square(), compute)
    content = content(path.read_bytes())
    path.write_bytes(content)
    assert reason in assert_repaired(path, content, said)
    assert len(calls) == 2


@given(st.data())
@settings(max_examples=200)
def test_no_single_altered_byte_goes_unnoticed(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "altered.record"
    save(path, expected(Square()), {"what": "a square"})
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(DamagedRecord):
        load(path, {"what": "a square"})


@pytest.mark.parametrize("payload", [b"", b"no archive", b"PK\x03\x04 no archive either", "npy", "npz without words"])
def test_a_file_with_the_right_sum_over_the_wrong_thing_is_damaged(payload, tmp_path, said):
    if payload == "npy":
        np.save(buffer := io.BytesIO(), np.zeros(3))
        payload = buffer.getvalue()
    elif payload == "npz without words":
        np.savez(buffer := io.BytesIO(), powers=np.zeros(3))
        payload = buffer.getvalue()
    path = locate(Square(), compute)
    path.parent.mkdir()
    content = records._MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload
    path.write_bytes(content)
    assert "cannot be read" in assert_repaired(path, content, said)


def test_the_record_of_something_else_is_not_taken_for_this_one(said):
    fetch(Square(4), compute)
    content = locate(Square(4), compute).read_bytes()
    path = locate(Square(), compute)
    path.write_bytes(content)
    assert "another computation" in assert_repaired(path, content, said)


def test_a_record_of_older_code_is_not_taken_for_this_one(monkeypatch):
    with monkeypatch.context() as context:
        context.setattr(records, "fingerprint", lambda *_: "older code")
        fetch(Square(), compute)
    fetch(Square(), compute)
    assert len(calls) == 2


# Interruption


@pytest.mark.parametrize("step", ["replace", "fsync", "fdopen"])
def test_an_interrupted_save_leaves_the_old_file_and_no_other(step, tmp_path, monkeypatch):
    path = tmp_path / "folder" / "x.record"
    save(path, {"a": np.zeros(3)}, {})
    content = path.read_bytes()

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(os, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            save(path, {"a": np.ones(3)}, {})
    assert path.read_bytes() == content
    assert files_in(path.parent) == [Path(path.name)]


def test_an_interrupted_first_save_leaves_nothing(records_folder, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    with monkeypatch.context() as context:
        context.setattr(os, "replace", full)
        with pytest.raises(OSError, match="no space"):
            fetch(Square(), compute)
    assert files_in(records_folder) == []
    assert_same(fetch(Square(), compute), expected(Square()))


def test_an_interrupted_computation_leaves_no_record():
    def compute(definition, checkpoint):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(Square(), compute)
    assert not locate(Square(), compute).exists()


def test_a_file_only_takes_its_name_when_it_is_whole(tmp_path, monkeypatch):
    whole = os.replace

    def watched(source, target):
        load(Path(source), {})
        assert not Path(target).exists()
        whole(source, target)

    monkeypatch.setattr(os, "replace", watched)
    save(tmp_path / "x.record", {"a": np.zeros(3)}, {})
    assert load(tmp_path / "x.record", {})["a"].shape == (3,)


# What a definition is made of


def test_only_code_of_this_package_counts_in_a_definition():
    # ``Square`` and this ``Circle`` are at home in the tests.
    runs = {"latentsep.training.runs.Run", "latentsep.training.runs.Member"}
    assert describing.classes(replace(RUN, space=Circle(2))) == runs | {"latentsep.data.benchmarks.Benchmark"}
    pictures = {"latentsep.data.loops.Loops", "latentsep.models.latent_spaces.Circle"}
    assert describing.classes(PICTURES) == runs | pictures
    plane = {"latentsep.models.latent_spaces.Euclidean"}
    assert describing.classes((Square(), [Euclidean(2), None], "latentsep.data.loops")) == plane


def test_what_does_not_count_in_a_comparison_counts_in_no_name_but_its_code_does():
    assert locate(Noted(note="a"), compute) == locate(Noted(), compute)
    assert locate(Noted(4), compute) != locate(Noted(), compute)
    assert describing.classes(Noted(note=Euclidean(2))) == {"latentsep.models.latent_spaces.Euclidean"}


# Damage that goes on


def test_every_damaged_file_keeps_a_name_of_its_own(said):
    path = locate(Square(), compute)
    for n in range(3):
        fetch(Square(), compute)
        path.write_bytes(b"%d" % n)
    fetch(Square(), compute)
    names = [path.with_suffix(suffix) for suffix in (".damaged", ".2.damaged", ".3.damaged")]
    assert [name.read_bytes() for name in names] == [b"0", b"1", b"2"]
    assert [name.name in message for name, message in zip(names, said(), strict=True)] == [True] * 3


def test_a_folder_in_the_place_of_a_record_is_set_aside(said):
    path = locate(Square(), compute)
    (path / "inside").mkdir(parents=True)
    assert_same(fetch(Square(), compute), expected(Square()))
    assert (path.with_suffix(".damaged") / "inside").is_dir()
    assert "cannot be read" in said()[0]


@pytest.mark.parametrize("computed_anew", [False, True])
def test_a_damaged_record_that_another_process_set_aside_is_no_error(computed_anew, monkeypatch, said):
    fetch(Square(), compute)
    path = locate(Square(), compute)
    good, alone = path.read_bytes(), files.alone
    path.write_bytes(b"")

    @contextlib.contextmanager
    def late(base):
        """While this process waits for its turn, another has it."""
        path.rename(path.with_suffix(".damaged"))
        if computed_anew:
            path.write_bytes(good)
        with alone(base) as folder:
            yield folder

    monkeypatch.setattr(files, "alone", late)
    found = records.find(path, describe(Square(), compute))
    if computed_anew:
        assert_same(found, expected(Square()))
    else:
        assert found is None
    assert said() == []
    assert [p.name for p in path.parent.glob("*.damaged")] == [path.with_suffix(".damaged").name]


# Jobs


def test_a_job_is_done_when_its_record_is_there_and_whole(said):
    job = Job(Square(), compute)
    assert not job.done()
    assert_same(job.fetch(), expected(Square()))
    assert job.done()
    assert job.path == locate(Square(), compute)
    job.path.write_bytes(b"x")
    assert not job.done()
    assert "set aside" in said()[0]


def test_a_job_takes_as_long_as_the_last_time_else_as_long_as_is_guessed():
    parts = tuple(Job(Square(n), compute, guess=float(n)) for n in (4, 5))
    assert Job(Square(), compute, guess=7.0).seconds == 7.0
    assert Job(Square(), compute, parts=parts, guess=2.0).seconds == 9.0
    path = cost_path(Square(), compute)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"seconds": 3.25}))
    assert Job(Square(), compute, guess=7.0).seconds == 3.25
    # What is remembered of the whole is how long its parts took to join.
    assert Job(Square(), compute, parts=parts).seconds == 9.0


def test_the_cost_of_a_job_is_remembered_with_the_code_that_it_was_measured_with(monkeypatch):
    with monkeypatch.context() as context:
        context.setattr(records, "fingerprint", lambda *modules: "older code")
        fetch(Square(), compute)
    cost = Job(Square(), compute).cost
    assert cost.origin == {"code": "older code", "torch": records.torch.__version__}
    assert cost.seconds >= 0
    assert not Job(Square(), compute).done()


def test_costs_are_apart_by_definition_and_computation():
    found = {cost_path(Square(), compute), cost_path(Square(4), compute), cost_path(Square(), compute_otherwise)}
    assert len(found) == 3
    assert cost_path(Noted(note=1), compute) == cost_path(Noted(), compute)


def test_a_computation_that_was_resumed_half_way_leaves_no_cost():
    checkpoint = locate(Square(), compute).with_suffix(".checkpoint")
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("half the work")
    fetch(Square(), compute)
    assert costs.read(cost_path(Square(), compute)) is None
    assert not checkpoint.exists()


def test_a_computation_that_fails_leaves_no_cost(records_folder):
    with pytest.raises(ZeroDivisionError):
        fetch(Square(), fail)
    assert files_in(records_folder) == []


def fail(definition: Square, checkpoint: Path) -> records.Arrays:
    raise ZeroDivisionError


def test_what_a_chapter_computes_outside_of_its_plan_is_said(monkeypatch, said):
    fetch(Square(4), compute)
    monkeypatch.setenv(records.PLANNED, "04-baseline")
    fetch(Square(4), compute)
    assert said() == []
    fetch(Square(), compute)
    assert said() == [f"04-baseline computes {locate(Square(), compute).name}, which its plan does not have"]


def test_everything_is_computed_on_one_thread():
    def threads(definition, checkpoint):
        return {"threads": np.array(records.torch.get_num_threads())}

    records.torch.set_num_threads(2)
    try:
        assert fetch(Square(), threads)["threads"] == 1
        assert records.torch.get_num_threads() == 2
    finally:
        records.torch.set_num_threads(1)
