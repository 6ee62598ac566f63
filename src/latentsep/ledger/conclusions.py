"""What became of a claim of the thesis, by one rule, from the verdicts of the items that it rests on."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from latentsep.ledger import ledger
from latentsep.ledger.reports import badge, field, html_table

#: What can be said of a claim, and when.
ANSWERS = {
    "holds": "every item that it rests on holds as printed",
    "holds with a correction": "every item holds, at least one only as corrected",
    "holds in part": "some items hold, as printed or as corrected, and others do not",
    "does not hold": "none of the items holds, not even as corrected",
    "open": "an item has not been computed in this build",
}


@dataclass(frozen=True)
class Claim:
    """A statement of a source in our words, and the numbered ``items`` (not tables) that it rests on.

    Raises ``ValueError`` for an item that is not listed, or a table, which has a verdict for each cell.
    """

    says: str
    items: tuple[str, ...]

    def __post_init__(self):
        for item in self.items:
            if item not in ledger.items() or item.startswith("table-"):
                raise ValueError(f"items has {item!r}; choose figures, definitions or equations that a source lists")

    def evidence(self, entries: Sequence[dict]) -> list[dict]:
        """The ledger entries of the items, in their order; those that are not there are left out."""
        by_item = {entry["id"]: entry for entry in entries}
        return [by_item[item] for item in self.items if item in by_item]

    def answer(self, entries: Sequence[dict]) -> str:
        """One of ``ANSWERS``.

        >>> entries = [{"id": "fig-5.4", "verdict": "reproduced"}, {"id": "thm-3", "verdict": "thesis-invalid"}]
        >>> Claim("Latent variables form a ring.", ("fig-5.4", "thm-3")).answer(entries)
        'holds with a correction'
        """
        found = self.evidence(entries)
        if len(found) < len(self.items):
            return "open"
        # An item is invalid as printed only if its correction passes the same check.
        failed = sum(entry["verdict"] == "differs" for entry in found)
        if failed:
            return "does not hold" if failed == len(found) else "holds in part"
        corrected = any(entry["verdict"] == "thesis-invalid" for entry in found)
        return "holds with a correction" if corrected else "holds"


def table(claims: Sequence[Claim], entries: Sequence[dict]) -> str:
    """Claims, what they rest on, and what became of them, as an HTML table."""
    rows = []
    for claim in claims:
        found = {
            entry["id"]: f"{field(entry, 'item')}&nbsp;{badge(entry['verdict'], False)}"
            for entry in claim.evidence(entries)
        }
        items = ", ".join(found.get(item, f"{item} (not computed)") for item in claim.items)
        rows.append([html.escape(claim.says), items, f"<b>{claim.answer(entries)}</b>"])
    return html_table(("claim", "rests on", "answer"), rows)


def rules() -> str:
    """The meaning of each answer to a claim, as an HTML table."""
    return html_table(("answer", "rule"), ([f"<b>{a}</b>", html.escape(rule)] for a, rule in ANSWERS.items()))
