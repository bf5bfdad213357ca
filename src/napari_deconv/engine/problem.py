"""What a method may know: one image on one padded grid, and how it was blurred."""

from __future__ import annotations

import math
import threading
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from ..core.precision import FLOAT32, Precision
from ..signal.edges import pad_and_taper, settle_ring
from ..signal.fourier import Blur
from ..signal.gradients import gradient_power, spectrum_mean
from ..signal.noise_law import NoiseLaw
from .intensity import dark_levels

INDEPENDENT = 3**-0.5
"""Noise of the mean of three colours over that of one, where their noises are independent."""
_LEAST_NOISE = 5e-4
"""Nothing is measured better: half an 8-bit step is four times that."""
_CORNER = 0.04
"""Angular frequency, in radians per pixel, below which an image's spectrum is taken as flat."""
_SHARE = 0.45
"""Share of the variance that follows the power law; fitted by benchmarks/fit_weights.py."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem:
    """One image to restore, in float32 on the unit scale, on one device.

    Parameters
    ----------
    seen : Tensor
        The observed image, ``(C, [Z,] Y, X)``, scaled so that its robust maximum is about 1.
    psf : Tensor
        float32 ``([Z,] Y, X)``, unit sum, centre at ``size // 2``.
    grid : tuple of int
        Spatial shape of the padded grid that estimates live on: at least ``seen + psf - 1``.
    offset : tuple of int
        Where ``seen`` begins in the grid.
    noise : float
        Standard deviation of the noise on the unit scale; where it grows with brightness, the
        root of its mean variance over the whole image.
    law : NoiseLaw or None
        How the noise grows with brightness, on the unit scale, where that was seen.
    scale : float
        Difference of the input's intensities that is 1 here; fields in the image's own units
        divide by it.
    zero : float
        Intensity of the input that is 0 here; 0 unless the method is `shift_free`.
    black, white : float
        The least and the largest level that the sensor or file has, on the unit scale: it clips at
        the latter.
    mean, std : float, optional
        Of the whole image (not only this tile) on the unit scale; by default of ``seen``. Tiles
        match only if a method takes its statistics from here.
    dark, darkest : float, optional
        Levels of the darkest twentieth and hundredth of the whole image on the unit scale.
    common : float
        Noise of the mean of three colours over that of one: 1 if they have all of it in common,
        ``3 ** -0.5`` if none.
    spacing : tuple of float
        Voxel size per spatial axis, relative to the smallest.
    bits : int
        Of the image's integer type; 0 for floats.
    unseen : Tensor or None
        True where a pixel of ``seen`` was not observed and only holds its neighbour's value, of
        the shape of ``seen``; None where all were.
    precision : Precision
        Number format for layers.
    cancel : threading.Event or None
        When set, the next transform raises `Cancelled`.
    """

    seen: Tensor
    psf: Tensor
    grid: tuple[int, ...]
    offset: tuple[int, ...]
    noise: float
    scale: float = 1.0
    zero: float = 0.0
    black: float = 0.0
    white: float = 1.0
    mean: float = math.nan
    std: float = math.nan
    dark: float = math.nan
    darkest: float = math.nan
    common: float = INDEPENDENT
    spacing: tuple[float, ...] = ()
    bits: int = 0
    law: NoiseLaw | None = None
    unseen: Tensor | None = None
    precision: Precision = FLOAT32
    cancel: threading.Event | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if math.isnan(self.mean) or math.isnan(self.std):
            object.__setattr__(self, "mean", float(self.seen.mean()))
            object.__setattr__(self, "std", float(self.seen.std(correction=0)))
        if math.isnan(self.dark) or math.isnan(self.darkest):
            levels = dark_levels([self.seen.cpu().numpy()])
            for key, level in zip(("dark", "darkest"), levels, strict=True):
                object.__setattr__(self, key, level)

    @property
    def window(self) -> tuple[slice, ...]:
        """Index of the observed pixels in a ``(C, *grid)`` tensor."""
        shape = self.seen.shape[1:]
        return (slice(None), *(slice(o, o + n) for o, n in zip(self.offset, shape, strict=True)))

    @cached_property
    def blur(self) -> Blur:
        """The forward operator A on the grid (circular; right wherever `mask` is 1)."""
        return Blur(self.psf, self.grid, self.cancel)

    @cached_property
    def mask(self) -> Tensor:
        """1 where the grid was observed, 0 elsewhere, float32 ``(1, *grid)``.

        ``(C, *grid)`` where single pixels are `unseen`.
        """
        mask = self.seen.new_zeros((1 if self.unseen is None else len(self.seen), *self.grid))
        mask[self.window] = 1 if self.unseen is None else (~self.unseen).float()
        return mask

    @property
    def observed(self) -> Tensor | None:
        """False where a pixel of ``seen`` was not observed; None where all were."""
        return None if self.unseen is None else ~self.unseen

    @property
    def sigma(self) -> float:
        """The noise level to regularise by: `noise`, but never so little that nothing is left.

        Where the noise grows with brightness, its mean variance is weighted by itself: what there
        is to see is mostly brighter than its surroundings.
        """
        level = self.noise
        if self.law is not None and level > 0:
            level = math.hypot(level, self.law.slope * self.std / level)
        return max(level, _LEAST_NOISE)

    @cached_property
    def nsr(self) -> Tensor:
        """Noise-to-signal power ratio per frequency, half spectrum, 0 for the mean.

        White noise against the power law of natural images, ``S(f) ~ f^-2.4`` in 2-D (and the
        same smoothness in 3-D), with the variance of the whole image (D. J. Field, JOSA A 1987).
        """
        ndim = len(self.grid)
        power = (ndim + 0.4) / 2
        law = gradient_power(self.grid, self.spacing, self.seen.device)
        law = law.add_(_CORNER**2).pow_(power)
        noise = max(self.noise, _LEAST_NOISE) ** 2
        signal = _SHARE * max(self.std**2 - noise, 0.01 * self.std**2, 1e-12)
        nsr = law.mul_(noise / signal * spectrum_mean(ndim, self.spacing, _CORNER, power))
        nsr[(0,) * ndim] = 0
        return nsr

    @cached_property
    def y(self) -> Tensor:
        """The observed image continued over the unseen ring, periodic, ``(C, *grid)``."""
        power = self.blur.otf.abs().square_()
        response = power.div_(power + self.nsr)
        # No name for the first guess: it would be kept while the ring settles.
        return settle_ring(
            pad_and_taper(self.seen, self.grid, self.offset, self.mean),
            self.window,
            self.blur,
            response,
            unseen=self.unseen,
        )

    def with_ring(self, x: Tensor, *, blurred: Tensor | None = None) -> Tensor:
        """Replace unobserved pixels of `y` by the re-blurred estimate ``A x``; ``(C, *grid)``."""
        filled = self.blur.forward(x) if blurred is None else blurred.clone()
        filled[self.window] = (
            self.seen
            if self.unseen is None
            else torch.where(self.unseen, filled[self.window], self.seen)
        )
        return filled

    def misfit(self, x: Tensor) -> float:
        """Mean square of ``A x - y`` over the observed pixels."""
        left = (self.blur.forward(x)[self.window] - self.seen).square()
        return float(left.mean() if self.unseen is None else left[~self.unseen].mean())


@dataclass(frozen=True)
class Settled:
    """A method with what it had left open chosen for one image.

    Parameters
    ----------
    method : Solver
        With every field set.
    chosen : mapping
        What was chosen, and by what: JSON-able, for the recipe.
    """

    method: Solver
    chosen: Mapping[str, object]


class Solver(Protocol):
    """What the engine asks of a method; `restoration.base.Method` is the real thing."""

    title: ClassVar[str]
    name: ClassVar[str]
    ndim: ClassVar[tuple[int, ...]]
    unit_scale: ClassVar[bool]
    shift_free: ClassVar[bool]
    non_negative: ClassVar[bool]
    needs_weights: ClassVar[bool]
    buffers: ClassVar[float]
    features: ClassVar[float]

    @property
    def total(self) -> int: ...
    @property
    def joint_channels(self) -> bool: ...
    def margin(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]: ...
    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]: ...
    def steps(self, problem: Problem) -> Iterator[Tensor]: ...
    def settle(self, problem: Problem) -> Generator[str, None, Settled | None]: ...
    def notes(self, problem: Problem, reblur: float) -> tuple[str, ...]: ...
    def to_dict(self) -> dict[str, object]: ...


def crop(problem: Problem, estimate: Tensor) -> Tensor:
    """The part of a grid estimate that was observed, ``(C, [Z,] Y, X)``."""
    if estimate.shape[1:] != torch.Size(problem.grid):
        raise ValueError(
            f"estimate {tuple(estimate.shape)} does not live on the grid {problem.grid}"
        )
    return estimate[problem.window]
