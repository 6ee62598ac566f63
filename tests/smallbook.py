"""A book of one chapter whose programme trains three tiny ensembles, in two stages; one of them in shards."""

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

from latentsep.book import programme
from latentsep.commands import cli
from latentsep.data.benchmarks import Benchmark
from latentsep.runtime import pool, records
from latentsep.runtime.records import Job
from latentsep.training import ensembles
from latentsep.training.runs import Member, Run

SEEDS = {"smoke": 1, "book": 2, "thesis": 3}
_RUN = Run((Member(0.1, 0.1),), Benchmark(6, 10), updates=3, batch_size=8)


def stages(profile: str, **_: object) -> programme.Stages:
    first = replace(_RUN, seed=SEEDS[profile])
    yield [ensembles.job(first, "cpu")]
    assert ensembles.job(first, "cpu").done(), "the second stage was asked for before the first was there"
    two = (Member(0.1, 0.1, 1), Member(1.0, 0.1))
    yield [ensembles.job(replace(first, **change), "cpu") for change in ({"updates": 4}, {"members": two})]


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the chapter of the fixture ``checkout`` be this one."""
    monkeypatch.setattr(programme, "CHAPTERS", {"01-small": stages})
    monkeypatch.setattr(ensembles, "_COMPILING", 0.0)
    monkeypatch.setattr(ensembles, "_LONGEST", 1e-9)  # a shard for each member


def compute(profile: str = "book") -> list[Job]:
    """Fill the records with all that the book asks for: the first stage, the plain one and the sharded one."""
    done = []
    for stage in stages(profile):
        pool.carry_out(stage)
        done += stage
    assert [len(job.parts) for job in done] == [0, 0, 2]
    return done


def kept() -> dict[str, bytes]:
    """The files of the records folder, costs and what is half-done aside."""
    return {p.name: p.read_bytes() for p in records.folder().glob("*") if p.is_file()}


def call(capsys: pytest.CaptureFixture, *arguments: str | Path) -> argparse.Namespace:
    """``latentsep records ...``: its exit code and what it said."""
    code = cli.main(["records", *map(str, arguments)])
    said = capsys.readouterr()
    return argparse.Namespace(code=code, out=said.out, err=said.err)
