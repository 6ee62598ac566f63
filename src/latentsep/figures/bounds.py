"""Figures of evidence and bound where both are known (Foundations)."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from latentsep.figures.base import STYLES, canvas, colour, picture
from latentsep.theory.bayes import Inference
from latentsep.theory.factors import Factors


@picture
def bounds_of_guesses(seen: Mapping[str, Inference], first: str) -> Figure:
    """The bound against how probable a guess makes the ``first`` of two latent variables, one line for each datapoint.

    A dotted line is the log evidence, and a marker the posterior. All in nats.
    """
    fig = canvas(7, 3.0)
    ax = fig.subplots()
    guesses = np.linspace(0, 1, 201)
    for (marker, dashes, shade), (name, found) in zip(STYLES, seen.items(), strict=False):
        ax.plot(guesses, found.elbo(np.stack([guesses, 1 - guesses], -1)), dashes, color=shade, label=name)
        ax.axhline(found.log_evidence(), color=shade, linestyle=(0, (1, 3)), linewidth=1)
        ax.plot(found.posterior()[:1], [found.log_evidence()], marker, color=shade, markersize=7)
    ax.set(xlabel=f"guess: probability of {first}", ylabel="bound (nats)", xlim=(0, 1))
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, title="what is seen")
    return fig


@picture
def two_factors(model: Factors, x: np.ndarray) -> Figure:
    """The evidence and the bound of two factors against the angle between them, nats a datapoint, for ``x`` ``(n, 2)``.

    Markers are where each is highest; between them the bound rises while the evidence falls.
    """
    fig = canvas(7, 3.0)
    ax = fig.subplots()
    angles = np.radians(np.linspace(1, 89, 177))
    curves = {"log evidence": model.log_evidence, "bound": model.bound}
    best = model.highest_evidence(x), model.highest_bound(x)
    ax.axvspan(*np.degrees(best), color="0.93")
    for (marker, dashes, shade), (name, value), angle in zip(STYLES, curves.items(), best, strict=False):
        ax.plot(np.degrees(angles), [value(x, a) for a in angles], dashes, color=shade, label=name)
        ax.plot([np.degrees(angle)], [value(x, angle)], marker, color=shade, markersize=7)
    ax.set(xlabel="angle between the two factors (degrees)", ylabel="nats a datapoint", xlim=(0, 90))
    ax.set_xticks(range(0, 91, 15))
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return fig


@picture(dense=True)
def priors_and_codes(spaces: Mapping[str, tuple[Tensor, Tensor, Tensor]]) -> Figure:
    """Draws from the prior in grey, and from all posteriors of data along a loop by phase, a panel for each space.

    ``spaces`` maps titles to points ``(n, 2)`` of the prior, ``(m, 2)`` of codes, and phases ``(m,)`` in radians.
    """
    fig = canvas(7, 3.4)
    for ax, (name, (prior, codes, phases)) in zip(fig.subplots(1, len(spaces)), spaces.items(), strict=True):
        ax.plot(*prior.T, ".", color="0.72", markersize=2, zorder=1, label="prior")
        ax.scatter(*codes.T, c=[colour(float(p)) for p in phases], s=5, linewidths=0.2, edgecolors="0.4", zorder=2)
        reach = 1.05 * float(torch.cat([prior, codes]).abs().max())
        ax.set(title=name, aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach), xlabel="$z_1$", ylabel="$z_2$")
    return fig
