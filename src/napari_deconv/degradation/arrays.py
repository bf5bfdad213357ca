"""What comes in from outside: images, checked, to the unit scale and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..engine.incoming import as_array
from ..engine.intensity import check_dtype, check_finite, stored

Array = NDArray[np.float64]


def checked_image(image: Any) -> NDArray[Any]:
    """The image as a numpy array, of any real dtype.

    Raises
    ------
    DeconvError
        If it is bool, complex or no numbers at all, empty, or holds NaN or Inf.
    """
    pixels = as_array("The image", image)
    check_dtype(pixels.dtype)
    if not pixels.size:
        raise DeconvError(f"The image is empty: its shape is {pixels.shape}.", "Give pixels.")
    check_finite(pixels)
    return pixels


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
    return stored(block * full_scale(dtype), dtype)[0]
