"""Checks of section 2.1: σ-algebras, measures, densities, on sets small enough to look at every subset.

Events of a set of n outcomes are the numbers 0 to 2ⁿ − 1: bit i says whether outcome i belongs to it.
"""

import itertools

import numpy as np

from latentsep.data import seeds
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check
from latentsep.theory.bayes import Dice

BELL = (1, 1, 2, 5, 15)  # in how many ways sets of 0, 1, 2, ... elements can be cut into parts


def is_sigma_algebra(family: frozenset[int], outcomes: int) -> bool:
    """Definition 2.1.1, word by word; on a finite set countable unions are unions of two."""
    whole = 2**outcomes - 1
    closed = all(a | b in family for a, b in itertools.combinations(family, 2))
    return 0 in family and all(whole ^ a in family for a in family) and closed


def sigma_algebras(outcomes: int) -> list[frozenset[int]]:
    """Every σ-algebra on so many outcomes, found by trying all families of events."""
    events = range(1, 2**outcomes)
    families = (frozenset((0, *chosen)) for k in range(len(events) + 1) for chosen in itertools.combinations(events, k))
    return [family for family in families if is_sigma_algebra(family, outcomes)]


def atoms(family: frozenset[int]) -> list[int]:
    """The smallest events of a σ-algebra apart from the empty one."""
    return [a for a in family if a and not any(b and b != a and b & a == b for b in family)]


def probabilities(masses: np.ndarray) -> np.ndarray:
    """The probability of every event, ``(2ⁿ,)``, from that of every outcome, ``(n,)``."""
    events = np.arange(2 ** len(masses))
    return ((events[:, None] >> np.arange(len(masses))) & 1) @ masses


def laws() -> tuple[np.ndarray, np.ndarray]:
    """What a die of twelve sides shows, and what one of six does, on the numbers 1 to 12."""
    dice = Dice()
    joint = dice.joint() / np.array(dice.share)[:, None]
    return joint[dice.sides.index(12)], joint[dice.sides.index(6)]


@statement("def-2.1.1")
def sigma_algebra() -> Check:
    """σ-algebras on a finite set belong to the ways to cut it into parts, which Bell's numbers count."""
    wrong = max(abs(len(sigma_algebras(n)) - BELL[n]) for n in (1, 2, 3, 4))
    return Check("families on up to 4 outcomes that fulfil it, against Bell's numbers", wrong, 0)


@statement("def-2.1.2")
def measurable_space() -> Check:
    """The parts are the atoms: disjoint, all of the set together, and every event is a union of some."""
    wrong = 0
    for family in sigma_algebras(4):
        parts = atoms(family)
        unions = {sum(chosen) for k in range(len(parts) + 1) for chosen in itertools.combinations(parts, k)}
        wrong += sum(parts) != 15 or unions != set(family)
    return Check("spaces on 4 outcomes that are not all unions of disjoint atoms", wrong, 0)


@statement("def-2.1.3")
def probability_measure() -> Check:
    """Additive on all pairs of disjoint events, and hence monotone and subadditive."""
    p = probabilities(laws()[1][:8])
    a, b = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    apart = (a & b) == 0
    off = np.abs(p[a | b] - p[a] - p[b])[apart].max()
    inclusion = np.abs(p[a | b] + p[a & b] - p[a] - p[b]).max()
    return Check(
        "a die: additivity, inclusion and exclusion, P(∅) and P(Ω) over all pairs of 256 events",
        float(max(off, inclusion, p[0], abs(p[255] - 1))),
        1e-12,
    )


@statement("def-2.1.4")
def probability_space() -> Check:
    """Dice and their numbers: 48 outcomes, with the probabilities of the dice as margins."""
    joint, dice = Dice().joint(), Dice()
    off = np.abs(joint.sum(1) - dice.share).max()
    return Check("mass of all pairs (number, die), and of each die", float(max(off, abs(joint.sum() - 1))), 1e-12)


@statement("def-2.1.5")
def measurable_function() -> Check:
    """Counted: measurable functions into m values are constant on atoms, so there are m to the number of these."""
    wrong = 0
    for family in sigma_algebras(4):
        measurable = 0
        for values in itertools.product(range(3), repeat=4):
            preimages = [
                sum(2**i for i, v in enumerate(values) if v in wanted)
                for wanted in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2))
            ]
            measurable += all(p in family for p in preimages)
        wrong += measurable != 3 ** len(atoms(family))
    return Check("spaces on 4 outcomes with another number of measurable functions into 3 values", wrong, 0)


@statement("def-2.1.6")
def absolute_continuity() -> Check:
    """Over all events, or only over outcomes: the same answer for random measures with many zeros."""
    stream, wrong, held = np.random.default_rng(seeds.derive(0, "absolute continuity")), 0, 0
    for _ in range(400):
        p, q = (stream.random((2, 6)) * (stream.random((2, 6)) < 0.75)) + 0.0
        by_events = not ((probabilities(p) == 0) & (probabilities(q) != 0)).any()
        by_outcomes = not ((p == 0) & (q > 0)).any()
        wrong += by_events != by_outcomes
        held += by_events
    # Were there only one kind of pair, the check could not fail.
    assert 50 < held < 350
    return Check("random pairs of measures judged otherwise by events than by outcomes", wrong, 0)


@statement("thm-1")
def radon_nikodym() -> Check:
    """A die of 6 sides has a derivative with respect to one of 12, which gives all 4096 events back."""
    p, q = laws()
    derivative = q / p
    off = np.abs(probabilities(derivative * p) - probabilities(q)).max()
    return Check("probabilities of all 4096 events by (2.4) against their own", float(off), 1e-12)


@statement("def-2.1.7")
def probability_density() -> Check:
    """The print integrates over a set A that is not the event; no one set serves all events."""
    p, q = laws()
    density, events = q / p, probabilities(q)
    integrals = probabilities(density * p)  # over every set that A may be
    best = np.abs(integrals[:, None] - events[None]).max(1).min()
    return Check(
        "worst event, for the A that serves best; and with A = E",
        float(best),
        1e-12,
        float(np.abs(integrals - events).max()),
    )
