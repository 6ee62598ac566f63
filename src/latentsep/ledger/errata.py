"""Errors of the sources: what is printed, what is meant, what follows, and how far off either is; and mere slips."""

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from functools import cache

from latentsep.ledger import ledger, sources
from latentsep.ledger.reports import field, html_table

KINDS = {
    "typographical": "a slip of the pen: the text around it, or its use, has the right form",
    "mathematical": "a statement that is false as printed",
    "experimental": "a figure or table that shows something else than is said of it",
}


@dataclass(frozen=True)
class Erratum:
    """An error in a numbered ``item``: its kind, what is printed and meant, and the consequence; texts are MyST.

    The ``quote`` begins at a ``line`` of the source's text. A ``fragment`` in its place is what that text has of a
    formula, with subscripts and fractions lost: good for finding it, not for showing. ``cells`` has values of tables
    that are put right, by ``"table-5.1/x1/sx1/mse"``. Raises ``ValueError`` for an item or a kind that is not listed.
    """

    item: str
    kind: str
    printed: str
    meant: str
    consequence: str
    line: int = 0
    quote: str = ""
    fragment: str = ""
    cells: Mapping[str, str] = default(default_factory=dict)

    def __post_init__(self):
        if self.item not in ledger.items():
            raise ValueError(f"item is {self.item!r}, which no source lists")
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; choose {' | '.join(KINDS)}")


@dataclass(frozen=True)
class Slip:
    """A wrong name or number of something else, or wording that misleads, at a ``place``: nothing can be computed.

    ``quote``, ``fragment`` and ``line`` are as for ``Erratum``; ``printed`` shows what a fragment stands for.
    """

    place: str
    meant: str
    line: int = 0
    quote: str = ""
    fragment: str = ""
    printed: str = ""


@cache
def errata(source: str | None = None) -> tuple[Erratum, ...]:
    """All errors that are listed for one source, or for all of them, in the order of its items."""
    chosen = sources.every().values() if source is None else [sources.every()[source]]
    found = [Erratum(item, **texts) for each in chosen for item, texts in each.errata.items()]
    order = list(ledger.items())
    return tuple(sorted(found, key=lambda erratum: order.index(erratum.item)))


@cache
def slips(source: str | None = None) -> tuple[Slip, ...]:
    """All slips that are listed for one source, or for all of them, as they follow each other in print."""
    chosen = sources.every().values() if source is None else [sources.every()[source]]
    return tuple(Slip(**texts) for each in chosen for texts in each.slips)


def unlisted(entries: Sequence[dict]) -> set[str]:
    """Items that only one of the two has for wrong: the list of errors, or the verdicts of ledger entries."""
    wrong = {e["id"] for e in entries if "measured" in e and e["verdict"] == "thesis-invalid"}
    return wrong ^ {erratum.item for erratum in errata()}


def table(errors: Sequence[Erratum], entries: Sequence[dict]) -> str:
    """Errors with what is printed, meant and the consequence, and the distances of their checks, as a MyST table."""
    by_item = {entry["id"]: entry for entry in entries}
    rows = [("where", "printed", "meant", "consequence")]
    for erratum in errors:
        where, found = erratum.item, "not computed in this build"
        if erratum.item in by_item:
            entry = by_item[erratum.item]
            where, measured = field(entry, "item"), entry["measured"]
            found = f"off by {measured['printed']:.2g}, as meant {measured['corrected']:.2g}"
            found += f" (tolerance {measured['tolerance']:.2g})"
        printed = f"{erratum.printed} *“{erratum.quote}”*" if erratum.quote else erratum.printed
        rows.append((f"{where}, {erratum.kind}: {found}", printed, erratum.meant, erratum.consequence))
    return listed(rows, (20, 30, 25, 25))


def slip_table(slips: Sequence[Slip]) -> str:
    """Slips with their place, their words where these can be shown, and what is meant, as a MyST table."""
    rows = [("where", "printed", "meant")]
    rows += [(slip.place, f"*“{slip.quote}”*" if slip.quote else slip.printed, slip.meant) for slip in slips]
    return listed(rows, (15, 40, 45))


def listed(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> str:
    """A MyST table of rows, the first of which is its head; ``widths`` in percent."""
    lines = [":::{list-table}", ":header-rows: 1", f":widths: {' '.join(map(str, widths))}", ":class: claims", ""]
    for first, *others in rows:
        lines += [f"* - {first}", *(f"  - {text}" for text in others)]
    return "\n".join([*lines, ":::"])


def kinds() -> str:
    """The kinds of errors and how many of each are listed, as an HTML table."""
    count = Counter(erratum.kind for erratum in errata())
    rows = ([kind, html.escape(text), str(count[kind])] for kind, text in KINDS.items())
    return html_table(("kind", "what it is", "listed"), rows)
