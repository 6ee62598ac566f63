"""Numbers in sentences tell their names and cells, and never those of another number."""

import nbformat
import pytest
from bs4 import BeautifulSoup

from latentsep.book.glued import Glued, tell

new = nbformat.v4


def glue(name: str, text: str) -> nbformat.NotebookNode:
    data = {"application/papermill.record/text/plain": text}
    return new.new_output("display_data", data, metadata={"scrapbook": {"name": name}})


@pytest.fixture
def book():
    captioned = new.new_code_cell("draw()", metadata={"mystnb": {"figure": {"caption": "{glue:text}`b:s`"}}})
    made = new.new_notebook(cells=[
        new.new_markdown_cell("{glue:text}`a:.2f`, `{glue:text}` and {glue:text}`b`"),
        new.new_code_cell("glue(a)", outputs=[glue("a", "3.14159"), glue("b", '"it\'s < y"')]),
        captioned,
    ])  # fmt: skip
    return {"05-a": Glued.of(made), "choices": Glued("{glue:text}`05-a.ipynb::a:.1f` {glue:text}`06-b.ipynb::c:d`")}


def spans(*texts: str) -> str:
    return "<h1>a</h1>" + "\n".join(f'<p><span class="pasted-text">{text}</span></p>' for text in texts)


def titles(page: str) -> list[str | None]:
    return [span.get("title") for span in BeautifulSoup(page, "html.parser").select(".pasted-text")]


def test_numbers_name_their_cells(book):
    page = tell(spans("3.14", "it’s &lt; y", "it’s &lt; y"), "05-a", book)
    assert titles(page) == ["a, from code cell 1", "b, from code cell 1", "b, from code cell 1"]


def test_numbers_of_other_pages_say_so(book):
    assert titles(tell(spans("3.1", "4"), "choices", book)) == ["a, from code cell 1 of 05-a", None]


def test_what_shows_something_else_is_left_alone(book):
    assert titles(tell(spans("3.14", "z", "it’s &lt; y"), "05-a", book)) == [
        *("a, from code cell 1", None, "b, from code cell 1")
    ]


def test_a_page_with_more_or_fewer_numbers_is_left_alone(book):
    page = spans("3.14", "it’s &lt; y")
    assert tell(page, "05-a", book) == page


def test_nothing_but_titles_is_added(book):
    page = spans("3.14", "it’s &lt; y", "it’s &lt; y")
    soup = BeautifulSoup(tell(page, "05-a", book), "html.parser")
    for span in soup.select("[title]"):
        del span["title"]
    assert str(soup) == page
