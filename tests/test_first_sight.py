"""What the landing page shows is what chapter 10 has trained, and its words count what the ledger has."""

from latentsep.book import build, chapters, programme
from latentsep.findings import first_sight
from latentsep.ledger import reports
from latentsep.training import ensembles


def test_it_trains_nothing_that_chapter_10_does_not():
    values = build.book_values(chapters.listed()["10-circular-datasets"], "smoke")
    assert (values["example"], values["repetitions"]) == (first_sight.EXAMPLE, first_sight.REPETITIONS)
    _, trainings = [stage for stage, _ in zip(programme.stages("10-circular-datasets", values), range(2), strict=False)]
    planned = {job.path.name for job in trainings}
    assert {ensembles.job(run, "cpu").path.name for run in first_sight.runs("smoke").values()} <= planned


def test_the_state_in_words():
    entries = [
        {"id": f"{kind}-{n}", "verdict": verdict}
        for kind, n, verdict in (
            ("eq", "4.5", "thesis-invalid"),
            ("eq", "4.4", "reproduced"),
            ("table", "5.1/x1/sx1/mse", "better"),
            ("fig", "7.1", "differs"),
            ("claim", "I.1", "holds"),
        )
    ]
    assert reports.in_words(entries) == (
        "Of 4 items and values of the thesis, 2 are reproduced or better, 0 agree but would in any case, 1 differ,"
        " and 1 cannot hold as printed."
    )
    named = reports.counts(entries)
    assert named["the thesis"]["reproduced"] == 1
    assert {name: sum(found.values()) for name, found in named.items()} == {"the thesis": 4, "introductory texts": 1}
