"""Tables of rendered pages as CSV files that lie in the page itself."""

import base64
import csv
import io

from bs4 import BeautifulSoup, Tag


def tables(html: str) -> list[str]:
    """Each table of a piece of a page as CSV, as it reads: what spans rows or columns stands in each of them.

    >>> tables("<table><tr><th colspan=2>a</th></tr><tr><td>−1.5<br>±0.2</td><td>2</td></tr></table>")
    ['a,a\\r\\n−1.5; ±0.2,2\\r\\n']
    """
    return [_text(table) for table in BeautifulSoup(html, "html.parser").find_all("table")]


def address(text: str) -> str:
    """A link that holds a CSV file: it can be saved also where pages are opened as files."""
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(text.encode()).decode()


def _text(table: Tag) -> str:
    rows: list[dict[int, str]] = []
    for number, row in enumerate(table.find_all("tr")):
        while len(rows) <= number:
            rows.append({})
        column = 0
        for field in row.find_all(["th", "td"]):
            while column in rows[number]:  # taken by one that spans from above
                column += 1
            down, right = (int(str(field.get(name) or 1)) for name in ("rowspan", "colspan"))
            for below in range(number, number + down):
                while len(rows) <= below:
                    rows.append({})
                rows[below] |= dict.fromkeys(range(column, column + right), _field(field))
            column += right
    buffer = io.StringIO()
    csv.writer(buffer).writerows([row.get(i, "") for i in range(max(row, default=-1) + 1)] for row in rows)
    return buffer.getvalue()


def _field(field: Tag) -> str:
    for line in field.find_all("br"):
        line.replace_with("; ")
    words = " ".join(field.get_text().split())
    return words.replace(" ; ", "; ")
