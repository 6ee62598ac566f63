"""Decoders for readers to steer: which digits are shown with them, and what is said of the ink that they draw."""

import base64

import numpy as np
import pytest
import torch

from latentsep import figures
from latentsep.data import photographs
from latentsep.data.shapes import Shapes, draw
from latentsep.findings import shape_walks
from latentsep.measures import codes
from latentsep.measures.attributes import NAMES, attributes
from latentsep.measures.directions import directions
from latentsep.models.autoencoders import Codes
from latentsep.training.autoencoding import KINDS, Autoencoder, Autoencoding
from latentsep.training.ensembles import Trained

DATA = Shapes(12, 3)
PICTURES, LABELS = DATA.sample(1)[0], torch.tensor([2, 7, 7, 2, 7, 7, 0, 2, 7, 7, 0, 1])


@pytest.fixture(scope="module")
def trained() -> Trained:
    members = tuple(Autoencoder(1, 1.0, 0, KINDS[kind], n) for kind, n in (("variational", 3), ("plain", 2)))
    run = Autoencoding(members, DATA, Codes(4), width=8, activation="relu", updates=0)
    return Trained(run, run.model().requires_grad_(False), np.empty((2, 0)))


def pixels(figure) -> np.ndarray:
    return np.frombuffer(base64.b64decode(figure.data["pixels"]), np.uint8).reshape(-1, DATA.dimension)


def shown(figure, rows: list[int]) -> None:
    """Whether it has these digits, in this order, with their own codes."""
    assert figure.data["labels"] == [str(int(label)) for label in LABELS[rows]]
    np.testing.assert_allclose(pixels(figure), 255 * PICTURES[rows], atol=0.51)


def test_the_plane_has_the_first_digits_of_each_class_with_their_codes(trained):
    figure = figures.digit_plane(trained, 1, (PICTURES, LABELS), "A plane.", each=2)
    rows = [6, 10, 11, 0, 3, 1, 2]
    shown(figure, rows)
    found = next(codes.used(codes.find([trained], "plain", 2), PICTURES[rows]))
    np.testing.assert_allclose(figure.data["codes"], found, atol=1e-4)
    for axis, (low, high) in enumerate((figure.data["x"], figure.data["y"])):
        assert low < found[:, axis].min() < figure.data["start"]["code"][axis] < found[:, axis].max() < high


def test_a_line_has_two_digits_of_each_class_that_has_two(trained):
    figure = figures.digit_line(trained, 0, (PICTURES, LABELS), "A line.")
    shown(figure, [6, 0, 1, 10, 3, 2])
    middle = (np.array(figure.data["codes"])[[0, 3 + figure.data["start"]["second"]]]).mean(0)
    np.testing.assert_allclose(figure.data["probes"][0]["z"], middle, atol=1e-4)
    with pytest.raises(ValueError, match=r"^digits has 2 classes of one each; choose some with two or more$"):
        figures.digit_line(trained, 0, (PICTURES[:2], LABELS[:2]), "A line.")


def test_sliders_begin_in_the_middle_of_what_codes_reach(trained):
    figure = figures.code_sliders(trained, 0, PICTURES, "Three sliders.")
    found = next(codes.used(codes.find([trained], "variational", 3), PICTURES))
    for number, (low, high, step) in enumerate(figure.data["ranges"]):
        assert figure.data["start"][number] == pytest.approx((low + high) / 2, abs=1e-5)
        assert high - low == pytest.approx(5 * float(found[:, number].std()), abs=0.01)
        assert (high - low) / step == pytest.approx(100, abs=0.1)


def test_centre_and_size_of_the_ink_are_the_factors_of_a_shape():
    factors = DATA.sample(1)[1]
    found = shape_walks.outline(draw(factors).flatten(1))
    np.testing.assert_allclose(found, factors[:, 1:4], atol=0.02)


def test_steps_along_directions_begin_at_their_codes_and_have_the_attributes_of_their_pictures():
    squares, _ = photographs.load(side=16)
    run = Autoencoding((Autoencoder(1, 1.0, 0, KINDS["plain"], 3),), squares, Codes(3), width=8, updates=0)
    alone, held = Trained(run, run.model().requires_grad_(False), np.empty((1, 0))), squares.held_out()[0][:2]
    found = directions(alone, held, ("greenness", "brightness"), steps=5)
    assert found.pictures.shape == (2, 3, 5, 3 * 16 * 16)
    for name, pictures, values in zip(found.names, found.pictures, found.values, strict=True):
        wanted = attributes(pictures.flatten(0, 1))[:, NAMES.index(name)].reshape(3, 5)
        torch.testing.assert_close(values, wanted)
        code = torch.cat([next(codes.used(alone, squares.sample(1)[0])).mean(0)[None], next(codes.used(alone, held))])
        torch.testing.assert_close(pictures[:, 2], codes.pictures_of(alone, code).clamp(0, 1), atol=1e-5, rtol=0)
        assert not torch.equal(pictures[:, 0], pictures[:, 4])
    ends = found.values[1, 0, [0, -1]] / found.deviations[1]
    assert found.moved("brightness") == pytest.approx(float(ends[1] - ends[0]))
