"""Plug-and-play: a trained denoiser stands for what photos look like, the data for the rest."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Interval
from torch import Tensor

from ..core.errors import DeconvError
from ..core.fields import Zero
from ..engine.problem import Problem, Settled
from .networks.base import LearnedMethod
from .networks.denoisers import DENOISERS, Denoiser
from .networks.domain import domain_of
from .weights import as_trained, load_network, named

_FIRST = 0.2
"""Noise that the first denoising is told, 50 of 255."""
_SHARE = 0.5
"""What the denoised image counts against the data; see benchmarks/plug_and_play_schedule.py."""


class PlugAndPlay(
    LearnedMethod,
    title="Plug-and-play",
    name="plug-and-play",
    citation="K. Zhang et al., Learning Deep CNN Denoiser Prior for Image Restoration, CVPR 2017",
    needs_weights=False,
    has_maps=False,
    buffers=70,
    features=83,
    for_training=("denoiser",),
    suits="Photos with 0.3 % to 10 % of noise under any PSF: the network knows no blur, so "
    "that no PSF is foreign to it.",
    avoid="Measuring intensities, microscopy in particular: the denoiser has seen photos "
    "only and can invent structure. Clipped highlights. Stacks (it is 2-D only).",
):
    """Half-quadratic splitting with a denoising network in place of a prior (Zhang et al. 2017).

    Denoising and deconvolution in turn, with less and less noise (Eqs. 6a and 6b there) ::

        Z <- network(x, sigma_k)
        X <- (conj(K) Y + c Z) / (|K|^2 + c),   c = lambda sigma^2 / sigma_k^2

    The network is the only thing that was learned; it saw sharp photos with noise and no blur at
    all, so that any PSF will do. The noise levels sigma_k go from 0.2 by an even factor to that
    of the image. In every step the network sees the image turned or mirrored in another way, so
    that what it does to directions does not add up (after Zhang et al., Plug-and-Play Image
    Restoration with Deep Denoiser Prior, TPAMI 2021). After each step the unseen ring of ``y`` is
    replaced by ``k * x``.

    Where this differs from the paper: one network is told the noise level and serves all of them,
    in place of 25 networks; it is a small U-Net on the four phases of the image at half
    resolution, in place of seven dilated convolutions; and its colours are restored one by one.

    The denoiser is the built-in one, or another: weight files of FFDNet and DRUNet, once taken in
    (`restoration.released`), are weights like any. Those for colour restore the three colours of
    a photo together.

    Parameters
    ----------
    iterations : int
        How often the image is denoised; more hardly help.
    denoiser : str
        Which network; for training only, since weights know theirs.
    weights : str
        Id or file of the network's weights; empty is the built-in one, learned from photos.
    """

    iterations: Annotated[int, Interval(ge=1, le=100)] = 12
    denoiser: Literal["u-net", "ffdnet-gray", "ffdnet-colour", "drunet-gray", "drunet-colour"] = (
        "u-net"
    )
    weights: Annotated[str, Zero("built in")] = ""

    @property
    def default_weights(self) -> str:
        return "plug-and-play"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "features", DENOISERS[self.denoiser].features)

    @property
    def total(self) -> int:
        return 1 + self.iterations

    @property
    def joint_channels(self) -> bool:
        return DENOISERS[self.denoiser].channels == 3

    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        # In whole blocks: tiles then agree on the grids of all scales.
        block = DENOISERS[self.denoiser].multiple
        return tuple(block * -(-(n + 48) // block) for n in super().halo(psf_shape))

    def network(self) -> Denoiser:
        """The untrained denoiser."""
        return DENOISERS[self.denoiser]()

    def settle(self, problem: Problem) -> Generator[str, None, Settled | None]:
        yield from ()  # done at once
        method = as_trained(self)
        if method.joint_channels and len(problem.seen) != 3:
            raise DeconvError(
                f"The weights {self.weights} are for the three colours of a photo, and this image "
                "has one channel at a time.",
                "Choose weights for gray.",
            )
        chosen = {"denoiser": method.denoiser, **named(self.weights or self.default_weights)}
        return Settled(method, chosen)

    def notes(self, problem: Problem, reblur: float) -> tuple[str, ...]:
        if domain_of(problem.seen.cpu().numpy(), problem.bits) == "photo":
            return ()
        return (
            "The denoiser was trained on photos and can invent structure: do not measure in its "
            "result unchecked.",
        )

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        net: Denoiser = load_network(self, problem.seen.device, problem.precision)
        blur, power = problem.blur, problem.blur.otf.abs().square()
        x = blur.ifft(blur.fft(problem.y) * blur.otf.conj() / (power + problem.nsr))
        yield x
        stacked = 0 if self.joint_channels else 1  # three colours are one image, or each is
        for turn, level in enumerate(levels(problem.sigma, self.iterations)):
            blur.check()
            with torch.inference_mode():
                z = net.denoised(x.unsqueeze(stacked), level, turn).squeeze(stacked)
                y, weight = problem.with_ring(x), _SHARE * (problem.sigma / level) ** 2
                spectrum = blur.fft(y).mul_(blur.otf.conj()).add_(blur.fft(z), alpha=weight)
                x = blur.ifft(spectrum / (power + weight))
            yield x


def levels(sigma: float, count: int) -> list[float]:
    """Noise levels from 0.2, or the image's if that is more, by an even factor to the image's."""
    return [float(level) for level in np.geomspace(max(_FIRST, sigma), sigma, count)]
