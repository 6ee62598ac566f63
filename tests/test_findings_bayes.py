"""Chapter 2's numbers, against bags of dice that can be worked out on paper and integrals by other rules."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from latentsep.findings import bayes as findings
from latentsep.theory.bayes import Dice, Inference, Parabola

LINE = Parabola()
FAIR = Inference(np.array([0.5, 0.25, 0.25]), np.log([0.25, 0.5, 0.5]))  # evidence 3/8, posterior in thirds


def test_what_the_checks_count_is_counted_otherwise():
    told = findings.checked()
    # Bell's numbers by their recurrence: the box of the last outcome holds k of the others.
    bell = [1]
    for n in range(4):
        bell.append(sum(math.comb(n, k) * bell[k] for k in range(n + 1)))
    assert told.boxes == told.algebras == bell[4] == 15
    assert told.families == len({frozenset(i for i in range(16) if n >> i & 1) for n in range(65_536)})
    assert 0 <= told.identity_off < 1e-8
    assert told.examples == 2 * 20 + 4  # of dice and of the line
    assert min(told.common_off, told.first_off, told.second_off) > 0.01


def test_one_parameter_for_two_rolls_is_off_by_what_a_search_finds():
    """After a 3 and a 5 the best common Q has masses ∝ exp(mean of log P(x|z)) P_Z, for bounds that add up."""
    share, sides = np.array([0.3, 0.2, 0.1]), np.array([6, 8, 12])  # the 5 excludes the die of four sides
    q = share / sides / (share / sides).sum()
    dice = Dice()
    three = dice.given(3)
    assert findings.checked().common_off == pytest.approx(float(three.kl_to_posterior(np.append(0, q))), rel=1e-3)


def test_evidence_is_told_of_the_roll_and_of_the_line():
    told = findings.evidence(5, Dice().given(5), 1.5, LINE.given(1.5), LINE)
    assert (told.rolled, told.datapoint) == (5, 1.5)
    assert told.evidence == pytest.approx(0.3 / 6 + 0.2 / 8 + 0.1 / 12)

    def over(power: int) -> float:
        """∫ N(x; z², noise²) N(z; 0, 1)^power dz."""
        return integrate.quad(
            lambda z: stats.norm.pdf(1.5, z**2, LINE.noise) * stats.norm.pdf(z) ** power, -6, 6, points=[-1.2, 1.2]
        )[0]

    assert told.on_line == pytest.approx(over(1), rel=1e-7)
    assert told.twice == pytest.approx(over(2), rel=1e-7)


# The bound


def test_terms_of_the_bound_worked_out_by_hand():
    third, log = np.full(3, 1 / 3), math.log
    reconstruction, kl, bound, divergence, total, evidence = findings.terms(FAIR, third)
    assert evidence == pytest.approx(log(3 / 8))
    assert divergence == pytest.approx(0, abs=1e-12)
    assert bound == pytest.approx(total)
    assert total == pytest.approx(evidence)
    assert reconstruction == pytest.approx((log(4) + 2 * log(2)) / 3)
    assert kl == pytest.approx((log(2 / 3) + 2 * log(4 / 3)) / 3)
    prior = findings.terms(FAIR, FAIR.prior)
    assert prior[0] == pytest.approx(1.5 * log(2))
    assert prior[1] == pytest.approx(0, abs=1e-12)
    assert prior[3] == pytest.approx(log(3 / 2) / 2 + log(3 / 4) / 2)
    assert prior[4] == pytest.approx(evidence)


def test_the_table_of_terms_has_a_row_for_every_distribution():
    table = findings.identity({"three": (FAIR, {"prior": FAIR.prior}), "one": (FAIR, {"posterior": FAIR.posterior()})})
    assert table.index.tolist() == [("three", "prior"), ("one", "posterior")]
    assert table.index.names == ["", "Q"]
    assert tuple(table.columns) == findings.TERMS
    assert table.loc[("three", "prior")].tolist() == list(findings.terms(FAIR, FAIR.prior))
    np.testing.assert_allclose(table["sum of the last two"], math.log(3 / 8))


def test_ascents_are_told_by_their_ends():
    evidence = FAIR.log_evidence()
    paths = {
        "from the right": np.array([[0, 1, -9], [1, 1, evidence - 0.75]]),
        "from the left": np.array([[0, 1, -9], [0, 1, -3], [0, 1, -2], [1, 1, evidence - 1]]),
    }
    told = findings.ascents(FAIR, paths)
    assert told.gap == pytest.approx(0.75)
    assert told.log_two == math.log(2)


# Costs


def test_costs_are_told_of_the_grid_in_ten_dimensions_and_of_draws_in_the_last():
    errors = pd.DataFrame(
        {"grid": [0.1, 0.2, 10.0, 30.0], "10 draws": [1.0, 2, 3, 4], "1,000 draws": [5.0, 6, 7, 8]},
        index=[1, 2, 10, 20],
    )
    told = findings.costs(1000, 0.3, errors, {1: 64, 2: 961, 10: 3**10, 20: 1}, list(errors))
    assert (told.budget, told.per_axis, told.last) == (1000, 3, 20)
    assert (told.grid_two, told.grid_ten, told.draws_last) == (0.2, 10.0, 8.0)
    # One coordinate of the posterior has the precision 1 + 1/0.3².
    variance = 1 / (1 + 1 / 0.09)
    assert told.hit_two == pytest.approx(variance)
    assert told.hit_twenty == f"{variance**10:.0e}"
