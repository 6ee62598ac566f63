"""What a build was, for machines: an RO-Crate beside the pages, with what made each page of what."""

import json
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from pybtex.database import parse_file
from rocrate.model.contextentity import ContextEntity
from rocrate.model.file import File
from rocrate.rocrate import ROCrate

from latentsep.book import crate_rules, notebooks
from latentsep.ledger import citing
from latentsep.runtime import files, paths

_LICENSES = "https://spdx.org/licenses/"
_TERMS = {"sha256": "https://schema.org/sha256"}


class BrokenCrate(RuntimeError):
    """The crate does not hold to its format; the message has one line for each fault."""


def write(html: Path, executed: Iterable[Path]) -> None:
    """Describe a rendered book and the executed notebooks that its pages were made from.

    It tells nothing that two builds of one commit differ in: no times, and not who built. Raises ``BrokenCrate``.
    """
    content = _Book(html, sorted(executed)).described()
    if found := crate_rules.problems(content, html):
        raise BrokenCrate("\n".join(found))
    text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    files.write_whole(html / crate_rules.DESCRIPTOR, text.encode())


class _Book:
    def __init__(self, html: Path, executed: list[Path]):
        self._html, self._executed, self._citation = html, executed, citing.read()
        self._crate = ROCrate(version="1.1")
        self._crate.metadata.extra_terms.update(_TERMS)

    def described(self) -> dict[str, Any]:
        """The whole as JSON-LD."""
        citation, root = self._citation, self._crate.root_dataset
        license_ = self._add(_LICENSES + citation["license"], "CreativeWork", name=citation["license"])
        software = self._software(license_)
        references = [*self._sources(), *self._bibliography()]
        self._files()
        for notebook in self._executed:
            self._chapter(notebook, software)
        for name, value in {
            "name": citation["title"],
            "description": citation["abstract"],
            "license": license_,
            "datePublished": citation["date-released"],
            "citation": references,
            "mainEntity": software,
        }.items():
            root[name] = value
        return self._crate.metadata.generate()

    def _add(self, identifier: str, kind: str, /, **properties: object) -> dict[str, str]:
        """Describe something, once; what is returned refers to it."""
        reference = {"@id": identifier}
        if self._crate.get(identifier) is None:
            self._crate.add(ContextEntity(self._crate, identifier, properties={"@type": kind, **properties}))
        return reference

    def _software(self, license_: dict[str, str]) -> dict[str, str]:
        """The book's own code, the Python that ran it, and all that was installed beside it."""
        installed = {d.name: d.version for d in metadata.distributions() if d.name != "latentsep"}
        needs = [
            self._add(f"#package-{name.lower()}", "SoftwareApplication", name=name, softwareVersion=version)
            for name, version in sorted(installed.items(), key=lambda item: item[0].lower())
        ]
        language = self._add("#python", "ComputerLanguage", name="Python", version=platform.python_version())
        authors = [
            self._add(f"#author-{number}", "Organization", name=author["name"])
            for number, author in enumerate(self._citation["authors"], 1)
        ]
        return self._add(
            "#latentsep",
            "SoftwareSourceCode",
            name="latentsep",
            version=self._citation["version"],
            license=license_,
            author=authors,
            programmingLanguage=language,
            softwareRequirements=needs,
        )

    def _sources(self) -> list[dict[str, str]]:
        """The thesis and the companion texts."""
        return [
            self._add(f"#source-{key}", "Thesis" if work["type"] == "thesis" else "CreativeWork", name=work["title"])
            for key, work in citing.keyed(self._citation)
        ]

    def _bibliography(self) -> list[dict[str, str]]:
        entries = parse_file(paths.root() / "book" / "references.bib").entries
        return [
            self._add(
                f"#reference-{key}",
                "ScholarlyArticle",
                name=_plain(entry.fields["title"]),
                creator=", ".join(_plain(str(person)) for person in entry.persons.get("author", ())),
                datePublished=entry.fields.get("year", ""),
            )
            for key, entry in sorted(entries.items())
        ]

    def _files(self) -> None:
        """The pages, and the notebooks that can be saved from them."""
        kinds = {".html": "text/html", ".ipynb": "application/x-ipynb+json", ".md": "text/markdown"}
        for path in sorted([*self._html.glob("book/*.html"), *self._html.glob("_sources/book/*")]):
            name = path.relative_to(self._html).as_posix()
            properties = {"name": path.stem, "encodingFormat": kinds.get(path.suffix, "text/plain")}
            self._crate.add(File(self._crate, None, name, properties=properties))

    def _chapter(self, notebook: Path, software: dict[str, str]) -> None:
        """How a page came about: of its notebook and of records, by the book's code."""
        noted = notebooks.read(notebook)["metadata"]
        inputs = [self._record(name, record) for name, record in sorted(noted.get("records", {}).items())]
        source, page = f"_sources/book/{notebook.name}", f"book/{notebook.stem}.html"
        inputs += [{"@id": source}] if self._crate.get(source) else []
        self._add(
            f"#run-{notebook.stem}",
            "CreateAction",
            name=f"{notebook.stem}, executed and rendered",
            instrument=software,
            description=noted.get("command", ""),
            object=inputs,
            result={"@id": page},
        )

    def _record(self, name: str, record: dict[str, Any]) -> dict[str, str]:
        """A record, which is not among the files: releases have them in an archive."""
        said = {"name": f"{name}.record", "description": record["summary"], "version": record["code"]}
        return self._add(f"#record-{name}", "CreativeWork", **said, sha256=record["sha256"])


def _plain(text: str) -> str:
    """A title of BibTeX without its braces."""
    return text.replace("{", "").replace("}", "")
