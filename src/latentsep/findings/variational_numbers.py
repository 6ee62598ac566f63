"""Chapter II: the numbers of its sentences."""

import math
from dataclasses import dataclass

import numpy as np

from latentsep.findings import variational
from latentsep.findings.autoencoders import Study
from latentsep.ledger import ledger
from latentsep.ledger.checks.evidence import CLAIMS, Variations
from latentsep.measures import evidence
from latentsep.theory.bayes import Inference
from latentsep.theory.factors import Factors
from latentsep.training import variations
from latentsep.training.variations import LONG, MIDDLE, SHORT, named


@dataclass(frozen=True)
class Setting:
    """What is trained on what, and how many claims there are."""

    claims: int
    both: int
    source_words: str
    learned: int
    held: int
    dimension: int
    units: int
    updates: int
    times: int
    weights: int
    lengths: str
    short: int
    middle: int
    long: int
    variance: float


def setting(found: Study[Variations]) -> Setting:
    """The numbers of the chapter's first sections."""
    run, digits = found.ensembles[0].run, found.digits
    *first, last = map(str, evidence.LENGTHS)
    return Setting(
        claims=sum(ledger.items()[item][0] == "II" for item in CLAIMS),
        both=len(CLAIMS),
        source_words="those of scikit-learn" if found.source == "substitute" else "MNIST's ten thousand test digits",
        learned=digits.learned,
        held=len(digits.held_out()[1]),
        dimension=digits.dimension,
        units=run.hidden[0],
        updates=run.updates,
        times=int(found.evidence.alone.repetition.nunique()),
        weights=len(variations.WEIGHTS) - 2,
        lengths=f"{', '.join(first)} and {last}",
        short=SHORT,
        middle=MIDDLE,
        long=LONG,
        variance=variations.weighed(1.0).sigma_x ** 2,
    )


@dataclass(frozen=True)
class Guesses:
    """Of one dish: −log of its evidence, and −bound with the prior and with the best sure guess, in nats."""

    surprise: float
    of_prior: float
    of_best: float
    gap_of_prior: float


def guesses(seen: Inference) -> Guesses:
    """The bounds of three guesses."""
    sure = np.eye(len(seen.prior))
    return Guesses(
        surprise=-seen.log_evidence(),
        of_prior=-float(seen.elbo(seen.prior)),
        of_best=-float(seen.elbo(sure).max()),
        gap_of_prior=float(seen.kl_to_posterior(seen.prior)),
    )


@dataclass(frozen=True)
class Climb:
    """Two factors: the angles in degrees with the highest evidence and bound, and what the climb costs in nats."""

    true: int
    points: int
    likeliest: float
    highest: float
    lost: float
    afar: int
    gained: float


def climb(found: Study[Variations], model: Factors, x: np.ndarray) -> Climb:
    """For the points ``(n, 2)`` of the figure; what is lost and gained are means over repetitions."""
    gained, lost = (float(np.mean(values)) for values in found.evidence.ascended.values())
    return Climb(
        true=variational.TRUE,
        points=len(x),
        likeliest=math.degrees(model.highest_evidence(x)),
        highest=math.degrees(model.highest_bound(x)),
        lost=-lost,
        afar=variational.AFAR,
        gained=gained,
    )


@dataclass(frozen=True)
class Numbers:
    """What the chapter's sentences say in numbers: means over repetitions, and over held-out digits.

    Of two kinds and of codes of ``few`` and ``many`` numbers: ``gap`` is what the bound misses of the best estimate of
    the evidence, ``encoder`` the part of it that better normal posteriors would save, in nats or per cent.
    """

    few: int
    many: int
    pictures: int
    fine: int
    most_draws: int
    prior_draws: int
    gap_variational: float
    gap_calibrated: float
    encoder_variational: float
    encoder_calibrated: float
    prior_off: float
    prior_off_variational: float
    coarse: int
    coarse_off: float
    next_nodes: int
    next_off: float
    nats: float
    largest: float
    sigma: float
    score_error: float
    path_error: float
    none_error: float
    mean_error: float
    score_bound: float
    none_bound: float
    bernoulli_error: float
    squared_error: float
    averaged_variance: float
    heavier: float
    continuous_divergence: float
    information_none: float
    most_information: float
    marginal_none: float
    marginal_both: float
    coverage_none: float
    coverage_both: float
    best_weight: str
    silhouette_most: float
    lumps_none: float
    lumps_both: float
    active_heavy: float
    heavy: float
    mixture_few: float
    mixture_many: float
    mixture_variational: float
    pseudo: int
    pseudo_many: float


def sentences(found: Study[Variations]) -> Numbers:
    """Gather them."""
    seen, few, many = found.evidence, evidence.LENGTHS[0], evidence.LENGTHS[-1]
    most, last = evidence.COUNTS[-1], variations.WEIGHTS[-2]

    def of(measure: str, kind: str, length: int = LONG, way: str | None = None) -> float:
        return float(seen.of(measure, kind, length, way).mean())

    def value(measure: str, kind: str, length: int) -> float:
        return float(seen.value(measure, kind, length).mean())

    def gap(kind: str) -> float:
        return value(f"best_{most}", kind, many) - value("weighted_1", kind, many)

    def encoder(kind: str) -> float:
        return 100 * (value("best_1", kind, many) - value("weighted_1", kind, many)) / gap(kind)

    def off(nodes: int) -> float:
        return float(
            np.abs(seen.value(f"grid_{nodes}", "calibrated", few) - seen.value("grid", "calibrated", few)).mean()
        )

    none, both = named(0.0), named(1.0)
    covered = {weight: of("coverage", named(weight), LONG, "standard") for weight in variations.WEIGHTS}
    averaged = variations.others(found.digits.dimension)["averaged"]
    return Numbers(
        few=few,
        many=many,
        pictures=seen.looked.pictures,
        fine=seen.looked.nodes,
        most_draws=most,
        prior_draws=evidence.PRIOR,
        gap_variational=gap("variational"),
        gap_calibrated=gap("calibrated"),
        encoder_variational=encoder("variational"),
        encoder_calibrated=encoder("calibrated"),
        prior_off=value(f"best_{most}", "calibrated", many) - value("prior", "calibrated", many),
        prior_off_variational=value(f"best_{most}", "variational", many) - value("prior", "variational", many),
        coarse=evidence.COARSE[0],
        coarse_off=off(evidence.COARSE[0]),
        next_nodes=evidence.COARSE[1],
        next_off=off(evidence.COARSE[1]),
        nats=-value(f"weighted_{most}", "variational", MIDDLE),
        largest=float(np.log(np.finfo("f4").max)),
        sigma=value("sigma", "calibrated", many),
        score_error=of("held_out", "score function", MIDDLE),
        path_error=of("held_out", "variational", MIDDLE),
        none_error=of("held_out", "no gradient", MIDDLE),
        mean_error=seen.mean_error,
        score_bound=of("bound", "score function", MIDDLE) - of("bound", "variational", MIDDLE),
        none_bound=of("bound", "no gradient", MIDDLE) - of("bound", "variational", MIDDLE),
        bernoulli_error=of("held_out", "Bernoulli", MIDDLE),
        squared_error=of("held_out", "variational", MIDDLE),
        averaged_variance=averaged.sigma_x**2,
        heavier=averaged.sigma_x**2 / variations.weighed(1.0).sigma_x ** 2,
        continuous_divergence=of("divergence", "continuous Bernoulli", MIDDLE),
        information_none=of("information", none),
        most_information=math.log(found.digits.learned),
        marginal_none=of("marginal", none),
        marginal_both=of("marginal", both),
        coverage_none=100 * covered[0.0],
        coverage_both=100 * covered[1.0],
        best_weight=named(max(covered, key=lambda weight: covered[weight])),
        silhouette_most=max(of("clusters", name, n) for name in (none, both) for n in (SHORT, LONG)),
        lumps_none=of("lumps", none),
        lumps_both=of("lumps", both),
        active_heavy=of("active", named(last)),
        heavy=last,
        mixture_few=value("mixture", "calibrated", few),
        mixture_many=value("mixture", "calibrated", many),
        mixture_variational=value("mixture", "variational", many),
        pseudo=evidence.PSEUDO[-1],
        pseudo_many=-value(f"pseudo_{evidence.PSEUDO[-1]}", "calibrated", many),
    )
