"""Chapter II: variational autoencoders of digits, in which one choice after the other is changed."""

import math

import pandas as pd

from latentsep.data.handwriting import Handwriting
from latentsep.findings.autoencoders import Study
from latentsep.ledger.checks.evidence import Variations
from latentsep.measures import codes, evidence, examination, judge, posteriors
from latentsep.measures.evidence import Valuation
from latentsep.measures.examination import Examination
from latentsep.measures.judge import Schooling
from latentsep.measures.posteriors import Reading
from latentsep.theory.factors import Factors
from latentsep.training import autoencoding, variations
from latentsep.training.ensembles import train
from latentsep.training.runs import Run

TRUE, AFAR, POINTS = 30, 80, 1_000  # degrees between the two factors, and at a start that is far from there; datapoints
KINDS = ("variational", "calibrated")  # those of chapter I that are taken over


def runs(digits: Handwriting, profile: str, repetitions: int, seed: int) -> tuple[Run, list[Run]]:
    """The ensemble of chapter I that is taken over, and those of this chapter."""
    several = autoencoding.kinds(digits, profile, repetitions, seed)
    common = several[autoencoding.PARTS.index(KINDS)]
    return common, variations.variations(digits, profile, repetitions, seed)


def study(profile: str, seed: int, repetitions: int, mnist: str | None = None) -> Study[Variations]:
    """Train and examine all autoencoders of the chapter, or fetch them from the records."""
    digits, source = autoencoding.digits(profile, mnist)
    common, own = runs(digits, profile, repetitions, seed)
    schooling = Schooling(digits, seed=seed)
    ensembles = [train(run) for run in (common, *own)]
    single, drawn = [], []
    for run in (common, *own):
        alone, pictures = examination.table(Examination(run, schooling))
        single.append(alone.merge(posteriors.table(Reading(run))))
        drawn.append(pictures)
    looked = Valuation.of(common, profile)
    held, labels = digits.held_out()
    learned = digits.sample(1)[1]
    found = Variations(
        alone=pd.concat(single, ignore_index=True),
        drawn=pd.concat(drawn, ignore_index=True),
        valued=evidence.table(looked),
        looked=looked,
        lost=lost(repetitions, seed),
        mean_error=float(codes.principal(held)[1].sum()),
        most=float((labels == learned.bincount().argmax()).double().mean()),
        substitute=source == "substitute",
    )
    return Study(digits, source, ensembles, judge.judge(schooling), found)


def lost(repetitions: int, seed: int) -> dict[str, list[float]]:
    """What the evidence of two factors at the highest bound lacks of its maximum, by the guesses that are allowed."""
    model, guesses = Factors(), {"independent components": True, "any normal density": False}
    found: dict[str, list[float]] = {name: [] for name in guesses}
    for repetition in range(repetitions):
        x = points(model, repetition, seed)
        best = model.highest_evidence(x)
        for name, independent in guesses.items():
            found[name].append(-model.ascended(x, best, independent))
    return found


def points(model: Factors, repetition: int, seed: int):
    """What the two factors are learned from, ``(points, 2)``."""
    return model.draw(math.radians(TRUE), POINTS, seed * 1_000 + repetition)


def by_weight(found: Study[Variations], length: int) -> pd.DataFrame:
    """What changes with the weight of the divergence: means over repetitions, a column for each."""
    seen = found.evidence
    names = {
        "reconstruction": "squared error of draws", "information": "information (nats)",
        "marginal": "codes to prior (nats)",
        "irregular": "moments to prior (nats)", "active": "active numbers", "overlap": "overlap",
        "probe": "known digits", "clusters": "silhouette", "lumps": "lumps (nats)",
    }  # fmt: skip
    rows = {}
    for weight in variations.WEIGHTS:
        name = variations.named(weight)
        head = f"{weight:g}".replace("inf", "∞")
        rows[head] = {title: float(seen.of(key, name, length).mean()) for key, title in names.items()}
        rows[head]["coverage"] = float(seen.of("coverage", name, length, "standard").mean())
    return pd.DataFrame(rows)


def bounds(found: Study[Variations]) -> pd.DataFrame:
    """The evidence and what the bound misses of it, in nats a picture: means over repetitions."""
    table, most = found.evidence.valued, evidence.COUNTS[-1]
    others = table[[f"best_{most}", f"weighted_{most}", "prior"]].max(axis=1)
    nearest = table.grid.fillna(others)  # to the evidence
    shown = pd.DataFrame({
        "kind": table.kind,
        "numbers": table.length,
        "−bound": -table.weighted_1,
        f"{most:,} draws": -table[f"weighted_{most}"],
        "best guess": -table.best_1,
        f"its {most:,} draws": -table[f"best_{most}"],
        "grid": -table.grid,
        "encoder's gap": table.best_1 - table.weighted_1,
        "family's gap": nearest - table.best_1,
    })  # fmt: skip
    return shown.groupby(["kind", "numbers"], sort=False).mean()


def likelihoods(found: Study[Variations]) -> pd.DataFrame:
    """What losses make of the same networks, with codes of a middle length: means over repetitions, one row each."""
    seen, length, rows = found.evidence, variations.MIDDLE, {}
    names = {"variational": "squared error", "calibrated": "squared error, best σ_X"}
    names |= {"averaged": "squared error, mean over pixels"}
    names |= {"Bernoulli": "binary cross-entropy", "continuous Bernoulli": "the same, normalised"}
    for kind, name in names.items():
        rows[name] = {
            "squared error": float(seen.of("held_out", kind, length).mean()),
            "divergence (nats)": float(seen.of("divergence", kind, length).mean()),
            "active numbers": float(seen.of("active", kind, length).mean()),
            "sure": float(seen.of("sure", kind, length, "standard").mean()),
            "coverage": float(seen.of("coverage", kind, length, "standard").mean()),
        }
    return pd.DataFrame(rows).T


def over_weights(found: Study[Variations]) -> pd.DataFrame:
    """Measures by the finite weights of the divergence, one row each, as ``figures.curves`` takes them."""
    weights = {variations.named(weight): weight for weight in variations.WEIGHTS if 0 < weight < math.inf}
    seen, rows = found.evidence, []
    for length in (variations.SHORT, variations.LONG):
        for name, weight in weights.items():
            columns = {key: seen.of(key, name, length) for key in ("reconstruction", "information", "marginal")}
            columns["coverage"] = seen.of("coverage", name, length, "standard")
            rows.append(pd.DataFrame(columns).assign(series=f"{length} numbers", weight=weight))
    return pd.concat(rows, ignore_index=True)
