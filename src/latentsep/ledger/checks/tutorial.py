"""Checks of what a tutorial on autoencoders of photographs prints wrongly."""

import calendar
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import affine_grid, grid_sample, softplus

from latentsep.data import folders, images, seeds
from latentsep.data.folders import Folder
from latentsep.data.pictures import CHANNELS
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check
from latentsep.measures.leaks import Leaky
from latentsep.models.augmentation import ANGLE, FEATURES, augmented
from latentsep.training.photographing import LISTING, PASSES, PRINTED, STANFORD, TEXT

SIDE = 64
BATCH = 32


def _stream(name: str) -> torch.Generator:
    return seeds.generator(0, "tutorial", name)


def _fails(attempt) -> float:
    """1 if it raises an error, else 0."""
    try:
        attempt()
    except (RuntimeError, ValueError, OSError):
        return 1.0
    return 0.0


@statement("text-D.1")
def two_sets() -> Check:
    """How many settings of the text's set of hyper-parameters are not those of the listing, and of the listing's."""

    def settings(name: str, own: dict) -> dict:
        return {"learning rate": own["learning_rate"], "decay": own["decay"],
                "passes": PASSES[name], "length": PRINTED[name]}  # fmt: skip

    text, listing = settings("text", TEXT), settings("listing", LISTING)
    differ = sum(text[name] != listing[name] for name in listing)
    return Check(
        "settings that are not those of the listing", differ, 0, sum(listing[n] != listing[n] for n in listing)
    )


@statement("text-D.2")
def scaled() -> Check:
    """A disc on a wide picture, scaled to a square, and scaled by its short side and cropped: width over height."""
    rows, columns = np.mgrid[:120, :180]
    disc = ((rows - 60) ** 2 + (columns - 90) ** 2 < 40**2).astype(np.uint8) * 255
    picture = Image.fromarray(disc)

    def ratio(found: Image.Image) -> float:
        inside = np.asarray(found, float) / 255
        return float(inside.sum(1).max() / inside.sum(0).max())

    stretched, cropped = picture.resize((SIDE, SIDE)), images.square(picture, SIDE)
    return Check("width of a disc over its height, off 1", abs(ratio(stretched) - 1), 0.05, abs(ratio(cropped) - 1))


@statement("text-D.3")
def listed() -> Check:
    """Pictures in folders, as the Stanford Dogs come: how many are missed by a list of the folder, and by a walk."""
    with tempfile.TemporaryDirectory() as where:
        made = [Path(where, f"n{breed}", f"{n}.png") for breed in range(3) for n in range(2)]
        for n, path in enumerate(made):
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (9, 9), (20 * n, 0, 0)).save(path)
        flat = sum(1 - _fails(lambda path=path: Image.open(path)) for path in Path(where).iterdir())
        walked = len(folders.decode(Folder.at(where, 8))["kept"])
    return Check("pictures that are missed", len(made) - flat, 0, len(made) - walked)


@statement("text-D.4")
def asked_for() -> Check:
    """Versions of a picture in ten passes, augmented when it is loaded and when it is asked for: those missing."""
    passes = PASSES["listing"]
    picture = torch.rand(1, CHANNELS * 16**2, generator=_stream("one picture"))
    draws = torch.randn(passes, 1, FEATURES, generator=_stream("augmentation"))
    once = augmented(picture, draws[0])
    at_loading = torch.cat([once for _ in range(passes)])
    when_asked = torch.cat([augmented(picture, each) for each in draws])
    missing = [passes - len(versions.unique(dim=0)) for versions in (at_loading, when_asked)]
    return Check("versions that are missing in ten passes", missing[0], 0, missing[1])


@statement("text-D.5")
def crossed() -> Check:
    """Cross-entropy of a dark channel, at 0 or after normalisation at −1: how far the best mean is from it.

    The best one is looked for among logits up to 30.
    """
    logits = torch.linspace(-30, 30, 6001).double()
    dark = 0.2

    def off(value: float) -> float:
        best = logits[(softplus(logits) - value * logits).argmin()]
        return float((torch.sigmoid(best) - value).abs())

    return Check("distance of the best mean from a channel", off(2 * dark - 1), 0.01, off(dark))


@statement("text-D.6")
def corners() -> Check:
    """How much of an even bright picture turns dark by a rotation with nothing around it, and with its mirror image."""
    angle = torch.deg2rad(torch.tensor(ANGLE))
    rows = torch.stack([angle.cos(), -angle.sin(), angle * 0, angle.sin(), angle.cos(), angle * 0]).reshape(1, 2, 3)
    bright = torch.ones(1, 1, SIDE, SIDE)
    grid = affine_grid(rows, list(bright.shape), align_corners=False)
    dark = [
        float((grid_sample(bright, grid, padding_mode=mode, align_corners=False) < 0.5).double().mean())
        for mode in ("zeros", "reflection")
    ]
    return Check("part of the picture that is dark", dark[0], 1e-3, dark[1])


@statement("text-D.7")
def reported() -> Check:
    """How often a loss is printed in ten passes, with the test after the loop over batches and within it."""
    batches = -(-STANFORD // BATCH)
    after = within = 0
    for _ in range(PASSES["listing"]):
        batch = 0
        for batch in range(batches):
            within += batch % 100 == 0
        after += batch % 100 == 0
    wanted = PASSES["listing"] * -(-batches // 100)
    return Check("times that are missing", wanted - after, 0, wanted - within)


@statement("text-D.8")
@torch.no_grad()
def evaluated() -> Check:
    """A picture beside others, through batch normalisation while it learns and afterwards: how far it is from alone."""
    norm = nn.BatchNorm2d(4)
    x = torch.randn(8, 4, 6, 6, generator=_stream("pictures"))
    off = []
    for learning in (True, False):
        norm.train(learning)
        off.append(float((norm(x)[:2] - norm(x[:2])).abs().max()))
    return Check("change of a picture by the others of its batch", off[0], 1e-6, off[1])


@statement("text-D.9")
def leaks() -> Check:
    """How far a decoded code is on the way to its picture, if the decoder sees another one beside, and if it does not.

    With the best linear decoders of smooth pictures; off from the way of a decoder that sees the code alone.
    """
    small = torch.randn(400, CHANNELS, 6, 6, generator=_stream("smooth"))
    x = nn.functional.interpolate(small, 16, mode="bicubic").flatten(1)
    leaky = Leaky.of(x, 16)
    alone = leaky.components.remade(x)
    whole = float(1 - (alone - x).square().sum(1).mean() / (x - x.roll(1, 0)).square().sum(1).mean())
    beside_itself = leaky.decode(leaky.code(x), leaky.aside(x))
    own = float(1 - (beside_itself - x).square().sum(1).mean() / (x - x.roll(1, 0)).square().sum(1).mean())
    return Check("part of the way that is missing", whole - leaky.by_code(x), 0.01, max(0.0, whole - own))


@statement("text-D.10")
def shown() -> Check:
    """A decoded batch of one, transposed as printed and as a batch: is there an error?"""
    batch = np.zeros((1, CHANNELS, SIDE, SIDE), np.float32)
    printed, meant = (_fails(lambda axes=axes: batch.transpose(axes)[0]) for axes in ((1, 2, 0), (0, 2, 3, 1)))
    return Check("errors raised", printed, 0, meant)


@statement("text-D.11")
def normalised() -> Check:
    """Channels that were normalised, normalised again and with that undone: how far they are outside of 0 to 1."""
    values = torch.linspace(0, 1, 101)
    known = (values - 0.5) / 0.5
    again, undone = (known - 0.5) / 0.5, (known + 1) / 2
    outside = [float((found - found.clamp(0, 1)).abs().max()) for found in (again, undone)]
    return Check("how far channels are outside of what can be shown", outside[0], 1e-6, outside[1])


@statement("text-D.12")
def accessed() -> Check:
    """Days by which a date is after the end of its month."""
    days = calendar.monthrange(2024, 11)[1]
    return Check("days after the end of the month", 31 - days, 0, max(0, 30 - days))


@statement("text-D.13")
def aligned() -> Check:
    """A model of which all is known, x = z + σε: divergence from the prior of each posterior, and of all together."""
    sigma = 0.5
    gain = 1 / (1 + sigma**2)  # the posterior has the mean gain · x and the variance 1 − gain
    variance = 1 - gain
    # x has the variance 1 + σ², so the means have gain² of that.
    each = 0.5 * (gain**2 * (1 + sigma**2) + variance - 1 - np.log(variance))
    total = gain**2 * (1 + sigma**2) + variance
    together = 0.5 * (total - 1 - np.log(total))
    return Check("divergence from the prior (nats)", float(each), 1e-9, abs(float(together)))
