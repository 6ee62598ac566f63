"""Checks of what is said about the printed tables, held against the printed tables alone."""

import itertools
import math

from torch.distributions import Normal, kl_divergence

from latentsep.data.benchmarks import Benchmark, ExtendedBenchmark
from latentsep.ledger import ledger, twice
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check, Printed

NOISES, WIDTHS = ("x0.01", "x0.1", "x1"), ("sx0.01", "sx0.1", "sx1")
TWICE_PRINTED = ("table-5.1", "table-7.1")  # whose squared errors are there twice


def apart(a: Printed, b: Printed) -> float:
    """The distance of two printed values in combined standard deviations, half a last digit of each included."""
    return abs(a.mean - b.mean) / math.hypot(a.std, b.std, a.rounding, b.rounding)


@statement("text-5.5a")
def equal_rows() -> Check:
    """Two rows of Table 5.1, without the one pair that the sentence after it excepts."""
    printed = ledger.cells("table-5.1")
    distances = {
        (width, q): apart(printed[f"x0.01/{width}"][q], printed[f"x0.1/{width}"][q])
        for width, q in itertools.product(WIDTHS, printed["x0.1/sx1"])
        if (width, q) != ("sx0.01", "mse")
    }
    return Check(
        "largest distance of the printed rows, in combined deviations; with σ_X = 0.1",
        max(distances.values()),
        3,
        max(d for (width, _), d in distances.items() if width == "sx0.1"),
    )


def unreachable(total: Printed, kl: Printed, reconstruction: Printed) -> float:
    """By how much, in nats, no repetitions can have these three deviations: that of a sum is at least the difference
    of those of its parts, and at most their sum. Rounding is allowed for."""
    slack = total.rounding + kl.rounding + reconstruction.rounding
    least, most = abs(kl.std - reconstruction.std), kl.std + reconstruction.std
    return max(0.0, least - total.std - slack, total.std - most - slack)


@statement("text-5.5b")
def deviation_of_a_sum() -> Check:
    def off(table: str, put_right: bool) -> dict[str, float]:
        rows = ledger.cells(table, put_right).items()
        return {f"{table}/{c}": unreachable(v["neg_elbo"], v["kl"], v["reconstruction"]) for c, v in rows}

    printed, meant = (
        {k: v for table in TWICE_PRINTED for k, v in off(table, put_right).items()} for put_right in (False, True)
    )
    return Check(
        f"deviation in nats that no repetitions can have, the largest of {len(printed)} rows; put right",
        max(printed.values()),
        1e-9,
        max(meant.values()),
    )


def contradictions(table: str, put_right: bool) -> int:
    """How many rows of a table have an MSE that their reconstruction error rules out."""
    return sum(cell.contradicts for cell in twice.cells(table, put_right).values())


@statement("text-5.5c")
def exponents_of_table_5_1() -> Check:
    printed, meant = (contradictions("table-5.1", put_right) for put_right in (False, True))
    return Check(
        "MSEs of Table 5.1 that the reconstruction errors of their rows rule out; put right", printed, 0, meant
    )


@statement("text-7.4a")
def exponent_of_table_7_1() -> Check:
    """With its exponent put right the table also shows what the text says of it: the MSE rises with the noise."""

    def off(put_right: bool) -> int:
        cells = ledger.cells("table-7.1", put_right)
        columns = [[cells[f"{noise}/{width}"]["mse"].mean for noise in NOISES] for width in WIDTHS]
        return contradictions("table-7.1", put_right) + sum(sorted(column) != column for column in columns)

    return Check(
        "MSEs of Table 7.1 that their rows rule out, and σ_X for which they do not rise with the noise; put right",
        off(False),
        0,
        off(True),
    )


@statement("text-5.5d")
def deviations_on_noisy_data() -> Check:
    """Quantities whose deviation on the noisiest data is not the largest of the three."""
    printed = ledger.cells("table-5.1")
    lower = {
        (width, q): printed[f"x1/{width}"][q].std <= max(printed[f"{noise}/{width}"][q].std for noise in NOISES[:2])
        for width, q in itertools.product(WIDTHS, printed["x1/sx1"])
    }
    return Check(
        "values on X₁ of twelve whose deviation is no larger than on other data; without σ_X = 1",
        sum(lower.values()),
        0,
        sum(low for (width, _), low in lower.items() if width != "sx1"),
    )


@statement("text-5.5e")
def largest_deviations() -> Check:
    """For which of its quantities do repetitions on X₁ differ most at σ_X = 0.01?"""
    printed = ledger.cells("table-5.1")
    wrong = {
        q: int(max(WIDTHS, key=lambda width: printed[f"x1/{width}"][q].std) != "sx0.01") for q in printed["x1/sx1"]
    }
    return Check(
        "quantities of four whose deviation on X₁ is not largest at σ_X = 0.01; without the MSE",
        sum(wrong.values()),
        0,
        sum(count for q, count in wrong.items() if q != "mse"),
    )


@statement("text-7.4b")
def least_deviations() -> Check:
    """For which data and quantity do repetitions differ least at σ_X = 1?"""
    printed = ledger.cells("table-7.1")

    def least(noise: str, quantity: str) -> str:
        return min(WIDTHS, key=lambda width: printed[f"{noise}/{width}"][quantity].std)

    wrong = {q: sum(least(noise, q) != "sx1" for noise in NOISES) for q in printed["x1/sx1"]}
    return Check(
        "columns of Table 7.1, by data, whose least deviation is not at σ_X = 1; of −ELBO and KL",
        sum(wrong.values()),
        0,
        wrong["neg_elbo"] + wrong["kl"],
    )


@statement("text-7.4c")
def orders_of_magnitude() -> Check:
    printed = ledger.cells("table-7.1")
    ratios = [printed[f"x0.1/{w}"]["mse"].mean / printed[f"x0.01/{w}"]["mse"].mean for w in WIDTHS]
    most = max(abs(math.log10(ratio)) for ratio in ratios)
    return Check("orders of magnitude between the MSEs of X₀.₀₁ and X₀.₁, from 2 and from 1", 2 - most, 0.5, most - 1)


@statement("text-9.4a")
def similar_tolerances() -> Check:
    printed = {cell: values["tolerance"] for cell, values in ledger.cells("table-9.2").items()}
    others = [v for cell, v in printed.items() if not cell.startswith("R²")]
    return Check(
        "largest distance of the four tolerances from S¹ and Φ, in combined deviations; of the two between them",
        max(apart(a, b) for a, b in itertools.combinations(others, 2)),
        3,
        apart(printed["S¹/Φ"], printed["Φ/S¹"]),
    )


@statement("text-9.4b")
def possible_tolerances() -> Check:
    """Values below those of two equal means, which no map can undercut: Φ has the noise of the data, σ = 0.1."""
    printed = {tuple(cell.split("/")): v["tolerance"] for cell, v in ledger.cells("table-9.2").items()}

    def impossible(sigma_x: float) -> int:
        sigmas = {"R²": sigma_x, "S¹": sigma_x, "Φ": 0.1}
        noise = {pair: [Normal(0.0, sigmas[space]) for space in pair] for pair in printed}
        least = {pair: Benchmark().dimension * float(kl_divergence(*laws)) for pair, laws in noise.items()}
        return sum(value.mean + 3 * value.std < least[pair] for pair, value in printed.items())

    return Check(
        "values of Table 9.2 that no map reaches if σ_X = 0.01; if σ_X² = 0.01", impossible(0.01), 0, impossible(0.1)
    )


@statement("text-11.5b")
def variance_or_deviation() -> Check:
    """What Δ from R⁴ means as a mean squared distance of pictures, as a share of that of unrelated ones, 2D²."""
    unrelated = 2 * ExtendedBenchmark().side ** 2
    printed = ledger.cells("table-11.1")["R⁴/T²"]["tolerance"].mean
    shares = [2 * variance * printed / unrelated for variance in (0.1, 0.1**2)]
    return Check(
        "mean squared distance between the pictures of R⁴ and their images, relative to unrelated ones; with σ_X = 0.1",
        shares[0],
        0.5,
        shares[1],
    )
