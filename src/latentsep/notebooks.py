"""Chapters: what they are, which parameters they take, and how one is executed."""

import ast
import contextlib
import hashlib
import importlib.metadata
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
import papermill
import yaml
from jupyter_client import AsyncKernelManager
from papermill.exceptions import PapermillExecutionError

from latentsep import coil, files, paths, progress, records
from latentsep.fingerprints import fingerprint, imported
from latentsep.paths import UsageError

_LIBRARIES = ("torch", "numpy", "scipy", "sympy", "pandas", "matplotlib", "gudhi", "plotly", "myst-nb", "papermill")


class ChapterFailed(RuntimeError):
    """A cell of a chapter raised an error."""


@dataclass(frozen=True)
class Parameter:
    """One line of a chapter's ``parameters`` cell: ``name = default  # domain``.

    A domain is ``a | b | c`` (words to choose from), ``low..high`` (numbers, of the default's type) or
    ``a path``, of a file or folder that exists; ``None`` may be added to each with ``None | ``.
    """

    name: str
    default: object
    domain: str

    def parse(self, text: str) -> object:
        """Turn what a user typed into a value. Raises ``UsageError`` that names the valid choices."""
        choices = [c.strip() for c in self.domain.split("|")]
        error = UsageError(f"{self.name} is {text!r}; choose {' or '.join(choices).replace('..', ' to ')}")
        if "a path" in choices and text != "None":
            if not Path(text).exists():
                raise UsageError(f"{self.name} is {text!r}, where there is nothing; choose {' or '.join(choices)}")
            return str(Path(text).resolve())  # a notebook runs in a folder of its own
        if text in choices:
            return None if text == "None" else text
        for choice in choices:
            if (bounds := choice.split("..")) and len(bounds) == 2:
                kind = float if any("." in b or "e" in b for b in bounds) else int
                try:
                    value = kind(text)
                except ValueError:
                    raise error from None
                if float(bounds[0]) <= value <= float(bounds[1]):
                    return value
        raise error


@dataclass(frozen=True)
class Chapter:
    """A notebook of the book, by the name of its file without the ending."""

    name: str
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def title(self) -> str:
        return re.search(r"^# (.+)$", self.text, re.MULTILINE)[1]

    @property
    def is_notebook(self) -> bool:
        return "```{code-cell}" in self.text

    @property
    def reads_ledger(self) -> bool:
        """Whether the page is drawn from the ledger, and so must run after all the others."""
        return "ledger.read()" in self.text

    @property
    def cost(self) -> dict[str, str]:
        """About how long the chapter takes under each profile, from its header."""
        header = yaml.safe_load(self.text.split("---", 2)[1]) if self.is_notebook else {}
        return header.get("cost", {})

    @property
    def parameters(self) -> dict[str, Parameter]:
        found = {}
        for line in _parameters_cell(self.notebook())["source"].splitlines() if self.is_notebook else ():
            match = re.fullmatch(r"(\w+) = (.+?)  # (.+)", line)
            if match is None:
                raise ValueError(f"{self.path.name}: write parameters like 'name = default  # domain', not {line!r}")
            found[match[1]] = Parameter(match[1], ast.literal_eval(match[2]), match[3])
        return found

    def notebook(self) -> nbformat.NotebookNode:
        notebook = jupytext.read(self.path)
        for number, cell in enumerate(notebook["cells"]):
            cell["id"] = f"cell-{number}"  # jupytext draws random ones
        return notebook

    def values(self, changes: dict[str, object]) -> dict[str, object]:
        """All parameters with their values. Raises ``UsageError`` for a name that is not one."""
        known = self.parameters
        for name in changes:
            if name not in known:
                raise UsageError(f"{self.name} has no parameter {name!r}; choose {', '.join(known) or 'none'}")
        return {name: changes.get(name, p.default) for name, p in known.items()}

    def state(self, values: dict[str, object], ledger_text: str = "") -> dict[str, str]:
        """What the executed chapter depends on, part by part, as hashes."""
        code = "\n".join(c["source"] for c in self.notebook()["cells"] if c["cell_type"] == "code")
        modules = sorted(set(imported(ast.parse(code), "latentsep")))
        data = b"".join(p.read_bytes() for p in sorted(Path(__file__).parent.glob("*.*")) if p.suffix != ".py")
        versions = [importlib.metadata.version(name) for name in _LIBRARIES]
        parts = {"text": self.text, "parameters": repr(values), "libraries": repr(versions), "data": data.hex()}
        if self.reads_ledger:
            parts["ledger"] = ledger_text
        hashed = {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in parts.items()}
        plain = {"pictures": coil.at_hand()} if "latentsep.coil" in modules else {}
        return {**hashed, **plain, "code": fingerprint(*modules)}


def chapters() -> dict[str, Chapter]:
    """All pages of the table of contents, in order, by name."""
    toc = yaml.safe_load((paths.root() / "_toc.yml").read_text())
    files = [toc["root"]]
    for part in toc.get("parts", [toc]):
        files += [entry["file"] for entry in part["chapters"]]
    return {Path(file).name: Chapter(Path(file).name, paths.root() / f"{file}.md") for file in files}


def find(name: str) -> Chapter:
    """A chapter by its name or number. Raises ``UsageError`` that names the chapters."""
    for chapter in chapters().values():
        if chapter.is_notebook and name in (chapter.name, chapter.name.split("-")[0].lstrip("0")):
            return chapter
    valid = ", ".join(c.name for c in chapters().values() if c.is_notebook)
    raise UsageError(f"chapter is {name!r}; choose a number or one of {valid}")


def executed_state(path: Path) -> dict[str, str] | None:
    """The state that an executed notebook was made from, or ``None`` if there is no such notebook."""
    try:
        return dict(nbformat.read(path, as_version=4)["metadata"]["latentsep"])
    except (OSError, KeyError, ValueError):
        return None


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
        _parameters_cell(notebook)["source"] = "\n".join(lines)
    with files.temporary(paths.build(), chapter.name) as folder:
        source, result, reports = (Path(folder) / name for name in ("source.ipynb", "result.ipynb", "progress"))
        nbformat.write(notebook, source)
        variables = {
            progress.VARIABLE: str(reports),
            "PYTHONHASHSEED": "0",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            # As many kernels run as there are cores. And sums over many threads round otherwise than over one.
            **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
            **({records.PLANNED: chapter.name} if planned else {}),
        }
        try:
            with _environment(variables):
                _run(source, result, chapter, reports)
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
    clean["metadata"]["latentsep"] = state
    inside = target.resolve().is_relative_to(paths.build().resolve())
    files.write_whole(target, nbformat.writes(clean).encode() + b"\n", paths.build() if inside else None)


class _Kernels(AsyncKernelManager):
    """Kernels that are reached by sockets in the file system: of two that start at once none takes the other's port."""

    transport = AsyncKernelManager.transport if sys.platform == "win32" else "ipc"


def _run(source: Path, result: Path, chapter: Chapter, reports: Path) -> None:
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


def _parameters_cell(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    for cell in notebook["cells"]:
        if "parameters" in cell["metadata"].get("tags", ()):
            return cell
    return nbformat.v4.new_code_cell("")
