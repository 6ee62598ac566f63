"""Whatever lies in a folder: what is a picture becomes one, and everything else is told."""

import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from latentsep.data import folders, images
from latentsep.data.folders import Folder
from latentsep.runtime.paths import UsageError

RAMP = np.add.outer(10 * np.arange(12), 5 * np.arange(20)).astype(np.uint8)
GREY = np.repeat(RAMP[None, :, 4:16], 3, 0)  # its middle, in three channels


def noise(seed: int, side: int = 20) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8))


def at(where, side: int = 12) -> tuple[Folder, np.ndarray, list[str]]:
    """A folder, its pictures, and the names of those that could be read."""
    folder = Folder.at(where, side)
    pixels, kept = folders.pictures(folder)
    return folder, pixels, [folder.files[i] for i in kept]


# What there is


def test_pictures_are_found_in_all_folders_whatever_they_are_called(tmp_path):
    names = ["a.png", "B.JPG", "dogs/c d.jpeg", "dogs/ñandú/漢字.webp", "cats/e.BMP", "cats/f.png"]
    for i, name in enumerate(names):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        noise(i).save(tmp_path / name)
    for other in ("notes.txt", ".hidden.png", "cats/._f.png", "a.gif"):
        (tmp_path / other).write_bytes(b"no")
    folder, pixels, kept = at(tmp_path)
    assert list(folder.files) == sorted(names) == kept
    assert pixels.shape == (6, 3, 12, 12)
    labels, found = folders.labels(folder, np.arange(6))
    assert found == ["", "cats", "dogs"]
    assert [found[i] for i in labels] == ["", "", "cats", "cats", "dogs", "dogs"]


def test_one_picture_is_cut_to_its_middle(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "a.png")
    _, pixels, _ = at(tmp_path)
    np.testing.assert_array_equal(pixels[0], GREY)


def test_nothing_is_stretched(tmp_path):
    """A circle stays one."""
    y, x = np.mgrid[:100, :160]
    Image.fromarray(np.where((y - 50) ** 2 + (x - 80) ** 2 < 30**2, 0, 255).astype(np.uint8)).save(tmp_path / "a.png")
    _, pixels, _ = at(tmp_path, 50)
    dark = pixels[0, 0] < 128
    assert dark.any(0).sum() == dark.any(1).sum() == pytest.approx(30, abs=1)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_png_is_read(mode, tmp_path):
    picture = Image.fromarray(RAMP.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(RAMP).convert(mode)
    picture.save(tmp_path / "a.png")
    _, pixels, _ = at(tmp_path)
    if mode == "1":
        assert set(np.unique(pixels)) <= {0, 255}
    else:
        np.testing.assert_allclose(pixels[0], GREY, atol=1)


def test_printers_colours_are_read(tmp_path):
    Image.fromarray(RAMP).convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    _, pixels, _ = at(tmp_path)
    np.testing.assert_allclose(pixels[0].astype(float), GREY, atol=4)


def test_what_is_transparent_is_white(tmp_path):
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(tmp_path / "a.png")
    hidden = Image.new("RGB", (20, 20), (0, 0, 255)).quantize(4)
    hidden.save(tmp_path / "b.png", transparency=hidden.getpixel((5, 5)))
    _, pixels, _ = at(tmp_path)
    assert (pixels == 255).all()


def test_a_photograph_taken_sideways_is_put_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RAMP).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png", exif=exif)
    _, pixels, _ = at(tmp_path)
    np.testing.assert_array_equal(pixels[0], GREY)


def test_a_large_jpeg_is_decoded_at_a_fraction_and_looks_the_same(tmp_path):
    y, x = np.mgrid[:1200, :1600]
    smooth = np.stack([127 + 100 * np.sin(x / 300), 127 + 100 * np.cos(y / 200), x / 8], -1).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    Image.fromarray(smooth).save(tmp_path / "b.png")
    _, pixels, _ = at(tmp_path, 32)
    np.testing.assert_allclose(pixels[0].astype(float), pixels[1], atol=6)


def test_links_are_followed_but_not_around(tmp_path):
    inside, outside = tmp_path / "pictures", tmp_path / "elsewhere"
    (inside / "deep").mkdir(parents=True)
    outside.mkdir()
    noise(0).save(inside / "deep" / "a.png")
    noise(1).save(outside / "b.png")
    (inside / "deep" / "around").symlink_to(inside)
    (inside / "linked").symlink_to(outside)
    (inside / "c.png").symlink_to(inside / "d.png")
    (inside / "d.png").symlink_to(inside / "c.png")
    _, _, kept = at(inside)
    assert kept == ["deep/a.png", "linked/b.png"]


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    noise(0).save(tmp_path / "b.png")
    assert Folder.at(tmp_path).files == ("b.png",)


# What is wrong


def test_an_empty_folder_is_told_in_a_line(tmp_path):
    with pytest.raises(UsageError) as caught:
        Folder.at(tmp_path)
    kinds = "jpg, jpeg, png, webp, bmp"
    assert str(caught.value) == f"pictures is {str(tmp_path)!r}, which has none; choose a folder with files of {kinds}"


@pytest.mark.parametrize("name", ["missing", "a.png"])
def test_what_is_no_folder_is_told_in_a_line(name, tmp_path):
    noise(0).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match=r"^pictures is '.*'; choose a folder that exists$"):
        Folder.at(tmp_path / name)


@pytest.mark.parametrize("side", [1, 0, 2.0, "64", None])
def test_a_side_that_is_none_is_told_in_a_line(side, tmp_path):
    with pytest.raises(UsageError, match=r"^side is .*; choose a whole number of 2 or more$"):
        Folder.at(tmp_path, side)


def huge(side: int) -> bytes:
    """A PNG whose head says that it has so many pixels, and which has none."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_damaged_files_are_left_out_and_told_by_name(tmp_path, said):
    noise(0, 200).save(tmp_path / "whole.jpg")
    (tmp_path / "half.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:3000])
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "huge.png").write_bytes(huge(30_000))
    (tmp_path / "large.png").write_bytes(huge(10_001))
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    _, pixels, kept = at(tmp_path)
    assert kept == ["whole.jpg"]
    assert len(pixels) == 1
    for line in (
        "half.jpg is left out: it is damaged",
        "text.jpg is left out: it is no picture",
        "empty.png is left out: it is no picture",
        "huge.png is left out: it has too many pixels",
        "large.png is left out: it has 10,001 × 10,001 pixels, too many",
        "gone.png is left out: it is damaged",
    ):
        assert line in said()


def test_a_file_that_may_not_be_read_is_left_out(tmp_path, monkeypatch, said):
    for name in ("a.png", "b.png"):
        noise(0).save(tmp_path / name)
    opening = Image.open

    def refused(file, *rest, **options):
        if str(file).endswith("a.png"):
            raise PermissionError(13, "Permission denied", str(file))
        return opening(file, *rest, **options)

    monkeypatch.setattr(images.Image, "open", refused)
    assert at(tmp_path)[2] == ["b.png"]
    assert "a.png is left out: it may not be read" in said()


def test_many_damaged_files_are_counted(tmp_path, monkeypatch, said):
    monkeypatch.setattr(folders, "TOLD", 2)
    for i in range(5):
        (tmp_path / f"{i}.png").write_text("no")
    noise(0).save(tmp_path / "good.png")
    at(tmp_path)
    assert said() == [
        "0.png is left out: it is no picture",
        "1.png is left out: it is no picture",
        "3 more files are left out",
    ]


def test_a_folder_of_which_nothing_can_be_read_is_told_in_a_line(tmp_path):
    (tmp_path / "a.png").write_text("no")
    with pytest.raises(UsageError, match=r"^pictures is '.*', where none of 1 files can be read$"):
        at(tmp_path)


# What is kept


def test_decoded_pictures_are_kept_wherever_the_folder_is(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    for where in (first, second):
        where.mkdir()
        noise(0).save(where / "a.png")
    _, pixels, _ = at(first)
    monkeypatch.setattr(folders, "_decoded", None)
    np.testing.assert_array_equal(at(second)[1], pixels)


@pytest.mark.parametrize("change", ["content", "name", "side"])
def test_another_picture_is_decoded_anew(change, tmp_path):
    noise(0).save(tmp_path / "a.png")
    before = folders.job(Folder.at(tmp_path, 12))
    if change == "content":
        noise(1).save(tmp_path / "a.png")
    elif change == "name":
        (tmp_path / "a.png").rename(tmp_path / "b.png")
    after = folders.job(Folder.at(tmp_path, 13 if change == "side" else 12))
    assert after.path != before.path


MANY = """
import resource, sys
from latentsep.data import folders
folder = folders.Folder.at(sys.argv[1], 16)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pixels, kept = folders.pictures(folder)
print(len(kept), pixels.nbytes // 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_ten_thousand_pictures_take_no_more_memory_than_they_become(tmp_path):
    where = tmp_path / "many"
    where.mkdir()
    for i in range(10):
        noise(i, 160).save(where / f"0{i}.jpg")
    for i in range(10, 10_000):
        os.link(where / f"0{i % 10}.jpg", where / f"{i}.jpg")
    environment = {**os.environ, "LATENTSEP_RECORDS": str(tmp_path / "records")}
    command = [sys.executable, "-c", MANY, str(where)]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    count, become, grown = map(int, said.split())
    assert count == 10_000
    # Decoded at full size they are 768 MB. A record is written from memory, where it is a few times.
    assert become == 7500
    assert grown < 6 * become + 20_000
