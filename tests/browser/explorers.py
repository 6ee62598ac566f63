"""Interactive figures of the built book: which there are, what a reader reads off them, and how one handles them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import CDPSession, Locator, Page, TimeoutError

from browser.book import pages

_ELEMENT = re.compile(r'<div class="interactive ([\w-]+)" id="([\w-]+)"')
_OUTPUTS = "root => [...root.querySelectorAll('output')].map(o => o.textContent).join(' | ')"
#: A drag, in CSS pixels: far enough for a step of any figure, short enough to stay inside on a phone.
_WAY = (70, 24)

_MOMENT = 20_000  # milliseconds until a figure that was handled counts as dead


@dataclass(frozen=True)
class Kind:
    """What a kind has of its own: how its state is ``read``, what is dragged, what takes arrow keys, what it needs."""

    read: str = _OUTPUTS
    drag: str = ".live-only .handle"
    keys: str = ""
    webgl: bool = False


#: Kinds not named here have exact values in ``output`` elements, and a handle that can be dragged.
KINDS = {
    "mapped": Kind(drag=".live-only .handle:visible"),  # each of three spaces has one, and one is shown
    "decoded": Kind(drag=".live-only .handle, .live-only input[type=range]"),
    "steps": Kind(drag=".live-only input[type=range]"),
    "spin": Kind(drag=".spin-view"),
    "turnable": Kind(
        read="root => JSON.stringify(root.querySelector('.turnable-plot').layout?.scene.camera.eye)",
        drag=".turnable-plot",
        keys=".turnable-plot",
        webgl=True,
    ),
}


@dataclass(frozen=True)
class Explorer:
    """One interactive figure of a page."""

    page: str
    kind: str
    name: str

    @property
    def of(self) -> Kind:
        return KINDS.get(self.kind, Kind())

    def __str__(self) -> str:
        return f"{self.page}-{self.name}"


def found() -> list[Explorer]:
    """All interactive figures, page by page."""
    texts = {name: path.read_text() for name, path in pages().items()}
    return [Explorer(page, *match.groups()) for page, text in texts.items() for match in _ELEMENT.finditer(text)]


def changes(page: Page, explorer: Explorer, act: Callable[[], object]) -> bool:
    """Whether what a reader reads off is another after an act; figures may take a moment to compute."""
    root = page.locator(f"#{explorer.name}")
    before = root.evaluate(explorer.of.read)
    act()
    script = f"before => ({explorer.of.read})(document.getElementById('{explorer.name}')) !== before"
    try:
        page.wait_for_function(script, arg=before, timeout=_MOMENT)
    except TimeoutError:
        return False
    return True


def mouse(page: Page, place: Locator) -> None:
    """Drag from the middle of an element."""
    x, y = _middle(place)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + _WAY[0], y + _WAY[1], steps=6)
    page.mouse.up()


def finger(page: Page, place: Locator) -> None:
    """The same by touch."""
    x, y = _middle(place)
    session = page.context.new_cdp_session(page)
    _touch(session, "touchStart", x, y)
    for step in range(1, 7):
        _touch(session, "touchMove", x + _WAY[0] * step / 6, y)
    _touch(session, "touchEnd")


def _touch(session: CDPSession, kind: str, *at: float) -> None:
    points = [{"x": at[0], "y": at[1]}] if at else []
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def _middle(place: Locator) -> tuple[float, float]:
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
