"""What the tables of the sources print, value by value, and what single values of them must read."""

import re
from dataclasses import dataclass
from functools import cache

from latentsep.ledger import sources

_CELL = re.compile(r"\(?(-?[\d.]+)±([\d.]+)\)?(?:e(-?\d+))?")


@dataclass(frozen=True)
class Printed:
    """A table cell as the thesis prints it: mean, standard deviation, and half a unit of the last digit."""

    mean: float
    std: float
    rounding: float

    @classmethod
    def parse(cls, text: str) -> "Printed":
        """Read ``"(1.59±0.64)e-5"``. Raises ``ValueError`` if the text is no such cell.

        >>> Printed.parse("-28.87±0.03")
        Printed(mean=-28.87, std=0.03, rounding=0.005)
        """
        match = _CELL.fullmatch(text)
        if match is None:
            raise ValueError(f"cell is {text!r}; write it like -28.87±0.03 or (1.59±0.64)e-5")
        scale = 10.0 ** int(match[3] or 0)
        decimals = len(match[1].partition(".")[2])
        # Rounded, since 1.59 * 1e-5 has a tail of binary digits that nobody printed.
        return cls(*(float(f"{float(v) * scale:.12g}") for v in (match[1], match[2], 0.5 * 10.0**-decimals)))


def tables() -> dict[str, dict]:
    """Every table with the values that its source prints: its ``quantities``, and ``cells`` by name."""
    return {name: table for source in sources.every().values() for name, table in source.tables.items()}


@cache
def cells(table: str, corrected: bool = False) -> dict[str, dict[str, Printed]]:
    """The printed values of a table: cell to quantity to value; ``corrected``, with all misprints put right.

    Raises ``ValueError`` for an unknown table.
    """
    if table not in (listed := tables()):
        raise ValueError(f"table is {table!r}; choose one of {', '.join(listed)}")
    entry = listed[table]
    found = {
        cell: dict(zip(entry["quantities"], map(Printed.parse, printed), strict=True))
        for cell, printed in entry["cells"].items()
    }
    for name, text in misprints().items() if corrected else ():
        item, cell, quantity = split(name)
        if item == table:
            found[cell][quantity] = Printed.parse(text)
    return found


def misprints() -> dict[str, str]:
    """What single values of tables must read, by ``"table-7.1/x1/sx1/mse"``, according to the lists of errors."""
    errors = (error for source in sources.every().values() for error in source.errata.values())
    return {name: text for error in errors for name, text in error.get("cells", {}).items()}


def split(identifier: str) -> tuple[str, str, str]:
    """``"table-5.1/x0.1/sx1/mse"`` to item, cell and quantity."""
    item, _, rest = identifier.partition("/")
    cell, _, quantity = rest.rpartition("/")
    return item, cell, quantity
