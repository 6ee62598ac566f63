"""Which of chapter 7's four corrections matters for what, and which formulas made the thesis's Table 7.1."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import torch

from latentsep.findings.circle import SIGMAS
from latentsep.ledger import ledger
from latentsep.ledger.numerals import series
from latentsep.measures import evaluation
from latentsep.models.latent_spaces import Circle
from latentsep.theory import ideal
from latentsep.theory.ideal import Rules
from latentsep.training import experiments
from latentsep.training.runs import Run

PRINTED, PLAIN, CORRECTED = "as printed", "(7.9) without the extra weight", "corrected"  # names of rules
THESIS = {s: f"thesis, σ = {s:g}" for s in (0.01, 0.1)}  # of rows of ``readings``
_COLLAPSED = 0.01  # nats of KL, below which a posterior is the prior


def variant_bounds(ablation: pd.DataFrame) -> pd.DataFrame:
    """Mean −ELBO and valid bound, in nats, of each variant (rows) by σ_X."""
    means = ablation.groupby(["variant", "sigma_x"], sort=False)[["neg_elbo", "bound"]].mean().unstack()
    headings = {"neg_elbo": "−ELBO as computed", "bound": "valid bound"}
    means.index.name = None
    return pd.DataFrame({(headings[q], f"σ<sub>X</sub> = {s:g}"): means[q, s] for q in headings for s in SIGMAS})


@dataclass(frozen=True)
class Corrections:
    """What the activation, the head and the formulas decide: counts of members, and gaps above the floor in nats.

    Members with another activation than the hyperbolic tangent recover the circle or fold: ``folded_gap``
    is the least gap of the folded ones at σ_X = 1, ``recovered_gap`` the largest of the recovered ones.
    ``relu_wide`` and ``softplus_wide`` count those that recover it among the ``wide_members`` at σ_X = 1.
    ``head_below`` of ``widths`` values of σ_X have a mean −ELBO below the floor with the head alone corrected.
    """

    relu_recovered: int
    softplus_recovered: int
    relu_wide: int
    softplus_wide: int
    wide_members: int
    short_updates: int
    other_members: int
    folded: int
    folded_wide: int
    collapsed: int
    folded_gap: float
    recovered_gap: float
    real_torn: int
    real_members: int
    head_below: int
    widths: int
    projected_recovered: int
    projected_members: int


def corrections(ablation: pd.DataFrame, variants: Mapping[str, Run]) -> Corrections:
    """From what was measured of every member, with columns ``variant``, ``bound`` and ``outcome``, and the runs."""
    dimension = variants["all corrected"].data.dimension
    tanh = ~ablation.variant.str.contains(",")
    recovered = ablation.outcome == "recovered"
    folded = ablation[ablation.outcome == "folded"]
    above = ablation.neg_elbo - evaluation.evidence_floor(dimension, 1.0)
    wide = (ablation.sigma_x == 1.0) & ~tanh
    head = ablation.variant.map({name: _head(run) for name, run in variants.items()})
    alone = ablation[ablation.variant == "head corrected"].groupby("sigma_x").neg_elbo.mean()
    return Corrections(
        relu_wide=int(recovered[wide & ablation.variant.str.endswith("relu")].sum()),
        softplus_wide=int(recovered[wide & ablation.variant.str.endswith("softplus")].sum()),
        wide_members=int((wide & ablation.variant.str.endswith("relu")).sum()),
        relu_recovered=int(recovered[ablation.variant.str.endswith("relu")].sum()),
        softplus_recovered=int(recovered[ablation.variant.str.endswith("softplus")].sum()),
        short_updates=variants["all corrected"].updates,
        other_members=int((ablation.variant == "all corrected").sum()),
        folded=len(folded),
        folded_wide=int((folded.sigma_x == 1.0).sum()),
        collapsed=int((folded.kl < _COLLAPSED).sum()),
        folded_gap=above[wide & (ablation.outcome == "folded")].min(),
        recovered_gap=above[wide & recovered].max(),
        real_torn=int((ablation.outcome[head == "real"] == "torn").sum()),
        real_members=int((head == "real").sum()),
        head_below=sum(v < evaluation.evidence_floor(dimension, s) for s, v in alone.items()),
        widths=len(alone),
        projected_recovered=int(recovered[(head == "projected") & tanh].sum()),
        projected_members=int(((head == "projected") & tanh).sum()),
    )


def readings(rules: Mapping[str, Rules], dimension: int) -> pd.DataFrame:
    """The least −ELBO and its KL, in nats, of every rule, and Table 7.1's, for each σ_X; columns (quantity, σ_X)."""
    rows = {}
    for name, rule in rules.items():
        least = {s: ideal.best(rule, s, dimension) for s in SIGMAS}
        rows[name] = {("−ELBO", s): v.neg_elbo for s, v in least.items()}
        rows[name] |= {("KL", s): v.kl for s, v in least.items()}
    for sigma, name in THESIS.items():
        cells = {s: ledger.cells("table-7.1")[f"x{sigma:g}/sx{s:g}"] for s in SIGMAS}
        rows[name] = {("−ELBO", s): cell["neg_elbo"].mean for s, cell in cells.items()}
        rows[name] |= {("KL", s): cell["kl"].mean for s, cell in cells.items()}
    return pd.DataFrame(rows).T


@dataclass(frozen=True)
class WhichFormulas:
    """The best KL and −ELBO of readings of the print, what networks arrive at, and the print's, all in nats.

    ``ideal_gap`` is how far the corrected best is above the floor. Words list the values for the three
    σ_X. ``plain`` is (7.9) without its extra weight, ``one`` σ_X = 1, ``sharp`` the least σ_X;
    ``one_kl_off`` is the nearest that a reading of the print comes to its KL at σ_X = 1. ``charged`` is by
    how much a reading's KL is less than the exact one of the angles that it samples.
    """

    ideal_gap: float
    table_kl: str
    table_elbo: str
    plain_kl: str
    plain_closer: int
    one_kl: float
    one_kl_std: float
    sharp_kl: float
    one_kl_off: float
    ideal_kl_one: float
    ideal_kl_sharp: float
    own_kl_one: float
    own_kl_one_std: float
    trained_plain_elbo: str
    trained_plain_kl: str
    charged_least: float
    charged_most: float


def which_formulas(
    rules: Mapping[str, Rules], found: pd.DataFrame, published: pd.DataFrame, ablation: pd.DataFrame, dimension: int
) -> WhichFormulas:
    """From the ``readings`` of the rules, and what was measured of the published ensemble and of the variants."""
    exact, printed = ideal.exact(), {s: ledger.cells("table-7.1")[f"x0.1/sx{s:g}"] for s in SIGMAS}
    kl, table = found["KL"], found.loc[THESIS[0.1]]
    off = {name: (kl.loc[name] - kl.loc[THESIS[0.1]]).abs() for name in rules}
    own = evaluation.by_cell(published)["x0.1/sx1", "kl"]
    plain = ablation[ablation.variant == "kl corrected"].groupby("sigma_x")[["neg_elbo", "kl"]].mean()
    charged = [_charged(rule, s, dimension) for name, rule in rules.items() if name != CORRECTED for s in SIGMAS]
    return WhichFormulas(
        ideal_gap=max(
            ideal.best(exact, s, dimension).neg_elbo - evaluation.evidence_floor(dimension, s)
            for s in experiments.SIGMAS
        ),
        table_kl=series(table["KL"], 2),
        table_elbo=series(table["−ELBO"], 2),
        plain_kl=series(kl.loc[PLAIN], 2),
        plain_closer=int((off[PLAIN] < off[PRINTED]).sum()),
        one_kl=printed[1.0]["kl"].mean,
        one_kl_std=printed[1.0]["kl"].std,
        sharp_kl=printed[0.01]["kl"].mean,
        one_kl_off=min(o[1.0] for name, o in off.items() if name != CORRECTED),
        ideal_kl_one=found.loc[PRINTED, ("KL", 1.0)],
        ideal_kl_sharp=found.loc[PRINTED, ("KL", 0.01)],
        own_kl_one=own[0],
        own_kl_one_std=own[1],
        trained_plain_elbo=series((plain.neg_elbo[s] for s in SIGMAS), 2),
        trained_plain_kl=series((plain.kl[s] for s in SIGMAS), 2),
        charged_least=min(charged),
        charged_most=max(charged),
    )


def _charged(rule: Rules, sigma_x: float, dimension: int) -> float:
    """By how many nats a rule's KL, at its best time, is less than the exact KL of the angles that it samples."""
    least = ideal.best(rule, sigma_x, dimension)
    sampled = rule.scale(torch.tensor(least.t, dtype=torch.float64)).square() / 2
    return float(ideal.exact().kl(sampled)) - least.kl


def _head(run: Run) -> str:
    """How the angle is read from the encoder's outputs. Raises ``ValueError`` for a latent space without an angle."""
    if not isinstance(run.space, Circle):
        raise ValueError(f"space is {run.space}; choose a Circle")
    return run.space.head
