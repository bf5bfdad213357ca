"""CRCNet: iterative residual deconvolution with learned units, made for one PSF."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core.errors import DeconvError
from ..core.problem import Problem
from ..core.weights import load_network
from .base import Method
from .one_psf import remark
from .separable import fitted, wrap

_REACH = 121


class CRCNet(
    Method,
    title="CRCNet",
    name="crcnet",
    citation="Li S.-Y. et al., A Concatenated Residual Network for Image Deblurring, 2018",
    needs_weights=True,
    one_psf=True,
    untrained=True,
    buffers=2 * 192 + 100,
):
    """Concatenated residual network, made for one PSF (Li et al. 2018).

    Six residual units stand for the terms of iterative residual deconvolution: a convolution of
    3x3, a sigmoid, a transposed convolution of 3x3, a sigmoid, all taken from what went in. Each
    unit sees the image and the outputs of all units before it, 3 to 96 maps; two convolutions of
    7x7 make the result out of all 192. It has no weights until you train it for your PSF.

    The paper restores the three colours of a photo together. Here each colour or channel is
    restored by itself, given three times as the three input maps, so that gray and multichannel
    images are served by the same weights; the mean of the three output maps is the result. The
    unseen ring is filled with the re-blurred estimate for a second pass.

    Parameters
    ----------
    weights : str
        Name or file of weights for this PSF.
    """

    weights: str = ""

    @property
    def total(self) -> int:
        return 2

    @property
    def default_weights(self) -> str:
        """None."""
        return ""

    def notes(self, problem: Problem, reblur: float) -> tuple[str, ...]:
        return remark(self, problem.psf.cpu().numpy())

    def network(self) -> Network:
        """The untrained network; `Network.prepare` gives it its PSF."""
        return Network()

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        if not self.weights:
            raise DeconvError(
                "CRCNet has no weights for this PSF.",
                "Train it: Plugins > Deconvolution > Train, or napari-deconv train.",
            )
        net: Network = load_network(self, problem.seen.device)
        y = problem.y
        for _ in range(self.total):
            problem.blur.check()
            with torch.inference_mode():
                x = net(y[:, None])[:, 0]
            yield x
            y = problem.with_ring(x)


class Network(nn.Module):
    """The units, and their integration.

    Parameters
    ----------
    units : int
        6 in the paper.
    maps : int
        Of the input.
    """

    psf: Tensor

    def __init__(self, units: int = 6, maps: int = 3) -> None:
        super().__init__()
        # Every unit gives as many maps as it is given, so the concatenation doubles.
        self.units = nn.ModuleList(Unit(maps * 2**i) for i in range(units))
        width = maps * 2**units
        self.integrate = nn.Sequential(
            nn.Conv2d(width, 48, 7, padding=3),
            nn.ReLU(),
            nn.Conv2d(48, maps, 7, padding=3),
        )
        self.maps = maps
        self.register_buffer("psf", torch.zeros(_REACH, _REACH))

    @torch.no_grad()
    def prepare(self, psfs: Iterable[NDArray[Any]]) -> None:
        """Take note of the first PSF: it is what is trained for."""
        self.psf.copy_(fitted(torch.as_tensor(next(iter(psfs))), _REACH))

    def grow(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin from weights of the same network."""
        self.load_state_dict(dict(tensors))

    def unrolled(self, y: Tensor, otf: Tensor, sigma: Tensor) -> list[Tensor]:
        """The estimate under circular blur: what training looks at."""
        return [self(y)]

    def loss(self, estimates: list[Tensor], batch: Any) -> Tensor:
        """``5000`` smooth L1 and ``100`` squared differences of gradients (Eqs. 13 to 15)."""
        away = estimates[-1] - batch.truth
        content = nn.functional.smooth_l1_loss(away, torch.zeros_like(away))
        steps = [away - away.roll(1, axis) for axis in (-1, -2)]
        edges = torch.stack(steps).square().mean() * 2
        return 5000 * content + 100 * edges

    def forward(self, y: Tensor) -> Tensor:
        """The estimate ``(B, 1, Y, X)`` of periodic blurred images of the same shape."""
        seen = wrap(y, _RING, _RING).expand(-1, self.maps, -1, -1)
        with torch.autocast(y.device.type, torch.bfloat16):
            for unit in self.units:
                seen = torch.cat([seen, unit(seen)], 1)
            x = self.integrate(seen).float().mean(1, keepdim=True)
        return x[..., _RING:-_RING, _RING:-_RING]


_RING = 24
"""What the layers reach: a wrapped ring of it makes them circular."""


class Unit(nn.Module):
    """``x - sigmoid(convolution'(sigmoid(convolution(x))))``.

    Parameters
    ----------
    maps : int
        In and out.
    """

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.there = nn.Conv2d(maps, maps, 3, padding=1)
        self.back = nn.ConvTranspose2d(maps, maps, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(B, maps, Y, X)`` of the same shape."""
        residual: Tensor = x - torch.sigmoid(self.back(torch.sigmoid(self.there(x))))
        return residual
