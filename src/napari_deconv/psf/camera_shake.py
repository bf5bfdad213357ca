"""Hand-held camera shake: a smooth random trajectory."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated

import numpy as np
from annotated_types import Interval

from .base import PSF
from .grid import Array

_SAMPLES = 1000
_SPACING_PX = 0.2


class CameraShake(PSF, title="Camera shake"):
    """Path of a hand-held camera during the exposure, by a seeded random walk with inertia.

    After Boracchi and Foi, "Modeling the Performance of Image Restoration from Motion Blur",
    IEEE TIP 2012: random accelerations, a pull back to the start and rare sudden jolts drive the
    velocity. The path is scaled to fit its size, drawn with subpixel precision and put with its
    centre of mass on the central pixel.

    Parameters
    ----------
    size_px : int
        Side of the square the path of a full exposure fits into, in pixels, with an empty rim;
        an even size is rendered on the next odd one.
    seed : int
        Number of the random path; equal seeds give equal paths.
    exposure : float
        Part of the path seen while the shutter is open; shorter exposures blur less.
    jolts : float
        Expected number of sudden changes of direction during a full exposure.
    """

    size_px: Annotated[int, Interval(ge=5, le=255)] = 27
    seed: Annotated[int, Interval(ge=0, le=2**31 - 1)] = 0
    exposure: Annotated[float, Interval(gt=0, le=1)] = 1.0
    jolts: Annotated[float, Interval(ge=0, le=20)] = 2.0

    def support(self, steps: tuple[float, ...] | None) -> tuple[int, ...]:
        return tuple(2 * math.ceil(self.size_px // 2 / s) + 1 for s in steps or (1.0, 1.0))

    def render(self, shape: tuple[int, ...], steps: tuple[float, ...]) -> Array:
        whole = _path(self.seed, self.jolts)
        seen = whole[: max(2, round(self.exposure * _SAMPLES))]
        seen = seen - seen.mean(axis=0)
        # A part of the path can reach farther from its own centre than the whole from its own.
        extent = max(np.abs(whole).max(), np.abs(seen).max())
        path = _refined(seen * ((self.size_px // 2 - 1) / extent)) / steps
        return _splat(path - path.mean(axis=0), shape)


@lru_cache(maxsize=64)
def _path(seed: int, jolts: float) -> Array:
    """A random path ``(_SAMPLES, 2)`` of arbitrary scale around its centre of mass."""
    rng = np.random.default_rng(seed)
    shake, pull, friction = rng.uniform((1.0, 0.0, 1.0), (6.0, 12.0, 5.0))
    kicks = rng.normal(size=(_SAMPLES, 2)) * (shake / math.sqrt(_SAMPLES))
    jolted = rng.random(_SAMPLES) < jolts / _SAMPLES
    turns = np.exp(1j * (np.pi + rng.uniform(-1.0, 1.0, _SAMPLES)))
    accelerations = kicks[:, 0] + 1j * kicks[:, 1]
    place, velocity = 0j, np.exp(2j * np.pi * rng.random())
    places = np.empty(_SAMPLES, dtype=np.complex128)
    for i in range(_SAMPLES):
        places[i] = place
        if jolted[i]:
            velocity *= turns[i]
        velocity += accelerations[i] - (pull * place + friction * velocity) / _SAMPLES
        place += velocity / _SAMPLES
    path = np.stack([places.imag, places.real], axis=1)
    path -= path.mean(axis=0)
    path.setflags(write=False)
    return path


def _refined(path: Array) -> Array:
    """The path with samples close enough to leave no gap between pixels."""
    longest = np.abs(np.diff(path, axis=0)).max()
    factor = max(1, math.ceil(longest / _SPACING_PX))
    old = np.arange(len(path))
    new = np.arange((len(path) - 1) * factor + 1) / factor
    return np.stack([np.interp(new, old, axis) for axis in path.T], axis=1)


def _splat(path: Array, shape: tuple[int, ...]) -> Array:
    """Share each point among its four nearest pixels, which keeps the centre of mass."""
    canvas = np.zeros(shape)
    place = path + [n // 2 for n in shape]
    corner = np.floor(place).astype(np.intp)
    y, x = (place - corner).T
    for dy, dx, weight in (
        (0, 0, (1 - y) * (1 - x)), (0, 1, (1 - y) * x), (1, 0, y * (1 - x)), (1, 1, y * x),
    ):  # fmt: skip
        row, column = corner[:, 0] + dy, corner[:, 1] + dx
        inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
        np.add.at(canvas, (row[inside], column[inside]), weight[inside])
    return canvas
