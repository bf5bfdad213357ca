"""Unrolled U-Net: data-consistent solutions, several at once, and a U-Net that joins them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from ...engine.problem import Problem
from .base import NetworkMethod
from .fcnn import rms, transfer
from .layers import UNet, from_phases, level_map, to_phases
from .noise_level import faithful

WEIGHTS = (3e-4, 3e-3, 3e-2)
"""Weights of the gradient penalty at 1 % noise: where the learned ones start."""
CORNER = 1e-3
"""Added to the penalty of every frequency, so that the mean too has one."""
_WHITE = 1e-3
"""What lies less than this below the brightest is as bright."""
_ALIGNED_PX = 8
"""Tiles begin at multiples of it: the grids of all scales then agree."""


class Unrolled(
    NetworkMethod,
    title="Unrolled U-Net",
    name="unrolled",
    citation="napari-deconv; after K. Zhang et al., Deep Unfolding Network for Image "
    "Super-Resolution, CVPR 2020, and J. Dong et al., Deep Wiener Deconvolution, NeurIPS 2020",
    for_training=("iterations",),
    buffers=76,
):
    """Data-consistent solutions and U-Nets by turns: our own network, for any PSF and noise.

    Half-quadratic splitting, unrolled: a closed-form step fits the data, a network cleans. Every
    step solves it for three weights at once,

        ``x_i = argmin |k * x - y|^2 + w_i (|D (x - z)|^2 + c |x - z|^2)``

    with the gradient D and the last estimate z (0 at first), since a small weight keeps what is
    faint and a large one what is quiet. A U-Net on three scales (Ronneberger et al. 2015) joins
    them into the next z. The weights are learned and follow the noise; the U-Net is told the noise
    of the image and of each solution. After every step the unseen ring is filled with the
    re-blurred estimate. Colours and channels are restored one by one.

    Parameters
    ----------
    iterations : int
        Steps, each with a U-Net of its own; for training only. The shipped weights have three.
    """

    iterations: Annotated[int, Interval(ge=1, le=8)] = 3

    @property
    def total(self) -> int:
        return self.iterations

    @property
    def default_weights(self) -> str:
        """Id of the shipped weights."""
        return "unrolled"

    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        reach = (n + 64 * self.iterations for n in super().halo(psf_shape))
        return tuple(_ALIGNED_PX * -(-n // _ALIGNED_PX) for n in reach)

    def network(self) -> Network:
        """The untrained network."""
        return Network(self.iterations)

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        net: Network
        net, noise = self.loaded(problem)
        otf = problem.blur.otf[None, None]
        y, x, maps = problem.y[:, None], None, None
        local = noise.near(problem.blur.forward(problem.y)[:, None])
        clipped = torch.zeros_like(problem.y, dtype=torch.bool)
        clipped[problem.window] = _clipped(problem)
        for stage in range(len(net.cleaners)):
            problem.blur.check()
            with torch.inference_mode():
                x, maps = net(y, otf, noise.sigma, stage, x, maps, local)
                blurred = problem.blur.forward(x[:, 0])
                y = problem.with_ring(x[:, 0], blurred=blurred)
                # A clipped pixel says only that there was at least as much light.
                y = torch.where(clipped & (blurred > y), blurred, y)[:, None]
                local = noise.near(blurred[:, None])
                answer = faithful(problem, x[:, 0], noise.sigma)
            yield answer


def _clipped(problem: Problem) -> Tensor:
    """Where highlights are, like ``seen``: a pixel as bright as any with another one beside it."""
    brightest = (problem.seen >= problem.white - _WHITE).float()
    return (brightest * 9 * avg_pool2d(brightest, 3, 1, 1)).round() > 1


class Network(nn.Module):
    """The unrolled steps.

    Parameters
    ----------
    steps : int
        Their number.
    widths : tuple of int
        Feature maps of the U-Nets at half, quarter and eighth resolution.
    """

    def __init__(self, steps: int = 3, widths: tuple[int, ...] = (48, 96, 192)) -> None:
        super().__init__()
        levels = len(WEIGHTS)
        inputs = 4 * (levels + 1) + levels + 1
        self.cleaners = nn.ModuleList(
            UNet(inputs + (widths[0] if step else 0), widths, 4) for step in range(steps)
        )
        start = torch.tensor(WEIGHTS).log().expand(steps, levels)
        # Their logarithms are quadratic in log sigma: a smooth rule, and none turns negative.
        self.gamma = nn.Parameter(torch.stack([start, 1.5 * torch.ones_like(start), 0 * start]))

    @torch.no_grad()
    def grow(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin from the weights of as many steps, or of fewer but two.

        A further one has the last one's features, cleans nothing yet, and holds twice as much to
        what is cleaned already.
        """
        known = tensors["gamma"].float()
        last = known.shape[1] - 1
        for step, cleaner in enumerate(self.cleaners):
            prefix = f"cleaners.{min(step, last)}."
            cleaner.load_state_dict(
                {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            )
            if step > last:
                for parameter in cleaner.get_submodule("last").parameters():
                    nn.init.zeros_(parameter)
            self.gamma[:, step] = known[:, min(step, last)]
            self.gamma[0, step] += max(0, step - last) * math.log(2)

    def unrolled(
        self, y: Tensor, otf: Tensor, sigma: Tensor, local: Tensor | None = None
    ) -> list[Tensor]:
        """Every step's estimate under circular blur: what training looks at."""
        x, maps, estimates = None, None, []
        for stage in range(len(self.cleaners)):
            x, maps = self(y, otf, sigma, stage, x, maps, local)
            estimates.append(x)
        return estimates

    def forward(
        self,
        y: Tensor,
        otf: Tensor,
        sigma: Tensor,
        stage: int,
        x: Tensor | None = None,
        maps: Tensor | None = None,
        local: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The next estimate, and the feature maps it was made of.

        Parameters
        ----------
        y : Tensor
            Periodic blurred images, float32 ``(B, 1, Y, X)``.
        otf : Tensor
            Half spectrum of the PSF, ``(B or 1, 1, Y, X // 2 + 1)``.
        sigma : Tensor
            Noise on the unit scale, ``(B or 1, 1, 1, 1)``.
        stage : int
            Which step, from 0.
        x : Tensor, optional
            The last estimate, like ``y``; None at stage 0.
        maps : Tensor, optional
            The last step's feature maps.
        local : Tensor, optional
            Noise around each pixel over ``sigma``, like ``y``; by default 1.
        """
        solutions, passed = self._solutions(y, otf, sigma, stage, x)
        before = y if x is None else x
        # Factors that bring images near 1, where the layers' starting scale fits.
        phases = to_phases((4 * (torch.cat([solutions, before], 1) - 0.5)).bfloat16(), _ALIGNED_PX)
        noises = (sigma, *(sigma * passed).split(1, 1))
        levels = [level_map(noise, phases, local, _ALIGNED_PX) for noise in noises]
        inputs = [phases, *(0.5 * level.bfloat16() for level in levels)]
        with torch.autocast(y.device.type, torch.bfloat16):
            joined = torch.cat(inputs if maps is None else [*inputs, maps], 1)
            change, maps = self.cleaners[stage](joined)
        base = solutions[:, 1:2]
        return base + 0.1 * from_phases(change, y.shape[-2:]), maps

    def _solutions(
        self, y: Tensor, otf: Tensor, sigma: Tensor, stage: int, x: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """What fits the data and the last estimate, ``(B, 3, Y, X)``, and how much noise each has.

        The latter over that of the image, ``(B, 3, 1, 1)``.
        """
        rough = sum(transfer(y.shape, axis, y.device).abs().square() for axis in (-1, -2))
        power = torch.log(sigma / 0.01)
        constant, slope, bend = self.gamma[:, stage, :, None, None]
        weight = torch.exp(constant + slope * power + bend * power**2)  # (B, 3, 1, 1)
        penalty = weight * (rough + CORNER)
        response = otf.conj() / (otf.abs().square() + penalty)
        spectrum = torch.fft.rfft2(y)
        if x is None:
            solved = response * spectrum
        else:
            before = torch.fft.rfft2(x)
            solved = before + response * (spectrum - otf * before)
        passed = rms(response.detach().abs(), y.shape[-1])
        return torch.fft.irfft2(solved, s=y.shape[-2:]), passed
