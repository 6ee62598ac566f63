"""The autoencoders: distributions, latent spaces, networks, and the objective that joins them.

May import ``data`` and ``runtime``. A new geometry is one class in ``latent_spaces``.
"""

from latentsep.models.circular import wrap
from latentsep.models.distributions import HeatKernel
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean, LatentSpace
from latentsep.models.vae import VAE, negative_log_likelihood

__all__ = [
    "VAE",
    "Circle",
    "CliffordTorus",
    "Euclidean",
    "HeatKernel",
    "LatentSpace",
    "negative_log_likelihood",
    "wrap",
]
