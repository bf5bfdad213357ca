"""Plug-and-play: a trained denoiser stands for what photos look like, the data for the rest."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Interval
from torch import Tensor
from torch.nn.functional import pad

from ..core.fields import Zero
from ..engine.problem import Problem, Settled
from .base import Method
from .networks.domain import domain_of
from .networks.layers import Hourglass, Layered, convolution, from_phases, level_map, to_phases
from .weights import load_network, named

_FIRST = 0.2
"""Noise that the first denoising is told, 50 of 255, and the most that the denoiser knows."""
_LEAST = 0.003
_SHARE = 0.5
"""What the denoised image counts against the data; see benchmarks/plug_and_play_schedule.py."""


class PlugAndPlay(
    Method,
    title="Plug-and-play",
    name="plug-and-play",
    citation="K. Zhang et al., Learning Deep CNN Denoiser Prior for Image Restoration, CVPR 2017",
    buffers=70,
    features=83,
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
    resolution, in place of seven dilated convolutions; and colours are restored one by one.

    Parameters
    ----------
    iterations : int
        How often the image is denoised; more hardly help.
    weights : str
        Id or file of the network's weights; empty is the shipped one, learned from photos.
    """

    iterations: Annotated[int, Interval(ge=1, le=100)] = 12
    weights: Annotated[str, Zero("shipped")] = ""

    default_weights: ClassVar[str] = "plug-and-play"

    @property
    def total(self) -> int:
        return 1 + self.iterations

    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        # A multiple of four: tiles then agree on the grids of both scales.
        return tuple(4 * (n // 4 + 12) for n in super().halo(psf_shape))

    def network(self) -> Network:
        """The untrained denoiser."""
        return Network()

    def settle(self, problem: Problem) -> Generator[str, None, Settled | None]:
        yield from ()  # nothing is left open; the recipe shall name the weights
        return Settled(self, named(self.weights or self.default_weights))

    def notes(self, problem: Problem, reblur: float) -> tuple[str, ...]:
        if domain_of(problem.seen.cpu().numpy(), problem.bits) == "photo":
            return ()
        return (
            "The denoiser was trained on photos and can invent structure: do not measure in its "
            "result unchecked.",
        )

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        net: Network = load_network(self, problem.seen.device, problem.precision)
        blur, power = problem.blur, problem.blur.otf.abs().square()
        x = blur.ifft(blur.fft(problem.y) * blur.otf.conj() / (power + problem.nsr))
        yield x
        for turn, level in enumerate(levels(problem.sigma, self.iterations)):
            blur.check()
            with torch.inference_mode():
                z = net.denoised(x[:, None], level, turn)[:, 0]
                y, weight = problem.with_ring(x), _SHARE * (problem.sigma / level) ** 2
                spectrum = blur.fft(y).mul_(blur.otf.conj()).add_(blur.fft(z), alpha=weight)
                x = blur.ifft(spectrum / (power + weight))
            yield x


def levels(sigma: float, count: int) -> list[float]:
    """Noise levels from 0.2, or the image's if that is more, by an even factor to the image's."""
    return [float(level) for level in np.geomspace(max(_FIRST, sigma), sigma, count)]


class Network(Layered):
    """A denoiser that is told how much noise there is.

    Parameters
    ----------
    width : int
        Feature maps at half resolution.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.first = convolution(5, width)
        self.body = Hourglass(width, 4)

    def grow(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin from weights of the same network."""
        self.load_state_dict(dict(tensors))

    def unrolled(
        self, y: Tensor, otf: Tensor, sigma: Tensor, local: Tensor | None = None
    ) -> list[Tensor]:
        """The one estimate; there is no blur to look at."""
        return [self(y, sigma)]

    def denoised(self, x: Tensor, sigma: float, turn: int = 0) -> Tensor:
        """`forward` at one level, which is brought into the range that the network knows.

        Parameters
        ----------
        x : Tensor
            ``(B, 1, Y, X)``.
        sigma : float
            Standard deviation of its noise.
        turn : int
            By how many quarters the network sees it turned; from 4 on mirrored as well.
        """
        height, width = x.shape[-2:]
        # Of whole blocks, so that tiles agree on the grids of both scales however it is turned.
        whole = pad(x, (0, -width % 4, 0, -height % 4), mode="circular")
        mirror = (-1,) if turn & 4 else ()
        shown = torch.rot90(whole, turn, (-2, -1)).flip(mirror)
        clean: Tensor = self(shown, x.new_full((1, 1, 1, 1), min(max(sigma, _LEAST), _FIRST)))
        return torch.rot90(clean.flip(mirror), -turn, (-2, -1))[..., :height, :width]

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """An image without its noise.

        Parameters
        ----------
        x : Tensor
            Float32 ``(B, 1, Y, X)`` on the unit scale.
        sigma : Tensor
            Its noise, ``(B or 1, 1, 1, 1)``.
        """
        phases = 4 * to_phases(x - 0.5)
        # In float32: half a step of a narrow format at 1 would be as much as a little noise.
        features = self.first(torch.cat([phases, level_map(sigma, phases)], 1))
        with self.precision.layers(x.device):
            noise = self.body(features)
        return x - sigma * from_phases(noise, x.shape[-2:])
