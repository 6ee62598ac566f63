"""A chapter over values of its parameters: everything computed together, executed side by side, in one table."""

import ast
import html
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from latentsep.book import build, notebooks, plan
from latentsep.book.chapters import Chapter
from latentsep.book.notebooks import ChapterFailed
from latentsep.ledger import ledger
from latentsep.runtime import executors, files, paths, progress
from latentsep.runtime.paths import UsageError

COLUMNS = ("kind", "name", "value", "deviation", "verdict")
_STYLE = """body { font: 16px/1.4 system-ui, sans-serif; margin: 2rem } .box { overflow-x: auto }
table { border-collapse: collapse } caption { text-align: left; padding-bottom: 1rem }
th, td { border-bottom: 1px solid #bbb; padding: .3rem .8rem; text-align: left; white-space: nowrap }"""


@dataclass(frozen=True)
class Sweep:
    """A chapter, the parameters that vary, and all values of its parameters for each combination.

    ``profile`` decides what is not set.
    """

    chapter: Chapter
    varied: Mapping[str, Sequence[object]]
    profile: str = "book"

    @property
    def combinations(self) -> dict[str, dict[str, object]]:
        """Each combination's values of all parameters, by a label that a file may have as its name."""
        fixed = {"profile": self.profile} if "profile" in self.chapter.parameters else {}
        found = {}
        for number, values in enumerate(itertools.product(*self.varied.values()), 1):
            chosen = dict(zip(self.varied, values, strict=True))
            label = ",".join(f"{name}={value}" for name, value in chosen.items()).replace("/", "_")
            # A path may be longer than a name can be, and two may differ in what does not fit.
            label = label if len(label) <= 100 else f"{number}"
            found[label if label not in found else f"{label},{number}"] = self.chapter.values(fixed | chosen)
        return found

    @property
    def folder(self) -> Path:
        """Where the results go unless another folder is named."""
        return paths.build() / "sweeps" / "-".join([self.chapter.name, *self.varied])


def parse(chapter: Chapter, given: Sequence[Sequence[str]], profile: str) -> Sweep:
    """The sweep that a user typed: for each parameter its name and then its values.

    Raises ``UsageError`` that names the valid choices.
    """
    known = chapter.parameters
    if not given:
        raise UsageError(f"-p is missing; choose {', '.join(known) or 'none'}, with the values to go through")
    varied: dict[str, list[object]] = {}
    for name, *texts in given:
        chapter.values({name: None})  # raises if there is no such parameter
        if name in varied:
            raise UsageError(f"-p {name} is given twice; give all its values after one")
        if not texts:
            raise UsageError(f"-p {name} has no values; choose from {known[name].domain}")
        varied[name] = list(dict.fromkeys(map(known[name].parse, texts)))
    return Sweep(chapter, varied, profile)


@dataclass(frozen=True)
class Result:
    """The table and page of a sweep, and in a line for each combination why it failed."""

    table: Path
    page: Path
    failures: dict[str, str]


def run(sweep: Sweep, folder: Path) -> Result:
    """Compute, execute and tabulate all combinations. Raises ``ChapterFailed`` if every one of them fails."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"output is {str(folder)!r}, a file; choose a folder")
    combinations = sweep.combinations
    failures = _compute(sweep.chapter, combinations)
    text = build.evidence()
    targets = {label: folder / f"{label}.ipynb" for label in combinations if label not in failures}
    # One that was interrupted goes on where it was.
    stale = {
        label: (_execute, sweep.chapter, combinations[label], target, text)
        for label, target in targets.items()
        if notebooks.executed_state(target) != sweep.chapter.state(combinations[label], text)
    }
    failures |= _side_by_side(stale)
    found = {label: notebooks.read(path) for label, path in targets.items() if label not in failures}
    failures = {label: failures[label] for label in combinations if label in failures}
    if not found:
        raise ChapterFailed("; ".join(f"{label}: {why}" for label, why in failures.items()))
    rows = {label: rows_of(notebook) for label, notebook in found.items()}
    varied = {label: {name: values[name] for name in sweep.varied} for label, values in combinations.items()}
    result = Result(folder / "table.csv", folder / "index.html", failures)
    files.write_whole(result.table, table(rows, varied).to_csv(index=False).encode())
    files.write_whole(result.page, page(rows, sweep).encode())
    return result


def _compute(chapter: Chapter, combinations: dict[str, dict[str, object]]) -> dict[str, str]:
    """Fill the records for all combinations; those for which that fails, with the reason."""
    try:
        plan.carry_out([(chapter.name, values) for values in combinations.values()])
        return {}
    except (executors.JobFailed, ValueError) as error:
        if isinstance(error, UsageError):
            raise
    failures = {}
    for label, values in combinations.items():  # what did not fail is kept: this tells whose fault it was
        try:
            plan.carry_out([(chapter.name, values)])
        except (executors.JobFailed, ValueError) as error:
            failures[label] = _line(error)
    return failures


def _side_by_side(tasks: dict[str, tuple]) -> dict[str, str]:
    failures = {}
    with progress.bar("combinations", len(tasks), position=0) as bar:
        if len(tasks) > 1 and executors.cores() > 1:
            failures = executors.run(tasks, lambda *_: bar.update(1))
        else:
            for label, (function, *arguments) in tasks.items():
                try:
                    function(*arguments)
                    bar.update(1)
                except ChapterFailed as error:
                    failures[label] = _line(error)
    return {label: why.removeprefix("ChapterFailed: ") for label, why in failures.items()}


def _execute(chapter: Chapter, values: dict[str, object], target: Path, ledger_text: str) -> None:
    failed = target.parent / "failed" / target.name
    notebooks.execute(chapter, values, target, ledger_text, failed, planned=True)
    failed.unlink(missing_ok=True)


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def rows_of(notebook: dict) -> list[dict]:
    """The ledger entries and glued numbers of an executed chapter, each a dictionary of ``COLUMNS``."""
    rows = []
    for entry in ledger.collect(notebook):
        variant = entry.get("variant", "published")
        name = entry["id"] if variant == "published" else f"{entry['id']} ({variant})"
        if "ours" in entry:
            measured = {name: (entry["ours"]["mean"], entry["ours"]["std"])}
        else:
            printed, corrected = entry["measured"]["printed"], entry["measured"]["corrected"]
            measured = {name: (printed, None)}
            if corrected is not None:
                measured = {f"{name}, as printed": (printed, None), f"{name}, as corrected": (corrected, None)}
        rows += [
            dict(zip(COLUMNS, ("ledger", key, *values, entry["verdict"]), strict=True))
            for key, values in measured.items()
        ]
    numbers = [("number", name, value, None, None) for name, value in glued(notebook).items()]
    return rows + [dict(zip(COLUMNS, values, strict=True)) for values in numbers]


def glued(notebook: dict) -> dict[str, object]:
    """What is glued into the sentences of an executed chapter, by name: plain values; of others the text."""
    found = {}
    for output in (o for cell in notebook["cells"] for o in cell.get("outputs", ())):
        if "scrapbook" not in output.get("metadata", {}):
            continue
        for text in (v for k, v in output["data"].items() if k.endswith("text/plain")):
            try:
                found[output["metadata"]["scrapbook"]["name"]] = ast.literal_eval(text)
            except (ValueError, SyntaxError):
                found[output["metadata"]["scrapbook"]["name"]] = text
    return found


def table(rows: dict[str, list[dict]], varied: dict[str, dict[str, object]]) -> pd.DataFrame:
    """All rows of all combinations beneath each other, with the varied parameters in front."""
    names = next(iter(varied.values()))
    lines = [[*varied[label].values(), *row.values()] for label, found in rows.items() for row in found]
    # Of objects: a column of counts with gaps is not to become one of floats.
    return pd.DataFrame(lines, columns=[*names, *COLUMNS], dtype=object)


def page(rows: dict[str, list[dict]], sweep: Sweep) -> str:
    """A page that needs no other file: one row for each name, one column for each combination."""
    shown = {label: {row["name"]: _shown(row) for row in found} for label, found in rows.items()}
    names = list(dict.fromkeys(name for column in shown.values() for name in column))
    frame = pd.DataFrame([[column.get(name, "") for column in shown.values()] for name in names], names, list(shown))
    title = f"{sweep.chapter.title}, by {', '.join(sweep.varied)}"
    with pd.option_context("display.max_colwidth", None):
        body = frame.to_html(escape=True, border=0)
    about = f"{title}: ledger entries with their verdicts, then the numbers of the text"
    if "profile" in sweep.chapter.parameters and "profile" not in sweep.varied:
        about += f", under the profile {sweep.profile}"
    body = body.replace(">", f"><caption>{html.escape(about)}</caption>", 1)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n<meta name="viewport" content="width='
        f'device-width">\n<title>{html.escape(title)}</title>\n<style>{_STYLE}</style></head>\n'
        f'<body><div class="box" tabindex="0">\n{body}\n</div></body></html>\n'
    )


def _shown(row: dict) -> str:
    value = f"{row['value']:.5g}".replace("-", "−") if isinstance(row["value"], float) else str(row["value"])
    deviation = "" if row["deviation"] is None else f" ± {row['deviation']:.2g}".replace("-", "−")
    return value + deviation + (f" ({row['verdict']})" if row["verdict"] else "")
