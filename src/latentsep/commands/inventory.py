"""What the records hold: what of it the book asks for, what is damaged or can go, and whether it comes out again."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from latentsep.book import build, chapters, programme
from latentsep.runtime import costs, files, pool, records
from latentsep.runtime.records import DamagedRecord, Job

#: How far a result may be from one of another kind of processor, which rounds otherwise, relative to its root mean
#: square. Of trainings the bounds are compared, since weights whose gradients vanish drift: with scalar code in place
#: of AVX-512 bounds moved by 1e-5 at most, such weights by 5e-2. It is the half nat in 50 that ``.ci/run`` allows, too.
TOLERANCE = 1e-2


@dataclass
class Asked:
    """The jobs that chapters ask for, by the names of their records.

    ``open`` lists, for each chapter of whose later stages nothing is known yet, the names that it has asked for:
    the records lack some of them.
    """

    jobs: dict[str, Job] = field(default_factory=dict)
    open: dict[str, list[str]] = field(default_factory=dict)

    @property
    def here(self) -> dict[str, Job]:
        """The jobs whose records are there and whole."""
        return {name: job for name, job in sorted(self.jobs.items()) if whole(job)}


def asked(profiles: Iterable[str], provide: Callable[[Job], object] = lambda job: None) -> Asked:
    """What the book asks for under each profile, stage after stage, as far as the records allow.

    ``provide`` is called with every job first, and may bring its record.
    """
    found = Asked()
    for profile in profiles:
        for chapter in [c for c in chapters.listed().values() if c.is_notebook]:
            names: list[str] = []
            for stage in programme.stages(chapter.name, build.book_values(chapter, profile)):
                jobs = {job.path.name: job for job in pool.unique(stage)}
                found.jobs |= jobs
                names += jobs
                for job in jobs.values():
                    provide(job)
                if not all(map(whole, jobs.values())):
                    found.open[f"{chapter.name} ({profile})"] = names
                    break
    return found


def whole(job: Job) -> bool:
    """Whether the record of a job is there and whole. It is left where it is in any case."""
    try:
        records.load(job.path, records.describe(job.definition, job.compute))
    except (FileNotFoundError, DamagedRecord):
        return False
    return True


def described(content: bytes, name: str) -> dict:
    """What the content of a record says that it is.

    Raises ``DamagedRecord`` if it is not whole, or says what would have another name than ``name``.
    """
    _, description = records.parse(content, name)
    try:
        own = records.name_of({key: description[key] for key in ("definition", "compute", "code", "torch", "machine")})
    except (KeyError, TypeError, AttributeError):
        raise DamagedRecord(f"{name} does not say what it is") from None
    if own != name:
        raise DamagedRecord(f"{name} holds another computation, of the name {own}")
    return description


@dataclass(frozen=True)
class Held:
    """A file among the records: what it is (or why it is damaged), its bytes, and the seconds that it took."""

    name: str
    kind: str
    size: int
    seconds: float | None
    damage: str = ""


def held() -> list[Held]:
    """All records in the folder, by name."""
    return [_held(path) for path in sorted(records.folder().glob("*.record"))]


def _held(path: Path) -> Held:
    try:
        content = path.read_bytes()
        description = described(content, path.name)
    except OSError as error:
        return Held(path.name, "damaged", 0, None, f"{path.name} cannot be read ({error.strerror})")
    except DamagedRecord as error:
        return Held(path.name, "damaged", len(content), None, str(error))
    cost = costs.read(records.cost_path_of(description))
    return Held(path.name, description["compute"], len(content), cost.seconds if cost else None)


def seconds(job: Job) -> float | None:
    """What a job took with its parts, as far as it is remembered."""
    found = [cost.seconds for each in (job, *job.parts) if (cost := each.cost)]
    return sum(found) if found else None


@dataclass(frozen=True)
class Comparison:
    """A record beside what its job gives now: whether each bit is the same, and how far its arrays are apart.

    ``apart`` is the largest root mean square of a difference, relative to the array's own; of a training only its
    history counts. It decides where a record was made by another kind of processor; ``exact`` says that it was made
    by the same kind, and bits decide.
    """

    name: str
    exact: bool
    same: bool
    apart: float

    @property
    def fits(self) -> bool:
        return self.same or (not self.exact and self.apart <= TOLERANCE)

    def __str__(self) -> str:
        how = "bit for bit" if self.exact else f"to {TOLERANCE:g}, since it was not made by this kind of processor"
        found = "the same bits" if self.same else f"{self.apart:.1e} apart"
        return f"{self.name}  {found}; compared {how}" + ("" if self.fits else "; differs")


def recompute(jobs: dict[str, Job]) -> Iterator[Comparison]:
    """Carry out jobs anew, away from the records, and compare each with its record. Raises ``JobFailed``."""
    with files.temporary(records.folder(), "verify") as scratch:
        with _records_in(scratch):
            pool.carry_out(jobs.values())
            fresh = {name: (job.fetch(), job.cost) for name, job in jobs.items()}
        for name, job in jobs.items():
            arrays, now = fresh[name]
            yield Comparison(name, _alike(job, now), *_compared(job.fetch(), arrays))


@contextlib.contextmanager
def _records_in(folder: str) -> Iterator[None]:
    before = os.environ.get("LATENTSEP_RECORDS")
    os.environ["LATENTSEP_RECORDS"] = folder
    try:
        yield
    finally:
        os.environ.pop("LATENTSEP_RECORDS") if before is None else os.environ.update(LATENTSEP_RECORDS=before)


def _alike(job: Job, now: costs.Cost | None) -> bool:
    """Whether a record was made by the same kind of processor as what is made now, as far as it is remembered."""
    before = job.cost
    if before is None or now is None or before.origin != now.origin:
        return False
    processor, other = (cost.machine.rpartition(", ")[0] for cost in (before, now))
    return processor == other


def _compared(old: records.Arrays, new: records.Arrays) -> tuple[bool, float]:
    """Whether all bits of two records are the same, and how far they are apart."""
    if {k: (v.shape, v.dtype) for k, v in old.items()} != {k: (v.shape, v.dtype) for k, v in new.items()}:
        return False, np.inf
    if all(value.tobytes() == new[name].tobytes() for name, value in old.items()):
        return True, 0.0
    apart = [_distance(old[name], new[name]) for name in (["history"] if "history" in old else old) if old[name].size]
    return False, float(np.max(apart, initial=0.0))  # NaN if one is, which is within no tolerance


def _distance(old: np.ndarray, new: np.ndarray) -> float:
    a, b = old.astype(float), new.astype(float)
    difference, scale = (float(np.sqrt(np.mean(v**2))) for v in (a - b, a))
    return difference / scale if scale else (np.inf if difference else 0.0)


def superfluous(profiles: Iterable[str]) -> tuple[list[Path], list[str]]:
    """The files of the records folder that the book does not need under any of the profiles.

    Those are records that nothing asks for, of jobs that are done also their parts, and checkpoints of these; and
    what was set aside as damaged. Where the later stages of a chapter are not known yet, every record that may
    belong to them stays, and these chapters are returned, too. Costs are kept.
    """
    wanted = asked(profiles)
    done = wanted.here
    kept = set(wanted.jobs) | {p.path.name for n, job in wanted.jobs.items() if n not in done for p in job.parts}
    unknown = _begun(wanted, done)
    superseded = {part.path.name for job in done.values() for part in job.parts} - set(wanted.jobs)
    found = []
    for path in sorted(p for p in records.folder().glob("*") if p.is_file()):
        name = path.with_suffix(".record").name
        if path.suffix == ".damaged":
            found.append(path)
        elif path.suffix == ".checkpoint":
            found += [path] if name in done or name in superseded or not (unknown or name in kept) else []
        elif path.suffix == ".record" and name not in kept:
            found += [path] if name in superseded or not unknown else []
    return found, unknown


def _begun(wanted: Asked, done: dict[str, Job]) -> list[str]:
    """The open chapters that may have records of later stages: some of their own first ones are there."""
    unfinished = {name for names in wanted.open.values() for name in names}
    others = set(wanted.jobs) - unfinished
    return [chapter for chapter, names in wanted.open.items() if any(n in done and n not in others for n in names)]
