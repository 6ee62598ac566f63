"""The plan of a build: what is missing, for whom, why, in which order, and that carrying it out leaves nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from latentsep.book import plan, programme
from latentsep.runtime import pool, records
from latentsep.runtime.records import Job


@dataclass(frozen=True)
class Step:
    """Something to compute."""

    name: str
    note: object = field(default=None, compare=False)

    @property
    def summary(self) -> str:
        return f"step {self.name}"


carried_out = []


def compute(definition: Step, checkpoint: Path) -> records.Arrays:
    carried_out.append(definition.name)
    return {"letters": np.frombuffer(definition.name.encode(), np.uint8)}


def step(name: str, guess: float = 1.0) -> Job:
    return Job(Step(name), compute, guess=guess)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    carried_out.clear()
    monkeypatch.setattr(pool, "WORTH_WORKERS", float("inf"))


@pytest.fixture
def chapters(monkeypatch) -> Callable[..., dict[str, dict]]:
    """Call it with the stages of chapters, as names or jobs, or as a function of parameters."""

    def as_jobs(stages: object) -> Callable[..., Iterator[list[Job]]]:
        if callable(stages):
            return stages
        return lambda **_: iter([[s if isinstance(s, Job) else step(s) for s in stage] for stage in stages])

    def make(**stages: object) -> dict[str, dict]:
        monkeypatch.setattr(programme, "CHAPTERS", {name: as_jobs(s) for name, s in stages.items()})
        return {name: {} for name in stages}

    return make


def names(needs: list[plan.Need]) -> list[str]:
    return [need.job.definition.name for need in needs]


def test_a_round_holds_what_is_missing_the_longest_first(chapters):
    values = chapters(one=[[step("a", 2), step("b", 30)]], other=[[step("c", 7)]])
    step("a").fetch()
    (needs,) = [next(plan.rounds(values))]
    assert names(needs) == ["b", "c"]
    assert [need.seconds for need in needs] == [30, 7]


def test_what_several_chapters_need_is_needed_once(chapters):
    needs = next(plan.rounds(chapters(one=[["a", "a"]], other=[["b", "a"]])))
    assert {need.job.definition.name: need.chapters for need in needs} == {"a": ["one", "other"], "b": ["other"]}


def test_a_later_stage_is_asked_for_when_the_one_before_is_there(chapters):
    def stages(**_: object) -> Iterator[list[Job]]:
        yield [step("a")]
        found = bytes(step("a").fetch()["letters"]).decode()
        yield [step(f"after {found}")]

    values = chapters(one=stages, other=[["b"], ["c"]])
    rounds = plan.rounds(values)
    for expected in (["a", "b"], ["after a", "c"]):
        needs = next(rounds)
        assert sorted(names(needs)) == expected
        pool.carry_out([need.job for need in needs])
    assert list(rounds) == []


def test_a_stage_that_is_there_does_not_hold_up_the_next(chapters):
    step("a").fetch()
    assert names(next(plan.rounds(chapters(one=[["a"], [], ["b"]])))) == ["b"]


def test_chapters_are_given_their_parameters_and_may_come_several_times(chapters):
    def stages(count: int, word: str = "a") -> Iterator[list[Job]]:
        yield [step(f"{word}{n}") for n in range(count)]

    chapters(one=stages)
    assert sorted(names(next(plan.rounds({"one": {"count": 2, "word": "b"}})))) == ["b0", "b1"]
    needs = next(plan.rounds([("one", {"count": 1}), ("one", {"count": 2})]))
    assert sorted(names(needs)) == ["a0", "a1"]
    assert all(need.chapters == ["one"] for need in needs)


def test_a_chapter_that_computes_nothing_needs_nothing(chapters):
    values = {**chapters(one=[]), "12-conclusions": {"profile": "smoke"}}
    assert list(plan.rounds(values)) == []
    assert plan.carry_out(values) == []
    assert plan.show(values, 2) == "nothing to compute: the records hold all that the chapters ask for"


def test_a_plan_is_carried_out_once(chapters):
    values = chapters(one=[["a", "b"], ["c"]], other=[["b"], ["d", "c"]])
    done = plan.carry_out(values)
    assert sorted(names(done)) == sorted(carried_out) == ["a", "b", "c", "d"]
    assert plan.carry_out(values) == []
    assert len(carried_out) == 4


def test_how_many_workers_and_which_cluster_is_passed_on(chapters, monkeypatch):
    seen, carry_out = [], pool.carry_out
    monkeypatch.setattr(pool, "carry_out", lambda jobs, *where: seen.append(where) or carry_out(jobs))
    plan.carry_out(chapters(one=[["a"], ["b"]]), workers=3, cluster="tcp://x:1")
    assert seen == [(3, "tcp://x:1")] * 2


# Why


def test_what_was_never_computed_is_new():
    assert plan.Need(step("a")).why == "new"


def test_a_record_that_is_gone_or_damaged_is_said_to_be(said):
    job = step("a")
    job.fetch()
    job.path.unlink()
    assert plan.Need(job).why == "its record is gone or damaged"


def test_a_record_of_other_code_or_another_torch_is_said_to_be(monkeypatch):
    with monkeypatch.context() as context:
        context.setattr(records, "fingerprint", lambda *_: "older code")
        step("a").fetch()
    assert plan.Need(step("a")).why == "its code has changed"
    with monkeypatch.context() as context:
        context.setattr(torch, "__version__", "1.13")
        step("b").fetch()
    assert plan.Need(step("b")).why == "trained with torch 1.13"


def test_a_cost_without_an_origin_explains_nothing():
    path = records.cost_path(Step("a"), compute)
    path.parent.mkdir(parents=True)
    path.write_text('{"seconds": 5}')
    assert plan.Need(step("a")).why == "new"
    assert plan.Need(step("a")).seconds == 5


# What is shown


def test_a_plan_is_a_line_for_each_and_a_sum(chapters):
    jobs = [step("a", 20), step("b", 180), step("c", 40)]
    values = chapters(**{"04-one": [jobs[:2]], "05-other": [jobs[1:]], "06-later": [["d"], ["e"]]})
    *lines, last = plan.show(values, 4).splitlines()
    assert [line.split()[:2] for line in lines] == [["step", name] for name in "bcad"]
    assert [line.split()[2:-1] for line in lines] == [
        ["3", "min", "04,", "05"],
        ["40", "s", "05"],
        ["20", "s", "04"],
        ["1", "s", "06"],
    ]
    assert all(line.endswith(" new") for line in lines)
    # The longest is longer than what four cores share.
    assert last.startswith("4 to compute, 4 min of work, about 3 min on 4 cores")
    assert "about 4 min on 1 cores" in plan.show(values, 1)
    assert carried_out == []


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0 s"), (99, "99 s"), (100, "2 min"), (7200, "120 min")])
def test_times_are_in_seconds_or_minutes(seconds, text):
    assert plan._minutes(seconds) == text
