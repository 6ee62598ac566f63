"""Maps looked at point by point: what is compared, and that a figure's data alone gives the package's numbers."""

import base64
import itertools
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from latentsep import figures
from latentsep.data.benchmarks import Benchmark, regular_phases
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean
from latentsep.reductions import tolerance
from latentsep.reductions.comparisons import SIGMA
from latentsep.reductions.pointwise import Pointwise
from latentsep.reductions.reduction import Reductor
from latentsep.reductions.reductors import family
from latentsep.training import exports
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Member, Run

RUN = Run((Member(SIGMA, SIGMA), Member(SIGMA, SIGMA, 1)), updates=1)
PAIRS = list(itertools.permutations(("R²", "S¹", "Φ"), 2))


def pointwise(sigma_x: float = SIGMA) -> Pointwise:
    """Networks as they start, and maps with parameters at random; every second rotation is reflected."""
    run = replace(RUN, members=tuple(Member(SIGMA, sigma_x, r) for r in range(2)))
    runs = {"R²": run, "S¹": replace(run, space=Circle())}
    trained = {name: Trained(r, r.model().requires_grad_(False), np.empty((2, 0))) for name, r in runs.items()}
    models = Pointwise(trained, {}, {}).models
    stream, maps = torch.Generator().manual_seed(3), {}
    for number, (a, b) in enumerate(PAIRS):
        found = family(models[a].space, models[b].space, (number % 2 == 1, False) if b != "R²" else False)
        maps[a, b] = Reductor(found, torch.randn(3, 2, *found.shape, generator=stream))
    return Pointwise(trained, maps, dict.fromkeys(PAIRS, 2.0))


@pytest.mark.parametrize("key", [key for key in PAIRS if key[0] != "R²"], ids="/".join)
def test_points_of_a_circle_have_the_tolerance_for_a_mean(key):
    found = pointwise()
    image, first, second, kl = found.compared(key, regular_phases(400)[:, None])
    wanted = tolerance.tolerance(*(found.models[name] for name in key), found.reductors[key], samples=400)
    assert float(kl.double().mean()) == pytest.approx(float(wanted.value[0, 0]), rel=1e-6)
    assert image.shape == (400, 2 if key[1] == "R²" else 1)
    assert first.shape == second.shape == (400, 25)


def test_phases_decode_as_the_data_was_made():
    found = pointwise()
    z = torch.tensor([[0.4], [-2.0]])
    _, decoded, _, _ = found.compared(("Φ", "R²"), z)
    torch.testing.assert_close(decoded, Benchmark().mean(z[:, 0]))


def test_a_map_that_is_no_matrix_and_no_rotation_is_refused():
    torus = Reductor(family(Euclidean(2), CliffordTorus()), torch.ones(1, 2, 4, 2))
    with pytest.raises(ValueError, match="R² → T² is a Projection"):
        Pointwise(pointwise().trained, {("R²", "T²"): torus}, {})


def test_a_figure_starts_with_a_pair_that_all_have():
    one = pointwise()
    few = Pointwise(one.trained, {("Φ", "R²"): one.reductors["Φ", "R²"]}, one.means)
    with pytest.raises(ValueError, match="'few' has not"):
        figures.mapped_point({"one": one, "few": few}, "", start=("R²", "Φ"))


@pytest.mark.parametrize("sigma_x", [SIGMA, 0.3])
@pytest.mark.parametrize("key", PAIRS, ids="/".join)
def test_the_data_alone_gives_images_and_divergences(key, sigma_x):
    data = shown(sigma_x)
    (told,) = data["sets"]
    (this,) = [m for m in told["maps"] if (m["from"], m["into"]) == key]
    assert len(this["probes"]) == 3
    for probe in this["probes"]:
        z, point = np.array(probe["z"]), embedded(probe["z"])
        if "matrix" in this:
            image = np.array(this["matrix"]) @ point
            np.testing.assert_allclose(image, probe["image"], atol=1e-6)
        else:
            image = this["turn"] + this["sense"] * np.arctan2(point[1:], point[:1])
            assert math.cos(image[0] - probe["image"][0]) == pytest.approx(1)
        means, sigmas = zip(
            *(decoded(told, data, name, v) for name, v in zip(key, (z, image), strict=True)), strict=True
        )
        ratio = (sigmas[0] / sigmas[1]) ** 2
        floor = data["dimension"] / 2 * (ratio - 1 - math.log(ratio))
        wanted = np.sum((means[0] - means[1]) ** 2) / (2 * sigmas[1] ** 2) + floor
        assert probe["kl"] == pytest.approx(wanted, rel=1e-4)
    assert this["mean"] == 2.0


def test_some_maps_reflect_and_some_do_not():
    data = shown(SIGMA)
    assert {m["sense"] for m in data["sets"][0]["maps"] if "sense" in m} == {1, -1}


@pytest.mark.parametrize("start", [("S¹", "R²"), ("Φ", "S¹")], ids="/".join)
def test_a_figure_may_start_on_a_circle(start):
    figure = figures.mapped_point({"": pointwise()}, "", start=start)
    assert figure.data["pair"] == list(start)
    assert [ax.get_xlim()[1] for ax in figure.still.figure.axes[:2]] == [1.4, 3.2 if start[1] == "R²" else 1.4]


@cache
def shown(sigma_x: float) -> dict:
    """The data of a figure; drawing its still twin takes a moment."""
    return figures.mapped_point({"": pointwise(sigma_x)}, "", start=("R²", "Φ")).data


def embedded(z: list[float]) -> np.ndarray:
    return np.array(z if len(z) == 2 else [math.cos(z[0]), math.sin(z[0])])


def decoded(told: dict, data: dict, space: str, z: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean and deviation of what a latent variable decodes to, from the exported numbers."""
    if space == "Φ":
        return np.sin(2 * np.pi * np.arange(1, data["dimension"] + 1) / data["dimension"] + z[0]), data["sigma"]
    found = exports.unpacked(base64.b64decode(told["networks"][space]["network"]))
    *hidden, (weight, bias) = found.members[0]["decoder"]
    x = embedded(list(z))
    for w, b in hidden:
        x = np.tanh(w @ x + b)
    return weight @ x + bias, found.head["members"][0]["sigma_x"]
