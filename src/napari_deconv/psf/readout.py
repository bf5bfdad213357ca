"""A PSF in one line of words, for the panel and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grid import checked_pixel_size

_FAINT = 0.05
"""Part of the peak from which on light counts for the extent."""


def describe(
    array: NDArray[Any],
    pixel_size: Sequence[float] | None = None,
    unit: str = "",
    *,
    path: bool = False,
) -> str:
    """Size and width of a PSF, such as ``15 x 15 px, FWHM 14.0 x 14.0 px``; its sum if not 1.

    Parameters
    ----------
    array : ndarray
        The PSF, 2-D or 3-D.
    pixel_size : sequence of float, optional
        Voxel size per axis; the width is then also given in physical units.
    unit : str, optional
        Name of that unit.
    path : bool, optional
        Whether it is the path of a shake or motion: then it has an extent, of all that is
        brighter than a twentieth of the peak, and no width.

    Returns
    -------
    str
        One line.

    Raises
    ------
    DeconvError
        If a pixel size is not positive or has too few values.
    """
    widths = _extent(array) if path else fwhm(array)
    digits, word = (0, "extent") if path else (1, "FWHM")
    size = " x ".join(str(n) for n in array.shape)
    words = [f"{size} px", f"{word} {' x '.join(f'{w:.{digits}f}' for w in widths)} px"]
    if pixel_size is not None:
        sizes = checked_pixel_size("pixel_size", pixel_size, array.ndim)
        physical = " x ".join(f"{w * s:.3g}" for w, s in zip(widths, sizes, strict=True))
        words[1] += f" = {physical} {unit}".rstrip()
    peak = float(np.max(array)) or 1.0
    total = peak * float(np.sum(array / peak, dtype=np.float64))  # huge values sum to infinity
    shown = f"{total:.3f}" if abs(total) < 1e5 else f"{total:.3g}"
    return ", ".join([*words, *([] if shown == "1.000" else [f"sum {shown}"])])


def _extent(array: NDArray[Any]) -> tuple[float, ...]:
    """Sides of the box around all that is not faint, in pixels."""
    bright = np.argwhere(array >= _FAINT * np.max(array))
    return tuple(float(n) for n in np.ptp(bright, axis=0) + 1)


def fwhm(array: NDArray[Any]) -> tuple[float, ...]:
    """Full width at half maximum per axis, in pixels.

    It is the extent, along each axis, of all that is brighter than half of the peak; for a
    Gaussian the usual FWHM, for a line or a disk its length.

    Parameters
    ----------
    array : ndarray
        The PSF.

    Returns
    -------
    tuple of float
        One width per axis; NaN where there is no finite positive peak.
    """
    values = np.asarray(array, dtype=np.float64)
    axes = range(values.ndim)
    return tuple(_width(values.max(axis=tuple(a for a in axes if a != axis))) for axis in axes)


def _width(profile: NDArray[np.float64]) -> float:
    """Distance between the outermost half-maximum crossings, interpolated linearly."""
    half = profile.max() / 2
    if not (np.isfinite(half) and half > 0):
        return float("nan")
    padded = np.concatenate([[0.0], profile, [0.0]])
    above = np.flatnonzero(padded >= half)
    first, last = above[0], above[-1]
    start = first - (padded[first] - half) / (padded[first] - padded[first - 1])
    stop = last + (padded[last] - half) / (padded[last] - padded[last + 1])
    return float(stop - start)
