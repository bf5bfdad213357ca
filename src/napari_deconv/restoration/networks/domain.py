"""Photo or fluorescence: what an image's intensities tell."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Domain = Literal["photo", "fluorescence"]

_WEIGHTS = (0.468, -1.328, -6.671, -1.867, 1.785, 5.793, 1.364)
"""Of `features`, and a constant; fitted by benchmarks/fit_domain.py."""
_BLOCK_PX = 8
_MANY = 512.0
"""Floats from 8 bits stay below it, even where they were sharpened."""


def features(block: NDArray[Any]) -> NDArray[np.float64]:
    """Measure what tells a few bright structures on darkness from a scene in daylight.

    Parameters
    ----------
    block : ndarray
        Part of an image, ``(S, [Z,] Y, X)``.

    Returns
    -------
    ndarray
        Skewness, held within 5; where the median, and where the 90th percentile lies between the
        1st and the 99.9th percentile; the median over the 99.9th percentile; the log of how little
        happens in the quieter half of all places beside the busiest tenth; the rank correlation of
        how bright places are and how much happens there.
    """
    planes = np.asarray(block, np.float64)
    low, middle, high, top = np.percentile(planes, [1, 50, 90, 99.9])
    skew = np.mean((planes - planes.mean()) ** 3) / max(planes.std() ** 3, 1e-30)
    span = max(top - low, 1e-30)
    size = min(_BLOCK_PX, *planes.shape[-2:])
    rows, columns = (n // size * size for n in planes.shape[-2:])
    cells = planes[..., :rows, :columns].reshape(-1, rows // size, size, columns // size, size)
    bright, lively = cells.mean((2, 4)).ravel(), cells.std((2, 4)).ravel()
    quiet, busy = np.percentile(lively, [50, 90])
    calm = np.log(max(quiet, 1e-3 * span) / max(busy, 1e-3 * span))
    darkness = np.clip(middle / max(abs(top), 1e-30), -1, 1)
    places = (middle - low) / span, (high - low) / span
    return np.array([np.clip(skew, -5, 5), *places, darkness, calm, _agreement(bright, lively)])


def _agreement(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's rank correlation; 0 for fewer than two values."""
    if a.size < 2:
        return 0.0
    ranks = np.stack([np.argsort(np.argsort(each)) for each in (a, b)])
    return float(np.asarray(np.corrcoef(ranks))[0, 1])


def domain_of(block: NDArray[Any], bits: int = 0, most: float = 0.0) -> Domain:
    """Guess what a part of an image shows.

    Colour is a photo, gray of more than 8 bits is from a microscope's camera, and so are numbers
    too large for 8 bits; of other gray images, a few bright structures on much darkness are
    fluorescence. When in doubt, a photo.

    Parameters
    ----------
    block : ndarray
        ``(S, [Z,] Y, X)``, on any scale.
    bits : int
        Of the image's integer type; 0 for floats.
    most : float
        The largest intensity on the image's own scale.
    """
    if len(block) >= 3:
        return "photo"
    if bits > 8 or most >= _MANY:
        return "fluorescence"
    return "fluorescence" if features(block) @ _WEIGHTS[:-1] + _WEIGHTS[-1] > 0 else "photo"
