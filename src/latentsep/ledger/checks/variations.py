"""Claims of chapter II: what two introductory texts say of variational autoencoders, as measured differences."""

import itertools

import numpy as np

from latentsep.ledger.checks.evidence import Difference, Variations, claim
from latentsep.ledger.claims import Measured
from latentsep.measures import evidence, posteriors
from latentsep.training.variations import LONG, MIDDLE, SHORT, WEIGHTS, named

KINDS = ("variational", "calibrated")
CLOSE = 0.01  # nats up to which two ways to the evidence agree
NEAR = 0.05  # the same, where one of them is by sampling
FAR = 1.0  # nats by which an estimate of the evidence is of no use
NOTHING = 0.01  # the part of the mean digit's error that has to be saved for something to be known
LUMPY = 0.1  # the nats from which codes are called lumpy
CHANCE = 0.02  # by how much more digits than by guessing may be known from codes that know nothing
#: The logarithms of the largest numbers of two precisions; those of the smallest are about the same below zero.
LARGEST = {name: float(np.log(np.finfo(kind).max)) for name, kind in (("single", "f4"), ("double", "f8"))}
TOGETHER = (1, 10, 100)  # pictures whose densities are multiplied
NORMAL = named(1.0)


def lengths(found: Variations, says: str, difference, over: str = "numbers in the code", digits: int = 2) -> Measured:
    """A claim that is measured of both kinds and for every length that the evidence is looked at."""
    cases = {kind: {n: difference(kind, n) for n in evidence.LENGTHS} for kind in KINDS}
    return Measured(says, over, cases, digits)


def weights(says: str, difference, digits: int = 1) -> Measured:
    """A claim that is measured from each finite weight of the divergence to the next, for short and for long codes."""
    pairs = list(itertools.pairwise(map(named, WEIGHTS[:-1])))
    cases = {
        f"{length} numbers": {b.removeprefix("β = "): difference(a, b, length) for a, b in pairs}
        for length in (SHORT, LONG)
    }
    return Measured(says, "weight of the divergence, against the next smaller", cases, digits)


def short_and_long(says: str, cases: dict[str, Difference], digits: int = 2) -> Measured:
    """A claim that is measured for short and for long codes, under conditions that each have a difference."""
    return Measured(
        says, "numbers in the code", {name: {n: d(n) for n in (SHORT, LONG)} for name, d in cases.items()}, digits
    )


@claim("claim-C.11")
def infinitely_many(found: Variations) -> Measured:
    def off(kind: str, count: int) -> np.ndarray:
        return found.value(f"off_{count}", kind, 2) - CLOSE

    says = f"by how many nats a sum over a grid misses log p(x) of a picture, less {CLOSE}"
    cases = {f"{kind}, 2 numbers": {n: off(kind, n) for n in evidence.COARSE[-1:]} for kind in KINDS}
    return Measured(says, "points along each axis", cases, 3)


@claim("claim-C.12")
def guaranteed(found: Variations) -> Measured:
    lost = {name: CLOSE - np.asarray(values) for name, values in found.lost.items()}
    says = f"{CLOSE} nats less what log p(x) at the highest bound lacks of its maximum, a datapoint"
    return Measured(says, "guesses that are allowed", {"two factors": lost}, 3)


@claim("claim-C.13")
def gap(found: Variations) -> Measured:
    def equal(kind: str, guess: str) -> np.ndarray:
        rest = found.value("shifted", kind, 2) - found.value(f"missed_{guess}", kind, 2)
        return NEAR - np.abs(found.value(f"sampled_{guess}", kind, 2) - rest)

    def tighter(kind: str) -> np.ndarray:
        nearer = np.sign(found.value("missed_encoder", kind, 2) - found.value("missed_best", kind, 2))
        return nearer * (found.value("sampled_best", kind, 2) - found.value("sampled_encoder", kind, 2))

    cases = {}
    for kind in KINDS:
        cases[f"{kind}: {NEAR} less how far they are apart"] = {g: equal(kind, g) for g in ("encoder", "best")}
        cases[f"{kind}: bound of the guess with the smaller divergence, less that of the other"] = {
            "best": tighter(kind)
        }
    says = "log p(x) less the bound, and the divergence from the true posterior, in nats"
    return Measured(says, "guess", cases, 3)


@claim("claim-C.14")
def cannot_learn(found: Variations) -> Measured:
    def unsaved(kind: str) -> np.ndarray:
        return found.of("held_out", kind, MIDDLE) - (1 - NOTHING) * found.mean_error

    says = f"squared error less {1 - NOTHING} of that of the mean digit"
    cases = {kind: {MIDDLE: unsaved(kind)} for kind in ("no gradient", "score function")}
    return Measured(says, "numbers in the code", cases, 1)


@claim("claim-C.15")
def logarithms(found: Variations) -> Measured:
    def beyond(kind: str, precision: str, count: int) -> np.ndarray:
        return count * np.abs(found.value(f"weighted_{evidence.COUNTS[-1]}", kind, MIDDLE)) - LARGEST[precision]

    cases = {
        f"{kind}, {precision} precision": {n: beyond(kind, precision, n) for n in TOGETHER}
        for kind in KINDS
        for precision in LARGEST
    }
    return Measured(
        "|log p(x)| less the largest at which the density is still a number in that precision, in nats",
        "pictures whose densities are multiplied",
        cases,
        0,
    )


@claim("claim-C.16")
def other_priors(found: Variations) -> Measured:
    says = f"nats by which the bound is higher with a mixture of {evidence.COMPONENTS} normal densities than with one"
    return lengths(found, says, lambda kind, n: found.value("mixture", kind, n) - found.value("normal", kind, n))


@claim("claim-C.17")
def any_loss(found: Variations) -> Measured:
    def saved(kind: str) -> np.ndarray:
        return (1 - NOTHING) * found.mean_error - found.of("held_out", kind, MIDDLE)

    names = {
        "variational": "squared error",
        "averaged": "squared error, mean over pixels",
        "Bernoulli": "binary cross-entropy",
    }
    cases = {name: {MIDDLE: saved(kind)} for kind, name in names.items()}
    return Measured(
        f"{1 - NOTHING} of the mean digit's squared error less that with the loss", "numbers in the code", cases, 1
    )


@claim("claim-M.13")
def reparametrised(found: Variations) -> Measured:
    def less(kind: str) -> np.ndarray:
        return found.of("bound", kind, MIDDLE) - found.of("bound", "variational", MIDDLE)

    names = {"score function": "against the score function", "no gradient": "against none"}
    cases = {name: {MIDDLE: less(kind)} for kind, name in names.items()}
    return Measured(
        "−ELBO of held-out digits in nats, less that with the gradient along the path", "numbers in the code", cases, 1
    )


@claim("claim-M.14")
def too_many(found: Variations) -> Measured:
    def off(kind: str, n: int) -> np.ndarray:
        return found.highest(kind, n) - found.value("prior", kind, n) - FAR

    says = f"nats by which {evidence.PRIOR:,} draws from the prior miss log p(x), less {FAR:g}"
    return lengths(found, says, off, digits=1)


@claim("claim-M.15")
def more_regular(found: Variations) -> Measured:
    def less(one: str, other: str, n: int) -> np.ndarray:
        return found.of("marginal", one, n) - found.of("marginal", other, n)

    return weights("nats by which all codes together come nearer to the prior", less, 2)


@claim("claim-M.16")
def less_representative(found: Variations) -> Measured:
    def more(one: str, other: str, n: int) -> np.ndarray:
        return found.of("reconstruction", other, n) - found.of("reconstruction", one, n)

    return weights("growth of the squared error of what is drawn and decoded", more)


@claim("claim-M.17")
def clusters(found: Variations) -> Measured:
    def more(n: int) -> np.ndarray:
        return found.of("lumps", named(0.0), n) - found.of("lumps", NORMAL, n)

    cases: dict[str, Difference] = {
        f"reconstruction only, less {LUMPY}": lambda n: found.of("lumps", named(0.0), n) - LUMPY,
        "the same, less that with both terms": more,
    }
    says = f"nats by which {posteriors.COMPONENTS} normal densities describe held-out codes better than one"
    return short_and_long(says, cases)


@claim("claim-M.18")
def tells_nothing(found: Variations) -> Measured:
    def less(n: int) -> np.ndarray:
        return CHANCE + found.most - found.of("probe", named(float("inf")), n)

    says = f"digits known by guessing, plus {CHANCE}, less those known from the code"
    return short_and_long(says, {"divergence only": less})


@claim("claim-M.19")
def both_terms(found: Variations) -> Measured:
    def more(weight: float) -> Difference:
        return lambda n: (
            found.of("coverage", NORMAL, n, "standard") - found.of("coverage", named(weight), n, "standard")
        )

    def fitted(n: int) -> np.ndarray:
        return found.of("coverage", NORMAL, n, "standard") - found.of("coverage", named(0.0), n, "fitted")

    cases = {f"against {named(weight)}": more(weight) for weight in (WEIGHTS[0], WEIGHTS[-1])}
    cases[f"against {named(0.0)}, codes of their own mean and covariance"] = fitted
    return short_and_long("coverage of real digits by draws from the prior, both terms less one", cases)


@claim("claim-M.20")
def no_copies(found: Variations) -> Measured:
    def more(n: int) -> np.ndarray:
        return found.of("nearest", NORMAL, n, "standard") - found.of("fresh", NORMAL, n)

    says = "distance of drawn pictures to the nearest learned digit, less that of remade held-out ones"
    return short_and_long(says, {"both terms": more})
