"""What computations took: remembered if it is known, and never a reason to stop."""

import json
import time

import pytest

from latentsep.runtime import costs
from latentsep.runtime.costs import Cost, measured, note, read


@pytest.fixture
def path(tmp_path):
    return tmp_path / "costs" / "x.json"


@pytest.fixture
def clock(monkeypatch):
    """Call it to let time pass."""
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def let_pass(seconds: float) -> None:
        now[0] += seconds

    return let_pass


ORIGIN = {"code": "abc", "torch": "2"}


def test_what_a_block_took_is_remembered_with_what_was_noted(path, tmp_path, clock):
    with measured(path, tmp_path, ORIGIN):
        clock(2.5)
        note(rate=40.0)
        note(compiling=1.5)
    assert read(path) == Cost(2.5, compiling=1.5, rate=40.0, machine=costs._machine(), origin=ORIGIN)


def test_without_notes_there_is_neither_a_rate_nor_compiling(path, tmp_path, clock):
    with measured(path, tmp_path, ORIGIN):
        clock(1)
    assert (read(path).rate, read(path).compiling) == (0.0, 0.0)


def test_the_last_time_counts(path, tmp_path, clock):
    for seconds in (3, 2):
        with measured(path, tmp_path, ORIGIN):
            clock(seconds)
    assert read(path).seconds == 2


def test_a_block_that_fails_or_was_begun_before_leaves_what_was_remembered(path, tmp_path, clock):
    with measured(path, tmp_path, ORIGIN):
        clock(3)
    with pytest.raises(KeyError), measured(path, tmp_path, ORIGIN):
        {}["not there"]
    with measured(path, tmp_path, ORIGIN, partial=True):
        clock(1)
    assert read(path).seconds == 3


def test_a_note_belongs_to_the_innermost_block(path, tmp_path, clock):
    inner = path.with_name("inner.json")
    with measured(path, tmp_path, ORIGIN):
        note(rate=1.0)
        with measured(inner, tmp_path, ORIGIN):
            clock(1)
            note(rate=2.0)
        clock(1)
    assert (read(path).seconds, read(path).rate) == (2, 1.0)
    assert (read(inner).seconds, read(inner).rate) == (1, 2.0)


def test_a_note_outside_of_any_block_is_dropped(path, tmp_path, clock):
    note(rate=7.0)
    with measured(path, tmp_path, ORIGIN):
        pass
    assert read(path).rate == 0.0


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"3", b"null", b"{}", b'{"seconds": 1, "colour": 2}', b"\xff\xfe", b'{"compiling": 1}'],
)
def test_what_cannot_be_read_is_no_cost(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    assert read(path) is None


def test_what_is_not_there_or_no_file_is_no_cost(path):
    assert read(path) is None
    path.mkdir(parents=True)
    assert read(path) is None


def test_an_older_cost_with_fewer_words_is_one(path):
    path.parent.mkdir()
    path.write_text(json.dumps({"seconds": 4.5}))
    assert read(path) == Cost(4.5)


def test_the_machine_is_named_with_its_cores():
    assert costs._machine().endswith(" cores")
    assert costs._machine()[0] != ","
