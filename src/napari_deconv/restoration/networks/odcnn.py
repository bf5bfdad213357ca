"""ODCNN: DCNN and a network behind it that rejects outliers, made for one PSF."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal

import torch
from annotated_types import Interval
from torch import Tensor, nn
from torch.nn.functional import fold, pad

from ...engine.problem import Problem
from .base import Call, Tap, TrainingDefaults
from .dcnn import MAPS, TAPS
from .layers.planes import large_convolution
from .layers.separable import bent, wrap
from .layers.views import LEAST_VIEWS, USUAL, Views
from .one_psf import InverseNetwork, OnePSFModule

_WIDTH = 512
_PATCH = 8
_STRIP_PX = 64
_SCALE = 0.1
"""Of the correction: weights that are then near 1 / 64 suit the rate of all others."""
TRAINED_NSR = 3e-3
"""Where training begins by default: the best of its decade on training photos with 1 % of noise."""


class ODCNN(
    InverseNetwork,
    title="ODCNN",
    name="odcnn",
    citation="L. Xu et al., Deep Convolutional Neural Network for Image Deconvolution, "
    "NeurIPS 2014",
    for_training=("views", "train", "start"),
    structure=("activation", "views"),
    training=TrainingDefaults(patch_px=128, batch=1, rate=4e-3, optimiser="muon", loss="psnr"),
    buffers=300,
    features=16,
    suits="Many photos through one and the same PSF, with clipped highlights or JPEG "
    "blocks, after a training for it. Untrained it is a separable inverse filter.",
    avoid="Any other PSF than the one it was trained for. Measuring intensities: a network "
    "can invent structure.",
):
    """DCNN joined with an outlier-rejecting denoiser, made for one PSF (Xu et al. 2014).

    The hidden maps of DCNN, with its full second layer, are convolved to 512 maps by 16x16, then
    512 by 1x1, then to the image by 8x8; there is no nonlinearity at the joint. It is made for
    clipped highlights and JPEG blocks. Without weights it is the separable inverse: train the
    denoiser behind that, then both together.

    Where this differs from the paper: the second layer begins as inverses at six ratios, the image
    as it came and where it is white, in place of the pairs that one inverse is made of, and has
    these eight maps and not 38, which is a quarter of the cost. The denoiser makes a correction of
    the inverse and not the image, and its first filters are cosines and not random; before it, the
    inverse alone fills the unseen ring. Colours and channels are restored one by one.

    Parameters
    ----------
    activation : str
        Nonlinearity: tanh or sigmoid.
    views : int
        Maps of the second layer, which the denoiser looks at; 38 in the paper.
    train : str
        What is trained: ``denoiser``, behind an inverse that stays as it is, or ``together``.
        Results are made with ``together``.
    nsr : float
        Noise-to-signal ratio of the inverse at a tenth of a cycle per pixel, from where it grows
        with the square of the frequency. 0 takes 3e-3 for training, and without weights the one
        that suits the noise of the image.
    """

    activation: Literal["tanh", "sigmoid"] = "tanh"
    views: Annotated[int, Interval(ge=LEAST_VIEWS, le=MAPS)] = LEAST_VIEWS
    train: Literal["together", "denoiser"] = "together"

    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(max(n, TAPS // 2 + 16) for n in super().halo(psf_shape))

    def network(self) -> Network:
        return Network(self)

    def estimate(self, module: Network, y: Tensor, problem: Problem, number: int) -> Tensor:
        if number and self.weights:
            corrected: Tensor = module(y, problem.blur.check)
            return corrected
        return module.alone(y)  # untrained there is nothing to correct


class Network(OnePSFModule):
    """ODCNN with the PSF it is for.

    Parameters
    ----------
    method : ODCNN
        Activation, views, what is trained, start.
    width : int
        Maps of the denoiser; 512 in the paper.
    """

    own_parts = ("inverse",)

    def __init__(self, method: ODCNN, width: int = _WIDTH) -> None:
        super().__init__()
        self.random, self.nsr = method.start == "random", method.nsr or TRAINED_NSR
        self.activation = method.activation
        fixed = method.train == "denoiser"
        self.inverse = Views(method.activation, method.views, MAPS, TAPS, frozen=fixed)
        self.rates = {} if self.random else self.inverse.rates
        self.first = nn.Conv2d(method.views, width, 16)
        self.second = nn.Conv2d(width, width, 1)
        self.last = nn.Conv2d(width, _PATCH**2, 1, bias=False)
        self._begin_as_shrinkage()
        self.register_buffer("psf", torch.zeros(TAPS, TAPS))

    @torch.no_grad()
    def _begin_as_shrinkage(self) -> None:
        """Cosine filters of 8x8 pixels, each at eight scales; and no correction yet.

        A tanh that is limited at a coefficient's noise, taken away from it, shrinks it: what is
        left to learn is by how much. Random filters get there too, in a hundred times the steps.
        """
        filters = cosines()[1:, None] / (0.01 * 2.0 ** torch.arange(8))[:, None, None]
        chosen = filters.flatten(0, 1)[: len(self.first.weight)]
        self.first.weight.mul_(0.5)
        self.first.weight[: len(chosen), 0] = pad(chosen, (4, 4, 4, 4)) * USUAL
        self.second.weight.mul_(0.1).diagonal()[0, 0].add_(1)
        for bias in (self.first.bias, self.second.bias):
            assert bias is not None
            bias.zero_()
        self.last.weight.zero_()

    def begin(self) -> None:
        """Set the weights to the inverses of the PSF."""
        if not self.random:
            self.inverse.become(self.psf.cpu(), self.nsr)

    def taps(self, args: tuple[Any, ...], output: Tensor, calls: Sequence[Call]) -> Iterator[Tap]:
        views = self.inverse(args[0])
        yield "views, in units of what they usually are", views, 1
        yield "correction", output - self.inverse.image(views), 1
        yield "estimate", output, 1

    def alone(self, y: Tensor) -> Tensor:
        """The inverse without its correction."""
        return self.inverse.image(self.inverse(y))

    def forward(self, y: Tensor, check: Callable[[], None] = lambda: None) -> Tensor:
        """The estimate ``(B, 1, Y, X)`` of periodic blurred images of the same shape."""
        views = self.inverse(y)
        return self.inverse.image(views) + _SCALE * self.correction(views, check)

    def correction(self, views: Tensor, check: Callable[[], None] = lambda: None) -> Tensor:
        """Compute the denoiser's correction from views, ``(B, 1, Y, X)``, in units of 0.1.

        Strip by strip where nothing is learned: 512 maps of a whole photo are large, and ``check``
        can cancel in between.
        """
        rows = views.shape[-2]
        step = rows if torch.is_grad_enabled() else _STRIP_PX
        x = wrap(views, 7, 8)
        strips = []
        for top in range(0, rows, step):
            check()
            strips.append(self._patches(x[..., top : top + step + 15, :]))
        return added(torch.cat(strips, -2), views.shape[-2:])

    def _patches(self, x: Tensor) -> Tensor:
        """Compute every pixel's patch, from views with 15 more rows and columns."""
        with self.precision.layers(x.device):
            h = bent(large_convolution(self.first, x), self.activation)
            patches: Tensor = self.last(bent(self.second(h), self.activation))
        return patches.float()


def added(patches: Tensor, size: Sequence[int]) -> Tensor:
    """A transposed convolution of 8x8: every pixel's patch is laid down around it, circularly.

    4 pixels before and 3 behind it, which makes up for the half pixel of 16x16 filters that see 7
    before and 8 behind.

    Parameters
    ----------
    patches : Tensor
        ``(B, 64, Y, X)``.
    size : sequence of int
        ``(Y, X)``.

    Returns
    -------
    Tensor
        ``(B, 1, Y, X)``.
    """
    down, along = size
    wide = wrap(patches, 4, 3)
    total = fold(wide.flatten(2), (down + 14, along + 14), _PATCH)
    return total[..., 7 : 7 + down, 7 : 7 + along]


def cosines() -> Tensor:
    """The orthonormal cosine transform of 8x8 pixels as filters ``(64, 8, 8)``, the mean first."""
    rows = torch.arange(8.0)
    line = torch.cos(torch.pi / 8 * (rows + 0.5) * rows[:, None])
    line /= line.norm(dim=1, keepdim=True)
    return (line[:, None, :, None] * line[:, None]).flatten(0, 1)
