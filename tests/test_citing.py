"""The citation file holds to its format, says what the rest of the project says, and becomes BibTeX."""

import copy
import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
from pybtex.database import parse_string

from latentsep.ledger import citing, sources
from latentsep.runtime import paths

SCHEMA = json.loads((Path(__file__).parent / "cff-1.2.0.json").read_text())


def test_the_citation_file_is_valid():
    jsonschema.validate(citing.read(), SCHEMA)


@pytest.mark.parametrize(
    "change", [{"date-released": "1 December"}, {"license": "ours"}, {"authors": []}, {"who": "we"}]
)
def test_what_breaks_the_format_is_found(change):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**citing.read(), **change}, SCHEMA)


def test_it_names_every_source_and_the_version_of_the_package():
    citation = citing.read()
    assert [r["title"] for r in citation["references"]] == [source.title for source in sources.every().values()]
    package = tomllib.loads((paths.root() / "pyproject.toml").read_text())["project"]
    assert (citation["version"], citation["license"]) == (package["version"], package["license"])


def test_bibtex_has_an_entry_for_each_work():
    found = parse_string(citing.bibtex(citing.read()), "bibtex").entries
    assert list(found) == ["latentsep", *sources.every()]
    assert found["latentsep"].fields["version"] == citing.read()["version"]
    assert found["latentsep"].fields["year"] == citing.read()["date-released"][:4]
    assert found["thesis"].type == "mastersthesis"
    assert found["shapes"].fields["institution"] == "Victoria University of Wellington"


def test_names_of_people_and_odd_letters_survive():
    citation = copy.deepcopy(citing.read())
    citation["authors"] = [{"family-names": "Pérez & Co", "given-names": "Ana"}, {"name": "100 % us"}]
    entry = parse_string(citing.bibtex(citation), "bibtex").entries["latentsep"]
    first, second = entry.persons["author"]
    assert (first.last_names, first.first_names) == (["Pérez", "\\&", "Co"], ["Ana"])
    assert str(second) == "{100 \\% us}"


def test_a_page_of_it_is_stale_when_it_changes(tmp_path, monkeypatch):
    (tmp_path / "CITATION.cff").write_text("title: one")
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    before = citing.at_hand()
    (tmp_path / "CITATION.cff").write_text("title: two")
    assert citing.at_hand() != before
