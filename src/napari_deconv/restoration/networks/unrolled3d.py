"""Unrolled U-Net for stacks: data steps that know photon noise, and networks that clean."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor, nn

from ...core.errors import DeconvError
from ...core.paths import exists
from ...engine.problem import Problem, Settled
from ..weights import about, as_trained, load_network, locate, named, read_weights
from .base import LearnedMethod, NetworkModule, Norm, TrainingBatch
from .noise_level import faithful
from .stack_remarks import LEAST_NOISE, MOST_NOISE, stack_remarks
from .volume_layers import Hourglass, continued, cut, from_phases, to_phases

WEIGHTS = (1e-2, 0.1, 1.0)
"""Weights of the gradient penalty at 10 % noise ..."""
GROWTH = 1.5
"""... and the power of the noise that they grow by."""
CORNER = 1e-3
"""Added to the penalty of every frequency, so that the mean too has one."""
EARLY, LATE, AGAIN = 4, 20, 4
"""Steps of Richardson-Lucy: before the first network few and more, and before others."""
CANDIDATES = 2 + len(WEIGHTS)
"""Estimates that a network weighs, place by place."""
_SOFT = 0.05
"""Brightness below which a network sees intensities linearly, and above by their roots."""
_DARK = 1e-3
"""Brightness that no data step takes a voxel below: what is 0 stays 0 under Richardson-Lucy."""
_WHITE = 1e-3
"""What lies less than this below the brightest is as bright."""
_LEAST_SEEN = 0.02
"""Share of a voxel's light that is observed, below which it is corrected less."""
_ALIGNED = 4
"""Tiles and strips begin at multiples of it: phases and both scales then agree."""
_STRIP_VOXELS = 4_000_000
"""That a network sees at a time, at least."""


class Unrolled3D(
    LearnedMethod,
    title="Unrolled U-Net for stacks",
    name="unrolled-3d",
    ndim=(3,),
    citation="napari-deconv; after K. Zhang et al., Deep Unfolding Network for Image "
    "Super-Resolution, CVPR 2020, and Y. Li et al., Incorporating the image formation process into "
    "deep learning improves network performance, Nature Methods 2022",
    untrained=True,
    has_maps=False,
    non_negative=True,
    roomy=False,
    for_training=("iterations",),
    buffers=30,
):
    """Data steps that know photon noise and U-Nets by turns: our own network for stacks.

    For any PSF and any number of photons, in three dimensions; it learned from generated stacks
    only. Before each U-Net the estimate is fitted to the data: by steps of Richardson-Lucy that
    weigh every voxel by its noise, and by solving

        ``x_i = argmin |k * x - y|^2 + w_i (|D (x - z)|^2 + c |x - z|^2)``

    for three weights at once, with the gradient D and the last estimate z. The U-Net, on two scales
    and the eight phases of 2x2x2 voxels, corrects the former and sees all of them, with how far the
    re-blurred estimate is from the data in standard deviations, how much noise there is, and how
    coarse the z-steps are. Results are never negative. After every step the unseen ring is filled
    with the re-blurred estimate, above and below as well.

    Parameters
    ----------
    iterations : int
        Steps, each with a U-Net of its own; for training only.
    weights : str
        Id or file of the weights, from a training of one's own: none are shipped.
    """

    iterations: Annotated[int, Interval(ge=1, le=8)] = 2

    @property
    def total(self) -> int:
        return self.iterations

    @property
    def default_weights(self) -> str:
        """Id that shipped weights would have."""
        return "unrolled-3d"

    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        reach = (n + 2 * Hourglass.REACH * self.iterations for n in psf_shape)
        return tuple(_ALIGNED * -(-n // _ALIGNED) for n in reach)

    def network(self) -> Network:
        """The untrained network."""
        return Network(self.iterations)

    def settle(self, problem: Problem) -> Generator[str, None, Settled | None]:
        yield from ()  # done at once
        found = as_trained(self)
        if not self.weights:
            if not exists(locate(self.default_weights)):
                raise DeconvError(
                    f"{self.title} has no weights yet: none are shipped.",
                    "Take Richardson-Lucy, or name weights of your own.",
                )
            read_weights(locate(self.default_weights), self.name)
            return Settled(found, named(self.default_weights))
        return None if found == self else Settled(found, {"iterations": found.iterations})

    def notes(self, problem: Problem, reblur: float) -> tuple[str, ...]:
        return tuple(
            stack_remarks(problem, about(locate(self.weights or self.default_weights)), reblur)
        )

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        net: Network = load_network(self, problem.seen.device, problem.precision)
        otf, y, x = problem.blur.otf[None, None], problem.y[:, None], None
        sigma, slope, constant = (y.new_full((1, 1, 1, 1, 1), n) for n in noise_shown(problem))
        spacing = y.new_tensor(problem.spacing or (1.0, 1.0, 1.0)).view(1, 3, 1, 1, 1)
        clipped = torch.zeros_like(problem.y, dtype=torch.bool)
        clipped[problem.window] = problem.seen >= problem.white - _WHITE
        for stage in range(len(net.cleaners)):
            problem.blur.check()
            with torch.inference_mode():
                images, levels = net.data_step(
                    y, otf, sigma, slope, constant, spacing, x, problem.mask[:, None]
                )
                x = _in_strips(net, images, levels, stage, problem.blur.check)
                del images
                blurred = problem.blur.forward(x[:, 0])
                y = problem.with_ring(x[:, 0], blurred=blurred)
                # A clipped voxel says only that there was at least as much light.
                y = torch.where(clipped & (blurred > y), blurred, y)[:, None]
                answer = faithful(problem, x[:, 0], sigma).clamp_(min=0)
            yield answer


def noise_shown(problem: Problem) -> tuple[float, float, float]:
    """What the network is told of the noise: root of its mean variance, slope and constant.

    As much as the weights know, where there is less or more.
    """
    sigma = min(max(problem.noise, LEAST_NOISE), MOST_NOISE)
    if problem.law is None:
        return sigma, 0.0, sigma**2
    share = (sigma / max(problem.noise, 1e-9)) ** 2
    return sigma, share * problem.law.slope, share * problem.law.constant


def _in_strips(
    net: Network, images: Tensor, levels: Tensor, stage: int, check: Callable[[], None]
) -> Tensor:
    """`Network.cleaned`, strip by strip of the rows, so that feature maps take little memory."""
    *_, planes, rows, columns = images.shape
    halo = 2 * Hourglass.REACH
    height = max(4 * halo, _STRIP_VOXELS // (planes * columns)) // _ALIGNED * _ALIGNED
    found = []
    for start in range(0, rows, height):
        check()
        stop = min(rows, start + height)
        low, high = max(0, start - halo), min(rows, stop + halo)
        strip = net.cleaned(images[..., low:high, :], levels, stage)
        found.append(strip[..., start - low : stop - low, :])
    return torch.cat(found, -2)


class Network(NetworkModule):
    """The unrolled steps.

    Parameters
    ----------
    steps : int
        Their number, each with a network of its own.
    widths : tuple of int
        Feature maps of the networks at half and quarter resolution.
    """

    def __init__(self, steps: int = 2, widths: tuple[int, int] = (32, 64)) -> None:
        super().__init__()
        levels = len(WEIGHTS)
        inputs, outputs = 8 * (CANDIDATES + 2) + 3 + levels, 8 * (CANDIDATES + 1)
        self.cleaners = nn.ModuleList(Hourglass(inputs, widths, outputs) for _ in range(steps))

    def unrolled(
        self,
        y: Tensor,
        otf: Tensor,
        sigma: Tensor,
        slope: Tensor,
        constant: Tensor,
        spacing: Tensor,
    ) -> list[Tensor]:
        """Every step's estimate under circular blur: what training looks at."""
        x, estimates = None, []
        for stage in range(len(self.cleaners)):
            # Every network learns by itself, from what the one before it makes: no gradient flows
            # through the data steps, which halves the time.
            with torch.no_grad():
                images, levels = self.data_step(y, otf, sigma, slope, constant, spacing, x)
            estimates.append(self.cleaned(images, levels, stage))
            x = estimates[-1].detach()
        return estimates

    def loss(self, estimates: Sequence[Tensor], batch: TrainingBatch, norm: Norm) -> Tensor:
        """What every stage misses, each counting twice the one before.

        The logarithm of each stack's mean square, so that none outweighs others.
        """
        total = batch.y.new_zeros(())
        for x in estimates:
            missed = (x - batch.truth).square().flatten(1).mean(1)
            total = total / 2 + missed.clamp(min=1e-12).log10().mean()
        return total

    def data_step(
        self,
        y: Tensor,
        otf: Tensor,
        sigma: Tensor,
        slope: Tensor,
        constant: Tensor,
        spacing: Tensor,
        x: Tensor | None,
        seen: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What the next network is shown.

        Parameters
        ----------
        y : Tensor
            Periodic blurred volumes, float32 ``(B, 1, Z, Y, X)``.
        otf : Tensor
            Half spectrum of the PSF, ``(B or 1, 1, Z, Y, X // 2 + 1)``.
        sigma : Tensor
            Root of the mean variance of the noise on the unit scale, ``(B, 1, 1, 1, 1)``.
        slope, constant : Tensor
            Its variance by the mean of a voxel, like ``sigma``.
        spacing : Tensor
            Voxel size over the smallest, ``(B, 3, 1, 1, 1)``.
        x : Tensor, optional
            The last estimate, like ``y``; None before the first network.
        seen : Tensor, optional
            1 where a voxel was observed, 0 elsewhere, like ``y``; by default all were.

        Returns
        -------
        images : Tensor
            Estimates by Richardson-Lucy, late and early (or the last estimate), the solutions, the
            data, and by how many standard deviations the first one misses them,
            ``(B, 7, Z, Y, X)``.
        levels : Tensor
            Numbers for a network, ``(B, C, 1, 1, 1)``.
        """
        solutions, passed, start = self._solutions(y, otf, sigma, spacing, x)
        law = (sigma, slope, constant)
        # Both kinds of noise as photons: a voxel's variance over its brightness ...
        unit = torch.maximum(slope, sigma.square())
        if x is None:
            x = sharpened(start, y, otf, law, unit, EARLY, seen)
            late = sharpened(x, y, otf, law, unit, LATE, seen)
        else:
            late = sharpened(start, y, otf, law, unit, AGAIN, seen)
        missed = _missed(late, y, otf, law, 0.5).clamp_(-8, 8)
        images = torch.cat([late, x, *solutions, y, missed], 1)
        spacings = spacing[:, :1].log()
        levels = torch.cat([(sigma / 0.05).log(), (unit / 0.01).log() / 2, spacings], 1)
        return images, torch.cat([levels, (sigma * passed / 0.05).log()], 1)

    def cleaned(self, images: Tensor, levels: Tensor, stage: int) -> Tensor:
        """The next estimate: those of `data_step` weighed place by place, and a correction."""
        shape = images.shape[-3:]
        shown = torch.cat(
            [images[:, :-1] / (images[:, :-1].abs() + _SOFT).sqrt(), 0.5 * images[:, -1:]], 1
        )
        phases = to_phases(self.precision.narrowed(continued(shown)))
        noises = self.precision.narrowed(levels.expand(-1, -1, *phases.shape[-3:]))
        with self.precision.layers(images.device):
            inputs = torch.cat([phases, 0.5 * noises], 1)
            inputs = inputs.contiguous(memory_format=torch.channels_last_3d)
            answer = self.cleaners[stage](inputs)
        answer = cut(from_phases(answer), shape).float()
        known = images[:, :CANDIDATES].clamp(min=0)
        joined = (answer[:, :CANDIDATES].softmax(1) * known).sum(1, keepdim=True)
        return torch.relu(joined + 0.3 * (joined + _SOFT).sqrt() * answer[:, CANDIDATES:])

    def _solutions(
        self, y: Tensor, otf: Tensor, sigma: Tensor, spacing: Tensor, x: Tensor | None
    ) -> tuple[list[Tensor], Tensor, Tensor]:
        """What fits the data and the last estimate; what noise each has; where to go on from.

        ``argmin |k * x_i - y|^2 + w_i (|D (x_i - x)|^2 + c |x_i - x|^2)`` with the gradient D.
        """
        rough = roughness(y.shape, spacing).add_(CORNER)
        power = otf.abs().square_()
        left = _spectrum(y)
        if x is not None:
            left -= otf * _spectrum(x)
        left *= otf.conj()
        solutions, passed = [], []
        for weight in WEIGHTS:
            response = 1 / (power + weight * (sigma / 0.1) ** GROWTH * rough)
            solved = _image(left * response, y.shape)
            solutions.append(solved if x is None else solved.add_(x))
            share = (response.square_() * power).mean((-3, -2, -1), keepdim=True).sqrt_()
            passed.append(share.expand(len(y), -1, -1, -1, -1))
        start = solutions[1] if x is None else x
        return solutions, torch.cat(passed, 1), start.clamp(min=_DARK)


def roughness(shape: torch.Size, spacing: Tensor) -> Tensor:
    """Power of the gradient at every frequency of a half spectrum, ``(B, 1, Z, Y, X // 2 + 1)``."""
    total = spacing.new_zeros(())
    for axis in (-3, -2, -1):
        n = shape[axis]
        k = torch.arange(n // 2 + 1 if axis == -1 else n, device=spacing.device)
        power = 2 - 2 * torch.cos(2 * torch.pi * k / n)
        total = total + power.view(-1, *[1] * (-1 - axis)) / spacing[:, axis, None].square()
    return total


def sharpened(
    x: Tensor,
    y: Tensor,
    otf: Tensor,
    law: tuple[Tensor, Tensor, Tensor],
    unit: Tensor,
    count: int,
    seen: Tensor | None = None,
) -> Tensor:
    """So many accelerated steps of Richardson-Lucy, every voxel weighted by its noise.

    With photon noise alone they are Richardson-Lucy's. Acceleration: D. Biggs and M. Andrews, 1997.
    """
    last, share = x, torch.zeros_like(unit)
    change: Tensor | None = None
    told = 1.0 if seen is None else 1 / _filtered(seen, otf.conj()).clamp_(min=_LEAST_SEEN)
    for _ in range(count):
        point = x + share * (x - last)
        point.clamp_(min=_DARK)
        missed = _missed(point, y, otf, law, 1.0)
        if seen is not None:
            missed *= seen
        correction = _filtered(missed.mul_(unit), otf.conj()).mul_(told).add_(1)
        last, x = x, point * correction.clamp_(0.1, 10)
        before, change = change, x - point
        if before is not None:
            together = (change * before).sum((1, 2, 3, 4), keepdim=True)
            alone = before.square().sum((1, 2, 3, 4), keepdim=True)
            share = (together / (alone + 1e-12)).clamp(0, 0.95)
    return x


def _missed(
    x: Tensor, y: Tensor, otf: Tensor, law: tuple[Tensor, Tensor, Tensor], power: float
) -> Tensor:
    """By how much the re-blurred estimate misses the data, over a power of its variance."""
    sigma, slope, constant = law
    blurred = _filtered(x, otf)
    variance = torch.maximum(slope * blurred + constant, 0.0025 * sigma.square())
    return (y - blurred).div_(variance if power == 1 else variance.sqrt_())


def _spectrum(x: Tensor) -> Tensor:
    return torch.fft.rfftn(x, dim=(-3, -2, -1))


def _image(spectrum: Tensor, shape: torch.Size) -> Tensor:
    return torch.fft.irfftn(spectrum, s=shape[-3:], dim=(-3, -2, -1))


def _filtered(x: Tensor, response: Tensor) -> Tensor:
    return _image(_spectrum(x).mul_(response), x.shape)
