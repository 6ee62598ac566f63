"""Chapter IV: what its sentences say of codes, in numbers."""

from dataclasses import dataclass

from latentsep.findings.photographs import Study
from latentsep.ledger.numerals import numeral
from latentsep.measures import directions
from latentsep.measures.directions import Directions
from latentsep.training.photographing import AS_IT_IS


@dataclass(frozen=True)
class Known:
    """What codes know, R² in per cent; how much of their variance directions have; and errors of unusual pictures."""

    brightness: float
    brightness_plainer: float
    warmth_rectified: str
    error_plainer: float
    error_rectified: float
    error_unnormalised: float
    error_unaugmented: float
    error_usual: float
    warmth: float
    warmth_components: float
    warmth_remade: float
    greenness: str
    green_components: float
    green_remade: str
    green_shown: str
    green_unnormalised: str
    green_long: str
    busy: float
    tight_plainly: float
    contrast: float
    contrast_components: float
    odd_photographs: float
    odd_negatives: float
    odd_turned: float
    odd_blurred: float
    odd_noise: float
    uncertain: str
    tight: float
    tight_fixed: float
    divergence: float
    per_number: float
    irregular: float


def known(found: Study) -> Known:
    """Gather them."""
    seen = found.evidence
    length = seen.length(AS_IT_IS)

    def knows(name: str, run: str = AS_IT_IS) -> float:
        return 100 * seen.mean(f"knows_{name}", run)

    def unusual(name: str) -> float:
        return 100 * seen.mean(f"unusual_{name}")

    return Known(
        brightness=knows("brightness"),
        brightness_plainer=knows("brightness", "no residual blocks"),
        warmth_remade=100 * seen.mean("remakes_warmth"),
        greenness=numeral(seen.mean("knows_greenness"), 2),
        green_components=100 * seen.components("knows_greenness", AS_IT_IS),
        green_remade=numeral(seen.mean("remakes_greenness"), 2),
        green_unnormalised=numeral(seen.mean("remakes_greenness", "no normalisation"), 2),
        green_long=numeral(float(found.long.remakes_greenness[0]), 2),
        green_shown=numeral(float(found.display.remakes_greenness[0]), 2),
        busy=seen.mean("busy"),
        tight_plainly=seen.mean("tight", "no augmentation"),
        warmth_rectified=numeral(seen.mean("knows_warmth", "rectified sums"), 2),
        error_plainer=seen.mean("held_error", "no residual blocks"),
        error_rectified=seen.mean("held_error", "rectified sums"),
        error_unnormalised=seen.mean("held_error", "no normalisation"),
        error_unaugmented=seen.mean("held_error", "no augmentation"),
        error_usual=seen.mean("held_error"),
        warmth=knows("warmth"),
        warmth_components=100 * seen.components("knows_warmth", AS_IT_IS),
        contrast=knows("contrast"),
        contrast_components=100 * seen.components("knows_contrast", AS_IT_IS),
        odd_photographs=unusual("other photographs"),
        odd_negatives=unusual("negatives"),
        odd_turned=unusual("upside down"),
        odd_blurred=unusual("blurred"),
        odd_noise=unusual("noise"),
        uncertain=numeral(seen.mean("uncertain"), 2),
        tight=seen.mean("tight"),
        tight_fixed=seen.mean("tight", "fixed"),
        divergence=seen.mean("held_divergence"),
        per_number=seen.mean("held_divergence") / length,
        irregular=seen.mean("irregular"),
    )


@dataclass(frozen=True)
class Steered:
    """How far attributes go on the way along their own directions, in deviations over photographs."""

    reach: float
    moved_brightness: str
    moved_warmth: str
    moved_greenness: str


def steered(found: Study, through: int = 2) -> tuple[Directions, Steered]:
    """Directions of the model that is shown, ``through`` some held-out photographs too, and what a sentence says."""
    ways = directions.directions(found.shown, found.large.held_out()[0][:through])
    moved = {f"moved_{name}": numeral(ways.moved(name), 1) for name in ("brightness", "warmth", "greenness")}
    return ways, Steered(float(ways.places[-1]), **moved)
