"""What chapter 5 says in numbers is what tables made by hand hold."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch
from planted import untrained

from latentsep.data.benchmarks import Benchmark, regular_phases
from latentsep.findings import benchmark, benchmark_choices
from latentsep.ledger import ledger
from latentsep.measures import evaluation
from latentsep.training.experiments import SIGMAS
from latentsep.training.runs import Member, Run

PRINTED = ledger.cells("table-5.1")
CELLS = list(itertools.product(SIGMAS, SIGMAS))
DROP = PRINTED["x0.1/sx1"]["mse"].mean / PRINTED["x1/sx1"]["mse"].mean  # of the MSE, as the noise grows


def name(dataset: float, sigma_x: float) -> str:
    return f"x{dataset:g}/sx{sigma_x:g}"


def ring(turns: int, count: int = 100) -> torch.Tensor:
    phases = turns * regular_phases(count)
    return torch.stack([phases.cos(), phases.sin()], -1)


def test_turns_are_counted_in_both_senses():
    steps = 2 * math.pi * 2 / 100
    found = benchmark.turns(torch.stack([ring(1), ring(1) + 5, ring(-1), ring(2), ring(1).abs()]))
    assert (found.loops, found.members, found.clockwise) == (3, 5, 1)
    assert found.largest_step > steps * 1.1  # what is folded at the axes is seen from nearby
    assert benchmark.turns(torch.stack([ring(1), ring(2)])).largest_step == pytest.approx(steps, rel=1e-4)


# Table 5.1


def printed_again(**factors: float) -> pd.DataFrame:
    """Two repetitions of all cells that have the printed means, times a factor for the quantity."""
    return pd.DataFrame(
        {"dataset": s, "sigma_x": x, "repetition": r}
        | {q: PRINTED[name(s, x)][q].mean * factors.get(q, 1.0) + (-1) ** r * 1e-9 for q in evaluation.QUANTITIES}
        for s, x in CELLS
        for r in (0, 1)
    )


def summed(measured: pd.DataFrame) -> benchmark.NineCells:
    members = tuple(Member(*row) for row in measured[["dataset", "sigma_x", "repetition"]].itertuples(index=False))
    trained = untrained(Run(members, Benchmark(), updates=0))
    ours = evaluation.by_cell(measured)
    entries = ledger.table("table-5.1", ours, evaluation.floors(measured, 25), "published", "book")
    return benchmark.nine_cells(trained, Benchmark().visualisation()[0], measured, entries)


@pytest.fixture(scope="module")
def same() -> benchmark.NineCells:
    return summed(printed_again())


def test_the_print_agrees_with_itself(same):
    assert (same.bounds, same.bounds_reached, same.bounds_better) == (6, 6, 0)
    assert same.off_with == pytest.approx(0, abs=1e-8)
    assert (same.mse_noisy, same.mse_noisy_inverse) == pytest.approx((1, 10), rel=1e-6)
    assert (same.mse_low, same.mse_high) == pytest.approx((1, 1), rel=1e-4)
    assert same.mse_drop_ours == pytest.approx(DROP, rel=1e-6)
    assert same.noisy_gain == pytest.approx(0, abs=1e-6)


def test_what_the_print_says_is_read_off_it(same):
    assert (same.odd_kl, same.odd_reconstruction, same.odd_bound) == ("0.01", "0.07", "0.01")
    assert same.kl_thesis == PRINTED["x0.1/sx0.01"]["kl"].mean
    assert same.rows_apart_one > 3 > same.rows_apart_one / 1.1  # once the deviation is put right
    assert same.rows_apart > 3


def test_without_the_half_squared_errors_count_twice(same):
    """Where E/(2σ²) + c is the printed error, E/σ² + c is off by E/(2σ²)."""
    cells = [(s, x) for s, x in CELLS if s < 1]
    halves = [PRINTED[name(s, x)]["reconstruction"].mean - 25 / 2 * math.log(2 * math.pi * x**2) for s, x in cells]
    assert same.off_without == pytest.approx(sum(map(abs, halves)) / 6, rel=1e-6)


def test_floors_and_gaps_count_the_means_of_cells(same):
    gaps = [PRINTED[name(s, x)]["neg_elbo"].mean - evaluation.evidence_floor(25, x) for s, x in CELLS]
    assert same.nearest == pytest.approx(min(gaps), abs=1e-6)
    assert same.below_floor == sum(g < 0 for g in gaps)
    low = printed_again()
    low.loc[low.dataset == 0.01, "neg_elbo"] -= 1e3
    found = summed(low)
    assert (found.bounds_reached, found.bounds_better) == (6, 3)
    assert found.below_floor == 3 + sum(g < 0 for g in gaps[3:])
    assert found.noisy_gain == pytest.approx(0, abs=1e-6)


def test_ratios_take_their_own_rows():
    """The MSE of quiet rows doubled, that of the noisy one as printed; −ELBO of the noisy rows ten nats lower."""
    measured = printed_again()
    measured.loc[measured.dataset < 1, "mse"] *= 2
    measured.loc[measured.dataset == 1, "neg_elbo"] -= 10
    found = summed(measured)
    assert (found.mse_noisy, found.mse_noisy_inverse) == pytest.approx((1, 10), rel=1e-6)
    assert (found.mse_low, found.mse_high) == pytest.approx((2, 2), rel=1e-4)
    assert found.mse_drop_ours == pytest.approx(2 * DROP, rel=1e-6)
    assert found.noisy_gain == pytest.approx(10, abs=1e-6)


def test_the_norm_is_taken_for_the_cell_that_is_named(same):
    """Written out in NumPy for the members with σ = 0.1 and σ_X = 0.01 alone."""
    members = tuple(Member(*cell, r) for cell in CELLS for r in (0, 1))
    run = Run(members, Benchmark(), updates=0)
    x = Benchmark().visualisation()[0]
    posterior = untrained(run).vae.posterior(x).base_dist
    chosen = [i for i, m in enumerate(members) if (m.dataset, m.sigma_x) == (0.1, 0.01)]
    mean, std = posterior.loc[chosen].numpy(), posterior.scale[chosen].numpy()
    norm = 0.5 * ((std**2).sum(-1) + (mean**2).sum(-1) - np.abs(np.log(std**2)).sum(-1) - 2)
    assert same.kl_with_norm == f"{norm.mean():.2f}".replace("-", "−")


# What the thesis leaves unsaid


def compared(rows: dict[str, dict[tuple[float, float], float]]) -> pd.DataFrame:
    """A table of variants and the print, over cells."""
    cells = list(next(iter(rows.values())))
    columns = pd.MultiIndex.from_tuples(cells, names=["σ", "σ_X"])
    return pd.DataFrame([list(row.values()) for row in rows.values()], list(rows), columns)


def test_activations_are_compared_in_the_cells_that_are_named():
    cells = [(0.1, 0.01), (0.1, 1.0), (1.0, 0.01), (1.0, 1.0)]
    bounds = {"tanh": [1.0, 5.0, 0.0, 0.0], "relu": [1.5, 8.0, 900.0, 0.0], "thesis": [-99.0, 99.0, 0.0, 0.0]}
    errors = {"tanh": [1.0, 0.25, 1.0, 0.06], "relu": [1.0, 0.125, 1.0, 0.04], "thesis": [1.0, 0.5, 1.0, 0.01]}
    tables = {
        quantity: compared({n: dict(zip(cells, v, strict=True)) for n, v in rows.items()})
        for quantity, rows in (("neg_elbo", bounds), ("mse", errors))
    }
    members = pd.DataFrame(cells, columns=["dataset", "sigma_x"])
    variants = {"tanh": members.set_index(np.array([7, 3, 1, 0])), "relu": members}
    rough = {"tanh": np.array([99.0, 99.0, 2.0, 99.0]), "relu": np.array([99.0, 99.0, 3.25, 99.0])}
    found = benchmark_choices.activations(tables, variants, rough)
    assert found.activation_spread == 3
    assert found.thesis_mse == 0.5
    assert found.mse_by_activation == "tanh 0.250, relu 0.125"
    assert found.rough_by_activation == "tanh 2.0, relu 3.2"
    assert found.smallest_mse == pytest.approx(4)


def test_paces_differ_where_noise_is_little_and_in_the_noisiest_cell():
    cells = [(0.01, 1.0), (0.1, 1.0), (1.0, 0.01), (1.0, 1.0)]
    rows = {"fast": [1.0, 5.0, -700.4, 0.0], "slow": [1.5, 3.0, 12345.6, 90.0], "thesis": [0.0] * 4}
    table = compared({n: dict(zip(cells, v, strict=True)) for n, v in rows.items()})
    measured = pd.DataFrame(
        {"dataset": [0.01, 0.01, 0.1, 0.1, 1.0, 1.0], "sigma_x": 1.0, "neg_elbo": [0.0, 2.0, 5.0, 5.0, 0.0, 100.0]}
    )
    found = benchmark_choices.paces(table, measured)
    assert found.pace_gap == 2
    assert found.pace_std == pytest.approx(math.sqrt(2))
    assert (found.pace_noisy, found.pace_noisy_slow) == ("−700", "12346")
    # A single repetition has no deviation.
    assert benchmark_choices.paces(table, measured[::2]).pace_std == 0


def test_batches_are_told_against_a_linear_code():
    printed = PRINTED["x1/sx0.01"]["neg_elbo"]
    near = printed.mean + 2.9 * printed.std
    found = pd.DataFrame(
        {"X_Vis": [near + printed.std, near, -5.0], "seen": [110.0, 80.0, 60.0], "fresh": [130.0, 101.0, 90.0]},
        [64, 256, 10_000],
    )
    found.loc["linear code"] = [0.0, 100.0, 100.0]
    x = torch.zeros(4, 5)
    x[:, :2] = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))  # inside of the plane
    seen = x.clone()
    seen[:, 3] = 0.01 * torch.tensor([2.0, 0.0, 2.0, 0.0])  # squared errors over 2σ_X² of 2, 0, 2, 0
    told = benchmark_choices.batches(found, torch.eye(5)[:2], seen, x)
    assert (told.least, told.most, told.sizes) == (64, 10_000, "64, 256, 10000")
    assert told.vis_by_batch == f"{near + printed.std:.0f}, {near:.0f}, −5"
    assert (told.thesis_noisy, told.thesis_noisy_std) == (printed.mean, printed.std)
    assert told.linear_seen == 100
    assert (told.seen_least, told.seen_most) == ("+10", "−40")
    assert (told.fresh_least, told.fresh_most) == ("+30", "−10")
    assert told.within == "256"
    assert told.share == pytest.approx(25)
    assert told.draw == pytest.approx(np.std([2, 0, 2, 0], ddof=1) / 2, rel=1e-5)


def test_no_batch_need_be_near_the_print():
    found = pd.DataFrame({"X_Vis": [0.0], "seen": [1.0], "fresh": [1.0]}, [64])
    found.loc["linear code"] = 0.0
    assert benchmark_choices.batches(found, torch.eye(3)[:2], torch.ones(3, 3), torch.ones(3, 3)).within == "none"
