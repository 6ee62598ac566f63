"""Chapter IV: claims on made-up measures, and what the chapter says of photographs, at the smallest size."""

import itertools

import numpy as np
import pandas as pd
import pytest

from latentsep import figures
from latentsep.data import photographs as data
from latentsep.findings import photograph_known, photograph_numbers, photograph_pictures, photograph_tables, photographs
from latentsep.ledger import checks, ledger
from latentsep.ledger.checks.evidence import CLAIMS
from latentsep.ledger.checks.photographs import RUNS, Exhibits
from latentsep.measures.attributes import NAMES as ATTRIBUTES
from latentsep.measures.channels import Normal
from latentsep.measures.exhibition import WAYS
from latentsep.measures.photograph_codes import UNUSUAL
from latentsep.training.photographing import FEWER, named

NAMES = [item.removeprefix("claim-") for item in CLAIMS if ledger.items()[item][0] == "IV"]
ALONE = ("error", "held_error", "held_bits", "held_divergence", "held_noisy", "irregular", "moved", "told", "straight")
ALONE += ("round", "uneven", "uneven_round", "lumps", "pair_knows", "tight", "remade", "uncertain", "sharp")
ALONE += (*(f"knows_{name}" for name in ATTRIBUTES), *(f"unusual_{name}" for name in UNUSUAL))
EVERY = (*RUNS, "plain", "fixed", "Bernoulli", "no augmentation", *map(named, FEWER))


def evidence(**changes) -> Exhibits:
    """Measures that are 1 for all, but for ``changes``: measure to run, or way, to value."""
    alone = pd.DataFrame(list(itertools.product(EVERY, range(3))), columns=["run", "repetition"])
    alone = alone.assign(length=10, **dict.fromkeys(ALONE, 1.0))
    drawn = pd.concat([alone.assign(way=way, distance=1.0, varied=1.0) for way in WAYS], ignore_index=True)
    for measure, values in changes.items():
        for table, (key, value) in itertools.product((alone, drawn), values.items()):
            if measure in table:
                table.loc[(table.run == key) | (table["way"] == key if "way" in table else False), measure] = value
    anchors = pd.DataFrame({"distance": 1.0}, index=["cross-faded", "principal components, between"])
    knows = dict.fromkeys((name for name in ALONE if name.startswith("knows_")), 1.0)
    principal = pd.DataFrame({10: {"error": 1.0, "held_error": 1.2, **knows}}).T
    return Exhibits(
        alone=alone, drawn=drawn, anchors=anchors, principal=principal, rivals={"normal": Normal(np.array([16.0]), 0.0)}
    )


def verdict(claim: str, found: Exhibits) -> str:
    return checks.claimed(found, claim).entries[0]["verdict"]


def of_all(value: float) -> dict[str, float]:
    return dict.fromkeys(EVERY, value)


LOOSER = {"fixed": 0.5, "plain": 2.0, "no augmentation": 2.0}


@pytest.mark.parametrize(
    ("claim", "changes", "wanted"),
    [
        ("D.1", {"varied": {"plain": 0.5}}, "holds"),
        ("D.1", {}, "does not hold"),
        ("D.2", {"distance": {"plain": 2.0}}, "holds"),
        ("D.2", {"distance": {"text": 2.0, "plain": 1.5}}, "holds if"),
        ("D.3", {}, "holds"),
        ("D.3", {"held_divergence": of_all(3.0)}, "does not hold"),
        ("D.4", {}, "holds"),
        ("D.4", {"unusual_blurred": of_all(0.1)}, "holds if"),
        ("D.5", {f"knows_{name}": of_all(1.5) for name in ATTRIBUTES}, "holds"),
        ("D.5", {"knows_warmth": {"text": 1.5}}, "holds if"),
        ("D.6", {"told": of_all(0.6)}, "holds"),
        ("D.6", {}, "does not hold"),
        ("D.7", {"uneven": {"plain": 2.0}, "uneven_round": {"plain": 2.0}}, "holds"),
        ("D.7", {"uneven": {"plain": 2.0}}, "holds if"),
        ("D.8", {"error": of_all(0.5), "held_error": of_all(0.5)}, "holds"),
        ("D.8", {"error": of_all(0.5), "held_error": of_all(2.0)}, "holds if"),
        ("D.9", {}, "holds"),
        ("D.9", {"held_divergence": of_all(11.0)}, "holds if"),
        ("D.10", {"moved": {"plain": 2.0}}, "holds"),
        ("D.11", {"told": of_all(0.6)}, "holds"),
        ("D.12", {"straight": of_all(0.5), "round": of_all(0.5)}, "holds"),
        ("D.12", {}, "does not hold"),
        ("D.13", {}, "holds"),
        ("D.13", {"lumps": of_all(-0.1)}, "holds if"),
        ("D.14", dict.fromkeys(("tight", "held_error", "remade", "straight"), LOOSER), "holds"),
        ("D.14", {"tight": {"fixed": 0.5}, "held_error": {"fixed": 2.0}}, "does not hold"),
        ("D.15", {}, "holds"),
        ("D.15", {"held_error": {named(30): 2.0}}, "holds if"),
        ("D.16", {"held_bits": {"fixed": 2.0, "Bernoulli": 2.0, "logistic": 2.0}}, "holds"),
        ("D.16", {"held_bits": {"fixed": 2.0}}, "holds if"),
        ("D.17", {"sharp": of_all(0.4)}, "holds"),
        ("D.18", {}, "holds"),
        ("D.18", {"uncertain": of_all(-0.4)}, "does not hold"),
    ],
)  # fmt: skip
def test_a_claim_follows_its_measures(claim, changes, wanted):
    assert verdict(claim, evidence(**changes)) == wanted


def test_every_claim_of_the_chapter_is_tried():
    tried = {mark[0] for mark in test_a_claim_follows_its_measures.pytestmark[0].args[1]}
    assert tried == set(NAMES)


def test_what_stands_on_other_pictures_says_so():
    found = Exhibits(**{**vars(evidence()), "substitute": True})
    (entry,) = checks.claimed(found, "D.3").entries
    assert entry["data"] == "substitute"
    assert entry["why"].startswith("on a substitute for photographs of dogs: ")


@pytest.fixture(scope="module")
def study() -> photographs.Study:
    with pytest.MonkeyPatch.context() as context:
        context.delenv("LATENTSEP_DATA", raising=False)
        return photographs.study("smoke", 0, 2)


def test_other_pictures_are_announced(study, monkeypatch):
    assert "squares cut from three photographs" in study.notice
    own = photographs.Study(**{**vars(study), "source": "a folder named by the reader"})
    assert "These are 100 pictures of yours, and every number is theirs" in own.notice
    assert photographs.Study(**{**vars(study), "source": "LATENTSEP_DATA"}).notice is None


def test_sentences_and_tables_have_their_numbers(study):
    parts = (
        photograph_numbers.setting,
        photograph_numbers.learning,
        photograph_numbers.bits,
        photograph_numbers.pictures,
    )
    told = {}
    for part in (*parts, photograph_known.known):
        fields = vars(part(study))
        assert not told.keys() & fields.keys()  # each number has a name of its own on the page
        told |= fields
    assert told["claims"] == told["holding"] + told["partly"] + told["failing"] == len(NAMES)
    assert told["learned"] + told["held"] == 100
    # What is measured on the page twice is the same.
    components = study.evidence.rivals[photographs.COMPONENTS].fewest(study.evidence.mean("held_noisy"))
    assert photograph_tables.rival_bits(study).loc["as it is", photographs.COMPONENTS] == components
    assert list(photograph_tables.few(study).index) == [30, 80]
    assert set(photograph_tables.recipes(study)) == {"its text", "its listing", "here"}
    assert np.nanmin(photograph_tables.distances(study).to_numpy()) > 0


def test_photographs_out_of_focus_have_the_error_that_is_asked_for():
    squares, _ = data.load(side=16)
    held = squares.held_out()[0]
    for error in (5.0, 20.0):
        off = photographs.out_of_focus(held, error) - held
        assert float(off.square().sum(1).mean()) == pytest.approx(error, rel=0.05)
    whole = photographs.out_of_focus(held, 1e6)
    assert float(whole.reshape(len(held), 3, -1).std(2).mean()) < 0.01


def test_rows_of_pictures_are_as_long_as_they_are_said_to_be(study):
    side = study.large.side
    rows = photograph_pictures.first(study, 4) | photograph_pictures.remade(study, 4)
    rows |= photograph_pictures.drawn(study, 4) | photograph_pictures.between(study, 4)
    rows |= photograph_pictures.along(study.shown, 2, 4)
    assert {row.shape for row in rows.values()} == {(4, side, side, 3)}
    assert min(row.min() for row in rows.values()) >= 0
    ends = photograph_pictures.between(study, 5)["pixels"]
    np.testing.assert_array_equal(ends[[0, -1]], photograph_pictures.held(study, 2))


def test_figures_show_what_tables_have(study):
    progress = photograph_tables.progress(study)
    figure = figures.watched(progress, {"error": "e", "divergence": "d", "bits": "b"}).figure
    runs = progress.run.nunique()
    lines = [sum(len(line.get_xdata()) > 1 for line in ax.lines) for ax in figure.axes]
    assert len(figure.axes) == 3
    assert max(lines) <= 2 * runs
    rows = study.evidence.alone
    panel = figures.switched(rows, {"held_error": "e", "sharp": "s"}, "as it is").figure.axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == list(dict.fromkeys(rows.run))
    assert sum(len(line.get_xdata()) for line in panel.lines) == len(rows)
    plane, _, right, *_ = figures.code_map(*photograph_tables.code_map(study)).figure.axes
    assert plane.collections[0].get_offsets().shape == (study.large.learned, 2)
    assert [label.get_text() for label in right.get_yticklabels()] == list(ATTRIBUTES)
