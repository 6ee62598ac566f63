"""Fold-outs below figures and tables: what they say, and that costs stay out of the pages."""

import json

import nbformat
import pytest
from bs4 import BeautifulSoup

from latentsep.book import cells, provenance
from latentsep.runtime import costs, records

RECORD = {
    "type": "Run",
    "summary": "R², 3 members",
    "seeds": [0, 4],
    "code": "0123456789abcdef",
    "costs": ["run-a.json"],
}


@pytest.fixture
def notebook():
    new = nbformat.v4
    made = new.new_notebook(cells=[
        new.new_code_cell("seed = 0"),
        new.new_markdown_cell("words"),
        new.new_code_cell("trained = train(seed)"),
        new.new_code_cell("other = 1"),
        new.new_code_cell("draw(trained)"),
        new.new_code_cell("show(other)"),
    ])  # fmt: skip
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"
    made.cells[2].metadata["records"] = ["run-a"]
    made.cells[3].metadata["tags"] = ["remove-input"]
    made.metadata |= {"records": {"run-a": RECORD}, "command": "latentsep run 5 --profile book --html"}
    return made


PAGE = """<html><head></head><body>
<div class="cell tag_cell-0 docutils container"><div class="cell_input">seed</div></div>
<div class="cell tag_cell-4 tag_hide-input"><div class="cell_input"><div>code</div></div>
<div class="cell_output docutils container"><div><figure id="fig-a"><img alt="a" src="a.svg"></figure></div></div></div>
<p>words</p>
<div class="cell tag_cell-5"><div class="cell_output"><table><tr><td>1</td></tr></table></div></div>
<div class="cell tag_cell-2"><div class="cell_output"><pre>1.5</pre></div></div>
</body></html>"""


@pytest.fixture
def page(notebook):
    return BeautifulSoup(provenance.fold(PAGE, notebook, "05-small"), "html.parser")


def test_a_figure_names_its_records_code_and_command(page):
    fold = page.find(id="cell-4").find_next_sibling("div").find("details")
    said = fold.get_text(" ", strip=True)
    assert "run-a : R², 3 members; seeds 0, 4; code 01234567" in said
    assert "latentsep run 5 --profile book --html" in said
    assert [a["href"] for a in fold.find_all("a")] == ["#cell-4", "#cell-0", "#cell-2"]
    assert not fold.has_attr("open")
    assert fold.find(attrs={"data-costs": "run-a"}).get_text() == ""


def test_links_lead_to_cells(page):
    for link in page.select("details a[href^='#']"):
        assert page.find(id=link["href"][1:])


def test_a_table_has_its_data_and_only_its_own_records(page):
    fold = page.find(id="cell-5").find_next_sibling("div").find("details")
    assert "run-a" not in fold.get_text()
    assert "none; computed with the page" in fold.get_text()
    assert fold.find("a", download=True)["download"] == "05-small-cell-5.csv"
    assert "with what 3 prepared" in " ".join(fold.get_text().split())  # its code is not on the page, so no link


def test_printed_lines_have_no_fold_out(page):
    assert page.find(id="cell-2").find_next_sibling("div").find("details") is None
    assert len(page.find_all("details")) == 2


def test_the_fold_out_stands_behind_the_output_and_nothing_else_moves(notebook):
    folded = provenance.fold(PAGE, notebook, "05-small")
    soup = BeautifulSoup(folded, "html.parser")
    for fold in soup.find_all("details"):
        assert "cell_output" in fold.find_previous_sibling()["class"]
        fold.decompose()
    for anchor in soup.find_all("span", id=True):
        anchor.decompose()
    soup.head.clear()
    assert str(soup) == str(BeautifulSoup(PAGE, "html.parser"))


def test_a_page_without_cells_stays_as_it_is(notebook):
    assert provenance.fold("<html><head></head><p>a</p></html>", notebook, "a") == "<html><head></head><p>a</p></html>"


def test_places_are_found_past_what_looks_like_markup():
    odd = "<script>'<div>'</script>\r\n\x0c<p>\u2028</p>\n"  # of lines that only some count as such
    page = f"{odd}<div class='cell tag_cell-7'><div class='cell_output'>φ</div></div>"
    (found,) = cells.find(page)
    assert page[found.start :].startswith("<div class='cell")
    assert page[found.output.start : found.output.stop] == "<div class='cell_output'>φ</div>"


def test_sphinx_gets_the_names_of_cells(notebook, tmp_path):
    nbformat.write(notebook, tmp_path / "a.ipynb")
    provenance.prepare(tmp_path / "a.ipynb", tmp_path / "b.ipynb")
    prepared = nbformat.read(tmp_path / "b.ipynb", 4)
    assert prepared.cells[3].metadata["tags"] == ["remove-input", "cell-3"]
    assert "records" not in prepared.metadata


def test_costs_are_in_one_file_beside_the_pages(notebook, tmp_path):
    nbformat.write(notebook, tmp_path / "a.ipynb")

    def write() -> str:
        provenance.write_costs(tmp_path, [tmp_path / "a.ipynb"])
        return (tmp_path / "figures" / "costs.js").read_text()

    assert write() == "window.latentsepCosts = {};\n"  # of records that came from elsewhere nothing is known
    with costs.measured(records.folder() / "costs" / "run-a.json", records.folder(), {}):
        pass
    known = json.loads(write().removeprefix("window.latentsepCosts = ").removesuffix(";\n"))
    assert list(known) == ["run-a"]
    seconds, machine = known["run-a"]
    assert seconds < 60
    assert machine.endswith("cores")
