"""Claims of chapter III: what a report says of autoencoders of drawn shapes, as differences that are measured."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from latentsep.ledger.checks.evidence import Difference, Measures, claim
from latentsep.ledger.claims import Measured
from latentsep.training.drawing import MIDDLE, WEIGHTS
from latentsep.training.variations import named

GOOD = 0.9  # the part of remade pictures that must be shapes
MORE = 0.02  # of the energy that no shape need explain in what is drawn beyond what is remade
SMALL = 0.1  # of the spread of codes, within which one has come back; of an error, or of bits, that may be missing
KINDS = ("plain", "variational")


@dataclass(frozen=True, kw_only=True)
class Passing(Measures):
    """What chapter III has measured: by kind and length, and for a middle length by the weight of the divergence.

    ``alone`` and ``drawn`` are those of ``drawings.table``, with the columns of ``information.table`` and, for codes
    that are not too long, of ``meaning.table``. ``connected`` is what real pictures have of it.
    """

    connected: float

    def by_length(self, difference: Difference, most: int | None = None) -> dict[int, np.ndarray]:
        """A difference for every length of code, or for those up to ``most``."""
        lengths = self.alone[self.alone.kind == "plain"].length.unique()
        return {int(n): difference(n) for n in sorted(lengths) if most is None or n <= most}


def lengths(found: Passing, says: str, cases: Mapping[str, Difference], digits: int = 2, most: int | None = None):
    """A claim that is measured for every length of code up to ``most``, under conditions with a difference each."""
    return Measured(says, "numbers in the code", {k: found.by_length(v, most) for k, v in cases.items()}, digits)


@claim("claim-S.1")
def reconstructs(found: Passing) -> Measured:
    def more(kind: str) -> Difference:
        return lambda n: found.of("remade", kind, n) - GOOD

    return lengths(found, f"part of remade pictures that are shapes, less {GOOD}", {k: more(k) for k in KINDS})


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
    cases = {"nearest codes": lambda n: found.of("alike", "variational", n) - found.of("alike", "plain", n)}
    return lengths(found, "how often the nearest code is of the same kind, variational less plain", cases, most=MIDDLE)


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

    ways = {"standard normal codes": "standard", "codes of their own mean and covariance": "fitted", "any codes": "box"}
    says = "half of what neighbouring pixels of shapes have in common, less that of pictures drawn by the plain one"
    return lengths(found, says, {name: nearer(way) for name, way in ways.items()})


@claim("claim-S.7")
def only_a_part(found: Passing) -> Measured:
    cases = {"plain": lambda n: found.of("unexplained", "plain", n, "box") - found.of("unexplained", "plain", n)}
    says = "part of the energy of pictures that no shape explains, drawn between the ends of the codes less remade"
    return lengths(found, says, cases)


@claim("claim-S.8")
def from_the_prior(found: Passing) -> Measured:
    cases = {"variational": lambda n: SMALL - found.of("marginal", "variational", n)}
    return lengths(found, f"{SMALL} less the bits from all codes together to the prior", cases)


@claim("claim-S.9")
def valid_everywhere(found: Passing) -> Measured:
    def near(way: str) -> Difference:
        return lambda n: (
            MORE + found.of("unexplained", "variational", n) - found.of("unexplained", "variational", n, way)
        )

    says = f"part of the energy of pictures that no shape explains, remade less drawn, plus {MORE}"
    return lengths(found, says, {"drawn from the prior": near("standard"), "any codes": near("box")})


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

    says = "bits of which picture it is that a code without noise does not say"
    return lengths(found, says, {kind: lost(kind) for kind in KINDS})


@claim("claim-S.12")
def retained(found: Passing) -> Measured:
    def near(kind: str) -> Difference:
        return lambda n: SMALL * found.of("most", kind, n) - (found.of("rate", kind, n) - found.of("most", kind, n))

    cases = {"plain, with the noise that its decoder tolerates": near("plain"), "variational": near("variational")}
    return lengths(found, f"{SMALL} of the information less what the rate has beyond it (bits)", cases, 1)


@claim("claim-S.13")
def by_variances(found: Passing) -> Measured:
    cases = {"plain": lambda n: SMALL - (found.of("rate_scaled", "plain", n) - found.of("rate", "plain", n)).clip(0)}
    says = f"{SMALL} less what the rate gains (bits) if the code is stretched and pictures stay as they are"
    return lengths(found, says, cases, 1)


@claim("claim-S.14")
def features(found: Passing) -> Measured:
    def more(kind: str) -> Difference:
        return lambda n: found.of("gap", kind, n) - found.of("turned_gap", kind, n)

    says = "mutual information gap of the numbers, less that of random directions"
    return lengths(found, says, {kind: more(kind) for kind in KINDS}, most=MIDDLE)


@claim("claim-S.15")
def three_suffice(found: Passing) -> Measured:
    def near(kind: str, measure: str) -> dict[int, np.ndarray]:
        three = found.of(measure, kind, 3)
        others = {n: found.of(measure, kind, n) for n in found.by_length(lambda n: np.zeros(1)) if n > 3}
        return {n: (1 + SMALL) * other - three for n, other in others.items()}

    says = f"squared error with more numbers, and {SMALL} of it, less that with three"
    return Measured(says, "numbers in the code", {kind: near(kind, "clean") for kind in KINDS}, 1)
