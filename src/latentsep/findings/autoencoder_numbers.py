"""Chapter I: the numbers of its sentences."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import t

from latentsep.findings.autoencoders import Study
from latentsep.ledger import ledger
from latentsep.ledger.checks.autoencoders import FEWER, HOLE
from latentsep.ledger.checks.evidence import CLAIMS, Evidence
from latentsep.ledger.claims import SPREADS, Measured
from latentsep.measures import codes, examination
from latentsep.models.autoencoders import RARE
from latentsep.training import autoencoding

FEW = 8  # numbers of the codes that most sentences are about


@dataclass(frozen=True)
class Setting:
    """What is trained on what, and how near the linear kind comes to principal components.

    ``linear_excess`` is the most by which its error exceeds theirs, in per cent; ``linear_angle`` the largest angle, in
    degrees, between the plane it learned for codes of ``linear_length`` numbers and theirs, and ``variance_gap`` by how
    many per cent the next component has less variance than the last of that plane.
    """

    claims: int
    kinds: int
    source_words: str
    side: int
    learned: int
    held: int
    units: int
    updates: int
    batch: int
    lengths: str
    times: int
    rare: float
    sparsity: float
    by_chance: float
    noise: float
    masked: float
    mean_error: float
    linear_excess: float
    linear_length: int
    linear_angle: float
    variance_gap: float


def setting(found: Study[Evidence]) -> Setting:
    """The numbers of the chapter's first sections."""
    run, digits, alone = found.ensembles[0].run, found.digits, found.evidence.alone
    linear = alone[alone.kind == "linear"]
    excess = linear.held_out.to_numpy() / found.evidence.principal.error.loc[linear.length].to_numpy() - 1
    length, variances = FEW, codes.principal(digits.sample(1)[0])[1]
    *first, last = map(str, autoencoding.LENGTHS)
    return Setting(
        claims=sum(ledger.items()[item][0] == "I" for item in CLAIMS),
        kinds=len(autoencoding.KINDS),
        source_words="those of scikit-learn" if found.source == "substitute" else "MNIST's ten thousand test digits",
        side=digits.side,
        learned=digits.learned,
        held=len(digits.held_out()[1]),
        units=run.hidden[0],
        updates=run.updates,
        batch=run.batch_size or digits.learned,
        lengths=f"{', '.join(first)} and {last}",
        times=int(alone.repetition.nunique()),
        rare=RARE,
        sparsity=autoencoding.KINDS["sparse"].sparsity,
        by_chance=by_chance(int(alone.repetition.nunique())),
        noise=autoencoding.KINDS["noise"].noise,
        masked=autoencoding.KINDS["masking"].masked,
        mean_error=float(codes.principal(digits.held_out()[0])[1].sum()),
        linear_excess=100 * float(excess.max()),
        linear_length=length,
        variance_gap=100 * float(1 - variances[length] / variances[length - 1]),
        linear_angle=max(angle(found, length, r) for r in range(alone.repetition.nunique())),
    )


def by_chance(repetitions: int) -> float:
    """Of how many cases without any effect one holds by the rule for claims, if differences are normal."""
    return 1 / float(t.sf(SPREADS * math.sqrt(repetitions), repetitions - 1))


def angle(found: Study[Evidence], length: int, repetition: int) -> float:
    """The largest angle, in degrees, between what a linear decoder spans and as many principal directions."""
    layers = codes.autoencoders(found.one("linear", length, repetition)).decoder.layers
    first, last = (layer.weight[0].double() for layer in (layers[0], layers[-1]))  # type: ignore[index]
    spanned = torch.linalg.qr(last @ first[:, :length])[0]
    directions = codes.principal(found.digits.sample(1)[0])[2][:length].double()
    return float(torch.rad2deg(torch.arccos(torch.linalg.svdvals(directions @ spanned).amin().clamp(max=1))))


@dataclass(frozen=True)
class Numbers:
    """What the chapter's sentences say in numbers: means over repetitions, for codes of ``few`` numbers unless said.

    Errors are squared, a picture's. ``excess`` is by how many per cent the error on held-out digits exceeds that on
    learned ones, ``gain`` by how many the plain kind errs less than principal components. ``coverage`` is of real
    digits and ``holes`` are of the prior, in per cent. ``lighter`` is by how much the divergence of the calibrated kind
    weighs less. ``axes_most`` and ``generic_most`` are the largest means of claims M.2 and M.9, the latter in per cent
    and of codes of four numbers or more.
    """

    few: int
    many: int
    narrow: int
    broad: int
    crowd: int
    excess_narrow: float
    excess_broad: float
    excess_noise: float
    excess_masking: float
    excess_variational: float
    gain_most: float
    gain_most_length: int
    gain_long: float
    neighbours_plain: float
    neighbours_variational: float
    distances_plain: float
    distances_variational: float
    error_broad: float
    error_noise: float
    noisy_plain: float
    noisy_noise: float
    clean_plain: float
    clean_noise: float
    probe_plain: float
    probe_principal: float
    judge_knows: float
    coverage_plain: float
    coverage_normal: float
    coverage_mixture: float
    coverage_variational: float
    coverage_variational_mixture: float
    coverage_calibrated: float
    coverage_refitted: float
    holes_variational: float
    holes_calibrated: float
    uneven_plain: float
    uneven_variational: float
    components: int
    coverage_normal_many: float
    coverage_variational_many: float
    coverage_calibrated_many: float
    coverage_refitted_many: float
    mixture_many: float
    mixture_variational_many: float
    hole: float
    fewer: float
    plausible_drawn: float
    plausible_remade: float
    middle_equal_plain: float
    middle_unequal_plain: float
    lighter: float
    axes_most: float
    generic_most: float
    middle_equal: float
    middle_unequal: float


def sentences(found: Study[Evidence]) -> Numbers:
    """Gather them."""
    seen, few, many = found.evidence, FEW, autoencoding.LENGTHS[-1]
    narrow, broad = autoencoding.WIDTHS[0], autoencoding.WIDTHS[-1]

    def of(measure: str, kind: str, way: str | None = None, length: int = few) -> float:
        return float(seen.of(measure, kind, length, way).mean())

    def wide(measure: str, kind: str, width: int = broad) -> float:
        return float(seen.of_width(measure, kind, width).mean())

    error = seen.principal.error
    gains = {n: 100 * float(1 - of("held_out", "plain", length=n) / error[n]) for n in autoencoding.LENGTHS}
    return Numbers(
        few=few,
        many=many,
        narrow=narrow,
        broad=broad,
        crowd=min(autoencoding.FEW, found.digits.most),
        excess_narrow=100 * wide("excess", "plain", narrow),
        excess_broad=100 * wide("excess", "plain"),
        excess_noise=100 * wide("excess", "noise"),
        excess_masking=100 * wide("excess", "masking"),
        excess_variational=100 * wide("excess", "variational"),
        gain_most=max(gains.values()),
        gain_most_length=max(gains, key=lambda length: gains[length]),
        gain_long=gains[many],
        neighbours_plain=100 * of("neighbours", "plain"),
        neighbours_variational=100 * of("neighbours", "variational"),
        distances_plain=of("distances", "plain"),
        distances_variational=of("distances", "variational"),
        error_broad=wide("held_out", "plain"),
        error_noise=wide("held_out", "noise"),
        noisy_plain=of("mended_noise", "plain", length=many),
        noisy_noise=of("mended_noise", "noise", length=many),
        clean_plain=of("held_out", "plain", length=many),
        clean_noise=of("held_out", "noise", length=many),
        probe_plain=100 * of("probe", "plain"),
        probe_principal=100 * float(seen.principal.probe[few]),
        judge_knows=100 * found.judge.accuracy(*found.digits.held_out()),
        coverage_plain=100 * of("coverage", "plain", "standard"),
        coverage_normal=100 * of("coverage", "plain", "fitted"),
        coverage_mixture=100 * of("coverage", "plain", "mixture"),
        coverage_variational=100 * of("coverage", "variational", "standard"),
        coverage_variational_mixture=100 * of("coverage", "variational", "mixture"),
        coverage_calibrated=100 * of("coverage", "calibrated", "standard"),
        coverage_refitted=100 * of("coverage", "calibrated", "fitted"),
        holes_variational=100 * of("holes", "variational", "standard", many),
        holes_calibrated=100 * of("holes", "calibrated", "standard", many),
        uneven_plain=of("unequal_uneven", "plain"),
        uneven_variational=of("unequal_uneven", "variational"),
        components=examination.COMPONENTS,
        coverage_normal_many=100 * of("coverage", "plain", "fitted", many),
        coverage_variational_many=100 * of("coverage", "variational", "standard", many),
        coverage_calibrated_many=100 * of("coverage", "calibrated", "standard", many),
        coverage_refitted_many=100 * of("coverage", "calibrated", "fitted", many),
        mixture_many=100 * of("coverage", "plain", "mixture", many),
        mixture_variational_many=100 * of("coverage", "variational", "mixture", many),
        hole=HOLE,
        fewer=FEWER,
        plausible_drawn=100 * of("plausible", "variational", "standard"),
        plausible_remade=50 * (of("equal_ends_plausible", "variational") + of("unequal_ends_plausible", "variational")),
        middle_equal_plain=100 * of("equal_middle_plausible", "plain"),
        middle_unequal_plain=100 * of("unequal_middle_plausible", "plain"),
        lighter=0.5 * found.digits.dimension / of("held_out", "calibrated"),
        axes_most=_most(CLAIMS["claim-M.2"](seen)),
        generic_most=100 * _most(CLAIMS["claim-M.9"](seen), 4),
        middle_equal=100 * of("equal_middle_plausible", "variational"),
        middle_unequal=100 * of("unequal_middle_plausible", "variational"),
    )


def _most(claim: Measured, least: int = 0) -> float:
    """The largest mean of its cases, of either sign."""
    rows = claim.cases.values()
    return max(abs(float(np.mean(values))) for row in rows for at, values in row.items() if at >= least)
