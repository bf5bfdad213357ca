"""Linear motion during the exposure: a straight line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from annotated_types import Interval

from ..core.errors import DeconvError
from .base import PSF
from .grid import Array, pixel_edges, rim

_OVERSAMPLING = 64


class Motion(PSF, title="Motion", name="motion"):
    """Uniform motion along a line: a bar one pixel wide, antialiased by area.

    A bar of integer odd length along an axis is exactly that many equal pixels.

    Parameters
    ----------
    length_px : float
        Length of the line in pixels, any real value.
    angle_deg : float
        Direction in degrees, counter-clockwise from the horizontal as displayed (rows run down).
    """

    length_px: Annotated[float, Interval(gt=0, le=512)] = 15.0
    angle_deg: Annotated[float, Interval(ge=-180, le=180)] = 0.0

    def support(self, steps: tuple[float, ...] | None) -> tuple[int, ...]:
        dy, dx = (abs(d) for d in self._direction)
        reach = ((self.length_px * dy + dx) / 2, (self.length_px * dx + dy) / 2)
        return tuple(rim(r / s) for r, s in zip(reach, steps or (1.0, 1.0), strict=True))

    def render(self, shape: tuple[int, ...], steps: tuple[float, ...]) -> Array:
        dy, dx = self._direction
        if abs(dy) > abs(dx):
            return _bar((dx, dy), self.length_px, shape[::-1], steps[::-1]).T
        return _bar((dy, dx), self.length_px, shape, steps)

    @property
    def _direction(self) -> tuple[float, float]:
        """Unit vector ``(y, x)``."""
        angle = math.radians(self.angle_deg)
        return -math.sin(angle), math.cos(angle)


def line_to_motion(start_yx: Sequence[float], end_yx: Sequence[float]) -> Motion:
    """The motion PSF of a line drawn on an image.

    Parameters
    ----------
    start_yx, end_yx : sequence of float
        Ends of the line in pixel coordinates, row first; their order does not matter.

    Returns
    -------
    Motion
        Length of the line, and its angle in [0, 180) degrees.

    Raises
    ------
    DeconvError
        If the line has no length, is too long or does not lie in a plane.
    """
    start, end = (np.asarray(p, dtype=np.float64).ravel() for p in (start_yx, end_yx))
    if start.shape != (2,) or end.shape != (2,) or not np.isfinite([start, end]).all():
        raise DeconvError(
            f"The line from {start.tolist()} to {end.tolist()} does not lie in a plane.",
            "Draw it in the 2-D view.",
        )
    down, right = end - start
    if not math.hypot(down, right) > 0:
        raise DeconvError("The drawn line has no length.", "Draw it along a streak in the image.")
    angle = round(math.degrees(math.atan2(-down, right)), 6) % 180
    return Motion(length_px=math.hypot(down, right), angle_deg=angle)


def _bar(
    direction: tuple[float, float], length: float, shape: tuple[int, ...], steps: tuple[float, ...]
) -> Array:
    """Area a bar of unit width shares with each pixel; it must run mostly along the last axis.

    Exact along the last axis, sampled finely along the first.
    """
    dx = direction[1]
    # A rounding error in the direction must not leave traces around a bar along the axis.
    dy = direction[0] if abs(direction[0]) > 1e-9 else 0.0
    fine = (np.arange(_OVERSAMPLING) + 0.5) / _OVERSAMPLING - 0.5
    y = ((np.arange(shape[0]) - shape[0] // 2)[:, None] + fine).reshape(-1, 1) * steps[0]
    ends = np.sort((y * -dy + np.array([-length, length]) / 2) / dx, axis=1)
    sides = np.sort((y * dx + np.array([-0.5, 0.5])) / (dy or 1e-9), axis=1)
    low = np.maximum(ends[:, :1], sides[:, :1])
    high = np.maximum(np.minimum(ends[:, 1:], sides[:, 1:]), low)
    covered = np.diff(np.clip(pixel_edges(shape[1], steps[1]), low, high), axis=1)
    return np.asarray(covered.reshape(shape[0], _OVERSAMPLING, shape[1]).sum(axis=1))
