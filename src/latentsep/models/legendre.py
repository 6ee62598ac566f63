"""Gauss and Legendre's quadrature of functions of an angle, on tensors."""

import numpy as np
import torch
from torch import Tensor


class Legendre:
    """A rule of some order, from one angle to another; exact for polynomials of a degree below twice the order.

    >>> rule, ends = Legendre(8), torch.tensor([1.0, 2.0])
    >>> (ends * rule.mean(rule.places(0.0, ends).cos()) / ends.sin()).round(decimals=5)
    tensor([1., 1.])
    """

    def __init__(self, order: int):
        nodes, weights = np.polynomial.legendre.leggauss(order)
        self.nodes, self.weights = torch.from_numpy(0.5 * (nodes + 1)), torch.from_numpy(0.5 * weights)

    def places(self, low: Tensor | float, high: Tensor) -> Tensor:
        """The angles ``(order, *shape)`` at which the function is wanted, for ends of the same ``shape``."""
        return low + (high - low) * self.nodes.to(high).view(-1, *(1,) * high.ndim)

    def mean(self, values: Tensor) -> Tensor:
        """The mean of a function between the ends ``(*shape)``, from its values ``(order, *shape)``."""
        return (values * self.weights.to(values).view(-1, *(1,) * (values.ndim - 1))).sum(0)
