"""An object to be turned: every picture is in the page once, in order, with a still twin."""

import base64
import io

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from latentsep import figures
from latentsep.data import coil

#: Frames that differ in their brightness: one of them after the other.
PICTURES = np.linspace(20, 235, 20).astype(np.uint8)[:, None, None] * np.ones((1, 32, 16), np.uint8)


def shown(pictures: np.ndarray = PICTURES, alt: str = "A duck.") -> BeautifulSoup:
    return BeautifulSoup(figures.spin(pictures, alt).html(), "html.parser")


def test_the_sheet_holds_every_picture_once_in_reading_order():
    data = figures.spin(PICTURES, "A duck.").data
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["sheet"]))))
    assert sheet.shape[:2] == (3 * 32, 9 * 16)
    for frame, image in enumerate(PICTURES):
        row, column = divmod(frame, 9)
        found = sheet[32 * row : 32 * row + 32, 16 * column : 16 * column + 16]
        assert abs(found.mean() - image.mean()) < 3  # frames are about 11 apart
    assert sheet[64:, 3 * 16 :].max() < 8


@pytest.mark.parametrize("count", [2, 9, 10])
def test_the_page_knows_how_many_pictures_there_are(count):
    page = shown(PICTURES[:count])
    assert page.find("input")["max"] == str(count - 1)
    data = figures.spin(PICTURES[:count], "A duck.").data
    assert (data["count"], data["columns"], data["ratio"]) == (count, min(count, 9), "16 / 32")


def test_pictures_from_0_to_1_are_the_same_as_bytes():
    assert shown(PICTURES / 255) == shown()


def test_the_text_for_those_who_do_not_see_is_there_twice():
    page = shown(alt='A "duck" & <more>')
    assert [page.img["alt"], page.find(class_="live-only")["aria-label"]] == ['A "duck" & <more>'] * 2


def test_without_scripts_some_views_are_shown():
    still = figures.spin(PICTURES, "A duck.").still
    panels = still.figure.axes
    assert [ax.get_xlabel() for ax in panels] == ["0°", "36°", "90°", "126°", "180°", "216°", "270°", "306°"]
    for ax, frame in zip(panels, (0, 2, 5, 7, 10, 12, 15, 17), strict=True):
        np.testing.assert_allclose(ax.images[0].get_array(), PICTURES[frame] / 255)


@pytest.mark.parametrize("pictures", [PICTURES[:1], PICTURES[0], PICTURES[..., None]])
def test_what_is_no_turn_is_refused(pictures):
    with pytest.raises(ValueError, match=r"^pictures has shape \(.*\); choose \(frames, H, W\) with 2 frames or more$"):
        figures.spin(pictures, "A duck.")


def test_a_substitute_must_be_announced():
    assert coil.Objects(PICTURES[None], "cache").notice is None
    notice = coil.Objects(PICTURES[None].repeat(3, 0), "substitute").notice
    assert notice.startswith(":::{warning}\n")
    assert notice.endswith("\n:::")
    assert "3 objects that this book renders itself" in notice
