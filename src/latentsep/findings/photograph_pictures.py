"""Chapter IV: photographs as they are, as autoencoders remake them, as these draw new ones, and between two of them."""

import numpy as np
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.pictures import in_colour
from latentsep.findings.photographs import Study, codes_of, out_of_focus
from latentsep.measures import codes, examination, walks
from latentsep.measures.components import Components
from latentsep.measures.exhibition import spherical
from latentsep.measures.leaks import Leaky
from latentsep.models.augmentation import FEATURES, augmented
from latentsep.training.ensembles import Trained
from latentsep.training.photographing import AS_IT_IS

REACH = 2.0  # deviations to either side


def seen(flat: Tensor) -> np.ndarray:
    """Pictures ``(..., 3 · side²)`` as they are shown, ``(..., side, side, 3)``."""
    return in_colour(flat.clamp(0, 1)).movedim(-3, -1).numpy()


def first(found: Study, count: int) -> dict[str, np.ndarray]:
    """Photographs to learn from, the same augmented, and held-out ones, ``(count, side, side, 3)`` each."""
    x = found.large.sample(1)[0][:count]
    draws = torch.randn(count, FEATURES, generator=seeds.generator(found.shown.run.seed, "shown", "augmented"))
    return {"learned": seen(x), "augmented": seen(augmented(x, draws)), "held out": held(found, count)}


def held(found: Study, count: int) -> np.ndarray:
    """The first held-out photographs, ``(count, side, side, 3)``."""
    return seen(found.large.held_out()[0][:count])


@torch.no_grad()
def remade(found: Study, count: int) -> dict[str, np.ndarray]:
    """Held-out photographs, remade, and what does as well or better without a network."""
    x, others = found.large.sample(1)[0], found.large.held_out()[0]
    made = codes.pictures_of(found.shown, next(codes.used(found.shown, others)))
    components = Components.of(x, codes.autoencoding(found.shown).members[0].length, mirrored=True)
    error = float((made - others).square().sum(1).mean())
    rows = {
        "held out": others,
        "remade": made,
        "components": components.remade(others),
        "out of focus": out_of_focus(others, error),
    }
    return {name: seen(pictures[:count]) for name, pictures in rows.items()}


@torch.no_grad()
def drawn(found: Study, count: int) -> dict[str, np.ndarray]:
    """Pictures of codes from the prior and from a density fitted to codes; components drawn; the nearest photograph."""
    x = found.large.sample(1)[0]
    code = next(codes.used(found.shown, x))
    stream = seeds.generator(found.shown.run.seed, "shown", "drawn")
    prior, fitted = (
        codes.pictures_of(found.shown, examination.draw(code, way, count, stream)) for way in ("standard", "fitted")
    )
    return {
        "prior": seen(prior),
        "its nearest": seen(x[torch.cdist(prior, x).argmin(1)]),
        "fitted": seen(fitted),
        "components": seen(Components.of(x, code.shape[1], mirrored=True).drawn(count, stream)),
    }


@torch.no_grad()
def between(found: Study, steps: int, pair: tuple[int, int] = (0, 1)) -> dict[str, np.ndarray]:
    """From one held-out photograph to another: codes on a line and on an arc, pixels, and codes that leak.

    In the last row the decoder sees a small picture of a third photograph beside each code.
    """
    others = found.large.held_out()[0]
    code = next(codes.used(found.shown, others))
    ends = code[pair[0]][None], code[pair[1]][None]
    part = torch.linspace(0, 1, steps)[:, None]
    chosen = torch.linspace(0, walks.STEPS, steps).round().long()
    leaky = Leaky.of(found.large.sample(1)[0], code.shape[1])
    own = leaky.code(others)
    third = leaky.aside(others[2:3]).expand(steps, -1)
    rows = {
        "line": codes.pictures_of(found.shown, walks.straight(*ends)[0, chosen]),
        "arc": codes.pictures_of(found.shown, spherical(*ends)[0, chosen]),
        "pixels": torch.lerp(others[pair[0]], others[pair[1]], part),
        "leaky": leaky.decode(torch.lerp(own[pair[0]], own[pair[1]], part), third),
    }
    return {name: seen(pictures) for name, pictures in rows.items()}


@torch.no_grad()
def along(alone: Trained, directions: int, steps: int) -> dict[str, np.ndarray]:
    """Pictures ``(steps, side, side, 3)`` along some principal directions of codes, ``REACH`` deviations each way."""
    turned, axes, _ = codes_of(alone)
    center = next(codes.used(alone, codes.data(alone).sample(1)[0])).mean(0)
    rows = {}
    for number in range(directions):
        places = torch.linspace(-REACH, REACH, steps)[:, None] * turned[:, number].std()
        rows[f"{number + 1}."] = seen(codes.pictures_of(alone, center + places * axes[number]))
    return rows


@torch.no_grad()
def compared(found: Study, names: tuple[str, ...], count: int) -> dict[str, np.ndarray]:
    """Held-out photographs as they are compared, small, and as several runs remake them, the first repetition."""
    others = found.small.held_out()[0][:count]
    rows = {"held out": seen(others)}
    for name in (AS_IT_IS, *names):
        member = codes.autoencoding(found.ensembles[name]).members[0]
        alone = found.ensembles[name].only(**vars(member))
        rows[name] = seen(codes.pictures_of(alone, next(codes.used(alone, others))))
    return rows
