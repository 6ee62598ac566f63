"""Chapter 8's numbers, from models whose divergences are moments of an angle or of a radius."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from latentsep.data.benchmarks import Benchmark, embed, regular_phases
from latentsep.findings import generative
from latentsep.models.latent_spaces import Circle, Euclidean
from latentsep.reductions.generative import Known

DATA, SIGMA, A, B = Benchmark(6), 0.5, 0.3, 0.1


def swelling(z: Tensor) -> Tensor:
    """F of the angle, times 1 + A cos z."""
    return DATA.mean(z[..., 0]) * (1 + A * z.cos())


def widening(z: Tensor) -> Tensor:
    """F of the angle of a point of the plane, times 1 + B r²."""
    return DATA.mean(torch.atan2(z[..., 1], z[..., 0])) * (1 + B * z.square().sum(-1, keepdim=True))


def angle(z: Tensor) -> Tensor:
    return torch.atan2(z[..., 1:], z[..., :1])


MODELS = {
    "S¹": Known(swelling, Circle(), [SIGMA]),
    "R²": Known(widening, Euclidean(2), [SIGMA]),
    "Φ": Known.benchmark(DATA, SIGMA),
}
MAPS = {("S¹", "Φ"): lambda z: z, ("Φ", "S¹"): lambda z: z + 0.1, ("R²", "Φ"): angle}
UNIT = DATA.dimension / 2 / (2 * SIGMA**2)  # the divergence of F from twice F


def test_delta_is_the_tolerance_of_a_turn():
    found = generative.delta(MODELS["Φ"], MODELS["Φ"], lambda z: z + 0.7, samples=100)
    assert found == pytest.approx(DATA.dimension * (1 - math.cos(0.7)) / (2 * SIGMA**2), rel=1e-5)
    assert isinstance(found, float)


def test_estimates_have_the_moments_of_an_angle_and_of_a_radius():
    found = generative.estimated(MODELS, MAPS, [1, 16, 64], 60_000, seed=0)
    # A² cos² z has mean A²/2 and standard deviation A²/√8.
    assert float(found.exact["S¹"]) == pytest.approx(UNIT * A**2 / 2, rel=1e-5)
    assert found.std["S¹"] == pytest.approx(UNIT * A**2 / math.sqrt(8), rel=1e-5)
    # r⁴ has mean 8 and variance 384 − 64.
    assert float(found.exact["R²"]) == pytest.approx(UNIT * B**2 * 8, rel=1e-4)
    assert found.std["R²"] == pytest.approx(UNIT * B**2 * math.sqrt(320), rel=1e-4)
    assert list(found.curves) == ["S¹ to Φ", "R² to Φ"]
    for name, (errors, std) in zip(("S¹", "R²"), found.curves.values(), strict=True):
        np.testing.assert_allclose(errors, std / np.array([1, 4, 8]), rtol=0.1)
        assert errors is found.errors[name]
    other = generative.estimated(MODELS, MAPS, [1, 16, 64], 60_000, seed=1)
    assert other.exact == found.exact
    assert (other.errors["R²"] != found.errors["R²"]).all()


def test_every_map_has_an_exact_tolerance():
    found = generative.exactly(MODELS, {("S¹", "Φ"): MAPS["S¹", "Φ"], ("R²", "Φ"): angle})
    assert found["S¹", "Φ"] == pytest.approx(UNIT * A**2 / 2, rel=1e-5)
    assert found["R²", "Φ"] == pytest.approx(UNIT * B**2 * 8, rel=1e-4)


def test_where_the_tolerance_of_the_plane_comes_from():
    maps = {("R²", "S¹"): angle, ("S¹", "Φ"): MAPS["S¹", "Φ"]}
    codes = 1.5 * embed(regular_phases(300))[None]
    found = generative.point_by_point(MODELS, maps, codes)
    # At radius r and angle z it is (B r² − A cos z)², in units.
    assert found.across == pytest.approx(UNIT * (8 * B**2 + A**2 / 2), rel=1e-4)
    assert found.across_codes == pytest.approx(UNIT * (1.5**4 * B**2 + A**2 / 2), rel=1e-4)
    assert found.across_centre == pytest.approx(UNIT * A**2 / 2, rel=1e-3)
    assert found.around_most == pytest.approx(UNIT * A**2, rel=1e-5)
    # With s = r²/2, which is exponential: edges lie between nodes of the quadrature.
    half, edge = (r**2 / 2 for r in (0.75, 1.5))

    def inside(s: float) -> tuple[float, float]:
        mass = 1 - math.exp(-s)
        return mass, (4 * B**2 * (2 - math.exp(-s) * (s**2 + 2 * s + 2)) + A**2 / 2 * mass) / (8 * B**2 + A**2 / 2)

    expected = [*inside(half), *(1 - part for part in inside(edge))]
    measured = [found.core_mass, found.core_share, found.beyond_mass, found.beyond_share]
    assert measured == pytest.approx([100 * part for part in expected], abs=5)
    far = [B * 2.25**2 - A * cosine for cosine in (-1, 1)]
    least = 0 if far[0] * far[1] < 0 else min(v**2 for v in far)
    assert found.beyond_least == pytest.approx(UNIT * least, rel=1e-3, abs=1e-3)
    assert found.beyond_most == pytest.approx(UNIT * max(v**2 for v in far), rel=1e-3)


def test_how_good_an_estimate_is():
    found = generative.estimated(MODELS, MAPS, [1], 10, seed=0)
    told = generative.how_good(found, MODELS, MAPS)
    # ∫ N(z; 0, I)² dz over the plane, and ∫ (1/2π)² dz over the circle.
    assert told.twice_plane == pytest.approx(1 / (4 * math.pi), rel=1e-6)
    assert told.twice_circle == pytest.approx(1 / (2 * math.pi))
    assert (told.delta_circle, told.std_circle) == (float(found.exact["S¹"]), found.std["S¹"])
    assert (told.delta_plane, told.std_plane) == (float(found.exact["R²"]), found.std["R²"])
    assert told.error_plane == pytest.approx(told.std_plane / math.sqrt(10_000))
    assert told.sparse < 1  # a square of a cosine needs three angles
    # A decoder that oscillates 64 times looks constant at 64 regular angles, at each of which it is 1 + A too large.
    rough = Known(lambda z: DATA.mean(z[..., 0]) * (1 + A * (64 * z).cos()), Circle(), [SIGMA])
    told = generative.how_good(found, MODELS | {"S¹": rough}, MAPS)
    assert told.sparse == pytest.approx(1e6 * UNIT * A**2 / 2, rel=1e-3)


def test_what_a_tolerance_says_is_read_off_the_tables():
    floors = pd.DataFrame([[0.1, 0.1, 0.0], [0.1, 0.11, 0.2], [0.01, 0.1, 45.0], [0.1, 0.01, 1180.0]])
    index = pd.MultiIndex.from_product([[0.1, 1.0], ["S¹ to Φ", "Φ to S¹"]])
    ways = pd.DataFrame({"mean square": [1.0, 1.25, 3.0, 2.0]}, index=index)
    encoders = pd.DataFrame([[1.0, -20.0], [1.0, 70.0]])
    averages = pd.DataFrame([[1.0, 1.0], [8.0, 6.0]])
    codes = 2 * embed(regular_phases(90))[None]
    told = generative.what_it_says(MODELS, MAPS, codes, floors, ways, encoders, averages)
    assert (told.floor_tenth, told.floor_wide, told.floor_narrow) == (0.2, 45, 1180)
    assert told.squares_apart == pytest.approx(50)
    assert told.ruined == 90
    assert told.share == pytest.approx(25)
    # Every code finds its own phase, and is still 1 + 4B times too long.
    assert told.free == pytest.approx(UNIT * (4 * B) ** 2, rel=1e-3)
    there = generative.delta(MODELS["S¹"], MODELS["Φ"], MAPS["S¹", "Φ"])
    back = generative.delta(MODELS["Φ"], MODELS["S¹"], MAPS["Φ", "S¹"])
    assert back - there > 0.01  # by the 0.1 radians that this one is off
    assert told.fitted_apart == pytest.approx(1e6 * (back - there))
