"""Arrays from outside, or in words what is wrong with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError


def as_array(what: str, value: Any) -> NDArray[Any]:
    """`numpy.asarray` of what a person calls ``what``, ragged lists refused in words."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        raise DeconvError(f"{what} is no array: {error}.", "Give an array of numbers.") from error


def unit_psf(psf: Any) -> NDArray[np.float64]:
    """A PSF as float64 of unit sum.

    Raises
    ------
    DeconvError
        If it is not 2-D or 3-D, not real, empty, not finite, negative anywhere, or sums to zero.
    """
    array = as_array("The PSF", psf)
    if array.dtype.kind not in "iuf":
        raise DeconvError(
            f"The PSF has dtype {array.dtype}; it must be integer or real.",
            "Give an array of numbers or a PSF such as Disk(radius_px=5).",
        )
    if array.ndim not in (2, 3) or not array.size:
        raise DeconvError(
            f"The PSF has shape {array.shape}.", "Give a 2-D or 3-D array of at least one pixel."
        )
    kernel = array.astype(np.float64)
    if not np.isfinite(kernel).all():
        raise DeconvError("The PSF holds NaN or Inf.", "Replace them, or make the PSF again.")
    if kernel.min() < 0:
        raise DeconvError(
            f"The PSF is negative in places (down to {kernel.min():.3g}).",
            "Repair it: subtract its background and clip it at zero.",
        )
    if not kernel.any():
        raise DeconvError("The PSF sums to zero.", "Give one with some energy.")
    # By the peak first: the sum of very large values is infinite, of very small ones zero.
    kernel /= kernel.max()
    return kernel / kernel.sum()
