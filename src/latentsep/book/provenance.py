"""Below each figure and each table of a page, where it comes from: its code, its records, how to make it again.

Wall times and machines differ from build to build, so that pages do not have them. They are in one file beside the
pages, ``COSTS``, which a page loads when a reader asks.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from latentsep.book import cells, csvs, dataflow, glued, notebooks
from latentsep.book.glued import Glued
from latentsep.figures import interactive
from latentsep.runtime import costs, records

COSTS = "costs.js"
_LOADED = (
    f'<link rel="stylesheet" href="../{interactive.PLACE}/provenance.css">'
    f'<script defer src="../{interactive.PLACE}/provenance.js"></script>'
)
_SHOWS = ("<figure", "<img", "<table", "<svg")  # an output with one of these has a fold-out
_HIDDEN = {"remove-input", "remove-cell"}  # tags of cells whose code is not on the page


def prepare(notebook: Path, target: Path) -> None:
    """Copy an executed notebook for Sphinx, with the name of each cell among its tags: pages know tags only."""
    content = json.loads(notebook.read_text())
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["metadata"].setdefault("tags", []).append(cell["id"])
    for name in ("records", "command"):  # else Sphinx takes them for a page's own fields
        content["metadata"].pop(name, None)
    target.write_text(json.dumps(content, ensure_ascii=False))


def add(pages: Mapping[Path, Path]) -> None:
    """Give rendered ``pages``, each with what it was made from, their fold-outs, and numbers in sentences names."""
    executed = {page: notebooks.read(source) for page, source in pages.items() if source.suffix == ".ipynb"}
    book = {
        page.stem: Glued.of(executed[page]) if page in executed else Glued(source.read_text())
        for page, source in pages.items()
    }
    for page, source in pages.items():
        before = page.read_text()
        text = glued.tell(before, page.stem, book)
        text = fold(text, executed[page], source.stem) if page in executed else text
        if text != before:
            page.write_text(text.replace("</head>", f"{_LOADED}</head>", 1))


def fold(page: str, notebook: Any, label: str) -> str:
    """The text of a page with an anchor for each cell, and a fold-out below each output that shows something.

    The names of files to be saved begin with ``label``.
    """
    story = _Story(notebook, label)
    insertions: list[tuple[int, str]] = []
    for found in cells.find(page):
        # In front of it: a cell may have a name of its own, which other pages link to.
        insertions.append((found.start, f'<span id="{found.name}"></span>'))
        shown = page[found.output.start : found.output.stop] if found.output else ""
        if found.output and any(mark in shown for mark in _SHOWS):
            insertions.append((found.output.stop, story.told(found.name, shown)))
    for place, text in sorted(insertions, reverse=True):
        page = page[:place] + text + page[place:]
    return page


class _Story:
    """What a notebook says about where its outputs come from."""

    def __init__(self, notebook: Any, label: str):
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        self._cells = {cell["id"]: cell for cell in code}
        self._numbers = {cell["id"]: number for number, cell in enumerate(code, 1)}
        origins = dataflow.origins([cell["source"] for cell in code])
        self._origins = {cell["id"]: [code[i]["id"] for i in each] for cell, each in zip(code, origins, strict=True)}
        self._records = notebook["metadata"].get("records", {})
        self._label = label
        self._command = notebook["metadata"].get("command", "")

    def told(self, name: str, shown: str) -> str:
        """The fold-out of a cell's output, ``shown`` on the page."""
        *others, _ = origins = self._origins[name]
        read = {record for cell in origins for record in self._cells[cell]["metadata"].get("records", ())}
        tables = csvs.tables(shown)
        names = [f"{self._label}-{name}{f'-{i}' if len(tables) > 1 else ''}.csv" for i in range(1, len(tables) + 1)]
        drawn = "ledger.read()" in "\n".join(self._cells[cell]["source"] for cell in origins)
        return interactive.render(
            "provenance.html",
            cell=self._link(name, "code cell "),
            others=[self._link(other) for other in others],
            records=[{"name": record, **self._records[record]} for record in sorted(read)],
            otherwise="none; drawn from the ledger of this build" if drawn else "none; computed with the page",
            command=self._command,
            tables=[{"name": n, "address": csvs.address(t)} for n, t in zip(names, tables, strict=True)],
        )

    def _link(self, name: str, words: str = "") -> Markup:
        """A cell by its number among those with code, as a link if its code is on the page."""
        number = f"{words}{self._numbers[name]}"
        hidden = _HIDDEN & set(self._cells[name]["metadata"].get("tags", ()))
        if hidden:
            return Markup(f"{number} (not shown)") if words else Markup(number)
        return Markup(f'<a href="#{name}">{number}</a>')


def write_costs(html: Path, executed: Iterable[Path]) -> None:
    """Write what the records of executed notebooks took, seconds and machine, beside their pages."""
    found = dict(_took(executed))
    text = json.dumps(found, sort_keys=True, indent=0)
    (html / interactive.PLACE).mkdir(exist_ok=True)
    (html / interactive.PLACE / COSTS).write_text(f"window.latentsepCosts = {text};\n")


def _took(executed: Iterable[Path]) -> Iterator[tuple[str, tuple[float, str]]]:
    for notebook in executed:
        for name, record in notebooks.read(notebook)["metadata"].get("records", {}).items():
            remembered = [costs.read(records.folder() / "costs" / file) for file in record["costs"]]
            known = [cost for cost in remembered if cost is not None]
            if known:
                machines = " and ".join(sorted({cost.machine for cost in known}))
                yield name, (round(sum(cost.seconds for cost in known), 2), machines)
