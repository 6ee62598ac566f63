"""Photographs as they might have been taken as well: from the other side, askew, in other light."""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from latentsep.data.pictures import in_colour

FEATURES = 6  # standard normal draws that one picture takes
TURNED, ANGLE = 0.3, 10.0  # how often pictures are turned, and by how many degrees at most
LIGHT = 0.1  # by which brightness, contrast and colour change at most


def augmented(x: Tensor, draws: Tensor) -> Tensor:
    """Pictures ``(..., 3 · side²)`` from 0 to 1, mirrored every other time, and changed a little, by ``draws``.

    These have shape ``(..., FEATURES)`` and are standard normal. What a turned picture lacks at its corners is what is
    on the other side of its rim.
    """
    mirrored, turned, angle, *light = torch.special.ndtr(draws).unbind(-1)
    pictures = in_colour(x).flatten(0, -4)
    radians = (2 * angle - 1) * math.radians(ANGLE) * (turned < TURNED)
    cosine, sine, sign = radians.cos(), radians.sin(), torch.where(mirrored < 0.5, -1.0, 1.0)
    zero = torch.zeros_like(cosine)
    rows = torch.stack([sign * cosine, -sign * sine, zero, sine, cosine, zero], -1).unflatten(-1, (2, 3))
    grid = affine_grid(rows.flatten(0, -3), list(pictures.shape), align_corners=False)
    moved = grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    return _in_other_light(moved, torch.stack(light, -1).flatten(0, -2)).reshape(x.shape)


def _in_other_light(pictures: Tensor, light: Tensor) -> Tensor:
    """Pictures ``(n, 3, side, side)`` brighter or darker, then with more or less contrast, and colour."""
    brightness, contrast, colour = (1 + LIGHT * (2 * light - 1))[..., None, None, None].unbind(1)
    lit = pictures * brightness
    even = lit.mean((1, 2, 3), keepdim=True)
    lit = even + contrast * (lit - even)
    grey = lit.mean(1, keepdim=True)
    return (grey + colour * (lit - grey)).clamp(0, 1)
