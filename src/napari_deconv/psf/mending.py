"""Measures of a PSF array and the operations that mend it; `preflight` decides when."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .grid import Array, check_size, odd, pixel_edges

_STILL_PX = 0.02
"""Shifts below this are not worth an interpolation."""


def centre_of_mass(psf: Array) -> tuple[float, ...]:
    """Mean position per axis, in pixel indices, of what rises above zero and the background."""
    risen = without_background(psf.clip(0))
    profiles = [marginal(risen, axis) for axis in range(psf.ndim)]
    return tuple(float(p @ np.arange(len(p)) / p.sum()) for p in profiles)


def marginal(psf: Array, axis: int) -> Array:
    """Sum over all other axes."""
    return np.asarray(psf.sum(axis=tuple(a for a in range(psf.ndim) if a != axis)))


def cut_energy(psf: Array, room: Sequence[int] = ()) -> float:
    """Energy estimated to lie beyond the border, relative to what lies inside.

    Each side's marginal profile is continued with the ratio of its last two values, falling at
    the rate at which that ratio falls itself: exact for a Gaussian, nearly nothing for a profile
    that ends within its last pixel. A background does not count, nor do axes that are longer than
    the image's, whose shape is ``room``.
    """
    total = 0.0
    risen = without_background(psf.clip(0))
    for axis in range(psf.ndim):
        profile = marginal(risen, axis)
        if len(profile) >= 3 and not _outgrows(psf, axis, room):
            total += _beyond(profile[:3]) + _beyond(profile[::-1][:3])
    return total / float(risen.sum())


def _outgrows(psf: Array, axis: int, room: Sequence[int]) -> bool:
    """Whether the PSF is longer than the image along an axis."""
    return bool(room) and psf.shape[axis] > room[axis]


def _beyond(profile: Array) -> float:
    """Sum of the continuation of ``profile`` before its first value."""
    last, before, earlier = (float(v) for v in profile)
    if last <= 0:
        return 0.0
    ratio = min(last / before, 1.0) if before > 0 else 1.0
    slope = ratio * earlier / before if before > 0 and earlier > 0 else 1.0
    beyond = 0.0
    for _ in range(64):
        ratio = min(ratio * min(slope, 1.0), 0.98)
        last *= ratio
        beyond += last
    return beyond


def background(psf: Array) -> float:
    """Level the PSF stands on: the border's median, if the next shell has about the same."""
    if min(psf.shape) < 7:
        return 0.0
    outer, inner = (float(np.median(_shell(psf, depth))) for depth in (0, 1))
    level = 1e-3 * psf.max() < outer < 0.2 * psf.max()
    return outer if level and 0.9 * inner < outer < 1.1 * inner else 0.0


def without_background(psf: Array) -> Array:
    """The PSF less its background; what then is within its noise becomes 0.

    Otherwise the positive half of the noise would stay as a haze over the whole array, with more
    energy than the PSF's own tails.
    """
    level = background(psf)
    if not level:
        return psf
    noise = 1.4826 * np.median(np.abs(_shell(psf, 0) - level))
    return np.where(psf - level > 3 * noise, psf - level, 0.0)


def _shell(psf: Array, depth: int) -> Array:
    """Values of the pixels ``depth`` from the border."""
    shell = np.zeros(psf.shape, dtype=bool)
    shell[tuple(slice(depth, n - depth) for n in psf.shape)] = True
    shell[tuple(slice(depth + 1, n - depth - 1) for n in psf.shape)] = False
    return psf[shell]


def recentre(psf: Array) -> Array:
    """Pad to odd sizes and move the centre of mass to the middle, where it is off or undefined.

    Axes of odd size whose centre is within half a pixel stay as they are.
    """
    for axis, (place, n) in enumerate(zip(centre_of_mass(psf), psf.shape, strict=True)):
        if n % 2 == 0 or abs(place - n // 2) > 0.5:
            psf = _recentre_axis(psf, axis, place)
    return psf


def _recentre_axis(psf: Array, axis: int, place: float) -> Array:
    n = psf.shape[axis]
    nearest = round(place)
    fraction = place - nearest
    moves = abs(fraction) > _STILL_PX
    half = max(nearest, n - 1 - nearest) + moves
    width = [(0, 0)] * psf.ndim
    width[axis] = (half - nearest, half - (n - 1 - nearest))
    psf = np.pad(psf, width)
    if moves:
        psf = _shifted(psf, axis, -fraction)
    return _trimmed(psf, axis, n | 1)


def _shifted(psf: Array, axis: int, pixels: float) -> Array:
    from scipy.ndimage import shift

    vector = [0.0] * psf.ndim
    vector[axis] = pixels
    return np.asarray(shift(psf, vector, order=3, mode="grid-constant").clip(0))


def _trimmed(psf: Array, axis: int, least: int) -> Array:
    """Trim nearly empty pixels evenly from both ends of an axis, down to ``least``."""
    n = psf.shape[axis]
    summed = marginal(psf, axis).cumsum()
    first, last = np.searchsorted(summed, np.array([1e-4, 1 - 1e-4]) * summed[-1])
    spare = max(0, min(int(first), n - 1 - int(last), (n - least) // 2))
    return psf.take(range(spare, n - spare), axis=axis)


def crop(psf: Array, limit: Sequence[int]) -> Array:
    """The middle of the PSF, of odd size and no larger than ``limit`` per axis."""
    for axis, most in enumerate(limit):
        n = psf.shape[axis]
        half = (most - 1) // 2
        if n > most:
            psf = psf.take(range(n // 2 - half, n // 2 + half + 1), axis=axis)
    return psf


def fade(psf: Array, limit: Sequence[int] = ()) -> Array:
    """Bring the border to zero along a raised cosine.

    A high border is continued outwards, so that nothing that was measured is lost; a low one, or
    one with no room within ``limit``, is faded inside.
    """
    for axis in range(psf.ndim):
        n = psf.shape[axis]
        ends = psf.take([0, -1], axis=axis)
        if n < 3 or not ends.max() > 0 or _outgrows(psf, axis, limit):
            continue
        room = (limit[axis] - n) // 2 if limit else n
        width = min(math.ceil(n / 4), room)
        inside = ends.max() < 0.1 * psf.max() or width < 1
        psf = _fade_inside(psf, axis) if inside else _fade_outside(psf, axis, width)
    return psf


def _fade_outside(psf: Array, axis: int, width: int) -> Array:
    pad = [(0, 0)] * psf.ndim
    pad[axis] = (width, width)
    return np.pad(psf, pad, mode="edge") * _window(psf, axis, psf.shape[axis] + 2 * width, width)


def _fade_inside(psf: Array, axis: int) -> Array:
    n = psf.shape[axis]
    return psf * _window(psf, axis, n, max(1, n // 8))


def _window(psf: Array, axis: int, size: int, width: int) -> Array:
    """1 inside, falling to 0 on the outermost pixels, shaped to multiply along ``axis``."""
    edge = np.minimum(np.arange(size), np.arange(size)[::-1])
    window = 0.5 - 0.5 * np.cos(np.pi * np.clip(edge / width, 0, 1))
    return np.asarray(window.reshape([-1 if a == axis else 1 for a in range(psf.ndim)]))


def resample(psf: Array, factors: Sequence[float]) -> Array:
    """The PSF on a grid that is ``factors`` times as fine per axis, with the same sum.

    Each new pixel integrates over its own extent, so coarse grids are anti-aliased; the cumulated
    profile is interpolated monotonically, so no value becomes negative.

    Parameters
    ----------
    psf : ndarray
        Non-negative.
    factors : sequence of float
        Old pixel size divided by the new one, per axis.

    Returns
    -------
    ndarray
        Odd sizes, the centre pixel on the centre pixel.
    """
    from scipy.interpolate import PchipInterpolator

    sizes = [odd(n // 2 * f - 0.25) for n, f in zip(psf.shape, factors, strict=True)]
    check_size("Resampled PSF", sizes)
    for axis, (m, factor) in enumerate(zip(sizes, factors, strict=True)):
        n = psf.shape[axis]
        old = pixel_edges(n, factor)
        new = np.clip(pixel_edges(m), old[0], old[-1])
        new[0], new[-1] = old[0], old[-1]
        summed = np.concatenate(
            [np.zeros_like(psf.take([0], axis=axis)), psf.cumsum(axis=axis)], axis=axis
        )
        psf = np.diff(PchipInterpolator(old, summed, axis=axis)(new), axis=axis).clip(0)
    return psf
