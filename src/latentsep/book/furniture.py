"""What the theme puts around a chapter, mended: scripts that no page of this book needs, and what they get wrong."""

import re
from pathlib import Path

_SCRIPT = r"[ \t]*<script\b[^>]*\bsrc=\"[^\"]*{}(?:\?[^\"]*)?\"[^>]*></script>\n?"
# Styles have each icon as a letter of a font, too; the script, which draws them anew, weighs more than MathJax.
_ICONS = re.compile(_SCRIPT.format(r"scripts/fontawesome\.js"))
# Thebe would run code on somebody's server: nothing here starts it, and its settings come twice, which is an error.
_THEBE = re.compile(
    r"[ \t]*<script>const THEBE_JS_URL\b.*?</script>\n?"
    + "|"
    + _SCRIPT.format(r"sphinx-thebe\.js")
    + r"|[ \t]*<link\b[^>]*\bhref=\"[^\"]*sphinx-thebe\.css(?:\?[^\"]*)?\"[^>]*/?>\n?"
)
# Only the page of results searches; the index grows with the book.
_SEARCH = re.compile("|".join(_SCRIPT.format(name) for name in (r"searchtools\.js", r"language_data\.js", "index.js")))
# From a folder, browsers let no script read the pages that were found, which would be an error for each.
_OPTIONS = re.compile(r'(<script src="[^"]*documentation_options\.js[^"]*"></script>)')
_NO_SUMMARY = '<script>if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;</script>'
# Formulas are as wide as they are before anything is shown: otherwise the text would move when they are set.
_FORMULAS = re.compile(r'(<script defer="defer") (src="[^"]*mathjax/)')
# Labels that hide the words which they stand beside: who says "Search" or "Show code cell source" is not understood.
_LABELS = (
    re.compile(r'(<button class="btn search-button-field\b[^>]*) aria-label="Search"'),
    re.compile(r'(<summary\b[^>]*) aria-label="Toggle hidden content"'),
)
# A list of citations has items; what docutils calls them is no item of a list any more.
_CITATION = re.compile(r'(<div class="citation"[^>]*) role="doc-biblioentry"')


def mend(html: Path) -> None:
    """Do this to all pages of a rendered book."""
    for page in sorted(path for path in html.rglob("*.html") if "_static" not in path.parts):
        before = page.read_text()
        if (after := mended(before, searches=page.name == "search.html")) != before:
            page.write_text(after)


def mended(page: str, searches: bool = False) -> str:
    """A page without what it does not need; one that ``searches`` keeps the index.

    >>> mended('<script src="../searchindex.js"></script>')
    ''
    >>> mended('<script src="../searchindex.js"></script>', searches=True)
    '<script src="../searchindex.js"></script>'
    """
    for unneeded in (_ICONS, _THEBE) if searches else (_ICONS, _THEBE, _SEARCH):
        page = unneeded.sub("", page)
    if searches and _NO_SUMMARY not in page:
        page = _OPTIONS.sub(lambda match: match[0] + _NO_SUMMARY, page)
    page = _FORMULAS.sub(r'\1 blocking="render" \2', page)
    page = _CITATION.sub(r'\1 role="listitem"', page)
    for label in _LABELS:
        page = label.sub(r"\1", page)
    return page
