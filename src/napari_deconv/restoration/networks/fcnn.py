"""FCNN: a network cleans the gradients, a quadratic step puts them back into the image."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad, pixel_shuffle, pixel_unshuffle

from ...core.precision import Layered, arranged
from .any_psf import NetworkMethod
from .base import Call, StagedNetwork, Tap, quadratic_rule

_GAMMAS = (250.0, 39.5, 6.25, 0.99)
"""The authors' released gammas at 1 % noise: where the learned ones start."""
_SCALES = {"gradients": (10.0, 0.0), "intensities": (4.0, 0.5)}
"""What brings either near 1, where the layers' starting scale fits, and about which value."""


class FCNN(
    NetworkMethod,
    title="FCNN",
    name="fcnn",
    citation="J. Zhang et al., Learning Fully Convolutional Networks for Iterative Non-blind "
    "Deconvolution, CVPR 2017",
    structure=("iterations",),
    for_training=("cleans",),
    buffers=52,
    features=16,
    suits="Photos and other natural images with 0.3 % to 10 % of noise and a PSF of up to "
    "about 31 pixels: sharper than the classical priors.",
    avoid="Measuring intensities, microscopy in particular: a network can invent structure, "
    "and this one has seen photos only. Clipped highlights. PSFs much larger than it "
    "was trained on.",
):
    """Iterated denoising of gradients by a network and deconvolution (Zhang et al. 2017).

    A first deconvolution, then so many times: a network of six convolutions cleans the two
    gradients, the vertical one transposed (Table 1 there), and the image is sought that fits both
    the data and the clean gradients (Eq. 6).

    Where this differs from the paper: one set of weights serves all noise levels, since each
    gamma and each denoiser is told the noise of the image and what the deconvolution makes of it;
    a denoiser predicts what to take away; it works on the four phases of the gradient at half
    resolution, a quarter of the work with twice the reach; and after every stage the unseen ring
    is filled with the re-blurred estimate.

    Parameters
    ----------
    iterations : int
        Stages of denoising and deconvolution; the paper's network has three.
    cleans : str
        What the networks clean between the deconvolutions, for training only: the gradients, or
        the intensities, whose gradients then guide. The built-in weights clean gradients.
    """

    iterations: Literal[1, 3] = 3
    cleans: Literal["gradients", "intensities"] = "gradients"

    @property
    def total(self) -> int:
        return self.iterations + 1

    @property
    def default_weights(self) -> str:
        return f"fcnn-{self.iterations}"

    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        # Even, so that tiles agree on the phases; six convolutions at half resolution a stage.
        return tuple(2 * (n // 2 + 6 * self.iterations) for n in super().halo(psf_shape))

    def network(self) -> Network:
        return Network(self.iterations, self.cleans)


class Network(StagedNetwork):
    """The unrolled iterations.

    Parameters
    ----------
    iterations : int
        Number of stages.
    cleans : str
        Gradients or intensities.
    width : int
        Feature maps of the denoisers.
    """

    def __init__(self, iterations: int = 3, cleans: str = "gradients", width: int = 64) -> None:
        super().__init__()
        self.cleans = cleans
        scale = _SCALES[cleans]
        self.denoisers = nn.ModuleList(Denoiser(width, *scale) for _ in range(iterations))
        start = torch.tensor([_GAMMAS[0], *_GAMMAS[-iterations:]]).log()
        self.gamma = nn.Parameter(torch.stack([start, -torch.ones_like(start), 0 * start]))

    @torch.no_grad()
    def grow(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin from the weights of as many stages or fewer: the last one is repeated."""
        stages = tensors["gamma"].shape[1] - 1
        for stage, denoiser in enumerate(self.denoisers):
            prefix = f"denoisers.{min(stage, stages - 1)}."
            denoiser.load_state_dict(
                {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            )
        gamma = tensors["gamma"].float()
        extra = [gamma[:, -1:]] * (len(self.denoisers) - stages)
        self.gamma.copy_(torch.cat([gamma, *extra], 1))

    @property
    def stages(self) -> int:
        return len(self.denoisers) + 1

    def taps(self, args: tuple[Any, ...], output: Tensor, calls: Sequence[Call]) -> Iterator[Tap]:
        cleaned = [(a[0], out) for part, a, out in calls if isinstance(part, Denoiser)]
        gradients = ("gradient along x", "gradient along y")
        names = gradients if self.cleans == "gradients" else ("intensities",)
        for pair, name in zip(cleaned, names, strict=False):  # none at the first stage
            before, after = (part.mT for part in pair) if name == gradients[1] else pair
            yield name, before, 1
            yield f"{name}, cleaned", after, 1
        yield "estimate", output, 1

    def forward(
        self,
        y: Tensor,
        otf: Tensor,
        sigma: Tensor,
        stage: int,
        x: Tensor | None = None,
        local: Tensor | None = None,
    ) -> Tensor:
        """Estimate of one stage from the last one's, ``x``: Eqs. 4 and 6.

        Parameters
        ----------
        y : Tensor
            Periodic blurred images, float32 ``(B, 1, Y, X)`` with ``X`` even.
        otf : Tensor
            Half spectrum of the PSF, ``(B or 1, 1, Y, X // 2 + 1)``.
        sigma : Tensor
            Noise on the unit scale, ``(B or 1, 1, 1, 1)``.
        stage : int
            0 for the first deconvolution, which has no guide.
        x : Tensor, optional
            The last estimate, like ``y``.
        local : Tensor, optional
            Noise around each pixel over ``sigma``, like ``y``; by default 1.
        """
        differences = [transfer(y.shape, axis, y.device) for axis in (-1, -2)]
        rough = sum(d.abs().square() for d in differences) + 1e-4
        gamma = quadratic_rule(self.gamma[:, stage], sigma)
        top = gamma * otf.conj() * torch.fft.rfft2(y)
        if x is not None:
            before = quadratic_rule(self.gamma[:, stage - 1], sigma).detach()
            response = before * otf.abs() / (before * otf.abs().square() + rough)
            if self.cleans == "intensities":
                level = sigma * rms(response, y.shape[-1])
                clean = torch.fft.rfft2(self.denoisers[stage - 1](x, sigma, level, local))
                top = top + (rough - 1e-4) * clean
            else:
                for axis, d in zip((-1, -2), differences, strict=True):
                    level = sigma * rms(response * d.abs(), y.shape[-1])
                    top = top + d.conj() * torch.fft.rfft2(
                        self._clean(x, axis, (sigma, level), stage, local)
                    )
        bottom = gamma * otf.abs().square() + rough
        return torch.fft.irfft2(top / bottom, s=y.shape[-2:])

    def _clean(
        self,
        x: Tensor,
        axis: int,
        levels: tuple[Tensor, Tensor],
        stage: int,
        local: Tensor | None,
    ) -> Tensor:
        """One gradient of ``x``, denoised; the vertical one lies down for it."""
        gradient = x - x.roll(1, axis)
        denoise = self.denoisers[stage - 1]
        if axis == -1:
            return denoise(gradient, *levels, local)
        return denoise(gradient.mT, *levels, None if local is None else local.mT).mT


class Denoiser(Layered):
    """Table 1 of the paper on the four phases of a gradient, with two maps of the noise beside.

    Parameters
    ----------
    width : int
        Feature maps; 64 in the paper.
    scale, middle : float
        What brings its input near 1, and the value it lies about.
    """

    def __init__(self, width: int, scale: float = 10.0, middle: float = 0.0) -> None:
        super().__init__()
        self.scale, self.middle = scale, middle
        convolutions = [
            nn.Conv2d(here, there, 3, padding=1, bias=there != 4)
            for here, there in itertools.pairwise((6, *[width] * 5, 4))
        ]
        for layer in convolutions:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(convolutions[-1].weight)  # begins as the identity, which is what it corrects
        layers = [each for layer in convolutions for each in (layer, nn.ReLU(inplace=True))]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(
        self, gradient: Tensor, sigma: Tensor, level: Tensor, local: Tensor | None = None
    ) -> Tensor:
        """The gradient without its noise.

        Parameters
        ----------
        gradient : Tensor
            Horizontal differences, or an image, ``(B, 1, Y, X)``.
        sigma, level : Tensor
            Standard deviation of the noise in the image and in the gradient, ``(B, 1, 1, 1)``.
        local : Tensor, optional
            What both are multiplied by at each pixel, like ``gradient``.
        """
        rows, columns = gradient.shape[-2:]
        odd = (0, columns % 2, 0, rows % 2)
        even = pad(self.scale * (gradient - self.middle), odd, mode="replicate")
        phases = pixel_unshuffle(self.precision.narrowed(even), 2)
        maps = torch.cat([sigma, level], 1).expand(len(phases), 2, *phases.shape[-2:])
        if local is not None:
            maps = maps * avg_pool2d(pad(local, odd, mode="replicate"), 2)
        inputs = torch.cat([phases, self.precision.narrowed(10 * maps)], 1)
        with self.precision.layers(gradient.device):
            noise = self.layers(arranged(inputs))
        return gradient - pixel_shuffle(noise, 2)[..., :rows, :columns].float() / self.scale


def transfer(shape: torch.Size, axis: int, device: torch.device) -> Tensor:
    """Half spectrum of the circular difference ``[1, -1]``, for ``(..., Y, X // 2 + 1)``."""
    n = shape[axis]
    k = torch.arange(n // 2 + 1 if axis == -1 else n, device=device)
    response = 1 - torch.exp(-2j * torch.pi * k / n)
    return response if axis == -1 else response[:, None]


def rms(response: Tensor, columns: int) -> Tensor:
    """RMS of white noise of unit variance after a filter, given its half spectrum's moduli."""
    power = response.square()
    total = 2 * power.sum(-1, keepdim=True) - power[..., :1]
    if columns % 2 == 0:  # the last column, like the first, has no mirror image
        total = total - power[..., -1:]
    return (total.sum(-2, keepdim=True) / (response.shape[-2] * columns)).sqrt()
