"""Claims of chapter I: what two introductory texts say of autoencoders, as differences that are measured."""

import itertools

import numpy as np

from latentsep.ledger.checks.evidence import Difference, Evidence, claim, numbers
from latentsep.ledger.claims import Measured

VARIATIONAL = {"variational": "against the variational", "calibrated": "against the calibrated"}
DENOISING = ("noise", "masking")
HOLE = 0.02  # the part of draws in holes up to which there are none to speak of; of codes it is 0.01 by definition
FEWER = 0.1  # by how much less may be plausible of what is drawn than of what is remade


def drawn_better(found: Evidence, measure: str, says: str) -> Measured:
    """A claim that draws of the variational kind have more of a measure than draws of the plain one, by either way."""

    def more(way: str) -> Difference:
        return lambda n: found.of(measure, "variational", n, "standard") - found.of(measure, "plain", n, way)

    ways = {
        "standard": "plain with standard normal codes",
        "fitted": "plain with codes of their own mean and covariance",
    }
    return numbers(found, says, ((name, more(way)) for way, name in ways.items()))


@claim("claim-C.1")
def less_even(found: Evidence) -> Measured:
    """Along straight lines between codes of different digits: the longest step over the mean one."""

    def more(kind: str) -> Difference:
        return lambda n: found.of("unequal_uneven", "plain", n) - found.of("unequal_uneven", kind, n)

    says = "longest step over mean step between two digits, plain less variational"
    return numbers(found, says, ((name, more(kind)) for kind, name in VARIATIONAL.items()))


@claim("claim-C.2")
def irregular(found: Evidence) -> Measured:
    def more(kind: str) -> Difference:
        return lambda n: found.of("irregular", "plain", n) - found.of("irregular", kind, n)

    says = "nats between the codes' moments and the standard normal, plain less variational"
    return numbers(found, says, ((name, more(kind)) for kind, name in VARIATIONAL.items()), 1)


@claim("claim-C.3")
def meaningless(found: Evidence) -> Measured:
    return drawn_better(found, "plausible", "plausible part of the drawn pictures, variational less plain")


@claim("claim-C.4")
def not_generative(found: Evidence) -> Measured:
    def less(kind: str, way: str) -> Difference:
        return lambda n: found.of("coverage", kind, n, way) - found.of("coverage", "plain", n, "mixture")

    says = "coverage of real digits, variational less plain with a mixture fitted to its codes"
    cases = [(name, less(kind, "standard")) for kind, name in VARIATIONAL.items()]
    return numbers(
        found, says, [*cases, ("against the variational with such a mixture", less("variational", "mixture"))]
    )


@claim("claim-C.5")
def useful(found: Evidence) -> Measured:
    cases = [("against principal components", lambda n: found.of("probe", "plain", n) - found.principal.probe[n])]
    return numbers(found, "part of the digits that is known from the code, plain less principal components", cases)


@claim("claim-C.6")
def nearby(found: Evidence) -> Measured:
    def more(kind: str) -> Difference:
        return lambda n: found.of("neighbours", kind, n) - found.of("neighbours", "plain", n)

    says = "how often the nearest code has the same digit, variational less plain"
    return numbers(found, says, ((kind, more(kind)) for kind in VARIATIONAL))


@claim("claim-C.7")
def without_holes(found: Evidence) -> Measured:
    def less(kind: str) -> Difference:
        return lambda n: HOLE - found.of("holes", kind, n, "standard")

    return numbers(
        found, f"{HOLE} less the part of the prior that lies in holes", ((kind, less(kind)) for kind in VARIATIONAL)
    )


@claim("claim-C.8")
def interpolates(found: Evidence) -> Measured:
    def more(pair: str, kind: str) -> Difference:
        return lambda n: (
            found.of(f"{pair}_middle_plausible", kind, n) - found.of(f"{pair}_ends_plausible", kind, n) + FEWER
        )

    says = f"plausible part of the middles between two codes, less that of the ends, plus {FEWER}"
    cases = [(f"{kind}, {pair} digits", more(pair, kind)) for kind in VARIATIONAL for pair in ("equal", "unequal")]
    return numbers(found, says, cases)


@claim("claim-C.9")
def overfits(found: Evidence) -> Measured:
    def more(kind: str) -> Difference:
        return lambda w: found.of_width("excess", "plain", w) - found.of_width("excess", kind, w)

    says = "relative excess of the error on held-out digits, plain less variational"
    cases = {name: found.by_width(more(kind)) for kind, name in VARIATIONAL.items()}
    return Measured(says, "units in a hidden layer", cases)


@claim("claim-C.10")
def draws_digits(found: Evidence) -> Measured:
    def more(kind: str) -> Difference:
        return lambda n: found.of("coverage", kind, n, "standard") - found.of("coverage", "linear", n, "fitted")

    says = "coverage of real digits, variational less a linear model with normal codes"
    return numbers(found, says, ((kind, more(kind)) for kind in VARIATIONAL))


@claim("claim-M.1")
def no_better_in_practice(found: Evidence) -> Measured:
    cases = [("on held-out digits", lambda n: found.of("held_out", "plain", n) - found.principal.error[n])]
    return numbers(found, "squared error, plain less principal components", cases, 1)


@claim("claim-M.2")
def attributes(found: Evidence) -> Measured:
    def more(kind: str) -> Difference:
        return lambda n: found.of("axes", kind, n)

    says = "how much better single numbers tell digits apart than directions at random do"
    return numbers(found, says, ((kind, more(kind)) for kind in ("plain", "sparse", *VARIATIONAL)), 3)


@claim("claim-M.3")
def large_overfit(found: Evidence) -> Measured:
    widths = sorted(found.wide.width.unique())
    grown = {
        int(b): found.of_width("excess", "plain", b) - found.of_width("excess", "plain", a)
        for a, b in itertools.pairwise(widths)
    }
    says = "growth of the relative excess of the error on held-out digits"
    return Measured(says, "units in a hidden layer, against the next fewer", {"plain": grown})


@claim("claim-M.4")
def less_overfit(found: Evidence) -> Measured:
    def less(kind: str) -> Difference:
        return lambda w: found.of_width("excess", "plain", w) - found.of_width("excess", kind, w)

    says = "relative excess of the error on held-out digits, plain less denoising"
    return Measured(says, "units in a hidden layer", {kind: found.by_width(less(kind)) for kind in DENOISING})


@claim("claim-M.5")
def better_held_out(found: Evidence) -> Measured:
    def less(kind: str) -> Difference:
        return lambda w: found.of_width("held_out", "plain", w) - found.of_width("held_out", kind, w)

    says = "squared error on held-out digits, plain less denoising"
    return Measured(says, "units in a hidden layer", {kind: found.by_width(less(kind)) for kind in DENOISING}, 1)


@claim("claim-M.6")
def mends(found: Evidence) -> Measured:
    def less(kind: str) -> Difference:
        return lambda n: found.of(f"mended_{kind}", "plain", n) - found.of(f"mended_{kind}", kind, n)

    return numbers(found, "squared error on damaged digits, plain less denoising", ((k, less(k)) for k in DENOISING), 1)


@claim("claim-M.7")
def robust(found: Evidence) -> Measured:
    def less(kind: str) -> Difference:
        return lambda n: found.of(f"displaced_{kind}", "plain", n) - found.of(f"displaced_{kind}", kind, n)

    says = "how far damage moves codes, as a part of their spread, plain less denoising"
    return numbers(found, says, ((kind, less(kind)) for kind in DENOISING))


@claim("claim-M.8")
def needs_more(found: Evidence) -> Measured:
    def more(kind: str) -> Difference:
        return lambda n: found.of("held_out", kind, n) - found.of("held_out", "plain", n)

    return numbers(
        found, "squared error on undamaged digits, denoising less plain", ((k, more(k)) for k in DENOISING), 1
    )


@claim("claim-M.9")
def more_generic(found: Evidence) -> Measured:
    def more(kind: str) -> Difference:
        return lambda n: found.of("probe", kind, n) - found.of("probe", "plain", n)

    says = "part of the digits that is known from the code, denoising less plain"
    return numbers(found, says, ((k, more(k)) for k in DENOISING), 3)


@claim("claim-M.10")
def denoising_not_generative(found: Evidence) -> Measured:
    def less(kind: str) -> Difference:
        return lambda n: found.of("coverage", "variational", n, "standard") - found.of("coverage", kind, n, "fitted")

    says = "coverage of real digits, variational less denoising with codes of their own mean and covariance"
    return numbers(found, says, ((k, less(k)) for k in DENOISING))


@claim("claim-M.11")
def resembles(found: Evidence) -> Measured:
    return drawn_better(found, "coverage", "coverage of real digits, variational less plain")


@claim("claim-M.12")
def complete(found: Evidence) -> Measured:
    def more(kind: str) -> Difference:
        def difference(n: int) -> np.ndarray:
            remade = (found.of("equal_ends_plausible", kind, n) + found.of("unequal_ends_plausible", kind, n)) / 2
            return found.of("plausible", kind, n, "standard") - remade + FEWER

        return difference

    says = f"plausible part of the pictures drawn from the prior, less that of remade digits, plus {FEWER}"
    return numbers(found, says, ((kind, more(kind)) for kind in VARIATIONAL))
