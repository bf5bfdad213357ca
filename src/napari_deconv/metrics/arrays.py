"""What the measures are given, checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import DeconvError


def channels(array: NDArray[np.float64], channel_axis: int | None) -> Iterator[NDArray[np.float64]]:
    """The array, or its entries along the axis of colour channels."""
    if channel_axis is None:
        return iter([array])
    if not -array.ndim <= channel_axis < array.ndim:
        raise DeconvError(
            f"channel_axis = {channel_axis} is not an axis of shape {array.shape}.",
            f"Use {-array.ndim} to {array.ndim - 1}.",
        )
    return iter(np.moveaxis(array, channel_axis, 0))


def pair(
    name: str, first: ArrayLike, other: str, second: ArrayLike, least: Any = np.float64
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Check two images and return both as finite floats of one dtype, at least ``least``."""
    a, b = np.asarray(first), np.asarray(second)
    if a.shape != b.shape:
        raise DeconvError(
            f"{name} has shape {a.shape} but {other} has {b.shape}.", "Give arrays of one shape."
        )
    dtype = np.result_type(a.dtype, b.dtype, least) if a.dtype.kind in "biuf" else least
    return real(name, a, dtype), real(other, b, dtype)


def real(name: str, array: ArrayLike, dtype: Any = np.float64) -> NDArray[Any]:
    """Check an image that a person calls ``name``, and return it as finite floats."""
    values = np.asarray(array)
    if values.dtype.kind not in "biuf" or values.size == 0:
        raise DeconvError(
            f"{name} of shape {values.shape} and type {values.dtype} cannot be measured.",
            "Give a real array that is not empty.",
        )
    values = values.astype(dtype, copy=False)
    if not np.isfinite(values).all():
        raise DeconvError(f"{name} holds NaN or infinite values.", "Replace them first.")
    return values
