"""A latent torus that a reader explores: a point on it, flat and round, and the picture that it decodes to."""

import numpy as np
import torch
from matplotlib.figure import Figure

from latentsep.data.benchmarks import ExtendedBenchmark, regular_phases
from latentsep.figures.base import canvas, picture
from latentsep.figures.explorers import first_of_each, network
from latentsep.figures.interactive import Interactive
from latentsep.figures.latents import angle_axes
from latentsep.training.ensembles import Trained

_POINT = (np.pi / 4, np.pi / 4)  # the latent angles that are shown first


class TorusPoint(Interactive):
    """A point on a latent torus, and what it decodes to.

    Its data holds the ``side`` of a picture, one ``network`` and ``probes`` of it, and which ``sigma_x`` is shown
    first.
    """

    kind = "torus"
    needs = ("panels.js", "networks.js")


def torus_point(trained: Trained, alt: str, start: float, name: str = "torus") -> TorusPoint:
    """Autoencoders of the extended benchmark with a latent torus, first repetition each, to explore (thesis ch. 11).

    One for each σ_X; ``start`` is shown first. Raises ``ValueError`` for an ensemble that was trained on other data, or
    on the pictures' numbers instead of their four coordinates, and if there is no such σ_X.
    """
    data = trained.run.data
    if not isinstance(data, ExtendedBenchmark) or not data.shrunk:
        raise ValueError(f"data is {data}; choose an ensemble that was trained on a shrunk ExtendedBenchmark")
    chosen = first_of_each(trained, start)
    x = data.loop(torch.tensor([[0.7, -0.4]]))[0]
    shown = next(i for i in chosen if trained.run.members[i].sigma_x == start)
    told = {"side": data.side, "sigma_x": start, **network(trained, chosen, x)}
    return TorusPoint(name, alt, _point_and_picture(trained, data, shown), told)


@picture
def _point_and_picture(trained: Trained, data: ExtendedBenchmark, member: int) -> Figure:
    """Loops of data on the flat torus, a point, and the picture that it decodes to."""
    fig = canvas(6.4, 3)
    flat, decoded = fig.subplots(1, 2)
    around = regular_phases(400)
    with torch.no_grad():
        for value in regular_phases(4):
            fixed = torch.full_like(around, float(value))
            for pair, style in (((fixed, around), "-"), ((around, fixed), "--")):
                posterior = trained.vae.posterior(data.loop(torch.stack(pair, -1)))
                angles = trained.run.space.location(posterior)[member].clone()
                angles[1:][(angles.diff(dim=0).abs() > np.pi).any(-1)] = np.nan
                flat.plot(*angles.T, style, color="#0072B2" if style == "-" else "#D55E00", linewidth=1)
        point = torch.tensor(_POINT, dtype=torch.float32).expand(len(trained.run.members), 1, 2)
        shown = data.pictures(trained.vae.decode(point)[member, 0])
    flat.plot(*_POINT, "o", color="white", markeredgecolor="black", markeredgewidth=1.5, markersize=9)
    angle_axes(flat)
    flat.set(xlabel=r"$\theta^{(1)}$ (radians)", ylabel=r"$\theta^{(2)}$ (radians)", aspect="equal")
    decoded.imshow(shown, cmap="gray", vmin=-2, vmax=2)
    decoded.set(title="decoded", xticks=[], yticks=[])
    return fig
