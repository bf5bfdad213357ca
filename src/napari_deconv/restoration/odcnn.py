"""ODCNN: DCNN and a network behind it that rejects outliers, made for one PSF."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

import torch
from annotated_types import Interval
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from ..core.problem import Problem
from .base import Method
from .dcnn import MAPS, TAPS, TRAINED_NSR
from .layers import wide_convolution
from .one_psf import network_for, remark
from .separable import Separable, fitted, wrap

_WIDTH = 512
_SCALE = 0.1
"""Of the correction: weights that are then near 1 / 64 suit the rate of all others."""


class ODCNN(
    Method,
    title="ODCNN",
    name="odcnn",
    citation="L. Xu et al., Deep Convolutional Neural Network for Image Deconvolution, "
    "NeurIPS 2014",
    needs_weights=True,
    one_psf=True,
    for_training=("train", "start"),
    buffers=3 * _WIDTH,
):
    """DCNN joined with an outlier-rejecting denoiser, made for one PSF (Xu et al. 2014).

    The hidden maps of DCNN, with its full second layer, are convolved to 512 maps by 16x16, then
    512 by 1x1, then to the image by 8x8; there is no nonlinearity at the joint. It is made for
    clipped highlights and JPEG blocks. Without weights it is the separable inverse: train DCNN,
    then the denoiser behind it, then both together.

    Where this differs from the paper: the denoiser makes a correction of DCNN's image and not the
    image, so that it begins as DCNN, and its first filters are cosines and not random; before it,
    DCNN alone fills the unseen ring. Colours and channels are restored one by one.

    Parameters
    ----------
    activation : str
        Nonlinearity: tanh or sigmoid.
    train : str
        What is trained: ``denoiser``, behind a DCNN that stays as it is, or ``together``. Results
        are made with ``together``.
    start : str
        What DCNN begins as: the inverse, or, for training only, random filters.
    nsr : float
        Noise-to-signal ratio of the inverse; see DCNN.
    weights : str
        Name or file of weights for this PSF; empty works untrained.
    """

    activation: Literal["tanh", "sigmoid"] = "tanh"
    train: Literal["together", "denoiser"] = "together"
    start: Literal["inverse", "random"] = "inverse"
    nsr: Annotated[float, Interval(ge=0, le=1)] = 0.0
    weights: str = ""

    @property
    def total(self) -> int:
        return 2

    @property
    def default_weights(self) -> str:
        """None: it works untrained."""
        return ""

    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(max(n, TAPS // 2 + 16) for n in super().halo(psf_shape))

    def notes(self, problem: Problem, reblur: float) -> tuple[str, ...]:
        return remark(self, problem.psf.cpu().numpy())

    def network(self) -> Network:
        """The untrained network; `Network.prepare` gives it its PSF."""
        return Network(self)

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        net: Network = network_for(self, problem)
        with torch.inference_mode():
            x = net.inverse(problem.y[:, None])[:, 0]
        yield x
        y = problem.with_ring(x)
        if self.weights:
            with torch.inference_mode():
                x = net(y[:, None])[:, 0]
        else:  # untrained there is nothing to correct
            x = net.inverse(y[:, None])[:, 0]
        yield x


class Network(nn.Module):
    """ODCNN with the PSF it is for.

    Parameters
    ----------
    method : ODCNN
        Activation, what is trained, start.
    width : int
        Maps of the denoiser; 512 in the paper.
    """

    relatives = ("dcnn",)
    psf: Tensor

    def __init__(self, method: ODCNN, width: int = _WIDTH) -> None:
        super().__init__()
        self.random, self.nsr = method.start == "random", method.nsr or TRAINED_NSR
        self.apart = method.train == "denoiser"
        self.bend = torch.tanh if method.activation == "tanh" else torch.sigmoid
        self.inverse = Separable(method.activation, True, MAPS, TAPS, frozen=self.apart)
        self.rates = self.inverse.rates
        self.first = nn.Conv2d(1 if self.apart else MAPS, width, 16)
        self.second = nn.Conv2d(width, width, 1)
        self.last = nn.Conv2d(width, 1, 8)
        self._begin_as_shrinkage()
        self.register_buffer("psf", torch.zeros(TAPS, TAPS))

    @torch.no_grad()
    def _begin_as_shrinkage(self) -> None:
        """Cosine filters of 8x8 pixels, each at eight scales; and no correction yet.

        A tanh that is limited at a coefficient's noise, taken away from it, shrinks it: what is
        left to learn is by how much. Random filters get there too, in a hundred times the steps.
        """
        if self.apart:
            filters = cosines()[1:, None] / (0.01 * 2.0 ** torch.arange(8))[:, None, None]
            chosen = filters.flatten(0, 1)[: len(self.first.weight)]
            self.first.weight[: len(chosen), 0] = pad(chosen, (4, 4, 4, 4))
            self.second.weight.mul_(0.1).diagonal()[0, 0].add_(1)
        for layer in (self.first, self.second, self.last):
            if layer.bias is not None:
                layer.bias.zero_()
        self.last.weight.zero_()

    @torch.no_grad()
    def prepare(self, psfs: Iterable[NDArray[Any]]) -> None:
        """Take the first PSF, and begin as its inverse."""
        self.psf.copy_(fitted(torch.as_tensor(next(iter(psfs))), TAPS))
        if not self.random:
            self.inverse.become(self.psf.cpu(), self.nsr)

    @torch.no_grad()
    def grow(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin from weights of a DCNN, of a denoiser behind one, or of the whole."""
        given = dict(tensors)
        if "down" in given:
            if given["along"].ndim == 2:
                given["along"] = torch.diag_embed(given["along"].T).permute(1, 2, 0)
            self.psf.copy_(given.pop("psf"))
            self.inverse.load_state_dict(given)
            return
        joint = given["first.weight"]
        if joint.shape[1] == 1 and not self.apart:
            # The 1x1 layer and the first one behind it are one: nothing is bent in between.
            out = given["inverse.out"] * given["inverse.gamma"][2].exp()
            level = given["inverse.level"]
            given["first.bias"] = given["first.bias"] + level * joint.sum((1, 2, 3))
            given["first.weight"] = joint * out[:, None, None]
        self.load_state_dict(given)

    def unrolled(
        self, y: Tensor, otf: Tensor, sigma: Tensor, local: Tensor | None = None
    ) -> list[Tensor]:
        """The estimate under circular blur: what training looks at."""
        return [self(y)]

    def forward(self, y: Tensor) -> Tensor:
        """The estimate ``(B, 1, Y, X)`` of periodic blurred images of the same shape."""
        maps = self.inverse.maps(y)
        x = self.inverse.merged(maps)
        joint = x - 0.5 if self.apart else maps
        with torch.autocast(y.device.type, torch.bfloat16):
            h = self.bend(_circular(joint, self.first, 7))
            h = self.bend(self.second(h))
            correction = _circular(h, self.last, 4)
        return x + _SCALE * correction.float()


def _circular(x: Tensor, layer: nn.Conv2d, before: int) -> Tensor:
    """An even-sized convolution that keeps the size.

    7 pixels before a filter of 16 and 4 before one of 8 make up for each other's half pixel.
    """
    x = wrap(x, before, layer.kernel_size[0] - 1 - before)
    if layer.in_channels == MAPS and layer.bias is not None and x.device.type == "cpu":
        return wide_convolution(x, layer.weight) + layer.bias[:, None, None]
    return conv2d(x.contiguous(memory_format=torch.channels_last), layer.weight, layer.bias)


def cosines() -> Tensor:
    """The orthonormal cosine transform of 8x8 pixels as filters ``(64, 8, 8)``, the mean first."""
    rows = torch.arange(8.0)
    line = torch.cos(torch.pi / 8 * (rows + 0.5) * rows[:, None])
    line /= line.norm(dim=1, keepdim=True)
    return (line[:, None, :, None] * line[:, None]).flatten(0, 1)
