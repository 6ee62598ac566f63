"""Autoencoders of several kinds side by side: plain, linear, denoising, sparse, decayed and variational."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentsep.models.latent_spaces import Euclidean
from latentsep.models.networks import ACTIVATIONS
from latentsep.models.normal import kl_normal_diagonal
from latentsep.models.vae import VAE

RARE = 0.1  # how active a unit of a sparse code is to be, on average


@dataclass(frozen=True)
class Kind:
    """What makes a kind of autoencoder, as numbers, so that all kinds can be trained as one ensemble.

    The encoder sees the picture plus normal noise of standard deviation ``noise``, or with a share ``masked`` of
    its pixels dropped out (Vincent et al., 2008). ``sparsity`` weighs how far the mean activation of each unit of the
    code, which then goes from 0 to 1, is from ``RARE`` (Ng, 2011), and ``decay`` half the squared weights, both in nats
    a picture. ``linear`` has no activations. ``variational`` draws the code, and adds its divergence from the prior.
    A decoder has the standard deviation ``sigma_x``, or for 0 the best one.
    """

    name: str
    noise: float = 0.0
    masked: float = 0.0
    sparsity: float = 0.0
    decay: float = 0.0
    linear: bool = False
    variational: bool = False
    sigma_x: float = 0.0

    @property
    def damages(self) -> bool:
        """Whether the encoder sees something else than the picture."""
        return self.noise > 0 or self.masked > 0


@dataclass(frozen=True)
class Codes(Euclidean):
    """R^d for an ensemble whose members use only the first few of the d numbers.

    ``damage`` is how many more noise variables one sample takes: those that damage a picture.
    """

    damage: int = 0

    @property
    def noise_features(self) -> int:
        return self.dimension + self.damage


class Autoencoders(VAE):
    """An ensemble of autoencoders, each of a kind and with a code of so many numbers, the first of those of ``space``.

    The loss of a batch is, up to a constant, the −log-likelihood of a normal decoder, plus what the kind adds. With the
    best σ_X there is for the batch that is D/2 · log of its mean squared error (Rybkin, Daniilidis and Levine, 2021).
    """

    space: Codes
    used: Tensor
    noise: Tensor
    masked: Tensor
    sparsity: Tensor
    decay: Tensor
    variational: Tensor
    fixed: Tensor
    straight: Tensor

    def __init__(
        self,
        space: Codes,
        data_dimension: int,
        hidden: Sequence[int],
        kinds: Sequence[Kind],
        lengths: Sequence[int],
        member_seeds: Sequence[int],
        activation: str = "relu",
    ):
        super().__init__(space, data_dimension, hidden, [1.0] * len(kinds), member_seeds, activation)
        used = torch.arange(space.dimension) < torch.tensor(lengths)[:, None]
        self._keep("used", used[:, None].float())
        for name in ("noise", "masked", "sparsity", "decay", "variational"):
            self._keep(name, torch.tensor([float(getattr(kind, name)) for kind in kinds])[:, None, None])
        self._keep("fixed", torch.tensor([kind.sigma_x for kind in kinds])[:, None])
        self._keep("straight", torch.tensor([kind.linear for kind in kinds])[:, None, None])
        self.encoder.activation = self.decoder.activation = self._mixed(ACTIVATIONS[activation])

    def _keep(self, name: str, values: Tensor) -> None:
        # Not part of the weights: the run has them.
        self.register_buffer(name, values, persistent=False)

    def _mixed(self, activation: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda x: torch.where(self.straight, x, activation(x))

    def codes(self, x: Tensor) -> Tensor:
        """The codes ``(members, batch, d)`` of pictures ``([members,] batch, D)``; zero where unused."""
        return self.posteriors(x)[0]

    def drawn(self, x: Tensor, noise: Tensor) -> Tensor:
        """The codes that decoders see in training: ``codes``, or draws by standard normal ``noise`` of their shape."""
        return self._draw(*self.posteriors(x), noise)

    def posteriors(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means and standard deviations of the posteriors, each ``(members, batch, d)``; 0 and 1 where unused."""
        return self._parts(x.expand(self.members, *x.shape[-2:]))

    def _draw(self, mean: Tensor, std: Tensor, noise: Tensor) -> Tensor:
        return (mean + self.variational * std * noise) * self.used

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, dim=-1)
        mean = torch.where(self.sparsity > 0, torch.sigmoid(mean), mean)
        # What is not used is as the prior is.
        return mean * self.used, torch.exp(0.5 * log_variance * self.used)

    def forward(self, x: Tensor, noise: Tensor, outputs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The loss of each picture in two parts, in nats, ``(members, batch)``: reconstruction, and what the kind adds.

        ``noise`` has shape ``(1, members, batch, noise_features)``.
        """
        drawn = noise[0, ..., : self.space.noise_features - self.space.damage]
        seen = damaged(x, noise[0, ..., -self.space.damage :], self.noise, self.masked) if self.space.damage else x
        mean, std = self._parts(seen)
        error = (x - self.decoder(self._draw(mean, std, drawn))).square().sum(-1)
        best = 0.5 * x.shape[-1] * torch.log(error.mean(-1, keepdim=True) / x.shape[-1])
        # Where σ_X is not fixed the other branch must have a gradient, too.
        of_fixed = error / (2 * self.fixed.square() + (self.fixed == 0))
        return torch.where(self.fixed > 0, of_fixed, best), self._added(mean, std)

    def _added(self, mean: Tensor, std: Tensor) -> Tensor:
        """What the kinds add to the loss of each picture, in nats, ``(members, batch)``."""
        kl = self.variational[..., 0] * kl_normal_diagonal(mean, std)
        active = mean.mean(-2).clamp(1e-4, 1 - 1e-4)
        rare = RARE * torch.log(RARE / active) + (1 - RARE) * torch.log((1 - RARE) / (1 - active))
        each = (rare * self.used[:, 0]).sum(-1) * self.sparsity[:, 0, 0]
        weights: list[Tensor] = [layer.weight for net in (self.encoder, self.decoder) for layer in net.layers]  # type: ignore[misc]
        squares = torch.stack([weight.square().sum((-2, -1)) for weight in weights]).sum(0)
        return kl + (each + 0.5 * self.decay[:, 0, 0] * squares)[:, None]


def damaged(x: Tensor, draws: Tensor, noise: Tensor, masked: Tensor) -> Tensor:
    """Pictures ``(..., D)`` with noise of a standard deviation, or with a share of their pixels masked.

    As dropout does, masking scales up what it leaves, so that the ink remains the same on average. ``draws``, standard
    normal and of the same shape, decide on both.
    """
    hidden = draws < math.sqrt(2) * torch.erfinv(2 * masked - 1)
    return torch.where(hidden, 0.0, x / (1 - masked) + noise * draws)
