"""The PDF of the built book, printed by another process: here a browser is being driven already."""

import subprocess
import sys

import pypdf

from latentsep.book import chapters, sheets
from latentsep.runtime import paths


def test_the_book_prints_as_one_pdf_with_bookmarks_and_links_within(tmp_path):
    target = tmp_path / "book.pdf"
    subprocess.run([sys.executable, "-m", "latentsep", "pdf", "-o", str(target)], check=True)
    read = pypdf.PdfReader(target)
    titles = {entry.place: entry.title for entry in sheets.assemble(paths.html()).entries}
    assert set(chapters.listed()) <= set(titles)
    marks = [item.title for item in _flat(read.outline)]
    assert marks == list(titles.values())
    assert len(read.pages) > 100
    links = [annotation.get_object() for page in read.pages for annotation in page.get("/Annots", ())]
    outside = [str(link["/A"]["/URI"]) for link in links if "/URI" in link.get("/A", {})]
    assert {address.partition(":")[0] for address in outside} <= {"http", "https", "data", "mailto"}, set(outside)
    inside = [link["/Dest"] for link in links if "/Dest" in link]
    assert len(inside) > len(titles)
    assert set(inside) <= {name.removeprefix("/") for name in read.named_destinations} | set(read.named_destinations)
    # What was chapter 5's first page in the contents is a page that begins with its title.
    number = read.get_destination_page_number(read.named_destinations["/05-benchmark-dataset"])
    assert titles["05-benchmark-dataset"].split()[0] in read.pages[number].extract_text()[:200]


def _flat(outline):
    for item in outline:
        if isinstance(item, list):
            yield from _flat(item)
        else:
            yield item
