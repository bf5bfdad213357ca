"""Checking images, and taking intensities to the unit scale and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .axes import Layout
from .errors import DeconvError

_SAMPLE = 4_000_000
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_LEAST, _MOST = 1e-30, 1e36
"""Largest intensities of an image that float32 can compute with."""


@dataclass(frozen=True)
class Intensity:
    """What is known of an image's intensities before the run.

    Parameters
    ----------
    dtype : numpy.dtype
        The input's and so the output's.
    scale : float
        Robust maximum: the intensity that is 1 on the unit scale.
    low, high : float
        The least and the largest sampled pixel, on the image's own scale.
    mean, std : float
        Of the sampled pixels, on the image's own scale.
    """

    dtype: np.dtype[Any]
    scale: float
    low: float
    high: float
    mean: float
    std: float

    @property
    def safe(self) -> float:
        """1 where intensities can be squared in float32 as they are, else a power of 2 near them.

        Dividing by it and multiplying again changes no value.
        """
        return 1.0 if 1e-12 < self.scale < 1e12 else 2.0 ** round(math.log2(self.scale))


def stored(values: NDArray[Any], dtype: np.dtype[Any]) -> tuple[NDArray[Any], int]:
    """Values as an image's dtype, rounded and held in its range, and how many had to be held."""
    low, high = _limits(dtype)
    if low <= -_FLOAT32_MAX and high >= _FLOAT32_MAX:
        return values.astype(dtype, copy=False), 0
    exact = values.astype(np.float64)
    if dtype.kind in "iu":
        np.rint(exact, out=exact)
    held = int(np.count_nonzero((exact < low) | (exact > high)))
    return np.clip(exact, low, high, out=exact).astype(dtype), held


def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    """The least and the largest float64 that the type can hold."""
    limits: Any = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    low, high = float(limits.min), float(limits.max)
    # The largest 64-bit integer is no float64; the next one above it would wrap around.
    return low, high if int(high) <= limits.max else float(np.nextafter(high, 0))


def survey(image: Any, layout: Layout) -> tuple[Intensity, NDArray[Any]]:
    """Sample an image for its intensities; a lazy one is only computed where sampled.

    Returns
    -------
    Intensity
        Range and moments.
    ndarray
        One representative block ``(S, *spatial)`` for the noise estimate.

    Raises
    ------
    DeconvError
        If the dtype is not real, or the image is empty, constant, or not finite.
    """
    dtype = np.dtype(image.dtype)
    check_dtype(dtype)
    if 0 in layout.shape:
        raise DeconvError(f"The image is empty: its shape is {layout.shape}.", "Give pixels.")
    whole = isinstance(image, np.ndarray)
    blocks = [image[layout.opaque]] if whole else list(_planes(image, layout))
    low, high = _range(blocks)
    if low == high and whole:
        raise DeconvError(
            f"The image is constant ({low:g} everywhere).", "There is nothing to sharpen."
        )
    flat = np.concatenate([_strided(b, _SAMPLE // len(blocks)) for b in blocks]).astype(np.float32)
    # A few bright beads must not be the scale of nothing, nor one hot pixel the scale of all.
    scale = max(float(np.percentile(np.abs(flat), 99.9)), 0.1 * max(abs(low), abs(high))) or 1.0
    mean, std = (float(f(flat, dtype=np.float64)) for f in (np.mean, np.std))
    found = Intensity(dtype, scale, low, high, mean, std)
    return found, _representative(image, layout)


def _range(blocks: Sequence[NDArray[Any]]) -> tuple[float, float]:
    """The least and the largest value, if they are numbers that can be computed with."""
    for block in blocks:
        check_finite(block)
    low, high = min(float(b.min()) for b in blocks), max(float(b.max()) for b in blocks)
    largest = max(abs(low), abs(high))
    if largest and not _LEAST < largest < _MOST:
        raise DeconvError(
            f"The image's values reach {largest:g}, which float32 cannot compute with.",
            "Divide it by its maximum first.",
        )
    return low, high


def check_dtype(dtype: np.dtype[Any]) -> None:
    """Raise unless pixels of this type are integers or real numbers."""
    if dtype.kind not in "iuf":
        remedy = "Convert it to float32." if dtype.kind in "bc" else "Give numbers."
        raise DeconvError(f"The image has dtype {dtype}; it must be integer or real.", remedy)


def check_finite(block: NDArray[Any]) -> None:
    """Raise if a block holds NaN or Inf, with their number."""
    if block.dtype.kind != "f":
        return
    # A sum is finite unless an element is not (or it overflows): one pass, no temporary.
    with np.errstate(all="ignore"):
        if np.isfinite(np.sum(block, dtype=np.float64)):
            return
    bad = int(np.count_nonzero(~np.isfinite(block)))
    if bad:
        raise DeconvError(
            f"The image holds {bad} value{'s' * (bad != 1)} that {'are' if bad != 1 else 'is'} "
            "NaN or Inf.",
            "Replace them first, for example with numpy.nan_to_num.",
        )


def _planes(image: Any, layout: Layout, most: int = 8) -> Any:
    """Up to ``most`` planes spread over a lazy array."""
    items = list(layout.items())
    depth = layout.block_shape[0] if layout.spatial == "ZYX" else 1
    for i in np.unique(np.linspace(0, len(items) * depth - 1, most).astype(int)):
        item, z = items[i // depth], int(i % depth)
        region = tuple(slice(0, n) for n in layout.block_shape)
        if layout.spatial == "ZYX":
            region = (slice(z, z + 1), *region[1:])
        yield layout.read(image, item, region, slice(0, layout.colours))


def _representative(image: Any, layout: Layout) -> NDArray[Any]:
    items = list(layout.items())
    region = tuple(slice(0, n) for n in layout.block_shape)
    if layout.spatial == "ZYX":
        # The middle of a stack is where the object is; 16 planes tell the noise.
        middle, depth = layout.block_shape[0] // 2, 8
        region = (slice(max(0, middle - depth), middle + depth), *region[1:])
    colours = slice(0, layout.colours)
    block = layout.read(image, items[len(items) // 2], region, colours)
    if block.min() != block.max():
        return block
    return layout.read(image, items[0], tuple(slice(0, n) for n in layout.block_shape), colours)


def _strided(block: NDArray[Any], most: int) -> NDArray[Any]:
    """About ``most`` pixels spread evenly, without a copy of the rest."""
    step = max(1, math.ceil(block.size / max(1, most)))
    return block.ravel()[::step] if block.flags.c_contiguous else block.flat[::step]
