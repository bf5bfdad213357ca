"""Unrolled U-Net: data-consistent solutions, several at once, and a U-Net that joins them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import torch
from annotated_types import Interval
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from ...engine.problem import Problem
from .any_psf import NetworkMethod
from .base import Call, NetworkModule, Tap, quadratic_rule
from .fcnn import rms, transfer
from .layers.opponent import noises, to_colours, to_opponents
from .layers.planes import UNet, convolution, from_phases, level_map, to_phases
from .noise_level import faithful

WEIGHTS = (3e-4, 3e-3, 3e-2)
"""Weights of the gradient penalty at 1 % noise: where the learned ones start."""
CHROMA_WEIGHTS = (3e-3, 6e-2)
"""The same for how colours differ, which is smoother: two solutions do."""
CORNER = 1e-3
"""Added to the penalty of every frequency, so that the mean too has one."""
_WHITE = 1e-3
"""What lies less than this below the brightest is as bright."""
_TINT_FEATURES = 8.0
"""What a colour adds to the numbers per pixel in the layers."""
_ALIGNED_PX = 8
"""Tiles begin at multiples of it: the grids of all scales then agree."""


class Unrolled(
    NetworkMethod,
    title="Unrolled U-Net",
    name="unrolled",
    citation="napari-deconv; after K. Zhang et al., Deep Unfolding Network for Image "
    "Super-Resolution, CVPR 2020, and J. Dong et al., Deep Wiener Deconvolution, NeurIPS 2020",
    for_training=("iterations", "colour"),
    heeds_clipping=True,
    buffers=35,
    features=112,
    suits="Photos and other natural images with 0.3 % to 10 % of noise and a PSF of up to "
    "about 31 pixels, and fluorescence planes: the first network to try.",
    avoid="Measuring intensities, microscopy in particular: a network can invent structure. "
    "PSFs much larger than it was trained on. Stacks in 3-D (it works plane by plane).",
):
    """Data-consistent solutions and U-Nets by turns: our own network, for any PSF and noise.

    Half-quadratic splitting, unrolled: a closed-form step fits the data, a network cleans. Every
    step solves it for three weights at once,

        ``x_i = argmin |k * x - y|^2 + w_i (|D (x - z)|^2 + c |x - z|^2)``

    with the gradient D and the last estimate z (0 at first), since a small weight keeps what is
    faint and a large one what is quiet. A U-Net on three scales (Ronneberger et al. 2015) joins
    them into the next z. The weights are learned and follow the noise; the U-Net is told the noise
    of the image and of each solution. After every step the unseen ring is filled with the
    re-blurred estimate. Weights that know colour restore the three of a photo together: their mean
    goes the way of a gray image, with the less noise that a mean has, and how they differ goes
    beside it through the same U-Nets. Other channels are restored one by one.

    Parameters
    ----------
    iterations : int
        Steps, each with a U-Net of its own; for training only. The built-in weights have three.
    colour : bool
        Whether it knows colour, and grays all the same; for training only.
    """

    iterations: Annotated[int, Interval(ge=1, le=8)] = 3
    colour: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.colour:  # three colours go through the same feature maps
            object.__setattr__(self, "features", type(self).features / 3 + _TINT_FEATURES)

    @property
    def total(self) -> int:
        return self.iterations

    @property
    def default_weights(self) -> str:
        return "unrolled"

    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        reach = (n + 64 * self.iterations for n in super().halo(psf_shape))
        return tuple(_ALIGNED_PX * -(-n // _ALIGNED_PX) for n in reach)

    def network(self) -> Network:
        return Network(self.iterations, colour=self.colour)

    @property
    def joint_channels(self) -> bool:
        return self.colour

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        net: Network
        net, noise = self.loaded(problem)
        together = self.colour and len(problem.seen) == 3
        stacked = 0 if together else 1  # three colours are one image of the network, or each is
        otf = problem.blur.otf[None, None]
        y, x, maps = problem.y.unsqueeze(stacked), None, None
        sigma = noises(noise.sigma, problem.common) if together else noise.sigma
        local = noise.near(problem.blur.forward(problem.y).unsqueeze(stacked))
        clipped = torch.zeros_like(problem.y, dtype=torch.bool)
        clipped[problem.window] = _clipped(problem)
        for stage in range(len(net.cleaners)):
            problem.blur.check()
            with torch.inference_mode():
                x, maps = net(y, otf, sigma, stage, x, maps, local)
                estimate = x.squeeze(stacked)
                blurred = problem.blur.forward(estimate)
                y = problem.with_ring(estimate, blurred=blurred)
                # A clipped pixel says only that there was at least as much light.
                y = torch.where(clipped & (blurred > y), blurred, y).unsqueeze(stacked)
                local = noise.near(blurred.unsqueeze(stacked))
                answer = faithful(problem, estimate, noise.sigma)
            yield answer


def _clipped(problem: Problem) -> Tensor:
    """Find highlights, like ``seen``: pixels as bright as any with another one beside them."""
    brightest = (problem.seen >= problem.white - _WHITE).float()
    return (brightest * 9 * avg_pool2d(brightest, 3, 1, 1)).round() > 1


class Network(NetworkModule):
    """The unrolled steps.

    Parameters
    ----------
    steps : int
        Their number.
    widths : tuple of int
        Feature maps of the U-Nets at half, quarter and eighth resolution.
    colour : bool
        Whether it has the layers that take how colours differ in and out.
    """

    colour_parts = ("tints", "gamma_tint")

    def __init__(
        self, steps: int = 3, widths: tuple[int, ...] = (48, 96, 192), *, colour: bool = False
    ) -> None:
        super().__init__()
        levels = len(WEIGHTS)
        inputs = 4 * (levels + 1) + levels + 1
        self.cleaners = nn.ModuleList(
            UNet(inputs + (widths[0] if step else 0), widths, 4) for step in range(steps)
        )
        self.gamma = nn.Parameter(_rules(WEIGHTS, steps))
        self.colour = colour
        if colour:
            self.tints = nn.ModuleList(Tint(widths[0]) for _ in range(steps))
            self.gamma_tint = nn.Parameter(_rules(CHROMA_WEIGHTS, steps))

    @torch.no_grad()
    def grow(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin from the weights of as many steps, or of fewer but two.

        A further one has the last one's features, cleans nothing yet, and holds twice as much to
        what is cleaned already. Layers for colour begin as they are where the weights have none.
        """
        gamma = tensors["gamma"].float()
        last = gamma.shape[1] - 1
        for step, cleaner in enumerate(self.cleaners):
            _load(cleaner, tensors, f"cleaners.{min(step, last)}.")
            if step > last:
                for parameter in cleaner.get_submodule("last").parameters():
                    nn.init.zeros_(parameter)
            self.gamma[:, step] = gamma[:, min(step, last)]
            self.gamma[0, step] += max(0, step - last) * math.log(2)
        if self.colour and "gamma_tint" in tensors:
            for step, tint in enumerate(self.tints):
                _load(tint, tensors, f"tints.{min(step, last)}.")
                self.gamma_tint[:, step] = tensors["gamma_tint"][:, min(step, last)]

    def unrolled(
        self,
        y: Tensor,
        otf: Tensor,
        sigma: Tensor,
        local: Tensor | None = None,
        clipped: Tensor | None = None,
    ) -> list[Tensor]:
        """Every step's estimate under circular blur: what training looks at.

        Where ``clipped`` is true, like ``y``, there was at least as much light as was seen.
        """
        x, maps, estimates, seen = None, None, [], y
        for stage in range(len(self.cleaners)):
            x, maps = self(seen, otf, sigma, stage, x, maps, local)
            estimates.append(x)
            if clipped is not None:
                blurred = torch.fft.irfft2(torch.fft.rfft2(x.detach()) * otf, s=y.shape[-2:])
                seen = torch.where(clipped, torch.maximum(blurred, y), y)
        return estimates

    def taps(self, args: tuple[Any, ...], output: Any, calls: Sequence[Call]) -> Iterator[Tap]:
        (inputs,), _ = next((a, out) for part, a, out in calls if isinstance(part, UNet))
        estimate, features = output
        maps = len(WEIGHTS)
        solved = from_phases(inputs[:, : 4 * maps], estimate.shape[-2:]) / 4 + 0.5
        for number in range(maps):
            yield f"solution {number + 1} of {maps}", solved[:, number : number + 1], 1
        yield "features", features, 2
        yield "estimate", estimate, 1

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
            Periodic blurred images, float32 ``(B, C, Y, X)``: gray, or the three colours.
        otf : Tensor
            Half spectrum of the PSF, ``(B or 1, 1, Y, X // 2 + 1)``.
        sigma : Tensor
            Noise on the unit scale, ``(B or 1, 1, 1, 1)``; of colours, `noises`,
            ``(B or 1, 2, 1, 1)``.
        stage : int
            Which step, from 0.
        x : Tensor, optional
            The last estimate, like ``y``; None at stage 0.
        maps : Tensor, optional
            The last step's feature maps.
        local : Tensor, optional
            Noise around each pixel over ``sigma``, like ``y``; by default 1.
        """
        coloured = y.shape[1] == 3
        if coloured:
            y, x = to_opponents(y), None if x is None else to_opponents(x)
            local = None if local is None else local.square().mean(1, keepdim=True).sqrt()
        before, mean = (y, None) if x is None else (x, x[:, :1])
        solutions, passed = self._solutions(y[:, :1], otf, sigma[:, :1], mean, self.gamma[:, stage])
        # Factors that bring images near 1, where the layers' starting scale fits.
        images = 4 * (torch.cat([solutions[:, 0], before[:, :1]], 1) - 0.5)
        inputs = _maps(self.precision.narrowed(images), sigma[:, :1], passed, local)
        base = solutions[:, :, 1]
        tint: list[Tensor] = []
        if coloured:
            last = None if x is None else x[:, 1:]
            rules = self.gamma_tint[:, stage]
            solutions, passed = self._solutions(y[:, 1:], otf, sigma[:, 1:], last, rules)
            images = 8 * torch.cat([solutions.flatten(1, 2), before[:, 1:]], 1)
            tint = _maps(self.precision.narrowed(images), sigma[:, 1:], passed, local)
            base = torch.cat([base, solutions[:, :, 1]], 1)
        with self.precision.layers(y.device):
            joined = torch.cat(inputs if maps is None else [*inputs, maps], 1)
            if coloured:
                change, maps = self.tints[stage](self.cleaners[stage], joined, torch.cat(tint, 1))
            else:
                change, maps = self.cleaners[stage](joined)
        x = base + 0.1 * from_phases(change, y.shape[-2:])
        return (to_colours(x) if coloured else x), maps

    def _solutions(
        self, y: Tensor, otf: Tensor, sigma: Tensor, x: Tensor | None, rules: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Solve for what fits the data and the last estimate, and tell how noisy each is.

        The former is ``(B, C, L, Y, X)`` for the ``L`` weights that ``rules`` gives, the latter,
        over that of the image, ``(B, L, 1, 1)``.
        """
        rough = sum(transfer(y.shape, axis, y.device).abs().square() for axis in (-1, -2))
        weight = quadratic_rule(rules[:, :, None, None], sigma)  # (B, L, 1, 1)
        penalty = weight * (rough + CORNER)
        response = otf.conj() / (otf.abs().square() + penalty)
        spectrum = torch.fft.rfft2(y)
        if x is None:
            solved = response[:, None] * spectrum[:, :, None]
        else:
            before = torch.fft.rfft2(x)
            left = spectrum - otf * before
            solved = before[:, :, None] + response[:, None] * left[:, :, None]
        passed = rms(response.detach().abs(), y.shape[-1])
        return torch.fft.irfft2(solved, s=y.shape[-2:]), passed


class Tint(nn.Module):
    """How colours differ, in and out of a U-Net that was made for gray images.

    Its layers begin at 0: the U-Net then does for the colours' mean what it does for a gray image.

    Parameters
    ----------
    width : int
        The U-Net's feature maps at half resolution.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        levels = len(CHROMA_WEIGHTS)
        self.first = convolution(8 * (levels + 1) + levels + 1, width)
        self.last = convolution(width, 8)
        for layer in (self.first, self.last):
            nn.init.zeros_(layer.weight)

    def forward(self, unet: UNet, gray: Tensor, tint: Tensor) -> tuple[Tensor, Tensor]:
        """The changes of the mean and of the differences, as phases, and the feature maps."""
        change, maps = unet(gray, self.first(tint))
        return torch.cat([change, self.last(maps)], 1), maps


def _maps(images: Tensor, sigma: Tensor, passed: Tensor, local: Tensor | None) -> list[Tensor]:
    """Images and the noise of them, as maps for the first layer."""
    phases = to_phases(images, _ALIGNED_PX)
    each = (sigma, *(sigma * passed).split(1, 1))
    levels = (level_map(noise, phases, local, _ALIGNED_PX) for noise in each)
    return [phases, *(0.5 * level.to(phases.dtype) for level in levels)]


def _rules(weights: tuple[float, ...], steps: int) -> Tensor:
    """Logarithms of the weights, quadratic in log sigma: smooth, and none turns negative."""
    start = torch.tensor(weights).log().expand(steps, len(weights))
    return torch.stack([start, 1.5 * torch.ones_like(start), 0 * start])


def _load(module: nn.Module, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """The tensors whose names begin so."""
    module.load_state_dict(
        {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    )
