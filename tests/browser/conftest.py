"""A browser for each worker, and visits to pages with it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from browser import needs
from browser.visits import Visit, start


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Without a book or a browser one test is left, which says so; a skip for each page would hide other skips."""
    if collection_path.name.startswith("test_") and collection_path.name != "test_needs.py" and needs.missing():
        return True
    return None


def pytest_itemcollected(item: pytest.Item) -> None:
    item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One for all tests here, and gone before others begin: Playwright keeps an event loop running, in which no
    notebook can be executed. That is why its plugin for pytest is not used, whose browser stays to the end."""
    with sync_playwright() as playwright, start(playwright) as browser:
        yield browser


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visit]]:
    """Open a page: ``visit(path, theme="dark", width=390)``; closed after the test."""
    opened: list[Visit] = []

    def open_(path: Path, query: str = "", settle: bool = True, **how) -> Visit:
        opened.append(Visit(chromium, **how))
        opened[-1].open(path, query, settle)
        return opened[-1]

    yield open_
    for one in opened:
        one.close()
