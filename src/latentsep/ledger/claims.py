"""The rule for claims: what a text says that can be measured, whether it holds, and how that is shown."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentsep.ledger import ledger
from latentsep.ledger.numerals import numeral
from latentsep.ledger.reports import badge, html_table

HOLDS, PARTLY, FAILS = ledger.CLAIMED
SPREADS = 2  # standard deviations over repetitions that a difference must exceed
WORDS = {1: "holds", 0: "within the spread", -1: "contradicted"}
MARKS = {1: "✓", 0: "○", -1: "✗"}
Values = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class Measured:
    """What was measured of a claim: in each case a difference that is positive if it holds, one for each repetition.

    ``cases`` has conditions, and under each what was varied, such as 8 for a code of 8 numbers. A case holds if the
    difference is positive in every repetition and its mean exceeds ``SPREADS`` standard deviations over repetitions; it
    is contradicted if that is so of the difference with the other sign; otherwise it lies within the spread. ``says``
    names the difference, ``over`` what was varied, ``digits`` are the decimals to show. Raises ``ValueError`` without
    any case.

    >>> Measured("a less b", "numbers", {"plain": {2: [1.0, 1.1], 4: [0.5, -0.5]}}).verdict
    'holds if'
    """

    says: str
    over: str
    cases: Mapping[str, Mapping[Any, Values]]
    digits: int = 2

    def __post_init__(self):
        if not any(self.cases.values()):
            raise ValueError(f"cases is {self.cases!r}; choose at least one")

    @property
    def signs(self) -> dict[str, dict[Any, int]]:
        """1 for each case that holds, −1 for one that is contradicted, 0 for one within the spread."""
        return {name: {at: sign(values) for at, values in row.items()} for name, row in self.cases.items()}

    @property
    def verdict(self) -> str:
        """*holds* if it does in every case, *does not hold* if in none, else *holds if*."""
        held = [sign == 1 for row in self.signs.values() for sign in row.values()]
        return HOLDS if all(held) else PARTLY if any(held) else FAILS

    @property
    def why(self) -> str:
        """In which cases it holds, in words."""
        parts = []
        for name, row in self.signs.items():
            found = {word: [str(at) for at in row if row[at] == sign] for sign, word in WORDS.items()}
            said = [f"{word} at {', '.join(at)}" for word, at in found.items() if at]
            if len(said) == 1 and len(row) > 1:
                said = [f"{next(word for word, at in found.items() if at)} throughout"]
            parts.append(f"{name}: {', '.join(said)}")
        return f"{self.says} ({self.over}): {'; '.join(parts)}"


def sign(values: Values) -> int:
    """The sign of a difference that is beyond the spread of its repetitions, else 0."""
    values = np.asarray(values, float)
    spread = values.std(ddof=1) if len(values) > 1 else 0.0
    clear = abs(values.mean()) > SPREADS * spread and abs(np.sign(values).sum()) == len(values)
    return int(np.sign(values.mean())) if clear else 0


def entry(item: str, claim: Measured, guard: str) -> dict:
    """The ledger entry of a claim that the function with the full name ``guard`` has measured.

    Raises ``ValueError`` for an item that no source lists.
    """
    if item not in ledger.items():
        raise ValueError(f"item is {item!r}, which no source lists")
    chapter, title = ledger.items()[item]
    cases = {
        name: {str(at): [float(v) for v in values] for at, values in row.items()} for name, row in claim.cases.items()
    }
    return {
        "id": item, "chapter": chapter, "title": title, "anchor": ledger.anchor(item), "says": claim.says,
        "over": claim.over, "cases": cases, "digits": claim.digits, "check": guard, "verdict": claim.verdict,
        "why": claim.why,
    }  # fmt: skip


@dataclass(frozen=True)
class Report:
    """Claims that show themselves in a notebook, each with its verdict and a table of its cases, and travel with it."""

    entries: Sequence[dict]

    def _repr_mimebundle_(self, **_) -> dict[str, object]:
        return {"text/html": self.html(), ledger.MIME: {"entries": list(self.entries)}}

    def html(self) -> str:
        """For each claim its number, title and verdict, what was measured, and the mean and spread of each case."""
        return "".join(map(_shown, self.entries))


def _shown(entry: dict) -> str:
    varied = list(dict.fromkeys(at for row in entry["cases"].values() for at in row))
    rows = [
        [html.escape(name), *(_case(row[at], entry["digits"]) if at in row else "" for at in varied)]
        for name, row in entry["cases"].items()
    ]
    number = entry["id"].removeprefix("claim-")
    head = f"<p><b>{number}</b> {html.escape(entry['title'])}. {badge(entry['verdict'])}</p>"
    table = html_table([html.escape(entry["over"]), *varied], rows)
    return f'<div class="claim">{head}<p>{html.escape(capitalised(entry["says"]))}.</p>{table}</div>'


def capitalised(text: str) -> str:
    """The text as a sentence begins; other letters stay as they are.

    >>> capitalised("nats of −ELBO")
    'Nats of −ELBO'
    """
    return text[:1].upper() + text[1:]


def _case(values: Values, digits: int) -> str:
    spread = f" ± {numeral(float(np.std(values, ddof=1)), digits)}" if len(values) > 1 else ""
    return f"{MARKS[sign(values)]}&nbsp;{numeral(float(np.mean(values)), digits, '+')}{spread}"
