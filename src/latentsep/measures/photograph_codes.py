"""What codes of photographs know, how they lie, and what an autoencoder says of pictures that are unlike."""

import math

import torch
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr
from torch import Tensor

from latentsep.data import photographs, seeds
from latentsep.data.pictures import in_colour, side_of
from latentsep.measures import codes, posteriors
from latentsep.measures.attributes import NAMES, attributes, known, told_apart
from latentsep.training.ensembles import Trained

NUDGE = 0.1  # of the deviation of codes, by which they are moved
BLUR = 1 / 16  # of the side, the deviation of a blur
CLUSTERS = (2, 3, 4, 6)
UNUSUAL = ("other photographs", "negatives", "upside down", "blurred", "noise")


def about(alone: Trained, x: Tensor, held: Tensor) -> dict[str, float]:
    """The measures of an ensemble of one by name, of learned pictures ``x`` and ``held``-out ones ``(n, D)``.

    ``knows_NAME`` is R² of a linear function of mean codes for each of the ``attributes``, ``remakes_NAME`` that of the
    attributes of remade pictures, taken for those of the pictures. ``tight`` is the mean deviation of a number of the
    code over pictures. ``lumps`` is by how many nats clusters describe the first two principal components of held-out
    codes better than one normal density, ``pair_knows`` what these two know of brightness.
    ``irregular`` is the divergence of a normal density with the moments of all codes from the prior, in bits.
    ``moved`` is how far a picture moves if its code is nudged, as a part of the spread of pictures. ``unusual_NAME`` is
    how often the squared error of such a picture is larger than that of a held-out one. Of kinds with posteriors,
    ``uncertain`` is the rank correlation of their width with the error; ``busy`` that of a picture's roughness with it.
    """
    (mean, std), (other, spread) = (posteriors.posterior(alone, part) for part in (x, held))
    values, other_values = attributes(x), attributes(held)
    found = {f"knows_{name}": value for name, value in _known(mean, values, other, other_values).items()}
    missed = attributes(codes.pictures_of(alone, other)) - other_values
    shown = 1 - missed.square().mean(0) / other_values.var(0, correction=0)
    found |= {f"remakes_{name}": value for name, value in zip(NAMES, shown.tolist(), strict=True)}
    center, _, directions = codes.principal(mean)
    plane, other_plane = ((part - center) @ directions[:2].T for part in (mean, other))
    found |= {
        "lumps": lumps(plane, other_plane),
        "pair_knows": known(plane, values[:, :1], other_plane, other_values[:, :1])[0],
        "tight": float(mean.std(0).mean()),
        "moved": _moved(alone, other, held),
    }
    errors = (held - codes.pictures_of(alone, other)).square().sum(1)
    found["busy"] = float(spearmanr(other_values[:, -1], errors).statistic)
    seen = mean
    if codes.autoencoding(alone).members[0].kind.variational:
        seen = mean + std * torch.randn(mean.shape, generator=seeds.generator(alone.run.seed, "codes as seen"))
        found["uncertain"] = float(spearmanr(spread.log().sum(1), errors).statistic)
    found["irregular"] = codes.irregularity(seen) / math.log(2)
    return found | {f"unusual_{name}": value for name, value in _unusual(alone, held).items()}


def lumps(code: Tensor, other: Tensor) -> float:
    """By how many nats so many normal densities as are best for ``other`` codes ``(m, d)`` say more of them than one.

    All are fitted to ``code`` ``(n, d)``. Since the best is chosen by what it is judged by, this is rather too much.
    """
    from sklearn.mixture import GaussianMixture  # late: it takes a second

    one, *several = (
        GaussianMixture(count, n_init=3, reg_covar=1e-6, random_state=0)
        .fit(code.double().numpy())
        .score(other.double())
        for count in (1, *CLUSTERS)
    )
    return float(max(several) - one)


def _known(mean: Tensor, values: Tensor, other: Tensor, other_values: Tensor) -> dict[str, float]:
    return dict(zip(NAMES, known(mean, values, other, other_values), strict=True))


def _moved(alone: Trained, code: Tensor, held: Tensor) -> float:
    step = torch.randn(code.shape, generator=seeds.generator(alone.run.seed, "nudges")) * NUDGE * code.std(0)
    apart = codes.pictures_of(alone, code + step) - codes.pictures_of(alone, code)
    return float((apart.square().mean() / (held - held.mean(0)).square().mean()).sqrt())


def _unusual(alone: Trained, held: Tensor) -> dict[str, float]:
    def off(pictures: Tensor) -> Tensor:
        made = codes.pictures_of(alone, posteriors.posterior(alone, pictures)[0])
        return (pictures - made).square().sum(1)

    usual = off(held)
    return {name: told_apart(usual, off(pictures)) for name, pictures in unusual(held).items()}


def unusual(held: Tensor) -> dict[str, Tensor]:
    """Pictures ``(n, D)`` that are unlike those of ``held`` ``(n, D)``, by what they are."""
    others = torch.from_numpy(photographs.cut(side_of(held)).reshape(-1, held.shape[1])).to(held) / 255
    noise = torch.rand(held.shape, generator=seeds.generator(0, "pictures of noise"))
    found = (others[: len(held)], 1 - held, in_colour(held).flip(-2).flatten(1), blurred(held), noise)
    return dict(zip(UNUSUAL, found, strict=True))


def blurred(flat: Tensor, part: float = BLUR) -> Tensor:
    """Pictures ``(n, D)`` out of focus, by a normal density with a deviation of ``part`` of the side."""
    deviation = part * side_of(flat)
    smooth = gaussian_filter(in_colour(flat).numpy(), (0, 0, deviation, deviation))
    return torch.from_numpy(smooth).flatten(1)
