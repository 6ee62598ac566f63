"""Whether axe-core is at hand and sees what it should; ``test_pages.py`` has it look at the book."""

import pytest

from browser import axe


def test_axe_sees_a_barrier(chromium):
    try:
        axe.script()
    except axe.Unavailable as error:
        pytest.skip(str(error))
    page = chromium.new_page()
    page.set_content("<html lang='en'><title>t</title><p style='color: #aaa; background: #fff'>pale</p><img src='x'>")
    found = {barrier.partition(":")[0] for barrier in axe.barriers(page)}
    page.close()
    assert found == {"color-contrast", "image-alt"}
