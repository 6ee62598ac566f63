"""Records: what is stored comes back, or it is computed anew; never anything in between."""

import hashlib
import io
import os
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import latentsep
from latentsep import latent_spaces, records
from latentsep.datasets import Benchmark
from latentsep.latent_spaces import Euclidean
from latentsep.loops import shrink
from latentsep.records import DamagedRecord, describe, fetch, fingerprint, load, locate, save
from latentsep.runs import Member, Run
from latentsep.training import fit


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


def test_a_record_comes_back_as_it_was_computed_and_is_computed_once(records_folder):
    first, second = fetch(Square(), compute), fetch(Square(), compute)
    assert_same(first, expected(Square()))
    assert_same(second, first)
    assert calls == [Square()]
    assert [path.name for path in records_folder.iterdir()] == [locate(Square(), compute).name]


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
        checkpoint.parent.mkdir(parents=True)
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
}


@pytest.mark.parametrize("name", Run.__dataclass_fields__)
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
    monkeypatch.setattr(records, "fingerprint", lambda module: "other code")
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
        context.setattr(records, "fingerprint", lambda module: "older code")
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
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_first_save_leaves_nothing(records_folder, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    with monkeypatch.context() as context:
        context.setattr(os, "replace", full)
        with pytest.raises(OSError, match="no space"):
            fetch(Square(), compute)
    assert list(records_folder.iterdir()) == []
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


# The fingerprint of the code

TOY = {
    "__init__": "",
    "top": (
        '"""About top."""\nimport toy.third\nfrom toy import side\nfrom toy.deep import f\n\n\n'
        'def g(x):\n    """About g."""\n    return f(x)\n'
    ),
    "side": "class C:\n    # nothing here\n    x = 1\n",
    "deep": "import math\n\n\ndef f(x):\n    from toy.deeper import h\n\n    return h(math.pi)\n",
    "deeper": "def h(x):\n    '''Only words.'''\n",
    "third": "x = 1\n",
    "records": "x = 1\n",
    "progress": "x = 1\n",
    "stranger": "x = 1\n",
}


def modules_from(folder: Path) -> SimpleNamespace:
    """A stand-in for ``importlib`` that finds the modules of a package in a folder."""

    def find_spec(name: str) -> SimpleNamespace | None:
        path = folder.joinpath(*name.split(".")[1:])
        if path.is_dir():
            return SimpleNamespace(origin=path / "__init__.py", submodule_search_locations=[path])
        path = path.with_suffix(".py")
        return SimpleNamespace(origin=path, submodule_search_locations=None) if path.exists() else None

    return SimpleNamespace(util=SimpleNamespace(find_spec=find_spec))


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Call it with new sources for modules of a toy package, for the fingerprint of its module ``top``."""
    folder = tmp_path / "toy"
    folder.mkdir()
    monkeypatch.setattr(records, "__name__", "toy.records")
    monkeypatch.setattr(records, "importlib", modules_from(folder))

    def change(**sources: str) -> str:
        for name, text in {**TOY, **sources}.items():
            (folder / f"{name}.py").write_text(text)
        return fingerprint.__wrapped__("toy.top")

    return change


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("top", "f(x)", "f(x + 1)"),
        ("side", "x = 1", "x = 2"),
        ("side", "class C", "class D"),
        ("third", "x = 1", "x = 2"),
        ("deep", "math.pi", "math.e"),
        ("deeper", "def h(x)", "def h(x, y=1)"),
        ("deeper", "'''Only words.'''", "return 'Only words.'"),
    ],
)
def test_code_counts_wherever_it_is_imported(module, old, new, toy):
    assert old in TOY[module]
    assert toy() != toy(**{module: TOY[module].replace(old, new)})


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("top", "About top", "Something else about top"),
        ("top", '    """About g."""\n', ""),
        ("top", '"""About top."""\n', "# A comment.\n\n\n"),
        ("top", "return f(x)", "return (\n        f(x)  # thus\n    )"),
        ("side", "# nothing here", "# something here"),
        ("deeper", "'''Only words.'''", "pass"),
        ("records", "x = 1", "x = 2"),
        ("progress", "x = 1", "x = 2"),
        ("stranger", "x = 1", "x = 2"),
    ],
)
def test_words_layout_and_strangers_do_not_count(module, old, new, toy):
    assert old in TOY[module]
    assert toy() == toy(**{module: TOY[module].replace(old, new)})


ALWAYS = {"seeds", "datasets", "distributions", "latent_spaces", "networks", "vae", "runs", "training"}


@pytest.mark.parametrize(("run", "also"), [(RUN, set()), (PICTURES, {"loops"})], ids=["benchmark", "pictures"])
def test_a_training_run_depends_on_all_the_code_that_makes_it(run, also, tmp_path, monkeypatch):
    source = Path(latentsep.__file__).parent
    shutil.copytree(source, tmp_path / "latentsep", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(records, "fingerprint", fingerprint.__wrapped__)

    def code() -> str:
        return describe(run, fit)["code"]

    real = code()
    monkeypatch.setattr(records, "importlib", modules_from(tmp_path / "latentsep"))
    before, counted = code(), set()
    assert before == real
    for path in (tmp_path / "latentsep").glob("*.py"):
        text = path.read_text()
        path.write_text(text + "\nchanged = True\n")
        if code() != before:
            counted.add(path.stem)
        path.write_text(text + "\n# changed\n")
        assert code() == before
        path.write_text(text)
    assert counted == ALWAYS | also


def test_only_modules_of_this_package_count_among_those_of_a_definition():
    # ``Square`` and this ``Circle`` are at home in the tests.
    assert records._modules(replace(RUN, space=Circle(2))) == {"latentsep.runs", "latentsep.datasets"}
    assert records._modules(PICTURES) == {"latentsep.runs", "latentsep.loops", "latentsep.latent_spaces"}
    assert records._modules((Square(), [Euclidean(2), None], "latentsep.loops")) == {"latentsep.latent_spaces"}


def test_what_does_not_count_in_a_comparison_counts_in_no_name():
    assert locate(Noted(note=Euclidean(2)), compute) == locate(Noted(), compute)
    assert locate(Noted(4), compute) != locate(Noted(), compute)
    assert records._modules(Noted(note=Euclidean(2))) == set()
