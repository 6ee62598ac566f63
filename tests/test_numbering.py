"""Pages carry the thesis's numbers: rendered, each is numbered as its file is called."""

import shutil

from bs4 import BeautifulSoup

from latentsep.book import chapters, rendering
from latentsep.runtime import paths

FIGURE = "```{{figure}} x.svg\n:name: fig-{0}-1\n:alt: nothing\nCaption\n```\n"


def test_chapters_are_numbered_and_appendices_lettered_like_their_files(tmp_path):
    """The real table of contents and configuration, with pages that hold nothing but a figure."""
    source = tmp_path / "source"
    (source / "book").mkdir(parents=True)
    shutil.copy(paths.root() / "book" / "references.bib", source / "book")
    shutil.copytree(paths.root() / "book" / "_static", source / "_static")
    (source / "book" / "x.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    labels = {name: name.partition("-")[0].lstrip("0") for name in chapters.listed()}
    numbered = {name: label for name, label in labels.items() if label.isdigit() or label.isupper()}
    for name, label in labels.items():
        figure = FIGURE.format(label) if name in numbered else ""
        (source / "book" / f"{name}.md").write_text(f"# Title\n\nSee {{numref}}`fig-A-1`.\n\n## Section\n\n{figure}")
    root = paths.root()
    rendering.run_jupyter_book(source, tmp_path / "out", root / "_config.yml", root / "_toc.yml", strict=True)

    def rendered(name: str) -> BeautifulSoup:
        page = tmp_path / "out" / "_build" / "html" / "book" / f"{name}.html"
        return BeautifulSoup(page.read_text(), "html.parser")

    assert "A" in numbered.values()
    for name, label in numbered.items():
        page = rendered(name)
        assert page.article.h1.get_text().startswith(f"{label}. Title")
        assert page.article.h2.get_text().startswith(f"{label}.1. Section")
        assert page.find(class_="caption-number").get_text(strip=True) == f"Fig. {label}.1"
        assert "See Fig. A.1." in page.article.get_text()
    sidebar = [a.get_text(strip=True) for a in rendered("ledger").select("nav.bd-links a")]
    assert [f"{label}. Title" for label in numbered.values()] == sidebar[: len(numbered)]
    assert rendered("ledger").article.h1.get_text().startswith("Title")
