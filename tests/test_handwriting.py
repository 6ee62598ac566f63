"""Digits to learn from, wherever MNIST is, and without it."""

import os

import pytest
import torch

from latentsep.data import handwriting


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No data named, and an empty cache."""
    monkeypatch.setenv("LATENTSEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LATENTSEP_DATA", raising=False)


def test_without_mnist_there_are_smaller_digits(nowhere):
    digits, source = handwriting.load(download=False)
    assert (source, digits.side, digits.learned, len(digits.held_out()[1])) == ("substitute", 8, 1438, 359)
    x, labels = digits.sample(1)
    assert (float(x.min()), float(x.max())) == (0.0, 1.0)
    assert torch.bincount(labels).min() > 100
    again, _ = handwriting.load(download=False)
    assert again == digits
    assert torch.equal(again.sample(1)[0], x)


@pytest.mark.skipif("LATENTSEP_DATA" not in os.environ, reason="LATENTSEP_DATA names where MNIST is")
def test_mnist_is_shuffled_and_divided():
    digits, source = handwriting.load(download=False)
    if source == "substitute":
        pytest.skip("LATENTSEP_DATA has no MNIST")
    assert (digits.side, digits.learned, len(digits.held_out()[1])) == (28, 8000, 2000)
    assert digits.labels[:10].tolist() != sorted(digits.labels[:10].tolist())
    for part in (digits.sample(1)[1], digits.held_out()[1]):
        shares = torch.bincount(part).double() / len(part)
        assert shares.min() > 0.07
        assert shares.max() < 0.13


def test_fewer_digits_are_data_of_their_own(nowhere):
    digits, _ = handwriting.load(download=False)
    few = digits.of(50)
    assert (few.learned, len(few.held_out()[1])) == (40, 10)
    assert torch.equal(few.sample(1)[0], digits.sample(1)[0][:40])
    assert torch.equal(few.held_out()[0], digits.sample(1)[0][40:50])
    assert few != digits
    assert digits.of(5_000) is digits
