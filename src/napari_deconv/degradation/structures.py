"""Generated scenes that look like fluorescence, planes and stacks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core.errors import DeconvError
from . import volumes
from .scenery import Scenery

Array = NDArray[np.float64]


class Structures(Scenery, title="Fluorescence structures"):
    """Random planes and stacks of fluorescent structures on a background; periodic at the borders.

    A plane or stack holds one to three of the kinds below, of random size, number and brightness,
    on an uneven background. Its brightest pixel is 1 before the background is added.

    Parameters
    ----------
    kinds : tuple of str
        Out of ``spots``, ``filaments``, ``membranes``, ``nuclei``, ``texture`` and, for stacks
        only, ``shells``.
    fine_px, coarse_px : float
        Finest and coarsest spots and lines, as standard deviations, drawn log-uniformly.
    cell_px : float
        Usual distance from one cell to the next; each plane's is between half and twice that.
    background_low, background_high : float
        Range of the background's mean, drawn log-uniformly.
    """

    kinds: tuple[str, ...] = ("spots", "filaments", "membranes", "nuclei", "texture")
    fine_px: Annotated[float, Interval(ge=0.3, le=20)] = 0.4
    coarse_px: Annotated[float, Interval(ge=0.3, le=20)] = 2.5
    cell_px: Annotated[float, Interval(ge=8, le=512)] = 40.0
    background_low: Annotated[float, Interval(gt=0, le=10)] = 0.003
    background_high: Annotated[float, Interval(gt=0, le=10)] = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        for kind in self.kinds or ("",):
            if kind not in volumes.VOLUME_KINDS:
                kinds = ", ".join(volumes.VOLUME_KINDS)
                raise DeconvError(f"There is no structure {kind!r}.", f"Choose of: {kinds}.")
        for low, high in (("fine_px", "coarse_px"), ("background_low", "background_high")):
            if getattr(self, low) > getattr(self, high):
                raise DeconvError(f"{self.title}: {low} is above {high}.", "Swap the two.")

    def draw(
        self, shape: tuple[int, int], rng: np.random.Generator, *, colours: bool = False
    ) -> NDArray[np.float32]:
        """One plane ``(Y, X)``, at least 0; as three equal colours if those are wanted."""
        plane = np.zeros(shape)
        kinds = [kind for kind in self.kinds if kind in _KINDS]
        if not kinds:
            raise DeconvError(
                f"{self.title}: {', '.join(self.kinds)} are only in stacks.", "Add another kind."
            )
        for _ in range(int(rng.integers(1, 4))):
            kind = kinds[int(rng.integers(len(kinds)))]
            width = _between(self.fine_px, self.coarse_px, rng)
            layer = _KINDS[kind](shape, width, _between(0.5, 2, rng) * self.cell_px, rng)
            # In some places there is more of everything than in others.
            layer *= np.exp(rng.uniform(0, 0.8) * field(shape, self.cell_px, rng))
            plane += _between(0.1, 1, rng) * layer / layer.max() if layer.max() > 0 else 0.0
        haze = np.exp(rng.uniform(0, 0.5) * field(shape, self.cell_px, rng))
        level = _between(self.background_low, self.background_high, rng)
        drawn = (plane / max(plane.max(), 1e-6) + level * haze).astype(np.float32)
        return np.stack([drawn] * 3) if colours else drawn

    def stack(
        self,
        shape: tuple[int, int, int],
        rng: np.random.Generator,
        spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    ) -> NDArray[np.float32]:
        """One stack ``(Z, Y, X)``, above 0; a pure function of the generator.

        Parameters
        ----------
        shape : tuple of int
            Planes, rows and columns.
        rng : Generator
            Draws everything.
        spacing : tuple of float
            Voxel size over the smallest, ``(z, y, x)``. Lengths are in voxels of the smallest axis.
        """
        sharp = np.zeros(shape, np.float32)
        for _ in range(int(rng.integers(1, 4))):
            kind = self.kinds[int(rng.integers(len(self.kinds)))]
            width = _between(self.fine_px, self.coarse_px, rng)
            cell = _between(0.5, 2, rng) * self.cell_px
            layer = volumes.VOLUME_KINDS[kind](shape, spacing, width, cell, rng)
            if rng.integers(2):
                uneven = volumes.field(shape, spacing, self.cell_px, rng)
                layer = layer * np.exp(np.float32(rng.uniform(0, 0.8)) * uneven)
            most = float(layer.max())
            sharp += np.float32(_between(0.1, 1, rng) / most) * layer if most > 0 else 0
        haze = np.exp(
            np.float32(rng.uniform(0, 0.5)) * volumes.field(shape, spacing, 2 * self.cell_px, rng)
        )
        level = np.float32(_between(self.background_low, self.background_high, rng))
        return np.asarray(sharp / np.float32(max(sharp.max(), 1e-6)) + level * haze, np.float32)


def field(shape: tuple[int, ...], size_px: float, rng: np.random.Generator) -> Array:
    """A smooth periodic random field of mean 0 and variance 1 with features of about a size."""
    frequencies = np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij", sparse=True)
    power = np.exp(-0.5 * (size_px / 2) ** 2 * sum(f**2 for f in frequencies) * math.pi**2)
    power[(0,) * len(shape)] = 0
    rough = np.fft.ifftn(np.fft.fftn(rng.standard_normal(shape)) * power).real
    return np.asarray(rough / (rough.std() + 1e-12))


def _spots(shape: tuple[int, int], width: float, cell: float, rng: np.random.Generator) -> Array:
    """Points of unequal brightness, half of the time gathered in cells."""
    count = round(_between(3, max(4.0, 0.01 * math.prod(shape) / width), rng))
    points = rng.uniform(0, shape, (count, 2))
    if rng.integers(2):
        hosts = rng.uniform(0, shape, (max(1, round(math.prod(shape) / cell**2)), 2))
        points = hosts[rng.integers(len(hosts), size=count)]
        points = points + rng.normal(0, cell / 4, (count, 2))
    bright = np.exp(rng.normal(0, rng.uniform(0, 1), count))
    return _smooth(_splat(points, bright, shape), width)


def _filaments(
    shape: tuple[int, int], width: float, cell: float, rng: np.random.Generator
) -> Array:
    """Curves that bend little; sometimes a bundle that runs one way."""
    count, steps = int(rng.integers(2, 2 + max(1, round(12 * max(shape) / 96)))), 4 * max(shape)
    common, spread = rng.uniform(0, math.pi), _between(0.05, 3, rng)
    heading = common + spread * rng.standard_normal((count, 1))
    bend = _between(0.02, 1.5, rng) / math.sqrt(cell)
    heading = heading + 0.5 * bend * np.cumsum(rng.standard_normal((count, steps)), axis=1)
    paths = np.cumsum(np.stack([np.sin(heading), np.cos(heading)], -1), axis=1) / 2
    paths += rng.uniform(0, shape, (count, 1, 2))
    bright = np.exp(rng.normal(0, 0.6, (count, 1))) * np.ones((count, steps))
    ends = np.arange(steps) < rng.integers(steps // 8, steps, (count, 1))
    return _smooth(_splat(paths[ends], bright[ends], shape), width)


def _membranes(
    shape: tuple[int, int], width: float, cell: float, rng: np.random.Generator
) -> Array:
    """Outlines of cells: a level set of a smooth field, ``width`` wide."""
    distance = _from_level(field(shape, cell, rng), rng.uniform(-1, 1))
    return np.exp(-0.5 * (distance / max(width, 0.5)) ** 2)


def _nuclei(shape: tuple[int, int], width: float, cell: float, rng: np.random.Generator) -> Array:
    """Filled blobs with texture within."""
    distance = _from_level(field(shape, cell, rng), rng.uniform(0, 1.5))
    grain = np.exp(rng.uniform(0, 0.8) * field(shape, _between(2, 10, rng), rng))
    return np.asarray(grain / (1 + np.exp(-np.clip(2 * distance / max(width, 0.5), -60, 60))))


def _texture(shape: tuple[int, int], width: float, cell: float, rng: np.random.Generator) -> Array:
    """Fine-grained stuff of cells: two scales of a skewed random field."""
    fine = field(shape, _between(2, 8, rng) * width, rng)
    return np.exp(rng.uniform(0.3, 1.2) * fine + rng.uniform(0.3, 1.5) * field(shape, cell, rng))


_KINDS: dict[str, Callable[[tuple[int, int], float, float, np.random.Generator], Array]] = {
    "spots": _spots,
    "filaments": _filaments,
    "membranes": _membranes,
    "nuclei": _nuclei,
    "texture": _texture,
}


def _from_level(values: Array, level: float) -> Array:
    """Signed distance in pixels from where a field has a value, to first order."""
    slopes = [(np.roll(values, -1, axis) - np.roll(values, 1, axis)) / 2 for axis in (0, 1)]
    return np.asarray((values - level) / (np.hypot(*slopes) + 1e-3))


def _splat(points: Array, weights: Array, shape: tuple[int, int]) -> Array:
    """Points shared out linearly between the four pixels around each; periodic."""
    base = np.floor(points).astype(int)
    part = points - base
    plane = np.zeros(shape)
    for corner in np.ndindex(2, 2):
        share = np.prod(np.where(np.array(corner) == 1, part, 1 - part), axis=-1)
        rows, columns = ((base + corner) % shape).T
        np.add.at(plane, (rows, columns), share * weights)
    return plane


def _smooth(plane: Array, sigma_px: float) -> Array:
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(plane, sigma_px, mode="wrap"))


def _between(low: float, high: float, rng: np.random.Generator) -> float:
    """Draw a number log-uniformly."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))
