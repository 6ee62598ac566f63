"""Claims of chapter II: differences that have the sign the claim gives them, on made-up measures."""

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest

from latentsep.data import handwriting
from latentsep.ledger import checks, ledger
from latentsep.ledger.checks.evidence import CLAIMS, Variations
from latentsep.measures.evidence import COARSE, COUNTS, LENGTHS, Valuation
from latentsep.training import autoencoding
from latentsep.training.variations import LONG, MIDDLE, SHORT, WEIGHTS, named, others

NAMES = [item.removeprefix("claim-") for item in CLAIMS if ledger.items()[item][0] == "II"]
KINDS = ("variational", "calibrated", *map(named, WEIGHTS), *others(784))


def found(**changes) -> Variations:
    """Measures that are 1 for all, but for ``changes``: measure to kind to value."""
    cells = itertools.product(KINDS, (SHORT, MIDDLE, LONG, 32), range(3))
    alone = pd.DataFrame(cells, columns=["kind", "length", "repetition"])
    measures = ("held_out", "bound", "marginal", "reconstruction", "lumps", "probe", "fresh", "coverage", "nearest")
    alone = alone.assign(**dict.fromkeys(measures, 1.0))
    valued = pd.DataFrame(
        itertools.product(("variational", "calibrated"), LENGTHS, range(3)), columns=["kind", "length", "repetition"]
    )
    values = [*(f"{way}_{k}" for way in ("weighted", "best") for k in COUNTS), *(f"off_{k}" for k in COARSE)]
    values += ["prior", "normal", "mixture", "grid", "shifted"]
    values += [f"{what}_{guess}" for what in ("missed", "sampled") for guess in ("encoder", "best")]
    valued = valued.assign(**dict.fromkeys(values, 1.0))
    for measure, by_kind in changes.items():
        for kind, value in by_kind.items():
            for table in (alone, valued):
                if measure in table:
                    table.loc[table.kind == kind, measure] = value
    digits, _ = handwriting.load(None, download=False)
    looked = Valuation(autoencoding.kinds(digits, "smoke", 2)[2])
    drawn = pd.concat([alone.assign(way=way) for way in ("standard", "fitted")])
    lost = {"independent components": [0.1, 0.1], "any normal density": [0.0, 0.0]}
    return Variations(alone=alone, drawn=drawn, valued=valued, lost=lost, mean_error=2.0, most=0.1, looked=looked)


def verdicts(evidence: Variations) -> dict[str, str]:
    return {e["id"].removeprefix("claim-"): e["verdict"] for e in checks.claimed(evidence, *NAMES).entries}


BOTH = ("variational", "calibrated")


@pytest.mark.parametrize(
    ("claim", "changes", "verdict"),
    [
        ("C.11", {f"off_{COARSE[-1]}": dict.fromkeys(BOTH, 0.5)}, "holds"),
        ("C.11", {f"off_{COARSE[-1]}": dict.fromkeys(BOTH, 0.001)}, "does not hold"),
        ("C.11", {f"off_{COARSE[-1]}": {"variational": 0.5, "calibrated": 0.001}}, "holds if"),
        ("C.13", {"sampled_encoder": dict.fromkeys(BOTH, -2.0), "sampled_best": dict.fromkeys(BOTH, 0.0),
                  "missed_encoder": dict.fromkeys(BOTH, 3.0)}, "holds"),
        ("C.13", {"sampled_encoder": dict.fromkeys(BOTH, -2.0), "missed_encoder": dict.fromkeys(BOTH, 0.5)},
                 "does not hold"),
        ("C.14", {"held_out": {"no gradient": 2.0, "score function": 1.0}}, "holds if"),
        ("C.14", {"held_out": {"no gradient": 2.0, "score function": 2.0}}, "holds"),
        ("C.15", {f"weighted_{COUNTS[-1]}": dict.fromkeys(BOTH, -800.0)}, "holds"),
        ("C.15", {f"weighted_{COUNTS[-1]}": dict.fromkeys(BOTH, 0.1)}, "does not hold"),
        ("C.16", {"mixture": dict.fromkeys(BOTH, 2.0)}, "holds"),
        ("C.16", {"mixture": dict.fromkeys(BOTH, 0.0)}, "does not hold"),
        ("C.17", {"held_out": {"averaged": 2.0}}, "holds if"),
        ("M.13", {"bound": {"variational": 0.0}}, "holds"),
        ("M.13", {"bound": {"variational": 2.0}}, "does not hold"),
        ("M.14", {"grid": dict.fromkeys(BOTH, 9.0)}, "holds"),
        ("M.14", {"prior": dict.fromkeys(BOTH, 9.0)}, "does not hold"),
        ("M.15", {"marginal": {named(w): -k for k, w in enumerate(WEIGHTS)}}, "holds"),
        ("M.15", {"marginal": {named(w): k for k, w in enumerate(WEIGHTS)}}, "does not hold"),
        ("M.16", {"reconstruction": {named(w): k for k, w in enumerate(WEIGHTS)}}, "holds"),
        ("M.16", {"reconstruction": {named(w): -k for k, w in enumerate(WEIGHTS)}}, "does not hold"),
        ("M.17", {"lumps": {named(0.0): 3.0}}, "holds"),
        ("M.17", {"lumps": {named(1.0): 3.0}}, "holds if"),
        ("M.18", {"probe": {named(float("inf")): 0.1}}, "holds"),
        ("M.18", {"probe": {named(float("inf")): 0.3}}, "does not hold"),
        ("M.19", {"coverage": {named(1.0): 2.0}}, "holds"),
        ("M.19", {"coverage": {named(1.0): 0.0}}, "does not hold"),
        ("M.20", {"nearest": {named(1.0): 2.0}}, "holds"),
        ("M.20", {"fresh": {named(1.0): 2.0}}, "does not hold"),
    ],
)  # fmt: skip
def test_a_claim_follows_its_measures(claim, changes, verdict):
    assert verdicts(found(**changes))[claim] == verdict


def test_climbing_the_bound_maximises_the_evidence_only_if_nothing_is_lost():
    evidence = found()
    assert verdicts(evidence)["C.12"] == "holds if"
    nothing = {name: [0.0, 0.0] for name in evidence.lost}
    assert verdicts(dataclasses.replace(evidence, lost=nothing))["C.12"] == "holds"


def test_the_highest_bound_is_the_grid_where_there_is_one():
    evidence = found(grid={"variational": 0.5}, prior={"variational": 7.0})
    assert evidence.highest("variational", 2).tolist() == [0.5] * 3
    evidence.valued.loc[evidence.valued.length > 2, "grid"] = np.nan
    assert evidence.highest("variational", 8).tolist() == [7.0] * 3
