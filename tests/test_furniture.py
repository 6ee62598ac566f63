"""Pages lose what they do not need, and nothing else."""

from latentsep.book import furniture

_HEAD = """<head>
    <link rel="stylesheet" type="text/css" href="../_static/sphinx-thebe.css?v=4fa983c6" />
    <link rel="stylesheet" type="text/css" href="../_static/latentsep.css?v=45cb75d3" />
  <script defer src="../_static/scripts/fontawesome.js?digest=55c26ed4"></script>
    <script src="../_static/documentation_options.js?v=9eb32ce0"></script>
    <script>const THEBE_JS_URL = "https://example.org"; const thebe_selector = ".cell"</script>
    <script async="async" src="../_static/sphinx-thebe.js?v=c100c467"></script>
    <script>const THEBE_JS_URL = "https://example.org"; const thebe_selector = ".cell"</script>
    <script defer="defer" src="../_static/mathjax/tex-chtml.js"></script>
    <script src="../_static/searchtools.js"></script>
    <script src="../_static/language_data.js"></script>
    <script src="../searchindex.js"></script>
</head>
"""
_ALWAYS = """<head>
    <link rel="stylesheet" type="text/css" href="../_static/latentsep.css?v=45cb75d3" />
    <script src="../_static/documentation_options.js?v=9eb32ce0"></script>
    <script defer="defer" blocking="render" src="../_static/mathjax/tex-chtml.js"></script>
</head>
"""


def test_a_page_keeps_what_it_needs_and_is_mended_once():
    assert furniture.mended(_HEAD) == _ALWAYS
    assert furniture.mended(_ALWAYS) == _ALWAYS


def test_the_page_of_results_keeps_the_index_and_asks_for_no_summaries_from_a_folder():
    mended = furniture.mended(_HEAD, searches=True)
    for name in ("searchtools.js", "language_data.js", "searchindex.js"):
        assert mended.count(name) == 1
    assert mended.count("SHOW_SEARCH_SUMMARY = false") == 1
    assert furniture.mended(mended, searches=True) == mended


def test_names_are_the_words_that_are_seen():
    button = '<button class="btn search-button-field" title="Search" aria-label="Search">Search Ctrl K</button>'
    summary = '<summary aria-label="Toggle hidden content"><span>Show code cell source</span></summary>'
    named = '<button class="btn search-button" aria-label="Search"></button>'
    mended = furniture.mended(button + summary + named)
    assert (
        mended
        == button.replace(' aria-label="Search"', "") + "<summary><span>Show code cell source</span></summary>" + named
    )


def test_citations_are_items_of_their_list():
    item = '<div class="citation" id="id3" role="doc-biblioentry">'
    assert furniture.mended(item) == '<div class="citation" id="id3" role="listitem">'


def test_all_pages_are_mended_but_no_template(tmp_path):
    (tmp_path / "_static").mkdir()
    for name in ("page.html", "search.html", "_static/macros.html"):
        (tmp_path / name).write_text(_HEAD)
    furniture.mend(tmp_path)
    assert (tmp_path / "page.html").read_text() == _ALWAYS
    assert "searchindex" in (tmp_path / "search.html").read_text()
    assert (tmp_path / "_static" / "macros.html").read_text() == _HEAD
