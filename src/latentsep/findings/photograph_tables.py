"""Chapter IV: recipes, distances, rivals and the course of learning, as tables for figures and pages."""

import math

import numpy as np
import pandas as pd

from latentsep.findings.photographs import Study, codes_of, principal
from latentsep.measures.attributes import NAMES, attributes
from latentsep.training import photographing
from latentsep.training.photographing import AS_IT_IS, FEWER, named

COLUMNS = ("Fréchet distance", "told", "sharpness", "variety")


def recipes(found: Study) -> pd.DataFrame:
    """The tutorial's two sets of hyper-parameters, and those of the runs that are compared, side by side."""
    rows = {}
    for name, title in (("text", "its text"), ("listing", "its listing"), (AS_IT_IS, "here")):
        run = found.ensembles[name].run
        passes = photographing.PASSES.get(name, run.updates * (run.batch_size or 1) / found.small.learned)
        rows[title] = {
            "numbers in the code": str(found.evidence.length(name)),
            "passes": f"{passes:.0f}",
            "updates here": str(run.updates),
            "first rate": f"{run.learning_rate:g}",
            "optimiser": f"AdamW, decay {run.decay:g}" if run.decay else "Adam",
            "cosine": "yes" if run.cosine else "no",
        }
    return pd.DataFrame(rows)


def distances(found: Study) -> pd.DataFrame:
    """How far sets of pictures are from photographs, how often they are told, and how sharp they are."""
    seen, rows = found.evidence, {}
    for name, row in found.evidence.anchors.iterrows():
        rows[str(name)] = dict(zip(COLUMNS, (row.distance, row.told, row.sharp, row.varied), strict=True))
    for run, title in ((AS_IT_IS, "variational"), ("logistic", "variational, logistic"), ("plain", "plain")):
        there = (seen.mean(name, run) for name in ("remade", "told", "sharp"))
        rows[f"{title}, remade"] = dict(zip(COLUMNS, there, strict=False))
        for way, says in (("standard", "N(0, 1)"), ("fitted", "fitted normal")):
            there = (seen.mean(name, run, way) for name in ("distance", "told", "sharp", "varied"))
            rows[f"{title}, {says}"] = dict(zip(COLUMNS, there, strict=True))
    return pd.DataFrame(rows).T


def few(found: Study) -> pd.DataFrame:
    """What autoencoders of few pictures do, by how many these are: means over repetitions."""
    runs = {named(count): count for count in FEWER if named(count) in found.ensembles}
    runs[AS_IT_IS] = found.small.learned
    names = {"error": "error, learned", "held_error": "held out", "held_bits": "bits a channel, held out"}
    names |= {"knows_brightness": "brightness known (R²)", "remade": "Fréchet distance, remade"}
    rows = {
        count: {title: found.evidence.mean(key, run) for key, title in names.items()} for run, count in runs.items()
    }
    return pd.DataFrame(rows).T


def switches(found: Study) -> pd.DataFrame:
    """What is measured of the recipe, of all with one thing changed that have bits, and of the tutorial's text."""
    left_out = ("plain", "listing", *map(named, FEWER))
    return found.evidence.alone[~found.evidence.alone.run.isin(left_out)]


def progress(found: Study) -> pd.DataFrame:
    """What was seen while some runs learned, as ``figures.watched`` takes it."""
    several = {"four times as long": found.longer}
    names = (AS_IT_IS, "no augmentation", named(FEWER[0]))
    several |= {name: found.ensembles[name] for name in names if name in found.ensembles}
    rows = []
    for name, trained in several.items():
        assert trained.watched is not None  # of photographs all runs are
        dimension, block = trained.run.data.dimension, trained.run.updates / trained.watched.shape[1]
        for repetition in trained.watched:
            for place, (error, divergence, held, held_divergence) in enumerate(repetition.tolist()):
                row = {"run": name, "updates": min(round((place + 1) * block), trained.run.updates)}
                for head, off, kl in (("", error, divergence), ("held_", held, held_divergence)):
                    # With the best noise for learned pictures, of a density in steps of 1/255.
                    noise = 0.5 * math.log2(2 * math.pi * error / dimension) + math.log2(255)
                    row |= {
                        f"{head}error": (off / dimension) ** 0.5,
                        f"{head}divergence": kl / math.log(2),
                        f"{head}bits": noise + off / error / 2 / math.log(2) + kl / math.log(2) / dimension,
                    }
                rows.append(row)
    return pd.DataFrame(rows)


def rival_bits(found: Study) -> pd.DataFrame:
    """Bits a picture for the error of each of some runs, of the run and of its rivals."""
    seen, rows = found.evidence, {}
    for run in (AS_IT_IS, "logistic", "text", "fixed"):
        error = seen.mean("held_noisy", run)
        rows[run] = {"squared error": error, "divergence": seen.mean("held_divergence", run)}
        rows[run] |= {name: rival.fewest(error) for name, rival in seen.rivals.items()}
    return pd.DataFrame(rows).T


def code_map(found: Study) -> tuple[np.ndarray, np.ndarray, str, np.ndarray, dict[str, tuple[float, float]]]:
    """Codes of the model that is shown, what directions explain, and what codes know, for ``figures.code_map``."""
    turned, _, shares = codes_of(found.shown)
    brightness = attributes(found.large.sample(1)[0])[:, NAMES.index("brightness")]
    components = principal(found.large, turned.shape[1])
    known = {name: (float(found.display[f"knows_{name}"][0]), components[f"knows_{name}"]) for name in NAMES}
    return turned[:, :2].numpy(), brightness.numpy(), "brightness (0 to 1)", shares, known
