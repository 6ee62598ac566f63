"""Variational autoencoders of photographs: convolutional networks, and likelihoods of channels of pixels."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from latentsep.models.augmentation import FEATURES, augmented
from latentsep.models.autoencoders import Codes
from latentsep.models.convolutions import CENTRE, SPREAD, ConvolutionalDecoder, ConvolutionalEncoder, Shape
from latentsep.models.normal import kl_normal_diagonal
from latentsep.models.variants import LIKELIHOODS, Variant, Variants

LEVELS = 256  # values of a channel
NORMAL, BERNOULLI, _, LOGISTIC = LIKELIHOODS
FIRST_SCALE = 0.1  # of the logistic distribution, before training


class PictureVariants(Variants):
    """An ensemble of ``Variant`` members of one kind with convolutional networks of a ``shape``.

    If the noise that the space asks for has more numbers than the code, pictures are ``augmented`` by these. A
    ``logistic`` likelihood has one scale for all channels of a member, which is learned.
    """

    likelihoods = (NORMAL, BERNOULLI, LOGISTIC)

    def __init__(self, space: Codes, shape: Shape, kind: Variant, length: int, member_seeds: Sequence[int]):
        self.shape, self.kind = shape, kind
        members = len(member_seeds)
        dimension = shape.channels * shape.side**2
        super().__init__(space, dimension, shape.widths, [kind] * members, [length] * members, member_seeds)
        if kind.likelihood == LOGISTIC:
            self.log_scale = nn.Parameter(torch.full((members, 1, 1), math.log(FIRST_SCALE)))

    def networks(
        self, data_dimension: int, hidden: Sequence[int], member_seeds: Sequence[int], activation: str
    ) -> tuple[Any, Any]:
        # Of logits the decoder has its own units.
        units = (0.0, 1.0) if self.kind.likelihood == BERNOULLI else (CENTRE, SPREAD)
        return (
            ConvolutionalEncoder(self.shape, self.space.encoder_features, member_seeds),
            ConvolutionalDecoder(self.shape, self.space.decoder_features, member_seeds, *units),
        )

    def forward(self, x: Tensor, noise: Tensor, outputs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The −log-likelihood of each picture, up to a constant, and its divergence: ``(members, batch)``."""
        draws = noise[0]
        if self.space.damage:
            x = augmented(x.expand(self.members, *x.shape[-2:]), draws[..., -FEATURES:])
        mean, std = self._parts(x)
        out = self.decoder(self._draw(mean, std, draws[..., : self.space.dimension]))
        return self.weights[0] * self.surprise(x, out), self.weights[1] * self._added(mean, std)

    def divergences(self, mean: Tensor, std: Tensor) -> Tensor:
        """Those of posteriors ``(members, batch, d)`` from the prior, in nats; zero for a kind without."""
        return self.variational[..., 0] * kl_normal_diagonal(mean, std)

    def _added(self, mean: Tensor, std: Tensor) -> Tensor:
        return self.divergences(mean, std)

    def surprise(self, x: Tensor, out: Tensor) -> Tensor:
        """−log-likelihood in nats of pictures given what the decoder puts out, ``(members, batch)``.

        It is up to a constant, but for that of the logistic distribution in steps of 1/255, which is whole.
        """
        if self.kind.likelihood == LOGISTIC:
            return -log_logistic(x, out, self.log_scale.exp()).sum(-1)
        if self.kind.likelihood == BERNOULLI:
            return (softplus(out) - x * out).sum(-1)
        error = (x - out).square().sum(-1)
        if self.kind.sigma_x:
            return error / (2 * self.kind.sigma_x**2)
        return 0.5 * x.shape[-1] * torch.log(error.mean(-1, keepdim=True) / x.shape[-1]).expand_as(error)


def log_logistic(x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """The log-probability in nats of channels ``x`` in steps of 1/255 from 0 to 1, of a logistic distribution.

    That is what it has between half a step below and half a step above, and at the ends all that is beyond (Salimans
    et al., 2017).
    """
    half = 0.5 / (LEVELS - 1)
    above, below = (x - mean + half) / scale, (x - mean - half) / scale
    # The logarithm of the difference of two sigmoids, in a form that loses none of it far from the mean.
    inside = torch.log(-torch.expm1(-2 * half / scale)) + above - softplus(above) - softplus(below)
    return torch.where(x < half, -softplus(-above), torch.where(x > 1 - half, -softplus(below), inside))
