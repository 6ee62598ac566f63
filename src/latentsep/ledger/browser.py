"""The ledger as a page: a table that a reader can search, filter and sort, and a plain one without scripts."""

from collections.abc import Sequence

from markupsafe import Markup

from latentsep.figures import interactive
from latentsep.ledger.ledger import tally
from latentsep.ledger.reports import Report

_COLUMNS = ("item", "title", "thesis", "ours", "verdict", "why")


def table(entries: Sequence[dict]) -> str:
    """The same table with a field to search it, a choice of verdicts, and headings that sort; plain without scripts."""
    plain = Markup(Report(entries, _COLUMNS).html())
    return interactive.render("browser.html", table=plain, counts=tally(entries), total=len(entries))
