"""The noise of photos kept as JPEG: what quantisation left of it, and what it added.

JPEG rounds every coefficient of 8 x 8 blocks to a multiple of a step, small ones to 0: the
frequencies that a blur left empty then hold no noise any more, while the coarse ones hold all of
it and the rounding besides. So it is read where it is: the steps are found in the pixels; the
spread of the coefficients on the emptiest ring of coarse frequencies is that of the noise before;
and from both follows the error of every frequency.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]
Tables = tuple[NDArray[Any], ...]
"""Steps ``(8, 8)`` that a file's coefficients were rounded to: of brightness, and of colours."""

_SIDE = 8
_MOST_PX = 1024
_LEAST_PX = 64
_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_RGB = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]])
"""JFIF's colours there and back."""
_LUMA = np.array(
    [[16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55],
     [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
     [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
     [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99]]
)  # fmt: skip
_CHROMA = np.full((_SIDE, _SIDE), 99)
_CHROMA[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
"""Steps at quality 50 (ITU-T T.81, Annex K); other qualities are multiples of them."""
_RADIUS = np.hypot(*np.mgrid[:_SIDE, :_SIDE])
_RINGS = [np.abs(_RADIUS - r) < 0.5 for r in range(1, 9)]
_LARGEST_STEP = 60
_ENOUGH = 24
"""Coefficients that are not 0, from which a step can be told."""
_SURE = 0.35
"""Mean cosine of coefficients over their step, from which it is one."""
_LEAST_STEPS = 6
"""Steps of at least 2 that have to be found among the 15 lowest frequencies."""
_EMPTY, _VOID = 0.99, 0.998
"""Shares of zeros up to which the noise can be read, and from which on nothing is left."""
_LAST_RING = 4
_FLAT, _RISE = 0.97, 1.3
"""Last ring over the one before, from which on noise is white; otherwise it was smoothed (by
demosaicking) and the coarse frequencies hold more. Chosen by benchmarks/noise_jpeg.py on
bsds500/train, as the three above."""
_ROUNDING = 0.09
"""Variance of rounding the decoded values, in brightness."""


@dataclass(frozen=True, eq=False)
class _Component:
    """Coefficients of blocks ``(N, 8, 8)`` of brightness or of a colour difference, by step."""

    counts: NDArray[np.int64]
    steps: Plane


@dataclass(frozen=True)
class CodedNoise:
    """Root mean square of noise and rounding of a photo kept as JPEG, on its own scale.

    Parameters
    ----------
    colours : tuple of float
        One per colour.
    brightness : float
        Of the weighted mean of the colours (ITU-R BT.601).
    places, lost : ndarray
        ``(8, 8)``, of brightness, per coefficient: variance of noise and rounding; and, where next
        to all was rounded to 0, of what may have been there.
    """

    colours: tuple[float, ...]
    brightness: float
    places: Plane = field(compare=False, repr=False)
    lost: Plane = field(compare=False, repr=False)

    def times(self, factor: float) -> CodedNoise:
        """The same on another scale."""
        colours = tuple(factor * level for level in self.colours)
        planes = (factor**2 * self.places, factor**2 * self.lost)
        return CodedNoise(colours, factor * self.brightness, *planes)

    def spectrum(self, fy: Plane, fx: Plane) -> Plane:
        """Power of the brightness' noise at all of some ``fy`` and ``fx``, in cycles per pixel.

        A cosine ends with its block, and so reaches beyond its own frequency.
        """
        rows, columns = _cosine_powers(fy), _cosine_powers(fx)
        y, x = (np.minimum(np.rint(2 * _SIDE * np.abs(f)), _SIDE - 1).astype(int) for f in (fy, fx))
        return np.asarray(np.maximum(rows.T @ self.places @ columns, self.lost[np.ix_(y, x)]))


def jpeg_noise(pixels: NDArray[Any], tables: Tables = ()) -> CodedNoise | None:
    """Root mean square of noise and rounding of a photo that went through JPEG, by colour.

    Parameters
    ----------
    pixels : ndarray
        ``(S, Y, X)``, grey or RGB, of 8 bits, or such values as floats (divided by 255, too).
    tables : tuple of ndarray, optional
        Steps ``(8, 8)`` of brightness and of colour, where the file is known; otherwise they are
        found in the pixels.

    Returns
    -------
    CodedNoise or None
        None where no trace of JPEG is found.

    Notes
    -----
    With the step q, the coefficient x = c + n of scene and noise and its rounding d(x), the error
    is ``E (d + n)^2 = E d^2 + s^2 (2 q sum f(borders) - 1)`` by Stein's lemma for normal noise of
    variance s^2, with the density f of x; as the rounded x have it: ``sum sqrt(p_j p_j+1)``.
    A recompressed or resized JPEG is not recognised.
    """
    planes, scale = _eight_bits(pixels)
    if planes is None:
        return None
    window, brightness = _window(planes, tables)
    if brightness is None:
        return None
    error = _error(brightness, enlarged=False, rise=_RISE)
    variances = [float(error.mean()) + _ROUNDING]
    places = np.maximum(error, _calm(brightness)) + _ROUNDING
    zeros = np.mean(brightness.counts == 0, axis=0)
    lost = np.where(zeros > _EMPTY, np.square(brightness.steps) / 12, 0)
    gray = math.sqrt(variances[0])
    if len(planes) == 1:
        return CodedNoise((gray,), gray, places, lost).times(scale)
    for plane in window[1:]:
        colour, enlarged = _colour(plane, tables, brightness.steps)
        variances.append(float(_error(colour, enlarged=enlarged).mean()))
    mixed = np.square(_RGB) @ np.array(variances) + 1 / 12
    colours = tuple(float(value) for value in np.sqrt(mixed))
    return CodedNoise(colours, gray, places, lost).times(scale)


def _eight_bits(pixels: NDArray[Any]) -> tuple[Plane | None, float]:
    """Pixels as whole numbers up to 255, and what one of them is; None if they are none."""
    if pixels.ndim != 3 or len(pixels) not in (1, 3) or min(pixels.shape[1:]) < _LEAST_PX:
        return None, 1.0
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float64), 1.0
    if pixels.dtype.kind != "f" or pixels.min() < 0:
        return None, 1.0
    for scale in (1.0, 1 / 255):
        values = pixels.astype(np.float64) / scale
        if values.max() <= _MOST_LEVELS and np.abs(values - values.round()).max() < _EXACT:
            return values.round(), scale
    return None, 1.0


_MOST_LEVELS, _EXACT = 255.5, 1e-3


def _window(planes: Plane, tables: Tables) -> tuple[Plane, _Component | None]:
    """The middle of a photo, its corner on the grid of blocks, as brightness and colours."""
    ycc = planes - 128 if len(planes) == 1 else np.tensordot(_YCC, planes, 1)
    if len(planes) > 1:
        ycc[0] -= 128
    sizes = ycc.shape[1:]
    for corner in _corners(ycc[0]):
        # Colours have blocks of 16 pixels: the corner of the file is that of theirs.
        starts = [
            c + max(0, (n - _MOST_PX) // 2) // 16 * 16 for c, n in zip(corner, sizes, strict=True)
        ]
        cut = tuple(
            slice(a, a + min(_MOST_PX, (n - a) // 16 * 16))
            for a, n in zip(starts, sizes, strict=True)
        )
        window = ycc[(slice(None), *cut)]
        table = np.asarray(tables[0], float) if tables else None
        component = _component(window[0], _LUMA, table)
        if component is not None:
            return window, component
    return ycc, None


def _corners(brightness: Plane) -> Iterator[tuple[int, int]]:
    """Find where blocks may begin: at the corner, or where steps across borders are largest."""
    yield 0, 0
    place = []
    for axis in (0, 1):
        bends = np.abs(np.diff(brightness, 2, axis)).mean(1 - axis)
        share = np.array(
            [
                np.mean(bends[i::_SIDE]) + np.mean(bends[(i - 1) % _SIDE :: _SIDE])
                for i in range(_SIDE)
            ]
        )
        # A second difference at i reads pixels i to i + 2: the border lies before i + 1.
        place.append((int(np.argmax(share)) + 1) % _SIDE)
    if any(place):
        yield place[0], place[1]


def _coefficients(plane: Plane) -> Plane:
    """Orthonormal cosine transform of blocks ``(N, 8, 8)``."""
    from scipy.fft import dctn

    rows, columns = (n // _SIDE for n in plane.shape)
    blocks = plane[: rows * _SIDE, : columns * _SIDE].reshape(rows, _SIDE, columns, _SIDE)
    coefficients: Plane = dctn(blocks.transpose(0, 2, 1, 3), axes=(2, 3), norm="ortho")
    return coefficients.reshape(-1, _SIDE, _SIDE)


def _component(plane: Plane, standard: NDArray[Any], table: Plane | None) -> _Component | None:
    """The rounded coefficients, if they are multiples of some steps."""
    x = _coefficients(plane)
    if len(x) < _LEAST_BLOCKS:
        return None
    low = [(u, v) for u in range(5) for v in range(5) if 0 < u + v < 5]
    steps = {place: _step(x[(slice(None), *place)]) for place in low}
    coarse = {place: step for place, step in steps.items() if step > 1}
    if len(coarse) < _LEAST_STEPS:
        return None
    if table is None:
        table = _table(coarse, standard)
    return _Component(np.round(x / table).astype(np.int64), table)


_LEAST_BLOCKS = 48


def _table(steps: dict[tuple[int, int], int], standard: NDArray[Any]) -> Plane:
    """All steps: those of the quality that explains most of the ones that were found.

    Where they are of no such table (cameras have their own), the others are taken in proportion.
    """
    best = max(
        (_scaled(standard, quality) for quality in range(1, 101)),
        key=lambda table: sum(table[place] == step for place, step in steps.items()),
    )
    if 2 * sum(best[place] == step for place, step in steps.items()) >= len(steps):
        return best
    factor = float(np.median([step / standard[place] for place, step in steps.items()]))
    table: Plane = np.maximum(1, np.floor(standard * factor + 0.5))
    for place, step in steps.items():
        if 0.5 < step / table[place] < 2:  # what is not was found by chance
            table[place] = step
    return table


def _scaled(standard: NDArray[Any], quality: int) -> Plane:
    """The Independent JPEG Group's steps at a quality of 1 to 100."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    table: Plane = np.clip((standard * percent + 50) // 100, 1, 255).astype(np.float64)
    return table


def _step(values: Plane) -> int:
    """The step that these values are multiples of; 1 if there is none, 0 if all are 0."""
    size = np.abs(values)
    fits = {1: _LEAST_FIT}
    for step in range(2, _LARGEST_STEP):
        some = size[size > 0.5 * step] / step
        if len(some) < _ENOUGH:
            break
        # 1 on every multiple, as often below 0 as above by chance; less for divisors of the step,
        # because rounding to whole pixels blurs the lattice.
        share = float(np.cos(2 * np.pi * some).mean())
        if share > _SURE:
            fits[step] = share * math.sqrt(2 * len(some))
    best = max(fits, key=lambda step: fits[step])
    return best if best > 1 or np.count_nonzero(size > 1) >= _ENOUGH else 0


_LEAST_FIT = 5.0


def _colour(plane: Plane, tables: Tables, brightness: Plane) -> tuple[_Component, bool]:
    """A colour difference, halved in size if it was, and how it was enlarged again."""
    table = np.asarray(tables[1], float) if len(tables) > 1 else None
    halves = _halved(plane)
    small = _component(halves, _CHROMA, table)
    if small is not None:
        return small, True
    whole = _component(plane, _CHROMA, table)
    if whole is not None:
        return whole, False
    steps = _like(brightness) if table is None else table
    return _Component(np.round(_coefficients(halves) / steps).astype(np.int64), steps), True


def _like(brightness: Plane) -> Plane:
    """Steps of colours that go with those of brightness."""
    for quality in range(1, 101):
        if np.array_equal(_scaled(_LUMA, quality), brightness):
            return _scaled(_CHROMA, quality)
    steps: Plane = np.maximum(1, np.floor(_CHROMA * np.median(brightness / _LUMA) + 0.5))
    return steps


def _halved(plane: Plane) -> Plane:
    """What libjpeg's enlargement by triangles was made from: means of 2 x 2, its blur undone."""
    from scipy.fft import dct, idct

    rows, columns = (n // 2 for n in plane.shape)
    half = plane[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean((1, 3))
    for axis, n in enumerate(half.shape):
        blur = 0.75 + 0.25 * np.cos(np.pi * np.arange(n) / n)
        spectrum = dct(half, axis=axis, norm="ortho") / (blur[:, None] if axis == 0 else blur)
        half = idct(spectrum, axis=axis, norm="ortho")
    return np.asarray(half)


def _error(part: _Component, *, enlarged: bool, rise: float = 1.0) -> Plane:
    """Mean square of noise and rounding of a component, by coefficient."""
    count = len(part.counts)
    zeros = np.mean(part.counts == 0, axis=0)
    spread, borders = np.empty((2, _SIDE, _SIDE))
    for place in np.ndindex(_SIDE, _SIDE):
        own = part.counts[(slice(None), *place)]
        share = np.bincount(own - own.min()) / count
        borders[place] = np.sqrt(share[:-1] * share[1:]).sum()
        spread[place] = _normal_spread(np.abs(own), float(part.steps[place]))
    noise = _noise_before(spread, zeros, rise)
    level = np.where(zeros < _EMPTY, np.minimum(noise, spread), noise)
    within = _within_zero(part.steps, zeros)
    rounding = (1 - zeros) * np.square(part.steps) / 12
    error = rounding + zeros * within + np.square(level) * (2 * borders - 1)
    error = np.where(zeros > _VOID, rounding, np.maximum(error, 0))
    if enlarged:
        # Enlarging keeps coarse errors and halves fine ones; none is left beyond.
        kept = 0.625 + 0.375 * np.cos(np.pi * np.arange(_SIDE) / _SIDE)
        error = error * np.outer(kept, kept)
    return error


def _calm(part: _Component) -> Plane:
    """Mean square of the coefficients in the calmest blocks, which hold little but noise.

    They are chosen by their coarsest frequencies, which therefore take the noise of the next ones.
    """
    x = part.counts * part.steps
    unclipped = x[np.abs(x[:, 0, 0]) < _UNCLIPPED * _SIDE * 128]
    if len(unclipped) < _LEAST_BLOCKS:
        return np.zeros((_SIDE, _SIDE))
    order = np.add.outer(np.arange(_SIDE), np.arange(_SIDE))
    energy = np.square(unclipped[:, (order > 0) & (order < _COARSE)]).sum(1)
    squares = np.square(unclipped[energy <= np.quantile(energy, _CALM)]).mean(0)
    squares[order < _COARSE] = squares[order == _COARSE].mean()
    return np.asarray(squares)


_CALM, _COARSE, _UNCLIPPED = 0.25, 3, 0.94
"""Share of the blocks, the order of frequency from which on they are read, and how near to black
or white their mean may be."""


def _cosine_powers(frequency: Plane) -> Plane:
    """Power of a block's eight cosines at frequencies, ``(8, n)``; they sum to 1."""
    from scipy.fft import idct

    waves = np.exp(-2j * np.pi * np.arange(_SIDE)[:, None] * frequency)
    cosines = idct(np.eye(_SIDE), axis=0, norm="ortho")
    return np.asarray(np.abs(cosines.T @ waves) ** 2 / _SIDE)


def _normal_spread(sizes: NDArray[np.int64], step: float) -> float:
    """Standard deviation of normal values of which so many were rounded to so little."""
    from scipy.special import ndtri

    share = np.cumsum(np.bincount(sizes)) / len(sizes)
    most = int(np.argmax(share >= 0.5))
    held = min(max(float(share[most]), 1e-3), 1 - 0.5 / len(sizes))
    return float((most + 0.5) * step / ndtri((1 + held) / 2))


def _noise_before(spread: Plane, zeros: Plane, rise: float) -> float:
    """Noise of the coarse frequencies before coding, from the emptiest ring that can be read."""
    rings = {}
    for number, ring in enumerate(_RINGS):
        there = ring & (zeros < _EMPTY)
        if 2 * np.count_nonzero(there) >= np.count_nonzero(ring):
            rings[number] = float(np.median(spread[there]))
    if not rings:
        return float(spread.min()) * rise
    last = list(rings.values())[-2:]
    flat = len(last) > 1 and last[1] > _FLAT * last[0]
    coarse = [value for number, value in rings.items() if number < _LAST_RING]
    return min(coarse or last) * (1.0 if flat else rise)


def _within_zero(steps: Plane, zeros: Plane) -> Plane:
    """Mean square of what was rounded to 0, for a two-sided exponential with so many zeros."""
    half = steps / 2
    with np.errstate(all="ignore"):
        scale = half / -np.log1p(-zeros)
        end = np.exp(-half / scale)
        square = 2 * scale**2 - (half**2 + 2 * half * scale) * end / (1 - end)
    return np.where(zeros > _FEW_ZEROS, np.nan_to_num(square), np.square(steps) / 12)


_FEW_ZEROS = 0.1
