"""Directions in which codes of photographs change with an attribute, and pictures along them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentsep.measures import codes
from latentsep.measures.attributes import NAMES, attributes
from latentsep.training.ensembles import Trained

CHOSEN = ("brightness", "warmth", "greenness", "middle")


@dataclass(frozen=True)
class Directions:
    """Pictures along directions of attributes, ``names``, through some codes, ``starts``, at several ``places``.

    ``pictures`` ``(names, starts, places, D)`` go from 0 to 1, ``values`` ``(names, starts, places)`` are the attribute
    of each, and ``deviations`` ``(names,)`` those over learned photographs. Places are in deviations of codes along a
    direction.
    """

    names: Sequence[str]
    starts: Sequence[str]
    places: Tensor
    pictures: Tensor
    values: Tensor
    deviations: Tensor

    def moved(self, name: str) -> float:
        """How far an attribute of the pictures through the first start goes, in deviations over photographs."""
        which = self.names.index(name)
        return float((self.values[which, 0, -1] - self.values[which, 0, 0]) / self.deviations[which])


@torch.no_grad()
def directions(
    alone: Trained, others: Tensor, names: Sequence[str] = CHOSEN, reach: float = 3.0, steps: int = 13
) -> Directions:
    """Those of one autoencoder, through the mean of its codes and through those of ``others``, pictures ``(n, D)``.

    A direction is the covariance of codes with the attribute, over learned photographs: codes of photographs that
    have more of it are, on average, further that way.
    """
    x = codes.data(alone).sample(1)[0]
    code, seen = next(codes.used(alone, x)), attributes(x)[:, [NAMES.index(name) for name in names]]
    center, places = code.mean(0), torch.linspace(-reach, reach, steps)
    ways = torch.nn.functional.normalize((seen - seen.mean(0)).T.float() @ (code - center), dim=1)
    ways = ways * (code @ ways.T).std(0)[:, None]
    from_each = torch.cat([center[None], next(codes.used(alone, others))])
    points = from_each[None, :, None] + places[:, None] * ways[:, None, None]
    pictures = codes.pictures_of(alone, points.flatten(0, 2)).clamp(0, 1)
    values = attributes(pictures).unflatten(0, points.shape[:3])
    starts = ["the mean code", *(f"photograph {i + 1}" for i in range(len(others)))]
    return Directions(
        names,
        starts,
        places,
        pictures.unflatten(0, points.shape[:3]),
        torch.stack([values[i, ..., NAMES.index(name)] for i, name in enumerate(names)]),
        seen.std(0),
    )
