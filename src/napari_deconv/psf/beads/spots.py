"""Spots of light in a stack: found, cut out, fitted, and moved onto a pixel's middle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..grid import Array

FWHM_PER_SIGMA = 2 * math.sqrt(2 * math.log(2))

_SEEN = 6.0
"""Spots this many standard deviations of the noise above the background are looked at."""
_SMOOTH_PX = 1.0
_WINDOW = 1.2
"""Half a fit's window, in widths at half maximum."""


@dataclass(frozen=True)
class Fit:
    """A Gaussian with its axes along the array's, fitted to a spot.

    Parameters
    ----------
    place : tuple of float
        Its middle, in pixels of the stack.
    fwhm_px : tuple of float
        Full widths at half maximum.
    height, floor : float
        What it rises above the floor, and the floor.
    error_px : tuple of float
        Standard errors of the widths, as the residuals tell them: whatever the camera's gain, and
        though noise grows with light (J. G. MacKinnon and H. White, Some
        heteroskedasticity-consistent covariance matrix estimators, 1985; their HC3).
    """

    place: tuple[float, ...]
    fwhm_px: tuple[float, ...]
    height: float
    floor: float
    error_px: tuple[float, ...]


def level_and_noise(stack: Array) -> tuple[float, float]:
    """Background and its standard deviation, robust against the spots."""
    part = stack.ravel()[:: max(1, stack.size // 1_000_000)]
    level = float(np.median(part))
    below = part[part <= level]
    return level, 1.4826 * float(np.median(level - below)) or 1e-9 * float(np.ptp(stack))


def find(stack: Array) -> NDArray[np.intp]:
    """Pixels of the local maxima that stand out, brightest first, ``(N, ndim)``."""
    from scipy.ndimage import gaussian_filter, maximum_filter

    smooth = gaussian_filter(stack, _SMOOTH_PX)
    level, noise = level_and_noise(smooth)
    peaks = (smooth == maximum_filter(smooth, 5)) & (smooth > level + _SEEN * noise)
    places = np.argwhere(peaks)
    return places[np.argsort(-smooth[tuple(places.T)], kind="stable")]


def without_ripples(
    heights: Array, spots: NDArray[np.intp], extent: tuple[int, ...], faint: float
) -> NDArray[np.intp]:
    """Spots, brightest first, without those that are rings or ripples of a brighter one.

    Those stand within its ``extent``, less than ``faint`` times as high.
    """
    kept: list[int] = []
    for i, spot in enumerate(spots):
        apart = np.abs(spots[kept] - spot)
        over = (apart <= np.array(extent) / 2).all(axis=1) & (heights[i] < faint * heights[kept])
        if not over.any():
            kept.append(i)
    return spots[kept]


def snapped(stack: Array, points: Array, reach_px: int = 4) -> NDArray[np.intp]:
    """The brightest pixel near each point that a person set, ``(N, ndim)``."""
    from scipy.ndimage import gaussian_filter

    smooth, places = gaussian_filter(stack, _SMOOTH_PX), []
    for point in np.rint(points).astype(int):
        at = np.clip(point, 0, np.array(stack.shape) - 1)
        low = np.maximum(at - reach_px, 0)
        part = smooth[tuple(slice(a, b + reach_px + 1) for a, b in zip(low, at, strict=True))]
        places.append(low + np.unravel_index(int(part.argmax()), part.shape))
    return np.array(places, dtype=np.intp).reshape(-1, stack.ndim)


def rough_width(stack: Array, place: NDArray[np.intp], level: float) -> tuple[float, ...]:
    """Width at half maximum of a spot along each axis through its brightest pixel, in pixels."""
    widths = []
    for axis in range(stack.ndim):
        line = stack[tuple(slice(None) if a == axis else place[a] for a in range(stack.ndim))]
        below = np.flatnonzero(line - level < (line[place[axis]] - level) / 2)
        before, after = below[below < place[axis]], below[below > place[axis]]
        reach = [place[axis] - before[-1]] if len(before) else []
        reach += [after[0] - place[axis]] if len(after) else []
        widths.append(2.0 * float(min(reach)) - 1 if reach else float(len(line)))
    return tuple(max(1.5, w) for w in widths)


def fitted(stack: Array, place: NDArray[np.intp], width: tuple[float, ...]) -> Fit | None:
    """Least squares around a spot; None where nothing fits."""
    from scipy.optimize import least_squares

    half = [max(2, math.ceil(_WINDOW * w)) for w in width]
    low = [max(0, int(p) - h) for p, h in zip(place, half, strict=True)]
    window = tuple(
        slice(a, min(m, int(p) + h + 1))
        for a, p, h, m in zip(low, place, half, stack.shape, strict=True)
    )
    part, n = stack[window], stack.ndim
    grids = np.ogrid[window]
    floor = float(np.percentile(part, 10))
    height = float(part.max()) - floor
    if not height > 0:
        return None

    def off(values: Array) -> Array:
        model = values[0]
        for grid, middle, sigma in zip(grids, values[2 : 2 + n], values[2 + n :], strict=True):
            model = model * np.exp(-0.5 * ((grid - middle) / sigma) ** 2)
        return np.asarray((model + values[1] - (part - floor) / height).ravel())

    sigmas = [w / FWHM_PER_SIGMA for w in width]
    start = np.array([1.0, 0.0, *map(float, place), *sigmas])
    solution = least_squares(off, start, max_nfev=50)
    middle, sigma = solution.x[2 : 2 + n], np.abs(solution.x[2 + n :])
    lost = np.abs(middle - place) > np.array(half)
    if lost.any() or not solution.x[0] > 0 or not np.isfinite(solution.x).all():
        return None
    return Fit(
        tuple(map(float, middle)),
        tuple(float(s * FWHM_PER_SIGMA) for s in sigma),
        float(solution.x[0] * height),
        float(floor + solution.x[1] * height),
        tuple(float(e * FWHM_PER_SIGMA) for e in _errors(solution.jac, solution.fun)[2 + n :]),
    )


def _errors(jacobian: Array, residuals: Array) -> Array:
    """Standard errors of the parameters of a least-squares fit."""
    inverse = np.linalg.pinv(jacobian.T @ jacobian)
    leverage = np.einsum("ij,jk,ik->i", jacobian, inverse, jacobian).clip(max=0.99)
    weighted = jacobian * (residuals / (1 - leverage))[:, None]
    return np.sqrt(np.diag(inverse @ (weighted.T @ weighted) @ inverse).clip(0))


def cut(stack: Array, place: tuple[float, ...], size: tuple[int, ...]) -> Array | None:
    """The spot on an array of odd ``size``, its middle on the middle pixel; None at a border.

    Moved by a spline of fifth order, which keeps the detail of what is sampled well.
    """
    from scipy.ndimage import shift

    spare = 3  # what is moved in from outside
    whole = [round(p) for p in place]
    low = [w - n // 2 for w, n in zip(whole, size, strict=True)]
    if any(a < 0 or a + n > m for a, n, m in zip(low, size, stack.shape, strict=True)):
        return None
    window = tuple(slice(max(0, a - spare), a + n + spare) for a, n in zip(low, size, strict=True))
    moved = shift(
        stack[window], [w - p for w, p in zip(whole, place, strict=True)], order=5, mode="nearest"
    )
    inner = tuple(
        slice(a - s.start, a - s.start + n) for a, s, n in zip(low, window, size, strict=True)
    )
    return np.asarray(moved[inner])


def frame(array: Array) -> Array:
    """The pixels on the border of every plane."""
    rim = np.ones(array.shape[-2:], dtype=bool)
    rim[1:-1, 1:-1] = False
    return np.asarray(array[..., rim])
