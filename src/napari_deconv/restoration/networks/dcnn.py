"""DCNN: the inverse of one PSF as a network that can be trained to be better than it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from ...core.errors import DeconvError
from .base import Call, Tap, TrainingDefaults
from .layers.separable import Separable
from .one_psf import InverseNetwork, OnePSFModule, distance

TAPS = 121
MAPS = 38
TRAINED_NSR = 1e-2
"""Where training begins by default: the paper's 1e-4 amplifies 1 % of noise beyond the image."""
_FAR = 0.25
"""Distance of a PSF beyond which its inverse is not a start to train from."""


class DCNN(
    InverseNetwork,
    title="DCNN",
    name="dcnn",
    citation="L. Xu et al., Deep Convolutional Neural Network for Image Deconvolution, "
    "NeurIPS 2014",
    for_training=("start",),
    structure=("activation", "second"),
    training=TrainingDefaults(patch_px=128),
    buffers=4 * MAPS,
    suits="Many photos through one and the same PSF, after a training for it. Untrained it "
    "is a separable inverse filter.",
    avoid="Any other PSF than the one it was trained for. Measuring intensities: a network "
    "can invent structure.",
):
    """Network of long one-dimensional filters, made for one PSF (Xu et al. 2014).

    38 filters of 121 taps down, a nonlinearity, 38 along the rows, a nonlinearity, and a weighted
    sum. It begins as the singular value decomposition of the PSF's Wiener inverse, so without
    weights it works at once, as that separable inverse. Train it for your PSF, and it learns what
    the inverse does not know: noise, clipping and what images look like.

    Where this differs from the paper: each map is scaled into the linear range of the nonlinearity
    and back, by a factor that is learned; the second layer takes each map to itself unless
    ``second`` is full; and it runs twice, the second time with the unseen ring filled with the
    re-blurred estimate. Colours and channels are restored one by one.

    Parameters
    ----------
    activation : str
        Nonlinearity: tanh or sigmoid.
    second : str
        ``depthwise``, 9k weights; ``full`` takes all maps to all, 179k weights.
    start : str
        What it begins as: the inverse, or, for training only, random filters.
    nsr : float
        Noise-to-signal ratio of the inverse it begins as; the paper has 1e-4. 0 takes 1e-2 for
        training, and without weights the one that suits the noise of the image.
    """

    activation: Literal["tanh", "sigmoid"] = "tanh"
    second: Literal["depthwise", "full"] = "depthwise"

    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(max(n, TAPS // 2 + 4) for n in super().halo(psf_shape))

    def network(self) -> Network:
        return Network(self)


class Network(Separable, OnePSFModule):
    """DCNN with the PSF it is for.

    Parameters
    ----------
    method : DCNN
        Activation, kind of second layer, start.
    """

    def __init__(self, method: DCNN) -> None:
        super().__init__(method.activation, method.second == "full", MAPS, TAPS)
        self.random, self.nsr = method.start == "random", method.nsr or TRAINED_NSR
        self.rates = {} if self.random else self.rates
        self.register_buffer("psf", torch.zeros(TAPS, TAPS))

    def begin(self) -> None:
        """Set the weights to the inverse of the PSF."""
        if not self.random:
            self.become(self.psf.cpu(), self.nsr)

    def grow(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin from weights of the same network.

        Raises
        ------
        DeconvError
            If they are of a PSF that has little to do with this one.
        """
        own, theirs = (psf.float().cpu().numpy() for psf in (self.psf, tensors["psf"]))
        if own.any() and (away := distance(own, theirs)) > _FAR:
            raise DeconvError(
                f"These weights invert another PSF, which differs by {away:.0%}.",
                "Begin with the inverse of your own.",
            )
        super().grow(tensors)

    def taps(self, args: tuple[Any, ...], output: Tensor, calls: Sequence[Call]) -> Iterator[Tap]:
        yield "maps, as they are summed", self.maps(args[0]) * self.gains[:, None, None], 1
        yield "estimate", output, 1
