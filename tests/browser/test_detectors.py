"""That what the pages are tested for would be seen: a page with one fault of each kind."""

import pytest

from browser import layout, paper, weight

_PAGE = "<!doctype html><html lang='en'><title>t</title><body style='margin: 0'><article>{}</article></body></html>"


@pytest.fixture
def fault(visit, tmp_path):
    """Open a page whose article is this."""

    def open_(article: str, **how):
        path = tmp_path / "page.html"
        path.write_text(_PAGE.format(article))
        return visit(path, width=390, **how)

    return open_


def test_what_sticks_out_is_named_and_what_scrolls_is_not(fault):
    there = fault("<p id='wide' style='width: 500px'>wide</p>")
    assert [found for found in layout.sticks_out(there.page) if "#wide reaches from 0 to 500" in found]
    assert "the page is 500 wide, not 390" in layout.sticks_out(there.page)
    there = fault("<div style='overflow-x: auto'><p style='width: 500px'>wide</p></div>")
    assert layout.sticks_out(there.page) == []
    assert len(layout.cut_off(there.page)) == 1


def test_what_is_out_on_the_left_is_named(fault):
    there = fault("<p id='left' style='margin-left: -30px'>left</p>")
    assert [found for found in layout.sticks_out(there.page) if "#left reaches from -30" in found]


@pytest.mark.parametrize("tex", [r"\frac{1}{2}", "$$", r"\(x\)", r"\[x\]", r"\sigma{}"])
def test_raw_tex_is_seen_but_not_in_code(fault, tex):
    assert len(layout.raw(fault(f"<p>{tex}</p>").page)) == 1
    assert layout.raw(fault(f"<pre>{tex}</pre><p hidden>{tex}</p>").page) == []


def test_an_error_of_mathjax_is_seen(fault):
    assert layout.raw(fault("<mjx-merror>no such command</mjx-merror>").page) == ["MathJax: no such command"]


def test_errors_and_requests_to_the_world_are_seen(fault):
    there = fault("<script>console.error('told')</script><script>throw new Error('thrown')</script>")
    assert there.problems == ["console: told", "uncaught: thrown"]
    there = fault("<img src='https://example.org/a.png'>")
    assert "asks for https://example.org/a.png" in there.problems


def test_what_moves_by_itself_is_measured(fault):
    late = (
        "const p = document.createElement('p'); p.style.height = '400px'; document.querySelector('article').prepend(p)"
    )
    there = fault(f"<p style='height: 300px'>text</p><script>setTimeout(() => {{ {late} }}, 300)</script>")
    there.page.wait_for_function("window.shifts.length > 0")
    assert there.shift() > 0.1
    assert fault("<p>text</p>").shift() == 0


def test_a_live_part_on_paper_is_seen(fault):
    there = fault("<div class='interactive' id='f'><img class='still' hidden><p class='live-only'>live</p></div>")
    assert paper.problems(there) == ["on paper: no still twin: #f", "on paper: a live part: #f"]


def test_weight_is_that_of_all_files_but_those_of_explorers(tmp_path):
    page, picture, script = tmp_path / "page.html", tmp_path / "a.png", tmp_path / "figures" / "spin.js"
    script.parent.mkdir()
    for path in (page, picture, script):
        path.write_bytes(bytes(range(256)) * 40)
    page.write_text("<p>text</p>")
    bare = weight.sent(page)
    page = tmp_path / "other.html"
    page.write_text(f"<p>text</p><div class='interactive'>{'data ' * 1000}</div>")
    assert weight.sent(page) == bare
    assert weight.sent(picture) == picture.stat().st_size
    assert weight.without_explorers([page, picture, script]) == [page, picture]
