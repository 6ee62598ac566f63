"""Networks in a page compute what the package computes, and what a figure loads is not much."""

import re

import pytest

from browser import explorers
from browser.book import pages
from latentsep.runtime import paths

# Kinds that hold their own numbers against the build's.
_TOLD = {"codes", "walk", "heat", "torus", "ring", "mapped", "decoded"}
_MOST = 400_000  # bytes that a figure may load, scripts and data together


@pytest.mark.parametrize("explorer", [e for e in explorers.found() if e.kind in _TOLD], ids=str)
def test_a_page_computes_as_the_package_does(visit, explorer):
    page = visit(pages()[explorer.page]).page
    page.locator(f"#{explorer.name}").scroll_into_view_if_needed()
    page.wait_for_function(f"document.getElementById('{explorer.name}').difference !== undefined")
    assert page.evaluate(f"document.getElementById('{explorer.name}').difference") < 1e-4


def test_there_are_figures_with_networks():
    assert {e.kind for e in explorers.found()} >= _TOLD


@pytest.mark.parametrize("explorer", [e for e in explorers.found() if e.kind != "turnable"], ids=str)
def test_a_figure_loads_no_more_than_it_may(explorer):
    text = pages()[explorer.page].read_text()
    begin = text.index(f'id="{explorer.name}"')
    element = text[begin : text.index("</div>\n</div>", begin)] if "</div>\n</div>" in text[begin:] else text[begin:]
    names = set(re.findall(r'(?:data-of|src|href)="\.\./(figures/[\w.-]+)"', element))
    assert len(names) > 2
    assert sum((paths.html() / name).stat().st_size for name in names) < _MOST


@pytest.mark.parametrize("row", range(9))
def test_a_row_of_table_5_1_chooses_its_autoencoder(visit, row):
    page = visit(pages()["05-benchmark-dataset"]).page
    page.locator("#codes").scroll_into_view_if_needed()
    page.wait_for_selector("#codes.live")
    chosen = page.locator("#table-5-1 tbody tr").nth(row)
    chosen.click()
    sigma_x = chosen.locator("td").nth(1).inner_text()
    assert page.locator("#codes output").first.inner_text() == sigma_x
    dataset = re.search(r"[\d.]+", chosen.locator("td").nth(0).inner_text())[0]
    assert page.locator("#codes label:has(input:checked)").inner_text() == dataset
