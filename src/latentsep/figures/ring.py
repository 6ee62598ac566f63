"""Learned rings of codes beside the circle that linear theory predicts, as the data's variance and σ_X change."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from latentsep.figures.base import canvas, picture
from latentsep.figures.explorers import SHADES, first_of_each, network
from latentsep.figures.interactive import Interactive
from latentsep.theory import linear
from latentsep.training.ensembles import Trained

_START = 1.0  # the σ_X that is shown first


class Ring(Interactive):
    """The codes of one autoencoder of sines, and the mean radius of all, beside what linear theory says.

    Its data holds the ``dimension`` of the data, ``networks`` with probes of them, the ``variances`` Γ of the data by
    noise level, the ``sigmas`` of the slider, some ``radii`` as the package computes them, how far axes have to
    ``reach``, and the ``shades`` of phases.
    """

    kind = "ring"
    needs = ("panels.js", "networks.js")


def ring(ensembles: Sequence[Trained], alt: str, name: str = "ring") -> Ring:
    """Ensembles on the benchmark, first repetition each, against thesis Theorem 3 with a learned σ_Z.

    Of two members with the same dataset and σ_X the first counts. Raises ``ValueError`` if the first has no σ_X of 1.
    """
    data = ensembles[0].benchmark
    radius = np.sqrt(data.dimension / 2)
    chosen, seen = [], set[tuple[float, float]]()
    for trained in ensembles:
        of_each = first_of_each(trained, _START)
        fields = [(trained.run.members[i].dataset, trained.run.members[i].sigma_x) for i in of_each]
        chosen.append([i for i, field in zip(of_each, fields, strict=True) if field not in seen])
        seen |= set(fields)
    variances = {noise: float(linear.variance(noise, radius)) for noise in sorted({noise for noise, _ in seen})}
    sigmas = sorted({sigma for _, sigma in seen} | {float(f"{s:.2g}") for s in np.geomspace(0.01, 3, 40)})
    told = [(gamma, sigma, _radius(gamma, sigma, radius)) for gamma in variances.values() for sigma in (0.1, 1.0, 2.4)]
    reach = max(_codes(t)[i].norm(dim=-1).max() for t, members in zip(ensembles, chosen, strict=True) for i in members)
    content = {
        "dimension": data.dimension,
        "networks": [network(t, members) for t, members in zip(ensembles, chosen, strict=True) if members],
        "variances": {f"{noise:g}": gamma for noise, gamma in variances.items()},
        "sigmas": sigmas,
        "radii": told,
        "reach": float(np.ceil(2 * max(float(reach), *(r for *_, r in told))) / 2),
        "shades": SHADES,
    }
    return Ring(name, alt, _radii(ensembles, chosen, variances, radius), content)


def _radius(gamma: float, sigma_x: float, ring_radius: float) -> float:
    """The radius of the best linear code of the ring, σ_Z learned."""
    encoder, _ = linear.optimum(gamma, linear.learned_std(gamma, sigma_x), sigma_x)
    return float(encoder) * ring_radius


@torch.no_grad()
def _codes(trained: Trained) -> torch.Tensor:
    return trained.run.space.location(trained.vae.posterior(trained.benchmark.visualisation()[0]))


@picture
def _radii(
    ensembles: Sequence[Trained], chosen: Sequence[Sequence[int]], variances: dict[float, float], radius: float
) -> Figure:
    """The mean radius of each member's codes against σ_X, one panel for each noise level."""
    fig = canvas(6.4, 2.4)
    grid = np.geomspace(0.01, 3, 200)
    for ax, (noise, gamma) in zip(
        fig.subplots(1, len(variances), sharey=True, squeeze=False)[0], variances.items(), strict=True
    ):
        ax.semilogx(grid, [_radius(gamma, s, radius) for s in grid], color="#0072B2", label="predicted")
        for trained, members in zip(ensembles, chosen, strict=True):
            own = [i for i in members if trained.run.members[i].dataset == noise]
            means = _codes(trained)[own].norm(dim=-1).mean(-1)
            ax.plot([trained.run.members[i].sigma_x for i in own], means, "o", color="#D55E00")
        ax.set(title=rf"data with $\sigma = {noise:g}$", xlabel=r"$\sigma_X$")
    fig.axes[0].set_ylabel("mean radius of codes")
    return fig
