"""The holes of a cloud of points: persistent homology, a witness that needs no angles (thesis ch. 11)."""

import gudhi
import numpy as np
from gudhi.subsampling import choose_n_farthest_points
from numpy.typing import ArrayLike

LASTING = 2.5  # ratio of the scales at which a hole closes and opens, from which on it counts
_POINTS = 600  # of a cloud that are kept; alpha complexes of these take less than a second in R⁴


def persistence(cloud: ArrayLike, points: int = _POINTS) -> list[np.ndarray]:
    """When holes of 0, 1 and 2 dimensions open and close as balls grow around points, ``(holes, 2)`` each.

    ``cloud`` has shape ``(n, d)``. Up to ``points`` of it are kept, each the farthest from those before.
    Scales are radii of the balls, in the units of the cloud; components never born later than 0 and one
    of them never gone. Computed by the alpha complex (Edelsbrunner and Mücke, 1994), modulo 2.

    >>> corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> persistence(corners)[1].round(3).tolist()
    [[0.5, 0.707]]
    """
    cloud = np.asarray(cloud, np.float64)
    kept = np.array(choose_n_farthest_points(points=cloud, nb_points=min(points, len(cloud)), starting_point=0))
    tree = gudhi.AlphaComplex(points=kept).create_simplex_tree()
    tree.compute_persistence(homology_coeff_field=2, min_persistence=0)
    # The complex has squares of radii.
    return [np.sqrt(tree.persistence_intervals_in_dimension(k).reshape(-1, 2)) for k in range(3)]


def betti(bars: list[np.ndarray], lasting: float = LASTING) -> tuple[int, ...]:
    """How many components, loops and voids last: those that close at ``lasting`` times the scale at which they opened.

    Components, which are there from the beginning, count if they last for ever. A torus has 1, 2 and 1, a
    circle 1, 1 and 0, a ball 1, 0 and 0.

    >>> betti([np.array([[0.0, np.inf], [0.0, 0.2]]), np.array([[0.1, 0.9], [0.1, 0.2]]), np.zeros((0, 2))])
    (1, 1, 0)
    """
    components, *holes = bars
    return int(np.isinf(components[:, 1]).sum()), *(int((b[:, 1] > lasting * b[:, 0]).sum()) for b in holes)
