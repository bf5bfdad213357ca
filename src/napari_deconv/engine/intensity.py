"""Checking images, and taking intensities to the unit scale and back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..signal.extremes import extremes, strided
from .axes import Layout, Region
from .unseen import Hidden, Unseen, filled

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
    black, white : float
        The same without pixels, rows and columns that stand out alone (`extremes`).
    zero, span : float
        Robust minimum, and how far the robust maximum lies above it: the unit scale of methods to
        which a constant added to the image does not matter.
    dark, darkest : float
        Levels of the darkest twentieth and the darkest hundredth of the image, without their noise:
        quantiles of the means of blocks (`dark_levels`).
    """

    dtype: np.dtype[Any]
    scale: float
    low: float
    high: float
    mean: float
    std: float
    black: float
    white: float
    zero: float
    span: float
    dark: float
    darkest: float

    @property
    def safe(self) -> float:
        """1 where intensities can be squared in float32 as they are, else a power of 2 near them.

        Dividing by it and multiplying again changes no value.
        """
        return 1.0 if 1e-12 < self.scale < 1e12 else 2.0 ** round(math.log2(self.scale))


def result_dtype(dtype: np.dtype[Any], keep_float: bool) -> np.dtype[Any]:
    """The result's dtype by that of the image, and whether integers are left behind."""
    return np.dtype(np.float32) if keep_float and dtype.kind in "iu" else dtype


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
    if dtype.kind == "f":
        most = float(np.finfo(dtype if dtype.itemsize < 8 else np.float64).max)
        return -most, most
    limits = np.iinfo(dtype)
    low, high = float(limits.min), float(limits.max)
    # The largest 64-bit integer is not a float64; the next one above it would wrap around.
    return low, high if int(high) <= limits.max else float(np.nextafter(high, 0))


@dataclass(frozen=True, eq=False)
class Block:
    """Pixels ``(S, *spatial)``, and which of them were not observed.

    Parameters
    ----------
    pixels : ndarray
        Those that were not observed hold the nearest value that was.
    hidden : ndarray of bool or None
        None where all were observed.
    """

    pixels: NDArray[Any]
    hidden: Hidden | None = None

    @property
    def observed(self) -> NDArray[Any]:
        """The pixels that were, in a row."""
        return self.pixels if self.hidden is None else self.pixels[~self.hidden]

    def __getitem__(self, region: tuple[slice, ...]) -> Block:
        hidden = None if self.hidden is None else self.hidden[region]
        return Block(self.pixels[region], hidden if hidden is not None and hidden.any() else None)


def read_block(
    image: Any,
    layout: Layout,
    unseen: Unseen,
    item: dict[str, int],
    region: Region,
    colours: slice,
) -> Block:
    """A block of an image with what is known of its unseen pixels.

    Raises
    ------
    DeconvError
        If it holds NaN or Inf and these are refused.
    """
    pixels = layout.read(image, item, region, colours)
    return as_block(pixels, unseen, unseen.read(image, layout, item, region, colours))


def as_block(pixels: NDArray[Any], unseen: Unseen, hidden: Hidden | None = None) -> Block:
    """Pixels ``(S, *spatial)`` as a block; see `read_block`."""
    hidden = unseen.with_nan(pixels, hidden)
    if hidden is not None:
        pixels = filled(pixels, hidden)
    check_finite(pixels, _NAN_REMEDY)
    return Block(pixels, hidden)


_NAN_REMEDY = 'Have them taken for pixels that were not observed: nan="unseen" (--nan unseen).'


def survey(image: Any, layout: Layout, unseen: Unseen | None = None) -> tuple[Intensity, Block]:
    """Sample an image for its intensities; a lazy one is only computed where sampled.

    Returns
    -------
    Intensity
        Range and moments of the pixels that were observed.
    Block
        A representative one for the noise estimate.

    Raises
    ------
    DeconvError
        If the dtype is not real, or the image is empty, constant, nowhere observed, or not finite.
    """
    unseen = Unseen() if unseen is None else unseen
    dtype = np.dtype(image.dtype)
    check_dtype(dtype)
    if 0 in layout.shape:
        raise DeconvError(f"The image is empty: its shape is {layout.shape}.", "Give pixels.")
    whole = isinstance(image, np.ndarray)
    samples = [] if whole else list(_samples(image, layout, unseen))
    parts = _whole(image, layout, unseen) if whole else [part for *_, part in samples]
    parts = [part for part in parts if part.observed.size]
    blocks = [part.observed for part in parts]
    if not blocks:
        raise DeconvError(
            "No pixel of the image was observed: all are masked, NaN or transparent.",
            "Check the mask, or remove the alpha channel.",
        )
    low, high = _range(blocks)
    if low == high and whole:
        raise DeconvError(
            f"The image is constant ({low:g} everywhere).", "There is nothing to sharpen."
        )
    flat = np.concatenate([strided(b, _SAMPLE // len(blocks)) for b in blocks])
    flat = flat if flat.dtype.itemsize > _FLOAT32_BYTES else flat.astype(np.float32)
    intensity = _intensity(dtype, flat, low, high, parts)
    if whole:
        return intensity, _representative(image, layout, unseen, None)
    item, region, block = max(
        samples, key=lambda sample: float(sample[2].pixels.std(dtype=np.float64))
    )
    try:
        return intensity, _representative(image, layout, unseen, (item, region))
    except Exception:  # there, too
        return intensity, block


def _whole(image: NDArray[Any], layout: Layout, unseen: Unseen) -> list[Block]:
    """The items of an image that is in memory; all as one where every pixel was seen."""
    if not unseen.any:
        place = {axis: number for number, axis in enumerate(layout.axes)}
        others = [place[a] for a in layout.axes if a not in layout.spatial]
        order = [*others, *(place[a] for a in layout.spatial)]
        pixels = image[layout.opaque]
        return [Block(pixels.transpose(order))]
    region, colours = layout.region, slice(0, layout.colours)
    return [read_block(image, layout, unseen, item, region, colours) for item in layout.items()]


_FLOAT32_BYTES = 4


def _intensity(
    dtype: np.dtype[Any],
    flat: NDArray[Any],
    low: float,
    high: float,
    parts: Sequence[Block],
) -> Intensity:
    """Compute the intensities of sampled pixels, without single pixels that stand out."""
    calm = [extremes(part.pixels) for part in parts]
    black, white = min(b for b, _ in calm), max(w for _, w in calm)
    if low < black or white < high:
        flat = flat[(black <= flat) & (flat <= white)]
    scale = robust_maximum(flat, max(abs(black), abs(white))) or 1.0
    mean, std = (float(f(flat, dtype=np.float64)) for f in (np.mean, np.std))
    zero = float(np.percentile(flat, _DARKEST))
    span = robust_maximum(flat - flat.dtype.type(zero), white - zero) or scale
    dark, darkest = dark_levels([part.pixels for part in parts])
    return Intensity(dtype, scale, low, high, mean, std, black, white, zero, span, dark, darkest)


def dark_levels(parts: Sequence[NDArray[Any]]) -> tuple[float, float]:
    """Levels of the darkest twentieth and the darkest hundredth of an image.

    A low quantile of single pixels would go with the noise, so these are of means of blocks. Blocks
    of one value are the empty margin of a mosaic and not counted, unless all are.

    Parameters
    ----------
    parts : sequence of ndarray
        Pixels ``(..., Y, X)``.
    """
    means, constant = [], []
    step = max(1, math.ceil(sum(part.size for part in parts) / _SAMPLE))
    for part in parts:
        n, (height, width) = min(DARK_PX, *part.shape[-2:]), part.shape[-2:]
        rows, columns = height // n, width // n
        lead = part.shape[:-2]
        for strip in range(0, math.prod(lead) * rows, step):
            plane, row = divmod(strip, rows)
            pixels = part[np.unravel_index(plane, lead)][row * n : (row + 1) * n, : columns * n]
            blocks = pixels.reshape(n, columns, n)
            means.append(blocks.mean((0, 2), dtype=np.float64))
            constant.append(blocks.min((0, 2)) == blocks.max((0, 2)))
    mean, flat = np.concatenate(means), np.concatenate(constant)
    dark, darkest = np.quantile(mean if flat.all() else mean[~flat], (DARK, DARKER))
    return float(dark), float(darkest)


DARK, DARKER = 0.05, 0.01
"""Shares of an image that `dark_levels` looks at."""
DARK_PX = 8
"""Size of its blocks."""
_DARKEST = 0.1
"""Percent of the pixels that lie below the zero of `Intensity.span`."""


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
        check_finite(block, _NAN_REMEDY)
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


def check_finite(block: NDArray[Any], remedy: str = "Replace them first.") -> None:
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
            remedy,
        )


def _samples(
    image: Any, layout: Layout, unseen: Unseen, most: int = 8
) -> Iterator[tuple[dict[str, int], Region, Block]]:
    """Parts of up to ``most`` planes spread over a lazy array: where they lie, and pixels.

    Planes too large to be read whole are read in windows, more of them and all over the place.
    """
    depth = layout.block_shape[0] if layout.spatial == "ZYX" else 1
    windowed = max(layout.block_shape[-2:]) > _WINDOW_PX
    count = layout.count * depth
    read, failure = 0, None
    # No more than there is: a plane of 1500 x 1500 is read about once and not in 24 windows.
    area = math.prod(layout.block_shape[-2:]) / _WINDOW_PX**2
    windows = min(3 * most, math.ceil(count * area))
    for n, i in enumerate(np.linspace(0, count - 1, windows if windowed else min(most, count))):
        item, z = layout.item(int(i) // depth), int(i) % depth
        planes = zip(layout.block_shape[-2:], _STEPS, strict=True)
        region = tuple(_window(size, n * step) for size, step in planes)
        if layout.spatial == "ZYX":
            region = (slice(z, z + 1), *region)
        try:
            block = read_block(image, layout, unseen, item, region, slice(0, layout.colours))
        except DeconvError:
            raise
        except Exception as error:  # one broken chunk need not be the end of all
            failure = error
        else:
            read += 1
            yield item, region, block
    if not read and failure is not None:
        raise failure


_WINDOW_PX = 1024
_STEPS = (0.7549, 0.5698)
"""Multiples of these, less their whole parts, fill a square evenly (the plastic number's)."""


def _window(size: int, place: float) -> slice:
    start = int((size - _WINDOW_PX) * ((0.5 + place) % 1)) if size > _WINDOW_PX else 0
    return slice(start, min(size, start + _WINDOW_PX))


def _representative(
    image: Any, layout: Layout, unseen: Unseen, where: tuple[dict[str, int], Region] | None
) -> Block:
    """A block to tell the noise from: around a place that holds something, or in the middle."""
    region = layout.region
    item = layout.item(layout.count // 2)
    middle = layout.block_shape[0] // 2
    if where is not None:
        item, place = where
        region, middle = (*region[:-2], *place[-2:]), place[0].start
    if layout.spatial == "ZYX":
        # The middle of a stack is where the object is; 16 planes tell the noise.
        depth = 8
        region = (slice(max(0, middle - depth), middle + depth), *region[1:])
    colours = slice(0, layout.colours)
    block = read_block(image, layout, unseen, item, region, colours)
    if where is not None or block.pixels.min() != block.pixels.max():
        return block
    return read_block(image, layout, unseen, layout.item(0), layout.region, colours)
