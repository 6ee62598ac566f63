"""Every page with scripts off: still twins, contents, tables; nothing waits for a script."""

import pytest

from browser.book import pages
from latentsep.book import chapters

# Parts of interactive figures stay hidden, and a still twin stands in for them.
_PROBLEMS = """() => {
  const article = document.querySelector("article"), seen = e => e.checkVisibility({ visibilityProperty: true });
  const say = (what, found) => found.map(e => `${what}: ${e.id || e.className || e.localName}`);
  const all = selector => [...article.querySelectorAll(selector)];
  const inside = e => e.closest(".live-only, .browser-controls, details:not([open]), noscript");
  return [
    ...say("is of no use without scripts", all(".live-only, .browser-controls").filter(seen)),
    ...say("no still twin", all(".interactive").filter(e => ![...e.querySelectorAll(".still")].some(seen))),
    ...say("hidden", all("table, img, .math, p, pre, .admonition, [hidden]").filter(e => !inside(e) && !seen(e))),
  ];
}"""


@pytest.mark.parametrize("name", [name for name in pages() if name not in ("start", "search")])
def test_a_page_can_be_read_without_scripts(visit, name):
    there = visit(pages()[name], java_script_enabled=False)
    assert there.page.evaluate(_PROBLEMS) == []
    links = there.page.evaluate(
        "[...document.querySelectorAll('.bd-sidebar-primary nav a')].filter(a => a.checkVisibility()).map(a => a.href)"
    )
    reached = {link.partition("#")[0] for link in links}
    missing = {n for n in chapters.listed() if n not in ("index", name) and pages()[n].as_uri() not in reached}
    assert not missing
