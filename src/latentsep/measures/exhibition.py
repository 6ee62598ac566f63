"""All that chapter IV measures of an ensemble of autoencoders of photographs, as one record."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.measures import channels, codes, examination, posteriors, samples, scattering, walks
from latentsep.measures.attributes import roughness
from latentsep.measures.information import error
from latentsep.models.normal import kl_normal_diagonal
from latentsep.models.picture_variants import LOGISTIC, PictureVariants
from latentsep.runtime import records
from latentsep.training.ensembles import Trained, train
from latentsep.training.photographing import Photographing

DRAWN = 240  # pictures of each sort that are drawn, at most as many as are learned from
LINES = 60  # lines between two held-out pictures
NEIGHBOURS = 3
KNOWN = 1_000  # photographs of either sort that are looked at


@dataclass(frozen=True)
class Exhibition:
    """An ensemble whose pictures are looked at by numbers."""

    run: Photographing

    @property
    def summary(self) -> str:
        """What it is, in a few words for a list of many."""
        return f"pictures of {len(self.run.members)} autoencoders"


def job(exhibition: Exhibition) -> records.Job:
    """Its computation as a job for the records; the ensemble must be there."""
    return records.Job(exhibition, look, guess=4.0 * len(exhibition.run.members))


def table(exhibition: Exhibition) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is measured of each member, one row each; and of what it draws, one row for each way."""
    return codes.by_way(train(exhibition.run), records.fetch(exhibition, look), examination.WAYS)


@torch.no_grad()
def look(exhibition: Exhibition, checkpoint: Path | None = None) -> records.Arrays:
    """The measures by name, ``(members,)``.

    Of learned and of ``held_`` pictures: the squared ``error`` of what is made of mean codes, and the ``bits`` a
    channel of −ELBO, of codes that are drawn (with the noise of the decoder that is best for learned ones, unless it
    has its own); ``divergence`` is its part from the prior, in bits a picture. ``sharp`` is how much neighbouring
    pixels differ in what is remade, over how much they do in photographs. ``remade``, ``straight`` and ``round`` are
    Fréchet distances from learned pictures of held-out ones that are remade, and of middles of lines between such;
    ``uneven`` and ``uneven_round`` are as in ``walks``. Of what is drawn, as ``WAY/name``: the Fréchet ``distance``,
    those of ``samples``, how ``sharp`` it is, and ``copied``, how often its nearest photograph is a learned one, of as
    many held-out ones.
    """
    trained, rows = train(exhibition.run), []
    x, held = codes.data(trained).sample(1)[0][:KNOWN], codes.data(trained).held_out()[0][:KNOWN]
    view = scattering.View.of(x)
    known, rough = view(x), roughness(held).mean()
    real = samples.Real.of(known, NEIGHBOURS)
    for member in codes.autoencoding(trained).members:
        alone = trained.only(**vars(member))
        (mean, std), (other, spread) = (posteriors.posterior(alone, part) for part in (x, held))
        stream = seeds.generator(trained.run.seed, "exhibition", member.kind.name, member.repetition)
        if not member.kind.variational:
            std, spread = torch.zeros_like(std), torch.zeros_like(spread)
        seen, drawn = (m + s * torch.randn(m.shape, generator=stream) for m, s in ((mean, std), (other, spread)))
        remade = codes.pictures_of(alone, other)
        row = {
            "error": error(alone, x, mean),
            "held_error": error(alone, held, other),
            "sharp": float(roughness(remade).mean() / rough),
            "remade": scattering.frechet(known, view(remade)),
        }
        if member.kind.variational:
            row |= _bits(alone, (x, seen, mean, std), (held, drawn, other, spread))
            row["active"] = float((mean.var(0) > codes.ACTIVE).sum())
        for way in examination.WAYS:
            made = codes.pictures_of(alone, examination.draw(mean, way, min(DRAWN, len(x)), stream))
            features = view(made)
            found = samples.compare(real, features, NEIGHBOURS) | {
                "distance": scattering.frechet(known, features),
                "copied": copied(made, x, held),
                "sharp": float(roughness(made).mean() / rough),
            }
            row |= {f"{way}/{name}": value for name, value in found.items()}
        rows.append(row | _lines(alone, other, view, known))
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, math.nan) for row in rows]) for name in names}


def copied(drawn: Tensor, learned: Tensor, held: Tensor) -> float:
    """How often the nearest of as many learned as ``held`` pictures to a drawn one is a learned one; 0.5 by chance."""
    count = min(len(learned), len(held))
    nearest = torch.cdist(drawn, torch.cat([learned[:count], held[:count]])).argmin(1)
    return float((nearest < count).double().mean())


def spherical(start: Tensor, end: Tensor) -> Tensor:
    """``STEPS`` + 1 points on arcs between pairs of codes ``(lines, d)``, ``(lines, STEPS + 1, d)`` (Shoemake, 1985).

    Lengths change as evenly as angles do.
    """
    part = torch.linspace(0, 1, walks.STEPS + 1)[:, None]
    lengths = torch.lerp(start.norm(dim=1)[:, None, None], end.norm(dim=1)[:, None, None], part)
    one, two = (torch.nn.functional.normalize(ends, dim=1)[:, None] for ends in (start, end))
    angle = torch.arccos((one * two).sum(-1, keepdim=True).clamp(-1 + 1e-6, 1 - 1e-6))
    return lengths * (torch.sin((1 - part) * angle) * one + torch.sin(part * angle) * two) / torch.sin(angle)


def _lines(alone: Trained, code: Tensor, view: scattering.View, known: Tensor) -> dict[str, float]:
    count = min(LINES, len(code) // 2)
    ends = code[:count], code[-count:]
    found: dict[str, float] = {}
    for name, way in (("straight", walks.straight), ("round", spherical)):
        points = way(*ends)
        pictures = codes.pictures_of(alone, points.flatten(0, 1)).unflatten(0, points.shape[:2])
        found[name] = scattering.frechet(known, view(pictures[:, walks.STEPS // 2]))
        found["uneven" if way is walks.straight else "uneven_round"] = walks.unevenness(pictures)
    return found


def _bits(alone: Trained, learned: tuple[Tensor, ...], held: tuple[Tensor, ...]) -> dict[str, float]:
    """−ELBO in bits a channel and divergence in bits a picture, of (pictures, drawn codes, means, deviations)."""
    found: dict[str, float] = {}
    sigma = 0.0
    for head, (x, drawn, mean, std) in (("", learned), ("held_", held)):
        made = codes.pictures_of(alone, drawn)
        sigma = sigma or float((x - made).square().mean().sqrt())
        kl = float(kl_normal_diagonal(mean, std).double().mean()) / math.log(2)
        found |= {f"{head}bits": _likelihood(alone, x, made, sigma) + kl / x.shape[1], f"{head}divergence": kl}
    return found | {"sigma": sigma}


def _likelihood(alone: Trained, x: Tensor, made: Tensor, sigma: float) -> float:
    vae = alone.vae
    if isinstance(vae, PictureVariants) and vae.kind.likelihood == LOGISTIC:
        return float(vae.surprise(x, made[None]).double().mean()) / math.log(2) / x.shape[1]
    return channels.normal_bits(x, made, sigma)
