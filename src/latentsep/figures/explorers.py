"""Figures in which trained networks run: a reader moves a code, or walks around the data, and sees what comes of it."""

import base64
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from latentsep.data.benchmarks import regular_phases
from latentsep.figures.base import PHASE_MAP, canvas, picture
from latentsep.figures.circle import posterior_arcs
from latentsep.figures.interactive import Interactive
from latentsep.figures.latents import angle_axes, posterior_ellipses
from latentsep.training import exports
from latentsep.training.ensembles import Trained

#: Hexadecimal colours of the cyclic map, from −π to π.
SHADES = tuple(mpl.colors.to_hex(shade) for shade in mpl.colormaps[PHASE_MAP](np.linspace(0, 1, 49)))
_PROBED = 0.7  # the phase of the datapoint that tells whether a page computes as the package does
_CODE = (1.0, 0.0)  # where the code is that a reader moves


def network(trained: Trained, members: Sequence[int], x: Tensor | None = None) -> dict[str, object]:
    """Networks of some members for a page, base64 of ``exports.packed``, and what they make of a datapoint ``x``.

    It has shape ``(D,)``; on data along one loop it need not be given.
    """
    x = trained.run.loop(torch.tensor([_PROBED]))[0] if x is None else x
    return {
        "network": base64.b64encode(exports.packed(trained, members)).decode(),
        "probes": exports.probe(trained, x, members),
    }


def first_of_each(trained: Trained, start: float, **wanted: float) -> list[int]:
    """The number of the first member for each dataset and σ_X.

    Raises ``ValueError`` if none has the σ_X to ``start`` with.
    """
    found: dict[tuple[float, float], int] = {}
    for i, m in enumerate(trained.run.members):
        if all(getattr(m, name) == value for name, value in wanted.items()):
            found.setdefault((m.dataset, m.sigma_x), i)
    if start not in (sigmas := sorted({sigma_x for _, sigma_x in found})):
        raise ValueError(f"start is {start!r}; choose one of {', '.join(f'{s:g}' for s in sigmas)}")
    return list(found.values())


class Codes(Interactive):
    """The latent plane of autoencoders of sines, with a code to be dragged and a datapoint to be drawn.

    Its data holds the ``dimension`` of the data, one ``network`` and ``probes`` of it, the ``shades`` of phases, which
    ``dataset`` and ``sigma_x`` are shown first, where the ``code`` is then, how far the plane has to ``reach``, and the
    id of the ``table`` whose rows choose an autoencoder.
    """

    kind = "codes"
    needs = ("panels.js", "networks.js")


def codes(
    trained: Trained, alt: str, start: float, dataset: float = 0.1, name: str = "codes", table: str = ""
) -> Codes:
    """The autoencoders of an ensemble on the benchmark, first repetition each, to be explored (thesis ch. 4 and 5).

    One for each dataset and σ_X; ``start`` and ``dataset`` are shown first. ``table`` is the id of a table on the page
    that has a row for each of them, in their order. Raises ``ValueError`` if there is no such σ_X.
    """
    chosen = first_of_each(trained, start)
    x, _ = trained.benchmark.visualisation()
    with torch.no_grad():
        posterior = trained.vae.posterior(x).base_dist
    reach = float((posterior.loc[chosen].abs() + posterior.scale[chosen]).max())
    data = {
        **network(trained, chosen),
        "dimension": trained.benchmark.dimension,
        "shades": SHADES,
        "dataset": dataset,
        "sigma_x": start,
        "code": _CODE,
        "reach": float(np.ceil(reach * 2) / 2),
        "table": table,
    }
    return Codes(name, alt, _code_and_sine(trained, first_of_each(trained, start, dataset=dataset)[0]), data)


@picture
def _code_and_sine(trained: Trained, member: int) -> Figure:
    """The latent plane of one member, and what the code that is shown first decodes to."""
    fig = canvas(6.4, 2.7)
    plane, curve = fig.subplots(1, 2, width_ratios=(1, 1.3))
    phases = regular_phases(100)
    with torch.no_grad():
        posterior = trained.vae.posterior(trained.run.loop(phases)).base_dist
        code = torch.tensor(_CODE).expand(len(trained.run.members), 1, 2)
        decoded = trained.vae.decode(code)[member, 0]
    posterior_ellipses(plane, posterior.loc[member], posterior.scale[member], phases)
    plane.plot(*_CODE, "o", color="white", markeredgecolor="black", markeredgewidth=1.5, markersize=9, zorder=6)
    plane.set(xlabel="$z_1$", ylabel="$z_2$", title=rf"$\sigma_X = {trained.run.members[member].sigma_x:g}$")
    index = np.arange(1, len(decoded) + 1)
    curve.plot(index, decoded, color="#0072B2", label="decoded")
    rows = 2 * np.pi * index / len(decoded)
    nearest = np.arctan2(decoded.numpy() @ np.cos(rows), decoded.numpy() @ np.sin(rows))
    curve.plot(index, np.sin(rows + nearest), "--", color="0.5", label="nearest true sine")
    curve.set(xlabel="index $j$", ylim=(-1.6, 1.6))
    curve.legend(loc="upper right")
    return fig


class Walk(Interactive):
    """One way around the data, and what the angles of two autoencoders do on it.

    Its data holds the ``dimension`` of the data, the ``shades`` of phases, the ``sigma_x`` that is shown first, and for
    each of the ``ensembles`` its ``name``, ``network`` and ``probes``.
    """

    kind = "walk"
    needs = ("panels.js", "networks.js")


def walk(ensembles: dict[str, Trained], alt: str, start: float, dataset: float = 0.1, name: str = "walk") -> Walk:
    """Two ensembles by name, with latent circles, of which a reader sees one dataset and every σ_X (thesis ch. 7).

    Raises ``ValueError`` if there is no ``start`` among their σ_X.
    """
    chosen = {key: first_of_each(trained, start, dataset=dataset) for key, trained in ensembles.items()}
    data = {
        "dimension": next(iter(ensembles.values())).benchmark.dimension,
        "shades": SHADES,
        "sigma_x": start,
        "ensembles": [{"name": key, **network(trained, chosen[key])} for key, trained in ensembles.items()],
    }
    shown = {
        key: (t, next(i for i in chosen[key] if t.run.members[i].sigma_x == start)) for key, t in ensembles.items()
    }
    return Walk(name, alt, _angles(shown), data)


@picture
def _angles(shown: dict[str, tuple[Trained, int]]) -> Figure:
    """The latent circle of one member of each ensemble, and its angle against the phase."""
    fig = canvas(6.4, 4.6)
    axes = fig.subplots(2, len(shown), squeeze=False)
    for (name, (trained, member)), (top, bottom) in zip(shown.items(), axes.T, strict=True):
        few, many = regular_phases(100), regular_phases(5000)
        with torch.no_grad():
            posterior = trained.vae.posterior(trained.run.loop(few))
            fine = trained.run.space.location(trained.vae.posterior(trained.run.loop(many)))[member, :, 0].clone()
        angles = trained.run.space.location(posterior)[member, :, 0]
        posterior_arcs(top, angles, posterior.base_dist.scale[member, :, 0], few)
        top.set(title=name, xticks=[], yticks=[])
        fine[1:][fine.diff().abs() > np.pi] = np.nan
        bottom.plot(many, fine, color="#0072B2")
        angle_axes(bottom)
        bottom.set_xlabel(r"phase $\varphi$ (radians)")
    axes[1, 0].set_ylabel(r"$\mu_\Theta$ (radians)")
    return fig
