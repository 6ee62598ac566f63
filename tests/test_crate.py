"""The crate beside the pages: it holds to the rules of RO-Crate 1.1, and each rule is one that finds something."""

import copy
import json

import nbformat
import pytest

from latentsep.book import crate, crate_rules
from latentsep.ledger import citing, sources

RECORD = {"type": "Run", "summary": "3 members", "seeds": [0], "code": "0123", "costs": [], "sha256": "a" * 64}


@pytest.fixture
def book(tmp_path):
    """Two pages, one of them of an executed notebook that read a record."""
    for name in ("book/05-small.html", "book/choices.html", "_sources/book/05-small.ipynb"):
        (tmp_path / "html" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "html" / name).write_text("")
    notebook = nbformat.v4.new_notebook()
    notebook.metadata |= {"records": {"run-a": RECORD}, "command": "latentsep run 5 --profile book --html"}
    nbformat.write(notebook, tmp_path / "05-small.ipynb")
    return tmp_path


@pytest.fixture
def written(book):
    crate.write(book / "html", [book / "05-small.ipynb"])
    return json.loads((book / "html" / "ro-crate-metadata.json").read_text())


def entities(content: dict) -> dict[str, dict]:
    return {entity["@id"]: entity for entity in content["@graph"]}


def test_what_is_written_holds_to_the_rules(book, written):
    assert crate_rules.problems(written, book / "html") == []


def test_a_chapter_is_an_action_with_inputs_and_outputs(written):
    found = entities(written)
    action = found["#run-05-small"]
    assert action["@type"] == "CreateAction"
    assert {each["@id"] for each in action["object"]} == {"#record-run-a", "_sources/book/05-small.ipynb"}
    assert (action["result"], action["instrument"]) == ({"@id": "book/05-small.html"}, {"@id": "#latentsep"})
    assert found["#record-run-a"]["sha256"] == RECORD["sha256"]


def test_it_names_sources_bibliography_licence_and_environment(written):
    found = entities(written)
    cited = {each["@id"] for each in found["./"]["citation"]}
    assert {f"#source-{name}" for name in sources.every()} <= cited
    assert "#reference-kingma2014" in cited
    assert found["./"]["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    assert found["./"]["datePublished"] == citing.read()["date-released"]
    assert found["#package-numpy"]["softwareVersion"]
    assert {"@id": "#package-torch"} in found["#latentsep"]["softwareRequirements"]


def test_two_of_one_build_are_alike(book, written):
    before = (book / "html" / "ro-crate-metadata.json").read_bytes()
    crate.write(book / "html", [book / "05-small.ipynb"])
    assert (book / "html" / "ro-crate-metadata.json").read_bytes() == before


def test_a_broken_one_is_not_written(book):
    notebook = nbformat.read(book / "05-small.ipynb", 4)
    notebook.metadata["records"]["run-a"]["sha256"] = "none"
    nbformat.write(notebook, book / "05-small.ipynb")
    with pytest.raises(crate.BrokenCrate, match=r"#record-run-a: sha256 is no SHA-256 checksum"):
        crate.write(book / "html", [book / "05-small.ipynb"])
    assert not (book / "html" / "ro-crate-metadata.json").exists()


@pytest.mark.parametrize(
    ("entity", "key", "value", "problem"),
    [
        ("./", "license", None, "./: no license"),
        ("./", "datePublished", "soon", "datePublished is no date"),
        ("./", "@type", "CreativeWork", "./: is no Dataset"),
        ("./", "hasPart", [], "book/choices.html: is no part of ./"),
        ("ro-crate-metadata.json", "about", {"@id": "#latentsep"}, "is no CreativeWork about ./"),
        ("ro-crate-metadata.json", "conformsTo", {"@id": "https://example.org"}, "does not conform"),
        ("#run-05-small", "instrument", None, "#run-05-small: no instrument"),
        ("#run-05-small", "result", {"@id": "book/06.html"}, "refers to book/06.html, which is not described"),
        ("#run-05-small", "agent", {"@type": "Person", "name": "a"}, "holds more than text and references"),
        ("#python", "@type", None, "#python: no @id or no @type"),
        ("book/choices.html", "@id", "book/other.html", "book/other.html: is not there"),
        ("#python", "@id", "#latentsep", "two entities have one @id"),
    ],
)
def test_each_rule_finds_what_breaks_it(book, written, entity, key, value, problem):
    broken = copy.deepcopy(written)
    entities(broken)[entity][key] = value
    assert any(problem in found for found in crate_rules.problems(broken, book / "html"))


@pytest.mark.parametrize("name", ["./", "ro-crate-metadata.json"])
def test_root_and_descriptor_must_be_there(book, written, name):
    written["@graph"] = [entity for entity in written["@graph"] if entity["@id"] != name]
    assert f"there is no {name}" in crate_rules.problems(written, book / "html")


def test_another_context_is_found(book, written):
    written["@context"] = "https://schema.org"
    assert any("context" in found for found in crate_rules.problems(written, book / "html"))
