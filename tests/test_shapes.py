"""Drawn shapes: where they are, how much ink they have, and which shape a picture is."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentsep.data import shapes
from latentsep.data.shapes import FACTORS, KINDS, POSITIONS, SIDE, SIZES, Shapes, draw
from latentsep.measures import outlines


@st.composite
def factors(draw, turned=True):
    place = st.floats(*POSITIONS, width=32)
    angle = st.floats(0, 6.25, width=32) if turned else st.just(0.0)
    kind = st.integers(0, len(KINDS) - 1)
    values = [draw(part) for part in (kind, place, place, st.floats(*SIZES, width=32), angle, st.just(1.0))]
    return torch.tensor([values], dtype=torch.float32)


@settings(max_examples=60, deadline=None)
@given(factors())
def test_ink_is_the_area_and_lies_inside_the_canvas(found):
    picture = draw(found)[0].double()
    assert 0 <= float(picture.min()) <= float(picture.max()) <= 1 + 1e-6
    # Strips in which a slanted edge begins or ends are the only ones that are not exact.
    assert float(picture.sum()) == pytest.approx(float(found[0, 3] ** 2), rel=0.012)
    assert float(picture[[0, -1]].sum() + picture[:, [0, -1]].sum()) < 0.4 * SIZES[1]


@settings(max_examples=60, deadline=None)
@given(factors(turned=False))
def test_upright_shapes_are_exact_and_mirror_images_of_their_mirror_images(found):
    picture = draw(found)[0]
    assert float(picture.double().sum()) == pytest.approx(float(found[0, 3].double() ** 2), rel=0.002)
    mirrored = found.clone()
    mirrored[0, 1] = SIDE - found[0, 1]
    assert torch.allclose(draw(mirrored)[0], picture.flip(1), atol=1e-4)
    if KINDS[int(found[0, 0])] != "triangle":
        upside_down = found.clone()
        upside_down[0, 2] = SIDE - found[0, 2]
        assert torch.allclose(draw(upside_down)[0], picture.flip(0), atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(factors(), st.integers(0, 3))
def test_a_quarter_turn_of_the_shape_is_a_quarter_turn_of_the_picture(found, quarters):
    found[0, 1:3] = SIDE / 2
    turned = found.clone()
    turned[0, 4] += quarters * math.pi / 2
    # The angle runs clockwise, as rows run downwards. Lines are exact along rows and samples across them.
    apart = (draw(turned)[0] - draw(found)[0].rot90(-quarters)).abs()
    assert float(apart.max()) < 0.08


def test_a_whole_pixel_moves_the_picture_by_one():
    at = torch.tensor([[2.0, 12.3, 14.7, 7.1, 0.4, 0.8]])
    moved = at + torch.tensor([0, 1.0, 2.0, 0, 0, 0])
    assert torch.allclose(draw(moved)[0], draw(at)[0].roll((2, 1), (0, 1)), atol=1e-5)


def test_data_come_from_named_streams():
    data = Shapes(50, 20)
    x, found = data.sample(1)
    assert (x.shape, found.shape) == ((50, SIDE * SIDE), (50, len(FACTORS)))
    assert torch.equal(x, draw(found).flatten(1))
    held, _ = data.held_out()
    assert len(held) == 20
    assert float(torch.cdist(held, x).min()) > 0.01
    assert torch.equal(Shapes(50, 20).sample(1)[0], x)
    assert not torch.equal(Shapes(50, 20, seed=1).sample(1)[0], x)
    assert (found[:, 4] == 0).all()
    assert (found[:, 5] == 1).all()
    assert Shapes(50, 20, turned=True).sample(1)[1][:, 4].std() > 0.5
    low, high = (torch.tensor([range_[end] for range_ in (POSITIONS, POSITIONS, SIZES)]) for end in (0, 1))
    assert ((found[:, 1:4] >= low) & (found[:, 1:4] <= high)).all()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"^learned is 0; choose 1 or more$"):
        Shapes(0)
    with pytest.raises(ValueError, match=r"^kind is \[7.0\]; choose 0 to 2$"):
        draw(torch.tensor([[7.0, 14, 14, 5, 0, 1]]))


def test_shapes_are_recognised_and_other_pictures_are_not():
    x, found = Shapes(60, 1).sample(1)
    nearest = outlines.nearest(x)
    assert torch.equal(nearest.factors[:, 0], found[:, 0])
    assert float((nearest.factors[:, 1:4] - found[:, 1:4]).abs().max()) < 0.1
    assert nearest.shapes.all()
    twice = (x[:30] + x[30:]) / 2
    stream = torch.Generator().manual_seed(0)
    noise = torch.rand(20, SIDE * SIDE, generator=stream)
    for others in (twice, noise, torch.zeros(3, SIDE * SIDE), torch.full((3, SIDE * SIDE), 0.5)):
        assert float(outlines.nearest(others).shapes.double().mean()) < 0.2


def test_a_shape_between_those_of_the_bank_is_found_exactly():
    at = torch.tensor([[1.0, 13.37, 14.61, 6.43, 0.0, 1.0]])
    nearest = outlines.nearest(draw(at).flatten(1))
    assert float(nearest.unexplained) < 1e-4
    assert torch.allclose(nearest.factors, at, atol=0.02)


def test_the_bank_is_wider_than_the_data():
    assert outlines._PLACES.min() < POSITIONS[0] < POSITIONS[1] < outlines._PLACES.max()
    assert outlines._SIZES.min() < SIZES[0] < SIZES[1] < outlines._SIZES.max()
    assert shapes.LINES >= 4
