"""Claims are answered by the verdicts of what they rest on, and by nothing else."""

import itertools

import pytest

from latentsep.ledger import conclusions, ledger
from latentsep.ledger.conclusions import ANSWERS, Claim

CLAIM = Claim("All is well.", ("fig-5.4", "thm-3"))


def entries(*verdicts: str) -> list[dict]:
    found = []
    for item, verdict in zip(CLAIM.items, verdicts, strict=False):
        chapter, title = ledger.items()[item]
        anchor = ledger.anchor(item)
        found.append(
            {"id": item, "chapter": chapter, "title": title, "anchor": anchor, "verdict": verdict, "page": "p"}
        )
    return found


@pytest.mark.parametrize(
    ("verdicts", "answer"),
    [
        (("reproduced", "reproduced"), "holds"),
        (("reproduced", "thesis-invalid"), "holds with a correction"),
        (("thesis-invalid", "thesis-invalid"), "holds with a correction"),
        (("reproduced", "differs"), "holds in part"),
        (("thesis-invalid", "differs"), "holds in part"),
        (("differs", "differs"), "does not hold"),
        (("reproduced",), "open"),
        ((), "open"),
    ],
)
def test_the_rule(verdicts, answer):
    assert CLAIM.answer(entries(*verdicts)) == answer
    assert CLAIM.answer(entries(*verdicts)[::-1]) == answer
    # Other entries do not matter, and neither do cells of tables.
    other = {"id": "fig-5.1", "verdict": "differs"}, {"id": "thm-3/cell/mse", "verdict": "differs"}
    assert CLAIM.answer([*other, *entries(*verdicts)]) == answer


def test_every_pair_of_verdicts_has_an_answer():
    found = {CLAIM.answer(entries(*pair)) for pair in itertools.product(ledger.VERDICTS, repeat=2)}
    assert found == set(ANSWERS) - {"open"}


@pytest.mark.parametrize("item", ["fig-99.1", "table-5.1", ""])
def test_a_claim_cannot_rest_on_what_has_no_verdict_of_its_own(item):
    with pytest.raises(ValueError, match=f"^items has '{item}'; choose figures, definitions or equations"):
        Claim("All is well.", ("fig-5.4", item))


def test_a_table_of_claims_links_each_item_and_names_each_answer():
    html = conclusions.table([CLAIM, Claim("So is this.", ("fig-5.4",))], entries("reproduced", "thesis-invalid"))
    assert html.count("<tr>") == 3
    assert html.index("All is well.") < html.index("holds with a correction") < html.index("So is this.")
    assert html.count('href="p#fig-5-4"') == 2
    assert html.count('href="p#thm-3"') == 1


def test_a_claim_that_is_open_names_what_is_missing():
    assert "thm-3" in conclusions.table([CLAIM], entries("reproduced"))
