"""Variational autoencoders with another likelihood, another weight of each term, or another way of the gradient."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from latentsep.models.autoencoders import Autoencoders, Codes, Kind

LIKELIHOODS = ("normal", "Bernoulli", "continuous Bernoulli", "logistic")
GRADIENTS = ("path", "score", "none", "straight through")


@dataclass(frozen=True)
class Variant(Kind):
    """A variational autoencoder, with the ``likelihood`` of a pixel and how the ``gradient`` passes the draw.

    It passes along the ``path``, the reparametrised draw; by the ``score`` function, with the batch's mean as a
    baseline (Williams, 1992); not at all, ``none``, where the draw is taken for a constant; or ``straight through``
    (Bengio, Léonard and Courville, 2013) to the mean, as if nothing had been drawn. ``reconstruction`` and
    ``divergence`` weigh the two terms of the loss. Raises ``ValueError`` for another likelihood or gradient.
    """

    variational: bool = True
    sigma_x: float = 0.5**0.5
    likelihood: str = "normal"
    gradient: str = "path"
    reconstruction: float = 1.0
    divergence: float = 1.0

    def __post_init__(self):
        for name, choices in (("likelihood", LIKELIHOODS), ("gradient", GRADIENTS)):
            if (value := getattr(self, name)) not in choices:
                raise ValueError(f"{name} is {value!r}; choose {' | '.join(choices)}")


class Variants(Autoencoders):
    """An ensemble of ``Variant`` members; ``decode`` gives the mean of each pixel, whatever its likelihood.

    Raises ``ValueError`` for a likelihood that is not among its ``likelihoods``.
    """

    likelihoods: ClassVar[tuple[str, ...]] = LIKELIHOODS[:3]
    weights: Tensor
    scored: Tensor
    passed: Tensor
    blocked: Tensor
    binary: Tensor
    continuous: Tensor

    def __init__(
        self,
        space: Codes,
        data_dimension: int,
        hidden: Sequence[int],
        kinds: Sequence[Variant],
        lengths: Sequence[int],
        member_seeds: Sequence[int],
        activation: str = "relu",
    ):
        for kind in kinds:
            if kind.likelihood not in self.likelihoods:
                raise ValueError(f"likelihood is {kind.likelihood!r}; choose {' | '.join(self.likelihoods)}")
        super().__init__(space, data_dimension, hidden, kinds, lengths, member_seeds, activation)
        self._keep("weights", torch.tensor([[kind.reconstruction, kind.divergence] for kind in kinds]).T[..., None])
        self._keep("scored", torch.tensor([[float(kind.gradient == "score")] for kind in kinds]))
        self._keep("passed", torch.tensor([float(kind.gradient == GRADIENTS[3]) for kind in kinds])[:, None, None])
        self._keep("blocked", torch.tensor([kind.gradient != "path" for kind in kinds])[:, None, None])
        self._keep("binary", torch.tensor([kind.likelihood == LIKELIHOODS[1] for kind in kinds])[:, None, None])
        self._keep("continuous", torch.tensor([kind.likelihood == LIKELIHOODS[2] for kind in kinds])[:, None, None])
        self.normal = all(kind.likelihood == LIKELIHOODS[0] for kind in kinds)

    def decode(self, z: Tensor) -> Tensor:
        out = super().decode(z)
        if self.normal:
            return out
        means = torch.where(self.binary, torch.sigmoid(out), out)
        return torch.where(self.continuous, continuous_mean(out), means)

    def forward(self, x: Tensor, noise: Tensor, outputs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The weighted −log-likelihood of each picture, up to a constant, and its divergence: ``(members, batch)``."""
        mean, std = self._parts(x.expand(self.members, *x.shape[-2:]))
        drawn = self._draw(mean, std, noise[0])
        fixed = drawn.detach()
        blind = fixed + self.passed * (mean - mean.detach())
        out = self.decoder(torch.where(self.blocked, blind, drawn))
        loss = self._loss(x, out).sum(-1) / (2 * self.fixed.square()) if self.normal else self._mixed_loss(x, out)
        # The gradient of E_q[loss] by the encoder, without one of the decoder: loss times that of log q(z).
        log_q = -(0.5 * ((fixed - mean) / std).square() + std.log()).sum(-1)
        excess = (loss - loss.mean(-1, keepdim=True)).detach()
        loss = loss + self.scored * excess * (log_q - log_q.detach())
        return self.weights[0] * loss, self.weights[1] * self._added(mean, std)

    def _loss(self, x: Tensor, out: Tensor) -> Tensor:
        return (x - out).square()

    def _mixed_loss(self, x: Tensor, out: Tensor) -> Tensor:
        crossed = softplus(out) - x * out
        pixels = torch.where(self.binary, crossed, self._loss(x, out) / (2 * self.fixed.square()[..., None]))
        return torch.where(self.continuous, crossed - log_constant(out), pixels).sum(-1)


def log_constant(logits: Tensor) -> Tensor:
    """log C of the continuous Bernoulli density C λ^x (1 − λ)^(1 − x) on [0, 1], λ = 1/(1 + e^(−logits)), in nats.

    With l for the logits that is log(l / tanh(l/2)) (Loaiza-Ganem and Cunningham, 2019, in another form).

    >>> log_constant(torch.tensor([0.0, 100.0])).exp()
    tensor([  2.0000, 100.0000])
    """
    near = logits.abs() < 0.05
    far = torch.where(near, 1.0, logits)
    return torch.where(near, math.log(2) + logits.square() / 12, torch.log(far / torch.tanh(far / 2)))


def continuous_mean(logits: Tensor) -> Tensor:
    """The mean of the same density.

    >>> continuous_mean(torch.tensor([0.0, 100.0]))
    tensor([0.5000, 0.9900])
    """
    near = logits.abs() < 0.05
    far = torch.where(near, 1.0, logits)
    return torch.where(near, 0.5 + logits / 12, torch.sigmoid(far) / torch.tanh(far / 2) - 1 / far)
