"""Figures in which a trained decoder draws the code that a reader moves."""

import base64

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
_RIM = 0.08  # of a plane around codes, as a part of how far they reach


class Decoded(Interactive):
    """A code that is moved in some ``way``, and what one autoencoder makes of it.

    Its data holds the ``network``, a decoder with ``probes`` of it, the ``side`` of its pictures, and the state at the
    ``start``. Where there are digits, it holds their ``labels``, ``codes``, and ``pixels`` (one byte each, base64); of
    a plane also the ends of its axes, ``x`` and ``y``.
    """

    kind = "decoded"
    needs = ("panels.js", "networks.js")


def _data(trained: Trained, member: int, way: str, start: dict[str, object], probed: Tensor) -> dict[str, object]:
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
    trained: Trained, member: int, digits: tuple[Tensor, Tensor], alt: str, each: int = 6, name: str = "digit-plane"
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
