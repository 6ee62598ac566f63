"""Every page, offline, in either theme, at three widths and on paper. Each is loaded once a theme, to save minutes."""

import pytest

from browser import axe, layout, paper, weight
from browser.book import pages
from browser.visits import WIDTHS, Visit

_MOST = 1_500_000  # bytes that a page may make a reader load, its explorers left out
_STEADY = 0.1  # what may move while a page loads, as the web vitals measure it

_TAB_STOPS = 500  # milliseconds after a resize, by when the theme has given boxes that scroll a stop for the tab key


@pytest.mark.parametrize("name", [name for name in pages() if name != "start"])
def test_a_page_on_a_light_laptop_and_on_paper(visit, name):
    there = visit(pages()[name], theme="light", width=1300)
    found = _moves(there) + layout.raw(there.page) + _heavy(there, name) + _sticks_out(there) + paper.problems(there)
    there.page.emulate_media(media="screen")
    found += _barriers(there, 1300) + there.problems
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", [name for name in pages() if name != "start"])
def test_a_page_on_a_dark_phone(visit, name):
    there = visit(pages()[name], theme="dark", width=390)
    found = _moves(there) + layout.raw(there.page) + _sticks_out(there) + _barriers(there, 390) + there.problems
    assert not found, "\n".join(found)


def test_the_start_leads_to_the_book(visit):
    there = visit(pages()["start"], settle=False)
    there.page.wait_for_url(pages()["index"].as_uri())
    assert not there.problems


def _moves(there: Visit) -> list[str]:
    moved = there.shift()
    return [f"moves by {moved:.3f} while it loads"] if moved >= _STEADY else []


def _sticks_out(there: Visit) -> list[str]:
    found = []
    for width in WIDTHS:
        there.resize(width)
        found += [f"at {width}: {one}" for one in layout.sticks_out(there.page)]
    return found


def _heavy(there: Visit, name: str) -> list[str]:
    sizes = {path: weight.sent(path) for path in weight.without_explorers(there.files)}
    total = sum(sizes.values())
    print(f"weight {total / 1e3:.0f} kB: {name}")
    if total < _MOST:
        return []
    heaviest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:5]
    return [f"{total} bytes: {', '.join(f'{path.name} {sizes[path]}' for path in heaviest)}, ..."]


def _barriers(there: Visit, width: int) -> list[str]:
    there.resize(width)
    there.page.wait_for_timeout(_TAB_STOPS)
    try:
        return axe.barriers(there.page)
    except axe.Unavailable:
        return []  # said once, by the tests of axe
