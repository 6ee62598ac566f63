"""Measured numbers inside sentences."""

import myst_nb


def glue(**values: object) -> None:
    """Store values under names, for ``{glue:text}`` in the prose of the same page.

    NumPy and torch scalars become Python's own, which format as numbers.
    """
    for name, value in values.items():
        myst_nb.glue(name, value.item() if hasattr(value, "item") else value, display=False)
