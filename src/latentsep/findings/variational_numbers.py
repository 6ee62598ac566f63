"""Chapter II: the numbers of its sentences."""

import math
from dataclasses import dataclass

import numpy as np

from latentsep.findings.autoencoders import Study
from latentsep.ledger import ledger
from latentsep.ledger.checks.evidence import CLAIMS, Variations, counted
from latentsep.measures import evidence
from latentsep.training import variations
from latentsep.training.variations import LONG, MIDDLE, SHORT, named


@dataclass(frozen=True)
class Setting:
    """What is trained on what, and how many claims there are."""

    claims: int
    both: int
    holding: int
    partly: int
    failing: int
    source_words: str
    learned: int
    held: int
    dimension: int
    greys: int
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
        **counted(found.evidence, "II"),
        both=sum(ledger.items()[item][0] in ("I", "II") for item in CLAIMS),
        source_words="those of scikit-learn" if found.source == "substitute" else "MNIST's ten thousand test digits",
        learned=digits.learned,
        held=len(digits.held_out()[1]),
        dimension=digits.dimension,
        greys=len(digits.sample(1)[0].unique()) - 1,
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
    last_nodes: int
    last_off: float
    steps: int
    nats: float
    smallest: float
    sigma: float
    score_error: float
    path_error: float
    none_error: float
    straight_error: float
    straight_divergence: float
    path_divergence: float
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
    coverage_fitted: float
    coverage_short: float
    coverage_short_fitted: float
    silhouette_most: float
    lumps_none: float
    lumps_both: float
    active_heavy: float
    heavy: float
    components: int
    mixture_many: float
    normal_many: float
    aggregate_many: float
    pseudo: int
    pseudo_many: float
    pseudo_variational: float
    grid_family: float
    draws_family: float


def sentences(found: Study[Variations]) -> Numbers:
    """Gather them."""
    seen, few, many = found.evidence, evidence.LENGTHS[0], evidence.LENGTHS[-1]
    most, last = evidence.COUNTS[-1], variations.WEIGHTS[-2]

    def of(measure: str, kind: str, length: int = LONG, way: str | None = None) -> float:
        return float(seen.of(measure, kind, length, way).mean())

    def value(measure: str, kind: str, length: int) -> float:
        return float(seen.value(measure, kind, length).mean())

    def gap(kind: str) -> float:
        return float(seen.highest(kind, many).mean()) - value("weighted_1", kind, many)

    def encoder(kind: str) -> float:
        return 100 * (value("best_1", kind, many) - value("weighted_1", kind, many)) / gap(kind)

    def off(nodes: int) -> float:
        return value(f"off_{nodes}", "calibrated", few)

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
        prior_off=float(seen.highest("calibrated", many).mean()) - value("prior", "calibrated", many),
        prior_off_variational=float(seen.highest("variational", many).mean()) - value("prior", "variational", many),
        coarse=evidence.COARSE[0],
        coarse_off=off(evidence.COARSE[0]),
        next_nodes=evidence.COARSE[1],
        next_off=off(evidence.COARSE[1]),
        last_nodes=evidence.COARSE[2],
        last_off=off(evidence.COARSE[2]),
        steps=seen.looked.steps,
        nats=-value(f"weighted_{most}", "variational", MIDDLE),
        smallest=-float(np.log(np.finfo("f4").tiny)),
        sigma=value("sigma", "calibrated", many),
        score_error=of("held_out", "score function", MIDDLE),
        path_error=of("held_out", "variational", MIDDLE),
        none_error=of("held_out", "no gradient", MIDDLE),
        straight_error=of("held_out", "straight through", MIDDLE),
        straight_divergence=of("divergence", "straight through", MIDDLE),
        path_divergence=of("divergence", "variational", MIDDLE),
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
        coverage_fitted=100 * of("coverage", none, LONG, "fitted"),
        coverage_short=100 * of("coverage", both, SHORT, "standard"),
        coverage_short_fitted=100 * of("coverage", none, SHORT, "fitted"),
        best_weight=named(max(covered, key=lambda weight: covered[weight])),
        silhouette_most=max(of("clusters", name, n) for name in (none, both) for n in (SHORT, LONG)),
        lumps_none=of("lumps", none),
        lumps_both=of("lumps", both),
        active_heavy=of("active", named(last)),
        heavy=last,
        components=evidence.COMPONENTS,
        mixture_many=value("mixture", "calibrated", many),
        normal_many=value("normal", "calibrated", many),
        aggregate_many=-value("aggregate", "calibrated", many),
        pseudo=evidence.PSEUDO[-1],
        pseudo_many=-value(f"pseudo_{evidence.PSEUDO[-1]}", "calibrated", many),
        pseudo_variational=value(f"pseudo_{evidence.PSEUDO[-1]}", "variational", many),
        grid_family=value("grid", "calibrated", few) - value("best_1", "calibrated", few),
        draws_family=value(f"best_{most}", "calibrated", few) - value("best_1", "calibrated", few),
    )
