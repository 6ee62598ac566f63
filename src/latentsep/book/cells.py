"""Where cells stand in the text of a rendered page: pages are added to, never written anew from a parsed tree."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

_NAME = re.compile(r"tag_(cell-\d+)")


@dataclass
class Found:
    """A cell by its name, where its element starts, and where its output starts and stops, if it has one."""

    name: str
    start: int
    output: slice | None = None


def find(page: str) -> list[Found]:
    """The cells of a page that are tagged with their names, in order.

    >>> page = '<div class="cell tag_cell-3"><div class="cell_output"><div>1</div></div></div>'
    >>> [(cell.name, page[cell.output.start : cell.output.stop]) for cell in find(page)]
    [('cell-3', '<div class="cell_output"><div>1</div></div>')]
    """
    parser = _Parser(page)
    parser.feed(page)
    parser.close()
    return parser.found


class _Parser(HTMLParser):
    def __init__(self, page: str):
        super().__init__(convert_charrefs=False)
        self._lines = [0]
        for line in page.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)
        self._open: list[tuple[str, int]] = []  # what each open <div> is, and where it began
        self.found: list[Found] = []

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag != "div":
            return
        classes = (dict(attributes).get("class") or "").split()
        names = [match[1] for each in classes if (match := _NAME.fullmatch(each))]
        if "cell" in classes and names:
            self.found.append(Found(names[0], self._offset()))
        output = "cell_output" in classes and any(kind == "cell" for kind, _ in self._open)
        kind = "cell" if "cell" in classes and names else "output" if output else ""
        self._open.append((kind, self._offset()))

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self._open:
            kind, start = self._open.pop()
            if kind == "output":
                self.found[-1].output = slice(start, self._offset() + len("</div>"))
