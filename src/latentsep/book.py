"""The pipeline behind ``make book``: execute what is stale, gather the ledger, render, inspect, publish."""

import calendar
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import nbformat

from latentsep import inspection, ledger, paths, progress, search
from latentsep.notebooks import Chapter, chapters, execute, executed_state

# Sphinx writes a date into pages; a fixed one keeps two builds of one commit alike.
_DATE = str(calendar.timegm((2026, 1, 1, 0, 0, 0)))
# Not under _static, whose scripts Jupyter Book loads on every page: this one has several megabytes.
_PLOTLY = "plotly/plotly.min.js"


class BuildFailed(RuntimeError):
    """The book could not be rendered, or lacks something that it promises."""


@dataclass(frozen=True)
class Summary:
    """What a build produced."""

    page: Path
    executed: list[str]
    found: inspection.Found
    entries: list[dict]
    seconds: float

    def __str__(self) -> str:
        counts = ", ".join(f"{n} {verdict}" for verdict, n in ledger.tally(self.entries).items())
        ran = ", ".join(self.executed) or "none, all were fresh"
        lines = [
            f"chapters run  {ran}",
            f"pages         {self.found.pages}",
            f"figures       {self.found.figures} numbered",
            f"tables        {self.found.tables} numbered",
            f"ledger        {len(self.entries)} entries: {counts}",
            f"time          {self.seconds:.0f} s",
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
    changed = [part for part in now if now[part] != before.get(part)]
    return f"stale: {', '.join(changed)}" if changed else "fresh"


def book_values(chapter: Chapter, profile: str) -> dict[str, object]:
    """The parameters of a chapter in the book: all at their defaults but the profile."""
    return chapter.values({"profile": profile} if "profile" in chapter.parameters else {})


def build(profile: str = "book") -> Summary:
    """Build the whole book. Raises ``ChapterFailed`` or ``BuildFailed``; the last good pages stay."""
    started = time.monotonic()
    pages = chapters()
    first = [c for c in pages.values() if c.is_notebook and not c.reads_ledger]
    last = [c for c in pages.values() if c.is_notebook and c.reads_ledger]
    ran = _execute_stale(first, profile)
    entries = gather(first)
    _replace_text(paths.ledger(), ledger.dump(entries))
    ran += _execute_stale(last, profile)
    html = _render(pages)
    search.add_items(html, entries)
    try:
        found = inspection.inspect(html, entries, list(pages.values()))
    except inspection.Incomplete as error:
        raise BuildFailed(f"the rendered book in {html} is not complete:\n{error}") from None
    published = paths.html()
    shutil.rmtree(published, ignore_errors=True)
    os.replace(html, published)
    return Summary(published / "index.html", ran, found, entries, time.monotonic() - started)


def gather(pages: list[Chapter]) -> list[dict]:
    """The ledger entries of executed chapters, each with the page it stands on, in the thesis's order."""
    entries = []
    for chapter in pages:
        notebook = nbformat.read(executed_path(chapter), as_version=4)
        entries += [{**e, "page": f"{chapter.name}.html"} for e in ledger.collect(notebook)]
    order = list(ledger.items())
    return sorted(entries, key=lambda e: order.index(e["id"].partition("/")[0]))


def _execute_stale(pages: list[Chapter], profile: str) -> list[str]:
    text = paths.ledger().read_text() if paths.ledger().exists() else ""
    stale = [c for c in pages if freshness(c, profile, text) != "fresh"]
    failed = paths.build() / "failed"
    with progress.bar("chapters", len(stale), position=0) as bar:
        for chapter in stale:
            if not progress.watched():
                print(f"running {chapter.name}", flush=True)
            execute(
                chapter, book_values(chapter, profile), executed_path(chapter), text, failed / f"{chapter.name}.ipynb"
            )
            (failed / f"{chapter.name}.ipynb").unlink(missing_ok=True)
            bar.update()
    return [c.name for c in stale]


def _render(pages: dict[str, Chapter]) -> Path:
    """Render all pages with Jupyter Book into a folder of their own, from nothing, warnings as errors."""
    source, build_folder = paths.executed(), paths.build() / "rendering"
    for chapter in pages.values():
        if not chapter.is_notebook:
            _replace_text(source / "book" / chapter.path.name, chapter.text)
    known = {f"{c.name}.ipynb" if c.is_notebook else c.path.name for c in pages.values()}
    for leftover in (source / "book").iterdir():
        if leftover.is_file() and leftover.name not in known:
            leftover.unlink()
    shutil.copy(paths.root() / "book" / "references.bib", source / "book" / "references.bib")
    shutil.rmtree(source / "_static", ignore_errors=True)
    shutil.copytree(paths.root() / "book" / "_static", source / "_static")
    shutil.rmtree(build_folder, ignore_errors=True)
    run_jupyter_book(source, build_folder, paths.root() / "_config.yml", paths.root() / "_toc.yml", strict=True)
    html = build_folder / "_build" / "html"
    _trim(html)
    add_scripts(html)
    return html


def run_jupyter_book(source: Path, target: Path, config: Path, toc: Path, strict: bool) -> None:
    """Run ``jupyter-book build``. Raises ``BuildFailed`` with its last lines if it fails."""
    program = "from jupyter_book.cli.main import main; main()"
    command = [
        sys.executable,
        "-c",
        program,
        "build",
        source,
        "--config",
        config,
        "--toc",
        toc,
        "--path-output",
        target,
    ]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": _DATE, "PYTHONHASHSEED": "0"}
    target.mkdir(parents=True, exist_ok=True)
    log = target / "jupyter-book.log"
    with log.open("w") as file:
        flags = ["-W", "-n", "--keep-going"] if strict else ["-q"]
        code = subprocess.run(
            [*map(str, command), *flags], stdout=file, stderr=subprocess.STDOUT, env=environment
        ).returncode
    if code != 0:
        text = log.read_text().splitlines()
        notable = [line for line in text if "WARNING" in line or "ERROR" in line] or text[-15:]
        raise BuildFailed("jupyter-book failed:\n" + "\n".join(notable) + f"\nthe whole log is {log}")


def add_scripts(html: Path) -> None:
    """Put plotly's script beside rendered pages if one of them loads it (see ``figures.turnable``)."""
    if any(_PLOTLY in page.read_text() for page in (html / "book").glob("*.html")):
        (html / _PLOTLY).parent.mkdir(exist_ok=True)
        packaged = resources.files("plotly") / "package_data" / "plotly.min.js"
        (html / _PLOTLY).write_bytes(packaged.read_bytes())


def _trim(html: Path) -> None:
    """Drop what no reader needs: of MathJax's 24 MB the entry script and its fonts suffice."""
    for folder in html.rglob("mathjax"):
        if folder.is_dir():
            _keep_mathjax(folder)
    (html / ".buildinfo").unlink(missing_ok=True)


def _keep_mathjax(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        keep = path.name == "tex-chtml.js" or "woff-v2" in path.parts
        if path.is_file() and not keep:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _replace_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    os.replace(part, path)
