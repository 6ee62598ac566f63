"""How to cite the book and the texts that it is about: ``CITATION.cff`` as BibTeX."""

import hashlib
from pathlib import Path
from typing import Any

import yaml

from latentsep.ledger import sources
from latentsep.runtime import paths

_KINDS = {"software": "software", "thesis": "mastersthesis", "report": "techreport"}  # all others are @misc
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def path() -> Path:
    """Where the citation file of this checkout is."""
    return paths.root() / "CITATION.cff"


def at_hand() -> str:
    """A hash of the citation file: what is drawn from it is stale when it changes."""
    return hashlib.sha256(path().read_bytes()).hexdigest()[:16]


def read() -> dict[str, Any]:
    """What the citation file says, dates as text."""
    return yaml.load(path().read_text(), Loader=yaml.BaseLoader)


def bibtex(citation: dict[str, Any]) -> str:
    """An entry for the work itself, and one for each of its references.

    >>> work = {"type": "software", "title": "a & b", "authors": [{"name": "we"}], "date-released": "2026-12-01"}
    >>> print(bibtex(work))
    @software{latentsep,
      title = {{a \\& b}},
      author = {{we}},
      year = {2026},
      month = dec
    }
    """
    return "\n\n".join(_entry(key, work) for key, work in [("latentsep", citation), *keyed(citation)])


def keyed(citation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The references of a citation, each with the name of the source that it is, or a number."""
    names = {source.title: source.name for source in sources.every().values()}
    return [(names.get(r["title"], f"reference{n}"), r) for n, r in enumerate(citation.get("references", ()), 1)]


def markdown() -> str:
    """The citation file of this checkout as a listing of BibTeX for a page."""
    return f"```bibtex\n{bibtex(read())}\n```"


def _entry(key: str, work: dict[str, Any]) -> str:
    fields = {
        "title": _braced(work["title"], twice=True),
        "author": " and ".join(map(_author, work["authors"])).join("{}"),
        "school" if work["type"] == "thesis" else "institution": _braced(work.get("institution", {}).get("name", "")),
        "version": _braced(work.get("version", "")),
    }
    if released := work.get("date-released"):
        year, month, _ = released.split("-")
        fields |= {"year": _braced(year), "month": _MONTHS[int(month) - 1]}
    fields |= {"note": _braced(work.get("notes", ""))}
    lines = [f"  {name} = {value}" for name, value in fields.items() if value != "{}"]
    return f"@{_KINDS.get(work['type'], 'misc')}{{{key},\n" + ",\n".join(lines) + "\n}"


def _author(author: dict[str, str]) -> str:
    if "name" in author:  # a name that is not taken apart
        return _escaped(author["name"]).join("{}")
    return ", ".join(_escaped(author[part]) for part in ("family-names", "given-names") if part in author)


def _braced(text: str, twice: bool = False) -> str:
    return f"{{{{{_escaped(text)}}}}}" if twice and text else f"{{{_escaped(text)}}}"


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "&%$#_" else letter for letter in text)
