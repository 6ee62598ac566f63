"""A point in one latent space and its image in another, both decoded: how much it adds to Δ (thesis ch. 8 and 9)."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from latentsep.data.benchmarks import embed, regular_phases
from latentsep.figures.base import canvas, picture, scatter_phases
from latentsep.figures.explorers import SHADES, network
from latentsep.figures.interactive import Interactive
from latentsep.figures.mappings import TEX
from latentsep.models.latent_spaces import Euclidean
from latentsep.reductions.comparisons import SIGMA
from latentsep.reductions.pointwise import Key, Pointwise
from latentsep.reductions.reduction import Reductor
from latentsep.reductions.reductors import Linear

_REACH = 3.2  # of the plane; 99 % of the prior lie within 3.03
_POINT = (0.5, 0.3)  # the latent variable that is shown first: inside of rings of codes
_PROBED = {2: [_POINT, (1.2, -0.8), (-0.3, 2.0)], 1: [(0.7,), (-2.0,), (3.0,)]}  # latent variables, by dimension


class MappedPoint(Interactive):
    """A point to be dragged in one latent space, its image in another, both decoded, and Δ here and on average.

    Its data holds the ``dimension`` of the data and its noise ``sigma``, the ``shades`` of phases, the ``sets`` to
    choose from, the ``pair`` that is shown first, where the ``point`` is then, and how far the plane has to ``reach``.
    A set has its ``name``, one of the ``networks`` and ``probes`` of it for ``R²`` and ``S¹``, and the ``maps``, each
    ``from`` a space ``into`` another: a ``matrix`` C of M(z) = C·z, or the ``turn`` θ' in radians and the ``sense``,
    1 or −1, of M(z) = θ' ± the angle of z (Table 9.1); its ``mean`` Δ; and ``probes``, each a latent variable ``z``,
    its ``image``, and ``kl`` there, in nats.
    """

    kind = "mapped"
    needs = ("panels.js", "networks.js", "reductors.js")


def mapped_point(sets: Mapping[str, Pointwise], alt: str, start: Key, name: str = "mapped") -> MappedPoint:
    """Maps between latent spaces, by the names of readers' choices, to be explored (thesis ch. 8 and 9).

    The first set and the pair ``start`` are shown first. Raises ``ValueError`` if some set has no such pair.
    """
    for title, each in sets.items():
        if start not in each.reductors:
            raise ValueError(
                f"start is {start}, which {title!r} has not; choose one of {', '.join(map(str, each.reductors))}"
            )
    first = next(iter(sets.values()))
    data = {
        "dimension": next(iter(first.trained.values())).benchmark.dimension,
        "sigma": SIGMA,
        "shades": SHADES,
        "sets": [{"name": title, **_told(each)} for title, each in sets.items()],
        "pair": list(start),
        "point": _POINT,
        "reach": _REACH,
    }
    return MappedPoint(name, alt, _point_and_image(first, start), data)


def _told(mapped: Pointwise) -> dict[str, object]:
    """Networks and maps of a set as the data has them."""
    maps = []
    for key, reductor in mapped.reductors.items():
        z = torch.tensor(_PROBED[2 if key[0] == "R²" else 1])
        image, _, _, kl = mapped.compared(key, z)
        probes = [
            {"z": a, "image": b, "kl": c} for a, b, c in zip(z.tolist(), image.tolist(), kl.tolist(), strict=True)
        ]
        maps.append({"from": key[0], "into": key[1], **_map(reductor), "mean": mapped.means[key], "probes": probes})
    return {"networks": {name: network(t, [0]) for name, t in mapped.trained.items()}, "maps": maps}


def _map(reductor: Reductor) -> dict[str, object]:
    """The first repetition of a map, for the first autoencoders: few numbers, which need no format of their own."""
    family, parameters = reductor.family, reductor.parameters[0, 0]
    if isinstance(family, Linear):
        return {"matrix": parameters.tolist()}
    reflected = getattr(family, "reflected", False)
    if reflected if isinstance(reflected, bool) else reflected[0]:
        return {"turn": float(parameters), "sense": -1}
    return {"turn": float(parameters), "sense": 1}


@picture(dense=True)
def _point_and_image(mapped: Pointwise, key: Key) -> Figure:
    """The point that is shown first and its image, among the codes of data, and what both decode to."""
    fig = canvas(7, 2.5)
    axes = fig.subplots(1, 3, width_ratios=(1, 1, 1.3))
    phases, source = regular_phases(100), mapped.models[key[0]].space
    point = torch.tensor([_POINT])
    if not isinstance(source, Euclidean):
        point = torch.atan2(point[:, 1:], point[:, :1])
    else:
        line = torch.linspace(-_REACH, _REACH, 161)
        nodes = torch.cartesian_prod(line, line)[:, [1, 0]]
        shade = mapped.compared(key, nodes)[3].reshape(161, 161).clamp(min=1).log10().numpy()
        axes[0].pcolormesh(line, line, shade, cmap="Greys", vmin=0, vmax=5, rasterized=True)
    image, *decoded, kl = mapped.compared(key, point)
    for ax, space, at in zip(axes, key, (point, image), strict=False):
        _space(ax, mapped, space, at, phases)
    axes[0].set_title(f"a point of ${TEX[key[0]]}$")
    axes[1].set_title(f"its image in ${TEX[key[1]]}$")
    for curve, style, space in zip(decoded, ("-", "--"), key, strict=True):
        index = np.arange(1, curve.shape[-1] + 1)
        axes[2].plot(
            index, curve[0], style, color="#0072B2" if style == "-" else "#D55E00", label=f"from ${TEX[space]}$"
        )
    axes[2].set(xlabel="index $j$", ylim=(-1.6, 2.2), title=rf"decoded: $\Delta$ = {float(kl):.1f} nats here")
    axes[2].legend(loc="upper center", ncols=2)
    return fig


def _space(ax: Axes, mapped: Pointwise, space: str, at: Tensor, phases: Tensor) -> None:
    """The codes of data along the loop, and a point ``(1, d)`` among them."""
    codes = phases[:, None]
    if space in mapped.trained:
        trained = mapped.trained[space]
        with torch.no_grad():
            codes = trained.run.space.location(trained.vae.posterior(trained.run.loop(phases)))[0]
    flat = space == "R²"
    scatter_phases(ax, codes if flat else embed(codes[:, 0]), phases)
    ax.plot(*(at if flat else embed(at[:, 0]))[0], "o", color="white", mec="black", mew=1.5, ms=9, zorder=6)
    reach = _REACH if flat else 1.4
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
