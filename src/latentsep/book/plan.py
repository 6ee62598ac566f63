"""The plan of a build: what the records lack for its chapters, for which of them, how long it takes, and why.

All chapters' jobs go into one pool before any chapter runs, and later stages follow when the earlier are done.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import torch

from latentsep.book import programme
from latentsep.runtime import pool, records
from latentsep.runtime.records import Job

#: Parameters by chapter; as pairs, one chapter may come several times with other values.
Values = Mapping[str, Mapping[str, object]] | Iterable[tuple[str, Mapping[str, object]]]


@dataclass
class Need:
    """A job that the records lack, the chapters that ask for it, and why it has to be done."""

    job: Job
    chapters: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long it should take on one core."""
        return self.job.seconds

    @property
    def why(self) -> str:
        if (cost := self.job.cost) is None or cost.origin is None:
            return "new"
        if cost.origin["torch"] != torch.__version__:
            return f"trained with torch {cost.origin['torch']}"
        code = records.describe(self.job.definition, self.job.compute)["code"]
        return "its code has changed" if cost.origin["code"] != code else "its record is gone or damaged"

    def __str__(self) -> str:
        numbers = ", ".join(chapter.partition("-")[0] for chapter in self.chapters)
        summary = self.job.definition.summary
        return f"{summary:62} {_minutes(self.seconds):>8}  {numbers:14} {self.why}"


def rounds(chapters: Values) -> Iterator[list[Need]]:
    """What the chapters need, round by round; a round may be asked for when the one before has been carried out."""
    pairs = chapters.items() if isinstance(chapters, Mapping) else chapters
    under_way = [(name, programme.stages(name, dict(values))) for name, values in pairs]
    while under_way:
        needs: dict[object, Need] = {}
        for name, stages in list(under_way):
            wanted = next(stages, None)
            # A stage that is there already does not hold up the next.
            while wanted is not None and not (missing := [job for job in wanted if not job.done()]):
                wanted = next(stages, None)
            if wanted is None:
                under_way.remove((name, stages))
                continue
            for job in pool.unique(missing):
                need = needs.setdefault(job.path, Need(job))
                if name not in need.chapters:
                    need.chapters.append(name)
        if needs:
            yield sorted(needs.values(), key=lambda need: need.seconds, reverse=True)


def carry_out(chapters: Values, workers: int | None = None, cluster: str | None = None) -> list[Need]:
    """Compute all that the chapters need and the records lack; return what that was."""
    done = []
    for needs in rounds(chapters):
        pool.carry_out([need.job for need in needs], workers, cluster)
        done += needs
    return done


def show(chapters: Values, workers: int) -> str:
    """The plan as text: as far as it can be known before anything is computed."""
    needs = next(rounds(chapters), [])
    if not needs:
        return "nothing to compute: the records hold all that the chapters ask for"
    total = sum(need.seconds for need in needs)
    wall = max(needs[0].seconds, total / workers)
    last = f"{len(needs)} to compute, {_minutes(total)} of work, about {_minutes(wall)} on {workers} cores"
    return "\n".join([*map(str, needs), last + "; what depends on their results follows"])


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
