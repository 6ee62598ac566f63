"""One network written in pixels and in the numbers that pictures are shrunk to: −ELBO is the same (thesis ch. 10)."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from latentsep.data import benchmarks, loops
from latentsep.data.loops import Loops, Span
from latentsep.measures import evaluation
from latentsep.models.vae import VAE
from latentsep.training import experiments
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Member


@dataclass(frozen=True)
class Shrinking:
    """−ELBO of one network in pixels, in nats, its relative distance within the span, and both dimensions."""

    shrunk_gap: float
    shrunk_numbers: int
    shrunk_pixels: int
    shrunk_value: float


def twins(images: np.ndarray, data: Loops, span: Span) -> tuple[Trained, Trained]:
    """One untrained network that sees pictures ``(frames, H, W)`` in numbers, and the same one that sees pixels.

    ``data`` and ``span`` are what ``loops.shrink`` makes of the one loop.
    """
    small = experiments.pictures(data, {}, [Member(1, 0.1)], "smoke", width=16)["corrected"]
    large = replace(small, data=loops.in_pixels(images[None]))
    inside, outside = small.model(), large.model()
    inside.load_state_dict(within_span(inside))
    outside.load_state_dict({**turned(inside, data, span), "sigma_x": outside.sigma_x})
    never = np.zeros((1, 0))  # it made no update
    return Trained(small, inside.requires_grad_(False), never), Trained(large, outside.requires_grad_(False), never)


def within_span(vae: VAE) -> dict[str, Tensor]:
    """The weights with a decoder that never leaves the span of the pictures, which differ in all directions but one."""
    weights = vae.state_dict()
    last = _last(vae)
    numbers = weights[f"{last}.bias"].shape[-2]
    # One direction of the numbers is unused, that of their common mean: a decoder inside the span keeps out of it.
    used = torch.eye(numbers) - 1 / numbers
    for part in ("weight", "bias"):
        weights[f"{last}.{part}"] = used @ weights[f"{last}.{part}"]
    return weights


def turned(vae: VAE, data: Loops, span: Span) -> dict[str, Tensor]:
    """The weights of a network of ``data``'s first loop with its first and last layer turned into pixels."""
    basis = torch.tensor(span.bases[0].reshape(data.dimension, -1)).float()
    mean_picture = torch.tensor(span.means[0].ravel()).float()
    weights = vae.state_dict()
    first, last = "encoder.layers.0", _last(vae)
    found = dict(weights)
    found[f"{first}.weight"] = weights[f"{first}.weight"] @ basis / data.unit
    found[f"{first}.bias"] = weights[f"{first}.bias"] - found[f"{first}.weight"] @ mean_picture[:, None]
    found[f"{last}.weight"] = data.unit * basis.mT @ weights[f"{last}.weight"]
    found[f"{last}.bias"] = data.unit * basis.mT @ weights[f"{last}.bias"] + mean_picture[:, None]
    return found


def shrinking(images: np.ndarray, data: Loops, span: Span) -> Shrinking:
    """Measure the ``twins`` on the pictures they see."""
    phases = benchmarks.regular_phases(data.frames)
    both = twins(images, data, span)
    inside, outside = (evaluation.measure(one, one.run.loop(phases), 10).neg_elbo[0] for one in both)
    return Shrinking(abs(inside / outside - 1), data.dimension, data.ambient, outside)


def _last(vae: VAE) -> str:
    return f"decoder.layers.{len(vae.decoder.layers) - 1}"
