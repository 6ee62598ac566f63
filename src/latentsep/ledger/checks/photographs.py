"""Claims of chapter IV: what a tutorial says of an autoencoder of dogs, as differences that are measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from latentsep.ledger.checks.evidence import Measures, claim
from latentsep.ledger.claims import Measured
from latentsep.measures.channels import Files, Normal
from latentsep.measures.photograph_codes import UNUSUAL
from latentsep.training.photographing import AS_IT_IS, FEWER, named

TOLD = 0.75  # how often nearest neighbours may tell pictures apart: half way from chance to certainty
EXCESS = 0.1  # of the error on learned pictures, that the error on held-out ones may be larger
ALIGNED = 1.0  # bits a number by which a density may differ from the prior
RUNS = (AS_IT_IS, "logistic", "text")  # variational ones that claims are put to
OVER = "training"
DRAWN = {"standard normal codes": "standard", "codes of their own mean and covariance": "fitted"}
FEATURES = ("brightness", "contrast", "warmth", "greenness", "roughness")
COMPONENTS = "principal components"


@dataclass(frozen=True, kw_only=True)
class Exhibits(Measures):
    """What chapter IV has measured.

    ``alone`` and ``drawn`` are those of ``exhibition.table`` with a column ``run``, what is changed of the recipe.
    ``anchors`` has ``distance``, ``told`` and ``sharp`` of pictures that no autoencoder made, by what they are.
    ``principal`` has by length of code what as many principal components do: ``error``, ``held_error`` and
    ``knows_NAME``. ``rivals`` are other ways to write held-out photographs down, by name.
    """

    wanted: ClassVar[str] = "photographs of dogs"
    anchors: pd.DataFrame
    principal: pd.DataFrame
    rivals: Mapping[str, Files | Normal]

    def by(self, measure: str, run: str = AS_IT_IS, way: str | None = None) -> np.ndarray:
        """A measure of a run, one value for each repetition."""
        table = self.alone if way is None else self.drawn[self.drawn.way == way]
        return table[table.run == run].sort_values("repetition")[measure].to_numpy()

    def mean(self, measure: str, run: str = AS_IT_IS, way: str | None = None) -> float:
        """Its mean over repetitions."""
        return float(self.by(measure, run, way).mean())

    def components(self, measure: str, run: str) -> float:
        """What as many principal components do as the run's codes have numbers."""
        return float(self.principal.loc[self.length(run), measure])

    def length(self, run: str) -> int:
        """How many numbers the run's codes have."""
        return int(self.by("length", run)[0])


Difference = Callable[[str], np.ndarray]


def trained(says: str, cases: Mapping[str, Difference], digits: int = 2, more: Sequence[str] = ()) -> Measured:
    """A claim that is measured for each of ``RUNS``, and ``more``, under conditions with a difference each."""
    found = {name: {run: difference(run) for run in (*RUNS, *more)} for name, difference in cases.items()}
    return Measured(says, OVER, found, digits)


@claim("claim-D.1")
def fixed_codes(found: Exhibits) -> Measured:
    def more(way: str) -> Difference:
        return lambda run: found.by("varied", run, way) - found.by("varied", "plain", way)

    says = "mean distance of two drawn pictures over that of two photographs, variational less plain"
    return trained(says, {f"both with {name}": more(way) for name, way in DRAWN.items()})


@claim("claim-D.2")
def not_generative(found: Exhibits) -> Measured:
    def nearer(way: str, other: str) -> Difference:
        return lambda run: found.by("distance", "plain", way) - found.by("distance", run, other)

    says = "Fréchet distance of drawn pictures from photographs, plain less variational"
    cases = {f"both with {name}": nearer(way, way) for name, way in DRAWN.items()}
    return trained(says, cases | {"standard normal codes against a plain one's own": nearer("fitted", "standard")}, 1)


@claim("claim-D.3")
def compresses(found: Exhibits) -> Measured:
    def saved(form: str) -> Difference:
        return lambda run: found.rivals[form].fewest(found.mean("held_noisy", run)) - found.by("held_divergence", run)

    says = "bits of another code that is no further off, less the divergence from the prior, held-out pictures"
    return trained(says, {form: saved(form) for form in found.rivals}, 0)


@claim("claim-D.4")
def anomalies(found: Exhibits) -> Measured:
    def larger(name: str) -> Difference:
        return lambda run: found.by(f"unusual_{name}", run) - 0.5

    says = "how often an unusual picture has a larger squared error than a held-out one, less a half"
    return trained(says, {name: larger(name) for name in UNUSUAL}, more=("plain",))


@claim("claim-D.5")
def features(found: Exhibits) -> Measured:
    def more(run: str) -> dict[str, np.ndarray]:
        each = ((name, f"knows_{name}") for name in FEATURES)
        return {name: found.by(key, run) - found.components(key, run) for name, key in each}

    says = "R² of a linear function of the code, less that of as many principal components"
    return Measured(says, "what it is to know", {run: more(run) for run in (*RUNS, "plain")}, 3)


@claim("claim-D.6")
def mirrors(found: Exhibits) -> Measured:
    def less(way: str) -> Difference:
        return lambda run: TOLD - found.by("told", run, way)

    says = f"{TOLD} less how often nearest neighbours tell drawn pictures from photographs"
    return trained(says, {name: less(way) for name, way in DRAWN.items()})


@claim("claim-D.7")
def transitions(found: Exhibits) -> Measured:
    def evener(measure: str) -> Difference:
        return lambda run: found.by(measure, "plain") - found.by(measure, run)

    says = "longest step over mean step along lines between two held-out pictures, plain less variational"
    return trained(says, {"straight lines": evener("uneven"), "arcs": evener("uneven_round")})


@claim("claim-D.8")
def accurate(found: Exhibits) -> Measured:
    def better(measure: str) -> Difference:
        return lambda run: found.components(measure, run) - found.by(measure, run)

    says = "squared error of as many principal components, less that of the variational autoencoder"
    return trained(says, {"learned": better("error"), "held out": better("held_error")}, 1)


@claim("claim-D.9")
def aligned(found: Exhibits) -> Measured:
    def near(measure: str) -> Difference:
        return lambda run: ALIGNED - found.by(measure, run) / found.length(run)

    says = f"{ALIGNED:g} less the divergence from the prior, bits for each number of the code"
    cases = {"the posterior of each picture, on average": near("held_divergence")}
    cases |= {"all of them together, by mean and covariance": near("irregular")}
    return trained(says, cases)


@claim("claim-D.10")
def continuous(found: Exhibits) -> Measured:
    says = "how far pictures move if codes do by a tenth of their deviation, as a part of their spread: plain less this"
    return trained(says, {"held-out pictures": lambda run: found.by("moved", "plain") - found.by("moved", run)}, 3)


@claim("claim-D.11")
def realistic(found: Exhibits) -> Measured:
    says = f"{TOLD} less how often nearest neighbours tell remade photographs from others"
    return trained(says, {"held-out pictures": lambda run: TOLD - found.by("told", run)}, more=("plain",))


@claim("claim-D.12")
def useful(found: Exhibits) -> Measured:
    def nearer(anchor: str, line: str) -> Difference:
        return lambda run: found.anchors.distance[anchor] - found.by(line, run)

    says = (
        "Fréchet distance of pictures between two photographs from photographs, less that of middles of lines of codes"
    )
    cases = {
        "cross-faded, straight lines": nearer("cross-faded", "straight"),
        "cross-faded, arcs": nearer("cross-faded", "round"),
        "principal components, straight lines": nearer("principal components, between", "straight"),
    }
    return trained(says, cases, 1)


@claim("claim-D.13")
def clusters(found: Exhibits) -> Measured:
    cases: dict[str, Difference] = {
        "nats by which clusters describe them better than one normal density": lambda run: found.by("lumps", run),
        "R² with which they know the brightness": lambda run: found.by("pair_knows", run),
    }
    return trained("the first two principal components of codes, held-out pictures", cases)


@claim("claim-D.14")
def tighter(found: Exhibits) -> Measured:
    def gains(measure: str) -> dict[str, np.ndarray]:
        rows = {}
        for pair in ((AS_IT_IS, "fixed"), (AS_IT_IS, "no augmentation")):
            tight, loose = sorted(pair, key=lambda run: found.mean("tight", run))
            rows[f"{tight} / {loose}"] = found.by(measure, loose) - found.by(measure, tight)
        return rows

    cases = {name: gains(key) for name, key in (("squared error", "held_error"), ("distance of remade ones", "remade"))}
    cases["distance of middles"] = gains("straight")
    return Measured("what looser codes have, less what tighter ones have", "tighter / looser", cases, 1)


@claim("claim-D.15")
def generalises(found: Exhibits) -> Measured:
    def excess(run: str) -> np.ndarray:
        return found.by("held_error", run) / found.by("error", run) - 1

    def linear(run: str) -> float:
        return found.components("held_error", run) / found.components("error", run) - 1

    names = ["no augmentation", *map(named, FEWER)]
    more = [run for run in names if run in set(found.alone.run)]  # of few pictures there are not fewer
    says = "by which part the squared error on held-out pictures exceeds that on learned ones"
    cases: dict[str, Difference] = {f"{EXCESS} less that": lambda run: EXCESS - excess(run)}
    found_there = trained(says, cases, more=more)
    own = {f"that of {COMPONENTS}, less that": {run: linear(run) - excess(run) for run in RUNS}}
    return Measured(says, OVER, {**found_there.cases, **own})


@claim("claim-D.16")
def balanced(found: Exhibits) -> Measured:
    lost = {run: found.by("held_bits", run) - found.by("held_bits") for run in ("fixed", "Bernoulli")}
    says = "bits a channel of held-out pictures, beyond those of a noise that is the best for each batch"
    return Measured(says, "likelihood", {"with the best noise afterwards": lost}, 3)


@claim("claim-D.17")
def less_lucid(found: Exhibits) -> Measured:
    cases: dict[str, Difference] = {
        "remade": lambda run: 1 - found.by("sharp", run),
        "drawn from the prior": lambda run: 1 - found.by("sharp", run, "standard"),
    }
    return trained("1 less how much neighbouring pixels differ, over how much they do in photographs", cases)


@claim("claim-D.18")
def uncertain(found: Exhibits) -> Measured:
    says = "rank correlation of the width of a posterior with the squared error of its picture, held-out pictures"
    return trained(says, {"width of posteriors": lambda run: found.by("uncertain", run)})
