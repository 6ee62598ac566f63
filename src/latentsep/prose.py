"""Measured numbers inside sentences and tables."""

from collections.abc import Callable

import myst_nb


def fixed(digits: int) -> Callable[[float], str]:
    """A format of so many decimals with a real minus sign, for tables.

    >>> fixed(2)(-1.234)
    '−1.23'
    """
    return lambda value: f"{value:.{digits}f}".replace("-", "−")


def glue(**values: object) -> None:
    """Store values under names, for ``{glue:text}`` in the prose of the same page.

    NumPy and torch scalars become Python's own, which format as numbers.
    """
    for name, value in values.items():
        myst_nb.glue(name, value.item() if hasattr(value, "item") else value, display=False)
