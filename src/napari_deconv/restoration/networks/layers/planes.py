"""Layers that several networks are built of."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, pixel_shuffle, pixel_unshuffle

from ....core.precision import arranged

_Convolution = TypeVar("_Convolution", nn.Conv2d, nn.Conv3d)


def convolution(inputs: int, outputs: int, size: int = 3) -> nn.Conv2d:
    """A convolution that keeps the size, with the starting scale of He et al. 2015."""
    return scaled(nn.Conv2d(inputs, outputs, size, padding=size // 2))


def scaled(layer: _Convolution) -> _Convolution:
    """Give a convolution the starting scale of He et al. 2015, and a bias of 0."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    layer.bias = nn.Parameter(torch.zeros(layer.out_channels))
    return layer


def large_convolution(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """A layer of large filters on few maps, right on every processor.

    With AMX, oneDNN 3 sums filters of 8 or 16 columns over an even number of up to 14 maps wrongly
    in narrow formats, in the gradients as well. Over an odd number it is right, and one more map of
    zeros costs nothing.
    """
    weight = layer.weight
    if weight.shape[1] % 2 == 0:
        x, weight = (pad(each, (0, 0, 0, 0, 0, 1)) for each in (x, weight))
    return conv2d(arranged(x), weight, layer.bias, padding=layer.padding)


class Residual(nn.Module):
    """``x + convolution(relu(convolution(x)))``, small at the start.

    Parameters
    ----------
    width : int
        Maps in and out.
    layer : callable
        Makes a convolution of planes, or of volumes.
    """

    def __init__(
        self, width: int, layer: Callable[[int, int], nn.Conv2d | nn.Conv3d] = convolution
    ) -> None:
        super().__init__()
        self.first, self.second = layer(width, width), layer(width, width)
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(B, width, [Z,] Y, X)`` of the same shape."""
        corrected: Tensor = self.second(torch.relu_(self.first(x)))
        return corrected.add_(x)


class Hourglass(nn.Module):
    """Residual blocks on two scales, a small U-Net (Ronneberger et al. 2015).

    The lower scale gives reach for a quarter of the work. Its last layer starts at 0.

    Parameters
    ----------
    width : int
        Maps in, and on the upper scale; twice as many on the lower one.
    outputs : int
        Maps out.
    """

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.above = Residual(width)
        self.down = nn.Conv2d(width, 2 * width, 2, 2)
        self.below = nn.Sequential(Residual(2 * width), Residual(2 * width))
        self.up = nn.ConvTranspose2d(2 * width, width, 2, 2)
        self.after = Residual(width)
        self.last = convolution(width, outputs)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, width, Y, X)`` with even sides to ``(B, outputs, Y, X)``."""
        above = self.above(x)
        result: Tensor = self.last(self.after(self.up(self.below(self.down(above))).add_(above)))
        return result


class UNet(nn.Module):
    """Residual blocks on three scales (Ronneberger et al. 2015): reach for little work.

    One block on each side of the upper two scales, two on the lowest. Its last layer starts at 0.

    Parameters
    ----------
    inputs : int
        Maps in.
    widths : tuple of int
        Feature maps per scale; every next one has half the resolution.
    outputs : int
        Maps out.
    """

    def __init__(self, inputs: int, widths: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(widths))
        self.first = convolution(inputs, widths[0])
        self.before = nn.ModuleList(Residual(width) for width in widths[:-1])
        self.down = nn.ModuleList(nn.Conv2d(here, there, 2, 2) for here, there in pairs)
        self.lowest = nn.Sequential(Residual(widths[-1]), Residual(widths[-1]))
        self.up = nn.ModuleList(nn.ConvTranspose2d(there, here, 2, 2) for here, there in pairs)
        self.after = nn.ModuleList(Residual(width) for width in widths[:-1])
        self.last = convolution(widths[0], outputs)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: Tensor, beside: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``(B, outputs, Y, X)`` and the maps before the last layer, ``(B, widths[0], Y, X)``.

        The sides have to be multiples of four with three scales. ``beside`` is added to the first
        layer's maps.
        """
        x = self.first(x) if beside is None else self.first(x).add_(beside)
        passed = []
        for block, down in zip(self.before, self.down, strict=True):
            x = block(x)
            passed.append(x)
            x = down(x)
        x = self.lowest(x)
        for block, up in zip(reversed(self.after), reversed(self.up), strict=True):
            x = block(up(x).add_(passed.pop()))
        return self.last(x), x


def to_phases(x: Tensor, multiple: int = 4) -> Tensor:
    """The four phases of an image at half resolution, with even sides.

    Parameters
    ----------
    x : Tensor
        ``(B, C, Y, X)``, periodic; continued up to multiples of ``multiple``.
    multiple : int
        Twice what the sides shall be multiples of.

    Returns
    -------
    Tensor
        ``(B, 4 C, Y', X')``, in memory as layers have it best.
    """
    for axis in (-2, -1):
        n = x.shape[axis]
        if n % multiple:  # by index, because circular padding goes round only once
            x = x.index_select(axis, torch.arange(n + -n % multiple, device=x.device) % n)
    if x.requires_grad or x.device.type == "mps":
        return arranged(pixel_unshuffle(x, 2))
    # Straight to where they belong: a third to a fifth of the time of making planes first.
    count, maps, rows, columns = x.shape
    phases = torch.empty(
        (count, 4 * maps, rows // 2, columns // 2),
        dtype=x.dtype, device=x.device, memory_format=torch.channels_last,
    )  # fmt: skip
    for number, (row, column) in enumerate(itertools.product(range(2), repeat=2)):
        phases[:, number::4] = x[..., row::2, column::2]
    return phases


def from_phases(phases: Tensor, shape: Any) -> Tensor:
    """The image of four phases, cut to the sides ``shape``, in float32."""
    return pixel_shuffle(phases, 2)[..., : shape[0], : shape[1]].float()


def level_map(
    sigma: Tensor, like: Tensor, local: Tensor | None = None, multiple: int = 4
) -> Tensor:
    """The noise as a map beside others: ``log(sigma / 0.02)``, which is near 0 where it matters.

    Parameters
    ----------
    sigma : Tensor
        ``(B or 1, 1, 1, 1)`` on the unit scale.
    like : Tensor
        ``(B, C, Y, X)``: gives the shape ``(B, 1, Y, X)`` of the result.
    local : Tensor, optional
        What ``sigma`` is multiplied by at each pixel of the image that ``like`` are the phases of.
    multiple : int
        As `to_phases` was given for those.
    """
    level = torch.log(sigma / 0.02)
    if local is not None:
        level = level + torch.log(to_phases(local, multiple).mean(1, keepdim=True))
    return level.expand(len(like), 1, *like.shape[-2:])
