"""One executable check for every numbered statement: how far it is from true, as printed and as corrected.

A check holds a formula, or the package's use of it, against another way to the same number
(quadrature, an exactly solvable model, another library, the networks written out in NumPy), or a
drawing against what it must show, and returns the distance.
"""

from collections.abc import Callable, Collection

from latentsep.ledger import claims, ledger, reports
from latentsep.ledger.checks import (
    autoencoders,
    bayes,
    benchmark,
    bound,
    circle,
    diffusion,
    divergence,
    families,
    foundations,
    generative,
    information,
    linear,
    mappings,
    normal,
    objective,
    passages,
    photographs,
    pictures,
    probability,
    reduction,
    report,
    sentences,
    tables,
    theorem,
    torus,
    tutorial,
    variations,
)
from latentsep.ledger.checks.evidence import CLAIMS, Measures
from latentsep.ledger.checks.registry import STATEMENTS
from latentsep.ledger.ledger import Check

__all__ = [
    "CLAIMS",
    "STATEMENTS",
    "autoencoders",
    "bayes",
    "benchmark",
    "bound",
    "chapter",
    "circle",
    "claimed",
    "diffusion",
    "divergence",
    "families",
    "foundations",
    "generative",
    "information",
    "linear",
    "mappings",
    "normal",
    "objective",
    "passages",
    "photographs",
    "pictures",
    "probability",
    "reduction",
    "report",
    "sentences",
    "tables",
    "theorem",
    "torus",
    "tutorial",
    "variations",
]


def chapter(
    number: int | str,
    measured: dict[str, tuple[Callable[..., Check], object]] | None = None,
    substituted: Collection[str] = (),
) -> reports.Report:
    """Run the checks of a chapter, or of an appendix by its letter.

    ``measured`` adds items that need the chapter's own results: a check, and what it is to look at.
    ``substituted`` names items whose data was not at hand and had to be substituted; their entries say so.
    """
    own = [item for item in STATEMENTS if ledger.items()[item][0] == number]
    found: dict[str, tuple] = {item: (STATEMENTS[item],) for item in own} | (measured or {})
    order, entries = list(ledger.items()), []
    for item in sorted(found, key=order.index):
        check, *results = found[item]
        entry = ledger.statement(item, check(*results), f"{check.__module__}.{check.__qualname__}")
        if item in substituted:
            entry = substituted_in(entry, "the thesis's data")
        entries.append(entry)
    return reports.Report(entries, columns=("item", "title", "check", "printed", "corrected", "verdict"))


def claimed(evidence: Measures, *numbers: str) -> claims.Report:
    """What became of claims with these numbers, such as ``"C.1"``. Raises ``KeyError`` for one that is not measured."""
    entries = []
    for item in (f"claim-{number}" for number in numbers):
        measure = CLAIMS[item]
        entry = claims.entry(item, measure(evidence), f"{measure.__module__}.{measure.__qualname__}")
        entries.append(substituted_in(entry, evidence.wanted) if evidence.substitute else entry)
    return claims.Report(entries)


def substituted_in(entry: dict, data: str) -> dict:
    """The same entry, which stands on a substitute for some data and says so."""
    return entry | {"data": "substitute", "why": f"on a substitute for {data}: {entry['why']}"}
