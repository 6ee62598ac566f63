"""The report counts what the ledger has, and lists what was trained."""

import json

from bs4 import BeautifulSoup

from latentsep.ledger import errata, report
from latentsep.runtime import paths


def statement(item: str, verdict: str, **more: object) -> dict:
    return {"id": item, "verdict": verdict, "title": f"title of {item}", "why": "1 < 2", "anchor": "a", **more}


def value(quantity: str, verdict: str, variant: str = "published") -> dict:
    return statement(f"table-5.1/x1/sx1/{quantity}", verdict, variant=variant, profile="book", ours={})


ENTRIES = [
    statement("eq-3.3", "reproduced"),
    statement("eq-2.12", "thesis-invalid"),
    statement("thm-3", "thesis-invalid"),
    statement("table-9.1", "reproduced"),  # a table without values is a statement
    statement("fig-10.3", "differs", data="a substitute"),
    value("mse", "reproduced"),
    value("kl", "uninformative"),
    value("neg_elbo", "better"),
    value("reconstruction", "differs"),
    value("mse", "reproduced", "corrected"),
    value("kl", "differs", "corrected"),
    statement("claim-C.1", "holds"),
    statement("claim-C.4", "holds if"),
    statement("claim-M.1", "does not hold"),
    statement("text-C.1", "differs"),
]
RECORDS = {
    "run-b": {"compute": "fit", "summary": "S¹ & 3 members", "seeds": [0, 3], "chapters": ["05-a", "07-b"]},
    "run-a": {"compute": "fit", "summary": "R²", "seeds": [], "chapters": ["07-b"]},
    "examination-a": {"compute": "examine", "summary": "examination", "seeds": [0], "chapters": ["07-b"]},
}


def test_every_entry_is_counted_where_it_belongs():
    found = report.outcome(ENTRIES, RECORDS)
    assert found.profile == "book"
    assert (found.statements, found.statements_hold) == (5, 2)
    assert (found.statements_corrected, found.statements_differ) == (2, 1)
    assert (found.values, found.values_agree, found.values_better, found.values_differ) == (4, 2, 1, 1)
    assert (found.others, found.others_agree, found.values_impossible) == (2, 1, 0)
    assert (found.claims, found.claims_hold, found.claims_partly, found.claims_fail) == (3, 1, 1, 1)
    assert (found.substitutes, found.trainings) == (1, 2)
    assert found.errors == len(errata.errata("thesis"))


def test_parts_make_up_the_whole():
    found = report.outcome(ENTRIES, RECORDS)
    assert found.statements == found.statements_hold + found.statements_corrected + found.statements_differ
    assert found.values == (found.values_agree + found.values_better + found.values_differ + found.values_impossible)
    assert found.claims == found.claims_hold + found.claims_partly + found.claims_fail


def test_only_statements_of_the_thesis_that_differ_are_listed():
    rows = BeautifulSoup(report.differing(ENTRIES), "html.parser").select("tbody tr")
    assert [row.find("a").get_text() for row in rows] == ["fig-10.3"]
    assert "1 < 2" in rows[0].get_text()


def test_models_are_what_was_trained_by_chapter():
    rows = BeautifulSoup(report.models(RECORDS), "html.parser").select("tbody tr")
    assert [row.find("code").get_text() for row in rows] == ["run-b", "run-a"]
    assert [a["href"] for a in rows[0].find_all("a")] == ["05-a.html", "07-b.html"]
    assert "S¹ & 3 members" in rows[0].get_text()


def test_before_a_build_there_are_no_models(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    assert report.read_records() == {}
    paths.build().mkdir()
    paths.read_records().write_text(json.dumps(RECORDS))
    assert report.read_records() == RECORDS
