"""The evidence of pictures under variational autoencoders, by several ways, and what the bound misses of it.

All is in nats, for decoders that are normal with one σ_X, whose log-likelihoods have their constants.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.measures import codes, posteriors
from latentsep.models.normal import kl_normal_diagonal
from latentsep.runtime import records
from latentsep.training.ensembles import Trained, train
from latentsep.training.runs import Run

LENGTHS = (2, 8, 32)  # of codes that are looked at
COUNTS = (1, 10, 100, 1_000)  # draws from the posterior
PRIOR = 10_000  # draws from the prior
COARSE, REACH = (50, 100, 200), 5.0  # nodes along each axis of other grids over codes of two numbers, and how far
RATE, SAMPLES = 0.03, 8  # of the steps that lead to the best posterior of a picture
COMPONENTS, PSEUDO = 10, (50, 500)  # of priors that are fitted afterwards
_AT_ONCE = 50  # draws for every picture


@dataclass(frozen=True)
class Valuation:
    """An ensemble of variational autoencoders with normal decoders, and what their evidence is looked for with.

    That is so many held-out ``pictures``, ``nodes`` along each axis of the finest grid, and ``steps`` to the best
    posterior of each picture.
    """

    run: Run
    pictures: int = 50
    nodes: int = 400
    steps: int = 150

    @classmethod
    def of(cls, run: Run, profile: str) -> "Valuation":
        """What a profile looks at: ``smoke`` only shows that it runs."""
        return cls(run, 10, 100, 10) if profile == "smoke" else cls(run)

    @property
    def summary(self) -> str:
        """What it is, in a few words for a list of many."""
        return f"evidence under {len(self.run.members)} autoencoders"


def job(valuation: Valuation) -> records.Job:
    """Its computation as a job for the records; the ensemble must be there."""
    return records.Job(valuation, value, guess=4.0 * len(valuation.run.members))


def table(valuation: Valuation) -> pd.DataFrame:
    """One row for each member with a code of one of the ``LENGTHS``; the columns are those of ``value``."""
    about = codes.members(train(valuation.run))
    return about[about.length.isin(LENGTHS)].reset_index(drop=True).assign(**records.fetch(valuation, value))


@dataclass(frozen=True)
class Model:
    """An autoencoder, its σ_X and some pictures ``(batch, D)``: the joint density of both and of codes."""

    alone: Trained
    sigma: float
    x: Tensor

    @classmethod
    def of(cls, alone: Trained, x: Tensor) -> "Model":
        """With the σ_X of its kind, or for the calibrated one the best for all learned pictures."""
        if sigma := codes.autoencoding(alone).members[0].kind.sigma_x:
            return cls(alone, sigma, x)
        learned = codes.data(alone).sample(1)[0]
        mean, std = posteriors.posterior(alone, learned)
        noise = torch.randn(mean.shape, generator=seeds.generator(alone.run.seed, "best deviation"))
        error = (learned - codes.pictures_of(alone, mean + std * noise)).square().mean()
        return cls(alone, float(error.sqrt()), x)

    def log_likelihood(self, z: Tensor) -> Tensor:
        """log p(x|z) for codes ``(..., batch, d)`` of the pictures, ``(..., batch)``."""
        remade = codes.pictures_of(self.alone, z.flatten(0, -2)).unflatten(0, z.shape[:-1])
        return self._normal((self.x - remade).square().sum(-1))

    def of_codes(self, z: Tensor) -> Tensor:
        """log p(x|z) of every picture for every code ``(n, d)``, ``(n, batch)``."""
        parts = [torch.cdist(codes.pictures_of(self.alone, part), self.x).square() for part in z.split(5_000)]
        return self._normal(torch.cat(parts))

    def _normal(self, squares: Tensor) -> Tensor:
        dimension = self.x.shape[-1]
        return -squares.double() / (2 * self.sigma**2) - 0.5 * dimension * math.log(2 * math.pi * self.sigma**2)

    def log_weights(self, mean: Tensor, std: Tensor, count: int, stream: torch.Generator) -> Tensor:
        """log p(x, z) − log q(z) of ``count`` draws from a posterior for each picture, ``(count, batch)``."""
        found = []
        for begun in range(0, count, _AT_ONCE):
            noise = torch.randn(min(_AT_ONCE, count - begun), *mean.shape, generator=stream)
            z = mean + std * noise
            log_q = posteriors.log_prior(noise) - std.double().log().sum(-1)
            found.append(self.log_likelihood(z) + posteriors.log_prior(z) - log_q)
        return torch.cat(found)


def weighted(log_weights: Tensor, count: int) -> Tensor:
    """The bound of Burda, Grosse and Salakhutdinov (2016) with ``count`` draws: mean of log-means, ``(batch,)``."""
    groups = log_weights[: len(log_weights) // count * count].unflatten(0, (-1, count))
    return (torch.logsumexp(groups, 1) - math.log(count)).mean(0)


def best_posterior(
    model: Model, mean: Tensor, std: Tensor, steps: int, stream: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The normal posterior with the highest bound for each picture by itself, found from the encoder's."""
    mean, log_std = mean.clone().requires_grad_(), std.log().requires_grad_()
    optimiser = torch.optim.Adam([mean, log_std], RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, 0.05 * RATE)
    for _ in range(steps):
        z = mean + log_std.exp() * torch.randn(SAMPLES, *mean.shape, generator=stream)
        loss = kl_normal_diagonal(mean, log_std.exp()).sum() - model.log_likelihood(z).mean(0).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return mean.detach(), log_std.detach().exp()


def by_grid(model: Model, guesses: Mapping[str, tuple[Tensor, Tensor]], nodes: int) -> dict[str, float]:
    """The evidence by sums over grids of codes of two numbers, and what guesses miss of it.

    ``grid`` is by ``nodes`` along each axis, ``shifted`` by as many that lie between them; ``off_n`` is by how much n
    nodes miss ``grid``, a mean over pictures. ``missed_NAME`` is the mean divergence of a guess from the posterior.
    """
    prior, seen = _on_grid(model, nodes)
    joint = sum_of(prior, seen)
    evidence = torch.logsumexp(joint, 0)
    found = {"grid": float(evidence.mean())}
    z, cell = _nodes(nodes)
    for name, (mean, std) in guesses.items():
        log_q = posteriors.log_densities(z, mean, std) + cell
        found[f"missed_{name}"] = float(((log_q.exp() * (log_q - joint)).sum(0) + evidence).mean())
    for count in COARSE:
        other = torch.logsumexp(sum_of(*_on_grid(model, count)), 0)
        found[f"off_{count}"] = float((other - evidence).abs().mean())
    found["shifted"] = float(torch.logsumexp(sum_of(*_on_grid(model, nodes, 0.5)), 0).mean())
    return found


def sum_of(prior: Tensor, log_likelihood: Tensor) -> Tensor:
    """The logarithm of the joint masses ``(n, batch)`` of codes with prior masses ``(n,)`` and pictures."""
    return prior[:, None] + log_likelihood


def _nodes(count: int, shift: float = 0.0) -> tuple[Tensor, float]:
    """A grid ``(count², 2)`` over ±``REACH``, shifted by a part of its step, and the logarithm of a cell's area."""
    step = 2 * REACH / (count - 1)
    axis = torch.linspace(-REACH, REACH, count) + shift * step
    return torch.cartesian_prod(axis, axis), 2 * math.log(step)


def _on_grid(model: Model, count: int, shift: float = 0.0) -> tuple[Tensor, Tensor]:
    """The logarithms of the prior's masses ``(n,)`` on a grid, and of the likelihoods of pictures, ``(n, batch)``."""
    z, cell = _nodes(count, shift)
    return posteriors.log_prior(z) + cell, model.of_codes(z)


def better_priors(alone: Trained, x: Tensor, held: Tensor) -> dict[str, float]:
    """By how many nats the bound of held-out pictures rises with another prior, fitted to the posteriors of ``x``.

    ``normal`` is a single normal density, ``mixture`` one of several; ``pseudo_n`` the mean of n of the posteriors, as
    in a VampPrior whose pseudo-inputs are learned pictures (Tomczak and Welling, 2018), ``aggregate`` of all.
    """
    from sklearn.mixture import GaussianMixture  # late: it takes a second

    stream = seeds.generator(alone.run.seed, "better priors")
    (mean, std), (other, spread) = posteriors.posterior(alone, x), posteriors.posterior(alone, held)
    z = other + spread * torch.randn(other.shape, generator=stream)
    drawn = mean + std * torch.randn(mean.shape, generator=stream)
    usual = posteriors.log_prior(z).mean()
    found = {}
    for name, components in {"normal": 1, "mixture": COMPONENTS}.items():
        fitted = GaussianMixture(components, max_iter=50, reg_covar=1e-6, random_state=0, tol=1e-2)
        found[name] = float(fitted.fit(drawn.double().numpy()).score(z.double().numpy()) - usual)
    for name, count in {**{f"pseudo_{n}": n for n in PSEUDO}, "aggregate": len(x)}.items():
        densities = posteriors.log_densities(z, mean[:count], std[:count])
        found[name] = float((torch.logsumexp(densities, 1) - math.log(densities.shape[1])).mean() - usual)
    return found


def value(valuation: Valuation, checkpoint: Path | None = None) -> records.Arrays:
    """Means over held-out pictures, by name, ``(members,)``.

    ``weighted_k`` are bounds with k draws from the encoder's posterior, ``best_k`` from the best normal one; ``prior``
    is the logarithm of the mean likelihood of draws from the prior; ``sigma`` is σ_X. The others are those of
    ``better_priors``, and where there are two numbers of ``by_grid``, with ``sampled_NAME``, the bounds of guesses from
    ten times as many draws.
    """
    trained, rows = train(valuation.run), []
    digits = codes.data(trained)
    x, held = digits.sample(1)[0], digits.held_out()[0]
    for member in codes.autoencoding(trained).members:
        if member.length not in LENGTHS:
            continue
        alone = trained.only(**vars(member))
        stream = seeds.generator(trained.run.seed, "evidence", member.kind.name, member.length, member.repetition)
        model = Model.of(alone, held[: valuation.pictures])
        mean, std = posteriors.posterior(alone, model.x)
        row = {"sigma": model.sigma}
        best = best_posterior(model, mean, std, valuation.steps, stream)
        for name, (m, s) in (("weighted", (mean, std)), ("best", best)):
            with torch.no_grad():
                weights = model.log_weights(m, s, COUNTS[-1], stream)
            row |= {f"{name}_{count}": float(weighted(weights, count).mean()) for count in COUNTS}
        with torch.no_grad():
            z = torch.randn(PRIOR, member.length, generator=stream)
            row["prior"] = float((torch.logsumexp(model.of_codes(z), 0) - math.log(PRIOR)).mean())
            row |= better_priors(alone, x, held)
            if member.length == 2:
                guesses = {"encoder": (mean, std), "best": best}
                row |= by_grid(model, guesses, valuation.nodes)
                for name, guess in guesses.items():
                    row[f"sampled_{name}"] = float(model.log_weights(*guess, 10 * COUNTS[-1], stream).mean())
        rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}
