"""Chapter III: what is remade and drawn, and what codes know, as tables for figures and pages."""

import pandas as pd

from latentsep.findings import information
from latentsep.findings.information import Study
from latentsep.measures.information import SHARE
from latentsep.training import drawing
from latentsep.training.drawing import MIDDLE
from latentsep.training.variations import named

AGREED = 0.2  # bits between two bounds, up to which one of them is tabled
DRAWN = {
    "plain, N(0, 1)": ("plain", "standard"),
    "plain, fitted normal": ("plain", "fitted"),
    "plain, mixture": ("plain", "mixture"),
    "variational": ("variational", "standard"),
}


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
    shown = pd.DataFrame(rows).T
    # What the bounds do not agree on, the difference does not know either.
    shown["marginal"] = shown.marginal.where(shown.most - shown.least < AGREED)
    shown = shown.rename(columns=names)[list(names.values())]
    return shown.rename_axis(["kind", "weight or noise", "numbers"])
