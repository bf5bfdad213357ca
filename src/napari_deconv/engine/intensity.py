"""Checking images, and taking intensities to the unit scale and back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from .axes import Layout, Region

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
    samples = [] if whole else list(_samples(image, layout))
    blocks = [image[layout.opaque]] if whole else [block for *_, block in samples]
    low, high = _range(blocks)
    if low == high and whole:
        raise DeconvError(
            f"The image is constant ({low:g} everywhere).", "There is nothing to sharpen."
        )
    flat = np.concatenate([_strided(b, _SAMPLE // len(blocks)) for b in blocks]).astype(np.float32)
    scale = robust_maximum(flat, max(abs(low), abs(high))) or 1.0
    mean, std = (float(f(flat, dtype=np.float64)) for f in (np.mean, np.std))
    found = Intensity(dtype, scale, low, high, mean, std)
    if whole:
        return found, _representative(image, layout, None)
    item, region, block = max(samples, key=lambda sample: float(sample[2].std(dtype=np.float64)))
    try:
        return found, _representative(image, layout, (item, region))
    except Exception:  # there, too
        return found, block


def robust_maximum(values: NDArray[Any], most: float | None = None) -> float:
    """The intensity that is 1 on the unit scale.

    Parameters
    ----------
    values : ndarray
        Pixels, or a sample of them.
    most : float, optional
        The largest modulus, where ``values`` is a sample.
    """
    moduli = np.abs(values)
    most = float(moduli.max()) if most is None else most
    # A few bright beads must not be the scale of nothing, nor one hot pixel the scale of all.
    return max(float(np.percentile(moduli, 99.9)), 0.1 * most)


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


def _samples(
    image: Any, layout: Layout, most: int = 8
) -> Iterator[tuple[dict[str, int], Region, NDArray[Any]]]:
    """Parts of up to ``most`` planes spread over a lazy array: where they lie, and pixels.

    Planes too large to be read whole are read in windows, more of them and all over the place.
    """
    items = list(layout.items())
    depth = layout.block_shape[0] if layout.spatial == "ZYX" else 1
    windowed = max(layout.block_shape[-2:]) > _WINDOW_PX
    count = len(items) * depth
    read, failure = 0, None
    for n, i in enumerate(np.linspace(0, count - 1, 3 * most if windowed else min(most, count))):
        item, z = items[int(i) // depth], int(i) % depth
        planes = zip(layout.block_shape[-2:], _STEPS, strict=True)
        region = tuple(_window(size, n * step) for size, step in planes)
        if layout.spatial == "ZYX":
            region = (slice(z, z + 1), *region)
        try:
            yield item, region, layout.read(image, item, region, slice(0, layout.colours))
        except Exception as error:  # one broken chunk need not be the end of all
            failure = error
        else:
            read += 1
    if not read and failure is not None:
        raise failure


_WINDOW_PX = 1024
_STEPS = (0.7549, 0.5698)
"""Multiples of these, less their whole parts, fill a square evenly (the plastic number's)."""


def _window(size: int, place: float) -> slice:
    start = int((size - _WINDOW_PX) * ((0.5 + place) % 1)) if size > _WINDOW_PX else 0
    return slice(start, min(size, start + _WINDOW_PX))


def _representative(
    image: Any, layout: Layout, where: tuple[dict[str, int], Region] | None
) -> NDArray[Any]:
    """A block to tell the noise from: around a place that holds something, or in the middle."""
    items = list(layout.items())
    region = tuple(slice(0, n) for n in layout.block_shape)
    item = items[len(items) // 2]
    middle = layout.block_shape[0] // 2
    if where is not None:
        item, found = where
        region, middle = (*region[:-2], *found[-2:]), found[0].start
    if layout.spatial == "ZYX":
        # The middle of a stack is where the object is; 16 planes tell the noise.
        depth = 8
        region = (slice(max(0, middle - depth), middle + depth), *region[1:])
    colours = slice(0, layout.colours)
    block = layout.read(image, item, region, colours)
    if where is not None or block.min() != block.max():
        return block
    return layout.read(image, items[0], tuple(slice(0, n) for n in layout.block_shape), colours)


def _strided(block: NDArray[Any], most: int) -> NDArray[Any]:
    """About ``most`` pixels spread evenly, without a copy of the rest."""
    step = max(1, math.ceil(block.size / max(1, most)))
    return block.ravel()[::step] if block.flags.c_contiguous else block.flat[::step]
