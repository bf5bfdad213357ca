"""Denoisers for a given noise level: our own, and two with weights by others."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle

from ...core.precision import arranged
from .base import NetworkModule
from .layers.planes import Hourglass, convolution, from_phases, level_map, to_phases


class Denoiser(NetworkModule):
    """A network that denoises ``(B, channels, Y, X)`` at a given noise level.

    A subclass has `forward(x, sigma)`, with float32 ``x`` on the unit scale, whose sides are
    multiples of `multiple`, and its noise, ``(B or 1, 1, 1, 1)``.
    """

    channels: ClassVar[int] = 1
    multiple: ClassVar[int] = 4
    """What the sides have to be multiples of."""
    levels: ClassVar[tuple[float, float]] = (0.003, 0.2)
    """The least and the most noise that it knows."""
    features: ClassVar[float]
    """What its layers take, in numbers per pixel and channel."""

    def unrolled(
        self, y: Tensor, otf: Tensor, sigma: Tensor, local: Tensor | None = None
    ) -> list[Tensor]:
        """The one estimate; there is no blur to look at."""
        return [self(y, sigma)]

    def denoised(self, x: Tensor, sigma: float, turn: int = 0) -> Tensor:
        """An image without its noise, whatever its size and its noise are.

        Parameters
        ----------
        x : Tensor
            ``(B, channels, Y, X)``, periodic.
        sigma : float
            Standard deviation of its noise, which is brought into the range that is known.
        turn : int
            By how many quarters the network sees it turned; from 4 on mirrored as well.
        """
        height, width = x.shape[-2:]
        # Of whole blocks, so that tiles agree on the grids of all scales however it is turned.
        over = (0, -width % self.multiple, 0, -height % self.multiple)
        mirror = (-1,) if turn & 4 else ()
        shown = torch.rot90(pad(x, over, mode="circular"), turn, (-2, -1)).flip(mirror)
        least, most = self.levels
        clean: Tensor = self(shown, x.new_full((1, 1, 1, 1), min(max(sigma, least), most)))
        return torch.rot90(clean.flip(mirror), -turn, (-2, -1))[..., :height, :width]


class SmallUNet(Denoiser):
    """Our own: a U-Net of two scales on the four phases of a gray image, which gives the noise.

    Parameters
    ----------
    width : int
        Feature maps at half resolution.
    """

    features = 83

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.first = convolution(5, width)
        self.body = Hourglass(width, 4)

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """See `Denoiser`."""
        phases = 4 * to_phases(x - 0.5)
        # In float32: half a step of a narrow format at 1 would be as much as a little noise.
        features = self.first(torch.cat([phases, level_map(sigma, phases)], 1))
        with self.precision.layers(x.device):
            noise = self.body(features)
        return x - sigma * from_phases(noise, x.shape[-2:])


class FFDNet(Denoiser):
    """Plain convolutions on the four phases and a map of the noise (K. Zhang et al., TIP 2018).

    15 of 64 maps for gray, as in table I there.
    """

    multiple = 2
    levels = (0.0, 75 / 255)
    features = 64
    maps: ClassVar[int] = 64
    depth: ClassVar[int] = 15

    def __init__(self) -> None:
        super().__init__()
        sizes = [4 * self.channels + 1, *[self.maps] * (self.depth - 1), 4 * self.channels]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True)]
        self.model = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """See `Denoiser`."""
        phases = pixel_unshuffle(x, 2)
        level = sigma.expand(len(x), 1, *phases.shape[-2:])
        # It gives the image itself, of which bfloat16 would lose what is finer than 1/512.
        clean: Tensor = self.model(arranged(torch.cat([phases, level], 1)))
        return pixel_shuffle(clean, 2)


class FFDNetColour(FFDNet):
    """12 convolutions of 96 maps for three colours at once."""

    channels = 3
    features = 32
    maps = 96
    depth = 12


class DRUNet(Denoiser):
    """A residual U-Net of four scales without biases (K. Zhang et al., TPAMI 2021).

    64, 128, 256 and 512 maps, four residual blocks on each scale on the way down and up, strided
    and transposed convolutions of 2x2 between them.
    """

    multiple = 8
    levels = (0.0, 50 / 255)
    features = 330
    maps: ClassVar[tuple[int, ...]] = (64, 128, 256, 512)
    blocks: ClassVar[int] = 4

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth = self.maps
        self.m_head = _plain(self.channels + 1, first)
        self.m_down1, self.m_down2 = self._down(first, second), self._down(second, third)
        self.m_down3 = self._down(third, fourth)
        self.m_body = nn.Sequential(*self._row(fourth))
        self.m_up3, self.m_up2 = self._up(fourth, third), self._up(third, second)
        self.m_up1 = self._up(second, first)
        self.m_tail = _plain(first, self.channels)

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """See `Denoiser`."""
        level = sigma.expand(len(x), 1, *x.shape[-2:])
        first = self.m_head(arranged(torch.cat([x, level], 1)))
        second = self.m_down1(first)
        third = self.m_down2(second)
        fourth = self.m_down3(third)
        up = self.m_up3(self.m_body(fourth).add_(fourth))
        up = self.m_up1(self.m_up2(up.add_(third)).add_(second))
        clean: Tensor = self.m_tail(up.add_(first))
        return clean

    def _row(self, width: int) -> list[nn.Module]:
        return [_Block(width) for _ in range(self.blocks)]

    def _down(self, width: int, below: int) -> nn.Sequential:
        return nn.Sequential(*self._row(width), nn.Conv2d(width, below, 2, 2, bias=False))

    def _up(self, below: int, width: int) -> nn.Sequential:
        return nn.Sequential(nn.ConvTranspose2d(below, width, 2, 2, bias=False), *self._row(width))


class DRUNetColour(DRUNet):
    """The same for three colours at once."""

    channels = 3
    features = 110


class _Block(nn.Module):
    """``x + convolution(relu(convolution(x)))`` without biases."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.res = nn.Sequential(_plain(width, width), nn.ReLU(inplace=True), _plain(width, width))

    def forward(self, x: Tensor) -> Tensor:
        corrected: Tensor = self.res(x)
        return corrected.add_(x)


def _plain(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


DENOISERS: Mapping[str, type[Denoiser]] = {
    "u-net": SmallUNet,
    "ffdnet-gray": FFDNet,
    "ffdnet-colour": FFDNetColour,
    "drunet-gray": DRUNet,
    "drunet-colour": DRUNetColour,
}
"""By the name that the weights say; all but the first are other people's."""
