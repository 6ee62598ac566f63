"""Pictures become light, look the same, and are found by the pages that show them."""

import numpy as np
import pytest
from PIL import Image

from latentsep.book.lighten import lighten


@pytest.fixture
def html(tmp_path):
    """A rendered book with a large picture, a small one, one that can be seen through, and a drawing."""
    folder = tmp_path / "_images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    smooth = np.linspace(0, 255, 300)[:, None, None] * np.array([1.0, 0.5, 0.2]) * np.ones((300, 300, 3))
    pixels = np.clip(smooth + rng.normal(0, 2, smooth.shape), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "large.png")
    Image.fromarray(pixels[:20, :20]).save(folder / "small.png")
    Image.fromarray(np.dstack([pixels, pixels[..., 0]])).save(folder / "clear.png")
    (folder / "drawing.svg").write_text(
        '<svg viewBox="0 0 504 446.4"><path d="M 10.123456 -20.999999 L 1.5 2" transform="scale(0.015625)"/></svg>'
    )
    names = ("large.png", "small.png", "clear.png", "drawing.svg")
    (tmp_path / "page.html").write_text("".join(f'<img src="../_images/{name}">' for name in names))
    return tmp_path, pixels


def test_a_large_picture_becomes_light_and_no_pixel_far_from_what_it_was(html):
    folder, pixels = html
    before = (folder / "_images" / "large.png").stat().st_size
    lighten(folder)
    assert not (folder / "_images" / "large.png").exists()
    path = folder / "_images" / "large.webp"
    assert path.stat().st_size < before / 2
    with Image.open(path) as picture:
        difference = np.abs(np.asarray(picture.convert("RGB")).astype(int) - pixels)
    assert 0 < difference.max() <= 16


def test_a_picture_of_many_colours_is_kept_as_photographs_are(html):
    folder, _ = html
    rng = np.random.default_rng(1)
    slopes = np.add.outer(np.linspace(0, 120, 300), np.linspace(0, 120, 300))
    pixels = np.stack([slopes, slopes[::-1], slopes[:, ::-1]], -1) + rng.normal(0, 3, (300, 300, 3))
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    path = folder / "_images" / "large.png"
    Image.fromarray(pixels).save(path)
    before = path.stat().st_size
    lighten(folder)
    assert path.with_suffix(".webp").stat().st_size < before / 3
    with Image.open(path.with_suffix(".webp")) as picture:
        difference = np.asarray(picture.convert("RGB")).astype(float) - pixels
    assert np.sqrt((difference**2).mean()) < 5  # the grain is 3


def test_what_moves_goes_on_moving(html):
    folder, pixels = html
    frames = [Image.fromarray(np.roll(pixels, 40 * k, axis=1)) for k in range(3)]
    path = folder / "_images" / "large.png"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=80)
    before = path.stat().st_size
    lighten(folder)
    with Image.open(path.with_suffix(".webp")) as moving:
        assert moving.n_frames == 3
        moving.seek(1)
        moving.load()
        assert moving.info["duration"] == 80
        difference = np.asarray(moving.convert("RGB")).astype(float) - np.asarray(frames[1])
    assert np.sqrt((difference**2).mean()) < 5
    assert path.with_suffix(".webp").stat().st_size < before / 3


def test_others_stay_and_pages_show_what_is_there(html):
    folder, _ = html
    kept = {name: (folder / "_images" / name).read_bytes() for name in ("small.png", "clear.png")}
    lighten(folder)
    assert {name: (folder / "_images" / name).read_bytes() for name in kept} == kept
    for name in ("large.webp", *kept, "drawing.svg"):
        assert f'"../_images/{name}"' in (folder / "page.html").read_text()
    assert 'd="M 10.12 -20.99 L 1.5 2" transform="scale(0.015625)"' in (folder / "_images" / "drawing.svg").read_text()


def test_the_same_pictures_give_the_same_bytes(html):
    folder, pixels = html
    lighten(folder)
    first = (folder / "_images" / "large.webp").read_bytes()
    Image.fromarray(pixels).save(folder / "_images" / "large.png")
    lighten(folder)
    assert (folder / "_images" / "large.webp").read_bytes() == first
