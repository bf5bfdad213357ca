"""Out-of-focus blur of a lens: a uniform disk."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Interval

from .base import PSF
from .grid import Array, pixel_edges, rim


class Disk(PSF, title="Disk"):
    """Uniform disk (geometric defocus); each pixel holds the exact area it shares with the disk.

    Parameters
    ----------
    radius_px : float
        Radius of the disk in pixels, any real value.
    """

    radius_px: Annotated[float, Interval(gt=0, le=256)] = 5.0

    def support(self, steps: tuple[float, ...] | None) -> tuple[int, ...]:
        return tuple(rim(self.radius_px / s) for s in steps or (1.0, 1.0))

    def render(self, shape: tuple[int, ...], steps: tuple[float, ...]) -> Array:
        y, x = (pixel_edges(n, s / self.radius_px) for n, s in zip(shape, steps, strict=True))
        return np.asarray(np.diff(np.diff(_area(y[:, None], x), axis=0), axis=1).clip(0))


def _area(y: Array, x: Array) -> Array:
    """Signed area the unit disk shares with the rectangle from the origin to ``(y, x)``."""
    sign = np.sign(y) * np.sign(x)
    y, x = np.abs(y).clip(max=1), np.abs(x).clip(max=1)
    # Up to this abscissa the rectangle is the lower of the two, beyond it the circle.
    meet = np.minimum(x, np.sqrt(1 - y**2))
    return sign * (y * meet + _under_arc(x) - _under_arc(meet))


def _under_arc(x: Array) -> Array:
    """Integral of ``sqrt(1 - u^2)`` from 0 to ``x``."""
    return (x * np.sqrt(1 - x**2) + np.arcsin(x)) / 2
