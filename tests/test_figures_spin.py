"""An object to be turned: every picture is in the page once, in order, with a still twin."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from latentsep import figures
from latentsep.data import coil

PICTURES = np.random.default_rng(0).integers(0, 256, (20, 6, 4), dtype=np.uint8)


def shown(pictures: np.ndarray = PICTURES, alt: str = "A duck.") -> str:
    return figures.spin(pictures, alt)._repr_mimebundle_()["text/html"]


def embedded(page: str) -> list[np.ndarray]:
    found = re.findall(r"data:image/png;base64,([\w+/=]+)", page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in found]


def test_the_sheet_holds_every_picture_once_in_reading_order():
    sheet = embedded(shown())[1]
    assert sheet.shape == (3 * 6, 9 * 4)
    for frame, image in enumerate(PICTURES):
        row, column = divmod(frame, 9)
        np.testing.assert_array_equal(sheet[6 * row : 6 * row + 6, 4 * column : 4 * column + 4], image)
    assert (sheet[12:, 2 * 4 :] == 0).all()


@pytest.mark.parametrize("count", [2, 9, 10])
def test_the_page_knows_how_many_pictures_there_are(count):
    page = shown(PICTURES[:count])
    assert f'max="{count - 1}"' in page
    assert f"columns = {min(count, 9)}" in page
    assert "aspect-ratio: 4 / 6" in page
    assert "@" not in re.sub(r"@media|base64,[\w+/=]+", "", page)  # nothing was left to fill in


def test_pictures_from_0_to_1_are_the_same_as_bytes():
    assert shown(PICTURES / 255) == shown()


def test_the_text_for_those_who_do_not_see_is_escaped_and_there_twice():
    page = shown(alt='A "duck" & more')
    assert page.count("A &quot;duck&quot; &amp; more") == 2
    assert '"A "duck' not in page


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
