"""The programme: every chapter that has something computed is in it, with all its parameters.

That its stages are complete is seen where the chapters are executed, in test_notebooks.
"""

import inspect
import re

import pytest

from latentsep.book import chapters, programme
from latentsep.book.build import book_values
from latentsep.runtime import fingerprints, records
from latentsep.runtime.records import Job
from latentsep.training import ensembles
from latentsep.training.protocols import PROFILES

ASKS = re.compile(r"\bensembles\.train|\breduction\.train\b|\bseriation\.orders\b|\btrain\(")
NOTEBOOKS = {name: chapter for name, chapter in chapters.listed().items() if chapter.is_notebook}


def code(chapter: chapters.Chapter) -> str:
    return "\n".join(c["source"] for c in chapter.notebook()["cells"] if c["cell_type"] == "code")


def finds_by_training(chapter: chapters.Chapter) -> bool:
    """Whether what it calls in the room of findings trains something."""
    reached = fingerprints.reached(code(chapter))
    return any(ASKS.search(text) for (module, _), text in reached.items() if module.startswith("latentsep.findings"))


def first_stage(name: str, profile: str, **changes: object) -> list[Job]:
    return next(programme.stages(name, {**book_values(NOTEBOOKS[name], profile), **changes}))


def test_every_chapter_that_trains_is_in_the_programme_and_no_other():
    asking = {name for name, chapter in NOTEBOOKS.items() if ASKS.search(code(chapter)) or finds_by_training(chapter)}
    assert set(programme.CHAPTERS) == asking


@pytest.mark.parametrize("name", programme.CHAPTERS)
def test_the_programme_of_a_chapter_takes_its_parameters(name):
    parameters = inspect.signature(programme.CHAPTERS[name]).parameters
    known = NOTEBOOKS[name].parameters
    fixed = {p for p, kind in parameters.items() if kind.kind is not inspect.Parameter.VAR_KEYWORD}
    assert fixed <= set(known)
    assert len(fixed) < len(parameters) or fixed == set(known)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", programme.CHAPTERS)
def test_the_first_stage_of_every_chapter_can_be_told_without_computing(name, profile, records_folder, said):
    jobs = first_stage(name, profile)
    assert jobs
    for job in jobs:
        assert job.path.parent == records_folder
        assert job.seconds >= 0  # without updates it takes none
        assert job.definition.summary
    assert not records_folder.exists() or not list(records_folder.glob("*.record"))
    elsewhere = ("COIL-20", "MNIST")  # not to be had everywhere
    assert not [line for line in said() if not any(name in line for name in elsewhere)]


@pytest.mark.parametrize("name", programme.CHAPTERS)
def test_the_profile_and_the_seed_decide_what_is_computed(name):
    found = [first_stage(name, profile) for profile in ("smoke", "book")] + [first_stage(name, "smoke", seed=1)]
    runs = [{job.path for job in jobs if job.compute is ensembles.fit} for jobs in found]
    if not any(runs):  # chapter 10 looks for orders first, which are the same under every profile
        return
    for one, other in ((0, 1), (0, 2)):
        assert runs[one] != runs[other]


def test_chapters_without_a_programme_have_no_stages():
    for name in set(NOTEBOOKS) - set(programme.CHAPTERS):
        assert list(programme.stages(name, book_values(NOTEBOOKS[name], "smoke"))) == []


def test_what_chapters_share_is_computed_once():
    planes = {name: {job.path for job in first_stage(name, "smoke")} for name in programme.CHAPTERS}
    assert planes["06-simplified-baseline"] & planes["08-generative-model-reduction"]
    assert records.folder() in {path.parent for paths in planes.values() for path in paths}


@pytest.mark.parametrize("profile", PROFILES)
def test_no_shard_of_a_run_is_a_run_of_its_own(profile):
    """A shard's record goes when the run is whole, and would take the other run along."""
    jobs = [job for name in programme.CHAPTERS for job in first_stage(name, profile)]
    parts = {part.path for job in jobs for part in job.parts}
    assert parts & {job.path for job in jobs} == set()
