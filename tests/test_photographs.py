"""Photographs to learn from, of a folder, of LATENTSEP_DATA, or cut from what libraries ship."""

import numpy as np
import pytest
from PIL import Image

from latentsep.data import photographs
from latentsep.runtime.paths import UsageError


def fill(where, count: int, folder: str = "") -> None:
    (where / folder).mkdir(parents=True, exist_ok=True)
    for i in range(count):
        picture = np.random.default_rng(i).integers(0, 256, (20, 30, 3), np.uint8)
        Image.fromarray(picture).save(where / folder / f"{i:02}.png")


def test_a_folder_is_divided_into_learned_and_held_out(tmp_path):
    fill(tmp_path, 30, "cats")
    fill(tmp_path, 20, "dogs")
    (tmp_path / "bad.png").write_text("no")
    found, source = photographs.load(tmp_path, 16)
    assert (source, found.side, found.dimension) == ("a folder named by the reader", 16, 768)
    assert (found.learned, len(found.held_out()[1]), found.left_out) == (40, 10, 1)
    x, labels = found.sample(1)
    assert x.shape == (40, 768)
    assert (float(x.min()), float(x.max())) == (0.0, 1.0)
    assert found.names == ("cats", "dogs")
    assert int(labels.sum() + found.held_out()[1].sum()) == 20
    assert photographs.load(tmp_path, 16)[0] == found
    assert photographs.load(tmp_path, 8)[0] != found


def test_without_a_folder_dogs_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTSEP_DATA", str(tmp_path))
    fill(tmp_path, 50, "Images/n02085620-Chihuahua")
    found, source = photographs.load(side=8)
    assert (source, found.names, len(found.labels)) == ("LATENTSEP_DATA", ("n02085620-Chihuahua",), 50)


def test_without_dogs_squares_are_cut(monkeypatch):
    monkeypatch.delenv("LATENTSEP_DATA", raising=False)
    found, source = photographs.load(side=16)
    assert (source, len(found.labels), found.learned) == ("substitute", 300, 240)
    again, _ = photographs.load(side=16)
    assert again == found
    assert np.array_equal(again.pixels, found.pixels)
    assert len(np.unique(found.pixels, axis=0)) == 300
    assert found.pixels.std() > 30


def test_too_few_are_told_in_a_line(tmp_path):
    fill(tmp_path, 49)
    with pytest.raises(UsageError) as caught:
        photographs.load(tmp_path, 8)
    assert str(caught.value) == f"pictures is {str(tmp_path)!r} with 49; choose a folder with 50 or more"
