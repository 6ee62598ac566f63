"""What the thesis says when it compares values of its tables, each sentence against the printed values."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from latentsep.ledger import errata, ledger, reports, sources
from latentsep.ledger.checks.tables import NOISES, WIDTHS, apart
from latentsep.ledger.numerals import numeral
from latentsep.ledger.printed import Printed

Finding = tuple[bool, str]  # whether it holds in print, and by which numbers


@dataclass(frozen=True)
class Sentence:
    """A comparison at a ``place``, in our words and in its own, which begin at a ``line`` of the source's text.

    ``find`` decides whether it holds; ``entry`` is the error that it is listed as, if it does not.
    """

    place: str
    says: str
    quote: str
    line: int
    find: Callable[[], Finding]
    entry: str = ""


SENTENCES: list[Sentence] = []


def sentence(find: Callable[[], Finding]) -> Callable[[], Finding]:
    """Register a function that finds out whether the sentence of its name holds."""
    SENTENCES.append(Sentence(find=find, **sources.every()["thesis"].sentences[find.__name__]))
    return find


def table(entries: Sequence[dict]) -> str:
    """All sentences with what the printed values say to them, and the entry of those that do not hold; MyST."""
    by_item = {entry["id"]: entry for entry in entries}
    rows = [("where", "says", "holds", "by the printed values")]
    for each in SENTENCES:
        holds, numbers = each.find()
        listed = reports.field(by_item[each.entry], "item") if each.entry in by_item else each.entry
        answer = "yes" if holds else f"no: {listed}"
        rows.append((each.place, f"{each.says} *“{each.quote}”*", answer, numbers))
    return errata.listed(rows, (8, 52, 16, 24))


def column(table: str, noise: str, quantity: str) -> list[Printed]:
    """What a table prints for a dataset, by σ_X from small to large."""
    return [ledger.cells(table)[f"{noise}/{width}"][quantity] for width in WIDTHS]


def tolerances(table: str) -> dict[str, Printed]:
    """What a table of tolerances prints, by ``"R²/S¹"``."""
    return {cell: values["tolerance"] for cell, values in ledger.cells(table).items()}


def farthest(table: str, quantities: tuple[str, ...]) -> float:
    """The largest distance between the rows with little noise, in combined deviations."""
    pairs = (zip(column(table, "x0.01", q), column(table, "x0.1", q), strict=True) for q in quantities)
    return max(apart(*pair) for pair in itertools.chain(*pairs))


@sentence
def same_rows() -> Finding:
    most = farthest("table-5.1", ("neg_elbo", "kl", "reconstruction"))
    return most <= 3, f"up to {numeral(most, 1)} combined deviations apart"


@sentence
def one_order() -> Finding:
    small, large = (column("table-5.1", noise, "mse")[0].mean for noise in NOISES[:2])
    return round(math.log10(large / small)) == 1, f"a factor of {numeral(large / small, 0)}"


def deviations(table: str, noise: str) -> dict[str, list[float]]:
    """Deviations by σ_X from small to large, for each quantity."""
    return {q: [v.std for v in column(table, noise, q)] for q in ledger.cells(table)["x1/sx1"]}


@sentence
def higher_deviations() -> Finding:
    clean, little, noisy = ([*itertools.chain(*deviations("table-5.1", noise).values())] for noise in NOISES)
    higher = sum(c > max(a, b) for a, b, c in zip(clean, little, noisy, strict=True))
    return higher == len(noisy), f"of {len(noisy)} values {higher} are"


@sentence
def highest_at_the_least_width() -> Finding:
    found = [stds.index(max(stds)) == 0 for stds in deviations("table-5.1", "x1").values()]
    return all(found), f"for {sum(found)} of {len(found)} quantities"


@sentence
def least_at_the_largest_width() -> Finding:
    found = [stds.index(min(stds)) == 2 for stds in deviations("table-5.1", "x1").values()]
    return all(found), f"for {sum(found)} of {len(found)} quantities"


@sentence
def lowest_of_its_row() -> Finding:
    errors = [v.mean for v in column("table-5.1", "x1", "mse")]
    factors = " and ".join(numeral(error / errors[2], 0) for error in errors[:2])
    return errors[2] == min(errors), f"{factors} times lower than the others, in print"


@sentence
def increasing_errors() -> Finding:
    rising = [[column("table-7.1", n, "mse")[i].mean for n in NOISES] for i in range(3)]
    found = sum(values == sorted(values) for values in rising)
    return found == 3, f"for {found} of 3 values of σ_X, in print"


@sentence
def similar_rows() -> Finding:
    most = farthest("table-7.1", ("neg_elbo", "kl", "reconstruction"))
    return most <= 3, f"at most {numeral(most, 1)} combined deviations apart"


@sentence
def two_orders() -> Finding:
    pairs = zip(column("table-7.1", "x0.01", "mse"), column("table-7.1", "x0.1", "mse"), strict=True)
    most = max(abs(math.log10(b.mean / a.mean)) for a, b in pairs)
    return round(most) == 2, f"by {numeral(most, 1)}"


@sentence
def variability() -> Finding:
    stds = [values for noise in NOISES for values in deviations("table-7.1", noise).values()]
    found = sum(values == sorted(values, reverse=True) for values in stds)
    return found == len(stds), f"in {found} of {len(stds)} rows and quantities deviations fall as σ_X grows"


def by_source(table: str, space: str) -> tuple[list[Printed], list[Printed]]:
    """Tolerances from a space, and the others."""
    found = tolerances(table).items()
    return [v for c, v in found if c.startswith(space)], [v for c, v in found if not c.startswith(space)]


def relative(*some: list[Printed]) -> str:
    """The largest deviations of some lists of values, relative to these."""
    shares = (numeral(100 * max(v.std / v.mean for v in values), 1) for values in some)
    return f"relative to the values, not: up to {' and '.join(shares)} %"


@sentence
def wider_intervals() -> Finding:
    plane, others = by_source("table-9.2", "R²")
    return min(v.std for v in plane) > max(v.std for v in others), relative(plane, others)


@sentence
def largest_tolerances() -> Finding:
    plane, others = by_source("table-9.2", "R²")
    factor = min(v.mean for v in plane) / max(v.mean for v in others)
    return factor > 1, f"at least {numeral(factor, 1)} times the others"


@sentence
def similar_tolerances() -> Finding:
    _, others = by_source("table-9.2", "R²")
    most = max(apart(a, b) for a, b in itertools.combinations(others, 2))
    return most <= 3, f"up to {numeral(most, 0)} combined deviations apart"


@sentence
def from_the_space() -> Finding:
    there, back = tolerances("table-11.1").values()
    return there.mean > back.mean, f"{numeral(there.mean / back.mean, 0)} times"


@sentence
def as_for_the_benchmark() -> Finding:
    there, back = by_source("table-11.1", "R⁴")
    return there[0].mean > back[0].mean and there[0].std > back[0].std, relative(there, back)
