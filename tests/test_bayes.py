"""Inference by listing latent variables: dice against counting, a line against quadrature and closed forms."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from latentsep.theory import bayes
from latentsep.theory.bayes import Dice, Inference, Parabola, divergence

MASSES = st.lists(st.floats(0.01, 1), min_size=2, max_size=6).map(lambda v: np.array(v) / sum(v))


@st.composite
def inferences(draw):
    prior = draw(MASSES)
    q = np.array(draw(st.lists(st.floats(0.01, 1), min_size=len(prior), max_size=len(prior))))
    logs = np.array(draw(st.lists(st.floats(-8, 3), min_size=len(prior), max_size=len(prior))))
    return Inference(prior, logs), q / q.sum()


@given(inferences())
def test_bound_and_divergence_add_up_to_the_evidence(pair):
    seen, q = pair
    assert seen.elbo(q) + seen.kl_to_posterior(q) == pytest.approx(seen.log_evidence(), abs=1e-10)
    assert seen.elbo(q) <= seen.log_evidence() + 1e-12
    assert seen.elbo(seen.posterior()) == pytest.approx(seen.log_evidence(), abs=1e-10)


@given(inferences())
def test_the_posterior_is_likelihood_times_prior_made_to_sum_to_one(pair):
    seen, _ = pair
    product = seen.prior * np.exp(seen.log_likelihood)
    np.testing.assert_allclose(seen.posterior(), product / product.sum(), rtol=1e-12)
    assert math.exp(seen.log_evidence()) == pytest.approx(product.sum(), rel=1e-12)


def test_distributions_come_in_batches():
    seen = Dice().given(3)
    several = np.stack([seen.prior, seen.posterior(), np.full(4, 0.25)])
    for method in (seen.elbo, seen.reconstruction, seen.kl_to_prior, seen.kl_to_posterior):
        np.testing.assert_allclose(method(several), [method(q) for q in several], rtol=1e-14)


@given(MASSES)
def test_a_divergence_is_zero_from_itself_and_infinite_where_nothing_may_be(q):
    assert divergence(q, np.log(q)) == 0
    without = np.log(q)
    without[0] = -math.inf
    assert divergence(q, without) == math.inf
    part = np.where(np.arange(len(q)) > 0, q, 0)
    assert 0 < divergence(part / part.sum(), np.log(q)) < math.inf


def test_what_the_likelihood_excludes_costs_without_limit():
    seen = Dice().given(7)  # on no die of 4 or 6 sides
    assert seen.posterior()[:2].tolist() == [0, 0]
    assert seen.reconstruction(seen.prior) == math.inf
    assert seen.elbo(seen.prior) == -math.inf
    assert math.isfinite(seen.elbo(np.array([0, 0, 0.5, 0.5])))


@pytest.mark.parametrize("number", range(1, 13))
def test_dice_by_counting(number):
    dice = Dice((2, 3, 12), (0.5, 0.25, 0.25))
    ways = [
        Fraction(s).limit_denominator(4) / n if number <= n else Fraction(0)
        for s, n in zip(dice.share, dice.sides, strict=True)
    ]
    seen = dice.given(number)
    assert math.exp(seen.log_evidence()) == pytest.approx(float(sum(ways)), rel=1e-12)
    np.testing.assert_allclose(seen.posterior(), [float(w / sum(ways)) for w in ways], rtol=1e-12)
    np.testing.assert_allclose(dice.joint()[:, number - 1], [float(w) for w in ways], rtol=1e-12)


@pytest.mark.parametrize("number", [0, 13, -1])
def test_a_number_that_no_die_has_is_refused(number):
    with pytest.raises(ValueError, match=rf"^number is {number}; choose 1 to 12$"):
        Dice().given(number)


@pytest.mark.parametrize("x", [-1.0, 0.0, 1.5, 9.0])
def test_sums_over_the_line_are_integrals(x):
    line = Parabola()
    exact, _ = integrate.quad(
        lambda z: stats.norm.pdf(z) * stats.norm.pdf(x, z * z, 0.5), -8, 8, points=[-1.2, 0, 1.2], epsabs=1e-14
    )
    assert math.exp(line.given(x).log_evidence()) == pytest.approx(exact, rel=1e-9)
    posterior = line.given(x).posterior()
    np.testing.assert_allclose(posterior, posterior[::-1], rtol=1e-9, atol=1e-300)  # z and −z explain x alike
    assert line.masses(0.4, 0.7).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("x", [-1.0, 0.0, 1.5, 9.0])
def test_a_climb_rises_to_where_no_other_normal_distribution_is_better(x):
    line = Parabola()
    path = bayes.ascend(line, x, 1.0, 0.5)
    assert (np.diff(path[:, 2]) > -1e-9).all()
    assert path[0, :2].tolist() == [1.0, 0.5]
    mean, std, bound = path[-1]
    seen = line.given(x)
    assert bound == pytest.approx(float(seen.elbo(line.masses(mean, std))), abs=1e-12)
    for other in ((mean + 0.01, std), (mean - 0.01, std), (mean, 1.02 * std), (mean, 0.98 * std)):
        assert seen.elbo(line.masses(*other)) < bound


def test_of_two_hills_far_apart_one_is_covered():
    line = Parabola()
    seen = line.given(9.0)
    ends = [bayes.ascend(line, 9.0, start, 0.5)[-1] for start in (2.0, -2.0)]
    assert ends[0][0] == pytest.approx(-ends[1][0], abs=1e-4)
    assert ends[0][0] == pytest.approx(3, abs=0.05)
    for end in ends:
        assert seen.log_evidence() - end[2] == pytest.approx(math.log(2), abs=1e-3)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_a_fine_grid_finds_the_evidence(dimension):
    x = np.linspace(-1, 1, dimension)
    found, visited = bayes.evidence_by_grid(x, 0.5, 100_000)
    assert found == pytest.approx(bayes.exact_evidence(x, 0.5), abs=1e-6)
    assert visited == min(64, round(100_000 ** (1 / dimension) - 0.5)) ** dimension


@pytest.mark.parametrize(("dimension", "axis"), [(5, 10), (6, 6), (10, 3), (17, 1)])
def test_a_grid_stays_within_its_budget(dimension, axis):
    assert bayes.evidence_by_grid(np.ones(dimension), 0.5, 100_000)[1] == axis**dimension


def test_one_node_is_the_likelihood_at_the_mean_of_the_prior():
    x = np.ones(3)
    assert bayes.evidence_by_grid(x, 0.5, 1)[0] == pytest.approx(stats.norm.logpdf(x, 0, 0.5).sum(), rel=1e-12)


def test_draws_find_the_evidence_in_one_dimension_and_depend_on_their_seed():
    x = np.ones(1)
    found = bayes.evidence_by_samples(x, 0.5, 10_000, 40, seed=3)
    exact = bayes.exact_evidence(x, 0.5)
    assert abs(found.mean() - exact) < 5 * found.std() / math.sqrt(40) + 1e-4
    assert found.std() < 0.05
    assert (found == bayes.evidence_by_samples(x, 0.5, 10_000, 40, seed=3)).all()
    assert (found != bayes.evidence_by_samples(x, 0.5, 10_000, 40, seed=4)).all()
