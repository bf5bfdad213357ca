"""Noise that grows with brightness: its variance as a line, from blocks bright and dark."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .extremes import extremes
from .noise import least_unseen, planes_of
from .spectra import cells, spectra, window

_BLOCK_PX = 32
_MOST_BLOCKS = 1024
_LEAST_BLOCKS = 40
_DARK, _WHITE = 0.3, 0.01
"""Shares of a block's pixels that may lie at the least and at the largest value."""
_EMPTY = 0.15
"""Share of the cells of frequencies that is read."""
_ROUNDS = 30
_CUT = 2.5
"""Standard deviations beyond which a block counts less; four times that, and it does not count."""
_CERTAIN = 5.0
"""Slope over its standard error from which on it is believed; see benchmarks/noise_estimate.py."""
_WORTH = 1.2
"""Ratio of the variances of the brightest and the darkest blocks from which on it matters."""


@dataclass(frozen=True)
class NoiseLaw:
    """Variance of the noise of a pixel by its mean, ``slope * mean + constant``.

    Parameters
    ----------
    slope : float
        In units of intensity: of the photon noise, the intensity of one photon. 0 for noise that
        is the same everywhere.
    constant : float
        In squared units; below 0 where the camera adds an offset.
    least : float
        No variance is less than this.
    """

    slope: float
    constant: float
    least: float = 0.0

    def variance(self, mean: Any) -> Any:
        """Variance of pixels with these means, an array or a tensor of any shape."""
        return (mean * self.slope + self.constant).clip(min=self.least)

    def rms(self, mean: float) -> float:
        """Standard deviation over an image with this mean: the root of its mean variance."""
        return math.sqrt(max(self.slope * mean + self.constant, self.least))

    def over(self, scale: float, zero: float = 0.0) -> NoiseLaw:
        """The law of the image less ``zero``, divided by ``scale``."""
        constant = self.constant + self.slope * zero
        return NoiseLaw(self.slope / scale, constant / scale**2, self.least / scale**2)


def noise_law(image: ArrayLike, unseen: NDArray[np.bool_] | None = None) -> NoiseLaw | None:
    """Read how the noise of a blurred image grows with its brightness.

    As in `estimate_noise`, the noise is read in those frequencies of windowed blocks that the blur
    left emptiest, here block by block; the cells are chosen among the brighter blocks of one half
    and read in the other half, and the reverse. The window's mean power is linear in the variance
    of the pixels, so that small structures need not fill a block. A line of the power by the mean
    is fitted, every block weighted by the variance that the line gives it, those with power that
    noise cannot explain (edges) with less weight or none.

    Parameters
    ----------
    image, unseen
        As for `estimate_noise`.

    Returns
    -------
    NoiseLaw or None
        None where the noise does not clearly grow with brightness, or the image is too small to
        tell: then it is the same everywhere, as far as one can see.

    Raises
    ------
    DeconvError
        As `estimate_noise`.

    Notes
    -----
    The model is that of A. Foi et al., Practical Poissonian-Gaussian noise modeling and fitting for
    single-image raw-data, IEEE Trans. Image Processing 17:1737, 2008, Eq. 4.
    """
    planes = planes_of(np.asarray(image))
    floor = 1 / 12 if planes.dtype.kind in "biu" else 0.0
    blocks = _blocks(planes, None if unseen is None else planes_of(unseen))
    if len(blocks) < _LEAST_BLOCKS:
        return None
    # Differences between pixels of very large or small numbers must not leave float32.
    scale = float(np.ptp(blocks))
    means = np.einsum("nyx,yx->n", blocks, window(_BLOCK_PX) ** 2)
    power = _empty_power(means, spectra((blocks - blocks.mean((1, 2), keepdims=True)) / scale))
    slope, constant, error = _line((means - means.mean()) / scale, power)
    low, high = ((q - means.mean()) / scale for q in np.quantile(means, (0.02, 0.98)))
    dark, bright = (slope * mean + constant for mean in (low, high))
    if slope < _CERTAIN * error or bright < _WORTH * dark:
        return None
    least = float(max(dark, 0.05 * constant)) * scale**2
    constant = constant * scale**2 - slope * scale * float(means.mean())
    return NoiseLaw(slope * scale, constant, max(floor, least))


def _blocks(planes: NDArray[np.generic], hidden: NDArray[np.generic] | None) -> NDArray[np.float64]:
    """Blocks ``(N, size, size)`` spread over the image, without clipped or constant ones."""
    if min(planes.shape[1:]) < _BLOCK_PX:
        return np.zeros((0, _BLOCK_PX, _BLOCK_PX))
    views = np.lib.stride_tricks.sliding_window_view(planes, (_BLOCK_PX, _BLOCK_PX), axis=(1, 2))
    starts = [range(0, n, _BLOCK_PX // 2) for n in views.shape[1:3]]
    grid = np.stack(np.meshgrid(range(len(planes)), *starts, indexing="ij"), -1).reshape(-1, 3)
    grid = least_unseen(hidden, grid, _BLOCK_PX)
    order = np.random.default_rng(0).permutation(len(grid))[:_MOST_BLOCKS]
    raw = views[tuple(grid[order].T)]
    # Few counts are often 0 and no less random for that; what is mostly 0 was cut off there.
    black, white = extremes(planes)
    dark = ((raw == black) | (raw == planes.min())).mean((1, 2)) <= _DARK
    bright = ((raw == white) | (raw == planes.max())).mean((1, 2)) <= _WHITE
    kept: NDArray[np.float64] = raw[dark & bright].astype(np.float64)
    return kept[np.ptp(kept, axis=(1, 2)) > 0]


def _empty_power(means: NDArray[np.float64], power: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean power of each block in the emptiest cells, chosen among other blocks, ``(N,)``."""
    spectrum = cells(power)
    part = np.empty(len(means), int)
    part[np.argsort(means)] = np.arange(len(means)) % 2
    powers = np.empty(len(means))
    for half in (0, 1):
        there, here = part == half, part != half
        bright = there & (means >= np.median(means[there]))
        relative = spectrum[bright] / np.median(spectrum[bright], axis=1, keepdims=True)
        empty = np.argsort(np.median(relative, axis=0))[: round(_EMPTY * spectrum.shape[1])]
        powers[here] = spectrum[here][:, empty].mean(axis=1)
    return powers


def _line(x: NDArray[np.float64], power: NDArray[np.float64]) -> tuple[float, float, float]:
    """Slope, constant and the slope's standard error of a robust line of power by ``x``."""
    least = 0.05 * float(np.median(power))
    fitted = np.full(len(x), float(np.median(power)))
    slope = constant = error = 0.0
    for _ in range(_ROUNDS):
        ratio = power / fitted
        spread = 1.4826 * float(np.median(np.abs(ratio - np.median(ratio))))
        away = np.abs(ratio - 1) / max(_CUT * spread, 1e-9)
        weight = np.where(away < 4, 1 / np.maximum(away, 1), 0) / fitted**2
        total = max(float(weight.sum()), 1e-300)
        centre, level = float(weight @ x) / total, float(weight @ power) / total
        extent = max(float(weight @ (x - centre) ** 2), 1e-300)
        slope = float(weight @ ((x - centre) * (power - level))) / extent
        constant = level - slope * centre
        error = spread / math.sqrt(extent)
        fitted = np.maximum(slope * x + constant, max(least, 1e-300))
    return slope, constant, error
