"""The ledger as a page: a table that a reader can search, filter and sort, and a plain one without scripts."""

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from latentsep.figures import interactive
from latentsep.ledger import sources
from latentsep.ledger.ledger import VERDICTS
from latentsep.ledger.reports import field, html_table

_COLUMNS = ("item", "title", "thesis", "ours", "verdict", "why")


def table(entries: Sequence[dict]) -> str:
    """A table of entries with a field to search it, choices to filter it, and headings that sort.

    It can be filtered by source, chapter, kind and verdict. Without scripts it is a plain table.
    """
    marks = [_marks(entry) for entry in entries]
    rows = ([field(entry, column) for column in _COLUMNS] for entry in entries)
    plain = Markup(html_table(_COLUMNS, rows, marks))
    filters = {
        name: _choices(name, [mark[name] for mark in marks]) for name in ("source", "chapter", "kind", "verdict")
    }
    return interactive.render("browser.html", table=plain, filters=filters, total=len(entries))


def _marks(entry: dict) -> dict[str, str]:
    source, kind = sources.of(entry["id"]), entry["id"].partition("-")[0]
    name = source.name if source else ""
    return {"source": name, "chapter": str(entry["chapter"]), "kind": kind, "verdict": entry["verdict"]}


def _choices(name: str, values: Sequence[str]) -> dict[str, str]:
    """What may be chosen of a filter, in order, and how a reader sees it: with the number of rows."""
    counts = Counter(values)
    named = {
        "source": {s.name: s.title for s in sources.every().values()},
        "kind": {prefix: kind.plural for prefix, kind in sources.KINDS.items()},
        "verdict": {verdict: verdict for verdict in VERDICTS},
    }.get(name, {value: value for value in counts})
    return {value: f"{text} ({counts[value]})" for value, text in named.items() if counts[value]}
