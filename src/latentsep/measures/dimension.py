"""How many numbers points are described by near each of them."""

import torch
from torch import Tensor

_KEPT = 0.9  # of the ratios, without the largest, which noise and borders make


def two_neighbours(points: Tensor, probes: int = 2_000) -> float:
    """The intrinsic dimension of points ``(n, D)``, from the distances to their first and second neighbours.

    Where density does not change between them, the ratio of the two has the distribution function 1 − r^(−d) (Facco et
    al., 2017). Here d is the slope, through the origin, of −log(1 − F) against log r for the first ``_KEPT`` ratios.
    Points that coincide are left out. Raises ``ValueError`` for fewer than ten that do not.

    >>> round(two_neighbours(torch.rand(2000, 2, generator=torch.Generator().manual_seed(0))), 1)
    2.0
    """
    if len(points) < 10:
        raise ValueError(f"points has {len(points)} rows; choose 10 or more")
    distances = torch.cdist(points[:probes].double(), points.double())
    distances[torch.arange(len(distances)), torch.arange(len(distances))] = torch.inf
    first, second = distances.topk(2, largest=False).values.T
    ratios = (second / first)[first > 0].sort().values
    count = int(_KEPT * len(ratios))
    if count < 9:
        raise ValueError(f"points has {len(ratios)} different rows; choose 10 or more")
    logs = ratios.log()[:count]
    rest = -torch.log1p(-torch.arange(1, count + 1).double() / len(ratios))
    return float((logs * rest).sum() / logs.square().sum())
