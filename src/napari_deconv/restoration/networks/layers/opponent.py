"""Three colours as their mean and two differences, which hold far less and are smoother."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_CALMEST = 0.15
"""The differences are never told less noise than this share of a colour's."""

_OPPONENTS = torch.tensor(
    [
        [1 / 3, 1 / 3, 1 / 3],
        [1 / math.sqrt(6), 0.0, -1 / math.sqrt(6)],
        [1 / math.sqrt(18), -2 / math.sqrt(18), 1 / math.sqrt(18)],
    ]
)
"""Orthogonal rows of one length: independent noise stays independent and equal."""


def to_opponents(colours: Tensor) -> Tensor:
    """Mean, red against blue, and green against both, ``(B, 3, Y, X)``, of red, green and blue."""
    return torch.einsum("oc,bcyx->boyx", _OPPONENTS.to(colours.device), colours)


def to_colours(opponents: Tensor) -> Tensor:
    """Red, green and blue again; the inverse of `to_opponents`."""
    back = 3 * _OPPONENTS.T.contiguous()
    return torch.einsum("co,boyx->bcyx", back.to(opponents.device), opponents)


def noises(sigma: Tensor, common: Tensor | float) -> Tensor:
    """Noise of the mean and of either difference, ``(B, 2, 1, 1)``.

    Parameters
    ----------
    sigma : Tensor
        Noise of a colour, ``(B, 1, 1, 1)``.
    common : Tensor or float
        Noise of the mean over that, as `Problem.common`; like ``sigma``.
    """
    mean = sigma * common
    # A colour is the mean and a rotation of the differences: the variances add up.
    apart = ((sigma.square() - mean.square()) / 2).clamp(min=0).sqrt()
    return torch.cat([mean, torch.maximum(apart, _CALMEST * sigma)], 1)
