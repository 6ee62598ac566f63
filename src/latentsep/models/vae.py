"""The variational autoencoder: its two networks, and the negative ELBO in its two parts."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Independent

from latentsep.models.latent_spaces import LatentSpace
from latentsep.models.networks import Dense


def negative_log_likelihood(x: Tensor, mean: Tensor, sigma: Tensor | float) -> Tensor:
    """Return −log N(x; mean, σ² I) in nats, summed over the last axis (thesis 4.10).

    Both terms carry the ½ that the thesis drops from its constant in (4.13) and from its squared
    error in (5.9).

    >>> negative_log_likelihood(torch.zeros(1), torch.zeros(1), 1.0)
    tensor(0.9189)
    """
    variance = torch.as_tensor(sigma, dtype=mean.dtype, device=mean.device).square()
    squared_error = (x - mean).square().sum(-1)
    return 0.5 * (squared_error / variance + x.shape[-1] * torch.log(2 * math.pi * variance))


class VAE(nn.Module):
    """An ensemble of variational autoencoders: the quadruple (Z, P_Z, Q, P) of thesis ch. 8, member by member.

    ``space`` carries Z, P_Z and the family of Q; the decoding distribution is N(μ_X(z), σ_X² I)
    (thesis 4.10) with one ``sigma_x`` per member. ``hidden`` holds the widths of the hidden layers
    of the encoder, and of the decoder. ``member_seeds`` has one seed per member.

    Raises ``ValueError`` if a ``sigma_x`` is not positive or the lengths differ.
    """

    sigma_x: Tensor
    encoder: Dense  # or networks that are called alike
    decoder: Dense

    def __init__(
        self,
        space: LatentSpace,
        data_dimension: int,
        hidden: Sequence[int],
        sigma_x: Sequence[float],
        member_seeds: Sequence[int],
        activation: str = "tanh",
    ):
        super().__init__()
        if len(sigma_x) != len(member_seeds):
            raise ValueError(f"sigma_x has {len(sigma_x)} entries for {len(member_seeds)} members; give one each")
        if not all(s > 0 for s in sigma_x):
            raise ValueError(f"sigma_x is {list(sigma_x)}; every entry must be positive")
        self.space = space
        self.encoder, self.decoder = self.networks(data_dimension, hidden, member_seeds, activation)
        self.register_buffer("sigma_x", torch.tensor(sigma_x, dtype=torch.get_default_dtype()))

    def networks(
        self, data_dimension: int, hidden: Sequence[int], member_seeds: Sequence[int], activation: str
    ) -> tuple[Any, Any]:
        """Encoder and decoder; dense ones, unless a kind of autoencoder has others."""
        return (
            Dense([data_dimension, *hidden, self.space.encoder_features], member_seeds, activation, "encoder"),
            Dense([self.space.decoder_features, *hidden, data_dimension], member_seeds, activation, "decoder"),
        )

    @property
    def members(self) -> int:
        return len(self.sigma_x)

    def posterior(self, x: Tensor) -> Independent:
        """Q(z|x) for datapoints ``(members, batch, D)``, or ``(batch, D)`` shared by all members."""
        return self.space.posterior(self.encoder(x.expand(self.members, *x.shape[-2:])))

    def decode(self, z: Tensor) -> Tensor:
        """μ_X(z), shape ``(..., members, batch, D)``, for latent variables ``(..., members, batch, d)``."""
        inputs = self.space.embed(z)
        *samples, members, batch, features = inputs.shape
        # Leading sample axes join the batch: the networks know one batch axis only.
        folded = inputs.reshape(-1, members, batch, features).movedim(0, 1).flatten(1, 2)
        means = self.decoder(folded).unflatten(1, (-1, batch)).movedim(1, 0)
        return means.reshape(*samples, *means.shape[1:])

    def forward(self, x: Tensor, noise: Tensor, outputs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The reconstruction error and the KL regularisation in nats, each ``(members, batch)``.

        Their sum is the negative ELBO (thesis 2.26). ``noise`` has shape
        ``(samples, members, batch, noise_features)``; the reconstruction error is the mean over the
        L = ``samples`` decoded samples (thesis 4.11); the KL is exact where the space knows it (4.5),
        else estimated from the same samples (7.9). With ``outputs`` ``(members, batch, encoder_features)``
        the posteriors are those that an encoder with these outputs would have.
        """
        posterior = self.posterior(x) if outputs is None else self.space.posterior(outputs)
        z = self.space.rsample(posterior, noise)
        reconstruction = negative_log_likelihood(x, self.decode(z), self.sigma_x[:, None])
        return reconstruction.mean(0), self.space.kl(posterior, z)

    def negative_elbo(self, x: Tensor, noise: Tensor) -> Tensor:
        """−L(x, ψ, ξ) in nats, ``(members, batch)``, estimated with the given noise (thesis 3.8, sign turned)."""
        reconstruction, kl = self(x, noise)
        return reconstruction + kl
