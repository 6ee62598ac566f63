"""Any picture becomes a grey square, and its shifts are those of (10.1)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.cbook import get_sample_data
from PIL import Image

from latentsep.data import images
from latentsep.runtime.paths import UsageError

#: 12 rows and 20 columns; its central square are columns 4 to 15.
RAMP = np.add.outer(10 * np.arange(12), 5 * np.arange(20)).astype(np.uint8)
SQUARE = RAMP[:, 4:16] / 255


def save(path, picture: Image.Image, **options) -> str:
    picture.save(path, **options)
    return str(path)


def test_without_a_path_it_is_the_photograph_of_matplotlib():
    picture = images.grey()
    assert (picture.shape, picture.dtype) == ((64, 64), np.float64)
    assert 0 <= picture.min() < 0.1 < 0.9 < picture.max() <= 1
    assert picture.std() > 0.2
    steps = images.shifts(picture)
    assert np.abs(steps[1:] - picture).max((1, 2)).min() > 0.1  # no two shifts are alike


def test_of_the_photograph_it_is_the_upper_square(tmp_path):
    """The face is there."""
    with Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False)) as opened:
        width, height = opened.size
        upper = opened.crop((0, 0, width, width)).convert("L")
    assert height > width
    found = images.grey(save(tmp_path / "a.png", upper), 32)
    np.testing.assert_array_equal(images.grey(size=32)[:28], found[:28])  # the last rows look past the cut


@pytest.mark.parametrize("form", ["png", "bmp", "gif", "tiff", "webp", "ppm"])
def test_every_format_is_read_and_cut_to_its_central_square(form, tmp_path):
    picture = Image.fromarray(RAMP)
    options = {"lossless": True} if form == "webp" else {}
    np.testing.assert_array_equal(images.grey(save(tmp_path / f"a.{form}", picture, **options), 12), SQUARE)


def test_a_tall_picture_is_cut_to_its_middle(tmp_path):
    found = images.grey(save(tmp_path / "a.png", Image.fromarray(np.ascontiguousarray(RAMP.T))), 12)
    np.testing.assert_array_equal(found, SQUARE.T)


def test_the_ending_of_the_name_does_not_matter(tmp_path):
    save(tmp_path / "a.png", Image.fromarray(RAMP))
    (tmp_path / "a.png").rename(tmp_path / "picture")
    np.testing.assert_array_equal(images.grey(tmp_path / "picture", 12), SQUARE)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "CMYK", "YCbCr", "F", "I"])
def test_every_mode_becomes_the_same_grey(mode, tmp_path):
    picture = Image.fromarray(RAMP).convert(mode)
    found = images.grey(save(tmp_path / "a.tiff", picture), 12)
    np.testing.assert_allclose(found, SQUARE, atol=1.01 / 255)


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_sixteen_bits_of_grey_are_not_cut_off(form, tmp_path):
    picture = Image.fromarray(RAMP.astype(np.uint16) * 257)
    np.testing.assert_allclose(images.grey(save(tmp_path / f"a.{form}", picture), 12), SQUARE, atol=1.01 / 255)


def test_colours_are_weighed_by_how_bright_they_look(tmp_path):
    colours = [images.grey(save(tmp_path / "a.png", Image.new("RGB", (4, 4), c)), 4) for c in ("red", "lime", "blue")]
    assert sum(colours) == pytest.approx(np.ones((4, 4)), abs=2 / 255)
    assert colours[1].min() > colours[0].max() > colours[2].max()


def test_two_tones_stay_two(tmp_path):
    found = images.grey(save(tmp_path / "a.png", Image.fromarray(RAMP > 100)), 12)
    np.testing.assert_array_equal(found, RAMP[:, 4:16] > 100)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_taken_sideways_is_put_upright(orientation, tmp_path):
    """The camera's note says how to turn what it stored."""
    turns = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"}
    turns |= {6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90"}
    undone = {6: "ROTATE_90", 8: "ROTATE_270"}  # the others are their own opposites
    stored = Image.fromarray(RAMP)
    if orientation > 1:
        stored = stored.transpose(Image.Transpose[undone.get(orientation, turns[orientation])])
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(images.grey(save(tmp_path / "a.png", stored, exif=exif), 12), SQUARE)


@pytest.mark.parametrize("size", [2, 3, 16, 64, 200])
@pytest.mark.parametrize("shape", [(1, 1), (5, 40), (40, 5), (64, 64)])
def test_every_size_becomes_every_size(size, shape, tmp_path):
    path = save(tmp_path / "a.png", Image.fromarray(np.full(shape, 51, np.uint8)))
    np.testing.assert_array_equal(images.grey(path, size), np.full((size, size), 0.2))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.png", b"not a picture"),
        ("empty.png", b""),
        ("half.png", None),
        ("bad.png", b"\x89PNG\r\n\x1a\n" + bytes(40)),
    ],
)
def test_what_is_no_picture_is_refused(name, content, tmp_path):
    if content is None:
        save(tmp_path / "whole.png", Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 50), np.uint8)))
        content = (tmp_path / "whole.png").read_bytes()[:1500]
    (tmp_path / name).write_bytes(content)
    path = str(tmp_path / name)
    with pytest.raises(UsageError) as caught:
        images.grey(path)
    assert str(caught.value) == f"picture is {path!r}, which is damaged or no picture; choose another file"


def test_a_picture_with_a_broken_part_is_refused(tmp_path):
    save(tmp_path / "a.png", Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)))
    whole, refused = (tmp_path / "a.png").read_bytes(), []
    for place in range(8, len(whole), 2):
        for value in (0, 0xEB):
            (tmp_path / "b.png").write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            try:
                images.grey(tmp_path / "b.png", 4)
            except UsageError as error:
                refused.append(str(error))
    assert len(refused) > 50
    assert all(line.startswith("picture is ") and "\n" not in line for line in refused)


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    """A small file that would fill the memory."""
    path = save(tmp_path / "a.png", Image.new("L", (100, 100)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(UsageError, match="damaged or no picture"):
        images.grey(path)


@pytest.mark.parametrize("name", ["missing.png", "."])
def test_what_is_no_file_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        images.grey(name)
    assert str(caught.value) == f"picture is {name!r}; choose a file that exists"


@pytest.mark.parametrize("size", [1, 0, -3, 2.0, "64", None, True])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(UsageError) as caught:
        images.grey(size=size)
    assert str(caught.value) == f"size is {size!r}; choose a whole number of 2 or more"


# Shifts


@pytest.mark.parametrize(("height", "width"), [(3, 7), (4, 4), (1, 5), (2, 1)])
def test_shifts_are_those_of_the_formula(height, width):
    """f_ij(s) = I[i, ((j + s − 1) mod W) + 1], with i and j counted from 1; the print's are the same, one later."""
    picture = np.arange(1.0, height * width + 1).reshape(height, width)
    found = images.shifts(picture)
    assert found.shape == (width, height, width)
    for s in range(width):
        for i in range(1, height + 1):
            for j in range(1, width + 1):
                assert found[s, i - 1, j - 1] == picture[i - 1, (j + s - 1) % width]
                assert found[(s + 1) % width, i - 1, j - 1] == picture[i - 1, ((j + s) % width + 1) - 1]


@given(st.integers(1, 4), st.integers(1, 9), st.integers(0, 99))
def test_shifts_go_around(height, width, seed):
    """Each is the one before it shifted by one, the first follows the last, and no pixel is lost."""
    picture = np.random.default_rng(seed).random((height, width))
    found = images.shifts(picture)
    np.testing.assert_array_equal(found[0], picture)
    for s in range(width):
        np.testing.assert_array_equal(found[(s + 1) % width], np.concatenate([found[s][:, 1:], found[s][:, :1]], 1))
    np.testing.assert_array_equal(np.sort(found, -1), np.sort(np.broadcast_to(picture, found.shape), -1))
