"""A part of the photo restored with a kernel: what that leaves, and what it looks like."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.progress import Step
from ..engine.streaming import stream
from ..metrics import residual, whiteness
from ..restoration.base import Method, methods
from .plane import Plane

_WINDOW_PX = 256
_EXPONENT = 2 / 3
_OUTSIDE = 0.05
"""Part of the photo's range that edges may overshoot it by."""


@dataclass(frozen=True)
class Restored:
    """What the hyper-Laplacian makes of a part of a photo; NaN where it could not be restored.

    Parameters
    ----------
    misfit : float
        Root mean square of what blurring it again leaves, in units of the noise.
    white : float
        Whiteness of that (`metrics.whiteness`).
    rough : float
        Mean of the differences between neighbours to the power of 2/3: few for a sharp photo, many
        for ringing.
    outside : float
        Share of the pixels that are darker or brighter than the photo can be.
    """

    misfit: float
    white: float
    rough: float
    outside: float


def restored(plane: Plane, psf: NDArray[np.floating]) -> Generator[Step, None, Restored]:
    """Restore the middle of a plane with a kernel, and look at it.

    Parameters
    ----------
    plane : Plane
        The photo.
    psf : ndarray
        2-D, unit sum.

    Yields
    ------
    Step
        Of the restoration.
    """
    methods()
    part, kernel = middle(plane), psf.astype(np.float32)
    try:
        result = yield from stream(
            Method.make("hyper-laplacian"), part, kernel, noise=plane.noise, device="cpu"
        )
        left = residual(result.data, part, kernel)
    except DeconvError:
        return Restored(math.nan, math.nan, math.nan, math.nan)
    rim = [min(n // 2, side // 4) for n, side in zip(psf.shape, part.shape, strict=True)]
    x = result.data[tuple(slice(r, n - r) for r, n in zip(rim, part.shape, strict=True))]
    steps = [np.abs(np.diff(x, axis=axis)) ** _EXPONENT for axis in (0, 1)]
    return Restored(
        misfit=float(np.sqrt(np.mean(np.square(left)))) / plane.noise,
        white=whiteness(left),
        rough=float(np.mean([step.mean() for step in steps])),
        outside=float(np.mean((x < -_OUTSIDE) | (x > 1 + _OUTSIDE))),
    )


def middle(plane: Plane, side: int = _WINDOW_PX) -> NDArray[np.float32]:
    """The part of the plane with the most variance, at most ``side`` wide, the least clipped."""
    return plane.gray[window(plane, side)]


def window(plane: Plane, side: int) -> tuple[slice, slice]:
    """Where `middle` lies."""
    rows, columns = (min(n, side) for n in plane.gray.shape)
    places = [
        (slice(y, y + rows), slice(x, x + columns))
        for y in _spread(plane.gray.shape[0] - rows)
        for x in _spread(plane.gray.shape[1] - columns)
    ]
    return max(places, key=lambda p: plane.gray[p].std() * float(plane.good[p].mean()) ** 8)


def _spread(room: int) -> list[int]:
    return sorted({0, room // 2, room})
