"""Claims: one rule for all, and differences that have the sign the claim gives them."""

import itertools
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentsep.ledger import checks, claims, ledger, reports, sources
from latentsep.ledger.checks.evidence import CLAIMS, Evidence
from latentsep.ledger.claims import Measured
from latentsep.measures.examination import WAYS
from latentsep.training.autoencoding import KINDS, LENGTHS, WIDTHS

LISTED = [item for item in ledger.items() if item.startswith("claim-")]
TEXTS = {
    "concepts": 'title: "Variational AutoEncoder Concepts"',
    "intuitions": "Variational Autoencoders: Intuitions and Math",
    "shapes": "AIML 425 Assignment 3",
    "tutorial": "A DEEP DIVE INTO LATENT REPRESENTATIONS",
}
CLEAR, OPPOSITE, MIXED, WIDE = [1.0, 1.1, 1.2], [-1.0, -1.1, -1.2], [1.0, 2.0, -0.1], [0.1, 1.0, 3.0]


@pytest.mark.parametrize(
    ("row", "verdict", "why"),
    [
        ([CLEAR], "holds", "x: holds at 0"),
        ([OPPOSITE], "does not hold", "x: contradicted at 0"),
        ([MIXED], "does not hold", "x: within the spread at 0"),
        ([WIDE], "does not hold", "x: within the spread at 0"),
        ([[0.0, 0.0, 0.0]], "does not hold", "x: within the spread at 0"),
        ([CLEAR, CLEAR], "holds", "x: holds throughout"),
        ([OPPOSITE, CLEAR, MIXED], "holds if", "x: holds at 1, within the spread at 2, contradicted at 0"),
    ],
)
def test_the_rule(row, verdict, why):
    found = Measured("a less b", "numbers", {"x": dict(enumerate(row))})
    assert (found.verdict, found.why) == (verdict, f"a less b (numbers): {why}")


def test_a_claim_with_several_conditions_holds_only_if_it_does_under_all():
    assert Measured("d", "n", {"x": {1: CLEAR}, "y": {1: CLEAR}}).verdict == "holds"
    assert Measured("d", "n", {"x": {1: CLEAR}, "y": {1: OPPOSITE}}).verdict == "holds if"
    assert Measured("d", "n", {"x": {1: MIXED}, "y": {1: OPPOSITE}}).verdict == "does not hold"


def test_a_claim_without_cases_or_of_no_source_is_refused():
    with pytest.raises(ValueError, match=r"^cases is \{'x': \{\}\}; choose at least one$"):
        Measured("d", "n", {"x": {}})
    with pytest.raises(ValueError, match=r"^item is 'claim-Q.1', which no source lists$"):
        claims.entry("claim-Q.1", Measured("d", "n", {"x": {1: CLEAR}}), "guard")


def test_every_listed_claim_is_measured_and_quoted():
    assert set(CLAIMS) == set(LISTED)
    quoted = [item for source in sources.every().values() for item in source.claims]
    assert sorted(quoted) == sorted(LISTED)


@pytest.mark.parametrize("name", TEXTS)
def test_the_words_of_a_claim_stand_where_it_says(name):
    folder = Path(os.environ.get("LATENTSEP_SOURCES", "no such folder"))
    found = [text for path in sorted(folder.glob("*.txt")) if TEXTS[name] in (text := path.read_text())[:400]]
    if not found:
        pytest.skip("the text is not here; LATENTSEP_SOURCES names the folder that has it")
    lines, source = found[0].split("\n"), sources.every()[name]
    for entry in [*source.claims.values(), *source.slips, *source.errata.values()]:
        assert (entry.get("quote") or entry["fragment"]) in lines[entry["line"] - 1]


def evidence(better: str, by: float = 1.0) -> Evidence:
    """Made-up measures, the same for all kinds but one, whose every number is larger."""
    rng = np.random.default_rng(0)
    measures = (
        "learned",
        "held_out",
        "mended_noise",
        "mended_masking",
        "probe",
        "distances",
        "axes",
        "neighbours",
        "displaced_noise",
        "displaced_masking",
        "irregular",
    )
    lines = [f"{p}_{w}" for p in ("equal", "unequal") for w in ("uneven", "middle_plausible", "ends_plausible")]
    drawn = ("plausible", "coverage", "told", "holes", "precision", "recall", "density", "classes", "nearest")

    def rows(names, ways=(None,)):
        cells = itertools.product(KINDS, LENGTHS, range(3), ways)
        table = pd.DataFrame(cells, columns=["kind", "length", "repetition", "way"])
        return table.assign(**dict.fromkeys(names, 1.0 + by * (table.kind == better)))

    wide = pd.DataFrame(
        itertools.product(("plain", "noise", "masking", "variational", "calibrated"), WIDTHS, range(3)),
        columns=["kind", "width", "repetition"],
    )
    grown = wide.width * (1 + by * (wide.kind == better)) + 1e-3 * rng.random(len(wide))
    wide = wide.assign(learned=1.0, held_out=1 + grown)
    principal = pd.DataFrame({"error": 1.0, "probe": 1.0}, index=LENGTHS)
    return Evidence(alone=rows([*measures, *lines]), drawn=rows(drawn, WAYS), wide=wide, principal=principal)


#: Claims that hold, and that do not, when one kind has larger numbers than all others.
@pytest.mark.parametrize(
    ("better", "holds", "fails"),
    [
        ("plain", "C.1 C.2 C.5 C.8 M.12 M.3 M.4 M.5 M.6 M.7 M.1", "C.3 C.4 C.6 M.8 M.9 M.11"),
        ("variational", "C.3 M.10 M.11 M.3", "C.1 C.2 C.7 M.5"),
        ("noise", "M.3", "M.7 M.10"),
        ("linear", "M.3", "C.10 M.1"),
    ],
)
def test_a_difference_has_the_sign_of_its_claim(better, holds, fails):
    found, names = evidence(better), [item.removeprefix("claim-") for item in LISTED if ledger.items()[item][0] == "I"]
    verdicts = {e["id"].removeprefix("claim-"): e["verdict"] for e in checks.claimed(found, *names).entries}
    assert {n: verdicts[n] for n in holds.split()} == dict.fromkeys(holds.split(), "holds")
    # Of some claims other cases hold.
    assert "holds" not in {verdicts[n] for n in fails.split()}


def test_a_report_shows_the_verdict_and_the_cases():
    report = checks.claimed(evidence("plain"), "C.1", "M.3")
    html = report.html()
    assert [e["id"] for e in report.entries] == ["claim-C.1", "claim-M.3"]
    assert "<b>C.1</b> Pictures change less evenly" in html
    assert 'class="verdict holds"' in html
    assert "<td>against the variational</td><td>✓&nbsp;+1.00 ± 0.00</td>" in html
    assert report.entries[0]["cases"]["against the variational"]["2"] == [1.0, 1.0, 1.0]
    assert report._repr_mimebundle_()[ledger.MIME]["entries"] == report.entries
    assert reports.badge("holds if").startswith('<span class="verdict holds-if"')
