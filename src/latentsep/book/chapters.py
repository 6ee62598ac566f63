"""Chapters: what they are, which parameters they take, and what an executed one depends on."""

import ast
import hashlib
import importlib.metadata
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import yaml

from latentsep.data import coil, digits
from latentsep.ledger import citing
from latentsep.runtime import fingerprints, paths
from latentsep.runtime.paths import UsageError

_DATA = (".toml", ".mplstyle", ".html")  # files of the package that notebooks are made from; of others, names count
_FORM = "with the records that each cell reads"  # of executed notebooks: of another form they are stale
_LIBRARIES = (
    *("torch", "numpy", "scipy", "scikit-learn", "sympy", "pandas", "gudhi"),
    *("matplotlib", "plotly", "myst-nb", "papermill"),
)


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
        return re.findall(r"^# (.+)$", self.text, re.MULTILINE)[0]

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
        for line in parameters_cell(self.notebook())["source"].splitlines() if self.is_notebook else ():
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

    def state(self, values: dict[str, object], ledger_text: str = "") -> dict[str, Any]:
        """What the executed chapter depends on, part by part, as hashes; of the code, room by room."""
        code = "\n".join(c["source"] for c in self.notebook()["cells"] if c["cell_type"] == "code")
        reached = fingerprints.reached(code)
        package = [p for p in sorted(Path(__file__).parents[1].rglob("*.*")) if p.suffix not in (".py", ".pyc")]
        data = b"".join(p.name.encode() + (p.read_bytes() if p.suffix in _DATA else b"") for p in package)
        versions = [importlib.metadata.version(name) for name in _LIBRARIES]
        parts = {"text": self.text, "parameters": repr(values), "libraries": repr(versions), "data": data.hex()}
        parts["form"] = _FORM
        if self.reads_ledger:
            parts["ledger"] = ledger_text
        hashed = {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in parts.items()}
        modules = {module for module, _ in reached}
        found = {"pictures": coil, "digits": digits, "citation": citing}
        plain = {name: kind.at_hand() for name, kind in found.items() if kind.__name__ in modules}
        return {**hashed, **plain, "code": fingerprints.by_room(reached)}


def listed() -> dict[str, Chapter]:
    """All pages of the table of contents, in order, by name."""
    toc = yaml.safe_load((paths.root() / "_toc.yml").read_text())
    files = [toc["root"]]
    for part in toc.get("parts", [toc]):
        files += [entry["file"] for entry in part["chapters"]]
    return {Path(file).name: Chapter(Path(file).name, paths.root() / f"{file}.md") for file in files}


def find(name: str) -> Chapter:
    """A chapter by its name or number. Raises ``UsageError`` that names the chapters."""
    for chapter in listed().values():
        if chapter.is_notebook and name in (chapter.name, chapter.name.split("-")[0].lstrip("0")):
            return chapter
    valid = ", ".join(c.name for c in listed().values() if c.is_notebook)
    raise UsageError(f"chapter is {name!r}; choose a number or one of {valid}")


def parameters_cell(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The cell that readers change values in; an empty one if there is none."""
    for cell in notebook["cells"]:
        if "parameters" in cell["metadata"].get("tags", ()):
            return cell
    return nbformat.v4.new_code_cell("")
