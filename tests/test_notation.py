"""The page of symbols names things that exist, on pages that exist."""

import importlib
import re

import pytest

from latentsep.book import chapters
from latentsep.runtime import paths

TEXT = (paths.root() / "book" / "notation.md").read_text()
NAMES = sorted(set(re.findall(r"`([a-z_]+\.[a-z_]+\.\w[\w.]*)`", TEXT)))


def resolved(name: str) -> object:
    room, module, *rest = name.split(".")
    found = importlib.import_module(f"latentsep.{room}.{module}")
    for part in rest:
        fields = getattr(found, "__dataclass_fields__", {})
        found = fields[part] if part in fields else getattr(found, part)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_that_of_something(name):
    assert resolved(name) is not None


def test_a_name_of_nothing_would_be_noticed():
    with pytest.raises(AttributeError):
        resolved("models.vae.VAE.positive_elbo")


def test_every_row_has_four_cells_and_a_chapter():
    rows = re.findall(r"^\* -(.*(?:\n  - .*)*)", TEXT, re.MULTILINE)
    known = chapters.listed()
    assert len(rows) > 30
    assert len(NAMES) > 30
    for row in rows:
        cells = row.split("\n  - ")
        assert len(cells) == 4, row
        if "symbol" not in cells[0]:
            page = re.fullmatch(r"\{doc\}`\S+ <(\S+)>`", cells[3])
            assert page, row
            assert page[1] in known
