"""The noise level of a blurred image, from the frequencies where the blur left nothing else."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import DeconvError
from .extremes import extremes
from .spectra import CELL, cells, spectra

_BLOCK_PX = 32
_NARROW_PX = 20
_MOST_BLOCKS = 768
_MOST_PLANES = 16
_SAMPLES = 2000
_LEAST_KEPT = 0.15
_FEW, _SOME = 0.002, 0.1
"""Shares of a block that may be unseen: without a thought, and where nothing better is there."""
_QUANTISATION = 1 / math.sqrt(12)


def estimate_noise(image: ArrayLike, unseen: NDArray[np.bool_] | None = None) -> float:
    """Standard deviation of the white noise of a blurred image, on its own scale.

    Blur leaves some frequencies of the image next to empty, whichever they are; white noise fills
    them all alike. So: the power spectra of overlapping windowed blocks; their median over the
    blocks, frequency by frequency, which leaves out edges and texture that fill a minority of the
    blocks; and of that the emptiest cells of neighbouring frequencies. The cells are chosen on one
    half of the blocks and read on the other (and the reverse), because the least of many noisy
    figures is too small. Blocks that touch clipped or constant areas are left out.

    What is found is the noise of the typical (median) block: with photon noise that is the
    background's where the background fills the image; see `noise_law` for that. Noise that was
    smoothed (JPEG, denoising, demosaicing) is underestimated. A sharp textured image has no empty
    frequencies, so that its texture counts as noise.

    Parameters
    ----------
    image : array_like
        Real, ``(..., Y, X)``, or ``(Y, X, 3 or 4)`` whose last axis is taken as colours, alpha
        left out. Of a stack at most 16 planes, evenly spaced, are read.
    unseen : ndarray of bool, optional
        True where a pixel was not observed, of the image's shape: blocks that hold many such are
        left out.

    Returns
    -------
    float
        In the image's units. At least ``1 / sqrt(12)``, the rounding error, for integers; 0 for a
        constant image of floats.

    Raises
    ------
    DeconvError
        If the image is empty, not real, or holds NaN or infinite values.

    Notes
    -----
    Spectra of overlapping windowed blocks: P. D. Welch, The use of fast Fourier transform for the
    estimation of power spectra, IEEE Trans. Audio Electroacoustics 15:70, 1967, with the median
    over the blocks for the mean.
    """
    planes = planes_of(np.asarray(image))
    hidden = None if unseen is None else planes_of(unseen)
    floor = _QUANTISATION if planes.dtype.kind in "biu" else 0.0
    narrowest = min(planes.shape[1:])
    if narrowest < _NARROW_PX:
        return max(floor, _of_lines(planes))
    # Three blocks side by side in small images, overlapping by half; an even size always.
    blocks = _blocks(planes, hidden, min(_BLOCK_PX, narrowest // 4 * 2))
    return max(floor, _of_blocks(blocks) if len(blocks) else 0.0)


def planes_of(image: NDArray[np.generic]) -> NDArray[np.generic]:
    """At most 16 planes ``(N, Y, X)`` of an image as `estimate_noise` takes it."""
    if image.dtype.kind not in "biuf" or image.size == 0:
        raise DeconvError(
            f"image of shape {image.shape} and type {image.dtype} has no noise level.",
            "Give a real image that is not empty.",
        )
    if image.ndim == 3 and image.shape[-1] in (3, 4) and image.shape[1] > 4:
        image = np.moveaxis(image[..., :3], -1, 0)
    if image.ndim < 2:
        image = image.reshape(1, -1)
    image = image.reshape(-1, *image.shape[-2:])
    keep = np.unique(np.linspace(0, len(image) - 1, _MOST_PLANES).round().astype(int))
    planes: NDArray[np.generic] = image[keep]
    if not np.isfinite(planes).all():
        raise DeconvError("The image holds NaN or infinite values.", "Replace them first.")
    return planes


def least_unseen(
    hidden: NDArray[np.generic] | None, grid: NDArray[np.intp], size: int
) -> NDArray[np.intp]:
    """Choose the corners ``(N, 3)`` of the blocks in which next to nothing is unseen.

    Where single pixels are missing everywhere, a fair share of the blocks with the fewest.
    """
    if hidden is None:
        return grid
    missing = np.array([hidden[n, y : y + size, x : x + size].mean() for n, y, x in grid])
    most = max(_FEW, min(_SOME, float(np.quantile(missing, _LEAST_KEPT))))
    return grid[missing <= most]


def _blocks(
    planes: NDArray[np.generic], hidden: NDArray[np.generic] | None, size: int
) -> NDArray[np.float64]:
    """Blocks ``(N, size, size)`` less their mean, without clipped or constant ones."""
    views = np.lib.stride_tricks.sliding_window_view(planes, (size, size), axis=(1, 2))
    starts = [range(0, n, size // 2) for n in views.shape[1:3]]
    grid = np.stack(np.meshgrid(range(len(planes)), *starts, indexing="ij"), -1).reshape(-1, 3)
    grid = least_unseen(hidden, grid, size)
    order = np.random.default_rng(0).permutation(len(grid))[:_MOST_BLOCKS]
    raw = views[tuple(grid[order].T)]
    raw = raw[np.ptp(raw, axis=(1, 2)) > 0]
    if not len(raw):
        return np.zeros((0, size, size))
    # One hot pixel must not hide that all others are clipped below it.
    ends = {*extremes(planes), planes.min(), planes.max()}
    clipped = np.isin(raw, list(ends)).mean(axis=(1, 2))
    # Dark counts touch the least value everywhere: then the least clipped blocks have to do.
    raw = raw[clipped <= max(0.01, float(np.quantile(clipped, _LEAST_KEPT)))].astype(np.float64)
    blocks: NDArray[np.float64] = raw - raw.mean(axis=(1, 2), keepdims=True)
    return blocks


def _of_blocks(blocks: NDArray[np.float64]) -> float:
    """Root of the power in the emptiest cells of the blocks' spectra."""
    scale = float(np.abs(blocks).max())
    power = spectra(blocks / scale)
    halves = (power[::2], power[1::2]) if len(power) > 3 else (power, power)
    first, second = (
        cells(np.median(part, axis=0)) / _median_of_exponentials(len(part)) for part in halves
    )
    count = math.ceil(_SAMPLES / (CELL**2 * len(halves[0])))
    count = min(count, max(1, first.size // 4))
    total = second[np.argsort(first)[:count]].mean() + first[np.argsort(second)[:count]].mean()
    return float(np.sqrt(total / 2)) * scale


def _median_of_exponentials(n: int) -> float:
    """Expected median of ``n`` independent exponential variables of mean 1."""
    ranked = np.cumsum(1 / np.arange(n, 0, -1))
    return float((ranked[(n - 1) // 2] + ranked[n // 2]) / 2)


def _of_lines(planes: NDArray[np.generic]) -> float:
    """Estimate noise of images too narrow for blocks, by differences along the longer axis."""
    lines = planes if planes.shape[2] >= planes.shape[1] else planes.swapaxes(1, 2)
    bends = np.diff(lines.astype(np.float64), n=2, axis=2)
    return float(np.median(np.abs(bends)) / 0.6745 / math.sqrt(6)) if bends.size else 0.0
