"""The reproduction ledger: what the sources number, and the rule that judges each item.

A chapter shows entries as a report or table (``reports``), the executed notebook keeps them beside
it, and ``make book`` gathers them into ``_build/reproduction.json``. Nothing here is typed in but what
the ``sources`` print.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from latentsep.ledger import sources, twice
from latentsep.ledger.numerals import numeral
from latentsep.ledger.printed import Printed, cells, tables
from latentsep.runtime import paths

MIME = "application/vnd.latentsep.ledger+json"
VERDICTS = {
    "reproduced": "holds as printed: a value to three combined standard deviations, a statement to its tolerance",
    "uninformative": "agrees, but so would the best value possible: three printed deviations reach down to it",
    "better": "our value is lower, where lower is better, by more than three combined standard deviations",
    "differs": "outside three combined standard deviations, and not better; by how much is given",
    "thesis-invalid": "what is printed cannot hold: it fails its check, lies below the best possible value, or"
    " contradicts its own row",
    "holds": "a claim that is true in every case measured, each time and by more than two standard deviations",
    "holds if": "a claim that is true in some of the cases measured, which are named, and not in others",
    "does not hold": "a claim that is true in none of the cases measured; the opposite may be, or nothing certain",
}
CLAIMED = ("holds", "holds if", "does not hold")  # the verdicts of claims
AGREE = ("reproduced", "uninformative")
LOWER_IS_BETTER = ("neg_elbo", "mse", "tolerance")
HAVE_A_FLOOR = ("neg_elbo", "tolerance")


@dataclass(frozen=True)
class Check:
    """How far a statement is from true, as printed and as corrected, against one tolerance.

    ``corrected`` is ``None`` where the print needs no correction.
    """

    says: str
    printed: float
    tolerance: float
    corrected: float | None = None

    @property
    def verdict(self) -> str:
        """The rule for statements: the print holds, or only its correction does, or neither."""
        if self.printed <= self.tolerance:
            return "reproduced"
        if self.corrected is not None and self.corrected <= self.tolerance:
            return "thesis-invalid"
        return "differs"


def judge(
    quantity: str,
    thesis: Printed,
    mean: float,
    std: float,
    floor: float | None = None,
    bound_gain: float = 0.0,
    least: float | None = None,
) -> tuple[str, str]:
    """The rule for table cells: return a verdict and the reason for it.

    Standard deviations are those of single repetitions, as the thesis gives them; combined, they
    are the root of the sum of squares of its, ours and half a unit of its last digit. ``floor`` is
    the best possible value, if known; ``bound_gain`` is by how many nats our −ELBO of the same cell
    is below the thesis's, which explains a shift between its two parts. ``least`` is a value that the
    quantity cannot be below, whatever the model; a print that does not tell itself from it is uninformative.
    """
    spread = math.sqrt(thesis.std**2 + std**2 + thesis.rounding**2)
    z = (mean - thesis.mean) / spread
    if floor is not None and thesis.mean + 3 * thesis.std + thesis.rounding < floor:
        return "thesis-invalid", f"the printed value lies {floor - thesis.mean:.2f} below the floor {numeral(floor, 2)}"
    if abs(z) <= 3:
        blunt = least is not None and thesis.mean - 3 * thesis.std <= least
        return AGREE[blunt], f"{abs(z):.1f} combined standard deviations apart"
    if quantity in LOWER_IS_BETTER and z < 0:
        return "better", f"lower by {-z:.1f} combined standard deviations"
    why = f"{'higher' if z > 0 else 'lower'} by {abs(z):.1f} combined standard deviations"
    power = round(math.log10(mean / thesis.mean)) if mean * thesis.mean > 0 else 0
    moved = math.sqrt(thesis.std**2 + (std / 10**power) ** 2 + thesis.rounding**2)
    if quantity == "mse" and abs(power) == 1 and abs(mean / 10**power - thesis.mean) <= 3 * moved:
        why += f"; reproduced once the exponent is moved by {power:+d}"
    elif bound_gain > 0:
        why += f"; −ELBO of this cell is {bound_gain:.2f} nats lower"
    elif quantity in ("mse", "tolerance"):
        factor = mean / thesis.mean
        why += f"; {factor:,.0f} times the printed value" if factor >= 10 else f"; {factor:.2g} times the printed value"
    return "differs", why


def items() -> dict[str, tuple[int | str, str]]:
    """Every listed item: identifier to chapter, a number or letters, and title."""
    return {item: where for source in sources.every().values() for item, where in source.items.items()}


def anchor(item: str) -> str:
    """Where an item stands on its page: ``"fig-A.1"`` under ``fig-a-1``, for Sphinx knows lower case only."""
    return item.replace(".", "-").lower()


def statement(item: str, check: Check, guard: str) -> dict:
    """The ledger entry of a numbered item that is judged by a check, whose full name is ``guard``.

    Raises ``ValueError`` for an unlisted item.
    """
    if item not in items():
        raise ValueError(f"item is {item!r}, which no source lists")
    chapter, title = items()[item]
    numbers = {"printed": check.printed, "corrected": check.corrected, "tolerance": check.tolerance}
    measured = {name: value if value is None else float(value) for name, value in numbers.items()}  # for JSON
    return {
        "id": item, "chapter": chapter, "title": title, "anchor": anchor(item), "measured": measured,
        "check": guard, "verdict": check.verdict, "why": check.says,
    }  # fmt: skip


def table(
    item: str,
    summary: dict[tuple[str, str], tuple[float, float, int]],
    floors: dict[str, float],
    variant: str,
    profile: str,
    place: str | None = None,
) -> list[dict]:
    """The ledger entries of a table, one per printed value.

    ``summary`` maps (cell, quantity) to our ``(mean, std, n)``; ``floors`` maps a cell to the least
    possible −ELBO or tolerance. ``variant`` is ``published`` for the thesis's method; a table of any
    other stands in a place of its own, unless ``place`` names the anchor of one that it shares. Raises
    ``KeyError`` for a printed cell that ``summary`` lacks.
    """
    chapter, title = items()[item]
    both = twice.cells(item) if "mse" in tables()[item]["quantities"] else {}
    place = place or (anchor(item) if variant == "published" else f"{anchor(item)}-{variant}")
    entries = []
    for cell, printed in cells(item).items():
        gain = 0.0
        if "neg_elbo" in printed:
            bound, (mean, std, _) = printed["neg_elbo"], summary[cell, "neg_elbo"]
            # A gain within one combined deviation explains nothing.
            gain = max(0.0, bound.mean - mean) if bound.mean - mean > math.hypot(bound.std, std) else 0.0
        for quantity, value in printed.items():
            mean, std, n = summary[cell, quantity]
            floor = floors.get(cell) if quantity in HAVE_A_FLOOR else None
            gained = gain if quantity in ("kl", "reconstruction") else 0.0
            verdict, why = judge(
                quantity,
                value,
                mean,
                std,
                floor,
                gained,
                least_possible(item, cell, quantity) if floor is None else floor,
            )
            if quantity == "mse" and (row := both[cell]).contradicts:
                verdict, why = "thesis-invalid", contradicted(row, mean, std)
            # A floor of 0, of tolerances at equal σ, is none worth a word.
            if variant != "published" and floor:
                why += f"; ours lies {mean - floor:.3f} above the floor"
            entries.append({
                "id": f"{item}/{cell}/{quantity}", "chapter": chapter, "title": title, "anchor": place,
                "thesis": {"mean": value.mean, "std": value.std}, "ours": {"mean": mean, "std": std, "n": n},
                "floor": floor, "variant": variant, "profile": profile, "check": f"{__name__}.judge",
                "verdict": verdict, "why": why,
            })  # fmt: skip
    return entries


def least_possible(item: str, cell: str, quantity: str) -> float | None:
    """What a quantity of a cell cannot be below, whatever the model; ``None`` if nothing is known."""
    if quantity == "reconstruction":
        return twice.constant(item, cell)
    return 0.0 if quantity in ("kl", "mse") else None


def contradicted(row: twice.Twice, mean: float, std: float) -> str:
    """Why an MSE cannot be what is printed, and how ours compares with it once its exponent is put right."""
    _, why = judge("mse", row.moved(row.exponent).first, mean, std)
    return (
        f"its row's reconstruction error makes it at most {row.second.mean:.2g} ± {row.second.std:.2g};"
        f" with the exponent moved by {row.exponent:+d} ours is {why}"
    )


def collect(notebook: dict) -> list[dict]:
    """The entries that an executed notebook carries."""
    outputs = (o for cell in notebook["cells"] for o in cell.get("outputs", ()))
    bundles = (o.get("data", {}).get(MIME) for o in outputs)
    return [entry for bundle in bundles if bundle for entry in bundle["entries"]]


def tally(entries: Sequence[dict]) -> dict[str, int]:
    """How many entries have each verdict; those of claims are left out if there are none."""
    counts = {verdict: sum(e["verdict"] == verdict for e in entries) for verdict in VERDICTS}
    claimed = any(e["verdict"] in CLAIMED for e in entries)
    return {verdict: count for verdict, count in counts.items() if claimed or verdict not in CLAIMED}


def read() -> list[dict]:
    """The ledger of the last build. Raises ``UsageError`` if there was none."""
    if not paths.ledger().exists():
        raise paths.UsageError("no ledger yet: run 'latentsep build' first")
    return json.loads(paths.ledger().read_text())


def dump(entries: Sequence[dict]) -> str:
    """The ledger as the text of ``reproduction.json``."""
    return json.dumps(list(entries), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
