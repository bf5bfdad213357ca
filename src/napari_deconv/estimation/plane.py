"""The plane that a PSF is estimated from: gray, on the unit scale, and what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..engine.axes import parse_axes
from ..engine.incoming import as_array
from ..engine.intensity import check_dtype, check_finite
from ..signal.jpeg import CodedNoise, jpeg_noise
from ..signal.noise import estimate_noise

Array = NDArray[np.float64]

_LUMA = np.array([0.299, 0.587, 0.114])
_MOST_PIXELS = 1_000_000
_MOST_COLOURED = 100_000
_WINDOW = (768, 1024)
_LEAST_SIDE = 48
_CLIPPED = 1e-4
_SMOOTH_PX = 2.0
_FEW_EDGES = 2e-3
_EDGE = 6.0


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane of the image as the estimator uses it: gray, noise, clipped pixels.

    Parameters
    ----------
    gray : ndarray
        float32 ``(Y, X)``; its robust range is 1.
    good : ndarray of bool
        False where the sensor was clipped.
    noise : float
        Standard deviation of the noise, on that scale.
    region : tuple of int
        Where it lies in the image: first row, first column, past the last row and column.
    edges : float
        Share of the pixels that stand out from the noise as edges.
    colours : ndarray or None
        ``(3, Y, X)`` of a colour photo, on the same scale: edges between colours that are equally
        bright are not in the gray.
    coded : CodedNoise or None
        How the noise of a JPEG is distributed over the frequencies, on that scale.
    """

    gray: NDArray[np.float32]
    good: NDArray[np.bool_]
    noise: float
    region: tuple[int, int, int, int]
    edges: float
    colours: NDArray[np.float32] | None = None
    coded: CodedNoise | None = None

    @property
    def channels(self) -> NDArray[np.float32]:
        """``(C, Y, X)``: the colours where they are worth their time, else the gray."""
        if self.colours is None or self.gray.size > _MOST_COLOURED:
            return self.gray[None]
        return self.colours


def plane_of(
    image: Any, axes: str | None, region: Sequence[Any] | None, noise: float | None
) -> Plane:
    """Take one plane of an image: gray, cut to the region, looked over.

    Raises
    ------
    DeconvError
        If the image is flat, has no edges or does not hold the region.
    """
    pixels, top = _plane(image, axes)
    box = _region(region, pixels.shape[:2]) if region is not None else _best_window(pixels)
    part = pixels[box[0] : box[2], box[1] : box[3]]
    check_finite(part)
    gray, good = _gray(part), np.asarray((part < top).all(axis=-1))
    low, high = np.percentile(gray, [0.1, 99.9])
    if not high > low:
        raise DeconvError(
            f"The region {_where(box)} is flat ({gray.mean():.4g} everywhere).",
            "Choose a region with edges in it.",
        )
    # From all of the photo, not from the part: its blocks begin at the corner.
    coded = jpeg_noise(np.moveaxis(pixels, -1, 0))
    level = _given(noise, gray, coded)
    unit = ((gray - low) / (high - low)).astype(np.float32)
    sigma = max(level / float(high - low), 1e-4)
    colours = None
    if part.shape[-1] == 3:
        colours = ((np.moveaxis(part, -1, 0) - low) / (high - low)).astype(np.float32)
    coded = None if coded is None else coded.times(sigma / coded.brightness)
    plane = Plane(unit, good, sigma, box, _edge_share(unit, sigma), colours, coded)
    _check(plane)
    return plane


def luma_plane(image: Any, axes: str | None) -> Array:
    """The gray plane of an image on its own scale, ``(Y, X)``."""
    pixels, _ = _plane(image, axes)
    check_finite(pixels)
    return _gray(pixels)


def odd_size(size: Any, shape: Sequence[int]) -> int:
    """Check the requested kernel size, or choose the default that fits.

    Raises
    ------
    DeconvError
        If it is even, no square, or too large for the region.
    """
    if size is None:
        third = min(shape) // 3
        return min(35, third - 1 + third % 2)
    room = min(shape) // 2
    sides = np.atleast_1d(np.asarray(size))
    if sides.dtype.kind not in "iu" or sides.size > 2 or len(set(sides.tolist())) != 1:
        raise DeconvError(
            f"size = {size!r} is not a square.", "Give one odd number; the kernel need not fill it."
        )
    side = int(sides[0])
    if side < 3 or side % 2 == 0:
        fit = f"{max(3, side - 1)} or {max(5, side + 1)}"
        raise DeconvError(f"size = {side} has no pixel in its middle.", f"Give {fit}.")
    if side > room:
        raise DeconvError(
            f"size = {side} is too large for a region of {shape[0]} x {shape[1]} px.",
            f"Give at most {room - 1 + room % 2}, or a larger region.",
        )
    return side


def _plane(image: Any, axes: str | None) -> tuple[NDArray[Any], float]:
    """``(Y, X, colours)`` of the middle item, and the value at which pixels are clipped."""
    if not isinstance(getattr(image, "dtype", None), np.dtype):
        image = as_array("The image", image)
    check_dtype(np.dtype(image.dtype))
    layout = parse_axes(tuple(image.shape), axes, 2)
    if 0 in layout.shape:
        raise DeconvError(f"The image is empty: its shape is {layout.shape}.", "Give pixels.")
    whole = tuple(slice(0, n) for n in layout.block_shape)
    block = layout.read(image, layout.item(layout.count // 2), whole, slice(0, layout.colours))
    pixels = np.moveaxis(block, 0, -1)
    if pixels.dtype.kind in "iu" and pixels.max() == np.iinfo(pixels.dtype).max:
        return pixels, float(pixels.max())
    top = float(pixels.max())
    # One brightest pixel is no clipping; many that are equally bright are.
    clipped = np.count_nonzero(pixels == top) > max(3, _CLIPPED * pixels.size)
    return pixels, top if clipped else math.inf


def _gray(part: NDArray[Any]) -> Array:
    values = part.astype(np.float64)
    if values.shape[-1] == 3:
        return np.asarray(values @ _LUMA)
    return np.asarray(values.mean(axis=-1))


def _region(region: Sequence[Any], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    try:
        if len(region) == 2:
            (y0, y1, _), (x0, x1, _) = (s.indices(n) for s, n in zip(region, shape, strict=True))
        else:
            y0, x0, y1, x1 = (round(float(v)) for v in region)
    except (TypeError, ValueError, AttributeError):
        raise DeconvError(
            f"region = {region!r} is not a rectangle.",
            "Give first row, first column, and the row and column past the last.",
        ) from None
    y0, x0, y1, x1 = max(0, y0), max(0, x0), min(shape[0], y1), min(shape[1], x1)
    if min(y1 - y0, x1 - x0) < _LEAST_SIDE:
        raise DeconvError(
            f"The region has {max(0, y1 - y0)} x {max(0, x1 - x0)} px inside the image.",
            f"Give at least {_LEAST_SIDE} px a side.",
        )
    return y0, x0, y1, x1


def _best_window(pixels: NDArray[Any]) -> tuple[int, int, int, int]:
    """The whole image, or of a large one the part with the most edges in its poorer direction."""
    height, width = pixels.shape[:2]
    if min(height, width) < _LEAST_SIDE:
        raise DeconvError(
            f"The image has {height} x {width} px.", f"It must have {_LEAST_SIDE} px a side."
        )
    if height * width <= _MOST_PIXELS:
        return 0, 0, height, width
    gray = _gray(pixels)
    rows, columns = min(height, _WINDOW[0]), min(width, _WINDOW[1])
    energy = [np.square(np.diff(gray, axis=a, append=gray.take([-1], a))) for a in (0, 1)]
    sums = [np.pad(e.cumsum(0).cumsum(1), ((1, 0), (1, 0))) for e in energy]
    best, top, left = -1.0, 0, 0
    for y in range(0, height - rows + 1, max(1, rows // 8)):
        for x in range(0, width - columns + 1, max(1, columns // 8)):
            inside = min(
                s[y + rows, x + columns] - s[y, x + columns] - s[y + rows, x] + s[y, x]
                for s in sums
            )
            if inside > best:
                best, top, left = inside, y, x
    return top, left, top + rows, left + columns


def _edge_share(unit: NDArray[np.float32], sigma: float) -> float:
    """Share of pixels whose smoothed gradient no noise of this level would make."""
    from scipy.ndimage import gaussian_gradient_magnitude

    slope = gaussian_gradient_magnitude(unit.astype(np.float64), _SMOOTH_PX)
    expected = sigma / (math.sqrt(8 * math.pi) * _SMOOTH_PX**2)
    return float(np.mean(slope > max(_EDGE * expected, 2e-3)))


def _check(plane: Plane) -> None:
    if plane.edges < _FEW_EDGES:
        raise DeconvError(
            f"The region {_where(plane.region)} has no edges that stand out from its noise.",
            "Choose a region with edges, or give the noise level if it is known to be less.",
        )
    if plane.good.mean() < 0.5:
        raise DeconvError(
            f"{1 - plane.good.mean():.0%} of the region is clipped.",
            "Choose a darker region, or a shorter exposure.",
        )


def _given(noise: Any, gray: Array, coded: CodedNoise | None) -> float:
    """The level of the noise, read from the photo where nobody gave it."""
    if noise is None:
        return estimate_noise(gray) if coded is None else coded.brightness
    try:
        level = float(noise)
    except (TypeError, ValueError):
        level = math.nan
    if not (level >= 0 and math.isfinite(level)):
        raise DeconvError(f"noise = {noise!r} is not a standard deviation.", "Give 0 or more.")
    return level


def _where(box: tuple[int, int, int, int]) -> str:
    return f"of rows {box[0]} to {box[2]} and columns {box[1]} to {box[3]}"
