"""What autoencoders of pictures are worth: how far their pictures are off, and what their codes know."""

from collections.abc import Iterable, Iterator, Mapping
from typing import cast

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata, spearmanr
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.benchmarks import HeldOut
from latentsep.models.autoencoders import Autoencoders, Kind, damaged
from latentsep.models.normal import kl_normal
from latentsep.training.autoencoding import Autoencoding
from latentsep.training.ensembles import Trained

PAIRS = 20_000  # of pictures, whose distances are compared
TURNS = 5  # random rotations that axes are held against
ACTIVE = 0.01  # the least variance over pictures of a number that says something (Burda et al., 2016)


def members(trained: Trained) -> pd.DataFrame:
    """One row per member: its ``kind``, ``length`` and ``repetition``."""
    rows = [(m.kind.name, m.length, m.repetition) for m in autoencoding(trained).members]
    return pd.DataFrame(rows, columns=["kind", "length", "repetition"])


def by_way(
    trained: Trained, arrays: Mapping[str, np.ndarray], ways: Iterable[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measures of members ``(members,)`` as a table; and those called ``WAY/name``, with a row for each way."""
    about = members(trained)
    single = about.assign(**{name: value for name, value in arrays.items() if "/" not in name})
    drawn = []
    for way in ways:
        found = {name.removeprefix(f"{way}/"): v for name, v in arrays.items() if name.startswith(f"{way}/")}
        drawn.append(about.assign(way=way, **found))
    return single, pd.concat(drawn, ignore_index=True)


def autoencoders(trained: Trained) -> Autoencoders:
    """The ensemble. Raises ``ValueError`` if it is of another class."""
    if not isinstance(trained.vae, Autoencoders):
        raise ValueError(f"trained is an ensemble of {type(trained.vae).__name__}; choose one of Autoencoders")
    return trained.vae


def autoencoding(trained: Trained) -> Autoencoding:
    """What determines it. Raises ``ValueError`` if it is an ensemble of something else."""
    if not isinstance(trained.run, Autoencoding):
        raise ValueError(f"trained is of a {type(trained.run).__name__}; choose an Autoencoding")
    return trained.run


def find(ensembles: Iterable[Trained], kind: str, length: int, repetition: int = 0) -> Trained:
    """The one autoencoder of a kind, length and repetition. Raises ``ValueError`` if there is none."""
    ensemble, number = place(ensembles, kind, length, repetition)
    return ensemble.only(**vars(ensemble.run.members[number]))


def place(ensembles: Iterable[Trained], kind: str, length: int, repetition: int = 0) -> tuple[Trained, int]:
    """The ensemble that has it, and its number there. Raises ``ValueError`` if there is none."""
    for ensemble in ensembles:
        for number, member in enumerate(autoencoding(ensemble).members):
            if (member.kind.name, member.length, member.repetition) == (kind, length, repetition):
                return ensemble, number
    raise ValueError(f"kind is {kind!r} with {length} numbers; choose one that was trained")


def data(trained: Trained) -> HeldOut:
    """The pictures that it was trained on. Raises ``ValueError`` for data of which nothing is held out."""
    if not hasattr(trained.run.data, "held_out"):
        raise ValueError(f"data is {trained.run.data}; choose Handwriting | Shapes")
    return cast(HeldOut, trained.run.data)


@torch.no_grad()
def errors(trained: Trained, x: Tensor, seen: Tensor | None = None) -> np.ndarray:
    """‖x − x′‖² of pictures ``x`` ``(batch, D)`` on average, ``(members,)``; x′ is made of ``seen``, or else of x."""
    vae = autoencoders(trained)
    return (x - vae.decode(vae.codes(x if seen is None else seen))).square().sum(-1).double().mean(-1).numpy()


def pictures_of(alone: Trained, code: Tensor) -> Tensor:
    """The pictures ``(batch, D)`` that an ensemble of one makes of codes ``(batch, length)``."""
    padding = alone.run.space.decoder_features - code.shape[1]
    return autoencoders(alone).decode(torch.nn.functional.pad(code, (0, padding))[None])[0]


def damage(x: Tensor, kind: Kind, seed: int = 0) -> Tensor:
    """Pictures ``(batch, D)`` with the damage that a kind learns to mend."""
    draws = torch.randn(x.shape, generator=seeds.generator(seed, "damage", kind.name))
    return damaged(x, draws, torch.tensor(kind.noise), torch.tensor(kind.masked))


def principal(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean ``(D,)``, variances ``(D,)`` and principal directions ``(D, D)`` of ``x`` ``(batch, D)``, largest first."""
    mean = x.double().mean(0)
    variances, vectors = torch.linalg.eigh(torch.cov(x.double().T))
    return tuple(part.to(x.dtype) for part in (mean, variances.flip(0).clamp(min=0), vectors.flip(-1).T))  # type: ignore[return-value]


@torch.no_grad()
def used(trained: Trained, x: Tensor, seed: int | None = None) -> Iterator[Tensor]:
    """The codes ``(batch, length)`` of ``x`` ``(batch, D)``, member by member, without the numbers they do not use.

    With a ``seed``, those that the decoder sees in training: draws, if the kind is variational.
    """
    vae = autoencoders(trained)
    noise = torch.zeros(len(x), trained.run.space.decoder_features)
    if seed is not None:
        noise.normal_(generator=seeds.generator(seed, "codes as seen"))
    for code, member in zip(vae.drawn(x, noise), autoencoding(trained).members, strict=True):
        yield code[:, : member.length]


def active(code: Tensor) -> Tensor:
    """Which numbers of codes ``(n, d)`` vary from picture to picture, ``(d,)``; all of them if none does."""
    found = code.var(0) > ACTIVE
    return found if found.any() else torch.ones_like(found)


def probe(code: Tensor, labels: Tensor, other: Tensor, other_labels: Tensor) -> float:
    """How often a linear discriminant of ``code`` ``(n, d)`` knows the class of ``other`` codes.

    Where all codes are the same, that is how often the most frequent class is right.
    """
    if not (code != code[0]).any():
        return float((other_labels == labels.bincount().argmax()).double().mean())
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis  # late: it takes a second

    found = LinearDiscriminantAnalysis().fit(code.double().numpy(), labels.numpy())
    return float(found.score(other.double().numpy(), other_labels.numpy()))


def lengths(points: Tensor, seed: int = 0) -> np.ndarray:
    """The distances ``(PAIRS,)`` between pairs of points ``(n, d)`` that are drawn alike for pictures and for codes."""
    first, second = torch.randint(len(points), (2, PAIRS), generator=seeds.generator(seed, "pairs of pictures"))
    return (points[first] - points[second]).norm(dim=-1).numpy()


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation of distances, as between pictures and between codes; 0 if some are all equal."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(spearmanr(first, second).statistic)


def neighbours(code: Tensor, labels: Tensor) -> float:
    """How often the nearest other code of ``(n, d)`` has the same class."""
    nearest = torch.cdist(code, code).fill_diagonal_(torch.inf).argmin(1)
    return float((labels[nearest] == labels).double().mean())


def separation(code: Tensor, labels: Tensor) -> float:
    """How well single numbers of codes ``(n, d)`` tell a class from the others: the best area under the curve.

    On average over classes, from 0.5, where none says anything, to 1, where each class has a number that tells it.
    """
    ranks = torch.from_numpy(rankdata(code.numpy(), axis=0))
    best = []
    for label in labels.unique():
        own = labels == label
        pairs = float(own.sum() * (~own).sum())
        area = (ranks[own].sum(0) - own.sum() * (own.sum() + 1) / 2) / pairs
        best.append(float((area - 0.5).abs().amax() + 0.5))
    return float(np.mean(best))


def axes(code: Tensor, labels: Tensor, seed: int = 0) -> float:
    """How much more single numbers of a code tell than random directions: ``separation`` less that of turned codes."""
    turned = []
    for turn in range(TURNS):
        stream = seeds.generator(seed, "turn", code.shape[1], turn)
        rotation = torch.linalg.qr(torch.randn(code.shape[1], code.shape[1], generator=stream))[0]
        turned.append(separation(code @ rotation, labels))
    return separation(code, labels) - float(np.mean(turned))


def displacement(code: Tensor, moved: Tensor) -> float:
    """How far codes ``(n, d)`` moved, as a share of their spread: the root of the ratio of mean squares."""
    return float(((moved - code).square().sum(-1).mean() / (code - code.mean(0)).square().sum(-1).mean()).sqrt())


def irregularity(code: Tensor) -> float:
    """The divergence of a normal density with the moments of codes ``(n, d)`` from the standard normal, in nats."""
    covariance = covariance_of(code)
    return float(kl_normal(code.double().mean(0), covariance))


def covariance_of(code: Tensor) -> Tensor:
    """The covariance ``(d, d)`` of codes ``(n, d)`` in double precision; a number that is not used has next to none."""
    covariance = torch.cov(code.double().T).reshape(code.shape[1], code.shape[1])
    return covariance + (1e-6 * covariance.diagonal().mean() + 1e-12) * torch.eye(code.shape[1]).double()


def isolation(code: Tensor, probes: int = 2_000) -> float:
    """How far codes ``(n, d)`` are from their nearest other: the distance that all but one in a hundred keep within."""
    apart = torch.cdist(code[:probes], code)
    apart[torch.arange(len(apart)), torch.arange(len(apart))] = torch.inf
    return float(apart.amin(1).quantile(0.99))


def holes(code: Tensor, drawn: Tensor, isolated: float) -> float:
    """The share of ``drawn`` codes ``(m, d)`` that lie in holes: no ``code`` ``(n, d)`` is as near as ``isolated``."""
    return float((torch.cdist(drawn, code).amin(1) > isolated).double().mean())
