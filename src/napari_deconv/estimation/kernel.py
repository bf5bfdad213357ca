"""What a kernel of camera shake must be: free of specks, centred, on the grid of its scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def cleaned(kernel: Array, floor: float = 0.05, least: float = 0.1) -> Array:
    """Remove what is below ``floor`` of the peak or in islands below ``least``; unit sum.

    Parameters
    ----------
    kernel : ndarray
        2-D.
    floor : float
        Share of the peak.
    least : float
        Share of the energy that an island of connected pixels must hold.
    """
    from scipy.ndimage import label

    k = np.where(kernel < floor * kernel.max(), 0.0, kernel)
    if not k.sum() > 0:
        return delta(len(kernel))
    k /= k.sum()
    islands, count = label(k > 0, np.ones((3, 3)))
    shares = np.bincount(islands.ravel(), k.ravel(), count + 1)
    largest = shares[1:].max()
    k[(shares < min(least, largest))[islands]] = 0
    return np.asarray(k / k.sum())


def centred(kernel: Array) -> Array:
    """Moved by whole pixels so that its centre of mass lies on the central one."""
    out = np.zeros_like(kernel)
    half = np.array(kernel.shape) // 2
    shift = np.rint(half - centre(kernel)).astype(int)
    source = np.argwhere(kernel > 0)
    target = source + shift
    fits = ((target >= 0) & (target < kernel.shape)).all(1)
    out[tuple(target[fits].T)] = kernel[tuple(source[fits].T)]
    return np.asarray(out / out.sum())


def centre(kernel: Array) -> Array:
    """Centre of mass in pixels, ``(y, x)``."""
    y, x = np.indices(kernel.shape)
    return np.array([(kernel * y).sum(), (kernel * x).sum()]) / kernel.sum()


def resized(kernel: Array, size: int, ratio: float) -> Array:
    """Resample on a grid finer by ``ratio``, ``size`` pixels a side, centred at ``size // 2``."""
    from scipy.ndimage import affine_transform

    offset = np.array(kernel.shape) // 2 - (size // 2) / ratio
    k = affine_transform(
        kernel, np.array([1 / ratio] * 2), offset, (size, size), order=1, mode="constant"
    ).clip(0)
    return np.asarray(k / k.sum()) if k.sum() > 0 else delta(size)


def delta(size: int) -> Array:
    """A kernel of one bright pixel: no blur."""
    k = np.zeros((size, size))
    k[size // 2, size // 2] = 1
    return k


def reach(kernel: Array) -> int:
    """Pixels from the centre to the farthest that is not 0, along an axis."""
    at = np.argwhere(kernel > 0) - np.array(kernel.shape) // 2
    return int(np.abs(at).max(initial=0))


def trimmed(kernel: Array, least: float = 0.99, ratio: float = 1.5) -> Array:
    """Cut to the square that holds ``least`` of it, where its array is larger by ``ratio``."""
    half = len(kernel) // 2
    for reach in range(1, int(half / ratio) + 1):
        inner = kernel[half - reach : half + reach + 1, half - reach : half + reach + 1]
        if inner.sum() >= least * kernel.sum():
            return centred(np.pad(inner / inner.sum(), 1))
    return kernel


def likeness(kernel: Array, other: Array) -> float:
    """Correlation of two kernels at the best shift: 1 for equal ones, 0 without anything shared."""
    from scipy.signal import fftconvolve

    cross = fftconvolve(kernel, other[::-1, ::-1])
    return float(cross.max() / np.sqrt(np.square(kernel).sum() * np.square(other).sum()))
