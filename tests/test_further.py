"""What chapter 13 predicts and measures: by other ways to the same numbers, and on circles built by hand."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from latentsep.findings import families
from latentsep.measures import circle_bound, evaluation
from latentsep.measures.evaluation import evidence_floor
from latentsep.models.distributions import HeatKernel
from latentsep.models.elsewhere import Floored, PathOnly, SmallTime
from latentsep.models.families import PowerSpherical, ProjectedNormal
from latentsep.models.kinds import FAMILIES, KINDS, FamilyCircle
from latentsep.models.von_mises import VonMises
from latentsep.theory import ideal, settling
from latentsep.training import ensembles
from latentsep.training.further import WIDTHS
from latentsep.training.further import families as family_runs
from latentsep.training.runs import Member, Run

ONE_MODE = [FAMILIES[name] for name in families.ONE_MODE]


@pytest.mark.parametrize("sigma_x", [0.1, 1.0, 2.0, 2.4])
def test_von_mises_reaches_the_floor(sigma_x):
    assert ideal.best(ideal.of(VonMises), sigma_x).neg_elbo == pytest.approx(evidence_floor(25, sigma_x), abs=1e-9)


@pytest.mark.parametrize("sigma_x", [1.0, 2.0])
@pytest.mark.parametrize("family", [HeatKernel, PowerSpherical, ProjectedNormal])
def test_a_predicted_loss_is_a_divergence_from_the_true_posterior_by_quadrature(family, sigma_x):
    # −ELBO is −log p(x) of the decoder's circle plus the divergence from the von Mises posterior that goes with it.
    best = ideal.best(ideal.of(family), sigma_x)
    angles = (2 * math.pi / 8192) * torch.arange(-4096, 4096, dtype=torch.float64)
    log_q = family.diffused(torch.zeros(1).double(), torch.tensor([best.t]).double()).log_prob(angles)
    step, whole = 2 * math.pi / 8192, 12.5 / sigma_x**2
    ahead = float((log_q.exp() * angles.cos()).sum() * step)
    missed = 0.5 * whole * (1 + ahead**2 - 2 * ahead * angles.cos())
    evidence = float(((-missed).exp().sum() * step / (2 * math.pi)).log())
    log_true = -missed - evidence - math.log(2 * math.pi)
    divergence = float((log_q.exp() * (log_q - log_true)).sum() * step)
    constant = 12.5 * math.log(2 * math.pi * sigma_x**2)
    assert best.neg_elbo == pytest.approx(constant - evidence + divergence, abs=1e-9)


def test_predictions_are_those_that_were_known_before():
    forecast = families.predicted([0.1, 1.0, 2.0])
    assert (forecast["von Mises"] == 0).all()
    assert forecast.loc[0.1, "heat kernel"] == pytest.approx(1e-8, rel=0.5)
    assert forecast.loc[1.0, "heat kernel"] == pytest.approx(2e-4, rel=0.2)
    assert forecast.loc[2.0, "heat kernel"] == pytest.approx(1e-2, rel=0.1)
    assert forecast.loc[1.0, "power spherical"] == pytest.approx(2 * forecast.loc[1.0, "heat kernel"], rel=0.1)
    assert forecast.loc[1.0, "projected normal"] == pytest.approx(3e-3, rel=0.1)


# Where training comes to rest


@pytest.mark.parametrize("sigma_x", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("family", [HeatKernel, VonMises])
def test_exact_formulas_rest_where_the_bound_is_best(family, sigma_x):
    found, best = settling.rest(family, sigma_x), ideal.best(ideal.of(family), sigma_x)
    assert found.t == pytest.approx(best.t, rel=1e-4)
    assert found.true == pytest.approx(best.neg_elbo - evidence_floor(25, sigma_x), abs=1e-8)
    assert found.claimed == pytest.approx(found.true, abs=1e-9)


def test_formulas_elsewhere_rest_elsewhere():
    away = settling.rest(SmallTime, 2.0)
    assert (away.t, away.claimed) == (math.inf, -math.inf)
    assert away.true == pytest.approx(25 / 16 + 12.5 * math.log(8 * math.pi) - evidence_floor(25, 2.0), abs=1e-9)
    assert settling.rest(Floored, 2.0).t == pytest.approx(math.pi / math.e, rel=1e-6)
    assert settling.rest(Floored, 2.0).true < away.true
    # The path's own balance: κA' = R²A/σ² · A/(κ√(4κ² + 1)).
    k = torch.tensor(0.5 / settling.rest(PathOnly, 1.0).t, dtype=torch.float64)
    ahead = 1 - VonMises(0.0, k).variance
    gain = 12.5 * ahead**2 / (k * (4 * k**2 + 1).sqrt())
    torch.testing.assert_close(k * (1 - ahead / k - ahead**2), gain, rtol=1e-4, atol=0)


# The bound by quadrature


def test_the_bound_by_quadrature_is_the_mean_over_samples():
    for name in ("heat kernel", "projected normal", "wrapped Cauchy"):
        run = family_runs("smoke", 2)[name]
        trained = ensembles.Trained(run, run.model().eval().requires_grad_(False), np.zeros((6, 1)))
        x, _ = trained.benchmark.visualisation(10)
        ours = circle_bound.exact_bound(trained, x)
        sampled = evaluation.measure(trained, x, samples=300)
        off = np.abs(ours.numpy() - sampled.neg_elbo) / sampled.error
        assert (off < 4.5).all(), name


@pytest.mark.parametrize("name", ["von Mises", "wrapped Cauchy"])
def test_the_bound_by_quadrature_resolves_narrow_posteriors(name):
    run = Run((Member(0.1, 0.01),), space=FamilyCircle(family=name), updates=0)
    model = run.model().eval().requires_grad_(False)
    model.encoder.layers[-1].bias[:, 2] = math.log(1e-7)
    for layer in model.decoder.layers:
        layer.weight.zero_()  # so that only the divergence depends on the posterior
    trained = ensembles.Trained(run, model, np.zeros((1, 1)))
    x, _ = trained.benchmark.visualisation(5)
    parts = model(x, torch.zeros(1, 1, 5, run.space.noise_features) + 0.1)
    assert float(circle_bound.exact_bound(trained, x)) == pytest.approx(float(sum(parts).mean()), rel=1e-5)


# What is told


def rows() -> pd.DataFrame:
    table = [
        {"family": name, "sigma_x": s, "repetition": r, "above": 0.1 + 0.01 * r + n, "claimed": 0.2 + n,
         "outcome": "torn" if name == "floored" else "recovered", "updates": 100 * (r + 1)}
        for n, name in enumerate(KINDS) if name != "antipodal" for s in WIDTHS for r in range(3)
    ]  # fmt: skip
    return pd.DataFrame(table)


def test_trained_circles_stand_beside_their_prediction():
    forecast = families.predicted(WIDTHS)
    table = families.against_prediction(rows(), forecast)
    assert list(table.index) == list(families.ONE_MODE)
    assert table.loc["von Mises", ("σ<sub>X</sub> = 1", "trained")] == "1.1100 ± 0.0100"
    told = families.what_families_lose(rows(), forecast)
    assert (told.all_recovered, told.all_members, told.lost_loops) == (45, 45, "none")
    assert told.own_sharp == pytest.approx(1.11)
    torn = rows().assign(
        outcome=lambda t: np.where((t.family == "wrapped Cauchy") & (t.sigma_x == 2), "torn", t.outcome)
    )
    assert families.what_families_lose(torn, forecast).lost_loops == "3 wrapped Cauchy at 2"
    # Families are a nat apart in these rows: the farthest, three from von Mises's, is off by that less its prediction.
    assert told.family_off == pytest.approx(3 - told.cauchy_two, abs=1e-9)
    assert told.heat_two == forecast.loc[2.0, "heat kernel"]


def test_what_formulas_do_is_counted_and_compared():
    found = rows()
    table = families.elsewhere(found)
    told = families.what_formulas_do(found, table)
    assert told.astray_members == told.small_astray == told.floored_astray == 3
    assert told.path_part == pytest.approx(0.515, abs=1e-3)
    assert told.constant == pytest.approx(1.8379, abs=1e-4)
    last = table.loc[("path only", 2.0)]
    assert last["trained, true"] == pytest.approx(8.11)
    assert told.formula_off == pytest.approx(last["trained, true"] - last["true"])


def test_arrival_is_when_a_curve_stays_near_its_end():
    run = Run((Member(0.1, 1.0), Member(0.1, 2.0)), updates=5_000)
    curve = np.concatenate([np.full(50, 3.0), np.full(50, 1.0)])
    trained = ensembles.Trained(run, run.model(), np.stack([curve, np.ones(100)]))
    first, second = families._arrival(trained)
    assert 2_500 <= first <= 3_600
    assert second == 1_000  # the shortest stretch of which a mean is taken


def test_gradients_of_narrow_families_spread_alike():
    table = families.behaviour(rows(), draws=20_000)
    spread = table["spread of the gradient"].astype(float)
    assert spread.max() < 2 * spread.min()
    assert spread["heat kernel"] == pytest.approx(spread["von Mises"], rel=0.1)
    assert table.loc["von Mises", "recovered"] == "9 of 9"


def test_compared_formulas_agree_for_small_times():
    divergences, parts = families.compared_formulas()
    early = divergences[divergences.index < 0.1]
    np.testing.assert_allclose(early["small time"], early["exact"], atol=1e-6)
    assert divergences["small time"].min() < 0 == divergences["floored"].min() < divergences["exact"].min()
    assert parts.iloc[-1] > 0.98 > parts.min() > 0.5
