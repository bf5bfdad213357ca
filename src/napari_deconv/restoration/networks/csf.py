"""CSF: a cascade of shrinkage fields, closed-form steps between learned shrinkage functions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from .any_psf import NetworkMethod
from .base import StagedNetwork, quadratic_rule

_FIRST, _LAST = 60.0, 0.25
"""What the data counts against the prior at 1 % noise: where the learned weights start."""
_KERNELS = 53
_REACH, _STEP = 13.0, 0.125
"""Of the tables of shrinkage functions, in units of their argument's scale."""


class CSF(
    NetworkMethod,
    title="CSF",
    name="csf",
    citation="U. Schmidt, S. Roth, Shrinkage Fields for Effective Image Restoration, CVPR 2014",
    for_training=("iterations",),
    has_maps=False,
    buffers=160,
    suits="Photos with 0.3 % to 10 % of noise: a learned prior in a file of 20 kB, a few filters "
    "and functions. Its weights are free.",
    avoid="Measuring intensities. Clipped highlights. Where quality counts more than size: the "
    "networks with more layers are ahead of it.",
):
    """Cascade of shrinkage fields: filters, shrinkage functions and one division (2014).

    In each stage the image is filtered, every response goes through a function of its own, and
    the image that fits both data and responses is found in closed form (Eq. 10 there) ::

        X <- (lambda conj(K) Y + sum_i conj(F_i) FFT(f_i(f_i * x))) / (lambda |K|^2 + sum_i |F_i|^2)

    Learned are 24 filters of 5x5 without a mean, the functions, as sums of 53 Gaussians, and
    lambda: 7500 numbers in all, so that it is quick to train and to apply.

    Where this differs from the paper: one set of weights serves all noise levels, since lambda and
    the scale of the functions' argument follow the noise; a function says what is taken away, so
    that large responses stay as they are; all stages are trained together by Adam; a first
    deconvolution without responses takes the place of ``x = y``; and after every stage the unseen
    ring is filled with the re-blurred estimate.

    Parameters
    ----------
    iterations : int
        Stages after the first deconvolution; for training only.
    """

    iterations: Annotated[int, Interval(ge=1, le=10)] = 4

    @property
    def total(self) -> int:
        return self.iterations + 1

    @property
    def default_weights(self) -> str:
        return "csf"

    def network(self) -> Network:
        return Network(self.iterations)


class Network(StagedNetwork):
    """The cascade of stages.

    Parameters
    ----------
    stages : int
        Their number, the first deconvolution not counted.
    size : int
        Side of the filters in pixels; there are ``size ** 2 - 1``.
    """

    rates: Mapping[str, float] = {"gamma": 10.0, "scale": 10.0}
    basis: Tensor
    kernels: Tensor

    def __init__(self, stages: int = 4, size: int = 5) -> None:
        super().__init__()
        count = size**2 - 1
        self.register_buffer("basis", _cosines(size) / size, persistent=False)
        self.register_buffer("kernels", _gaussians(), persistent=False)
        self.mixes = nn.Parameter(torch.eye(count).repeat(stages, 1, 1))
        self.shapes = nn.Parameter(_first_shape().expand(stages, count, _KERNELS).clone())
        start = torch.linspace(math.log(_FIRST), math.log(_LAST), stages + 1)
        self.gamma = nn.Parameter(torch.stack([start, -torch.ones_like(start), 0 * start]))
        start = torch.full((stages,), math.log(0.01))
        self.scale = nn.Parameter(torch.stack([start, torch.ones_like(start), 0 * start]))

    @property
    def stages(self) -> int:
        return len(self.mixes) + 1

    def forward(
        self,
        y: Tensor,
        otf: Tensor,
        sigma: Tensor,
        stage: int,
        x: Tensor | None = None,
        local: Tensor | None = None,
    ) -> Tensor:
        """Estimate of one stage from the last one's, ``x``.

        Parameters
        ----------
        y : Tensor
            Periodic blurred images, float32 ``(B, 1, Y, X)``.
        otf : Tensor
            Half spectrum of the PSF, ``(B or 1, 1, Y, X // 2 + 1)``.
        sigma : Tensor
            Noise on the unit scale, ``(B or 1, 1, 1, 1)``.
        stage : int
            0 for the first deconvolution, which has no responses.
        x : Tensor, optional
            The last estimate, like ``y``.
        local : Tensor, optional
            Noise around each pixel over ``sigma``, like ``y``; by default 1.
        """
        own = max(stage - 1, 0)
        filters = torch.tensordot(self.mixes[own], self.basis, 1)  # (N, size, size)
        shape = y.shape[-2:]
        penalty = torch.fft.rfft2(filters, s=shape).abs().square().sum(0)
        weight = quadratic_rule(self.gamma[:, stage], sigma)
        top = weight * otf.conj() * torch.fft.rfft2(y)
        if x is not None:
            scale = quadratic_rule(self.scale[:, own], sigma)
            scale = scale if local is None else scale * local
            reach = filters.shape[-1] // 2
            around = (reach,) * 4
            responses = conv2d(pad(x, around, mode="circular"), filters[:, None])
            table = self.shapes[own] @ self.kernels
            kept = responses - scale * looked_up(table, responses / scale)
            # Their sum through the filters turned about: the transpose of the first convolution.
            joined = conv2d(pad(kept, around, mode="circular"), filters.flip(-2, -1)[None])
            top = top + torch.fft.rfft2(joined)
        return torch.fft.irfft2(top / (weight * otf.abs().square() + penalty), s=shape)


def looked_up(table: Tensor, at: Tensor) -> Tensor:
    """Functions by their values from -13 to 13 in steps of 1/8, linear between them.

    Parameters
    ----------
    table : Tensor
        ``(N, K)``.
    at : Tensor
        Their arguments, ``(B, N, Y, X)``; beyond the ends the last value is taken.
    """
    count = table.shape[-1]
    place = ((at + _REACH) / _STEP).clamp(0, count - 1.001)
    left = place.detach().floor()
    first = count * torch.arange(len(table), device=at.device).view(-1, 1, 1)
    index = left.long() + first
    values = table.flatten()
    below = values[index]
    return below + (place - left) * (values[index + 1] - below)


def _cosines(size: int) -> Tensor:
    """Orthonormal cosines of a square without the constant one, ``(size^2 - 1, size, size)``."""
    n = torch.arange(size, dtype=torch.float64)
    line = torch.cos(torch.pi * (n + 0.5) * n[:, None] / size)
    line = line / line.norm(dim=1, keepdim=True)
    square = torch.einsum("ay,bx->abyx", line, line).flatten(0, 1)[1:]
    return square.float()


def _places() -> Tensor:
    return torch.arange(-_REACH, _REACH + _STEP / 2, _STEP)


def _gaussians() -> Tensor:
    """The functions' Gaussians over the table, ``(53, K)``; they end before it does."""
    centres = torch.linspace(-_REACH + 1.5, _REACH - 1.5, _KERNELS)
    width = float(centres[1] - centres[0])
    return torch.exp(-0.5 * ((_places() - centres[:, None]) / width) ** 2)


def _first_shape() -> Tensor:
    """Gaussians' weights of a function that takes small responses away and leaves large ones."""
    u = _places().double()
    taken = u * torch.exp(-0.5 * (u / 1.5) ** 2)
    solution = torch.linalg.lstsq(_gaussians().double().T, taken[:, None]).solution
    return solution[:, 0].float()
