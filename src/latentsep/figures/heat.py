"""Heat on the circle at a time that a reader chooses, exact and by both series (thesis app. A)."""

import numpy as np

from latentsep.figures.diffusion import diffusion_in_time
from latentsep.figures.interactive import Interactive
from latentsep.theory import diffusion

_TIMES = np.geomspace(0.01, 10, 61)


class Heat(Interactive):
    """The density at a time, with a number of terms of the series as printed and as corrected.

    Its data holds the ``times`` and the ``start`` among them, and as ``probes`` the density at the far side of the
    circle for each, which the script's own has to equal.
    """

    kind = "heat"
    needs = ("panels.js",)


def heat(alt: str, name: str = "heat") -> Heat:
    """The diffusion equation on the circle at times from 0.01 to 10, to be steered."""
    times = [float(f"{t:.3g}") for t in _TIMES]
    start = times[len(times) // 3]
    probes = [float(diffusion.images(np.pi, t)) for t in times]
    return Heat(name, alt, diffusion_in_time((start,)), {"times": times, "start": start, "probes": probes})
