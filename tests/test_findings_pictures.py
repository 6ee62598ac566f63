"""What chapter 10 says in numbers is what loops, orders and decoders made by hand have."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from planted import untrained
from torch import Tensor, nn

from latentsep.data import seriation
from latentsep.data.benchmarks import embed, regular_phases
from latentsep.data.loops import in_pixels, shrink
from latentsep.findings import collection, pictures, uncertainties
from latentsep.findings.shrinking import shrinking, twins
from latentsep.measures import recovery
from latentsep.models.latent_spaces import Circle, Euclidean
from latentsep.training import protocols
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Member, Run

FRAMES = 24
PHASES = regular_phases(FRAMES).double().numpy()
RNG = np.random.default_rng(0)
#: Pictures of 6 × 5 pixels along a bent loop.
WAVES = np.stack([np.cos(PHASES), np.sin(PHASES), 0.3 * np.cos(2 * PHASES), np.ones(FRAMES)], 1)
IMAGES = 0.5 + 0.1 * (WAVES @ RNG.normal(size=(4, 30))).reshape(FRAMES, 6, 5)
#: The same with noise, so that they differ in as many directions as they can.
ROUGH = IMAGES + 0.03 * RNG.normal(size=IMAGES.shape)


# Shrinking


@pytest.fixture(scope="module")
def shrunk():
    return shrink(ROUGH[None])


def test_the_same_network_sees_the_same_and_paints_the_same_in_pixels(shrunk):
    data, span = shrunk
    inside, outside = twins(ROUGH, *shrunk)
    seen = [one.run.loop(regular_phases(FRAMES)) for one in (inside, outside)]
    assert [x.shape[-1] for x in seen] == [FRAMES, 30]
    codes = [one.vae.encoder(x) for one, x in zip((inside, outside), seen, strict=True)]
    torch.testing.assert_close(*codes, atol=1e-5, rtol=1e-4)
    z = torch.linspace(-3, 3, 11)[None, :, None]
    painted = outside.vae.decode(z)[0].reshape(11, 6, 5).numpy()
    np.testing.assert_allclose(painted, span.pictures(inside.vae.decode(z)[0], 1), atol=1e-5)
    # It keeps to the span: nothing is lost where it is seen in numbers again.
    rows = (painted.astype(float) - span.means[0]).reshape(11, -1)
    basis = span.bases[0].reshape(data.dimension, -1)
    np.testing.assert_allclose(rows @ basis.T @ basis, rows, atol=1e-5)


def test_shrinking_leaves_the_bound(shrunk):
    found = shrinking(ROUGH, *shrunk)
    assert (found.shrunk_numbers, found.shrunk_pixels) == (FRAMES, 30)
    assert found.shrunk_gap < 1e-4
    # Of another loop it is another value: the gap is not small because the pictures do not enter.
    other = shrinking(ROUGH**2, *shrink(ROUGH[None] ** 2))
    assert abs(other.shrunk_value / found.shrunk_value - 1) > 1e-3


# One loop


def table(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_members_are_counted_for_each_width():
    sigmas = [0.01, 0.1, 0.1, 1.0]
    found = table(
        sigma_x=sigmas,
        recovered=[True, True, False, False],
        degree=[1.0, -1.0, np.nan, 0.0],
        largest_step=[0.5, 0.25, 1.005, 3.14159],
        order=[1.0, 0.999, 0.123, 0.0],
        mse=[0.04, 1.0, 3.0, 16.0],
        neg_elbo=[-12345.4, 10.0, 21.0, 0.2],
    )
    rows = pictures.counted({"a": found, "b": found}, 4)
    assert rows.index.tolist() == [(n, s) for n in "ab" for s in ("0.01", "0.1", "1")]
    assert rows.loc["a"].to_numpy().tolist() == [
        ["1 of 1", "1", "0.50", "1.00", "0.100", "−12,345"],
        ["1 of 2", "−1, ?", "1.00", "0.12", "0.707", "16"],
        ["0 of 1", "0", "3.14", "0.00", "2.000", "0"],
    ]
    assert list(rows) == ["recovered", "degrees", "step", "order", "RMSE", "−ELBO"]


def at(codes: Tensor) -> nn.Module:
    """An encoder that takes the frames in their order to the given outputs ``(members, frames, features)``."""

    class Given(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return codes.to(x.dtype)

    return Given()


def flat(points: Tensor) -> Tensor:
    """Outputs of an encoder whose codes are points ``(..., 2)`` of the plane."""
    return torch.cat([points, torch.full_like(points, -6)], -1)


def test_shifts_are_summed_up_by_variant_and_width():
    ring = embed(regular_phases(FRAMES))
    mixed = ring[torch.arange(FRAMES) * 5 % FRAMES]  # nearest codes are of frames five apart
    half = torch.cat([ring[: FRAMES // 2], 40 + 3 * mixed[FRAMES // 2 :]])
    codes = torch.stack([ring, half, mixed, ring])
    members = tuple(Member(1, s, r) for r, s in enumerate((0.01, 0.1, 1.0, 1.0)))
    baseline = untrained(Run(members, in_pixels(IMAGES[None]), updates=0, width=3))
    baseline.vae.encoder = at(flat(codes))
    near = recovery.neighbours_kept(baseline)
    assert near[[0, 2, 3]].tolist() == [1, 0, 1]
    assert 0 < near[1] < 1

    def variant(recovered: int, torn: int, apparent: list[int], degree: list[int]) -> pd.DataFrame:
        first = np.arange(4)
        return table(recovered=first < recovered, torn=first < torn, apparent=apparent, degree=degree)

    found = {
        "baseline": variant(4, 4, [1, 1, 1, 1], [-1, 2, 1, 1]),
        "as published": variant(1, 2, [1, -1, 0, 1], [0, 0, 0, 0]),
        "corrected": variant(2, 4, [0, 0, 0, 0], [1, 1, 1, 1]),
        "corrected, film start": variant(3, 4, [0, 0, 0, 0], [1, 1, 1, 1]),
    }
    told = pictures.shifts(baseline, found)
    assert (told.shift_published, told.shift_plain, told.shift_film, told.shift_members) == (1, 2, 3, 4)
    assert (told.shift_torn, told.shift_looks) == (2, 3)
    assert (told.baseline_turns, told.baseline_sharp) == (1, 2)
    assert (told.kept_sharp, told.kept_blunt) == (100 * near[1], 50)
    assert told.orderly == recovery.ORDERLY


class Painter(nn.Module):
    """A decoder that multiplies by a matrix ``(D, 2)``."""

    activation = staticmethod(torch.relu)  # part of what names a model

    def __init__(self, matrix: Tensor, members: int = 1):
        super().__init__()
        self.matrix = nn.Parameter(matrix.expand(members, *matrix.shape), requires_grad=False)

    def forward(self, z: Tensor) -> Tensor:
        return z @ self.matrix.mT


@pytest.fixture(scope="module")
def painted() -> tuple[Trained, Trained]:
    """A plane and a circle, turned by half a radian, which paint alike."""
    data = in_pixels(IMAGES[None])
    angles, matrix = regular_phases(FRAMES), torch.tensor(RNG.normal(size=(30, 2))).float()
    turn = torch.tensor([[math.cos(0.5), -math.sin(0.5)], [math.sin(0.5), math.cos(0.5)]])
    made = []
    for space, codes, painter in (
        (Euclidean(2), flat(2 * embed(angles)), matrix / 2),
        (Circle(), torch.cat([embed(angles + 0.5), torch.full((FRAMES, 1), -6.0)], -1), matrix @ turn.T),
    ):
        trained = untrained(Run((Member(1, 0.1),), data, space, updates=1, width=3))
        trained.vae.encoder, trained.vae.decoder = at(codes[None]), Painter(painter)
        made.append(trained)
    return tuple(made)


def test_maps_find_what_is_the_same_up_to_a_simple_map(painted, monkeypatch):
    """The plane's codes lie at twice the circle's, half a radian behind: the maps are a rotation and a matrix."""
    monkeypatch.setitem(protocols.REDUCTORS, "smoke", {"updates": 700, "samples": 50, "learning_rate": 0.1})
    deltas, (own, sent) = pictures.mapped(*painted, "smoke", 3)
    angles = regular_phases(FRAMES)
    torch.testing.assert_close(own["R²"], 2 * embed(angles))
    torch.testing.assert_close(own["S¹"], embed(angles + 0.5))
    assert set(sent) == {("R²", "S¹"), ("S¹", "R²")}
    torch.testing.assert_close(sent["R²", "S¹"], own["S¹"], atol=0.02, rtol=0)
    torch.testing.assert_close(sent["S¹", "R²"], own["R²"], atol=0.02, rtol=0)
    # From the circle nothing is lost. The plane's prior has other radii than 2, which no angle tells.
    lost = deltas.set_index(["source", "target"]).tolerance
    assert lost["S¹", "R²"] < 0.5
    assert lost["R²", "S¹"] > 100
    assert pictures.spread({"a": deltas}).loc["a", "S¹", "R²"]["min"] == lost["S¹", "R²"]


def deltas(**values: list[float]) -> pd.DataFrame:
    """Δ of maps by their names, such as ``ab`` from a to b."""
    rows = [(name[0], name[1], value) for name, several in values.items() for value in several]
    return pd.DataFrame(rows, columns=["source", "target", "tolerance"])


def test_tolerances_are_spread_over_autoencoders():
    found = pictures.spread({"one": deltas(ab=[1, 3], ba=[5, 5]), "two": deltas(ab=[7])})
    assert found.loc["one", "a", "b"].tolist() == [2, pytest.approx(math.sqrt(2)), 1]
    assert found.loc["one", "b", "a"].tolist() == [5, 0, 5]
    assert found.loc["two", "a", "b"][["mean", "min"]].tolist() == [7, 7]
    assert found.index.names == ["", "from", "to"]


def test_maps_are_summed_up_by_their_worse_direction():
    phases = regular_phases(FRAMES)
    ring, step = embed(phases), 2 * math.pi / FRAMES
    ahead = ({"a": ring, "b": ring}, {("a", "b"): ring, ("b", "a"): ring.roll(3, 0)})
    at_home = ({"a": ring, "b": ring}, {("a", "b"): ring.roll(-1, 0), ("b", "a"): 7 * ring})
    corners = np.zeros((4, 2, 2))
    corners[:, 0, 0], corners[:, 1, 1] = [0, 3, 3, 3.5], [0, 0, 4, 4]  # steps of 3, 4 and 0.5
    found = pictures.maps(corners, deltas(ab=[8, 4], ba=[5, 9]), (ahead, phases), (at_home, phases))
    assert found.strayed_shift == pytest.approx(3 * step, rel=1e-5)
    assert found.strayed_coil == pytest.approx(step, rel=1e-5)
    assert found.delta_shift == 6
    assert found.one_pixel == pytest.approx(3**2 / (2 * 0.1**2))
    assert pictures.moved(corners) == pytest.approx(3)


# All objects

VARIANTS = ("baseline", "as published", "corrected", "corrected, annealed")
VARIANTS += ("corrected, spectral start", "corrected, film start")
OBJECTS, TIMES = 4, 5


def of_objects(*recovered: int, degree: tuple[float, ...] = (1, 1, 1, 1), bound: float = 0.0) -> pd.DataFrame:
    """Five repetitions of each object: so many recovered, the first ones, with a −ELBO that falls from one to the next.

    One more row for another σ_X must not count.
    """
    rows = [
        {"dataset": n + 1, "sigma_x": 0.1, "recovered": r < recovered[n], "neg_elbo": bound - r, "degree": degree[n]}
        | {"order": 0.9 + 0.01 * r, "largest_step": 0.1 * (n + 1)}
        for n in range(OBJECTS)
        for r in range(TIMES)
    ]
    other = {"dataset": 1, "sigma_x": 1.0, "recovered": True, "neg_elbo": -1e9, "degree": 9.0, "order": 0.0}
    return pd.DataFrame([*rows, other | {"largest_step": 9.0}])


@pytest.fixture
def found() -> dict[str, pd.DataFrame]:
    return {
        "baseline": of_objects(0, 0, 0, 0),
        "as published": of_objects(0, 0, 0, 4),
        "corrected": of_objects(5, 4, 3, 0),
        "corrected, annealed": of_objects(5, 1, 0, 0, degree=(1, -2, 0, 2), bound=-3.0),
        "corrected, spectral start": of_objects(5, 5, 5, 4),
        "corrected, film start": of_objects(5, 5, 0, 3, bound=-3.5),
    }


def test_recovered_repetitions_are_counted_by_object(found):
    counts = collection.recovered(found)
    assert counts.index.tolist() == [f"object {n}" for n in (1, 2, 3, 4)]
    assert counts["corrected"].tolist() == [5, 4, 3, 0]
    shown = collection.with_totals(found, TIMES)
    assert shown.index.tolist()[4:] == ["objects with 4 of 5", "objects, run of least −ELBO"]
    assert shown.iloc[:4].equals(counts)
    assert shown.iloc[4].tolist() == [0, 1, 2, 1, 4, 2]
    # The last repetition has the least −ELBO.
    assert shown.iloc[5].tolist() == [0, 0, 1, 1, 3, 2]


def test_outcomes_tell_what_became_of_all_objects(found):
    data, _ = shrink(np.stack([IMAGES] * OBJECTS))
    told = collection.outcomes(found, data, TIMES)
    assert (told.objects, told.all_members) == (4, 20)
    assert (told.published_objects, told.plain_objects, told.annealed_objects) == (1, 2, 1)
    assert (told.spectral_objects, told.film_objects, told.film_members) == (4, 2, 13)
    assert (told.degree_0, told.degree_2) == ("3", "2, 4")
    # Object 1 has no wrong annealed run, 3 no right guided one. The best of 2 and 4: wrong −7 and −7; right −7.5, −5.5.
    assert (told.wrong_objects, told.wrong_better) == (2, 1)
    assert (told.film_order, told.film_step) == (0.9, pytest.approx(0.4))
    assert told.even_step == pytest.approx(2 * math.pi / FRAMES)
    least = math.log(FRAMES) + 15 * math.log(2 * math.pi * 0.01)
    assert told.memory == f"−{-least:.0f}"
    assert told.memory_frames == FRAMES
    found["corrected, annealed"].degree = 1.0
    assert collection.outcomes(found, data, TIMES).degree_0 == "none"


def test_orders_are_held_against_the_true_one():
    """A bumpy loop, in its order, mirrored and shifted, nearly in order, and shuffled."""
    n = FRAMES
    true, wrong = np.arange(n), np.random.default_rng(1).permutation(n)
    mirrored, swapped = np.roll(true[::-1], 5), np.concatenate([[1, 0], true[2:]])
    each = [
        {"a graph": wrong, "the shortest tour": swapped, "the best film": mirrored, "the best film, framed": wrong},
        {"a graph": wrong, "the shortest tour": wrong, "the best film": swapped, "the best film, framed": true},
    ]
    agreement = collection.kept(each)
    assert agreement["the best film"][0] == 1
    assert recovery.ORDERLY < agreement["the best film"][1] < 1
    assert agreement["a graph"].max() < 0.5
    turns = np.stack([IMAGES, IMAGES[::-1]])
    told = collection.orders(turns, each)
    assert (told.hardest, told.graph_orders, told.tour_orders, told.film_orders, told.raw_orders) == (2, 0, 1, 2, 1)
    assert told.film_worst == agreement["the best film"][1]
    # The mirrored film is as long as the true one. Two frames exchanged in a smooth film make it longer.
    assert (told.film_exact, told.film_never_longer) == (1, 1)
    gains = collection.code_gains(turns, [found["the best film"] for found in each])
    assert gains[0] == pytest.approx(0, abs=1e-6)
    assert gains[1] < -1


def test_a_film_shorter_than_the_true_one_counts_as_never_longer():
    wrong = np.random.default_rng(2).permutation(FRAMES)
    shuffled = IMAGES[wrong]  # whose true order is as bad a film as can be
    (gain,) = collection.code_gains(shuffled[None], [seriation.places(wrong)])
    assert gain > 1


def test_distances_by_lag_are_those_of_every_pair():
    turns = np.stack([IMAGES, RNG.random((FRAMES, 6, 5))])
    for name, found in collection.by_lag(turns).items():
        images = turns[int(name) - 1]
        for k in (0, 1, 7, FRAMES // 2):
            each = [np.sqrt(((images[i] - images[i - k]) ** 2).sum()) for i in range(FRAMES)]
            assert found[k] == pytest.approx(np.mean(each), abs=1e-9)


def test_lookalikes_are_told_by_half_a_turn_and_by_their_mean():
    lags = {
        "1": np.array([0, 2.0, 4.0, 2.0]),  # grows up to half a turn
        "2": np.array([0, 4.0, 2.0, 4.0]),  # half of the largest distance there
        "10": np.array([0, 0.4, 0.2, 0.4]),  # likewise, and hardly changes
        "3": np.array([0, 4.0, 3.0, 4.0]),  # just three quarters
    }
    told = collection.lookalikes(lags)
    assert (told.alike, told.slow) == ("2, 10", "10")
    assert (told.nearest_half, told.nearest_ratio) == ("2", 0.5)
    assert collection.lookalikes({"1": lags["1"]}).alike == "none"


# Uncertainties


def test_widths_are_what_a_circle_in_the_space_of_pictures_has():
    """A decoder onto a circle of radius ρ: its speed is ρ, and noise s moves angles by s/ρ."""
    radius, noise, members = 5.0, 0.05, (Member(1, 0.1), Member(1, 0.3, 1), Member(1, 0.1, 1))
    frame = np.linalg.qr(RNG.normal(size=(30, 2)))[0]
    images = (radius * np.stack([np.cos(PHASES), np.sin(PHASES)], 1) @ frame.T).reshape(FRAMES, 6, 5)
    run = Run(members, in_pixels(images[None]), Circle(), updates=0, width=3)
    deviations = torch.tensor([0.02, 0.5, 0.04])
    plane = torch.tensor(frame).float()

    class Reader(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            # Time t of a heat kernel has deviation √(2t).
            times = (deviations.square() / 2).log()[:, None, None].expand(*x.shape[:-1], 1)
            return torch.cat([x @ plane, times], -1)

    def made(noise: float) -> Trained:
        data = in_pixels(images[None])
        noisy = type(data)(data.source, data.points, data.unit, data.ambient, noise=noise, draws=20_000)
        trained = untrained(Run(members, noisy if noise else data, run.space, updates=0, width=3))
        trained.vae.encoder, trained.vae.decoder = Reader(), Painter(radius * plane, 3)
        return trained

    found = uncertainties.width_and_scatter(made(noise))
    assert found.index.tolist() == [0.1, 0.3]
    assert found["width"].to_numpy() == pytest.approx([0.03, 0.5], rel=1e-4)
    assert found["σ_X / speed"].to_numpy() == pytest.approx([0.1 / radius, 0.3 / radius], rel=1e-3)
    assert found["scatter"].to_numpy() == pytest.approx([noise / radius] * 2, rel=0.03)
    degrees = uncertainties.widths({0.0: made(0.0), noise: made(noise)})
    assert degrees["scatter"][0.0, 0.1] == pytest.approx(0, abs=1e-3)
    assert degrees["width"][noise, 0.3] == pytest.approx(math.degrees(0.5), rel=1e-4)
    assert degrees.index.names == ["noise", "σ<sub>X</sub>"]


def test_uncertainties_are_summed_up_by_noise_and_width():
    index = pd.MultiIndex.from_product([[0.0, 0.1, 0.3], [0.1, 1.0]])
    rows = {"width": range(6), "σ_X / speed": range(10, 16), "scatter": range(20, 26)}
    found = pd.DataFrame({name: np.array(values, float) for name, values in rows.items()}, index)
    told = uncertainties.uncertainties(found, IMAGES)
    assert (told.width_clean, told.width_noisy, told.sharp_width) == (1, 5, 2)
    assert (told.speed_width, told.sharp_speed) == (13, 12)
    assert (told.scatter_least, told.scatter_most, told.noise_least, told.noise_most) == (23, 25, 0.1, 0.3)
    # A circle of radius ρ is moved by ρ per radian. The benchmark's has radius √(D/2).
    ring = np.stack([np.cos(PHASES), np.sin(PHASES)], 1).reshape(FRAMES, 1, 2)
    assert uncertainties.uncertainties(found, 7 * ring).pace == pytest.approx(7, rel=0.01)
    assert told.bench_pace == pytest.approx(math.sqrt(12.5))
