"""CRCNet: iterative residual deconvolution with learned units, made for one PSF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from ...core.precision import arranged
from ...engine.problem import Problem
from .base import Call, Norm, Tap, TrainingBatch, TrainingDefaults
from .layers.separable import wrap
from .one_psf import OnePSFModule, OnePSFNetwork

_REACH = 121
_TERMS = (100, 1000)
"""Terms of the two sums of the series: at 1 % of noise one is too smooth, the other too noisy."""


class CRCNet(
    OnePSFNetwork,
    title="CRCNet",
    name="crcnet",
    citation="Li S.-Y. et al., A Concatenated Residual Network for Image Deblurring, 2018",
    untrained=True,
    structure=("inputs",),
    training=TrainingDefaults(batch=2, rate=1e-3),
    buffers=520,
    features=32,
    suits="Many photos through one and the same PSF, after a training for it.",
    avoid="Anything before it was trained: it has no weights of its own. Any other PSF than "
    "that of its training.",
):
    """Concatenated residual network, made for one PSF (Li et al. 2018).

    Six residual units stand for the terms of iterative residual deconvolution: a convolution of
    3x3, a sigmoid, a transposed convolution of 3x3, a sigmoid, all taken from what went in. Each
    unit sees the image and the outputs of all units before it, 3 to 96 maps; two convolutions of
    7x7 make the result out of all 192. It does nothing without weights: train it for your PSF.

    The paper restores the three colours of a photo together, and has the network find out from
    them what the PSF is. Here each colour or channel is restored by itself, so that gray and
    multichannel images are served by the same weights, and the other two of the three input maps
    are sums of the series itself (`IterativeResidual`), of 100 and of 1000 terms, unless
    ``inputs`` is the image alone. Training begins at the shorter sum. The mean of the three output
    maps is the result. The unseen ring is filled with the re-blurred estimate for a second pass.

    Parameters
    ----------
    inputs : str
        What the input maps are: the image and two sums of the ``series``, or, as in the paper,
        nothing but the ``image``, three times.
    weights : str
        Name or file of weights for this PSF.
    """

    inputs: Literal["series", "image"] = "series"

    def network(self) -> Network:
        return Network(self.inputs == "series")

    def estimate(self, module: Network, y: Tensor, problem: Problem, number: int) -> Tensor:
        estimate: Tensor = module(y, problem.blur.otf[None, None])
        return estimate


class Network(OnePSFModule):
    """The units, and their integration.

    Parameters
    ----------
    series : bool
        Whether it is given sums of the series beside the image.
    units : int
        6 in the paper.
    """

    rates: Mapping[str, float] = {"integrate": 0.05}
    """Of the sums over 192 maps and 7x7 pixels."""

    def __init__(self, series: bool = True, units: int = 6) -> None:
        super().__init__()
        self.series, maps = series, 1 + len(_TERMS)
        # Every unit gives as many maps as it is given, so the concatenation doubles.
        self.units = nn.ModuleList(Unit(maps * 2**i) for i in range(units))
        first = nn.Conv2d(maps * 2**units, 48, 7, padding=3)
        last = nn.Conv2d(48, maps, 7, padding=3)
        self.integrate = nn.Sequential(first, nn.ReLU(), last)
        self.register_buffer("psf", torch.zeros(_REACH, _REACH))
        if series:
            _let_through(first, last)

    def unrolled(
        self, y: Tensor, otf: Tensor, sigma: Tensor, local: Tensor | None = None
    ) -> list[Tensor]:
        return [self(y, otf)]

    def loss(self, estimates: Sequence[Tensor], batch: TrainingBatch, norm: Norm) -> Tensor:
        """``5000`` smooth L1 and ``100`` squared differences of gradients (Eqs. 13 to 15)."""
        away = estimates[-1] - batch.truth
        content = nn.functional.smooth_l1_loss(away, torch.zeros_like(away))
        steps = [away - away.roll(1, axis) for axis in (-1, -2)]
        edges = torch.stack(steps).square().mean() * 2
        return 5000 * content + 100 * edges

    def taps(self, args: tuple[Any, ...], output: Tensor, calls: Sequence[Call]) -> Iterator[Tap]:
        ring = (calls[0][1][0].shape[-1] - output.shape[-1]) // 2
        units = [out for part, _, out in calls if isinstance(part, Unit)]
        for number, out in enumerate(units, 1):
            yield f"unit {number}", out[..., ring:-ring, ring:-ring], 1
        yield "estimate", output, 1

    def forward(self, y: Tensor, otf: Tensor) -> Tensor:
        """The estimate ``(B, 1, Y, X)`` of periodic blurred images of the same shape."""
        inputs = [y, *(partial(y, otf, n) if self.series else y for n in _TERMS)]
        seen = wrap(torch.cat(inputs, 1) - 0.5, _RING, _RING)
        seen = arranged(seen)
        with self.precision.layers(y.device):
            for unit in self.units:
                seen = torch.cat([seen, unit(seen)], 1)
            x = self.integrate(seen).float().mean(1, keepdim=True)
        return x[..., _RING:-_RING, _RING:-_RING] + 0.5


@torch.no_grad()
def _let_through(first: nn.Conv2d, last: nn.Conv2d) -> None:
    """Initialise both last layers so that they pass on the shorter sum alone."""
    first.weight[0], last.weight[:] = 0, 0
    first.weight[0, 1, 3, 3] = last.weight[:, 0, 3, 3] = 1
    # An offset, taken away again, keeps what is dark from the rectifier.
    first.bias = nn.Parameter(torch.eye(1, first.out_channels)[0])
    last.bias = nn.Parameter(torch.full((last.out_channels,), -1.0))


def partial(y: Tensor, otf: Tensor, terms: int) -> Tensor:
    """The sum of so many terms of the series with a delta prior and no damping (Algorithm 1).

    It is geometric: ``conj(K) (1 - (1 - |K|^2)^terms) / |K|^2``.
    """
    power = otf.abs().square().clamp(1e-12, 1 - 1e-6)
    response = otf.conj() * -torch.expm1(terms * torch.log1p(-power)) / power
    return torch.fft.irfft2(torch.fft.rfft2(y) * response, s=y.shape[-2:])


_RING = 18
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
        # Next to nothing is subtracted at first: 192 maps that are off by a half each, as after a
        # random start, make the sums over 7x7 of them jump with every step.
        self.back.bias = nn.Parameter(torch.full((maps,), -3.0))

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(B, maps, Y, X)`` of the same shape."""
        # A transposed layer of stride 1 is a layer, and as such several times faster on a CPU.
        filters = self.back.weight.flip(2, 3).transpose(0, 1)
        back = conv2d(torch.sigmoid(self.there(x)), filters, self.back.bias, padding=1)
        return x - torch.sigmoid(back)
