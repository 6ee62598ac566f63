"""Chapter 9's numbers on autoencoders whose weights are worked out by hand, so that every map is known."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from planted import by_hand, of_the_phase
from torch import Tensor

from latentsep.data.benchmarks import Benchmark, embed, regular_phases
from latentsep.findings import mappings, maps_plane, maps_round, maps_table
from latentsep.findings.mappings import PAIRS, Reading
from latentsep.ledger import ledger
from latentsep.models.circular import wrap
from latentsep.models.latent_spaces import Circle, Euclidean
from latentsep.reductions import pairing, tolerance
from latentsep.reductions.comparisons import SIGMA
from latentsep.reductions.generative import Known
from latentsep.reductions.reduction import Reductor
from latentsep.reductions.reductors import Rotation
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Member, Run

pytestmark = pytest.mark.usefixtures("float64")

DATA = Benchmark(size=400)
SENSES = torch.tensor(
    [1.0, -1.0], dtype=torch.float64
)  # the second circle is gone around the other way than the phases
OUT = ("R²", "Φ")
PHASES = 2 * math.pi * torch.arange(-50, 50, dtype=torch.float64) / 100
X = DATA.mean(PHASES)  # in double precision, as all else here


def linear(space: Euclidean | Circle, shift: float, senses: Tensor, length: float = 1.0) -> Trained:
    """Autoencoders with z = ``length`` · Emb(sense · (φ − shift)), or its angle, and decoders that undo it exactly."""
    trained = by_hand(Run(tuple(Member(SIGMA, SIGMA, r) for r in range(len(senses))), DATA, space, updates=1))
    for member, sense in enumerate(senses):
        read = of_the_phase(DATA, shift) * torch.tensor([[1.0], [sense]])
        trained.vae.encoder.layers[0].weight[member, :2] = length * read
        # The rows of ``read`` are orthogonal, of square length 2/D each.
        trained.vae.decoder.layers[0].weight[member] = DATA.dimension / 2 * read.T / length
    return trained


def perfect_angle(key: tuple[str, str], turns: dict[str, float], senses: dict[str, Tensor]) -> Tensor:
    """θ' that leads from the phase of the source to that of the target, ``(members, 1)``."""
    a, b = key
    # With z₁ = s₁ (φ − t₁) the target's is z₂ = s₂ (s₁ z₁ + t₁ − t₂).
    return (senses[b] * (turns[a] - turns[b]))[:, None]


def planted(off: float = 0.0, maps: int = 1, length: float = 1.0) -> Reading:
    """Plane, circle and phases with the maps that join them without loss, each turned by ``off`` radians too far."""
    turns = {"R²": 0.4, "S¹": -1.1, "Φ": 0.0}
    senses = {"R²": torch.ones(2), "S¹": SENSES, "Φ": torch.ones(2)}
    trained = [linear(Euclidean(2), turns["R²"], senses["R²"], length), linear(Circle(), turns["S¹"], SENSES)]
    models = {"R²": trained[0].vae, "S¹": trained[1].vae, "Φ": Known.benchmark(DATA, SIGMA, 2)}
    pairs, reductors = pairing.between(models), {}
    for key, pair in pairs.items():
        angle = perfect_angle(key, turns, senses) + off
        if isinstance(pair.family, Rotation):
            parameters = angle
        else:
            cosine, sine = angle[..., 0].cos(), angle[..., 0].sin()
            sense = senses[key[0]] * senses[key[1]]
            turn = torch.stack([torch.stack([cosine, -sine], -1), torch.stack([sine, cosine], -1)], -2)
            parameters = length * turn * torch.stack([torch.ones(2), sense], -1)[:, None, :]
        reductors[key] = Reductor(pair.family, parameters.expand(maps, *parameters.shape))
    return Reading(trained, models, pairs, reductors, tolerance.tolerances(pairs, reductors, samples=500))


def turned(angle: float) -> float:
    """Δ of a turn by ``angle`` too far, in nats: the chord of a circle of radius √(D/2), squared, over 2σ²."""
    return DATA.dimension / 2 * (2 - 2 * math.cos(angle)) / (2 * SIGMA**2)


# Readings


def test_a_reading_knows_its_means():
    reading = planted(off=0.2, maps=3)
    assert reading.repetitions == 2
    assert reading.data == DATA
    assert len(reading.found) == 6 * 3 * 2
    for key in itertools.product(("S¹", "Φ"), repeat=2):
        if key[0] != key[1]:
            assert reading.mean[key] == pytest.approx(turned(0.2), rel=1e-9)


def test_draws_are_the_same_for_all_members_and_those_of_the_seed():
    reading = planted()
    plane, circle = (mappings.prior_draws(reading.models[s], 4000, 3) for s in ("R²", "S¹"))
    assert plane.shape == (2, 4000, 2)
    assert circle.shape == (2, 4000, 1)
    assert torch.equal(plane[0], plane[1])
    assert torch.equal(plane, mappings.prior_draws(reading.models["R²"], 4000, 3))
    assert not torch.equal(plane, mappings.prior_draws(reading.models["R²"], 4000, 4))
    assert plane.square().mean().item() == pytest.approx(1, abs=0.05)
    assert circle.square().mean().item() == pytest.approx(math.pi**2 / 3, rel=0.05)


# Which way around


def test_senses_are_those_that_were_planted():
    found = mappings.senses(planted().models)
    assert found.index.tolist() == ["R² → S¹", "R² → Φ", "S¹ → Φ"]
    assert found.columns.tolist() == [1, 2]
    assert found.to_numpy().tolist() == [["+1", "−1"], ["+1", "+1"], ["+1", "−1"]]


def test_degrees_agree_unless_encoder_and_decoder_turn_opposite_ways():
    reading = planted()
    assert mappings.degrees_agree(reading).tolist() == [[True, True]] * 6
    reading.trained[1].vae.encoder.layers[0].weight[0, 1] *= -1
    agree = dict(zip(PAIRS, mappings.degrees_agree(reading).tolist(), strict=True))
    assert agree == {key: ["S¹" not in key, True] for key in PAIRS}


def test_a_rotation_between_opposite_circles_is_stuck_where_a_reflection_is_not():
    reading = planted(off=0.1, maps=2)
    pairs = {k: replace(p, family=replace(p.family, reflected=False)) for k, p in reading.pairs.items() if k[1] != "R²"}
    plain = {k: Reductor(p.family, reading.reductors[k].parameters) for k, p in pairs.items()}
    found = mappings.made(
        {"corrected": reading, "b": reading}, tolerance.tolerances(pairs, plain), updates=7, samples=5
    )
    assert (found.map_updates, found.map_samples, found.maps, found.autoencoders) == (7, 5, 2, 2)
    assert (found.all_maps, found.all_readings) == (2 * 6 * 2 * 2, 2)
    # Into S¹ or Φ lead four pairs; of the second member three of them join opposite senses.
    assert (found.pairs_of_circles, found.opposite_pairs) == (8, 3)
    # From circle to circle, the other sense has all angles: the mean of 2 − 2 cos is 2. From the plane it is more.
    assert found.stuck_least == pytest.approx(DATA.dimension / 2 * 2 / (2 * SIGMA**2), rel=1e-9)
    wrong = reading.found[(reading.found.member == 1) & (reading.found.target != "R²")]
    wrong = wrong[(wrong.source == "S¹") | (wrong.target == "S¹")]
    assert found.unstuck_most == pytest.approx(wrong.tolerance.max(), rel=1e-12)
    assert (found.agreed, found.agreed_of) == (12, 12)


# Where codes are led


def test_perfect_maps_lead_codes_onto_those_of_their_phase():
    own, sent = mappings.drawings(planted(length=2.0), X, PHASES, member=1)
    torch.testing.assert_close(own["Φ"], embed(PHASES))
    torch.testing.assert_close(own["S¹"], embed(-(PHASES + 1.1)))
    torch.testing.assert_close(own["R²"], 2 * embed(PHASES - 0.4))
    assert set(sent) == set(PAIRS)
    for (_, target), points in sent.items():
        torch.testing.assert_close(points, own[target])
    few, led = mappings.thinned((own, sent), 3)
    torch.testing.assert_close(few["S¹"], own["S¹"][[*range(0, 100, 3)]])
    torch.testing.assert_close(led[OUT], sent[OUT][[*range(0, 100, 3)]])


def test_codes_stray_by_as_much_as_the_maps_turn_too_far():
    # A hundred phases: multiples of their distance, so that the nearest code is met exactly.
    step = 2 * math.pi / 100
    readings = {"corrected": (3, 2.0), "variance 0.01": (11, 1.0), "rectified": (1, 1.0)}
    drawn = {n: mappings.drawings(planted(k * step, length=s), X, PHASES) for n, (k, s) in readings.items()}
    found = mappings.strayed(drawn, PHASES)
    assert found.strayed_corrected == pytest.approx(3 * step, rel=1e-9)
    assert found.strayed_published == pytest.approx(11 * step, rel=1e-9)
    assert found.strayed_rectified == pytest.approx(step, rel=1e-9)
    assert found.strayed_maps == 6  # 0.69 radians are more than π/8
    assert (found.ellipse, found.plane_ring) == pytest.approx((2, 2))


# The table


def tabled(factors: Callable[[tuple[str, str]], float], spread: float = 0.0, constant: float = 0.0) -> Reading:
    """A reading whose tolerances are the printed ones times a factor, for two maps of two autoencoders."""
    theirs = maps_table.printed()
    rows = [
        (a, b, r, m, theirs[a, b].mean * factors((a, b)) + spread * (2 * m - 1) + 0.1 * spread * (2 * r - 1), constant)
        for (a, b), r, m in itertools.product(PAIRS, range(2), range(2))
    ]
    return replace(
        planted(), found=pd.DataFrame(rows, columns=["source", "target", "map", "member", "tolerance", "constant"])
    )


def test_printed_tolerances_are_those_of_the_ledger():
    printed = maps_table.printed()
    assert tuple(printed) == PAIRS
    assert {"/".join(key): {"tolerance": value} for key, value in printed.items()} == ledger.cells("table-9.2")


def test_the_table_says_by_which_factors_readings_differ_from_the_print():
    theirs = {key: value.mean for key, value in maps_table.printed().items()}
    circle = {key: 10.0 + i for i, key in enumerate(key for key in PAIRS if "S¹" in key)}
    # The mean squared distances of autoencoders with σ_X = 0.01, and their tolerances.
    sharp = {key: 0.3 + 0.1 * i for i, key in enumerate(PAIRS)}
    constant = 5.0
    readings = {
        "as printed": tabled(lambda key: 3.0, constant=sorted(theirs.values())[2] + 1e-3),
        "variance 0.01": tabled(lambda key: circle.get(key, 1.0)),
        "corrected": tabled(lambda key: 0.5),
        "rectified": tabled(dict(zip(PAIRS, (1.5, 1.25, 0.5, 3.0, 0.8, 2.0), strict=True)).get),
        "rectified, real head": tabled(lambda key: 7.0 if key == ("Φ", "S¹") else 8.0),
        "corrected, σ_X = 0.01": tabled(
            lambda key: (sharp[key] / (2 * (0.1 if key[1] == "Φ" else 0.01) ** 2) + constant) / theirs[key],
            constant=constant,
        ),
    }
    entries = [
        {"variant": v, "verdict": w}
        for v, w in (("published", "reproduced"), ("published", "differs"), ("b", "reproduced"))
    ]
    found = maps_table.table(readings, entries)
    names = sorted(theirs, key=theirs.get)[:3]
    assert found.below == 3
    assert found.below_names == ", ".join(f"{a} → {b}" for a, b in PAIRS if (a, b) in names)
    assert found.floor_out == found.floor_in == pytest.approx(sorted(theirs.values())[2] + 1e-3)
    assert (found.first_passed, found.first_of) == (1, 2)
    assert (found.there, found.back) == (theirs["S¹", "Φ"], theirs["Φ", "S¹"])
    printed = maps_table.printed()
    deviation = math.sqrt(printed["S¹", "Φ"].std ** 2 + printed["Φ", "S¹"].std ** 2)
    assert found.apart == pytest.approx(abs(found.there - found.back) / deviation)
    for key, mixed, small in ((OUT, found.mixed_out, found.small_out), (OUT[::-1], found.mixed_in, found.small_in)):
        assert mixed == pytest.approx(sharp[key] / 0.02 / theirs[key])
        assert small == pytest.approx(sharp[key] / 0.0002 / theirs[key])
    assert (found.torn_least, found.torn_most, found.real_least) == pytest.approx((10, 13, 7))
    assert (found.tanh_out, found.relu_out) == pytest.approx((0.5, 1.25))
    assert found.typical_best == pytest.approx((1.5 * 1.25 * 2 * 3 * 1.25 * 2) ** (1 / 6))
    assert found.typical_next == pytest.approx(2)  # that of the corrected circle, half of the print throughout
    assert found.nearest_reading == "rectified"
    assert (found.rect_first, found.rect_second, found.rect_least, found.rect_most) == pytest.approx(
        (1.5, 1.25, 0.5, 3)
    )
    assert found.not_above == sum(f < 2 for f in maps_table.ratios(readings["rectified"]).values())
    rest = [f * theirs[key] for key, f in zip(PAIRS[2:], (0.5, 3.0, 0.8, 2.0), strict=True)]
    assert (found.rest_least, found.rest_most) == pytest.approx((min(rest), max(rest)))
    four = [theirs[key] for key in PAIRS[2:]]
    assert (found.rest_corrected_least, found.rest_corrected_most) == pytest.approx((min(four) / 2, max(four) / 2))
    better = min(1.5 * theirs["R²", "S¹"], 1.25 * theirs[OUT])
    assert found.worse_by == pytest.approx(better / max(rest))
    assert found.print_worse == pytest.approx(min(theirs["R²", "S¹"], theirs[OUT]) / max(four))


def test_of_several_maps_the_best_is_drawn():
    found = maps_table.best_of_maps({"one": tabled(lambda key: 2.0, spread=0.01), "two": tabled(lambda key: 1.0)})
    assert found.reading.tolist() == ["one"] * 12 + ["two"] * 12
    row = found[(found.reading == "one") & (found.pair == "S¹ → Φ") & (found.member == 1)].iloc[0]
    assert row.thesis == maps_table.printed()["S¹", "Φ"].mean
    assert row.value == pytest.approx(2 * row.thesis + 0.01 - 0.001)


def test_deviations_come_from_maps_autoencoders_and_draws():
    reading = replace(planted(off=0.3), found=tabled(lambda key: 2.0, spread=0.01).found)
    found = maps_table.spread(reading, seed=1, samples=400)
    assert found.index.tolist() == [f"{a}\N{NO-BREAK SPACE}→\N{NO-BREAK SPACE}{b}" for a, b in PAIRS]
    np.testing.assert_allclose(found["between maps"], 0.001 * math.sqrt(2))
    np.testing.assert_allclose(found["between autoencoders"], 0.01 * math.sqrt(2))
    # Between circles, every draw costs the same. Into Φ the plane's draws decode to vectors of their own lengths.
    between = found.loc[["S¹\N{NO-BREAK SPACE}→\N{NO-BREAK SPACE}Φ", "Φ\N{NO-BREAK SPACE}→\N{NO-BREAK SPACE}S¹"]]
    assert between["standard error"].max() < 1e-9
    r = mappings.prior_draws(reading.models["R²"], 400, 1)[0].norm(dim=-1)
    kl = DATA.dimension / 2 * (1 + r**2 - 2 * r * math.cos(0.3)) / (2 * SIGMA**2)
    assert found["standard error"].iloc[1] == pytest.approx(kl.std().item() / 20, rel=1e-9)
    wide = maps_table.intervals(found)
    assert wide.error_wide == found["standard error"].iloc[:2].max()
    assert wide.error_narrow == found["standard error"].iloc[2:].max()
    theirs = maps_table.printed()
    assert wide.printed_wide == max(theirs["R²", "S¹"].std, theirs[OUT].std)
    relative = [100 * value.std / value.mean for value in theirs.values()]
    assert (wide.relative_least, wide.relative_most) == (min(relative), max(relative))
    four = [value.mean for (a, _), value in theirs.items() if a != "R²"]
    assert wide.similar_factor == max(four) / min(four)


def test_a_circle_that_started_elsewhere_is_mapped_into_the_plane_of_its_neighbour():
    reading = planted(off=0.2)
    found = maps_table.again({"tanh": 1.5, "relu": 0.5}, reading, seed=2, updates=150, samples=32)
    assert (found.tanh_again, found.relu_again) == (1.5, 0.5)
    assert found.unshifted_value == pytest.approx(turned(0.2), rel=1e-9)
    assert found.shifted_value < 0.1  # a matrix takes either sense, if it may be trained


# Why the plane does worse


def test_the_best_of_all_maps_from_the_plane_drops_the_length():
    reading = planted(off=0.3)
    x, _ = DATA.sample(SIGMA)
    found = maps_plane.causes(reading, x.double(), seed=0)
    # The mean of (1 − r)² over the standard normal of the plane is 3 − √(2π).
    least = DATA.dimension / 2 * (3 - math.sqrt(2 * math.pi)) / (2 * SIGMA**2)
    assert found["prior", "best of all"] == pytest.approx(least, rel=0.03)
    more = DATA.dimension / 2 * math.sqrt(math.pi / 2) * (2 - 2 * math.cos(0.3)) / (2 * SIGMA**2)
    assert found["prior", "rotation"] - found["prior", "best of all"] == pytest.approx(more, rel=0.03)
    assert found["codes of data", "best of all"] < found["codes of data", "rotation"]
    assert maps_plane.scanned(reading, seed=0, steps=120) == pytest.approx(more / least, rel=0.05)
    # A scan meets the best angle to within half a step at best.
    beyond = math.sqrt(math.pi / 2) * (math.pi / 120) ** 2 / (3 - math.sqrt(2 * math.pi))
    assert -1.1 * beyond < maps_plane.scanned(planted(), seed=0, steps=120) <= 0


def test_shares_and_density_are_those_of_a_cone():
    """Decoded linearly, a latent variable of length r is |r − 1| from the ring."""
    reading = planted(length=2.0)
    found = maps_plane.shares(reading, X, seed=4)
    torch.testing.assert_close(found.ring, torch.full((2, 1), 2.0))
    expected = DATA.dimension / 2 * (found.radius / 2 - 1) ** 2 / (2 * SIGMA**2)
    torch.testing.assert_close(found.kl, expected)
    assert found.radius.shape == (2, 20_000)
    assert found.radius.square().mean().item() == pytest.approx(2, rel=0.03)
    grid = maps_plane.density(planted(off=0.5), 2.0, steps=5)
    first, second = torch.meshgrid(torch.linspace(-2, 2, 5), torch.linspace(-2, 2, 5), indexing="xy")
    length = (first**2 + second**2).sqrt()
    cone = DATA.dimension / 2 * (1 + length**2 - 2 * length * math.cos(0.5)) / (2 * SIGMA**2)
    torch.testing.assert_close(grid, cone)


def test_the_grid_has_the_second_coordinate_along_its_rows():
    reading = planted()
    reading.models["R²"].decoder.layers[0].weight[..., 1] = 0
    grid = maps_plane.density(reading, 1.0, steps=3)
    # Only the first coordinate is decoded, so the rotation is right on its positive and negative half alone.
    assert grid[1, 0].item() == pytest.approx(0, abs=1e-9)
    assert grid[1, 2].item() == pytest.approx(0, abs=1e-9)
    # Where the second is 1 a vector of length √(D/2) is missed by one that is 0.
    missed = DATA.dimension / 2 / (2 * SIGMA**2)
    assert (grid[0, 1].item(), grid[2, 1].item()) == pytest.approx((missed, missed))


def test_what_is_said_of_the_plane(monkeypatch):
    keys = [*itertools.product(("prior", "codes of data"), ("rotation", "best of all"))]
    values = {"rectified units": [80.0, 60.0, 4.0, 1.0], "hyperbolic tangent": [100.0, 90.0, 5.0, 2.0]}
    found = {title: dict(zip(keys, row, strict=True)) for title, row in values.items()}
    radius = torch.tensor([[0.5, 1.5, 3.5, 9.0], [0.5, 0.5, 3.5, 9.0]])
    share = maps_plane.Shares(radius, torch.tensor([[1.0, 2.0, 3.0, 4.0]] * 2), torch.tensor([[4.0], [2.0]]))
    reading = planted()
    reading.models["R²"].decoder.layers[0].bias[..., 0] = torch.tensor([[3.0] * 25, [1.0] * 25])
    monkeypatch.setattr(maps_plane, "scanned", lambda of, seed: 0.25 + seed if of is reading else 0)
    found = maps_plane.plane(found, reading, share, X, PHASES, seed=0)
    assert (found.at_codes, found.codes_best) == (4, 2)
    assert (found.shape_share, found.shape_share_tanh) == pytest.approx((25, 10))
    assert (found.codes_factor, found.codes_factor_tanh) == (20, 20)
    assert found.ring == 3
    # Within 2 and beyond 6 for the first, within 1 and beyond 3 for the second.
    assert (found.inner_mass, found.outer_mass) == (50, 37.5)
    assert (found.inner_share, found.outer_share) == pytest.approx((30, (40 + 70) / 2))
    # At 1 from the origin with deviation 1, since the log variance is 0.
    codes = maps_plane.aggregate_posterior(reading.trained[0], X, 0).norm(dim=-1)
    assert (found.inner_codes, found.all_codes) == (int((codes[0] < 2).sum() + (codes[1] < 1).sum()), 200)
    assert (found.centre, found.on_ring) == pytest.approx((10, math.sqrt(12.5)))
    assert found.scan == 25


# How close to perfect, and there and back


def bent(reading: Reading, by: float) -> Reading:
    """The same with a known model whose phase deviates from that of the data by ``by`` · sin."""
    known = Known(lambda z: DATA.mean(z[..., 0] + by * z[..., 0].sin()), reading.models["Φ"].space, [SIGMA] * 2)
    return replace(reading, models={**reading.models, "Φ": known})


def test_the_best_of_all_maps_undoes_a_bend_where_a_rotation_does_not():
    models = bent(planted(), 0.3).models
    assert maps_round.least(models["S¹"], models["Φ"]).max().item() < 1e-3
    small = models["S¹"]
    small.decoder.layers[0].weight[1] *= 0.5
    missed = DATA.dimension / 2 * 0.25 / (2 * SIGMA**2)
    assert maps_round.least(small, models["Φ"])[1].item() == pytest.approx(missed, rel=1e-4)


def test_rotations_agree_everywhere_or_nowhere():
    far = planted(0.5)
    found = maps_round.agreeing({"corrected": planted(0.02), "variance 0.01": far})
    assert (found.agree_corrected, found.agree_published) == (100, 0)
    assert turned(0.02) < 10 < turned(0.5)
    # What is shown is the first map between the first autoencoders.
    assert far.shown.means["S¹", "Φ"] == pytest.approx(turned(0.5), rel=1e-6)
    assert set(far.shown.means) == set(far.shown.reductors) == set(PAIRS)


def test_circles_that_deviate_by_an_angle_keep_its_pace():
    readings = {"corrected": planted(0.02), "rectified": planted(0.05), "variance 0.01": planted()}
    largest = readings["corrected"].found.query("source == 'S¹' and target == 'Φ' and member == 1").index
    readings["corrected"].found.loc[largest, "tolerance"] *= 1.5
    readings["corrected"].found.loc[largest - 1, "tolerance"] *= 0.5
    readings["variance 0.01"].models["S¹"].decoder.layers[0].weight[:] *= 0.5
    found = maps_round.circles(readings, X)
    theirs = maps_table.printed()
    assert found.corrected_circle == pytest.approx(turned(0.02), rel=1e-6)
    assert found.corrected_circle_most == pytest.approx(1.5 * turned(0.02), rel=1e-6)
    assert found.printed_least == min(theirs["S¹", "Φ"].mean, theirs["Φ", "S¹"].mean)
    assert found.factor_there == pytest.approx(theirs["S¹", "Φ"].mean / turned(0.02), rel=1e-6)
    assert found.factor_back == pytest.approx(theirs["Φ", "S¹"].mean / turned(0.02), rel=1e-6)
    assert found.rectified_circle == pytest.approx(turned(0.05), rel=1e-6)
    assert found.rectified_factor == pytest.approx(theirs["S¹", "Φ"].mean / turned(0.05), rel=1e-6)
    assert found.published_nearest == pytest.approx(DATA.dimension / 2 * 0.25 / (2 * SIGMA**2), rel=1e-4)
    assert max(found.bound_there, found.bound_back) < 1e-3
    assert found.own_error == pytest.approx(0, abs=1e-9)
    assert found.pace == pytest.approx(math.degrees(0.02), rel=0.01)


def test_maps_are_chained_in_their_order():
    maps = {("a", "b"): lambda z: z + 1, ("b", "c"): lambda z: 3 * z, ("c", "a"): lambda z: -z}
    assert maps_round.chain(maps, "a", "b", "c", "a")(torch.tensor(2.0)).item() == -9
    assert maps_round.chain(maps, "a", "b")(torch.tensor(2.0)).item() == 3


def test_ways_there_and_back_turn_by_both_errors():
    """Where the senses are opposite, the reflection back undoes what the map there turned too far."""
    reading = planted(off=0.1)
    back = maps_round.there_and_back(reading, seed=0)
    assert back.index[0] == "R² → S¹ → R²"
    # The first member moves by 0.2, the second not at all.
    assert back.loc["S¹ → Φ → S¹", "displacement"] == pytest.approx(0.2 / math.sqrt(2), rel=1e-9)
    assert back.loc["S¹ → Φ → S¹"].iloc[1] == pytest.approx(turned(0.2) / 2, rel=1e-9)
    assert back.loc["Φ → R² → Φ", "displacement"] == pytest.approx(0.2, rel=1e-9)
    over = maps_round.displacement(reading.models["Φ"], lambda z: z[None] + 6.0, seed=0)
    assert over.shape == (1, 2, 10_000, 1)
    torch.testing.assert_close(over, torch.full_like(over, 6 - 2 * math.pi))
    # From the plane and back, z goes to Emb(angle + 0.2), which is at 1 + r² − 2r cos 0.2.
    moved = 3 - 2 * math.cos(0.2) * math.sqrt(math.pi / 2)
    assert back.loc["R² → Φ → R²", "displacement"] ** 2 == pytest.approx(moved, rel=0.03)


def test_detours_add_up_their_turns():
    found = maps_round.detours(planted(off=0.1))
    assert found.index.tolist()[0] == "R² → Φ → S¹"
    assert len(found) == 6
    assert found.loc["Φ → R² → S¹", "direct"] == pytest.approx(turned(0.1), rel=1e-9)
    # The first member adds 0.1 to 0.1; for the second the reflection takes it away.
    assert found.loc["Φ → R² → S¹", "by way of the third"] == pytest.approx(turned(0.2) / 2, rel=1e-9)
    bound = (math.sqrt(found.loc["Φ → S¹ → R²", "direct"]) + math.sqrt(found.loc["R² → Φ → S¹", "direct"])) ** 2
    assert found.loc["Φ → R² → S¹", "(√Δ + √Δ)²"] == pytest.approx(bound, rel=1e-12)


def test_an_ellipse_brings_angles_back_unevenly():
    scales = torch.tensor([1.02, 0.98])
    turn = torch.stack([embed(torch.tensor(0.7)), embed(torch.tensor(0.7 + math.pi / 2))], -1)
    matrix = turn @ torch.diag(scales) @ embed(regular_phases(4))[[2, 3]]
    phases = regular_phases(720)
    points = embed(phases) @ matrix.T
    moved = wrap(torch.atan2(points[:, 1], points[:, 0]) - phases)
    measured = (moved - moved.mean()).square().mean().sqrt().item()
    assert maps_round.uneven(matrix).item() == pytest.approx(measured, rel=1e-3)
    assert maps_round.uneven(3 * turn).item() == pytest.approx(0, abs=1e-12)


def test_what_is_said_of_compositions():
    reading = planted(off=0.1)
    reading = replace(reading, reductors={**reading.reductors})
    stretched = reading.reductors["Φ", "R²"].parameters * torch.tensor([1.01, 0.99])[:, None]
    reading.reductors["Φ", "R²"] = Reductor(reading.pairs["Φ", "R²"].family, stretched)
    back, triangle = maps_round.there_and_back(reading, 0), maps_round.detours(reading)
    found = maps_round.composed(back, triangle, reading, 0)
    assert found.way_circles == back["displacement"]["S¹ → Φ → S¹"]
    assert found.way_plane == back["displacement"]["R² → Φ → R²"]
    assert found.way_through == back["displacement"]["Φ → R² → Φ"] == pytest.approx(0.2, rel=0.01)
    # Rows scaled by 1.01 and 0.99: singular values in that ratio.
    assert found.way_ellipse == pytest.approx(0.02 / (2 * math.sqrt(2)), rel=1e-9)
    assert found.way_centred == pytest.approx(found.way_ellipse, rel=0.03)
    assert found.plane_self == back.loc["R² → Φ → R²"].iloc[1]
    assert found.plane_there == reading.mean["R²", "Φ"]
    assert found.triangle_of == 6
    assert found.triangle_kept == sum(row.iloc[1] <= row.iloc[2] for _, row in triangle.iterrows())
    ways = triangle.loc[["S¹ → R² → Φ", "Φ → R² → S¹"]].to_numpy()
    assert found.detour == (ways[:, 1] - ways[:, 0]).max()
    assert (found.loose, found.loose_bound) == (ways[:, 1].max(), ways[:, 2].min())
