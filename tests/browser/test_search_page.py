"""The search finds what a reader asks for first where it belongs, from a folder, without a server."""

import pytest

from browser.book import pages

_FIRST = {
    "Table 5.1": "05-benchmark-dataset.html#table-5-1",
    "(7.5)": "07-diffusion-vae.html#eq-7-5",
    "posterior collapse": "04-baseline.html",
    "Clifford torus": "11-torus.html",
    "winding number": "05-benchmark-dataset.html#qualitative-results",
    "heat kernel": "07-diffusion-vae.html#the-density",
    "evidence floor": "05-benchmark-dataset.html#the-best-value-that-elbo-could-take",
    "COIL-20": "10-circular-datasets.html#objects-observed-from-multiple-angles",
    "rate–distortion": "III-information.html",
    "von Mises": "13-other-distributions.html",
}


@pytest.mark.parametrize("words", _FIRST)
def test_words_are_found_first_where_they_belong(visit, words):
    there = visit(pages()["search"], query=f"?q={words.replace(' ', '+')}")
    first = there.page.locator("#search-results ul.search > li a").first
    first.wait_for()
    assert first.get_attribute("href") == f"book/{_FIRST[words]}"
    first.click()
    anchor = _FIRST[words].partition("#")[2]
    if anchor:
        there.page.locator(f"[id='{anchor}']").wait_for()
    assert not there.problems
