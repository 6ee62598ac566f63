"""Claims of chapter III: what a report says of autoencoders of drawn shapes, as differences that are measured."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from latentsep.ledger.checks.evidence import Difference, Measures, claim
from latentsep.ledger.claims import Measured
from latentsep.measures.information import KEPT
from latentsep.training.drawing import MIDDLE, WEIGHTS
from latentsep.training.variations import named

GOOD = 0.9  # the part of remade pictures that must be shapes
FEWER = 0.1  # the part of drawn pictures that may be worse than all but one in twenty of remade ones
SMALL = 0.1  # of the spread of codes, within which one has come back; of an error, or of bits, that may be missing
KINDS = ("plain", "variational")
OVER = "numbers in the code"
ONCE = 0.95  # of a factor that forests must know for it to count as encoded


@dataclass(frozen=True, kw_only=True)
class Passing(Measures):
    """What chapter III has measured: by kind and length, and for a middle length by the weight of the divergence.

    ``alone`` and ``drawn`` are those of ``drawings.table``, with the columns of ``information.table`` and, for codes
    that are not too long, of ``meaning.table``. ``connected`` is what real pictures have of it.
    """

    connected: float

    def mean(self, measure: str, kind: str, length: int, way: str | None = None) -> float:
        """The mean of a measure over repetitions."""
        return float(self.of(measure, kind, length, way).mean())

    def by_length(self, difference: Difference, most: int | None = None) -> dict[int, np.ndarray]:
        """A difference for every length of code, or for those up to ``most``."""
        lengths = self.alone[self.alone.kind == "plain"].length.unique()
        return {int(n): difference(n) for n in sorted(lengths) if most is None or n <= most}


def weighed(difference: Callable[[str], Difference]) -> dict[str, dict[int, np.ndarray]]:
    """The cases of variational codes of a middle length by weight, but for 1 and the largest, where they are silent."""
    return {f"variational, {named(w)}": {MIDDLE: difference(named(w))(MIDDLE)} for w in WEIGHTS[:-1] if w != 1}


def lengths(found: Passing, says: str, cases: Mapping[str, Difference], digits: int = 2, most: int | None = None):
    """A claim that is measured for every length of code up to ``most``, under conditions with a difference each."""
    return Measured(says, OVER, {k: found.by_length(v, most) for k, v in cases.items()}, digits)


@claim("claim-S.1")
def reconstructs(found: Passing) -> Measured:
    def more(kind: str) -> Difference:
        return lambda n: found.of("remade", kind, n) - GOOD

    cases = {kind: found.by_length(more(kind)) for kind in KINDS} | weighed(more)
    return Measured(f"part of remade pictures that are shapes, less {GOOD}", OVER, cases)


@claim("claim-S.2")
def only_variational(found: Passing) -> Measured:
    def less(way: str) -> Difference:
        return lambda n: (
            found.of("unexplained", "plain", n, way) - found.of("unexplained", "variational", n, "standard")
        )

    ways = {
        "plain with standard normal codes": "standard",
        "plain with codes of their own mean and covariance": "fitted",
        "plain with a mixture fitted to its codes": "mixture",
    }
    says = "part of the energy of drawn pictures that no shape explains, plain less variational"
    return lengths(found, says, {name: less(way) for name, way in ways.items()})


@claim("claim-S.3")
def inverse(found: Passing) -> Measured:
    def near(kind: str, way: str | None) -> Difference:
        return lambda n: SMALL - found.of("back", kind, n, way)

    says = f"{SMALL} less how far a code is moved that is decoded and encoded again, as a part of the spread of codes"
    cases = {f"{kind}, codes of pictures": near(kind, None) for kind in KINDS}
    cases |= {"plain, codes drawn by their own mean and covariance": near("plain", "fitted")}
    cases |= {"variational, codes drawn from the prior": near("variational", "standard")}
    return lengths(found, says, cases)


@claim("claim-S.4")
def alike(found: Passing) -> Measured:
    cases = {
        "how often the nearest code is of the same kind, variational less plain": lambda n: (
            found.of("alike", "variational", n) - found.of("alike", "plain", n)
        ),
        "mean distance within kinds over that between them, plain less variational": lambda n: (
            found.of("spread", "plain", n) - found.of("spread", "variational", n)
        ),
    }
    return lengths(found, "how near codes of a kind are to each other, locally and as a whole", cases, most=MIDDLE)


@claim("claim-S.5")
def smoother(found: Passing) -> Measured:
    cases = {
        "lines between two pictures": lambda n: found.of("uneven", "plain", n) - found.of("uneven", "variational", n)
    }
    return lengths(found, "longest step over mean step along lines of codes, plain less variational", cases)


@claim("claim-S.6")
def noise(found: Passing) -> Measured:
    def nearer(way: str) -> Difference:
        return lambda n: found.connected / 2 - found.of("connected", "plain", n, way)

    ways = {
        "standard normal codes": "standard",
        "codes of their own mean and covariance": "fitted",
        "between the ends of the codes": "box",
    }
    says = "half of what neighbouring pixels of shapes have in common, less that of pictures drawn by the plain one"
    return lengths(found, says, {name: nearer(way) for name, way in ways.items()})


@claim("claim-S.7")
def only_a_part(found: Passing) -> Measured:
    cases = {"plain": lambda n: found.of("unexplained", "plain", n, "box") - found.of("unexplained", "plain", n)}
    says = "part of the energy of pictures that no shape explains, drawn between the ends of the codes less remade"
    return lengths(found, says, cases)


@claim("claim-S.8")
def from_the_prior(found: Passing) -> Measured:
    # From below: with the most that the information can be.
    def near(measure: str) -> Difference:
        return lambda n: (
            SMALL
            - found.of(measure, "variational", n)
            + found.of("most", "variational", n)
            - found.of("least", "variational", n)
        )

    cases = {"to the prior": near("marginal"), "to a normal density of their mean and covariance": near("irregular")}
    return lengths(found, f"{SMALL} less the bits from all codes together, variational", cases)


@claim("claim-S.9")
def valid_everywhere(found: Passing) -> Measured:
    def fewer(way: str) -> Difference:
        return lambda n: FEWER - found.of("worse", "variational", n, way)

    says = f"{FEWER} less the part of drawn pictures that are worse shapes than all but one in twenty of remade ones"
    return lengths(
        found, says, {"drawn from the prior": fewer("standard"), "between the ends of the codes": fewer("box")}
    )


@claim("claim-S.10")
def trades(found: Passing) -> Measured:
    def grown(measure: str, sign: int) -> dict[str, np.ndarray]:
        pairs = itertools.pairwise(WEIGHTS)
        values = {w: found.of(measure, named(w), MIDDLE) for w in WEIGHTS}
        return {f"{b:g}": sign * (values[b] - values[a]) for a, b in pairs}

    cases = {"squared error grows": grown("noisy", 1), "divergence falls": grown("divergence", -1)}
    return Measured("change of a term of the loss (squared error; bits)", "weight, against the next less", cases)


@claim("claim-S.11")
def loses(found: Passing) -> Measured:
    def lost(kind: str) -> Difference:
        return lambda n: found.of("confused", kind, n)

    says = f"bits of which picture it is that a code without noise does not say, in steps of {KEPT:g} of its deviation"
    return lengths(found, says, {kind: lost(kind) for kind in KINDS}, 3)


@claim("claim-S.12")
def retained(found: Passing) -> Measured:
    def near(kind: str) -> Difference:
        def inside(n: int) -> np.ndarray:
            rate, least, most = (found.of(name, kind, n) for name in ("rate", "least", "most"))
            return SMALL * least - np.maximum(rate - most, least - rate).clip(0)

        return inside

    plain = {"plain, with the noise that its decoder tolerates": found.by_length(near("plain"))}
    cases = plain | {"variational, β = 1": found.by_length(near("variational"))} | weighed(near)
    return Measured(f"{SMALL} of the information, less how far the rate is outside its bounds (bits)", OVER, cases, 1)


@claim("claim-S.13")
def at_most(found: Passing) -> Measured:
    def above(kind: str) -> Difference:
        return lambda n: found.of("rate", kind, n) - found.of("least", kind, n)

    cases = {"plain, with the same noise for all pictures": above("plain"), "variational": above("variational")}
    return lengths(found, "rate less the information, as far as it can be shown (bits)", cases)


@claim("claim-S.14")
def features(found: Passing) -> Measured:
    def more(kind: str) -> Difference:
        return lambda n: found.of("gap", kind, n) - found.of("turned_gap", kind, n)

    says = "mutual information gap of the numbers, less that of random directions"
    return lengths(found, says, {kind: more(kind) for kind in KINDS}, most=MIDDLE)


@claim("claim-S.15")
def three_suffice(found: Passing) -> Measured:
    def known(factor: str) -> Difference:
        return lambda n: found.of(f"forest_{factor}", "plain", n) - ONCE

    says = f"part of a feature's variance that forests know from the code of a plain autoencoder, less {ONCE}"
    features = {name: {3: known(name)(3)} for name in ("x", "y", "size")}
    return Measured(says, OVER, features, 3)
