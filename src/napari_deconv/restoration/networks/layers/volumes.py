"""Layers of networks for stacks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from .planes import Residual, scaled


def convolution(inputs: int, outputs: int, size: int = 3) -> nn.Conv3d:
    """A convolution that keeps the size, with the starting scale of He et al. 2015."""
    return scaled(nn.Conv3d(inputs, outputs, size, padding=size // 2))


class Hourglass(nn.Module):
    """Residual blocks on two scales, a small U-Net (Ronneberger et al. 2015).

    Its last layer starts at 0.

    Parameters
    ----------
    inputs : int
        Maps in.
    widths : tuple of int
        Feature maps on the upper and on the lower scale.
    outputs : int
        Maps out.
    """

    REACH = 14
    """How far, on the upper scale, a result depends on its surroundings."""
    BEFORE, AFTER = 1, 4
    """Of that, what lies before the lower scale, and what the upper scale sees by itself."""

    def __init__(self, inputs: int, widths: tuple[int, int], outputs: int) -> None:
        super().__init__()
        above, below = widths
        self.first = convolution(inputs, above)
        self.down = nn.Conv3d(above, below, 2, 2)
        self.below = nn.Sequential(Residual(below, convolution), Residual(below, convolution))
        self.up = nn.ConvTranspose3d(below, above, 2, 2)
        self.after = Residual(above, convolution)
        self.last = convolution(above, outputs)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, Z, Y, X)`` with even sides to ``(B, outputs, Z, Y, X)``."""
        above = self.above(x)
        return self.finished(above, self.below(self.down(above)))

    def above(self, x: Tensor) -> Tensor:
        """The upper scale's maps, ``(B, widths[0], Z, Y, X)``."""
        return torch.relu_(self.first(x))

    def finished(self, above: Tensor, below: Tensor) -> Tensor:
        """The result of both scales' maps."""
        # What leaves `up` has its channels first, where layers are slower.
        joined = self.up(below).contiguous(memory_format=torch.channels_last_3d).add_(above)
        result: Tensor = self.last(self.after(joined))
        return result


def to_phases(x: Tensor) -> Tensor:
    """The eight phases of volumes at half resolution.

    Parameters
    ----------
    x : Tensor
        ``(B, C, Z, Y, X)``, sides even.

    Returns
    -------
    Tensor
        ``(B, 8 C, Z/2, Y/2, X/2)``, channels last in memory, where the layers are fastest.
    """
    b, c, *sides = x.shape
    z, y, w = (n // 2 for n in sides)
    parts = x.view(b, c, z, 2, y, 2, w, 2).permute(0, 1, 3, 5, 7, 2, 4, 6)
    phases = parts.reshape(b, 8 * c, z, y, w)
    return phases.contiguous(memory_format=torch.channels_last_3d)


def from_phases(phases: Tensor) -> Tensor:
    """The volumes of eight phases each, ``(B, 8 C, Z, Y, X)`` to ``(B, C, 2 Z, 2 Y, 2 X)``."""
    b, c, z, y, x = phases.shape
    parts = phases.reshape(b, c // 8, 2, 2, 2, z, y, x).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return parts.reshape(b, c // 8, 2 * z, 2 * y, 2 * x)


def continued(x: Tensor, multiple: int = 4) -> Tensor:
    """Volumes whose last voxels go on until the sides are multiples of a number."""
    z, y, w = (-n % multiple for n in x.shape[-3:])
    return pad(x, (0, w, 0, y, 0, z), mode="replicate") if z or y or w else x


def cut(x: Tensor, shape: Sequence[int]) -> Tensor:
    """The first voxels of every spatial axis."""
    return x[..., : shape[-3], : shape[-2], : shape[-1]]
