"""The search index has the items under their names, and is otherwise as Sphinx wrote it."""

import json

import pytest

from latentsep.book import search
from latentsep.ledger import ledger

INDEX = {
    "docnames": ["book/07-circle", "book/09-maps"],
    "indexentries": {"winding": [[0, "w", True]]},
    "terms": {"a": 1},
}
ENTRIES = [
    {"id": "table-9.2/R²/S¹/tolerance", "page": "09-maps.html", "anchor": "table-9-2"},
    {"id": "table-9.2/R²/S¹/tolerance", "page": "09-maps.html", "anchor": "table-9-2-rectified"},
    {"id": "eq-7.5", "page": "07-circle.html", "anchor": "eq-7-5"},
]


def test_items_are_found_by_their_names_where_they_first_stand(tmp_path):
    path = tmp_path / "searchindex.js"
    path.write_text(f"Search.setIndex({json.dumps(INDEX)})")
    search.add_items(tmp_path, ENTRIES)
    head, _, rest = path.read_text().partition("(")
    index = json.loads(rest.removesuffix(")"))
    assert head == "Search.setIndex"
    found = index.pop("indexentries")
    assert found["table 9.2"] == [[1, "table-9-2", True]]
    assert found["(7.5)"] == found["equation 7.5"] == found["eq-7.5"] == [[0, "eq-7-5", True]]
    assert found["winding"] == INDEX["indexentries"]["winding"]
    assert index == {name: value for name, value in INDEX.items() if name != "indexentries"}
    before = path.read_bytes()
    search.add_items(tmp_path, ENTRIES)
    assert path.read_bytes() == before


def test_every_listed_item_has_names():
    for item in ledger.items():
        assert search.names(item)[0] == item.lower()


@pytest.mark.parametrize("text", ["", "Search.setIndex(7)", "Search.setIndex({})"])
def test_an_index_of_another_form_is_refused(tmp_path, text):
    (tmp_path / "searchindex.js").write_text(text)
    with pytest.raises(ValueError, match=r"^searchindex\.js is no search index of Sphinx"):
        search.add_items(tmp_path, ENTRIES)
