"""Tables of pages as CSV."""

import base64
import csv

import pandas as pd
import pytest

from latentsep.book import csvs


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("<tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr>", [["a", "b"], ["1", "2"]]),
        ("<tr><th rowspan=2>a</th><th>b</th></tr><tr><td>2</td></tr>", [["a", "b"], ["a", "2"]]),
        ("<tr><th colspan='2'>a</th><th>b</th></tr>", [["a", "a", "b"]]),
        ('<tr><td>one, "two"</td><td></td></tr>', [['one, "two"', ""]]),
        ("<tr><td><b>−28.79 ± 0.09</b><br>−28.8&nbsp;✓</td></tr>", [["−28.79 ± 0.09; −28.8 ✓"]]),
        ("", []),
    ],
)
def test_a_table_reads_as_on_the_page(table, rows):
    (text,) = csvs.tables(f"<p><table>{table}</table></p>")
    assert list(csv.reader(text.splitlines())) == rows


def test_a_frame_with_nested_heads_keeps_its_grid():
    index = pd.MultiIndex.from_product([["x", "y"], [1, 2]], names=["kind", "number"])
    frame = pd.DataFrame({("a", "mean"): range(4), ("a", "std"): range(4)}, index=index)
    (text,) = csvs.tables(frame.to_html())
    rows = list(csv.reader(text.splitlines()))
    assert {len(row) for row in rows} == {4}
    assert [row[0] for row in rows[-4:]] == ["x", "x", "y", "y"]


def test_an_address_holds_the_text():
    kind, _, content = csvs.address("φ,1\r\n").partition(",")
    assert kind == "data:text/csv;charset=utf-8;base64"
    assert base64.b64decode(content).decode() == "φ,1\r\n"
