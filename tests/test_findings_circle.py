"""Chapter 7's numbers, from members, tables and rules whose numbers are known by hand."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from planted import by_hand, of_the_phase
from scipy import integrate

from latentsep.data.benchmarks import Benchmark
from latentsep.findings import circle, formulas, noisy_circle
from latentsep.ledger import checks, ledger, numerals
from latentsep.measures import evaluation, topology
from latentsep.models.latent_spaces import Circle
from latentsep.theory import ideal
from latentsep.training import experiments
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Member, Run


def test_a_series_of_numbers_has_real_minus_signs_and_no_negative_zero():
    assert numerals.series([-1.5, -0.001, 2], 2) == "−1.50, 0.00, 2.00"
    assert numerals.numeral(0.25, 1, "+") == "+0.2"
    assert numerals.numeral(-0.25, 3, "+") == "−0.250"


# Loops

DEGREES = pd.DataFrame(
    {
        "dataset": [0.1, 0.1, 1.0, 1.0],
        "degree": [0, 0, 1, -1],
        "apparent": [1, 0, -1, -1],
        "largest_step": [3.0, 0.5, 0.7, 2.0],
    }
).assign(torn=lambda t: t.largest_step > math.pi / 2)


def test_windings_are_counted_by_either_way():
    found = circle.windings({"all": DEGREES, "last": DEGREES[3:]})
    assert found["all"].tolist() == [4, 3, 2, 2, 1, 1]
    assert found["last"].tolist() == [1, 1, 1, 1, 0, 0]


def test_loops_are_told_of_the_published_and_of_the_corrected():
    start = DEGREES.assign(degree=[0, -1, 1, 2])
    corrected = DEGREES.assign(largest_step=[0.1, 0.2, 0.3, 1.5], torn=False)
    told = circle.loops({"published": DEGREES, "corrected": corrected}, start, 50)
    assert (told.members, told.apparent, told.degree_zero, told.torn) == (4, 3, 2, 2)
    assert (told.way_least, told.way_most) == (2.0, 3.0)
    assert (told.recovered, told.wind_at_start) == (2, 2)
    assert (told.step_corrected, told.step_low) == (1.5, 0.2)
    assert told.step_even == pytest.approx(0.1256637)


def test_an_update_takes_minibatches_or_all():
    run = Run((Member(0.1, 0.1),), Benchmark(), updates=0, batch_size=64)
    assert circle.batches(run) == "minibatches of 64"
    assert circle.batches(replace(run, batch_size=None)) == "the whole dataset"


# The print and the floor


def entry(cell: str, verdict: str, floor: float | None = 0.0, mean: float = 0.0) -> dict:
    return {"id": f"table-7.1/{cell}", "verdict": verdict, "floor": floor, "thesis": {"mean": mean}}


def test_only_quiet_cells_count_as_kept_and_all_as_below():
    entries = [
        entry("x0.01/sx1/mse", "reproduced"),
        entry("x0.1/sx0.1/mse", "differs"),
        entry("x0.1/sx1/mse", "better"),
        entry("x0.1/sx1/kl", "differs"),
        entry("x0.1/sx0.1/neg_elbo", "thesis-invalid", 5, 2),
        entry("x0.1/sx0.01/mse", "differs"),  # neither noisy data
        entry("x1/sx1/kl", "reproduced"),  # nor the least σ_X is quiet
        entry("x1/sx1/neg_elbo", "thesis-invalid", 5, -2),
        entry("x0.01/sx0.1/mse", "uninformative"),
        entry("x0.01/sx1/mse", "thesis-invalid", None),  # contradicts its row, and is below no floor
    ]
    told = circle.against_print(entries)
    assert (told.kept, told.kept_of, told.blunt) == (2, 7, 1)
    assert told.not_kept == "3 of MSE, 1 of KL, 1 of −ELBO"
    assert (told.below, told.below_least, told.below_most) == (2, 3, 7)
    assert circle.against_print([entries[0], entries[4] | {"verdict": "reproduced"}, entries[7]]).not_kept == "none"
    with pytest.raises(ValueError, match=r"min\(\)|empty"):
        circle.against_print(entries[:4])


def divergence(variance: float) -> float:
    """KL in nats of a wrapped normal distribution to the uniform one, by summing images and integrating."""

    def density(angle: float) -> float:
        images = angle + 2 * np.pi * np.arange(-20, 21)
        return float(np.exp(-(images**2) / (2 * variance)).sum() / math.sqrt(2 * np.pi * variance))

    return integrate.quad(lambda a: density(a) * math.log(2 * math.pi * density(a)), -math.pi, math.pi)[0]


def test_distances_to_the_floor_are_those_of_models_worked_out_by_hand():
    """With all weights zero every datapoint is encoded at angle 0 with t = 1, and decoded to the origin."""
    members = tuple(Member(d, s) for d in (0.1, 1.0) for s in experiments.SIGMAS)
    run = Run(members, Benchmark(), Circle(), updates=0)
    trained = {"corrected": by_hand(run), "published": by_hand(replace(run, space=experiments.circle()))}
    trained["published"].vae.float()
    floor = np.array([evaluation.evidence_floor(25, m.sigma_x) for m in members])
    table = pd.DataFrame([vars(m) for m in members])
    gaps = np.array([0.5, 0.2, -0.1, 9, 9, 9])  # in the order of the members
    measured = {
        "corrected": table.assign(neg_elbo=floor + gaps, error=[1, 1, 0.05, 1, 1, 1]),
        "published": table.assign(
            neg_elbo=floor + [-1, -1, 2, -3, 1, 1], reconstruction=floor + [1, 2, 3, 4, 5, 6], kl=7.0
        ),
    }
    told = circle.against_floor(trained, measured, run.data.visualisation()[0])
    assert told.decoder_weights == 2 * 25 + 25
    assert (told.gap_sharp, told.gap_sharp_least) == (pytest.approx(0.5), pytest.approx(0.5))
    assert told.gap_wide == pytest.approx(0.2)
    assert (told.lowest, told.lowest_errors) == ("−0.100", pytest.approx(2.0))
    zero = 25 / 2 * math.log(2 * math.pi) + 25 / 4 + divergence(2) - evaluation.evidence_floor(25, 1.0)
    assert (told.lowest_exact, told.below_exact) == (f"{zero:+.4f}", 0)
    assert told.ours_below == 3
    assert 6 < told.kl_by_draw < 8  # all posteriors are alike here, and their KL is below one nat
    # As published t is the standard deviation of the samples.
    assert told.bound_least == pytest.approx(1 + divergence(1), abs=1e-5)
    assert told.one_bound == pytest.approx(evaluation.evidence_floor(25, 1.0) + 4.5 + divergence(1), abs=1e-5)
    assert told.one_floor == evaluation.evidence_floor(25, 1.0)
    assert told.one_printed == pytest.approx(told.one_floor + 1.5)


# The tear

SQUEEZED = 20.0
PUT_RIGHT = [f"thesis, {space}, exponents put right" for space in ("circle", "plane")]


def squeezed(*factors: float) -> Trained:
    """Encoders that go around as the angle of (cos φ, k sin φ) does, and decoders that take it for φ."""
    run = Run(tuple(Member(s, 0.5) for s in (0.01, 0.1, 1.0)), Benchmark(6, 50), Circle(), updates=0)
    trained, read = by_hand(run), of_the_phase(run.data)
    j = 2 * math.pi * torch.arange(1, 7).double() / 6
    for layer, k in enumerate(factors):
        trained.vae.encoder.layers[0].weight[layer, :2] = torch.tensor([1, k]).double()[:, None] * read
        trained.vae.decoder.layers[0].weight[layer] = torch.stack([j.sin(), j.cos()], -1)
    trained.vae.float()
    return trained


def test_the_tear_is_where_the_angle_runs_at_more_than_five_times_an_even_pace():
    found = noisy_circle.tear(squeezed(SQUEEZED, 4.5, -5.5), 20_000)
    phases = np.linspace(-math.pi, math.pi, 200_001)[:-1]
    for row, k in zip(found.itertuples(), (SQUEEZED, 4.5, -5.5), strict=True):
        running = np.abs(k) / (np.cos(phases) ** 2 + (k * np.sin(phases)) ** 2) > 5
        lost = 1 - np.cos(np.arctan2(k * np.sin(phases), np.cos(phases)) - phases)
        assert row.width == pytest.approx(100 * running.mean(), abs=0.03)
        assert row.share == pytest.approx(100 * lost[running].sum() / lost.sum(), abs=0.1)
    assert found.width[1] == 0  # never as fast as that
    assert found.width[0] > found.width[2] > 1
    assert found.dataset.tolist() == [0.01, 0.1, 1.0]


def test_codes_are_crowded_where_the_encoder_is_slow():
    """With k = 20 the angle of (cos φ, k sin φ) is near ±π/2 for most phases; with k = 1 it is even."""
    members = tuple(Member(0.1, s, r) for r, s in enumerate((0.01, 0.01, 1.0)))
    narrow, even = (
        Trained(replace(t.run, members=members), t.vae, t.history)
        for t in (squeezed(*(k,) * 3) for k in (SQUEEZED, 1.0))
    )
    told = circle.crowding(narrow, even)
    phases = np.linspace(-math.pi, math.pi, 100, endpoint=False)
    angles = torch.tensor(np.arctan2(SQUEEZED * np.sin(phases), np.cos(phases)))[None]
    assert told.packed_published == pytest.approx(100 * float(topology.packed(angles)), rel=1e-3)
    assert told.packed_published < 200 / 3
    assert told.packed_corrected == pytest.approx(89, abs=0.1)  # 89 steps of 100
    check = checks.circle.crowded(narrow, even)
    assert (check.printed, check.corrected) == (2, 0)


def test_explanations_are_judged_by_the_same_data_with_another_encoder():
    torn, whole = (pd.DataFrame({"dataset": [0.1, 1.0, 1.0], "torn": values}) for values in ([1, 1, 1], [1, 0, 0]))
    check = checks.circle.fragmented(torn.astype({"torn": bool}), whole.astype({"torn": bool}))
    assert (check.printed, check.corrected, check.verdict) == (2, 0, "thesis-invalid")
    published, corrected = pd.Series({0.01: 4.0, 1.0: 2.0}), pd.Series({0.01: 1.0, 1.0: 0.8})
    cells = [(d, s) for d in (0.1, 1.0) for s in (0.01, 0.1, 1.0)]
    plane = pd.DataFrame(cells, columns=["dataset", "sigma_x"]).assign(mse=[1.0, 1.0, 1.0, 100.0, 1000.0, 1.0])
    check = checks.circle.room(published, corrected, plane)
    assert (check.printed, check.corrected) == (pytest.approx(2.0), pytest.approx(0.4))
    assert check.verdict == "thesis-invalid"
    assert checks.circle.room(published, published, plane).verdict == "differs"  # if the tear is not to blame
    assert checks.circle.room(published, corrected, plane.assign(mse=1.0)).verdict == "reproduced"


def test_noisy_data_are_told_in_ratios():
    noisy = {
        "published": pd.Series({0.01: 8.0, 0.1: 6.0, 1.0: 3.0}),
        "corrected": pd.Series({0.01: 2.0, 0.1: 1.0, 1.0: 1.5}),
        "plane": pd.Series({0.01: 1.0, 0.1: 2.0, 1.0: 1.0}),
    }
    cells = [(d, s) for d in (0.1, 1.0) for s in experiments.SIGMAS]
    corrected = pd.DataFrame(cells, columns=["dataset", "sigma_x"]).assign(mse=[1.0, 2, 4, 2, 6, 16])
    trained = squeezed(SQUEEZED, 4.5, -5.5)
    told = noisy_circle.noisy_data(trained, noisy, corrected, corrected.assign(mse=[1.0, 2, 4, 3, 10, 40]))
    assert told.noise_plane == "10.0, 5.0, 3.0"
    assert (told.mse_ratio_least, told.mse_ratio_most) == (2.0, 6.0)
    assert told.room == "1.5, 0.5, 2.0"  # from the largest σ_X on
    assert told.noise == "4.0, 3.0, 2.0"
    torn = noisy_circle.tear(trained)
    assert told.tear_width == numerals.series(torn.width, 1)
    assert told.tear_share == numerals.series(torn.share, 0)
    table = {cell: printed["mse"].mean for cell, printed in ledger.cells("table-7.1").items()}
    assert [float(v) for v in told.said_one.split(", ")] == pytest.approx(
        [table[f"x{s:g}/sx1"] for s in (0.01, 0.1, 1)], rel=0.05
    )
    logs = [math.log(table[f"x0.1/sx{s:g}"] / table[f"x0.01/sx{s:g}"]) for s in experiments.SIGMAS]
    assert math.log(told.said_ratio) == pytest.approx(max(map(abs, logs)))
    rows = noisy_circle.noisy_row(noisy)
    assert rows.index.tolist() == ["circle, published", "circle, corrected", "plane", *PUT_RIGHT]
    assert rows.loc["circle, published"].tolist() == [3, 6, 8]
    assert rows.iloc[3, 2] == table["x1/sx0.01"]
    assert rows.iloc[4, 2] == 10 * ledger.cells("table-5.1")["x1/sx0.01"]["mse"].mean  # its exponent put right


# One correction at a time


def ablation(runs: dict[str, Run]) -> pd.DataFrame:
    """All members of all variants, as if those with the real head were torn and the others recovered."""
    rows = [pd.DataFrame([vars(m) for m in run.members]).assign(variant=name) for name, run in runs.items()]
    found = pd.concat(rows, ignore_index=True)
    real = found.variant.map(lambda name: runs[name].space.head == "real")
    floor = found.sigma_x.map(lambda s: evaluation.evidence_floor(25, s))
    return found.assign(outcome=np.where(real, "torn", "recovered"), neg_elbo=floor + 1, bound=floor + 2, kl=1.0)


def test_corrections_are_counted_by_head_activation_and_formula():
    runs = experiments.ablation("smoke", 2)
    found = ablation(runs)
    relu, softplus = (found.variant == f"all corrected, {a}" for a in ("relu", "softplus"))
    wide = found.sigma_x == 1
    spoilt = (relu & wide) | (softplus & (found.sigma_x == 0.1) & (found.repetition == 0))
    found.loc[spoilt, "outcome"] = "folded"
    found.loc[relu & wide, ["kl", "neg_elbo"]] = [0.001, evaluation.evidence_floor(25, 1.0) + 4]
    found.loc[(found.variant == "head corrected") & (found.sigma_x < 1), "neg_elbo"] -= 3
    told = formulas.corrections(found, runs)
    assert (told.relu_recovered, told.softplus_recovered, told.other_members) == (4, 5, 6)
    assert told.short_updates == runs["all corrected"].updates
    assert (told.folded, told.folded_wide, told.collapsed) == (3, 2, 2)
    assert told.folded_gap == pytest.approx(4)
    assert told.recovered_gap == pytest.approx(1)
    # The real head is that of the print, three single corrections and all but the head.
    assert (told.real_torn, told.real_members) == (5 * 6, 5 * 6)
    assert (told.projected_recovered, told.projected_members) == (5 * 6, 5 * 6)
    assert (told.head_below, told.widths) == (2, 3)
    means = formulas.variant_bounds(found)
    assert means.shape == (len(runs), 6)
    assert means.loc["as published"].iloc[0] == pytest.approx(evaluation.evidence_floor(25, 1.0) + 1)
    assert means.loc["as published"].iloc[5] == pytest.approx(evaluation.evidence_floor(25, 0.01) + 2)


# Which formulas made the table


def valley(depth: float, at: float = 1.0) -> ideal.Rules:
    """No spread, and a regularisation with its minimum at a time: all of the reconstruction error is its constant."""
    return ideal.Rules(lambda t: 0 * t, lambda t: (t.log() - math.log(at)) ** 2 + depth)


def test_readings_are_the_least_value_for_every_width_beside_the_print():
    found = formulas.readings({"a": valley(3), "b": valley(0.5, 0.2)}, 4)
    assert found.index.tolist() == ["a", "b", "thesis, σ = 0.01", "thesis, σ = 0.1"]
    for s in experiments.SIGMAS:
        constant = 2 * math.log(2 * math.pi * s**2)
        np.testing.assert_allclose(found[[("−ELBO", s), ("KL", s)]][:2], [[constant + 3, 3], [constant + 0.5, 0.5]])
        printed = ledger.cells("table-7.1")[f"x0.1/sx{s:g}"]
        assert found.loc["thesis, σ = 0.1", ("KL", s)] == printed["kl"].mean
        assert found.loc["thesis, σ = 0.1", ("−ELBO", s)] == printed["neg_elbo"].mean


def test_which_formulas_is_told_by_distances_from_the_print():
    exact = ideal.exact()
    cheap = ideal.Rules(exact.scale, lambda t: exact.kl(t) - 0.7)
    rules = {formulas.PRINTED: cheap, formulas.PLAIN: exact, formulas.CORRECTED: exact}
    print_, width = {s: ledger.cells("table-7.1")[f"x0.1/sx{s:g}"]["kl"].mean for s in circle.SIGMAS}, circle.SIGMAS
    found = formulas.readings(rules, 25)
    for name, shifts in (
        (formulas.PRINTED, (0.5, -0.3, 2)),
        (formulas.PLAIN, (0.25, 0.1, -3)),
        (formulas.CORRECTED, 3 * (0,)),
    ):
        for s, shift in zip(width, shifts, strict=True):
            found.loc[name, ("KL", s)] = print_[s] + shift
    published = pd.DataFrame(
        {"dataset": 0.1, "sigma_x": 1.0, **dict.fromkeys(evaluation.QUANTITIES, 0.0)} | {"kl": [1.0, 3.0]}
    )
    ablation = pd.DataFrame(
        {"variant": "kl corrected", "sigma_x": [1.0, 0.1, 0.01], "neg_elbo": [1, 2, -3], "kl": [4, 5, 6]}
    )
    told = formulas.which_formulas(rules, found, published, ablation, 25)
    assert abs(told.ideal_gap) < 1e-3
    assert (told.charged_least, told.charged_most) == (pytest.approx(0, abs=1e-9), pytest.approx(0.7, abs=1e-9))
    assert told.one_kl_off == pytest.approx(0.25)  # that of the corrected formulas does not count
    assert told.plain_closer == 2
    assert told.plain_kl == numerals.series((print_[s] + d for s, d in zip(width, (0.25, 0.1, -3), strict=True)), 2)
    assert told.table_kl == numerals.series(print_.values(), 2)
    assert (told.one_kl, told.sharp_kl) == (print_[1.0], print_[0.01])
    assert (told.ideal_kl_one, told.ideal_kl_sharp) == (print_[1.0] + 0.5, print_[0.01] + 2)
    assert (told.own_kl_one, told.own_kl_one_std) == (2.0, pytest.approx(math.sqrt(2)))
    assert (told.trained_plain_elbo, told.trained_plain_kl) == ("1.00, 2.00, −3.00", "4.00, 5.00, 6.00")


def test_the_tables_of_the_chapter_agree_with_topology():
    """So that the counts come from what is measured and not from a table made for the test."""
    found = topology.degrees(squeezed(1, -1, 3))
    told = circle.windings({"": found})[""]
    assert told["recovered"] == 3
