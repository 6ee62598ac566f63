"""A definition as plain values, and what code it is made of."""

import dataclasses
import inspect
from typing import Any


def plain(value: object) -> Any:
    """Dataclasses as dictionaries that name their type, so that R² and S¹ with equal fields differ."""
    if dataclasses.is_dataclass(value):
        # What two equal values may differ in does not name them, such as pictures of which a digest is kept.
        fields = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.compare}
        return {"type": type(value).__name__, **fields}
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    return value


def classes(definition: object) -> set[str]:
    """The full names of the classes and functions of this package that a definition is made of.

    Also of what does not name it, such as the models behind their digests, and of what its functions have kept.
    """
    found, seen, pending = set(), set(), [definition]
    while pending:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, (tuple, list, dict)):
            pending += value.values() if isinstance(value, dict) else value
            continue
        kind = value if inspect.isfunction(value) or isinstance(value, type) else type(value)
        if own := kind.__module__.partition(".")[0] == __name__.partition(".")[0]:
            found.add(f"{kind.__module__}.{kind.__qualname__}")
        if own and kind is value:
            pending += [cell.cell_contents for cell in getattr(value, "__closure__", None) or ()]
        elif own or dataclasses.is_dataclass(value):
            pending += vars(value).values()
    return found
