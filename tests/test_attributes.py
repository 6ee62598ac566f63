"""What is read off photographs, and off codes."""

import pytest
import torch

from latentsep.measures import attributes


def photographs(count: int, seed: int) -> torch.Tensor:
    return torch.rand(count, 3 * 16 * 16, generator=torch.Generator().manual_seed(seed))


def test_attributes_are_what_they_are_called():
    picture = torch.zeros(3, 16, 16)
    picture[:, 2:-2, 2:-2] = torch.tensor([0.9, 0.6, 0.3])[:, None, None]
    found = dict(zip(attributes.NAMES, attributes.attributes(picture.flatten()[None])[0].tolist(), strict=True))
    inside = 12**2 / 16**2
    assert found["background"] == 0
    assert found["middle"] == pytest.approx(0.6)
    assert found["brightness"] == pytest.approx(0.6 * inside)
    assert found["warmth"] == pytest.approx(0.6 * inside)
    assert found["contrast"] == pytest.approx(0.6 * (inside * (1 - inside)) ** 0.5, rel=0.01)
    assert found["roughness"] == pytest.approx(0.6 * 2 * 12 / (15 * 16))


def test_even_pictures_are_not_rough():
    assert (attributes.roughness(torch.full((3, 768), 0.3)) == 0).all()
    assert float(attributes.roughness(photographs(50, 0)).mean()) == pytest.approx(1 / 3, rel=0.02)


def test_a_code_knows_what_is_in_it_and_nothing_else():
    x, other = photographs(240, 0), photographs(60, 1)
    values, other_values = attributes.attributes(x), attributes.attributes(other)
    whole, nothing = torch.randn(2, 300, 6, generator=torch.Generator().manual_seed(0))
    whole[:240, 0], whole[240:, 0] = values[:, 0], other_values[:, 0]
    known = attributes.known(whole[:240], values, whole[240:], other_values)
    assert known[0] > 0.99
    assert max(attributes.known(nothing[:240], values, nothing[240:], other_values)) < 0.1


def test_pictures_are_told_apart_by_a_number():
    low, high = torch.arange(10.0), torch.arange(10.0, 20.0)
    assert attributes.told_apart(low, high) == 1
    assert attributes.told_apart(high, low) == 0
    assert attributes.told_apart(low, low) == 0.5
