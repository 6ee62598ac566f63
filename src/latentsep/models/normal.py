"""Divergences of normal distributions from the standard normal prior (thesis §4.1)."""

import torch
from torch import Tensor


def kl_normal(mean: Tensor, covariance: Tensor) -> Tensor:
    """Return KL(N(mean, covariance) || N(0, I)) in nats (thesis 4.4).

    Shapes: ``mean`` ``(..., d)``, ``covariance`` ``(..., d, d)``, result ``(...)``. Raises
    ``torch.linalg.LinAlgError`` if a covariance is not positive definite.

    >>> kl_normal(torch.zeros(2), torch.eye(2))
    tensor(0.)
    """
    factor = torch.linalg.cholesky(covariance)
    log_det = 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    trace = covariance.diagonal(dim1=-2, dim2=-1).sum(-1)
    return 0.5 * (trace + mean.square().sum(-1) - log_det - mean.shape[-1])


def kl_normal_diagonal(mean: Tensor, std: Tensor) -> Tensor:
    """Return KL(N(mean, diag(std²)) || N(0, I)) in nats, summed over the last axis (thesis 4.5).

    The thesis prints a norm ‖log σ²‖₁; the formula needs the signed sum of log σ².
    """
    return (0.5 * (std.square() + mean.square() - 1) - std.log()).sum(-1)
