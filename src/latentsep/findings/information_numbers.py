"""Chapter III: the numbers of its sentences, and its tables."""

import math
from dataclasses import dataclass

import pandas as pd

from latentsep.findings import information
from latentsep.findings.information import Study
from latentsep.ledger import ledger
from latentsep.ledger.checks.evidence import CLAIMS
from latentsep.ledger.ledger import CLAIMED
from latentsep.measures import examination, outlines
from latentsep.measures.information import SHARE
from latentsep.training import drawing
from latentsep.training.drawing import MIDDLE
from latentsep.training.variations import named

FEW = 4  # numbers in the codes that most sentences are about
DRAWN = {
    "plain, N(0, 1)": ("plain", "standard"),
    "plain, fitted normal": ("plain", "fitted"),
    "plain, mixture": ("plain", "mixture"),
    "variational": ("variational", "standard"),
}


@dataclass(frozen=True)
class Setting:
    """What is trained on what, and how many claims there are."""

    claims: int
    holding: int
    partly: int
    failing: int
    side: int
    dimension: int
    learned: int
    held: int
    units: int
    lengths: str
    times: int
    explained: float
    few: int
    components: int
    log_pictures: float
    fitted: int
    variance: float


def setting(found: Study) -> Setting:
    """The numbers of the chapter's first sections."""
    verdicts = [measure(found.evidence).verdict for item, measure in CLAIMS.items() if ledger.items()[item][0] == "III"]
    *first, last = map(str, sorted(found.evidence.alone.length.unique()))
    return Setting(
        claims=len(verdicts),
        **{
            name: verdicts.count(verdict)
            for name, verdict in zip(("holding", "partly", "failing"), CLAIMED, strict=True)
        },
        side=found.shapes.side,
        dimension=found.shapes.dimension,
        learned=found.shapes.learned,
        held=found.shapes.held,
        units=found.ensembles[0].run.hidden[0],
        lengths=f"{', '.join(first)} and {last}",
        times=int(found.evidence.alone.repetition.nunique()),
        explained=100 * outlines.EXPLAINED,
        few=FEW,
        components=examination.COMPONENTS,
        log_pictures=math.log2(found.shapes.learned),
        fitted=information.LINES[3.0][0],
        variance=found.envelope.variance,
    )


@dataclass(frozen=True)
class Numbers:
    """What the chapter's sentences say in numbers: means over repetitions, of held-out or of drawn pictures.

    Shares are in per cent. ``cost``, ``error``, ``least``, ``enough`` and ``wasted`` are of variational models.
    """

    remade_plain: float
    remade_variational: float
    most: int
    remade_most: float
    drawn_standard: float
    drawn_fitted: float
    drawn_mixture: float
    drawn_variational: float
    back_plain: float
    back_variational: float
    back_drawn: float
    moved: float
    gained: float
    cost_one: float
    error_one: float
    least_one: float
    enough_one: float
    wasted_one: float
    wasted_percent: float
    wasted_three: float
    clean_one: float
    collapse: float
    gap_variational: float
    gap_turned: float
    gap_plain: float
    gap_plain_turned: float
    three_plain: float
    four_plain: float
    three_variational: float
    four_variational: float
    alike_three: float
    alike_four: float
    alike_variational: float
    rate_most: float
    rate_few: float
    least_few: float
    most_few: float


def sentences(found: Study) -> Numbers:
    """Gather them."""

    def of(measure: str, kind: str, length: int = FEW, way: str | None = None) -> float:
        return float(found.evidence.of(measure, kind, length, way).mean())

    def beyond(weight: float) -> float:
        return cost(weight) - float(found.envelope.above(of("noisy", named(weight), MIDDLE)))

    def cost(weight: float) -> float:
        return of("cost", named(weight), MIDDLE)

    error, most = of("noisy", named(1.0), MIDDLE), int(found.evidence.alone.length.max())
    silent = [weight for weight in drawing.WEIGHTS if cost(weight) < information.SAMPLING]
    return Numbers(
        remade_plain=100 * of("remade", "plain"),
        remade_variational=100 * of("remade", "variational"),
        most=most,
        remade_most=100 * of("remade", "plain", most),
        drawn_standard=100 * of("shapes", "plain", FEW, "standard"),
        drawn_fitted=100 * of("shapes", "plain", FEW, "fitted"),
        drawn_mixture=100 * of("shapes", "plain", FEW, "mixture"),
        drawn_variational=100 * of("shapes", "variational", FEW, "standard"),
        back_plain=of("back", "plain"),
        back_variational=of("back", "variational"),
        back_drawn=of("back", "variational", FEW, "standard"),
        moved=float(found.evidence.alone.moved.max()),
        gained=of("rate_scaled", "plain") - of("rate", "plain"),
        cost_one=cost(1.0),
        error_one=error,
        least_one=float(found.envelope.below(error)),
        enough_one=float(found.envelope.above(error)),
        wasted_one=beyond(1.0),
        wasted_percent=100 * beyond(1.0) / cost(1.0),
        wasted_three=beyond(3.0),
        clean_one=of("clean", named(1.0), MIDDLE),
        collapse=min(silent, default=math.nan),
        gap_variational=of("gap", "variational"),
        gap_turned=of("turned_gap", "variational"),
        gap_plain=of("gap", "plain"),
        gap_plain_turned=of("turned_gap", "plain"),
        three_plain=of("clean", "plain", 3),
        four_plain=of("clean", "plain", 4),
        three_variational=of("clean", "variational", 3),
        four_variational=of("clean", "variational", 4),
        alike_three=100 * of("alike", "plain", 3),
        alike_four=100 * of("alike", "plain", 4),
        alike_variational=100 * of("alike", "variational", 4),
        rate_most=of("rate", "plain", most),
        rate_few=of("rate", "variational"),
        least_few=of("least", "variational"),
        most_few=of("most", "variational"),
    )


def panels(found: Study) -> tuple[pd.DataFrame, dict[str, str], str, str, dict[str, dict[float, float]], int]:
    """What is remade and drawn by the numbers in the code, as ``figures.curves`` takes it."""
    drawn, alone = found.evidence.drawn, found.evidence.alone
    parts = []
    for name, (kind, way) in DRAWN.items():
        table = drawn[(drawn.kind == kind) & (drawn.way == way)].assign(series=name)
        own = alone[alone.kind == kind][["length", "repetition", "clean", "remade"]]
        parts.append(table.merge(own) if name in ("plain, N(0, 1)", "variational") else table)
    titles = {"clean": "squared error of remade", "remade": "remade that are shapes"}
    titles |= {"unexplained": "energy of drawn, unexplained", "connected": "neighbouring pixels, drawn"}
    lengths = sorted(drawn[drawn.kind == "plain"].length.unique())
    references = {"connected": dict.fromkeys(map(float, lengths), found.evidence.connected)}
    return pd.concat(parts, ignore_index=True), titles, "length", "numbers in the code", references, 2


def table(found: Study) -> pd.DataFrame:
    """Rate, divergence and information in bits by kind, numbers, weight or noise; means over repetitions."""
    alone = found.evidence.alone
    names = {
        "rate": "rate R", "least": "information, at least", "most": "at most", "singles": "numbers one by one",
        "divergence": "divergence", "marginal": "codes to prior", "clean": "squared error", "noisy": "with noise",
    }  # fmt: skip
    rows: dict[tuple[str, str, int], pd.Series] = {}
    lengths = sorted(alone[alone.kind == "plain"].length.unique())
    for length in lengths:
        one = alone[(alone.kind == "variational") & (alone.length == length)]
        rows["variational", "β = 1", length] = one[list(names)].mean()
    for weight in drawing.WEIGHTS:
        one = alone[alone.kind == named(weight)]
        rows["variational", f"β = {weight:g}", MIDDLE] = one[list(names)].mean()
    for share, several in found.noisy.items():
        for length in lengths if share == SHARE else information.FEW_TABLED:
            one = several[several.length == length][list(names)].mean()
            rows["plain", f"+{100 * share:g} % error", length] = one.drop(["divergence", "marginal"])
    shown = pd.DataFrame(rows).T.rename(columns=names)[list(names.values())]
    return shown.rename_axis(["kind", "weight or noise", "numbers"])
