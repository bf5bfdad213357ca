"""Sharp images for a training that a person starts: theirs, or those that come with the package."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..degradation.dead_leaves import DeadLeaves
from ..degradation.structures import Structures

_GRAY = np.array((0.299, 0.587, 0.114), np.float32)
_LEAST = 8
"""Fewer images than this are cut into pieces, so that some can be held out."""
_MOST_PLANES = 64
_PHOTOS = (
    "astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel", "moon", "page",
    "rocket",
)  # fmt: skip

Plane = NDArray[np.float32]


def photos() -> list[Plane]:
    """The sharp photos that scikit-image's wheel holds, gray, ``(Y, X)`` in [0, 1]."""
    from skimage import data

    return [
        planes(getattr(data, name)(), "YXS"[: getattr(data, name)().ndim])[0] for name in _PHOTOS
    ]


def fluorescence(count: int = 24, side_px: int = 256) -> list[Plane]:
    """Generated fluorescent structures; the same at every call."""
    rng = np.random.default_rng(0)
    drawn = (Structures().draw((side_px, side_px), rng) for _ in range(count))
    return [plane / max(1.0, float(plane.max())) for plane in drawn]


def leaves(count: int = 24, side_px: int = 256) -> list[Plane]:
    """Generated scenes with the statistics of photos; the same at every call."""
    rng = np.random.default_rng(0)
    return [DeadLeaves().draw((side_px, side_px), rng) for _ in range(count)]


def planes(image: Any, axes: str) -> list[Plane]:
    """The planes of an image, gray and in [0, 1]; of a long stack some, evenly spaced.

    Integers are divided by the brightest value their kind can hold if they are of 8 bits,
    everything else by the brightest there is.

    Parameters
    ----------
    image : array_like
        numpy, dask or zarr.
    axes : str
        One letter per axis; ``Y`` and ``X`` among them, ``S`` last for colours.

    Raises
    ------
    DeconvError
        If a plane holds NaN or is nowhere above 0.
    """
    lead = [n for axis, n in zip(axes, image.shape, strict=True) if axis not in "YXS"]
    count = math.prod(lead)
    chosen = range(0, count, -(-count // _MOST_PLANES) or 1)
    gray = [_gray(np.asarray(image[np.unravel_index(i, lead) if lead else ()])) for i in chosen]
    top = 255.0 if image.dtype == np.uint8 else max(float(plane.max()) for plane in gray)
    if not np.isfinite(top) or not all(np.isfinite(plane).all() for plane in gray) or top <= 0:
        raise DeconvError("A sharp image holds no usable values.", "Choose another.")
    return [np.clip(plane / top, 0, 1) for plane in gray]


def _gray(plane: NDArray[Any]) -> Plane:
    values = plane.astype(np.float32)
    if values.ndim == 2:
        return values
    return values[..., :3] @ _GRAY if values.shape[-1] >= 3 else values[..., 0]


def write(images: Iterable[Plane], folder: Path, patch_px: int) -> tuple[int, int]:
    """Write sharp images where the trainer finds them, cut into pieces if they are few.

    Parameters
    ----------
    images : iterable of ndarray
        ``(Y, X)`` in [0, 1].
    folder : Path
        Made if missing.
    patch_px : int
        Side of the training patches.

    Returns
    -------
    tuple of int
        How many there are now, and the side of patches that fits them all.

    Raises
    ------
    DeconvError
        If there are none, or too few that are large enough.
    """
    given = list(images)
    if not given:
        raise DeconvError("There are no sharp images.", "Open some, or take the built-in ones.")
    side = min(patch_px, max(min(image.shape) for image in given))
    if side < 32:
        size = "x".join(map(str, max(given, key=lambda x: min(x.shape)).shape))
        raise DeconvError(
            f"The sharp images are too small: the largest is {size}.", "Use 64 pixels at least."
        )
    fitting = [image for image in given if min(image.shape) >= side]
    while len(fitting) < _LEAST:
        largest = max(range(len(fitting)), key=lambda i: fitting[i].size)
        halves = _halves(fitting.pop(largest))
        side = min(side, *(min(half.shape) for half in halves))
        if side < 32:
            raise DeconvError("There are too few sharp images.", "Use more, or larger ones.")
        fitting += halves
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(fitting):
        tifffile.imwrite(folder / f"{number:04d}.tif", np.rint(image * 65535).astype(np.uint16))
    return len(fitting), side


def _halves(image: Plane) -> list[Plane]:
    """Two parts, across the longer side."""
    axis = int(image.shape[1] >= image.shape[0])
    first, second = np.array_split(image, 2, axis)
    return [first, second]
