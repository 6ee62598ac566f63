"""Figures in which a trained decoder draws the code that a reader moves."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from latentsep.figures.base import canvas, picture
from latentsep.figures.interactive import Interactive
from latentsep.measures import codes
from latentsep.training import exports
from latentsep.training.ensembles import Trained

_DTYPE = "float16"  # in which the weights of a decoder of MNIST take 200 kB
_REACH, _NOTCHES = 2.5, 20  # of a slider, in deviations, and how many steps it has for each of them
_RIM = 0.08  # of a plane around codes, as a part of how far they reach


class Decoded(Interactive):
    """A code that is moved in some ``way``, and what one autoencoder makes of it.

    Its data holds the ``network``, a decoder with ``probes`` of it, the ``side`` of its pictures, and the state at the
    ``start``. Where there are digits, it holds their ``labels``, ``codes``, and ``pixels`` (one byte each, base64); of
    a plane also the ends of its axes, ``x`` and ``y``. Where numbers are moved one by one, each has in ``ranges`` the
    least, the largest, and the step of its slider.
    """

    kind = "decoded"
    needs = ("panels.js", "networks.js")


def _data(trained: Trained, member: int, way: str, start: Mapping[Any, object], probed: Tensor) -> dict[str, object]:
    """What every way needs; ``probed`` is a code ``(d,)`` that tells whether a page computes as the package does."""
    small = exports.rounded(trained, _DTYPE)
    content = exports.packed(small, [member], _DTYPE, ["decoder"])
    return {
        "way": way,
        "side": round(trained.run.data.dimension**0.5),
        "network": base64.b64encode(content).decode(),
        "probes": exports.decoded(small, probed, [member]),
        "start": start,
    }


def _digits(found: Tensor, labels: Tensor, pictures: Tensor) -> dict[str, object]:
    ink = (255 * pictures.clamp(0, 1)).round().byte().numpy()
    return {
        "labels": [str(label) for label in labels.tolist()],
        "codes": found.double().numpy().round(4).tolist(),
        "pixels": base64.b64encode(ink.tobytes()).decode(),
    }


def digit_plane(
    trained: Trained, member: int, digits: tuple[Tensor, Tensor], alt: str, each: int = 5, name: str = "digit-plane"
) -> Decoded:
    """The plane of one autoencoder with codes of two numbers, with some digits in it (Foundations, I).

    Of ``digits``, pictures ``(n, D)`` and labels ``(n,)``, there are the first few of ``each`` class. The code is at
    first midway between the first digits of two classes.
    """
    alone = _alone(trained, member)
    pictures, labels = (part[_first(digits[1], each)] for part in digits)
    found = next(codes.used(alone, pictures))
    low, high = found.amin(0), found.amax(0)
    ends = torch.lerp(low, high, torch.tensor([[-_RIM], [1 + _RIM]])).T.double().numpy().round(1).tolist()
    second = int((labels != labels[0]).int().argmax())
    code = found[[0, second]].mean(0).double().numpy().round(2)
    probed = torch.tensor(code).float()
    data = _data(trained, member, "plane", {"code": code.tolist()}, probed) | _digits(found, labels, pictures)
    still = _plane(alone, (found, labels, pictures), probed, ends)
    return Decoded(name, alt, still, data | dict(zip("xy", ends, strict=True)))


def digit_line(
    trained: Trained, member: int, digits: tuple[Tensor, Tensor], alt: str, name: str = "digit-line"
) -> Decoded:
    """The straight line between the codes of two digits, decoded, beside the mixture of their pixels (Foundations, II).

    Of ``digits``, pictures ``(n, D)`` and labels ``(n,)``, there are the first and the second of each class. At first
    the way is half, from the first of the first class to the digit whose pixels are farthest from it. Raises
    ``ValueError`` if no class has two.
    """
    alone = _alone(trained, member)
    own = [torch.nonzero(digits[1] == label)[:2, 0] for label in digits[1].unique()]
    if not (pairs := [pair for pair in own if len(pair) == 2]):
        raise ValueError(f"digits has {len(own)} classes of one each; choose some with two or more")
    pictures, labels = (part[torch.stack(pairs).T.flatten()] for part in digits)
    found = next(codes.used(alone, pictures))
    second = int((pictures[len(pairs) :] - pictures[0]).norm(dim=-1).argmax())
    ends = [0, len(pairs) + second]
    middle = found[ends].mean(0)
    start = {"first": 0, "second": second, "share": 0.5}
    data = _data(trained, member, "line", start, middle) | _digits(found, labels, pictures)
    return Decoded(name, alt, _line(alone, pictures[ends], middle), data)


def code_sliders(trained: Trained, member: int, x: Tensor, alt: str, name: str = "code-sliders") -> Decoded:
    """A slider for each number of one autoencoder's code, and the picture that is decoded (Foundations, III).

    They go over the codes of pictures ``x`` ``(n, D)``: ``_REACH`` deviations to either side of the mean.
    """
    alone = _alone(trained, member)
    found = next(codes.used(alone, x))
    middle, deviation = (part.double().numpy().round(3) for part in (found.mean(0), found.std(0)))
    reach = _REACH * deviation
    ranges = np.stack([middle - reach, middle + reach, deviation / _NOTCHES], 1).round(6).tolist()
    start = {number: float(value) for number, value in enumerate(middle)}
    data = _data(trained, member, "numbers", start, torch.tensor(middle).float())
    return Decoded(name, alt, _sliders(alone, middle, ranges), data | {"ranges": ranges})


def _alone(trained: Trained, member: int) -> Trained:
    return trained.only(**vars(trained.run.members[member]))


def _first(labels: Tensor, each: int) -> Tensor:
    """Where the first few of each class are, class by class."""
    return torch.cat([torch.nonzero(labels == label)[:each, 0] for label in labels.unique()])


def _shown(ax: Axes, trained: Trained, flat: Tensor, title: str) -> None:
    side = round(trained.run.data.dimension**0.5)
    ax.imshow(1 - flat.clamp(0, 1).reshape(side, side).numpy(), cmap="gray", vmin=0, vmax=1)
    ax.set(title=title, xticks=[], yticks=[])
    ax.spines[:].set(visible=True, color="0.8")


@picture
def _plane(alone: Trained, digits: tuple[Tensor, Tensor, Tensor], code: Tensor, ends: list[list[float]]) -> Figure:
    """Codes of digits as numerals, the picture of one code, and the digit that is nearest to it."""
    fig = canvas(6.4, 2.7)
    plane, made, near = fig.subplots(1, 3, width_ratios=(1.6, 1, 1))
    found, labels, pictures = digits
    nearest = int((found - code).norm(dim=-1).argmin())
    for i, (place, label) in enumerate(zip(found.tolist(), labels.tolist(), strict=True)):
        look = {"size": 12, "weight": "bold"} if i == nearest else {"size": 7, "color": "0.35"}
        plane.text(*place, str(label), ha="center", va="center", **look)
    plane.plot(*code.tolist(), "o", color="white", markeredgecolor="black", markeredgewidth=1.5, markersize=8, zorder=6)
    plane.set(xlim=ends[0], ylim=ends[1], xlabel="$z_1$", ylabel="$z_2$")
    with torch.no_grad():
        _shown(made, alone, codes.pictures_of(alone, code[None])[0], "decoded")
    _shown(near, alone, pictures[nearest], "nearest digit")
    return fig


@picture
def _line(alone: Trained, ends: Tensor, middle: Tensor) -> Figure:
    """Two digits, and between them the picture of the code midway, and their mixture."""
    fig = canvas(6.4, 2)
    axes = fig.subplots(1, 4)
    with torch.no_grad():
        made = codes.pictures_of(alone, middle[None])[0]
    shown = {"from": ends[0], "decoded": made, "pixels mixed": ends.mean(0), "to": ends[1]}
    for ax, (title, flat) in zip(axes, shown.items(), strict=True):
        _shown(ax, alone, flat, title)
    return fig


@picture
def _sliders(alone: Trained, code: np.ndarray, ranges: list[list[float]]) -> Figure:
    """Where each number is in its range, and the picture of the code."""
    fig = canvas(5.4, 2.4)
    left, made = fig.subplots(1, 2)
    for number, (value, (low, high, _)) in enumerate(zip(code, ranges, strict=True)):
        left.plot([0, 1], [-number, -number], color="0.7", zorder=0)
        left.plot((value - low) / (high - low), -number, "o", color="#0072B2", markersize=8)
        left.text(1.06, -number, f"{value:.2f}".replace("-", "−"), va="center")
        left.text(-0.06, -number, f"$z_{number + 1}$", va="center", ha="right")
    left.set(xlim=(-0.2, 1.35), ylim=(0.8 - len(ranges) - 0.6, 0.8))
    left.axis("off")
    with torch.no_grad():
        _shown(made, alone, codes.pictures_of(alone, torch.tensor(code[None]).float())[0], "decoded")
    return fig
