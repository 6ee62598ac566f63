"""Interactive figures answer: sliders to keys, pictures to the mouse and to a finger; and reset undoes it all."""

import pytest

from browser import explorers
from browser.book import pages
from browser.explorers import Explorer

_FULL = "s => Number(s.value) + Number(s.step || 1) > Number(s.max)"
_ALL = pytest.mark.parametrize("explorer", explorers.found(), ids=str)


def _opened(visit, explorer: Explorer, **how):
    """The page and the figure, alive; None for one that needs WebGL where there is none: its still twin stays."""
    there = visit(pages()[explorer.page], **how)
    page, root = there.page, there.page.locator(f"#{explorer.name}")
    if explorer.of.webgl and not page.evaluate("!!document.createElement('canvas').getContext('webgl')"):
        assert root.locator(".still").is_visible()
        assert not root.locator(".live-only").is_visible()
        return page, None
    root.scroll_into_view_if_needed()  # figures come to life when they are near
    page.wait_for_function(
        "([name, read]) => { const root = document.getElementById(name);"
        " return root.classList.contains('live') && (0, eval)(read)(root) !== undefined; }",
        arg=[explorer.name, explorer.of.read],
    )
    root.locator(".live-only").first.wait_for()  # until there is something in it
    assert not root.locator(".still").is_visible()
    return page, root


def test_there_are_figures_to_be_tried():
    assert {"spin", "turnable"} <= {explorer.kind for explorer in explorers.found()}


@_ALL
def test_a_figure_answers_to_keys_and_the_mouse_and_starts_anew(visit, explorer):
    page, root = _opened(visit, explorer)
    if root is None:
        return
    first = root.evaluate(explorer.of.read)
    for slider in root.locator("input[type=range]").all():
        before = slider.input_value()
        slider.press("ArrowLeft" if slider.evaluate(_FULL) else "ArrowRight")
        assert slider.input_value() != before
        # A page of a slider is a tenth of it: figures show some digits, and may not tell one step from the next.
        key = "PageDown" if slider.evaluate(_FULL) else "PageUp"
        assert explorers.changes(page, explorer, lambda s=slider, k=key: s.press(k))
    if explorer.of.keys:
        place = root.locator(explorer.of.keys)
        for key in ("ArrowLeft", "ArrowUp"):
            assert explorers.changes(page, explorer, lambda k=key: place.press(k)), key
    place = root.locator(explorer.of.drag).first
    if place.count():
        assert explorers.changes(page, explorer, lambda: explorers.mouse(page, place))
    if (reset := root.locator("button.reset")).count():
        assert explorers.changes(page, explorer, reset.click)
        assert root.evaluate(explorer.of.read) == first


@_ALL
def test_a_figure_answers_to_a_finger(visit, explorer):
    page, root = _opened(visit, explorer, width=390, has_touch=True)
    if root is None:
        return
    place = root.locator(explorer.of.drag).first
    assert place.count(), f"nothing can be dragged: {explorer.of.drag}"
    assert explorers.changes(page, explorer, lambda: explorers.finger(page, place))


@pytest.mark.parametrize("explorer", [e for e in explorers.found() if e.of.webgl], ids=str)
def test_without_webgl_the_still_twin_stays(visit, explorer):
    without = "HTMLCanvasElement.prototype.getContext = () => null"
    there = visit(pages()[explorer.page], before=without)
    root = there.page.locator(f"#{explorer.name}")
    assert root.locator(".still").is_visible()
    assert not root.locator(".live-only").is_visible()
