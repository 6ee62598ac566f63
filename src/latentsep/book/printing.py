"""The book as one PDF, printed by Chromium from what ``sheets`` assembles."""

import io
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from latentsep.book import sheets
from latentsep.book.rendering import BuildFailed
from latentsep.runtime import files, paths
from latentsep.runtime.paths import UsageError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FOOT = (
    '<div style="width: 100%; text-align: center; font-size: 8pt; color: #444"><span class="pageNumber"></span></div>'
)


def browser() -> str | None:
    """The Chromium to be driven: the one of ``LATENTSEP_BROWSER``, else the first of its usual names."""
    named = os.environ.get("LATENTSEP_BROWSER")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, BROWSERS)), None)


def pdf(target: Path) -> int:
    """Print the built book; return the number of its pages.

    Raises ``UsageError`` if there is no book, no browser, or what drives it is not installed.
    """
    html = paths.html()
    if not (html / "index.html").exists():
        raise UsageError(f"no book in {html}: build it first (make book)")
    if browser() is None:
        raise UsageError(f"no Chromium to print with; install {BROWSERS[0]} or let LATENTSEP_BROWSER name another")
    try:
        import playwright.sync_api  # noqa: F401
        import pypdf
    except ImportError as error:
        raise UsageError(f"{error.name} is missing: pip install -r requirements.txt") from None
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it counts objects of Chromium's files otherwise than Chromium
    book = sheets.assemble(html)
    with files.temporary(paths.build(), "printing") as scratch, _printer(html, Path(scratch)) as printed:
        first = pypdf.PdfReader(io.BytesIO(printed(book.document())))
        numbers = _numbers(first, book)
        second = pypdf.PdfReader(io.BytesIO(printed(book.document(numbers))))
        if numbers != _numbers(second, book):
            raise BuildFailed("numbers in the contents of the PDF have moved its pages")
        files.write_whole(target, _finished(second, book, numbers), paths.build())
    return len(second.pages)


def _numbers(read: Any, book: sheets.Sheets) -> dict[str, int]:
    """The pages, from 1, of the places in the contents. Raises ``BuildFailed`` if one is not there."""
    found = read.named_destinations
    if lacking := [entry.place for entry in book.entries if f"/{entry.place}" not in found]:
        raise BuildFailed(f"the PDF has no place called {', '.join(lacking)}")
    return {e.place: read.get_destination_page_number(found[f"/{e.place}"]) + 1 for e in book.entries}


def _finished(read: Any, book: sheets.Sheets, numbers: dict[str, int]) -> bytes:
    """A PDF with bookmarks, which Chromium takes from how headings break into lines, and without dates."""
    import pypdf

    writer = pypdf.PdfWriter(clone_from=read)
    above: list[Any] = []
    for entry in book.entries:
        parent = above[entry.depth - 1] if entry.depth else None
        page, top = numbers[entry.place] - 1, entry.depth == 0
        added = writer.add_outline_item(title=entry.title, page_number=page, parent=parent, is_open=top)
        above[entry.depth :] = [added]
    writer.metadata = {"/Title": book.title}
    writer.page_mode = "/UseOutlines"
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


@contextmanager
def _printer(html: Path, folder: Path) -> Iterator[Callable[[str], bytes]]:
    """A function from a document, which comes to lie beside the chapters, to its PDF."""
    from playwright.sync_api import sync_playwright

    (folder / "book").mkdir()
    for name in ("_static", "_images", "figures"):
        if (html / name).exists():
            (folder / name).symlink_to(html / name)
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--allow-file-access-from-files"]
        chromium = playwright.chromium.launch(executable_path=browser(), args=options)
        try:
            page = chromium.new_page()
            page.set_default_timeout(300_000)

            def printed(document: str) -> bytes:
                source = folder / "book" / sheets.PLACE
                source.write_text(document)
                page.goto(source.as_uri())
                page.evaluate("() => MathJax.startup.promise")
                return page.pdf(
                    prefer_css_page_size=True,
                    display_header_footer=True,
                    header_template="<span></span>",
                    footer_template=_FOOT,
                    outline=False,
                    tagged=True,
                    print_background=True,
                )

            yield printed
        finally:
            chromium.close()
