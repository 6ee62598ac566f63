"""Chapter 10, why the posteriors of pictures are narrow: the speed of the decoder, not the noise in the pictures."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from latentsep.data import benchmarks
from latentsep.findings.pictures import moved
from latentsep.measures import recovery
from latentsep.models.circular import wrap
from latentsep.training.ensembles import Trained


@dataclass(frozen=True)
class Uncertainties:
    """Widths and scatter in degrees, by noise and σ_X, and the speed of pictures and of the benchmark per radian.

    ``width_`` is for σ_X = 1, ``sharp_`` for σ_X = 0.1.
    """

    width_clean: float
    width_noisy: float
    speed_width: float
    noise_most: float
    sharp_width: float
    sharp_speed: float
    scatter_least: float
    scatter_most: float
    noise_least: float
    pace: float
    bench_pace: float


def width_and_scatter(trained: Trained) -> pd.DataFrame:
    """How sure members on a latent circle are of an angle, in radians: means over the repetitions of each σ_X.

    ``width`` is the posterior deviation at the pictures without noise, ``σ_X / speed`` what the speed of the decoder
    makes of it (each the median over pictures), ``scatter`` the root mean square by which noise moves the codes.
    """
    run, vae = trained.run, trained.vae
    with torch.no_grad():
        posterior = vae.posterior(recovery.frames(trained))
        z = run.space.location(posterior)
        step = 1e-3
        apart = vae.decode(z + step) - vae.decode(z - step)
        predicted = vae.sigma_x[:, None] * 2 * step / apart.norm(dim=-1)
        x, phases = run.data.sample(1)
        frames = z.shape[-2]
        own = ((phases + np.pi) / (2 * np.pi) * frames).round().long() % frames
        off = wrap(run.space.location(vae.posterior(x)) - z[:, own])
    columns = {
        "sigma_x": [m.sigma_x for m in run.members],
        "width": posterior.base_dist.scale[..., 0].median(-1).values,
    }
    columns |= {"σ_X / speed": predicted.median(-1).values, "scatter": off.square().mean((-2, -1)).sqrt()}
    return pd.DataFrame(columns).groupby("sigma_x").mean()


def widths(noisy: dict[float, Trained]) -> pd.DataFrame:
    """The same in degrees, by noise in the pictures and σ_X."""
    found = {noise: width_and_scatter(trained) for noise, trained in noisy.items()}
    return pd.concat(found).rename_axis(["noise", "σ<sub>X</sub>"]) * 180 / np.pi


def uncertainties(found: pd.DataFrame, shifted: np.ndarray) -> Uncertainties:
    """Sum up what ``widths`` found for no noise and at least one other, for pictures ``(shifts, H, W)``."""
    noises = list(found.index.unique(0))
    clean, least, most = noises[0], noises[1], max(noises)
    predicted, width = found["σ_X / speed"], found["width"]
    return Uncertainties(
        width_clean=width[clean, 1.0],
        width_noisy=width[most, 1.0],
        speed_width=predicted.xs(1.0, level=1).mean(),
        noise_most=most,
        sharp_width=width.xs(0.1, level=1).mean(),
        sharp_speed=predicted.xs(0.1, level=1).mean(),
        scatter_least=found["scatter"][least, 1.0],
        scatter_most=found["scatter"][most, 1.0],
        noise_least=least,
        pace=moved(shifted) * len(shifted) / (2 * np.pi),
        bench_pace=float(np.sqrt(benchmarks.Benchmark().dimension / 2)),
    )
