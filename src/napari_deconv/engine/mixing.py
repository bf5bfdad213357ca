"""Less than the whole of a restoration: a share of the way from the image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.words import shortened
from .intensity import stored


def blended(photo: NDArray[Any], full: NDArray[Any], strength: float) -> NDArray[Any]:
    """A share of the way from an image to its restoration, in the restoration's dtype.

    Parameters
    ----------
    photo, full : ndarray
        Of one shape, and of one dtype unless integers were left behind.
    strength : float
        0 (the image as it is, to the bit) to 1.
    """
    share = strength_in(strength)
    if share in (0.0, 1.0):
        return full if share else photo.astype(full.dtype, copy=False)
    if full.dtype.kind in "iu":
        mixed = photo + np.float32(share) * (full.astype(np.float32) - photo)
        values, _ = stored(mixed, full.dtype)
        return values
    return (photo + full.dtype.type(share) * (full - photo)).astype(full.dtype, copy=False)


def strength_in(value: Any) -> float:
    """A strength, or a `DeconvError` if it is none."""
    try:
        share = float(value)
    except (TypeError, ValueError):
        share = math.nan
    if not 0 <= share <= 1:
        raise DeconvError(
            f"strength = {shortened(value)} is not a share.", "Give 0 (the image) to 1 (full)."
        )
    return share
