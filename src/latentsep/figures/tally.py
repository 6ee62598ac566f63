"""How many items have which verdict, at a glance."""

from collections.abc import Mapping

import matplotlib as mpl
from matplotlib.figure import Figure

from latentsep.figures.base import canvas, picture

#: Colour and hatching of each verdict, so that colour is never the only sign.
_LOOKS = {
    "reproduced": ("#009E73", ""),
    "uninformative": ("0.75", ""),
    "better": ("#56B4E9", ""),
    "differs": ("#E69F00", "//"),
    "thesis-invalid": ("#CC79A7", "xx"),
    "holds": ("#009E73", ""),
    "holds if": ("#E69F00", "//"),
    "does not hold": ("#CC79A7", "xx"),
}


@picture
def verdicts(counts: Mapping[str, Mapping[str, int]]) -> Figure:
    """A bar for each source, by name, with a piece for each verdict as long as the number of items that have it.

    Raises ``KeyError`` for a verdict that there is none of.
    """
    fig = canvas(7, 0.75 * len(counts) + 0.3)
    axes = fig.subplots(len(counts), squeeze=False)[:, 0]
    for ax, (name, found) in zip(axes, counts.items(), strict=True):
        start = 0
        for verdict, count in found.items():
            if not count:
                continue
            shade, hatch = _LOOKS[verdict]
            with mpl.rc_context({"hatch.linewidth": 0.6}):
                ax.barh(0, count, left=start, color=shade, hatch=hatch, edgecolor="white", linewidth=1)
            wide = count / sum(found.values()) > 0.12
            text = f"{verdict}\n{count}" if wide else f"{count}"
            ax.text(start + count / 2, 0 if wide else -0.72, text, ha="center", va="center", fontsize=8)
            start += count
        ax.set(xlim=(0, start), ylim=(-0.9, 0.45))
        ax.set_title(name, loc="left", fontsize=9)
        ax.axis("off")
    return fig
