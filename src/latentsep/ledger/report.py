"""The numbers and tables of the reproducibility report: the ledger, summed up, and the models that were trained."""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latentsep.ledger import errata, sources
from latentsep.ledger.ledger import AGREE
from latentsep.ledger.reports import badge, field, html_table
from latentsep.runtime import paths

#: What computed a record of trained weights: Algorithms 1 and 2, and the classifier that judges digits.
TRAINS = ("fit", "algorithm_2", "train")


@dataclass(frozen=True)
class Outcome:
    """How many entries came out how: the thesis's statements and printed values, and what other texts claim.

    Of the values there are those of the thesis's own method, ``values``, and those of corrected methods, ``others``.
    """

    profile: str
    statements: int
    statements_hold: int
    statements_corrected: int
    statements_differ: int
    values: int
    values_agree: int
    values_better: int
    values_differ: int
    values_impossible: int
    others: int
    others_agree: int
    claims: int
    claims_hold: int
    claims_partly: int
    claims_fail: int
    errors: int
    substitutes: int
    trainings: int


def outcome(entries: Sequence[dict], records: Mapping[str, dict]) -> Outcome:
    """Sum up the ledger of a build and the records that its chapters read."""
    thesis = [e for e in entries if (source := sources.of(e["id"])) and source.name == "thesis"]
    values = [e for e in thesis if "ours" in e]
    statements = [e for e in thesis if "ours" not in e]
    own = [e for e in values if e["variant"] == "published"]
    others = [e for e in values if e["variant"] != "published"]
    claims = [e for e in entries if e["id"].startswith("claim-")]
    return Outcome(
        profile=" and ".join(sorted({e["profile"] for e in values})) or "none",
        statements=len(statements),
        statements_hold=_count(statements, *AGREE),
        statements_corrected=_count(statements, "thesis-invalid"),
        statements_differ=_count(statements, "differs"),
        values=len(own),
        values_agree=_count(own, *AGREE),
        values_better=_count(own, "better"),
        values_differ=_count(own, "differs"),
        values_impossible=_count(own, "thesis-invalid"),
        others=len(others),
        others_agree=_count(others, *AGREE),
        claims=len(claims),
        claims_hold=_count(claims, "holds"),
        claims_partly=_count(claims, "holds if"),
        claims_fail=_count(claims, "does not hold"),
        errors=len(errata.errata("thesis")),
        substitutes=sum("data" in e for e in entries),
        trainings=len(trained(records)),
    )


def _count(entries: Sequence[dict], *verdicts: str) -> int:
    return sum(e["verdict"] in verdicts for e in entries)


def differing(entries: Sequence[dict]) -> str:
    """The thesis's statements that came out otherwise, even as corrected, as an HTML table."""
    found = [
        e
        for e in entries
        if e["verdict"] == "differs" and "ours" not in e and e["id"] in sources.every()["thesis"].items
    ]
    rows = ([field(e, "item"), html.escape(e["title"]), badge(e["verdict"]), html.escape(e["why"])] for e in found)
    return html_table(("item", "what it is", "verdict", "what was measured"), rows)


def read_records() -> dict[str, dict[str, Any]]:
    """The records that the chapters of the last build read, by name, each with its chapters; none before a build."""
    return json.loads(paths.read_records().read_text()) if paths.read_records().exists() else {}


def trained(records: Mapping[str, dict]) -> dict[str, dict]:
    """Those of the records that hold trained weights."""
    return {name: record for name, record in records.items() if record["compute"] in TRAINS}


def models(records: Mapping[str, dict]) -> str:
    """The trained records and the chapters that use them, as an HTML table."""
    rows = []
    for name, record in sorted(trained(records).items(), key=lambda item: (item[1]["chapters"], item[0])):
        pages = (f'<a href="{c}.html">{html.escape(c.partition("-")[0].lstrip("0"))}</a>' for c in record["chapters"])
        seeds = ", ".join(map(str, record["seeds"]))
        rows.append([f"<code>{name}</code>", html.escape(record["summary"]), seeds, ", ".join(pages)])
    return html_table(("record", "what was trained", "seed", "chapter"), rows)
