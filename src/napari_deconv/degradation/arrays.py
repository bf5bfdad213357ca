"""What comes in from outside: images and PSFs, checked, to the unit scale and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.intensity import check_finite
from ..psf.base import PSF

Array = NDArray[np.float64]


def checked_image(image: Any) -> NDArray[Any]:
    """The image as a numpy array, of any real dtype.

    Raises
    ------
    DeconvError
        If it is bool, complex or no numbers at all, empty, or holds NaN or Inf.
    """
    pixels = np.asarray(image)
    if pixels.dtype.kind not in "iuf":
        raise DeconvError(
            f"The image has dtype {pixels.dtype}; it must be integer or real.",
            "Convert it to float32." if pixels.dtype.kind in "bc" else "Give numbers.",
        )
    if not pixels.size:
        raise DeconvError(f"The image is empty: its shape is {pixels.shape}.", "Give pixels.")
    check_finite(pixels)
    return pixels


def checked_psf(psf: Any) -> Array:
    """The PSF, rendered if it is a `PSF`, as float64 of unit sum.

    Raises
    ------
    DeconvError
        If it is not 2-D or 3-D, not real, empty, not finite, negative anywhere, or sums to zero.
    """
    array = np.asarray(psf() if isinstance(psf, PSF) else psf)
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
        raise DeconvError("The PSF holds NaN or Inf.", "Measure or render it again.")
    if kernel.min() < 0:
        raise DeconvError(
            f"The PSF is negative in places (its minimum is {kernel.min():g}).",
            "Subtract its background and clip it at zero.",
        )
    total = kernel.sum()
    if not 0 < total < np.inf:
        raise DeconvError(f"The PSF sums to {total:g}.", "Give one with a positive finite sum.")
    return np.asarray(kernel / total)


def full_scale(dtype: np.dtype[Any]) -> float:
    """The intensity that is 1 on the unit scale: an integer type's maximum, 1 for floats."""
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0


def from_unit(block: Array, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A block on the unit scale as ``dtype``: integers are rounded and held in their range.

    Raises
    ------
    DeconvError
        If a value is too large for a float type.
    """
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            out = block.astype(dtype)
        if not np.isfinite(out).all():
            raise DeconvError(
                f"The result reaches {np.abs(block).max():g}, too large for {dtype}.",
                "Lower the gain, or convert the image to float64.",
            )
        return out
    limits = np.iinfo(dtype)
    high = float(limits.max)
    if int(high) > limits.max:  # The limit of a 64-bit type is no float64 number.
        high = float(np.nextafter(high, 0))
    return np.clip(np.rint(block * full_scale(dtype)), float(limits.min), high).astype(dtype)
