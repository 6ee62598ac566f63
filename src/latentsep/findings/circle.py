"""What chapter 7 finds of circles, as published and corrected: their loops, their floors, the error of a tear."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from latentsep.ledger import ledger
from latentsep.ledger.numerals import numeral
from latentsep.measures import estimators, evaluation, topology
from latentsep.training import experiments
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Run

SIGMAS = sorted(experiments.SIGMAS, reverse=True)  # as the tables of the chapter have them
_QUIET = ("x0.01/sx1/", "x0.01/sx0.1/", "x0.1/sx1/", "x0.1/sx0.1/")  # cells of Table 7.1
_QUANTITIES = {"neg_elbo": "−ELBO", "kl": "KL", "reconstruction": "reconstruction", "mse": "MSE"}


def batches(run: Run) -> str:
    """What each update of a run takes, in words."""
    return "the whole dataset" if run.batch_size is None else f"minibatches of {run.batch_size}"


def windings(found: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """How many members wind, by two countings, and what became of them; columns by name, of ``degrees``."""
    outcomes = {name: topology.outcome(table) for name, table in found.items()}
    return pd.DataFrame(
        {
            name: {
                "members": len(table),
                "wind once, judged by the 100 phases": (table.apparent.abs() == 1).sum(),
                "wind once, judged by the whole loop": (table.degree.abs() == 1).sum(),
                "torn": (outcomes[name] == "torn").sum(),
                "folded": (outcomes[name] == "folded").sum(),
                "recovered": (outcomes[name] == "recovered").sum(),
            }
            for name, table in found.items()
        }
    )


@dataclass(frozen=True)
class Loops:
    """What became of the published loops and, from ``recovered`` on, of the corrected ones; ways and steps in radians.

    Ways are those of torn loops, the longest between two neighbours of each.
    ``wind_at_start`` counts the corrected members that wind before their first update, ``step_low`` is
    the longest way where the data has little noise, and ``step_even`` that of an even encoder.
    """

    members: int
    apparent: int
    degree_zero: int
    torn: int
    way_least: float
    way_most: float
    recovered: int
    wind_at_start: int
    step_corrected: float
    step_low: float
    step_even: float


def loops(found: Mapping[str, pd.DataFrame], start: pd.DataFrame, count: int = 100) -> Loops:
    """From ``topology.degrees``, on ``count`` phases: of both ensembles, and of the corrected one before training."""
    published, corrected = found["published"], found["corrected"]
    return Loops(
        members=len(published),
        apparent=int((published.apparent.abs() == 1).sum()),
        degree_zero=int((published.degree == 0).sum()),
        torn=int(published.torn.sum()),
        way_least=published.largest_step[published.torn].min(),
        way_most=published.largest_step.max(),
        recovered=int((topology.outcome(corrected) == "recovered").sum()),
        wind_at_start=int((start.degree.abs() == 1).sum()),
        step_corrected=corrected.largest_step.max(),
        step_low=corrected.query("dataset < 1").largest_step.max(),
        step_even=float(2 * torch.pi / count),
    )


@dataclass(frozen=True)
class Crowding:
    """How much of the circle nine tenths of the codes take up at the least σ_X, in percent, in a median member."""

    packed_published: float
    packed_corrected: float


def crowding(published: Trained, corrected: Trained) -> Crowding:
    """On the visualisation set, of the ensembles of Table 7.1."""

    def median(trained: Trained) -> float:
        sharp = [m.sigma_x == min(SIGMAS) for m in trained.run.members]
        angles = evaluation.latents(trained, trained.benchmark.visualisation()[0])[..., 0]
        return 100 * float(topology.packed(angles[sharp]).median())

    return Crowding(median(published), median(corrected))


@dataclass(frozen=True)
class AgainstPrint:
    """How many values of Table 7.1's quiet cells agree, which do not, and the printed −ELBO below the floor.

    ``blunt`` counts those that agree and say little; ``below_least`` and ``below_most`` are in nats.
    """

    kept: int
    kept_of: int
    blunt: int
    not_kept: str
    below: int
    below_least: float
    below_most: float


def against_print(entries: Sequence[dict]) -> AgainstPrint:
    """From the ledger entries of the published ensemble. Raises ``ValueError`` if no print is below the floor."""
    low = [e for e in entries if e["id"].partition("/")[2].startswith(_QUIET)]
    missed = [_QUANTITIES[e["id"].rpartition("/")[2]] for e in low if e["verdict"] not in ledger.AGREE]
    counts = pd.Series(missed).value_counts()
    invalid = [e for e in entries if e["verdict"] == "thesis-invalid" and e["floor"] is not None]
    below = [e["floor"] - e["thesis"]["mean"] for e in invalid]
    verdicts = ledger.tally(low)
    return AgainstPrint(
        kept=sum(verdicts[verdict] for verdict in ledger.AGREE),
        blunt=verdicts["uninformative"],
        kept_of=len(low),
        not_kept=", ".join(f"{n} of {name}" for name, n in counts.items()) or "none",
        below=len(below),
        below_least=min(below),
        below_most=max(below),
    )


@dataclass(frozen=True)
class AgainstFloor:
    """How far the −ELBO of the corrected circle and, from ``ours_below`` on, of the published one is above the floor.

    Nats, except for counts and ``lowest_errors``, which is in standard errors of the estimate. ``kl_by_draw`` is by
    how much the estimated KL of a published member changes with other samples, at most. Gaps are
    means of cells with little noise: with ``wide`` the larger σ_X, with ``sharp`` the least. ``lowest`` is
    from samples, ``lowest_exact`` by quadrature. ``one`` stands for σ_X = 1, where the sum that was
    published, a valid bound of the same model, and the floor are means over all members.
    """

    decoder_weights: int
    gap_wide: float
    gap_sharp: float
    gap_sharp_least: float
    lowest: str
    lowest_errors: float
    lowest_exact: str
    below_exact: int
    ours_below: int
    bound_least: float
    kl_by_draw: float
    one_printed: float
    one_bound: float
    one_floor: float


def against_floor(trained: Mapping[str, Trained], measured: Mapping[str, pd.DataFrame], x: Tensor) -> AgainstFloor:
    """From the ensembles ``published`` and ``corrected`` and what was measured of them on ``x`` ``(batch, D)``."""
    published, corrected = trained["published"], trained["corrected"]
    gap = _with_floor(corrected, measured["corrected"])
    gap["gap"] = gap.neg_elbo - gap.floor
    cells = gap.groupby(["dataset", "sigma_x"]).gap.mean()
    quiet = cells[cells.index.get_level_values("dataset") < 1]
    sigma_x = quiet.index.get_level_values("sigma_x")
    exact = estimators.negative_elbo(corrected.vae, x).mean(-1).numpy() - gap.floor
    own = _with_floor(published, measured["published"])
    own["bound"] = evaluation.sampled_bound(published, measured["published"], x)
    own_cells = own.groupby(["dataset", "sigma_x"])
    one = own[own.sigma_x == 1.0]
    return AgainstFloor(
        decoder_weights=sum(p[0].numel() for p in corrected.vae.decoder.parameters()),
        gap_wide=quiet[sigma_x > 0.01].max(),
        gap_sharp=quiet[sigma_x == 0.01].max(),
        gap_sharp_least=quiet[sigma_x == 0.01].min(),
        lowest=numeral(gap.gap.min(), 3, "+"),
        lowest_errors=-(gap.gap / gap.error).min(),
        lowest_exact=numeral(exact.min(), 4, "+"),
        below_exact=int((exact < 0).sum()),
        ours_below=int((own_cells.neg_elbo.mean() < own_cells.floor.mean()).sum()),
        bound_least=(own.bound - own.floor).min(),
        kl_by_draw=(evaluation.measure(published, x, seed=published.run.seed + 1).kl - own.kl).abs().max(),
        one_printed=one.neg_elbo.mean(),
        one_bound=one.bound.mean(),
        one_floor=one.floor.mean(),
    )


def _with_floor(trained: Trained, measured: pd.DataFrame) -> pd.DataFrame:
    dimension = trained.run.data.dimension
    return measured.assign(floor=[evaluation.evidence_floor(dimension, s) for s in measured.sigma_x])
