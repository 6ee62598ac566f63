"""What a page looks like on paper."""

from browser import layout
from browser.visits import Visit

_WIDTH = 718  # A4 with margins of a centimetre, in CSS pixels
_SWAPPED = """() => [...document.querySelectorAll(".interactive")].flatMap(figure => [
  ...[...figure.querySelectorAll(":scope > .still")].filter(e => !e.checkVisibility()).map(() => "no still twin"),
  ...[...figure.querySelectorAll(":scope > .live-only")].filter(e => e.checkVisibility()).map(() => "a live part"),
].map(what => `${what}: #${figure.id}`))"""


def problems(there: Visit) -> list[str]:
    """Live parts of figures that are printed, still twins that are not, and what is wider than a sheet."""
    there.page.emulate_media(media="print")
    there.resize(_WIDTH)
    found = [*there.page.evaluate(_SWAPPED), *layout.sticks_out(there.page), *layout.cut_off(there.page)]
    return [f"on paper: {one}" for one in found]
