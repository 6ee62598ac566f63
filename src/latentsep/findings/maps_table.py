"""Table 9.2 beside what each reading of the thesis gives: which σ_X it was made with, and which autoencoders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentsep.findings.mappings import PAIRS, Key, Reading, Readings, prior_draws, title
from latentsep.ledger import checks, ledger
from latentsep.ledger.ledger import Printed
from latentsep.reductions import comparisons, reduction, tolerance

COMPARED = ("variance 0.01", "corrected", "rectified, real head", "rectified")  # readings that have one σ
WITH_CIRCLE = [key for key in PAIRS if "S¹" in key]
FROM_PLANE = [key for key in PAIRS if key[0] == "R²"]
NOT_FROM_PLANE = [key for key in PAIRS if key[0] != "R²"]


def printed() -> dict[Key, Printed]:
    """The tolerances of Table 9.2 as the thesis prints them, in nats."""
    return {key: ledger.cells("table-9.2")["/".join(key)]["tolerance"] for key in PAIRS}


def ratios(reading: Reading) -> dict[Key, float]:
    """By which factor our mean tolerances exceed the printed ones."""
    mean, theirs = reading.mean, printed()
    return {key: mean[key] / theirs[key].mean for key in PAIRS}


def typical(factors: Mapping[Key, float]) -> float:
    """The geometric mean of factors, each counted upwards: of 2 and ½ it is 2."""
    return np.exp(np.mean([abs(np.log(factor)) for factor in factors.values()]))


def distances(reading: Reading, sigma_x: float) -> pd.Series:
    """The mean squared distances of the means (9.1) of every source and target, from the tolerances.

    The autoencoders have ``sigma_x``, Φ has the noise of the data.
    """
    found = reading.found
    divisor = 2 * np.where(found.target == "Φ", comparisons.SIGMA, sigma_x) ** 2
    found = found.assign(distance=(found.tolerance - found.constant) * divisor)
    return found.groupby(["source", "target"]).distance.mean()


def times_print(distance: pd.Series, key: Key, sigma: float) -> float:
    """By which factor Δ exceeds the printed one if squared distances are divided by 2σ², whatever was trained."""
    return distance[key] / (2 * sigma**2) / printed()[key].mean


def best_of_maps(readings: Readings) -> pd.DataFrame:
    """The least tolerance of the maps of each pair of autoencoders, in nats, as ``figures.tolerances`` takes it."""
    tables, theirs = [], printed()
    for name, reading in readings.items():
        table = reading.found.groupby(["source", "target", "member"], sort=False).tolerance.min().reset_index()
        table["pair"] = table.source + " → " + table.target
        table["thesis"] = [theirs[key].mean for key in zip(table.source, table.target, strict=True)]
        tables.append(table.assign(reading=name, value=table.tolerance))
    return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True)
class Table:
    """What Table 9.2 and ours say; tolerances in nats, and the rest factors, where nothing else is said."""

    below: int  # printed values below the constant of σ_X = 0.01
    below_names: str
    floor_out: float  # the constant from an autoencoder to Φ
    floor_in: float  # and back
    first_passed: int  # entries of the first column that pass the ledger's rule
    first_of: int
    there: float  # in print, from S¹ to Φ
    back: float
    apart: float  # in combined deviations
    # Times the print, with σ_X = 0.01 trained: divided by the noise of the data, and by 0.01.
    mixed_out: float
    mixed_in: float
    small_out: float
    small_in: float
    # Times the print, where the circle has the real head.
    torn_least: float
    torn_most: float
    real_least: float
    # Times the print, from the plane to Φ.
    tanh_out: float
    relu_out: float
    typical_best: float
    typical_next: float
    nearest_reading: str
    # Times the print, with rectified units.
    rect_first: float
    rect_second: float
    rect_least: float
    rect_most: float
    not_above: int
    # Tolerances of the four maps that do not start from the plane.
    rest_least: float
    rest_most: float
    rest_corrected_least: float
    rest_corrected_most: float
    worse_by: float  # the better of the maps from the plane over the worst of these
    print_worse: float


def table(readings: Readings, entries: Sequence[dict]) -> Table:
    """The readings against the print; the ``entries`` of the variant ``published`` are the first column."""
    theirs, ratio = printed(), {name: ratios(reading) for name, reading in readings.items()}
    floor = readings["as printed"].found.groupby(["source", "target"]).constant.mean()
    below = [key for key in PAIRS if theirs[key].mean < floor[key]]
    first_column = [e for e in entries if e["variant"] == "published"]
    there, back = theirs["S¹", "Φ"], theirs["Φ", "S¹"]
    # The same distances, divided by another σ than the one trained with.
    distance = distances(readings["corrected, σ_X = 0.01"], 0.01)
    out, into = ("R²", "Φ"), ("Φ", "R²")
    torn = [ratio["variance 0.01"][key] for key in WITH_CIRCLE]
    off = {name: typical(ratio[name]) for name in COMPARED}
    rect = ratio["rectified"]
    others = [rect[key] for key in NOT_FROM_PLANE]
    mean, mean_corrected = readings["rectified"].mean, readings["corrected"].mean
    rest, rest_corrected = ([m[key] for key in NOT_FROM_PLANE] for m in (mean, mean_corrected))
    return Table(
        below=len(below),
        below_names=", ".join(title(key) for key in below),
        floor_out=floor[out],
        floor_in=floor[into],
        first_passed=ledger.tally(first_column)["reproduced"],
        first_of=len(first_column),
        there=there.mean,
        back=back.mean,
        apart=abs(there.mean - back.mean) / np.hypot(there.std, back.std),
        mixed_out=times_print(distance, out, comparisons.SIGMA),
        mixed_in=times_print(distance, into, comparisons.SIGMA),
        small_out=times_print(distance, out, 0.01),
        small_in=times_print(distance, into, 0.01),
        torn_least=min(torn),
        torn_most=max(torn),
        real_least=min(ratio["rectified, real head"][key] for key in WITH_CIRCLE),
        tanh_out=ratio["corrected"][out],
        relu_out=rect[out],
        typical_best=off["rectified"],
        typical_next=sorted(off.values())[1],
        nearest_reading=min(off, key=off.__getitem__),
        rect_first=rect["R²", "S¹"],
        rect_second=rect[out],
        rect_least=min(others),
        rect_most=max(others),
        not_above=sum(factor < 2 for factor in rect.values()),
        rest_least=min(rest),
        rest_most=max(rest),
        rest_corrected_least=min(rest_corrected),
        rest_corrected_most=max(rest_corrected),
        worse_by=min(mean[key] for key in FROM_PLANE) / max(rest),
        print_worse=min(theirs[key].mean for key in FROM_PLANE) / max(theirs[key].mean for key in NOT_FROM_PLANE),
    )


# What varies between experiments


def spread(reading: Reading, seed: int, samples: int = 10_000) -> pd.DataFrame:
    """Deviations of Δ in nats, one row per pair: between maps, between autoencoders, and of ``samples`` draws."""
    rows = {}
    for key in PAIRS:
        pair, mapping = reading.pairs[key], reading.reductors[key]
        kl = tolerance.divergence(pair.source, pair.target, mapping, prior_draws(pair.source, samples, seed))
        values = reading.found.query("source == @key[0] and target == @key[1]").groupby("member").tolerance
        rows[title(key).replace(" ", "\N{NO-BREAK SPACE}")] = {
            "between maps": values.std().mean(),
            "between autoencoders": values.mean().std(),
            "standard error": float(kl.std(-1).mean() / samples**0.5),
        }
    return pd.DataFrame(rows).T


@dataclass(frozen=True)
class Again:
    """What another draw of the data, or another start, makes of it."""

    # From the plane to Φ with another draw of the data, times the print.
    tanh_again: float
    relu_again: float
    # Δ in nats from S¹ to R² of rectified units, from other starting weights than the plane's and from the same.
    shifted_value: float
    unshifted_value: float


def again(other_draw: Mapping[str, float], rectified: Reading, seed: int, **protocol: int) -> Again:
    """``other_draw`` has the factors by activation; the circle of another repetition is mapped as ``protocol`` says."""
    pair = comparisons.shifted_start(rectified.models)
    maps = len(rectified.reductors["S¹", "R²"].parameters)
    apart = tolerance.tolerances(pair, reduction.train(pair, maps, seed=seed, **protocol))
    return Again(
        tanh_again=other_draw["tanh"],
        relu_again=other_draw["relu"],
        shifted_value=apart.tolerance.mean(),
        unshifted_value=rectified.mean["S¹", "R²"],
    )


@dataclass(frozen=True)
class Intervals:
    """How wide the intervals of Table 9.2 are, and why."""

    error_wide: float  # largest standard error of 10,000 draws from the plane, in nats
    error_narrow: float  # and from the circles
    similar: float  # largest distance of the four other printed tolerances, in combined deviations
    similar_factor: float
    printed_wide: float  # nats
    relative_least: float  # printed deviations in % of the value
    relative_most: float


def intervals(deviations: pd.DataFrame) -> Intervals:
    """The printed intervals beside the standard errors in ``deviations``, what ``spread`` returns."""
    theirs, errors = printed(), deviations["standard error"]
    from_plane = errors.index.str.startswith("R")
    others = [theirs[key].mean for key in NOT_FROM_PLANE]
    relative = [100 * theirs[key].std / theirs[key].mean for key in PAIRS]
    return Intervals(
        error_wide=errors[from_plane].max(),
        error_narrow=errors[~from_plane].max(),
        similar=checks.tables.similar_tolerances().printed,
        similar_factor=max(others) / min(others),
        printed_wide=max(theirs[key].std for key in FROM_PLANE),
        relative_least=min(relative),
        relative_most=max(relative),
    )
