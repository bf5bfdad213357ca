"""Unrolled U-Net for stacks: data steps that know photon noise, and networks that clean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import torch
from annotated_types import Interval
from torch import Tensor, nn

from ..base import Method
from .volume_layers import Hourglass, continued, cut, from_phases, to_phases

WEIGHTS = (1e-2, 0.1, 1.0)
"""Weights of the gradient penalty at 10 % noise ..."""
GROWTH = 1.5
"""... and the power of the noise that they grow by."""
CORNER = 1e-3
"""Added to the penalty of every frequency, so that the mean too has one."""
FIRST = 4
"""Steps of Richardson-Lucy before the first network; one before each further one."""
_SOFT = 0.05
"""Brightness below which a network sees intensities linearly, and above by their roots."""
_DARK = 1e-3
"""Brightness that no data step takes a voxel below: what is 0 stays 0 under Richardson-Lucy."""


class Unrolled3D(
    Method,
    title="Unrolled U-Net for stacks",
    name="unrolled-3d",
    ndim=(3,),
    citation="napari-deconv",
    needs_weights=True,
    for_training=("iterations",),
    buffers=40,
):
    """Data-consistent estimates and U-Nets by turns, in volumes.

    Parameters
    ----------
    iterations : int
        Steps, each with a U-Net of its own; for training only.
    weights : str
        Id or file of the weights.
    """

    iterations: Annotated[int, Interval(ge=1, le=8)] = 2
    weights: str = ""

    def network(self) -> Network:
        """The untrained network."""
        return Network(self.iterations)


class Network(nn.Module):
    """The unrolled steps.

    Parameters
    ----------
    steps : int
        Their number, each with a network of its own.
    widths : tuple of int
        Feature maps of the networks at half and quarter resolution.
    """

    def __init__(self, steps: int = 2, widths: tuple[int, int] = (32, 64)) -> None:
        super().__init__()
        levels = len(WEIGHTS)
        inputs = 8 * (levels + 3) + 3 + levels
        self.cleaners = nn.ModuleList(Hourglass(inputs, widths, 8) for _ in range(steps))

    def grow(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin from the weights of as many steps."""
        self.load_state_dict(dict(tensors))

    def unrolled(
        self,
        y: Tensor,
        otf: Tensor,
        sigma: Tensor,
        slope: Tensor,
        constant: Tensor,
        spacing: Tensor,
    ) -> list[Tensor]:
        """Every step's estimate under circular blur: what training looks at."""
        x, estimates = None, []
        for stage in range(len(self.cleaners)):
            # Every network learns by itself, from what the one before it makes: no gradient flows
            # through the data steps, which halves the time.
            with torch.no_grad():
                images, levels = self.data_step(y, otf, sigma, slope, constant, spacing, x)
            estimates.append(self.cleaned(images, levels, stage))
            x = estimates[-1].detach()
        return estimates

    @staticmethod
    def loss(estimates: Sequence[Tensor], batch: Any) -> Tensor:
        """What every stage misses, each counting twice the one before.

        The logarithm of each stack's mean square, so that none outweighs others.
        """
        total = batch.y.new_zeros(())
        for x in estimates:
            missed = (x - batch.truth).square().flatten(1).mean(1)
            total = total / 2 + missed.clamp(min=1e-12).log10().mean()
        return total

    def data_step(
        self,
        y: Tensor,
        otf: Tensor,
        sigma: Tensor,
        slope: Tensor,
        constant: Tensor,
        spacing: Tensor,
        x: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """What the next network is shown.

        Parameters
        ----------
        y : Tensor
            Periodic blurred volumes, float32 ``(B, 1, Z, Y, X)``.
        otf : Tensor
            Half spectrum of the PSF, ``(B or 1, 1, Z, Y, X // 2 + 1)``.
        sigma : Tensor
            Root of the mean variance of the noise on the unit scale, ``(B, 1, 1, 1, 1)``.
        slope, constant : Tensor
            Its variance by the mean of a voxel, like ``sigma``.
        spacing : Tensor
            Voxel size over the smallest, ``(B, 3, 1, 1, 1)``.
        x : Tensor, optional
            The last estimate, like ``y``; None before the first network.

        Returns
        -------
        images : Tensor
            The data, the estimate after Richardson-Lucy, the solutions, and by how many standard
            deviations that estimate misses the data, ``(B, 6, Z, Y, X)``. The second one is what a
            network corrects.
        levels : Tensor
            Numbers for a network, ``(B, C, 1, 1, 1)``.
        """
        again = FIRST if x is None else 1
        solutions, passed, x = self._solutions(y, otf, sigma, spacing, x)
        # Both kinds of noise as photons: a voxel's variance over its brightness ...
        unit = torch.maximum(slope, sigma.square())
        for _ in range(again):
            blurred = _filtered(x, otf)
            missed = unit * (y - blurred) / _variance(blurred, sigma, slope, constant)
            x = x * (1 + _filtered(missed, otf.conj())).clamp(0.1, 10)
        blurred = _filtered(x, otf)
        missed = (y - blurred) / _variance(blurred, sigma, slope, constant).sqrt()
        images = torch.cat([y, x, solutions, missed.clamp(-8, 8)], 1)
        spacings = spacing[:, :1].log()
        levels = torch.cat([(sigma / 0.05).log(), (unit / 0.01).log() / 2, spacings], 1)
        return images, torch.cat([levels, (sigma * passed / 0.05).log()], 1)

    def cleaned(self, images: Tensor, levels: Tensor, stage: int) -> Tensor:
        """The next estimate: what `data_step` gave, corrected, ``(B, 1, Z, Y, X)``."""
        shape = images.shape[-3:]
        base = images[:, 1:2]
        amplitude = (base + _SOFT).sqrt()
        shown = torch.cat(
            [images[:, :-1] / (images[:, :-1].abs() + _SOFT).sqrt(), 0.5 * images[:, -1:]], 1
        )
        phases = to_phases(continued(shown).bfloat16())
        noises = levels.expand(-1, -1, *phases.shape[-3:]).bfloat16()
        with torch.autocast(images.device.type, torch.bfloat16):
            inputs = torch.cat([phases, 0.5 * noises], 1)
            inputs = inputs.contiguous(memory_format=torch.channels_last_3d)
            change = self.cleaners[stage](inputs)
        change = cut(from_phases(change), shape).float()
        return torch.relu(base + 0.3 * amplitude * change)

    def _solutions(
        self,
        y: Tensor,
        otf: Tensor,
        sigma: Tensor,
        spacing: Tensor,
        x: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What fits the data and the last estimate; what noise each has; where to go on from.

        ``argmin |k * x_i - y|^2 + w_i (|D (x_i - x)|^2 + c |x_i - x|^2)`` with the gradient D.
        """
        rough = roughness(y.shape, spacing)
        weight = sigma.new_tensor(WEIGHTS).view(1, -1, 1, 1, 1) * (sigma / 0.1) ** GROWTH
        response = otf.conj() / (otf.abs().square() + weight * (rough + CORNER))
        spectrum = _spectrum(y)
        if x is None:
            solved = _image(response * spectrum, y.shape)
            x = solved[:, 1:2].clamp(min=_DARK)
        else:
            left = spectrum - otf * _spectrum(x)
            solved = x + _image(response * left, y.shape)
            x = x.clamp(min=_DARK)
        passed = response.abs().square().mean((-3, -2, -1), keepdim=True).sqrt()
        return solved, passed, x


def roughness(shape: torch.Size, spacing: Tensor) -> Tensor:
    """Power of the gradient at every frequency of a half spectrum, ``(B, 1, Z, Y, X // 2 + 1)``."""
    total = spacing.new_zeros(())
    for axis in (-3, -2, -1):
        n = shape[axis]
        k = torch.arange(n // 2 + 1 if axis == -1 else n, device=spacing.device)
        power = 2 - 2 * torch.cos(2 * torch.pi * k / n)
        total = total + power.view(-1, *[1] * (-1 - axis)) / spacing[:, axis, None].square()
    return total


def _variance(mean: Tensor, sigma: Tensor, slope: Tensor, constant: Tensor) -> Tensor:
    return torch.maximum(slope * mean + constant, 0.0025 * sigma.square())


def _spectrum(x: Tensor) -> Tensor:
    return torch.fft.rfftn(x, dim=(-3, -2, -1))


def _image(spectrum: Tensor, shape: torch.Size) -> Tensor:
    return torch.fft.irfftn(spectrum, s=shape[-3:], dim=(-3, -2, -1))


def _filtered(x: Tensor, response: Tensor) -> Tensor:
    return _image(response * _spectrum(x), x.shape)
