"""What chapter 11 says in numbers, for encoders and decoders that are made by hand and tables that are written down."""

import math
from dataclasses import astuple

import numpy as np
import pandas as pd
import pytest
import torch
from planted import untrained

from latentsep.data import seeds
from latentsep.data.benchmarks import ExtendedBenchmark, embed
from latentsep.findings import torus, torus_bounds, torus_maps, torus_planes
from latentsep.ledger import ledger
from latentsep.measures import evaluation, topology
from latentsep.models.latent_spaces import CliffordTorus, Euclidean, LatentSpace
from latentsep.reductions.generative import Known
from latentsep.reductions.reduction import Reductor
from latentsep.reductions.reductors import Linear, Projection
from latentsep.training import experiments
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Member, Run

DATA = ExtendedBenchmark(count=24)
X, PHASES = DATA.visualisation()
T2, R4 = CliffordTorus(), Euclidean(4)
COPY = np.eye(4)
EXCHANGE = COPY[[2, 3, 0, 1]]
FOLLOW = COPY[[0, 1, 0, 1]]  # both heads see the first phase, and none the second
ACROSS = COPY[[0, 2, 1, 3]]  # heads (cos φ₁, cos φ₂) and (sin φ₁, sin φ₂): each vanishes at four pairs of phases
SIGMAS = (0.01, 0.1, 1.0)


def ensemble(space: LatentSpace, *matrices: np.ndarray, sigmas: tuple[float, ...] = ()) -> Trained:
    """Members that encode the four numbers of a picture by a matrix each, narrowly, and decode by its transpose."""
    members = tuple(Member(0, s, r) for r, s in enumerate(sigmas or [0.1] * len(matrices)))
    run = Run(members, DATA, space, layers=1, width=8, activation="relu", updates=0)
    trained = untrained(run)
    encoder, decoder = trained.vae.encoder.layers, trained.vae.decoder.layers
    both = torch.cat([torch.eye(4), -torch.eye(4)])  # rectified units pass on what is positive and what is negative
    matrix = torch.from_numpy(np.stack(matrices)).float()
    features = [0, 1, 3, 4] if space == T2 else [0, 1, 2, 3]
    encoder[1].weight.zero_()
    encoder[1].bias.fill_(-20.0)  # logarithms of variances and times
    encoder[0].weight.copy_(both)
    encoder[1].weight[:, features] = matrix @ both.T
    encoder[1].bias[:, features] = 0.0
    decoder[0].weight.copy_(both)
    # A point of the torus is half the four numbers.
    decoder[1].weight.copy_(matrix.mT @ both.T * (2 if space == T2 else 1))
    return trained


# Data and training


def test_pictures_are_a_clifford_torus_of_radius_d():
    found = torus.dataset(ExtendedBenchmark(count=20), ExtendedBenchmark(count=20).visualisation()[1])
    assert (found.images, found.pixels, found.numbers) == (400, 625, 4)
    # Four coordinates with a root mean square of D/2 each, over 400 pictures.
    np.testing.assert_allclose([found.singular_first, found.singular_fourth], 25 / 2 * 20, rtol=1e-5)
    assert found.singular_fifth < 1e-3
    assert found.length == pytest.approx(25, rel=1e-5)
    assert found.twin_gap < 1e-5


def test_training_is_told_from_the_run():
    run = experiments.torus("book", repetitions=3, updates=700, batch_size=60)["baseline"]
    found = torus.training(run, ExtendedBenchmark())
    assert astuple(found) == (run.width, 700, 60, run.cooled, 3, 208)
    whole = experiments.torus("book", repetitions=1, updates=700)["baseline"]
    object.__setattr__(whole, "batch_size", None)
    assert torus.training(whole, ExtendedBenchmark()).torus_batch == 2500


# Which runs recover the torus


def matrices_of(*rows: tuple[float, int, bool, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["sigma_x", "degree", "torn", "vortices"])


PLAIN = matrices_of(
    (0.1, 1, False, 0), (0.1, 0, True, 8), (0.1, 0, True, 4), (1.0, -1, False, 0), (1.0, 1, True, 8), (1.0, 0, False, 0)
)
BEST = matrices_of(*[(s, 1, i == 5, 0) for i, s in enumerate(PLAIN.sigma_x)])


def test_recovered_runs_are_counted_by_sigma_x():
    count = torus.counts({"plain": PLAIN, "best": BEST})
    assert list(count.columns) == ["σ<sub>X</sub> = 1", "σ<sub>X</sub> = 0.1"]
    assert count.loc["plain"].tolist() == [1, 1]
    assert count.loc["best"].tolist() == [2, 3]


def test_recovery_counts_each_kind():
    found = torus.recovery(BEST[:4], PLAIN[1:3], PLAIN, BEST)
    assert (found.members, found.baseline_recovered, found.published_recovered, found.plain_recovered) == (4, 4, 0, 2)
    assert (found.failed, found.failed_turning, found.typical_vortices) == (4, 3, 8)
    assert (found.best_recovered, found.best_fewest) == (5, 2)
    assert torus.recovery(BEST, BEST, BEST[:5], BEST).typical_vortices == "none"


def test_a_head_that_lies_across_takes_as_much_from_one_circle_as_from_the_other():
    codes = evaluation.latents(ensemble(T2, COPY, EXCHANGE, ACROSS), X)
    shares = torus_planes.share(codes, PHASES)
    np.testing.assert_allclose(shares, [[100, 100], [100, 100], [50, 50]], atol=0.01)


def test_heads_of_recovered_runs_are_told_from_others():
    mixed = COPY.copy()
    mixed[1] = [0, 0, 0.6, 0.8]  # one head lies across, the other does not
    trained = ensemble(T2, COPY, ACROSS, mixed, EXCHANGE, sigmas=(0.1, 0.1, 0.1, 1.0))
    matrices = topology.degree_matrices(trained)
    assert torus.recovered(matrices).tolist() == [True, False, False, True]
    found = torus.heads(trained, matrices, X, PHASES, 0)
    shares = torus_planes.share(evaluation.latents(trained, X), PHASES)
    assert found.right_share == pytest.approx(100, abs=1e-3)
    assert (found.wrong_least, found.wrong_most) == (shares[1:3].min(), shares[1:3].max())
    assert 45 < found.wrong_least < 60 < 99 < found.wrong_most
    # What copies decodes what it saw; an angle across forgets half.
    assert found.right_mse < 1e-6 < 10 < found.wrong_mse
    none = torus.heads(trained.only(repetition=0), matrices[:1], X, PHASES, 0)
    assert math.isnan(none.wrong_least)
    assert math.isnan(none.wrong_mse)


def test_starts_are_screened_by_degrees_and_their_last_block():
    trained = ensemble(T2, COPY, ACROSS)
    early = torus.screened(Trained(trained.run, trained.vae, np.array([[9.0, 1.0], [8.0, 2.0]])))
    assert early.outcome.tolist() == ["recovered", "torn"]
    assert early["last"].tolist() == [1, 2]
    assert early.vortices.tolist() == [0, 8]


def test_screening_says_where_right_starts_end_and_others_begin():
    rows = [(1.0, "recovered", -3.0), (1.0, "recovered", 5.0), (1.0, "torn", 9.0), (1.0, "folded", 7.0)]
    rows += [(0.1, "recovered", -1234.4), (0.1, "torn", -1000.0), (0.01, "torn", 3.0), (0.01, "torn", 4.0)]
    found = torus.screening(pd.DataFrame(rows, columns=["sigma_x", "outcome", "last"]), 200, 4)
    assert (found.early_right, found.early_all, found.early_share) == (3, 8, 37.5)
    assert (found.screened, found.starts) == (200, 4)
    assert (found.right_one, found.wrong_one) == ("5", "7")
    assert (found.right_tenth, found.wrong_tenth) == ("−1,234", "−1,000")
    assert (found.right_hundredth, found.wrong_hundredth) == ("nan", "nan")


def test_examples_are_the_first_of_their_kind_at_a_tenth():
    plain = ensemble(T2, ACROSS, COPY, FOLLOW, ACROSS, sigmas=(1.0, 0.1, 0.1, 0.1))
    best = ensemble(T2, ACROSS, EXCHANGE, sigmas=(1.0, 0.1))
    angles, notes = torus.examples(best, plain, best, best, X)
    assert notes == {
        "as published": "degrees 0 1; 1 0",
        "corrected, across": "degrees 1 0; 1 0",
        "corrected, best start": "degrees 0 1; 1 0",
    }
    circles = embed(PHASES)
    torch.testing.assert_close(embed(angles["corrected, across"]), circles[:, [0, 0]], atol=1e-5, rtol=0)
    torch.testing.assert_close(embed(angles["corrected, best start"]), circles.flip(1), atol=1e-5, rtol=0)


def test_an_example_that_lies_across_may_be_a_start_or_missing():
    right, backwards = ensemble(T2, COPY), ensemble(T2, np.diag([1.0, -1, 1, 1]), FOLLOW)
    assert list(torus.examples(right, right, right, right, X)[0]) == ["as published", "corrected, best start"]
    assert torus.examples(right, right, backwards, right, X)[1]["corrected, across"] == "degrees 1 0; 1 0"
    assert torus.examples(backwards, right, right, right, X)[1]["as published"] == "degrees −1 0; 0 1"


# Planes


def test_planes_undo_the_affine_map_of_each_member():
    stream = seeds.generator(0, "test")
    mixing, shift = torch.randn(3, 4, 4, generator=stream), torch.randn(3, 1, 4, generator=stream)
    codes = embed(PHASES).flatten(-2) @ mixing + shift
    planes = torus_planes.planes(codes, PHASES)
    expected = embed(PHASES).flatten(-2).expand(3, -1, -1)
    torch.testing.assert_close(planes.turned(codes), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(embed(planes.angles(codes)), embed(PHASES).expand(3, -1, -1, -1), atol=1e-4, rtol=0)
    # Also in double precision, and for other codes than those that the planes are from.
    half = codes[:, ::7].double()
    torch.testing.assert_close(
        embed(planes.angles(half)), embed(PHASES[::7].double()).expand(3, -1, -1, -1), atol=1e-4, rtol=0
    )


def test_angles_of_a_baseline_in_its_planes_have_its_degrees():
    trained = ensemble(R4, COPY, np.linalg.qr(np.arange(16).reshape(4, 4) ** 2.0)[0], FOLLOW)
    planes = torus_planes.planes(evaluation.latents(trained, X), PHASES)
    found = topology.degree_matrices(trained, planes.angles, lines=4)
    assert found.matrix.tolist()[:2] == [((1, 0), (0, 1))] * 2
    assert torus.recovered(found).tolist()[:2] == [True, True]


def test_the_first_member_of_each_sigma_x_is_shown():
    members = [Member(0, s, r) for r in (0, 1) for s in (1.0, 0.01, 0.1)]
    shown = torus_planes.by_sigma(torch.arange(6.0)[:, None, None], members)
    assert {k: v.item() for k, v in shown.items()} == {
        "$\\sigma_X = 0.01$": 1,
        "$\\sigma_X = 0.1$": 2,
        "$\\sigma_X = 1$": 0,
    }


# Bounds


def measured(*values: float) -> pd.DataFrame:
    """Two repetitions for each σ_X, whose means are the values."""
    rows = [(s, v + d, 10 * (v + d)) for s, v in zip(SIGMAS, values, strict=True) for d in (-0.5, 0.5)]
    return pd.DataFrame(rows, columns=["sigma_x", "neg_elbo", "mse"])


SEEN = {"baseline": measured(9, 8, 7), "as published": measured(3, 2, 0.5), "corrected": measured(3, 2, 1)}
UNSEEN = {"baseline": measured(9.25, 8, 7), "as published": measured(3, 2, 90), "corrected": measured(3, 2.5, 1.125)}
FLOORS = {0.01: 2.0, 0.1: 1.5, 1.0: 0.75}


def test_bounds_are_means_beside_the_floor():
    table = torus_bounds.bounds(SEEN, UNSEEN, FLOORS)
    assert table.loc[("corrected", "0.1")].tolist() == [2, 2.5, 1.5, 20, 25]
    assert table.loc[("as published", "1")].tolist() == [0.5, 90, 0.75, 5, 900]
    assert len(table) == 9


def test_gaps_are_taken_between_the_pictures_of_training():
    found = torus_bounds.gaps(SEEN, UNSEEN, FLOORS)
    assert (found.gap_one, found.gap_tenth, found.gap_hundredth) == (0.375, 1.0, 1.0)
    assert (found.plane_one, found.plane_tenth, found.plane_hundredth) == (6.25, 6.5, 7.25)
    # But that of the torus as published on these; and it is not asked what it learnt by heart.
    assert found.published_one == "−0.2"
    assert found.learnt_by_heart == 0.5


def test_an_encoder_that_reads_off_phases_attains_the_bound_for_them():
    data = ExtendedBenchmark()
    drawn = {s: data.sample(s) for s in (0.1, 0.5)}
    found = torus_bounds.responses(ensemble(T2, COPY, EXCHANGE), data, drawn)
    assert list(found.columns) == ["σ = 0.1", "σ = 0.5"]
    np.testing.assert_allclose(found.loc["least"], [0.1 * 2**0.5 / 25, 0.5 * 2**0.5 / 25])
    np.testing.assert_allclose(found.loc["codes"], found.loc["least"], rtol=0.03)
    told = torus_bounds.noise(found)
    assert told.noise_least == min(found.loc["codes"] / found.loc["least"])
    assert told.noise_most == max(found.loc["codes"] / found.loc["least"])
    # A head that reads one of two phases for both moves with that one alone.
    follow = torus_bounds.scatter(ensemble(T2, FOLLOW), drawn[0.1][0], data.loop(drawn[0.1][1]))
    assert follow == pytest.approx(found.loc["codes", "σ = 0.1"], rel=0.1)


def test_a_walk_moves_one_phase_of_the_first_repetition():
    trained = ensemble(T2, COPY, 0 * COPY)
    path, around = torus_bounds.walk(trained, DATA, 6)
    turn = -math.pi + 2 * math.pi * np.arange(6) / 6
    np.testing.assert_allclose(around, np.tile(turn, 2), atol=1e-6)
    index = 2 * np.pi * np.arange(1, 26) / 25
    for k, phase in enumerate(turn):
        first = np.sin(index + phase)[:, None] + np.sin(2 * index)
        second = np.sin(index)[:, None] + np.sin(2 * index + phase)
        np.testing.assert_allclose(path[[k, 6 + k]], (np.stack([first, second]) + 2) / 4, atol=1e-5)


def test_holes_count_tori():
    torus_, ring = (1, 2, 1), (1, 1, 0)
    numbers = {"baseline": [torus_] * 3 + [ring], "corrected": [torus_, ring], "as published": [ring, (2, 1, 1)]}
    found = torus_bounds.holes(numbers)
    assert (found.lasting, found.baseline_holes, found.corrected_holes, found.published_holes) == (2.5, 3, 1, 0)


# Maps


def reading(**changes: np.ndarray) -> tuple[list[Trained], dict, dict[tuple[str, str], Reductor]]:
    """A baseline and a torus that copy, the known phases, and the maps between them that take each to the other."""
    cells = [ensemble(R4, COPY, 3 * COPY), ensemble(T2, COPY, EXCHANGE)]
    known = Known.extended(DATA, 0.1, 2)
    models = {"R⁴": cells[0].vae, "T²": cells[1].vae, "Φ²": known}
    eye, exchange = torch.eye(4), torch.from_numpy(EXCHANGE).float()
    there = Reductor(Projection(R4, T2), torch.stack([eye, exchange])[None])
    back = Reductor(Linear(T2, R4), torch.stack([2 * eye, 6 * exchange])[None])
    phases = Reductor(Projection(R4, known.space), torch.stack([eye, eye])[None])
    return cells, models, {("R⁴", "T²"): there, ("T²", "R⁴"): back, ("R⁴", "Φ²"): phases}


def test_drawings_are_of_the_first_member_and_maps_meet_the_targets_codes():
    cells, models, reductors = reading()
    own, sent = torus_maps.drawings(models, cells, reductors, X)
    assert list(own) == ["R⁴", "T²"]
    assert set(sent) == {("R⁴", "T²"), ("T²", "R⁴")}
    torch.testing.assert_close(own["R⁴"], X, atol=1e-5, rtol=0)
    torch.testing.assert_close(own["T²"], X / 2, atol=1e-5, rtol=0)
    for (_, target), points in sent.items():
        torch.testing.assert_close(points, own[target], atol=1e-4, rtol=0)
    straight = {"corrected": (own, sent), "as published": (own, {k: v.flip(0) for k, v in sent.items()})}
    found = torus_maps.straying(straight, PHASES, 50)
    assert (found.rectified_width, found.strayed_corrected) == (50, "0")
    assert found.strayed_published > 1


def test_a_space_that_is_turned_into_the_maps_planes_has_each_plane_to_itself():
    stream = seeds.generator(0, "test")
    matrix = torch.randn(4, 4, generator=stream)
    matrix[2:] -= matrix[2:] @ torch.linalg.pinv(matrix[:2]) @ matrix[:2]  # planes at right angles
    codes = {"R⁴": torch.randn(50, 4, generator=stream), "T²": torch.ones(50, 4)}
    sent = {("R⁴", "T²"): torch.zeros(50, 4), ("T²", "R⁴"): codes["R⁴"] + 1}
    own, moved = torus_maps.in_planes(codes, sent, Reductor(Projection(R4, T2), matrix[None, None]))
    assert own["T²"] is codes["T²"]
    assert moved["R⁴", "T²"] is sent["R⁴", "T²"]
    torch.testing.assert_close(own["R⁴"] @ own["R⁴"].T, codes["R⁴"] @ codes["R⁴"].T, atol=1e-5, rtol=0)
    torch.testing.assert_close((moved["T²", "R⁴"] - own["R⁴"]).norm(dim=-1), torch.full((50,), 2.0))
    lengths = [torch.linalg.lstsq(m.T, codes["R⁴"].T).solution.T @ m for m in (matrix[:2], matrix[2:])]
    for plane, part in zip(own["R⁴"].split(2, -1), lengths, strict=True):
        torch.testing.assert_close(plane.norm(dim=-1), part.norm(dim=-1), atol=1e-4, rtol=0)


def test_what_no_map_avoids_is_the_distance_to_the_torus():
    points = torch.randn(1, 30, 4, generator=seeds.generator(0, "test"))
    model = Known(lambda z: z, R4, [0.5])
    grid = DATA.loop(torch.cartesian_prod(*[torch.arange(0, 2 * math.pi, 0.02)] * 2))
    nearest = torch.cdist(points[0], grid).amin(-1)
    expected = float(nearest.square().mean() / (2 * 0.5**2))
    assert torus_maps.radial(model, points) == pytest.approx(expected, rel=1e-3)
    # Members count alike, each with its own σ_X.
    two = Known(lambda z: z, R4, [0.5, 1.0])
    both = torus_maps.radial(two, points.expand(2, -1, -1))
    assert both == pytest.approx(torus_maps.radial(model, points) * (1 + 1 / 4) / 2)


def test_a_linear_decoder_leaves_the_torus_as_a_normal_distribution_does():
    cells, models, reductors = reading()
    found = torus_maps.into_phases(models, reductors, cells[0], X, 0)
    # Each plane's radius is Rayleigh distributed under the prior; decoders multiply it by 1 and by 3.
    sigma = 0.1 / DATA.unit
    missed = [2 * (2 * a**2 - 2 * a * 2**0.5 * (math.pi / 2) ** 0.5 + 2) for a in (1, 3)]
    expected = np.mean(missed) / (2 * sigma**2)
    assert found["prior", "best of all"] == pytest.approx(expected, rel=0.03)
    # No matrix does better than the best of all, and here it does as well.
    assert found["prior", "matrix"] == pytest.approx(found["prior", "best of all"], rel=1e-4)
    # Codes of data are at 1 and 3 times the torus, and are decoded at 1 and 9 times.
    far = 2 * 8**2 * 2 / (2 * sigma**2) / 2
    assert found["codes of data", "matrix"] == pytest.approx(far, rel=0.01)
    assert found["codes of data", "best of all"] == pytest.approx(far, rel=0.01)
    other = torus_maps.into_phases(models, reductors, cells[0], X, 1)
    assert other["prior", "matrix"] != found["prior", "matrix"]


def tolerances(there: float, back: float, known: float, spread: float = 0.0) -> pd.DataFrame:
    means = {("R⁴", "T²"): there, ("T²", "R⁴"): back, ("T²", "Φ²"): known}
    rows = [
        (*k, m, v * (1 + spread * (m - 1)) + r) for k, v in means.items() for m in range(3) for r in (-0.25, 0, 0.25)
    ]
    return pd.DataFrame(rows, columns=["source", "target", "member", "tolerance"])


def test_tolerances_are_held_against_the_print():
    printed = ledger.cells("table-11.1")
    there, back = printed["R⁴/T²"]["tolerance"].mean, printed["T²/R⁴"]["tolerance"].mean
    delta = {
        "corrected": tolerances(there, back, 4.0),
        "rectified": tolerances(2 * there, back / 2, 5.0, spread=0.5),
        "as published": tolerances(there / 4, 3 * back, 6.0),
    }
    found = torus_maps.against_print(delta, 25)
    assert (found.there, found.back, found.factor) == (there, back, there / back)
    shares = [found.tanh_there, found.tanh_back, found.relu_there, found.relu_back, found.torn_there, found.torn_back]
    np.testing.assert_allclose(shares, [1, 1, 2, 0.5, 0.25, 3])
    factors = np.array([found.tanh_factor, found.relu_factor, found.torn_factor])
    np.testing.assert_allclose(factors / found.factor, [1, 4, 1 / 12])
    np.testing.assert_allclose([found.tanh_back_nats, found.relu_back_nats], [back, back / 2])
    np.testing.assert_allclose([found.relu_back_least, found.relu_back_most], [back / 4, 3 * back / 4])
    np.testing.assert_allclose([found.tanh_known, found.relu_known], [4, 5])
    # The distance that a tolerance stands for, by the divergence of two normal distributions.
    for distance, variance in ((found.distance_there, 0.1), (found.distance_other, 0.01), (found.tanh_distance, 0.01)):
        assert distance / (2 * variance) == pytest.approx(there)
    assert found.tanh_other == pytest.approx(found.tanh_distance / (2 * 0.1))
    # Two pictures of unrelated phases are at 2D² on average.
    shuffled = X[torch.randperm(len(X), generator=seeds.generator(0, "test"))]
    assert float((X - shuffled).square().sum(-1).mean()) * DATA.unit**2 == pytest.approx(found.unrelated, rel=0.1)


def test_causes_are_parts_of_what_was_found():
    def row(*values: float) -> pd.Series:
        return pd.Series(values, pd.MultiIndex.from_product([["prior", "codes of data"], ["matrix", "best of all"]]))

    centre = Known(lambda z: z + torch.tensor([3.0, 0, 4, 0]), R4, [0.1, 0.1])
    found = torus_maps.causes(row(8, 6, 2, 1), row(10, 1, 5, 0.5), centre, DATA)
    assert (found.tanh_radial, found.tanh_at_codes, found.tanh_saved) == (75, 2, 4)
    assert (found.relu_radial, found.relu_at_codes, found.relu_saved) == (10, 5, 2)
    assert (found.middle, found.full) == (5 * 12.5, 25)
