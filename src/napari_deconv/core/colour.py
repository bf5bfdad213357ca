"""sRGB and linear light."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def srgb_to_linear(values: NDArray[Any]) -> NDArray[np.float32]:
    """Linear light of sRGB values, IEC 61966-2-1, the exact piecewise curve.

    Parameters
    ----------
    values : ndarray
        sRGB values, 0 is black and 1 is white. Values below 0 are mirrored, values above 1 go on
        along the curve, so that `linear_to_srgb` is the inverse everywhere.

    Returns
    -------
    ndarray
        float32 of the same shape, on the same unit scale.
    """
    v = np.asarray(values, dtype=np.float32)
    size = np.abs(v)
    linear = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    return np.copysign(linear, v).astype(np.float32, copy=False)


def linear_to_srgb(values: NDArray[Any]) -> NDArray[np.float32]:
    """Values of sRGB for linear light; the inverse of `srgb_to_linear`.

    Parameters
    ----------
    values : ndarray
        Linear light, 0 is black and 1 is white.

    Returns
    -------
    ndarray
        float32 of the same shape, on the same unit scale.
    """
    v = np.asarray(values, dtype=np.float32)
    size = np.abs(v)
    coded = np.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055)
    return np.copysign(coded, v).astype(np.float32, copy=False)
