"""The rules of RO-Crate 1.1 that a machine can check, for what this book writes."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

DESCRIPTOR = "ro-crate-metadata.json"
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
PROFILE = "https://w3id.org/ro/crate/1.1"
_REQUIRED = {
    DESCRIPTOR: ("about", "conformsTo"),
    "./": ("name", "description", "datePublished", "license"),
}
_ACTION = ("name", "object", "instrument", "result")


def problems(crate: dict[str, Any], folder: Path) -> list[str]:
    """What is wrong with a crate whose root is ``folder``, one line each; none if it holds to the rules."""
    context = crate.get("@context")
    found = [] if CONTEXT in (context if isinstance(context, list) else [context]) else [f"context is not {CONTEXT}"]
    graph = crate.get("@graph", [])
    entities = {entity.get("@id", ""): entity for entity in graph}
    found += ["two entities have one @id"] if len(entities) < len(graph) else []
    for name, required in _REQUIRED.items():
        found += _lacks(name, entities.get(name), required)
    found += _root(entities.get(DESCRIPTOR, {}), entities.get("./", {}))
    for name, entity in entities.items():
        found += [f"{name or entity}: no @id or no @type"] if not name or not entity.get("@type") else []
        if "CreateAction" in _list(entity.get("@type")):
            found += _lacks(name, entity, _ACTION)
        for key, value in entity.items():
            found += [f"{name}: {key} {problem}" for problem in _value(key, value, entities)]
    return found + list(_files(entities, folder))


def _lacks(name: str, entity: dict[str, Any] | None, required: tuple[str, ...]) -> list[str]:
    if entity is None:
        return [f"there is no {name}"]
    return [f"{name}: no {key}" for key in required if not entity.get(key)]


def _root(descriptor: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    if descriptor.get("about") != {"@id": "./"} or descriptor.get("@type") != "CreativeWork":
        yield f"{DESCRIPTOR}: is no CreativeWork about ./"
    if descriptor.get("conformsTo") != {"@id": PROFILE}:
        yield f"{DESCRIPTOR}: does not conform to {PROFILE}"
    if "Dataset" not in _list(root.get("@type")):
        yield "./: is no Dataset"
    try:
        date.fromisoformat(str(root.get("datePublished")))
    except ValueError:
        yield "./: datePublished is no date"


def _value(key: str, value: object, entities: dict[str, Any]) -> Iterator[str]:
    for each in _list(value):
        if isinstance(each, list) or (isinstance(each, dict) and set(each) != {"@id"}):
            yield "holds more than text and references"  # a crate is flat
        elif isinstance(each, dict) and key != "conformsTo" and each["@id"] not in entities:
            yield f"refers to {each['@id']}, which is not described"
        elif key == "sha256" and not re.fullmatch(r"[0-9a-f]{64}", str(each)):
            yield "is no SHA-256 checksum"


def _files(entities: dict[str, Any], folder: Path) -> Iterator[str]:
    """Files are there, and parts of the whole."""
    parts = {part["@id"] for part in _list(entities.get("./", {}).get("hasPart")) if isinstance(part, dict)}
    for name, entity in entities.items():
        if "File" in _list(entity.get("@type")):
            if name not in parts:
                yield f"{name}: is no part of ./"
            if "://" not in name and not (folder / name).is_file():
                yield f"{name}: is not there"


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
