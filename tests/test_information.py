"""Chapter III: claims on made-up measures, codes at another scale, what codes mean, and models beside the curve."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch

from latentsep.data.shapes import Shapes
from latentsep.findings import information, meanings
from latentsep.findings.information import BelowTheBound, Study
from latentsep.ledger import checks, ledger
from latentsep.ledger.checks.evidence import CLAIMS
from latentsep.ledger.checks.information import Passing
from latentsep.measures import codes, dimension, drawings, meaning
from latentsep.measures import information as passing
from latentsep.measures.compression import Envelope
from latentsep.training import drawing
from latentsep.training.drawing import LENGTHS, MIDDLE, WEIGHTS
from latentsep.training.ensembles import Trained, train
from latentsep.training.variations import named

NAMES = [item.removeprefix("claim-") for item in CLAIMS if ledger.items()[item][0] == "III"]
ALONE = ("remade", "back", "alike", "uneven", "marginal", "noisy", "divergence", "confused", "most", "rate", "gap")
ALONE += (
    "unexplained",
    "spread",
    "irregular",
    "forest_x",
    "forest_y",
    "forest_size",
    "rate_scaled",
    "turned_gap",
    "clean",
    "least",
    "cost",
)


def evidence(**changes) -> Passing:
    """Measures that are 1 for all, but for ``changes``: measure to kind, or way, to value, or to those by length."""
    kinds = [("plain", LENGTHS), ("variational", LENGTHS), *((named(w), (MIDDLE,)) for w in WEIGHTS)]
    cells = [(kind, n, r) for kind, several in kinds for n in several for r in range(3)]
    alone = pd.DataFrame(cells, columns=["kind", "length", "repetition"]).assign(**dict.fromkeys(ALONE, 1.0))
    drawn = pd.concat(
        [alone.assign(way=way, shapes=1.0, connected=1.0, worse=0.05) for way in drawings.WAYS], ignore_index=True
    )
    for measure, values in changes.items():
        for table, (key, value) in itertools.product((alone, drawn), values.items()):
            rows = (table.kind == key) | (table["way"] == key if "way" in table else False)
            if measure in table:
                table.loc[rows, measure] = table.length[rows].map(value) if isinstance(value, dict) else value
    return Passing(alone=alone, drawn=drawn, connected=1.0)


def verdicts(found: Passing) -> dict[str, str]:
    return {e["id"].removeprefix("claim-"): e["verdict"] for e in checks.claimed(found, *NAMES).entries}


BOTH = ("plain", "variational")
BY_WEIGHT = {named(w): float(n) for n, w in enumerate(WEIGHTS)}


@pytest.mark.parametrize(
    ("claim", "changes", "verdict"),
    [
        ("S.1", {}, "holds"),
        ("S.1", {"remade": {"plain": 0.5}}, "holds if"),
        ("S.1", {"remade": dict.fromkeys((*BOTH, *BY_WEIGHT), 0.5)}, "does not hold"),
        ("S.2", {"unexplained": {"plain": 2.0}}, "holds"),
        ("S.2", {"unexplained": {"variational": 2.0}}, "does not hold"),
        ("S.3", {"back": dict.fromkeys(BOTH, 0.01)}, "holds"),
        ("S.3", {"back": {"plain": 0.01}}, "holds if"),
        ("S.4", {"alike": {"plain": 0.5}, "spread": {"plain": 2.0}}, "holds"),
        ("S.4", {"alike": {"plain": 0.5}}, "holds if"),
        ("S.4", {"alike": {"variational": 0.5}}, "does not hold"),
        ("S.5", {"uneven": {"plain": 2.0}}, "holds"),
        ("S.6", {"connected": {"plain": 0.1}}, "holds"),
        ("S.6", {}, "does not hold"),
        ("S.7", {"unexplained": {"box": 2.0}}, "holds"),
        ("S.8", {"marginal": {"variational": 0.01}, "irregular": {"variational": 0.01}}, "holds"),
        ("S.8", {"irregular": {"variational": 0.01}}, "holds if"),
        ("S.8", {"most": {"variational": 2.0}}, "holds"),
        ("S.8", {}, "does not hold"),
        ("S.9", {}, "holds"),
        ("S.9", {"worse": {"box": 0.2}}, "holds if"),
        ("S.9", {"worse": {"box": 0.2, "standard": 0.2}}, "does not hold"),
        ("S.10", {"noisy": BY_WEIGHT, "divergence": {k: -v for k, v in BY_WEIGHT.items()}}, "holds"),
        ("S.10", {"noisy": BY_WEIGHT, "divergence": BY_WEIGHT}, "holds if"),
        ("S.11", {}, "holds"),
        ("S.11", {"confused": dict.fromkeys(BOTH, 0.0)}, "does not hold"),
        ("S.12", {}, "holds"),
        ("S.12", {"rate": {"plain": 1.2}}, "holds if"),
        ("S.12", {"rate": {"plain": 0.8}}, "holds if"),
        ("S.13", {"rate": dict.fromkeys(BOTH, 1.2)}, "holds"),
        ("S.13", {"rate": {"plain": 1.2, "variational": 0.8}}, "holds if"),
        ("S.14", {"gap": {"variational": 2.0}}, "holds if"),
        ("S.15", {}, "holds"),
        ("S.15", {"forest_size": {"plain": 0.5}}, "holds if"),
        ("S.15", {f"forest_{f}": {"plain": 0.5} for f in ("x", "y", "size")}, "does not hold"),
    ],
)  # fmt: skip
def test_a_claim_follows_its_measures(claim, changes, verdict):
    assert verdicts(evidence(**changes))[claim] == verdict


def study(gap: float) -> Study:
    """A study whose models lie ``gap`` bits above a line that is 1 everywhere."""
    alone = evidence().alone.assign(cost=1.0 + gap, least=1.0, noisy=10.0)
    found = Passing(alone=alone, drawn=evidence().drawn, connected=1.0)
    flat = Envelope(np.zeros(1), np.array([5.0]), np.array([2.0]), np.ones(1), 35.0)
    return Study(Shapes(), [], found, {}, flat)


def test_a_model_below_the_bound_stops_the_build():
    information.not_below(study(0.0))
    information.not_below(study(-0.05))
    with pytest.raises(BelowTheBound, match=r"^variational, .* is 0\.200 bits below what any code needs$"):
        information.not_below(study(-0.2))


@pytest.fixture(scope="module")
def plain() -> Trained:
    return train(drawing.lengths(drawing.shapes("smoke"), "smoke", 2)[0])


def test_a_code_at_another_scale_makes_the_same_pictures(plain):
    alone = plain.only(length=3, repetition=0)
    x = drawing.shapes("smoke").held_out()[0][:50]
    other = passing.rescaled(alone, 10.0)
    first, second = (next(codes.used(one, x)) for one in (alone, other))
    assert torch.allclose(second, 10 * first, rtol=1e-4, atol=1e-4)
    assert torch.allclose(codes.pictures_of(alone, first), codes.pictures_of(other, second), atol=1e-4)
    with pytest.raises(ValueError, match=r"^factor is 0; choose a positive number, and a code without a prior$"):
        passing.rescaled(alone, 0)


def test_the_noise_that_is_tolerated_raises_the_error_by_its_share(plain):
    alone = plain.only(length=3, repetition=0)
    x = drawing.shapes("smoke").sample(1)[0][:300]
    code = next(codes.used(alone, x))
    std = passing.tolerated(alone, x, 0.2)
    noise = torch.randn(code.shape, generator=torch.Generator().manual_seed(5))
    before, after = passing.error(alone, x, code), passing.error(alone, x, code + std * noise)
    assert after / before - 1 == pytest.approx(0.2, abs=0.15)
    assert (passing.tolerated(alone, x, 0.02) < std).all()


def test_measures_of_meaning_tell_codes_made_by_hand_apart():
    table = meanings.measured_by_hand(Shapes(3_000, 1_000))
    exact, turned, twice = (table.loc[n] for n in ("the factors themselves", "the same, turned", "each number twice"))
    assert exact[["gap", "disentangled", "complete", "informative"]].min() > 0.9
    assert turned["linear probe"] == pytest.approx(exact["linear probe"], abs=0.01)
    assert turned[["gap", "disentangled", "complete"]].max() < 0.7
    assert twice["gap"] < 0.05
    assert twice["informative"] > 0.9
    assert table.loc["all but the size", "informative"] < 0.8
    assert table.loc["position and size on circles", "linear probe"] < 0.8


def test_bins_know_what_they_know():
    stream = torch.Generator().manual_seed(0)
    column = torch.rand(4_000, generator=stream)
    bins = meaning.binned(column)
    assert np.bincount(bins).tolist() == [200] * meaning.BINS
    assert meaning.shared(bins, bins) == pytest.approx(np.log(meaning.BINS))
    other = meaning.binned(torch.rand(4_000, generator=stream))
    assert meaning.shared(bins, other) < 0.06
    assert meaning.binned(torch.tensor([2.0, 0.0, 2.0])).tolist() == [1, 0, 1]


@pytest.mark.parametrize("numbers", [1, 2, 3, 5])
def test_the_intrinsic_dimension_of_a_flat_sheet_is_that_of_its_numbers(numbers):
    stream = torch.Generator().manual_seed(0)
    sheet = torch.rand(4_000, numbers, generator=stream) @ torch.randn(numbers, 30, generator=stream)
    assert dimension.two_neighbours(sheet) == pytest.approx(numbers, rel=0.1)
    with pytest.raises(ValueError, match=r"^points has 5 rows; choose 10 or more$"):
        dimension.two_neighbours(sheet[:5])


def test_sheets_apart_are_told_from_mixed_ones():
    stream = torch.Generator().manual_seed(0)
    points = torch.rand(3_000, 2, generator=stream)
    kinds = torch.arange(3_000) % 3
    mixed = meaning.sheets(points, kinds)
    apart = meaning.sheets(torch.cat([points, 5.0 * kinds[:, None]], 1), kinds)
    assert mixed["alike"] == pytest.approx(1 / 3, abs=0.06)
    assert apart["alike"] == 1
    assert apart["spread"] < 0.3 < mixed["spread"]


def test_noise_is_not_connected_and_shapes_are():
    x = Shapes(100, 1).sample(1)[0]
    noise = torch.rand(100, x.shape[1], generator=torch.Generator().manual_seed(0))
    assert abs(drawings.connected(noise)) < 0.02
    assert drawings.connected(x) > 0.8
    assert drawings.connected(torch.zeros_like(x)) == 0
