"""Measured numbers inside sentences and tables."""

import dataclasses
from collections.abc import Callable
from typing import Any

import myst_nb

from latentsep.ledger.numerals import numeral
from latentsep.training.runs import Run


def fixed(digits: int, sign: str = "") -> Callable[[Any], Any]:
    """A format of so many decimals with a real minus sign, for sentences and tables; words and counts stay as they are.

    ``sign="+"`` shows it in front of positive values, too.

    >>> fixed(2)(-1.234), fixed(0, "+")(7.3), fixed(2)(-0.001), fixed(2)("none"), fixed(2)(3)
    ('−1.23', '+7', '0.00', 'none', 3)
    """
    return lambda value: value if isinstance(value, str | int) else numeral(value, digits, sign)


def pace(run: Run) -> str:
    """How many updates a run makes, and how fast.

    >>> from latentsep.training.runs import Member
    >>> pace(Run((Member(0.1, 0.1),), updates=3000, learning_rate=1e-3, cooled=1000))
    '3,000 updates at a rate of 0.001, the last 1,000 of them at a tenth of it'
    """
    cooled = f", the last {run.cooled:,} of them at a tenth of it" if run.cooled else ""
    return f"{run.updates:,} updates at a rate of {run.learning_rate:g}{cooled}"


def tell(summary: Any) -> None:
    """Store the fields of a summary, a dataclass, under their names: what a page says in numbers, in one go."""
    glue(**{field.name: getattr(summary, field.name) for field in dataclasses.fields(summary)})


def glue(**values: object) -> None:
    """Store values under names, for ``{glue:text}`` in the prose of the same page.

    NumPy and torch scalars become Python's own, which format as numbers.
    """
    for name, value in values.items():
        myst_nb.glue(name, value.item() if hasattr(value, "item") else value, display=False)
