"""What can be said of a photograph without knowing what is on it, and whether a code knows it."""

import torch
from torch import Tensor

from latentsep.data.pictures import in_colour, side_of

RIM = 8  # an edge of this part of the side counts as background
NAMES = ("brightness", "contrast", "warmth", "greenness", "background", "middle", "roughness")


def attributes(flat: Tensor) -> Tensor:
    """Of photographs ``(n, 3 · side²)`` from 0 to 1 what ``NAMES`` says, ``(n, 7)``.

    *Brightness* is the mean and *contrast* the deviation over the picture, *warmth* red less blue, *greenness* green
    less the mean of these, *background* the brightness of the rim, *middle* that of what is within less it,
    *roughness* the mean difference of neighbours.
    """
    pictures, side = in_colour(flat).double(), side_of(flat)
    width = max(1, side // RIM)
    within = torch.zeros(side, side, dtype=torch.bool)
    within[width:-width, width:-width] = True
    grey = pictures.mean(1)
    rim, middle = grey[:, ~within].mean(1), grey[:, within].mean(1)
    red, green, blue = pictures.mean((2, 3)).unbind(1)
    return torch.stack(
        [
            grey.mean((1, 2)),
            grey.flatten(1).std(1),
            red - blue,
            green - (red + blue) / 2,
            rim,
            middle - rim,
            roughness(flat),
        ],
        1,
    )


def roughness(flat: Tensor) -> Tensor:
    """The mean difference of neighbours in photographs ``(n, 3 · side²)``, to the right and below, ``(n,)``."""
    pictures = in_colour(flat).double()
    return (pictures.diff(dim=-1).abs().mean((1, 2, 3)) + pictures.diff(dim=-2).abs().mean((1, 2, 3))) / 2


def known(code: Tensor, values: Tensor, other: Tensor, other_values: Tensor) -> list[float]:
    """R² with which a linear function of codes ``(n, d)`` predicts each column of ``values`` ``(n, k)`` on ``other``.

    Of few photographs the best linear function would be made up, so it is shrunk by as much as pays on other parts of
    the same codes (ridge regression). Below zero it knows less than the mean.
    """
    from sklearn.linear_model import RidgeCV  # late: it takes a second

    strengths = torch.logspace(-3, 4, 15).numpy()
    found = []
    for column, wanted in zip(values.T, other_values.T, strict=True):
        fitted = RidgeCV(strengths).fit(code.double().numpy(), column.double().numpy())
        found.append(float(fitted.score(other.double().numpy(), wanted.double().numpy())))
    return found


def told_apart(usual: Tensor, unusual: Tensor) -> float:
    """How often a number of ``unusual`` pictures ``(m,)`` is larger than that of ``usual`` ones ``(n,)``; ½ by chance.

    That is the area under the curve of true against false alarms.

    >>> told_apart(torch.tensor([1.0, 2.0]), torch.tensor([1.5, 3.0]))
    0.75
    """
    larger = (unusual[:, None] > usual).double().mean()
    return float(larger + 0.5 * (unusual[:, None] == usual).double().mean())
