"""Checking images, and taking intensities to the unit scale and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .axes import Layout
from .errors import DeconvError

_SAMPLE = 4_000_000


@dataclass(frozen=True)
class Intensity:
    """What is known of an image's intensities before the run.

    Parameters
    ----------
    dtype : numpy.dtype
        The input's and so the output's.
    scale : float
        Robust maximum: the intensity that is 1 on the unit scale.
    white : float
        Level at which the file or sensor clips, on the image's own scale.
    mean, std : float
        Of the sampled pixels, on the image's own scale.
    """

    dtype: np.dtype[Any]
    scale: float
    white: float
    mean: float
    std: float

    def back(self, block: NDArray[np.float32]) -> tuple[NDArray[Any], int]:
        """A block on the image's own scale as the input's dtype, and how many pixels it clipped."""
        if self.dtype.kind not in "iu":
            return block.astype(self.dtype, copy=False), 0
        limits = np.iinfo(self.dtype)
        low, high = np.float64(limits.min), np.float64(limits.max)
        # The largest 64-bit integer is no float64; the next one above it would wrap around.
        high = high if int(high) <= limits.max else np.nextafter(high, 0)
        rounded = np.rint(block.astype(np.float64))
        clipped = int(np.count_nonzero((rounded < low) | (rounded > high)))
        return np.clip(rounded, low, high).astype(self.dtype), clipped


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
    if dtype.kind not in "iuf":
        remedy = "Convert it to float32." if dtype.kind in "bc" else "Give numbers."
        raise DeconvError(f"The image has dtype {dtype}; it must be integer or real.", remedy)
    if 0 in layout.shape:
        raise DeconvError(f"The image is empty: its shape is {layout.shape}.", "Give pixels.")
    whole = isinstance(image, np.ndarray)
    blocks = [image] if whole else list(_planes(image, layout))
    for block in blocks:
        check_finite(block)
    low, high = min(float(b.min()) for b in blocks), max(float(b.max()) for b in blocks)
    if low == high and whole:
        raise DeconvError(
            f"The image is constant ({low:g} everywhere).", "There is nothing to sharpen."
        )
    flat = np.concatenate([_strided(b, _SAMPLE // len(blocks)) for b in blocks]).astype(np.float32)
    largest = max(abs(low), abs(high)) or 1.0
    # A few bright beads must not be the scale of nothing, nor one hot pixel the scale of all.
    scale = max(float(np.percentile(np.abs(flat), 99.9)), 0.1 * largest)
    limit = float(np.iinfo(dtype).max) if dtype.kind in "iu" else high
    white = limit if dtype.kind in "iu" and high >= limit else high
    found = Intensity(dtype, scale, white, float(flat.mean()), float(flat.std()))
    return found, _representative(image, layout)


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
            f"The image holds {bad} values that are NaN or Inf.",
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
    block = layout.read(image, items[len(items) // 2], region, slice(0, layout.colours))
    return (
        block
        if block.min() != block.max()
        else layout.read(
            image,
            items[0],
            tuple(slice(0, n) for n in layout.block_shape),
            slice(0, layout.colours),
        )
    )


def _strided(block: NDArray[Any], most: int) -> NDArray[Any]:
    """About ``most`` pixels spread evenly, without a copy of the rest."""
    step = max(1, math.ceil(block.size / max(1, most)))
    return block.ravel()[::step] if block.flags.c_contiguous else block.flat[::step]
