"""The grid that a PSF is rendered on: its size, its voxels and the borders of its pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError

Array = NDArray[np.float64]

MAX_VOXELS = 2**27
"""Largest array that is rendered or resampled; 512 MB of float32."""


def check_size(what: str, shape: Sequence[int]) -> None:
    """Raise `DeconvError` for a shape below 1 or beyond `MAX_VOXELS`."""
    if min(shape) < 1:
        raise DeconvError(f"{what}: shape {tuple(shape)} is empty.", "Give sizes of at least 1.")
    if math.prod(shape) > MAX_VOXELS:
        raise DeconvError(
            f"{what}: shape {tuple(shape)} needs {math.prod(shape) * 4 / 1e9:.1f} GB.",
            "Give a smaller shape or a narrower PSF.",
        )


def checked_pixel_size(what: str, sizes: Sequence[float], ndim: int = 0) -> tuple[float, ...]:
    """Voxel sizes as floats, of the last ``ndim`` axes where that is given.

    Raises
    ------
    DeconvError
        Naming ``what``, unless all are positive and there are enough.
    """
    values = tuple(float(s) for s in np.atleast_1d(np.asarray(sizes, dtype=np.float64)))
    if not values or not all(math.isfinite(s) and s > 0 for s in values):
        raise DeconvError(f"{what} = {values} does not fit.", "Give one positive size per axis.")
    if len(values) < ndim:
        raise DeconvError(f"{what} = {values} has too few values.", f"Give {ndim}.")
    return values[-ndim:]


def odd(radius: float) -> int:
    """The odd size that reaches ``radius`` pixels on both sides of its centre."""
    return 2 * max(0, int(np.ceil(radius))) + 1


def rim(radius: float) -> int:
    """The odd size that holds a shape of ``radius`` pixels and an empty pixel on either side.

    The empty rim tells a shape that ends from one that was cut.
    """
    return odd(radius + 0.5 - 1e-9)


def pixel_edges(size: int, step: float = 1.0) -> Array:
    """Borders of the pixels of an axis, ``(size + 1,)``, from the middle of its centre pixel."""
    return np.asarray((np.arange(size + 1) - size // 2 - 0.5) * step, dtype=np.float64)
