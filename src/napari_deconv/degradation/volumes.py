"""Generated stacks that look like fluorescence, one function per kind of structure.

Lengths are in voxels of the finest axis; ``spacing`` stretches the grid, so that what is round in
space is flat in a stack of coarse z-steps. Everything is periodic at the borders.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Shape = tuple[int, int, int]
Spacing = tuple[float, float, float]

_VOXEL = 0.3
"""Standard deviation that a voxel's own extent adds to what is finer."""


def field(shape: Shape, spacing: Spacing, size_px: float, rng: np.random.Generator) -> Array:
    """A smooth periodic random field of mean 0 and variance 1 with features of about a size."""
    from scipy import fft

    spectrum = fft.rfftn(rng.standard_normal(shape, dtype=np.float32))
    spectrum *= _gaussian(shape, [size_px / 2 / step / math.sqrt(2) for step in spacing])
    spectrum[0, 0, 0] = 0
    rough = fft.irfftn(spectrum, s=shape)
    return np.asarray(rough / (rough.std() + 1e-12), np.float32)


def spots(
    shape: Shape, spacing: Spacing, width: float, cell: float, rng: np.random.Generator
) -> Array:
    """Beads and points of unequal brightness, half of the time gathered in cells."""
    extent = _extent(shape, spacing)
    count = round(_between(2, max(4.0, 0.004 * math.prod(extent) / width**2), rng))
    points = rng.uniform(0, extent, (count, 3))
    if rng.integers(2):
        hosts = rng.uniform(0, extent, (max(1, round(math.prod(extent) / cell**3)), 3))
        points = hosts[rng.integers(len(hosts), size=count)]
        points = points + rng.normal(0, cell / 4, (count, 3))
    bright = np.exp(rng.normal(0, rng.uniform(0, 1), count))
    return _smooth(_splat(points, bright, shape, spacing), spacing, width)


def filaments(
    shape: Shape, spacing: Spacing, width: float, cell: float, rng: np.random.Generator
) -> Array:
    """Curves that bend little, mostly along the planes; sometimes a bundle that runs one way."""
    extent = _extent(shape, spacing)
    longest = max(extent)
    count, steps = round(_between(2, 40, rng)), int(3 * longest)
    common = rng.standard_normal(3) * (0.3, 1, 1)
    spread = _between(0.05, 3, rng)
    heading = common / np.linalg.norm(common) + spread * rng.standard_normal((count, 1, 3)) * (
        rng.uniform(0.1, 1),
        1,
        1,
    )
    bend = _between(0.02, 1.0, rng) / math.sqrt(cell)
    heading = heading + bend * np.cumsum(rng.standard_normal((count, steps, 3)), axis=1)
    heading *= 0.5 / (np.linalg.norm(heading, axis=-1, keepdims=True) + 1e-9)
    paths = np.cumsum(heading, axis=1) + rng.uniform(0, extent, (count, 1, 3))
    bright = np.exp(rng.normal(0, 0.6, (count, 1))) * np.ones((count, steps))
    ends = np.arange(steps) < rng.integers(steps // 8, steps, (count, 1))
    return _smooth(_splat(paths[ends], bright[ends], shape, spacing), spacing, width)


def membranes(
    shape: Shape, spacing: Spacing, width: float, cell: float, rng: np.random.Generator
) -> Array:
    """Outlines of cells: a level set of a smooth field, ``width`` wide."""
    distance = _from_level(field(shape, spacing, cell, rng), spacing, rng.uniform(-1, 1))
    return np.exp(-0.5 * (distance / max(width, 0.6)) ** 2)


def shells(
    shape: Shape, spacing: Spacing, width: float, cell: float, rng: np.random.Generator
) -> Array:
    """Hollow balls: vesicles and labelled surfaces."""

    def shell(r: Array, radius: float) -> Array:
        return np.exp(-0.5 * ((r - radius) / max(width, 0.6)) ** 2)

    return _balls(shape, spacing, shell, (1.5 + width, max(3 + width, cell / 2)), rng)


def nuclei(
    shape: Shape, spacing: Spacing, width: float, cell: float, rng: np.random.Generator
) -> Array:
    """Filled blobs with texture within, like cells' nuclei."""
    grain = np.exp(
        rng.uniform(0, 0.8) * field(shape, spacing, _between(2, 10, rng), rng), dtype=np.float32
    )
    if rng.integers(2):
        distance = _from_level(field(shape, spacing, cell, rng), spacing, rng.uniform(0, 1.5))
        return np.asarray(grain / (1 + np.exp(-np.clip(2 * distance / max(width, 0.6), -60, 60))))

    def ball(r: Array, radius: float) -> Array:
        return 1 / (1 + np.exp(np.clip(2 * (r - radius) / max(width, 0.6), -60, 60)))

    return grain * _balls(shape, spacing, ball, (cell / 5, cell / 1.5), rng)


def texture(
    shape: Shape, spacing: Spacing, width: float, cell: float, rng: np.random.Generator
) -> Array:
    """Dense tissue: two scales of a skewed random field."""
    fine = field(shape, spacing, _between(2, 8, rng) * width, rng)
    coarse = field(shape, spacing, cell, rng)
    return np.exp(rng.uniform(0.3, 1.2) * fine + rng.uniform(0.3, 1.5) * coarse)


VOLUME_KINDS: dict[str, Callable[[Shape, Spacing, float, float, np.random.Generator], Array]] = {
    "spots": spots,
    "filaments": filaments,
    "membranes": membranes,
    "shells": shells,
    "nuclei": nuclei,
    "texture": texture,
}
"""Name of a kind -> ``(shape, spacing, width, cell, rng)`` to a stack of it."""


def _balls(
    shape: Shape,
    spacing: Spacing,
    profile: Callable[[Array, float], Array],
    radii: tuple[float, float],
    rng: np.random.Generator,
) -> Array:
    """Ellipsoids of a radial profile, each in its own box."""
    extent = _extent(shape, spacing)
    low, high = sorted(radii)
    typical = _between(low, high, rng)
    most = 0.5 * math.prod(extent) / (4.2 * typical**3)
    volume = np.zeros(shape, np.float32)
    for _ in range(round(_between(1, min(60.0, max(1.5, most)), rng))):
        radius = typical * rng.uniform(0.7, 1.3)
        centre, stretch = rng.uniform(0, extent), rng.uniform(0.75, 1.25, 3)
        reach = [
            min(n // 2, math.ceil((1.3 * radius + 4) / s))
            for n, s in zip(shape, spacing, strict=True)
        ]
        axes = [
            (np.arange(-r, min(r + 1, n - r)) + round(c / s), s, c)
            for r, n, s, c in zip(reach, shape, spacing, centre, strict=True)
        ]
        index = np.ix_(*(place % n for (place, *_), n in zip(axes, shape, strict=True)))
        parts = [
            ((place * s - c) / e).astype(np.float32) ** 2
            for (place, s, c), e in zip(axes, stretch, strict=True)
        ]
        r = np.sqrt(parts[0][:, None, None] + parts[1][:, None] + parts[2])
        volume[index] += np.float32(math.exp(rng.normal(0, 0.4))) * profile(r, radius)
    return volume


def _from_level(values: Array, spacing: Spacing, level: float) -> Array:
    """Signed distance in voxels from where a field has a value, to first order."""
    slopes = sum(
        ((np.roll(values, -1, axis) - np.roll(values, 1, axis)) / (2 * step)) ** 2
        for axis, step in enumerate(spacing)
    )
    return np.asarray((values - np.float32(level)) / (np.sqrt(slopes) + 1e-3), np.float32)


def _splat(
    points: NDArray[np.float64], weights: NDArray[np.float64], shape: Shape, spacing: Spacing
) -> Array:
    """Points shared out linearly between the eight voxels around each; periodic."""
    points = points / spacing
    base = np.floor(points).astype(np.int64)
    part = points - base
    volume = np.zeros(math.prod(shape))
    for corner in np.ndindex(2, 2, 2):
        share = np.prod(np.where(np.array(corner) == 1, part, 1 - part), axis=-1)
        index = np.ravel_multi_index(tuple(((base + corner) % shape).T), shape)
        volume += np.bincount(index, share * weights, len(volume))
    return volume.reshape(shape).astype(np.float32)


def _smooth(volume: Array, spacing: Spacing, width: float) -> Array:
    from scipy import fft

    spectrum = fft.rfftn(volume)
    spectrum *= _gaussian(volume.shape, [math.hypot(width / step, _VOXEL) for step in spacing])
    return np.asarray(fft.irfftn(spectrum, s=volume.shape).clip(0), np.float32)


def _gaussian(shape: Sequence[int], sigmas: Sequence[float]) -> Array:
    """Half spectrum of a Gaussian of unit sum, sigmas in voxels."""
    frequencies = [np.fft.fftfreq(n) for n in shape[:-1]] + [np.fft.rfftfreq(shape[-1])]
    factors = [
        np.exp(-2 * (math.pi * sigma * f) ** 2).astype(np.float32)
        for f, sigma in zip(frequencies, sigmas, strict=True)
    ]
    return np.asarray(factors[0][:, None, None] * factors[1][:, None] * factors[2])


def _extent(shape: Shape, spacing: Spacing) -> tuple[float, ...]:
    return tuple(n * s for n, s in zip(shape, spacing, strict=True))


def _between(low: float, high: float, rng: np.random.Generator) -> float:
    """Draw a number log-uniformly."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))
