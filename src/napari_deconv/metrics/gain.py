"""What a method did to the noise, and to the range of the image."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import pair

_BLOCK_PX = 16
_FLATTEST = 0.1


def noise_gain(estimate: ArrayLike, image: ArrayLike) -> float:
    """Factor by which the estimate is noisier than the image, where the image is flattest.

    Both are cut into blocks of 16 x 16 pixels. In the tenth of them that varies least in the image,
    the standard deviation of the estimate is divided by that of the image; the median of both. A
    method that smooths stays below 1; one that sharpens noise goes far beyond.

    Parameters
    ----------
    estimate, image : array_like
        Real, ``(..., Y, X)``, of one shape and scale.

    Returns
    -------
    float
        Without a unit; NaN where no block of the image varies, or none fits into it.

    Raises
    ------
    DeconvError
        If the shapes differ or a value is not a finite real number.
    """
    x, y = pair("estimate", estimate, "image", image, np.float32)
    seen, restored = _spreads(y), _spreads(x)
    # Clipped areas do not vary at all and say nothing of the noise.
    restored, seen = restored[seen > 0], seen[seen > 0]
    if not seen.size:
        return math.nan
    count = max(1, round(_FLATTEST * seen.size))
    flat = np.argpartition(seen, count - 1)[:count]
    return float(np.median(restored[flat]) / np.median(seen[flat]))


def _spreads(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Standard deviation of every whole block."""
    if x.ndim < 2:
        return np.zeros(0)
    rows, columns = (n // _BLOCK_PX for n in x.shape[-2:])
    if not rows * columns:
        return np.zeros(0)
    cut = x[..., : rows * _BLOCK_PX, : columns * _BLOCK_PX]
    blocks = cut.reshape(-1, rows, _BLOCK_PX, columns, _BLOCK_PX)
    spreads: NDArray[np.floating] = blocks.std(axis=(2, 4), dtype=np.float64).ravel()
    return spreads


def out_of_range(estimate: ArrayLike, image: ArrayLike) -> float:
    """Share of pixels that are negative, or that stand at a limit of an integer type.

    Pixels at which the image stands at that limit itself do not count.

    Parameters
    ----------
    estimate, image : array_like
        Of one shape; the estimate in the type it is stored in.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    DeconvError
        If the shapes differ or a value is not a finite real number.
    """
    pair("estimate", estimate, "image", image, np.float32)
    x, y = np.asarray(estimate), np.asarray(image)
    if x.dtype.kind not in "iu":
        return float(np.mean((x < 0) & (y >= 0)))
    limits = np.iinfo(x.dtype)
    out = ((x == limits.min) & (y != limits.min)) | ((x == limits.max) & (y != limits.max))
    return float(np.mean(out))
