"""Two or more results seen together: wiped, subtracted, along a line, in a rectangle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError

_FEW = 2


def wipe(
    out: NDArray[Any], left: NDArray[Any], right: NDArray[Any], cut: int, before: int, axis: int
) -> None:
    """Move the edge of a curtain in ``out`` from column ``before`` to ``cut``; only that changes.

    Parameters
    ----------
    out, left, right : ndarray
        Of one shape; left of the edge ``out`` holds ``left``.
    cut, before : int
        The edge as it shall be and as it is.
    axis : int
        The axis of the columns.
    """
    low, high = sorted((cut, before))
    strip = [slice(None)] * out.ndim
    strip[axis] = slice(low, high)
    source = left if cut > before else right
    out[tuple(strip)] = source[tuple(strip)]


def difference(first: Any, second: Any, colour: bool = False) -> NDArray[np.float32]:
    """``first - second`` in float32.

    Parameters
    ----------
    first, second : array_like
        Of one shape.
    colour : bool
        Whether the last axis holds RGB or RGBA samples; the mean of the colours is taken.

    Raises
    ------
    DeconvError
        If the shapes differ.
    """
    a, b = np.asarray(first), np.asarray(second)
    if a.shape != b.shape:
        raise DeconvError(
            f"Images of shapes {a.shape} and {b.shape} have no difference.",
            "Choose two of one shape.",
        )
    change: NDArray[np.float32] = a.astype(np.float32) - b.astype(np.float32)
    return change[..., :3].mean(axis=-1) if colour else change


def span(maps: Sequence[NDArray[Any]]) -> float:
    """A half range that holds 99.5 % of every map's pixels, for limits symmetric about 0."""
    spans = [float(np.quantile(np.abs(_sampled(each)), 0.995)) for each in maps]
    return max([*spans, 1e-12])


def profile(
    plane: NDArray[Any], start: Sequence[float], end: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values along a line, a pixel apart, interpolated linearly; what lies outside is left out.

    Parameters
    ----------
    plane : ndarray
        ``(Y, X)`` or ``(Y, X, S)``, whose mean over S is taken.
    start, end : sequence of float
        Row and column in pixels.

    Returns
    -------
    tuple of ndarray
        Distance from ``start`` in pixels, and values.

    Raises
    ------
    DeconvError
        If less than two pixels of the line lie in the image.
    """
    from scipy.ndimage import map_coordinates

    first, last = (np.asarray(point, dtype=float)[-2:] for point in (start, end))
    distance = float(np.hypot(*(last - first)))
    along = np.linspace(0, distance, int(np.ceil(distance)) + 1)
    share = along / distance if distance else along
    points = first[:, None] + (last - first)[:, None] * share
    limits = np.array(plane.shape[:2])[:, None] - 0.5
    inside = ((points >= -0.5) & (points <= limits)).all(axis=0)
    if inside.sum() < _FEW:
        raise DeconvError("The line lies outside the image.", "Drag it across the image.")
    grey = plane.mean(axis=-1) if plane.ndim == 3 else plane
    values = map_coordinates(grey.astype(float), points[:, inside], order=1, mode="nearest")
    return along[inside], values


def rectangle(
    corners: NDArray[Any], shape: Sequence[int]
) -> tuple[tuple[slice, slice], tuple[float, float, float, float]]:
    """A drawn rectangle as an index of the image's rows and columns, and as top to right.

    Parameters
    ----------
    corners : ndarray
        ``(N, 2 or more)``: row and column last, in pixels.
    shape : sequence of int
        Rows and columns of the image.

    Raises
    ------
    DeconvError
        If nothing of it lies in the image.
    """
    low = np.floor(np.min(corners, axis=0)[-2:] + 0.5).astype(int)
    high = np.ceil(np.max(corners, axis=0)[-2:] + 0.5).astype(int)
    top, left = np.clip(low, 0, shape)
    bottom, right = np.clip(high, 0, shape)
    if bottom - top < _FEW or right - left < _FEW:
        raise DeconvError(
            "The rectangle holds nothing of the image.", "Drag one over a part of the image."
        )
    window = (slice(int(top), int(bottom)), slice(int(left), int(right)))
    return window, (float(top), float(left), float(bottom), float(right))


def plane_of(array: Any, axes: str, at: Sequence[int]) -> NDArray[Any]:
    """The plane ``(Y, X)`` or ``(Y, X, S)`` of an array at a position on its other axes.

    Parameters
    ----------
    array : array_like
        Any array.
    axes : str
        One letter per axis.
    at : sequence of int
        Index per axis; only those of axes other than Y, X and S count, bounded by the array.
    """
    index = tuple(
        slice(None) if letter in "YXS" else int(np.clip(at[i], 0, array.shape[i] - 1))
        for i, letter in enumerate(axes)
    )
    return np.asarray(array[index])


def unit(plane: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    """Intensities between two limits as 0 to 1."""
    reach = high - low if high > low else 1.0
    values: NDArray[np.float32] = np.clip((plane.astype(np.float32) - low) / reach, 0, 1)
    return values


def limits(array: Any) -> tuple[float, float]:
    """Limits for showing an image: its type's range for 8 bits, otherwise what 99.9 % need."""
    if np.dtype(array.dtype) == np.uint8:
        return 0.0, 255.0
    low, high = np.quantile(_sampled(np.asarray(array)), (0.001, 0.999))
    return float(low), float(high if high > low else low + 1)


def _sampled(array: NDArray[Any]) -> NDArray[Any]:
    """Every so many-th pixel of an image, some hundred thousand at most."""
    step = max(1, int((array.size / 3e5) ** (1 / max(1, array.ndim))))
    return array[(slice(None, None, step),) * array.ndim]
