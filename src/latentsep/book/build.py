"""The pipeline behind ``make book``: compute what is missing, execute what is stale, render, inspect, publish."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from latentsep.book import chapters, inspection, notebooks, plan, rendering, search
from latentsep.book.chapters import Chapter
from latentsep.book.notebooks import ChapterFailed, execute, executed_state
from latentsep.book.rendering import BuildFailed
from latentsep.ledger import ledger
from latentsep.runtime import costs, executors, files, paths, progress, records
from latentsep.runtime.fingerprints import fingerprint

_UNKNOWN = 20.0  # seconds that a chapter may take which was never executed here


@dataclass(frozen=True)
class Summary:
    """What a build produced."""

    page: Path
    computed: int
    executed: list[str]
    rendered: bool
    found: inspection.Found
    entries: list[dict]
    stages: dict[str, float]

    def __str__(self) -> str:
        counts = ", ".join(f"{n} {verdict}" for verdict, n in ledger.tally(self.entries).items())
        ran = ", ".join(self.executed) or "none, all were fresh"
        lines = [
            f"computed      {self.computed} of the trainings and other results that chapters need; the rest was there",
            f"chapters run  {ran}",
            f"pages         {self.found.pages}" + ("" if self.rendered else ", as they were"),
            f"figures       {self.found.figures} numbered",
            f"tables        {self.found.tables} numbered",
            f"ledger        {len(self.entries)} entries: {counts}",
            f"time          {sum(self.stages.values()):.0f} s: "
            + ", ".join(f"{stage} {seconds:.0f}" for stage, seconds in self.stages.items()),
            f"open          {self.page}",
        ]
        return "\n".join(lines)


def executed_path(chapter: Chapter) -> Path:
    """Where a chapter's executed notebook is."""
    return paths.executed() / "book" / f"{chapter.name}.ipynb"


def freshness(chapter: Chapter, profile: str, ledger_text: str = "") -> str:
    """``"fresh"``, ``"missing"``, or ``"stale: "`` and what has changed since the chapter was executed."""
    if not chapter.is_notebook:
        return "fresh"
    before = executed_state(executed_path(chapter))
    if before is None:
        return "missing"
    now = chapter.state(book_values(chapter, profile), ledger_text)
    changed = [part for part in now if now[part] != before.get(part) and part != "code"]
    code = before.get("code")
    code = code if isinstance(code, dict) else {}  # not of an older version of the book
    rooms = sorted(room for room in {*now["code"], *code} if now["code"].get(room) != code.get(room))
    changed += [f"code of {' and '.join(rooms)}"] if rooms else []
    return f"stale: {', '.join(changed)}" if changed else "fresh"


def book_values(chapter: Chapter, profile: str) -> dict[str, object]:
    """The parameters of a chapter in the book: all at their defaults but the profile."""
    return chapter.values({"profile": profile} if "profile" in chapter.parameters else {})


def stale(profile: str) -> list[Chapter]:
    """The chapters that a build has to execute, those drawn from the ledger left out."""
    pages = [c for c in chapters.listed().values() if c.is_notebook and not c.reads_ledger]
    return [c for c in pages if freshness(c, profile) != "fresh"]


def build(profile: str = "book", cluster: str | None = None) -> Summary:
    """Build the whole book. Raises ``ChapterFailed``, ``JobFailed`` or ``BuildFailed``; the last good pages stay."""
    stages: dict[str, float] = {}
    pages = chapters.listed()
    with _timed(stages, "looking"):
        first = stale(profile)
    with _timed(stages, "computing"):
        computed = plan.carry_out({c.name: book_values(c, profile) for c in first}, cluster=cluster)
    with _timed(stages, "executing"):
        _execute(first, profile)
        entries = gather([c for c in pages.values() if c.is_notebook and not c.reads_ledger])
        files.write_whole(paths.ledger(), ledger.dump(entries).encode(), paths.build())
        files.write_whole(paths.read_records(), _witnessed(pages), paths.build())
        text = evidence()
        last = [c for c in pages.values() if c.is_notebook and c.reads_ledger]
        last = [c for c in last if freshness(c, profile, text) != "fresh"]
        _execute(last, profile, text)
    with _timed(stages, "rendering"):
        found, rendered = _publish(pages, entries)
    ran = [c.name for c in (*first, *last)]
    return Summary(paths.html() / "index.html", len(computed), ran, rendered, found, entries, stages)


@contextmanager
def _timed(stages: dict[str, float], stage: str) -> Iterator[None]:
    """Note how many seconds a stage took, and say so where nobody watches a bar."""
    started = time.monotonic()
    yield
    stages[stage] = time.monotonic() - started
    if not progress.watched():
        print(f"{stage} took {stages[stage]:.0f} s", flush=True)


def gather(pages: list[Chapter]) -> list[dict]:
    """The ledger entries of executed chapters, each with the page it stands on, in the thesis's order."""
    entries = []
    for chapter in pages:
        notebook = notebooks.read(executed_path(chapter))
        entries += [{**e, "page": f"{chapter.name}.html"} for e in ledger.collect(notebook)]
    order = list(ledger.items())
    return sorted(entries, key=lambda e: order.index(e["id"].partition("/")[0]))


def _witnessed(pages: dict[str, Chapter]) -> bytes:
    """The records that executed chapters have read, by name, each with the chapters."""
    found: dict[str, dict] = {}
    for chapter in pages.values():
        if chapter.is_notebook and not chapter.reads_ledger:
            for name, record in notebooks.read(executed_path(chapter))["metadata"].get("records", {}).items():
                found.setdefault(name, {**record, "chapters": []})["chapters"].append(chapter.name)
    return json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def evidence() -> str:
    """What chapters depend on that are drawn from the others, as text: the ledger and the list of records."""
    return "".join(path.read_text() for path in (paths.ledger(), paths.read_records()) if path.exists())


def _execute(pages: list[Chapter], profile: str, ledger_text: str = "") -> None:
    """Execute chapters, as many at once as there are cores. Raises ``ChapterFailed`` when all others are done."""
    seconds = {c.name: cost.seconds if (cost := costs.read(_cost(c, profile))) else _UNKNOWN for c in pages}
    slowest_first = sorted(pages, key=lambda c: seconds[c.name], reverse=True)
    tasks: dict[str, tuple] = {c.name: (_execute_one, c, profile, ledger_text) for c in slowest_first}
    with progress.bar("chapters", round(sum(seconds.values())), position=0) as bar:

        def finished(name: str, _: object = None) -> None:
            bar.update(round(seconds[name]))
            if not progress.watched():
                print(f"ran {name}", flush=True)

        if len(tasks) > 1 and executors.cores() > 1:
            failures = list(executors.run(tasks, finished).values())
        else:
            failures = []
            for name, (function, *arguments) in tasks.items():
                try:
                    function(*arguments)
                    finished(name)
                except ChapterFailed as error:
                    failures.append(str(error))
    if failures:
        raise ChapterFailed("\n".join(f.removeprefix("ChapterFailed: ") for f in failures))


def _execute_one(chapter: Chapter, profile: str, ledger_text: str) -> None:
    failed = paths.build() / "failed" / f"{chapter.name}.ipynb"
    origin = {"code": "", "torch": ""}
    with costs.measured(_cost(chapter, profile), records.folder(), origin):
        values = book_values(chapter, profile)
        execute(chapter, values, executed_path(chapter), ledger_text, failed, planned=True)
    failed.unlink(missing_ok=True)


def _cost(chapter: Chapter, profile: str) -> Path:
    return records.folder() / "costs" / f"chapter-{chapter.name}-{profile}.json"


def _publish(pages: dict[str, Chapter], entries: list[dict]) -> tuple[inspection.Found, bool]:
    """Render and inspect the pages, unless they are there as they would become; second, whether that was needed."""
    notebooks = [executed_path(c) for c in pages.values() if c.is_notebook]
    plain = [c.path for c in pages.values() if not c.is_notebook]
    inputs = rendering.inputs([*notebooks, *plain], ledger.dump(entries), fingerprint(__name__))
    stamp = paths.build() / "rendered.json"
    try:
        before = json.loads(stamp.read_text())
        if before["inputs"] == inputs and before["pages"] == rendering.tree(paths.html()):
            return inspection.Found(**before["found"]), False
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none, or one that was cut short
    with files.temporary(paths.build(), "rendering") as folder:
        html = rendering.book(notebooks, plain, Path(folder))
        search.add_items(html, entries)
        try:
            found = inspection.inspect(html, entries, list(pages.values()))
        except inspection.Incomplete as error:
            raise BuildFailed(f"the rendered book is not complete:\n{error}") from None
        with FileLock(paths.build() / ".publishing"):
            if paths.html().exists():
                os.rename(paths.html(), Path(folder) / "before")
            os.rename(html, paths.html())
    content = {"inputs": inputs, "pages": rendering.tree(paths.html()), "found": asdict(found)}
    files.write_whole(stamp, json.dumps(content).encode(), paths.build())
    return found, True
