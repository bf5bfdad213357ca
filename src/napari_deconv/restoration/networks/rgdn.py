"""RGDN: gradient descent whose direction a network makes, one network for every step."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator, Sequence
from typing import Annotated, Any, Literal

import torch
from annotated_types import Interval
from torch import Tensor, nn
from torch.nn.functional import conv2d

from ...core.fields import Zero
from ...engine.problem import Problem, Settled
from .any_psf import NetworkMethod
from .base import Call, NetworkModule, Tap
from .layers.planes import Hourglass, convolution, from_phases, level_map, to_phases
from .noise_level import faithful


class RGDN(
    NetworkMethod,
    title="RGDN",
    name="rgdn",
    citation="D. Gong et al., Learning Deep Gradient Descent Optimization for Image "
    "Deconvolution, IEEE TNNLS 2020",
    structure=("design",),
    buffers=80,
    features=51,
    suits="Photos whose noise level is not known: it asks for none. It takes any PSF.",
    avoid="Measuring intensities, microscopy in particular: a network can invent structure, "
    "and this one has seen photos only. Clipped highlights. Photos whose noise can be "
    "read, where the unrolled U-Net is ahead.",
):
    """Recurrent gradient descent with a learned direction (Gong et al. 2020).

    The paper's step, with the gradient ``g = A^T(A x - y)`` of the data misfit and three networks
    R, H and D that are the same in every step, is ``x <- 0.8 x + 0.2 D(H(g) - R(x))`` from
    ``x = y``. It is repeated until the misfit hardly changes. No noise level is asked for.

    Where this differs from the paper, unless ``design`` is ``paper``: the gradient is
    preconditioned, ``g = A^T(A x - y) / (A^T A + c)`` with a damping c that follows the noise
    measured in the image, so that a few steps do what fifty did; the step is
    ``x <- x - g + D(H(g) - R(x))``, so that the networks begin as a Wiener filter; H and R are one
    convolution each and D is a small U-Net on the four phases of the image at half resolution;
    and after every step the unseen ring is filled with the re-blurred estimate. Colours and
    channels are restored one by one, all in as many steps and told the same noise.

    Parameters
    ----------
    iterations : int
        Most steps; the built-in weights were trained over three.
    tolerance : float
        Past the third, stop once a step changes the root-mean-square misfit by less than this share
        of it; 0 does all the steps. Where that is, a part of the image decides for all its tiles,
        planes and colours.
    design : str
        ``compact`` is described above and has built-in weights; ``paper`` is the paper's network,
        six convolutions of 5x5 each for R, H and D, to be trained by yourself.
    """

    iterations: Annotated[int, Interval(ge=1, le=100)] = 3
    tolerance: Annotated[float, Interval(ge=0, le=1), Zero("off")] = 0.002
    design: Literal["compact", "paper"] = "compact"

    @property
    def total(self) -> int:
        return self.iterations

    @property
    def default_weights(self) -> str:
        return "rgdn"

    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        # A multiple of four: tiles then agree on the grids of both scales.
        return tuple(4 * (n // 4 + 12) for n in super().halo(psf_shape))

    def network(self) -> Network | PaperNetwork:
        return Network() if self.design == "compact" else PaperNetwork()

    def settle(self, problem: Problem) -> Generator[str, None, Settled | None]:
        settled = yield from super().settle(problem)
        if self.iterations <= _LEAST_STEPS or self.tolerance == 0:
            return settled
        yield "seeking the number of steps"
        method: Any = settled.method if settled else self
        count = sum(1 for _ in method.steps(problem))
        chosen = {**(settled.chosen if settled else {}), "iterations": count}
        return Settled(method.but(iterations=count, tolerance=0.0), chosen)

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        net: Network | PaperNetwork
        net, noise = self.loaded(problem)
        otf = problem.blur.otf[None, None]
        y = problem.y[:, None]
        x, blurred, before = y, problem.blur.forward(problem.y), 0.0
        for done in range(1, self.iterations + 1):
            problem.blur.check()
            with torch.inference_mode():
                x = net(x, y, otf, noise.sigma, noise.near(blurred[:, None]))
                blurred = problem.blur.forward(x[:, 0])
                misfit = float((blurred[problem.window] - problem.seen).square().mean().sqrt())
                y = problem.with_ring(x[:, 0], blurred=blurred)[:, None]
                answer = faithful(problem, x[:, 0], noise.sigma)
            yield answer
            if done >= _LEAST_STEPS and abs(misfit - before) < self.tolerance * misfit:
                return
            before = misfit


_LEAST_STEPS = 3
"""The weights were trained over as many."""


class _Repeated(NetworkModule):
    """A network that is one step, and is trained over several."""

    trained_steps = _LEAST_STEPS

    def unrolled(
        self, y: Tensor, otf: Tensor, sigma: Tensor, local: Tensor | None = None
    ) -> list[Tensor]:
        x, estimates = y, []
        for _ in range(self.trained_steps):
            x = self(x, y, otf, sigma, local)
            estimates.append(x)
        return estimates


class Network(_Repeated):
    """One step; see `RGDN`.

    Parameters
    ----------
    width : int
        Feature maps at half resolution.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        # log damping is linear in log sigma; it starts at a Wiener filter's for a usual photo.
        self.gamma = nn.Parameter(torch.tensor([-4.6, 1.2]))
        self.from_gradient = convolution(5, width)  # H
        self.from_image = convolution(4, width)  # R
        self.direction = Hourglass(width, 4)  # D

    def taps(self, args: tuple[Any, ...], output: Tensor, calls: Sequence[Call]) -> Iterator[Tap]:
        x, shape = args[0], output.shape[-2:]
        called = {id(part): (a, out) for part, a, out in calls}
        # H and R may be computed as one, so they are told from their difference and from R.
        (features,), phases = called[id(self.direction)]
        direction = from_phases(phases, shape) / 10
        with self.precision.layers(x.device):
            r = self.from_image(4 * to_phases(x - 0.5))
        yield "g, the gradient", x - output + direction, 1
        yield "H(g)", features + r, 2
        yield "R(x)", r, 2
        yield "D(H(g) - R(x))", direction, 1
        yield "estimate", output, 1

    def forward(
        self, x: Tensor, y: Tensor, otf: Tensor, sigma: Tensor, local: Tensor | None = None
    ) -> Tensor:
        """The next estimate.

        Parameters
        ----------
        x, y : Tensor
            Last estimate and periodic blurred images, float32 ``(B, 1, Y, X)``.
        otf : Tensor
            Half spectrum of the PSF, ``(B or 1, 1, Y, X // 2 + 1)``.
        sigma : Tensor
            Noise on the unit scale, ``(B or 1, 1, 1, 1)``.
        local : Tensor, optional
            Noise around each pixel over ``sigma``, like ``y``; by default 1.
        """
        damping = torch.exp(self.gamma[0] + self.gamma[1] * torch.log(sigma / 0.01))
        misfit = otf.conj() * (otf * torch.fft.rfft2(x) - torch.fft.rfft2(y))
        gradient = torch.fft.irfft2(misfit / (otf.abs().square() + damping), s=x.shape[-2:])
        # Factors that bring gradient and image near 1, where the layers' starting scale fits.
        phases = to_phases(self.precision.narrowed(10 * gradient))
        level = self.precision.narrowed(level_map(sigma, phases, local))
        image = to_phases(self.precision.narrowed(4 * (x - 0.5)))
        inputs = torch.cat([phases, level, image], 1)
        with self.precision.layers(x.device):
            direction = self.direction(self._features(inputs))
        return (x - gradient).add_(from_phases(direction, x.shape[-2:]), alpha=0.1)

    def _features(self, inputs: Tensor) -> Tensor:
        """``H(g) - R(x)`` as one convolution, which is the same and does half the writing."""
        h, r = self.from_gradient, self.from_image
        if h.bias is None or r.bias is None:
            raise TypeError("H and R have a bias each")
        return conv2d(inputs, torch.cat([h.weight, -r.weight], 1), h.bias - r.bias, padding=1)


class PaperNetwork(_Repeated):
    """One step as in the paper: R, H and D of six layers each, on a gradient as it is."""

    trained_steps = 5

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.image, self.gradient, self.direction = (_six_layers(width) for _ in range(3))

    def taps(self, args: tuple[Any, ...], output: Tensor, calls: Sequence[Call]) -> Iterator[Tap]:
        called = {id(part): (a, out) for part, a, out in calls}
        yield "g, the gradient", called[id(self.gradient)][0][0], 1
        for name, part in (("H(g)", self.gradient), ("R(x)", self.image)):
            yield name, called[id(part)][1], 1
        yield "D(H(g) - R(x))", called[id(self.direction)][1], 1
        yield "estimate", output, 1

    def forward(
        self, x: Tensor, y: Tensor, otf: Tensor, sigma: Tensor, local: Tensor | None = None
    ) -> Tensor:
        """As `Network.forward`; the noise is not looked at."""
        misfit = otf.conj() * (otf * torch.fft.rfft2(x) - torch.fft.rfft2(y))
        gradient = torch.fft.irfft2(misfit, s=x.shape[-2:])
        with self.precision.layers(x.device):
            direction = self.direction(self.gradient(gradient) - self.image(x))
        return 0.8 * x + 0.2 * direction.float()


def _six_layers(width: int) -> nn.Sequential:
    """Three convolutions and three transposed ones of 5x5, without bias, ReLU between."""
    widths = (1, *[width] * 5, 1)
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        kind = nn.Conv2d if i < 3 else nn.ConvTranspose2d
        layers += [kind(inputs, outputs, 5, padding=2, bias=False), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
