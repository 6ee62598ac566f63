"""How a chapter is executed, and what an executed one holds."""

import contextlib
import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import papermill
from jupyter_client import AsyncKernelManager
from papermill.exceptions import PapermillExecutionError

from latentsep.book.chapters import Chapter, parameters_cell
from latentsep.data import coil
from latentsep.runtime import files, paths, progress, records, witness


class ChapterFailed(RuntimeError):
    """A cell of a chapter raised an error."""


def executed_state(path: Path) -> dict[str, str | dict[str, str]] | None:
    """The state that an executed notebook was made from, or ``None`` if there is no such notebook."""
    try:
        return dict(nbformat.read(path, as_version=4)["metadata"]["latentsep"])
    except (OSError, KeyError, ValueError):
        return None


def read(path: Path) -> nbformat.NotebookNode:
    """An executed notebook."""
    return nbformat.read(path, as_version=4)


def execute(
    chapter: Chapter,
    values: dict[str, object],
    target: Path,
    ledger_text: str = "",
    failed: Path | None = None,
    planned: bool = False,
) -> None:
    """Execute a chapter with papermill, on one thread, and put the result in place, whole or not at all.

    Of a ``planned`` chapter it is said if it computes what should be in the records. Raises ``ChapterFailed`` if a
    cell fails; the half-run notebook then lies at ``failed``, and what was at ``target`` before is still there.
    """
    state = chapter.state(values, ledger_text)
    notebook = chapter.notebook()
    # The cell that readers see holds the values that were used, not the defaults.
    known = chapter.parameters
    literals = {name: json.dumps(v) if isinstance(v, str) else repr(v) for name, v in values.items()}
    lines = [f"{name} = {literal}  # {known[name].domain}" for name, literal in literals.items()]
    if lines:
        parameters_cell(notebook)["source"] = "\n".join(lines)
    with files.temporary(paths.build(), chapter.name) as folder:
        source, result, reports, read = (
            Path(folder) / name for name in ("source.ipynb", "result.ipynb", "progress", "read")
        )
        nbformat.write(notebook, source)
        variables = {
            progress.VARIABLE: str(reports),
            witness.VARIABLE: str(read),
            "PYTHONHASHSEED": "0",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            # As many kernels run as there are cores. And sums over many threads round otherwise than over one.
            **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
            **({records.PLANNED: chapter.name} if planned else {}),
        }
        witnessed = _Witnessed(read)
        try:
            with _environment(variables):
                _run(source, result, chapter, reports, witnessed)
        except (PapermillExecutionError, RuntimeError) as error:  # a kernel that died raises one of the latter
            where = failed or target.with_suffix(".failed.ipynb")
            with contextlib.suppress(FileNotFoundError):  # a kernel that dies at once leaves none
                files.write_whole(where, result.read_bytes())
            if isinstance(error, PapermillExecutionError):
                reason = f"cell {error.cell_index}: {error.ename}: {error.evalue}"
            else:
                reason = "its kernel died, perhaps for lack of memory"
            raise ChapterFailed(f"{chapter.name}, {reason}; the half-run notebook is {where}") from None
        clean = _cleaned(nbformat.read(result, as_version=4))
    if "pictures" in state:  # the run may have brought what was not at hand before
        state["pictures"] = coil.at_hand()
    clean["metadata"] |= {"latentsep": state, "records": witnessed.records, "command": command(chapter, values)}
    for number, names in witnessed.cells.items():
        clean["cells"][number]["metadata"]["records"] = names
    inside = target.resolve().is_relative_to(paths.build().resolve())
    files.write_whole(target, nbformat.writes(clean).encode() + b"\n", paths.build() if inside else None)


def command(chapter: Chapter, values: dict[str, object]) -> str:
    """What runs a chapter so again, and renders it as a page of its own."""
    if chapter.reads_ledger:
        return "latentsep build"  # all others have to run before
    number = chapter.name.partition("-")[0].lstrip("0")
    changed = {name: value for name, value in values.items() if value != chapter.parameters[name].default}
    profile = values.get("profile")
    words = ["latentsep", "run", number, *(["--profile", str(profile)] if profile else [])]
    for name, value in changed.items():
        words += ["-p", name, str(value)] if name != "profile" else []
    return shlex.join([*words, "--html"])


class _Witnessed:
    """The records that cells have read so far: what they are, by name, and the names by the number of the cell."""

    def __init__(self, path: Path):
        self._drain = witness.Drain(path)
        self.records: dict[str, dict] = {}
        self.cells: dict[int, list[str]] = {}

    def __call__(self, cell_index: int, **_: object) -> None:
        if read := self._drain.drained():
            self.cells[cell_index] = [each["name"] for each in read]
            self.records |= {each.pop("name"): each for each in read}


class _Kernels(AsyncKernelManager):
    """Kernels that are reached by sockets in the file system: of two that start at once none takes the other's port."""

    transport = AsyncKernelManager.transport if sys.platform == "win32" else "ipc"


def _run(source: Path, result: Path, chapter: Chapter, reports: Path, witnessed: _Witnessed) -> None:
    bars = progress.Bars(position=2)
    with progress.follow(reports, bars):
        bar = {"desc": f"{chapter.name}: cells", "position": 1, "leave": False}
        papermill.execute_notebook(
            source,
            result,
            kernel_name="python3",
            cwd=str(source.parent),
            progress_bar=bar if progress.watched() else False,
            log_output=False,
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
            kernel_manager_class=_Kernels,
            on_cell_executed=witnessed,
            coalesce_streams=True,  # else lines are together or apart by the time they took
        )
    bars.close()


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Without what differs from run to run: times, papermill's notes, where it ran."""
    notebook["metadata"] = {k: v for k, v in notebook["metadata"].items() if k in ("kernelspec", "language_info")}
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell-{number}"
        for key in ("papermill", "execution"):
            cell["metadata"].pop(key, None)
        for position, output in enumerate(cell.get("outputs", ())):
            data = output.get("data", {})
            if "text/html" in data:
                # pandas gives every styled table a random identifier.
                data["text/html"] = re.sub(r"\bT_[0-9a-f]{5}(?![0-9a-f])", f"T_{number}_{position}", data["text/html"])
            if "text/plain" in data:
                data["text/plain"] = re.sub(r" at 0x[0-9a-f]+", "", data["text/plain"])  # where it was in memory
    return notebook
