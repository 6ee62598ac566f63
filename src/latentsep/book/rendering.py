"""From executed notebooks to pages: Jupyter Book, and what a reader offline needs beside its pages."""

import calendar
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import nbformat
import yaml

from latentsep.book import address, chapters, crate, furniture, lettering, provenance, sharing
from latentsep.book.lighten import lighten
from latentsep.book.typography import typeset
from latentsep.figures import interactive
from latentsep.runtime import files, paths

# Sphinx writes a date into pages; a fixed one keeps two builds of one commit alike.
_DATE = str(calendar.timegm((2026, 1, 1, 0, 0, 0)))
_PROGRAM = "from jupyter_book.cli.main import main; main()"


class BuildFailed(RuntimeError):
    """The book could not be rendered, or lacks something that it promises."""


def book(notebooks: list[Path], plain: list[Path], folder: Path) -> Path:
    """Render the whole book into ``folder`` from nothing, warnings as errors; return where its pages are.

    ``notebooks`` are executed chapters, ``plain`` pages without code.
    """
    source, published = _source([*notebooks, *plain], folder / "source"), address.published()
    config = _config(folder / "config.yml", published)
    run_jupyter_book(source, folder, config, paths.root() / "_toc.yml", strict=True)
    html = folder / "_build" / "html"
    _trim(html)
    _finish(html, {html / "book" / f"{path.stem}.html": path for path in [*notebooks, *plain]})
    if published:
        known = chapters.listed().values()
        sharing.share(html, published, {c.name for c in known if c.is_notebook and not c.reads_ledger})
    try:
        crate.write(html, notebooks)
    except crate.BrokenCrate as error:
        raise BuildFailed(f"the crate is not what it should be:\n{error}") from None
    return html


def page(notebook: Path) -> Path:
    """Render one executed notebook as a page of its own, beside it; return the page."""
    target = notebook.with_suffix("")
    with files.temporary(paths.build(), "page") as scratch:
        folder = Path(scratch)
        source, toc, config = _source([notebook], folder / "source"), folder / "toc.yml", _config(folder / "config.yml")
        os.rename(source / "book" / notebook.name, source / "book" / "page.ipynb")
        toc.write_text("format: jb-book\nroot: book/page\n")
        run_jupyter_book(source, folder / "out", config, toc, strict=False)
        html = folder / "out" / "_build" / "html"
        _finish(html, {html / "book" / "page.html": notebook})
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(html, target)
    return target / "book" / "page.html"


def _finish(html: Path, pages: dict[Path, Path]) -> None:
    """What rendered pages need that Sphinx does not know; ``pages`` has what each was made from."""
    notebooks = [source for source in pages.values() if source.suffix == ".ipynb"]
    provenance.add(pages)
    add_scripts(html, notebooks)
    provenance.write_costs(html, notebooks)
    furniture.mend(html)
    lettering.letter(html)
    lighten(html)
    typeset(html)


def _config(target: Path, published: address.Address | None = None) -> Path:
    """The configuration of Jupyter Book, for a book with this address or with none; return where it is."""
    settings = yaml.safe_load((paths.root() / "_config.yml").read_text())
    target.write_text(yaml.safe_dump(address.configured(settings, published)))
    return target


def _source(pages: list[Path], folder: Path) -> Path:
    """The tree that Jupyter Book renders: pages, bibliography, static files, and nothing that is half-done."""
    (folder / "book").mkdir(parents=True)
    for path in [*pages, paths.root() / "book" / "references.bib"]:
        if path.suffix == ".ipynb":
            provenance.prepare(path, folder / "book" / path.name)
        else:
            shutil.copy(path, folder / "book")
    shutil.copytree(paths.root() / "book" / "_static", folder / "_static")
    return folder


def inputs(pages: list[Path], *more: str) -> str:
    """A hash of all that rendered pages depend on, ``more`` included."""
    root = paths.root()
    static = [p for p in (root / "book" / "_static").rglob("*") if p.is_file()]
    static += [p for p in interactive.assets() if p.is_file()]
    found = hashlib.sha256()
    read = [root / "book" / "references.bib", *(root / name for name in ("_config.yml", "_toc.yml", "CITATION.cff"))]
    for path in [*pages, *read, *sorted(static)]:
        found.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    versions = sorted(f"{d.name} {d.version}" for d in metadata.distributions())
    found.update(json.dumps([versions, str(address.published()), *more]).encode())
    return found.hexdigest()


def tree(html: Path) -> str:
    """A hash of every file below a folder; that of no file if there is no such folder."""
    found = hashlib.sha256()
    for path in sorted(p for p in html.rglob("*") if p.is_file()):
        found.update(path.relative_to(html).as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def run_jupyter_book(source: Path, target: Path, config: Path, toc: Path, strict: bool) -> None:
    """Run ``jupyter-book build``. Raises ``BuildFailed`` with its last lines if it fails."""
    command = [sys.executable, "-c", _PROGRAM, "build", source]
    command += ["--config", config, "--toc", toc, "--path-output", target]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": _DATE, "PYTHONHASHSEED": "0"}
    target.mkdir(parents=True, exist_ok=True)
    flags = ["-W", "-n", "--keep-going"] if strict else ["-q"]
    log = target / "jupyter-book.log"
    with log.open("w") as file:
        done = subprocess.run([*map(str, command), *flags], stdout=file, stderr=subprocess.STDOUT, env=environment)
    if done.returncode != 0:
        text = log.read_text().splitlines()
        kept = paths.build() / "failed" / "jupyter-book.log"
        files.write_whole(kept, log.read_bytes(), paths.build())
        notable = [line for line in text if "WARNING" in line or "ERROR" in line] or text[-15:]
        raise BuildFailed("jupyter-book failed:\n" + "\n".join(notable) + f"\nthe whole log is {kept}")


def add_scripts(html: Path, notebooks: Iterable[Path] = ()) -> None:
    """Put the scripts and styles of interactive figures beside rendered pages, once each, if a page loads them.

    Not under ``_static``, whose scripts Jupyter Book loads on every page: one has several megabytes. The data of
    figures is in the executed ``notebooks``.
    """
    wanted = set().union(*(interactive.wanted(page.read_text()) for page in (html / "book").glob("*.html")))
    data = {d["name"]: d["text"].encode() for path in notebooks for d in _carried(path)}
    for name in wanted:
        (html / interactive.PLACE).mkdir(exist_ok=True)
        (html / interactive.PLACE / name).write_bytes(data[name] if name in data else interactive.asset(name))


def _carried(notebook: Path) -> Iterator[dict[str, str]]:
    for cell in nbformat.read(notebook, as_version=4)["cells"]:
        for output in cell.get("outputs", ()):
            if found := output.get("data", {}).get(interactive.MIME):
                yield found


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
