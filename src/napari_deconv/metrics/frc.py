"""Fourier ring correlation: up to which frequency two images of one scene agree."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import DeconvError
from .arrays import pair, real

_LEAST_PX = 16
_SEVENTH = 1 / 7
_CALIBRATION = (0.95988146, 0.97979108, 13.90441896, 0.55146136)
"""a, b, c, d of ``a exp(c (x - b)) + d`` with x in units of the halves' Nyquist frequency."""


class RingCorrelation(NamedTuple):
    """A curve of Fourier ring correlation over frequency.

    Parameters
    ----------
    frequency : ndarray
        Lower edge of each ring in cycles per pixel of the images that were correlated.
    correlation : ndarray
        In [-1, 1].
    halves : bool
        Whether these were the halves of one image, whose pixels are twice as large.
    """

    frequency: NDArray[np.float64]
    correlation: NDArray[np.float64]
    halves: bool


def frc(first: ArrayLike, second: ArrayLike | None = None) -> RingCorrelation:
    """Fourier ring correlation of two images, or of the checkerboard halves of one.

    ``sum F1 conj(F2) / sqrt(sum |F1|^2 sum |F2|^2)`` over the rings ``floor(r) = k`` (M. van Heel,
    Similarity measures between images, Ultramicroscopy 21:95, 1987), of the images under a Hamming
    window. One image is split into the pixels with both indices even and both odd, and into
    even-odd and odd-even ones; the curve is the mean of both pairs' (Koho et al., Fourier ring
    correlation simplifies image restoration in fluorescence microscopy, Nat. Commun. 10:3103,
    2019). Frames that are not square are cut to the square in their middle; planes of a stack
    share the rings' sums.

    Parameters
    ----------
    first, second : array_like
        Real, ``(..., Y, X)``, of one shape. Two should differ by their noise alone.

    Returns
    -------
    RingCorrelation
        Half as many rings as the correlated images have pixels across.

    Raises
    ------
    DeconvError
        If shapes differ, a value is not a finite real number, or too few pixels are left.
    """
    if second is not None:
        x, y = pair("first", first, "second", second)
        return _curve([(_square(x), _square(y))], halves=False)
    x = _square(real("image", first))
    x = x * _window(x.shape[-1])  # of the whole: the halves then see one and the same window
    x = x[..., : x.shape[-2] // 2 * 2, : x.shape[-1] // 2 * 2]
    even, odd = slice(0, None, 2), slice(1, None, 2)
    quarter = {(i, j): x[..., a, b] for i, a in enumerate((even, odd)) for j, b in
               enumerate((even, odd))}  # fmt: skip
    pairs = [(quarter[1, 1], quarter[0, 0]), (quarter[1, 0], quarter[0, 1])]
    return _curve(pairs, halves=True)


def frc_resolution(curve: RingCorrelation, threshold: float = _SEVENTH) -> float:
    """Period of the frequency at which a curve falls below a threshold for good.

    Of halves of one image it is calibrated as Koho et al. (2019) do, by an exponential in the
    frequency of the crossing.

    Parameters
    ----------
    curve : RingCorrelation
        From `frc`.
    threshold : float
        1/7 by default (Rosenthal & Henderson, J. Mol. Biol. 333:721, 2003).

    Returns
    -------
    float
        In pixels of the whole image. NaN if the curve stays above the threshold (the sampling is
        what limits) or lies below it from the beginning.
    """
    smooth = np.convolve(np.pad(curve.correlation, 1, "edge"), np.full(3, 1 / 3), "valid")
    below = np.nonzero(smooth < threshold)[0]
    if not len(below) or below[0] == 0:
        return math.nan
    at = int(below[0])
    high, low = smooth[at - 1], smooth[at]
    share = (high - threshold) / (high - low) if high > low else 0.0
    step = curve.frequency[1] - curve.frequency[0]
    frequency = float(curve.frequency[at - 1] + share * step)
    if frequency <= 0:
        return math.nan
    if not curve.halves:
        return 1 / frequency
    x = 2 * frequency
    a, b, c, d = _CALIBRATION
    return 2 / (x * (a * math.exp(c * (x - b)) + d))


def _square(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The middle square of every plane, stacks as ``(N, side, side)``."""
    if x.ndim < 2 or min(x.shape[-2:]) < _LEAST_PX:
        raise DeconvError(
            f"FRC: shape {x.shape} leaves too few pixels.", f"Give at least {_LEAST_PX} x "
            f"{_LEAST_PX}."
        )  # fmt: skip
    side = min(x.shape[-2:])
    top, left = ((n - side) // 2 for n in x.shape[-2:])
    return x[..., top : top + side, left : left + side].reshape(-1, side, side)


def _window(side: int) -> NDArray[np.float64]:
    window: NDArray[np.float64] = np.outer(np.hamming(side), np.hamming(side))
    return window


def _curve(
    pairs: list[tuple[NDArray[np.float64], NDArray[np.float64]]], halves: bool
) -> RingCorrelation:
    side = pairs[0][0].shape[-1]
    window = 1.0 if halves else _window(side)
    curves = [_rings(a * window, b * window) for a, b in pairs]
    return RingCorrelation(np.arange(side // 2) / side, np.mean(curves, axis=0), halves)


def _rings(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.fft import rfft2

    side = a.shape[-1]
    ring, twice = _layout(side)
    sums = np.zeros((3, ring.max() + 1))
    for x, y in zip(a, b, strict=True):
        f, g = rfft2(x), rfft2(y)
        cross = f.real * g.real + f.imag * g.imag
        own = (f.real**2 + f.imag**2, g.real**2 + g.imag**2)
        for total, power in zip(sums, (cross, *own), strict=True):
            total += np.bincount(ring, (power * twice).ravel(), len(total))
    cross, first, second = sums[:, : side // 2]
    scale = np.sqrt(first * second)
    return np.divide(cross, scale, out=np.zeros_like(cross), where=scale > 0)


@lru_cache(maxsize=4)
def _layout(side: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Ring of every place of the half spectrum, and how often a column counts."""
    across = np.arange(side // 2 + 1)
    down = np.minimum(np.arange(side), side - np.arange(side))
    # All columns but the first (and the last of an even side) stand for two.
    twice = np.full(len(across), 2.0)
    twice[0] = 1
    twice[-1] = 1 if side % 2 == 0 else 2
    return np.hypot(down[:, None], across).astype(np.intp).ravel(), twice
