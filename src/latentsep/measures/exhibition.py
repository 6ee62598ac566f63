"""All that chapter IV measures of an ensemble of autoencoders of photographs, as one record."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import pdist

from latentsep.data import seeds
from latentsep.data.pictures import Pictures
from latentsep.measures import channels, codes, examination, posteriors, samples, scattering, walks
from latentsep.measures.attributes import roughness
from latentsep.measures.information import error
from latentsep.measures.photograph_codes import about
from latentsep.models.normal import kl_normal_diagonal
from latentsep.models.picture_variants import LOGISTIC, PictureVariants
from latentsep.runtime import records
from latentsep.training.ensembles import Trained, train
from latentsep.training.photographing import Photographing

SETS = 2  # as many pictures as are held out, drawn in each way
WAYS = ("standard", "fitted")  # densities that codes are drawn from
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
    return records.Job(exhibition, look, guess=3.0 * len(exhibition.run.members))


def table(exhibition: Exhibition) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is measured of each member, one row each; and of what it draws, one row for each way."""
    return codes.by_way(train(exhibition.run), records.fetch(exhibition, look), WAYS)


@torch.no_grad()
def look(exhibition: Exhibition, checkpoint: Path | None = None) -> records.Arrays:
    """The measures by name, ``(members,)``: those of ``photograph_codes``, and more.

    Of learned and of ``held_`` pictures: the squared ``error`` of what is made of mean codes, and the ``bits`` a
    channel of −ELBO, of codes that are drawn (with the noise of the decoder that is best for learned ones, unless it
    has its own); ``divergence`` is its part from the prior, in bits a picture, ``noisy`` the squared error then.
    ``sharp`` is how much neighbouring pixels differ in what is remade, over how much they do in photographs.
    ``remade``, ``straight`` and ``round`` are Fréchet distances from learned photographs, of held-out ones that are
    remade and of middles of lines between such, as many as are held out; ``told`` is how often nearest neighbours tell
    remade ones from others. ``uneven`` and ``uneven_round`` are as in ``walks``. Of what is drawn, as ``WAY/name``: the
    Fréchet ``distance``, those of ``samples``, how ``sharp`` and how ``varied`` it is, as parts of what photographs
    are, and ``copied``, how often its nearest photograph is a learned one, of as many held-out ones.
    """
    trained, rows = train(exhibition.run), []
    data = cast(Pictures, codes.data(trained))
    x, held = data.sample(1)[0][:KNOWN], data.held_out()[0][:KNOWN]
    # What all are held against does not depend on how many of them were learned from.
    gallery = Gallery.of(data.first(data.most).sample(1)[0][:KNOWN], held)
    for member in codes.autoencoding(trained).members:
        alone = trained.only(**vars(member))
        mean, _ = posteriors.posterior(alone, x)
        other, _ = posteriors.posterior(alone, held)
        stream = seeds.generator(trained.run.seed, "exhibition", member.kind.name, member.repetition)
        row = {"error": error(alone, x, mean), "held_error": error(alone, held, other), **about(alone, x, held)}
        row |= gallery.remade(codes.pictures_of(alone, other))
        if member.kind.variational:
            row |= _bits(alone, x, held, stream)
            row["active"] = float((mean.var(0) > codes.ACTIVE).sum())
        for way in WAYS:
            made = codes.pictures_of(alone, examination.draw(mean, way, SETS * len(held), stream))
            found = gallery.drawn(made) | {"copied": copied(made, x, held)}
            row |= {f"{way}/{name}": value for name, value in found.items()}
        rows.append(row | _lines(alone, other, gallery))
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, math.nan) for row in rows]) for name in names}


@dataclass(frozen=True)
class Gallery:
    """Photographs that pictures are held against: features, ``held``-out ones, their ``own``, how rough they are."""

    view: scattering.View
    known: Tensor
    real: samples.Real
    held: Tensor
    own: Tensor
    rough: float

    @classmethod
    def of(cls, learned: Tensor, held: Tensor) -> "Gallery":
        """Of photographs ``(n, D)`` to learn from, and ``(m, D)`` that are held out."""
        view = scattering.View.of(learned)
        known = view(learned)
        return cls(view, known, samples.Real.of(known, NEIGHBOURS), held, view(held), float(roughness(held).mean()))

    def distance(self, pictures: Tensor) -> float:
        """The Fréchet distance from learned photographs, of sets of as many as are held out."""
        return scattering.distance(self.known, self.view(pictures), len(self.held))

    def sharp(self, pictures: Tensor) -> float:
        """How much neighbouring pixels differ, over how much they do in photographs."""
        return float(roughness(pictures).mean()) / self.rough

    def remade(self, pictures: Tensor) -> dict[str, float]:
        """``remade``, ``told`` and ``sharp`` of held-out photographs that are remade, in their order."""
        features, half = self.view(pictures), len(pictures) // 2
        return {
            "remade": scattering.frechet(self.known, features),
            # Of different photographs: the nearest to a picture must not be itself, remade.
            "told": samples.told(self.own[:half], features[half:]),
            "sharp": self.sharp(pictures),
        }

    def drawn(self, pictures: Tensor) -> dict[str, float]:
        """Of drawn pictures ``(SETS · m, D)`` what ``look`` says."""
        features = self.view(pictures)
        return samples.compare(self.real, features, NEIGHBOURS) | {
            "distance": scattering.distance(self.known, features, len(self.held)),
            "told": samples.told(self.own[: len(self.own) // 2], features),
            "sharp": self.sharp(pictures),
            "varied": float(pdist(pictures).mean() / pdist(self.held).mean()),
        }


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


def _lines(alone: Trained, code: Tensor, gallery: Gallery) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, way in (("straight", walks.straight), ("round", spherical)):
        points = way(code, code.roll(1, 0))
        pictures = codes.pictures_of(alone, points.flatten(0, 1)).unflatten(0, points.shape[:2])
        found[name] = gallery.distance(pictures[:, walks.STEPS // 2])
        found["uneven" if way is walks.straight else "uneven_round"] = walks.unevenness(pictures)
    return found


def _bits(alone: Trained, x: Tensor, held: Tensor, stream: torch.Generator) -> dict[str, float]:
    """−ELBO in bits a channel and divergence in bits a picture, of learned pictures and of held-out ones."""
    found: dict[str, float] = {}
    sigma = 0.0
    for head, pictures in (("", x), ("held_", held)):
        mean, std = posteriors.posterior(alone, pictures)
        made = codes.pictures_of(alone, mean + std * torch.randn(mean.shape, generator=stream))
        sigma = sigma or float((pictures - made).square().mean().sqrt())
        kl = float(kl_normal_diagonal(mean, std).double().mean()) / math.log(2)
        found[f"{head}bits"] = _likelihood(alone, pictures, made, sigma) + kl / pictures.shape[1]
        found[f"{head}divergence"] = kl
        found[f"{head}noisy"] = float((pictures - made).square().sum(1).mean())
    return found | {"sigma": sigma}


def _likelihood(alone: Trained, x: Tensor, made: Tensor, sigma: float) -> float:
    vae = alone.vae
    if isinstance(vae, PictureVariants) and vae.kind.likelihood == LOGISTIC:
        return float(vae.surprise(x, made[None]).double().mean()) / math.log(2) / x.shape[1]
    return channels.normal_bits(x, made, sigma)
