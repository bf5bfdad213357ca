"""The ends of an image's range, but for pixels that stand out alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SAMPLE = 100_000
_FEW = 10_000
_ALONE = 0.75
"""Share of its height that a pixel has over both its neighbours, if it stands out alone."""


def extremes(block: NDArray[Any]) -> tuple[float, float]:
    """The least and the largest value of a block ``(S, *spatial)`` but for what stands out alone.

    Hot and dead pixels, rows and columns rise by three quarters of their height over both their
    neighbours across; no blurred light does.
    """
    low, high = float(block.min()), float(block.max())
    sample = strided(block, _SAMPLE)
    darkest, middle, brightest = (float(q) for q in np.percentile(sample, [2, 50, 98]))
    most = _calm_maximum(block, middle, brightest) if high > brightest else high
    least = _calm_maximum(block, middle, darkest, -1) if low < darkest else low
    return min(least, most), max(least, most)


def _calm_maximum(block: NDArray[Any], middle: float, level: float, sign: int = 1) -> float:
    """The largest value (least, for -1) that does not stand out alone; ``level`` if all do."""
    beyond = np.nonzero(block > level if sign > 0 else block < level)
    if len(beyond[0]) > max(_FEW, block.size // 25):
        return float(block.max() if sign > 0 else block.min())
    values = sign * block[beyond].astype(np.float64)
    height, alone = values - sign * middle, np.zeros(len(values), bool)
    for axis in (block.ndim - 2, block.ndim - 1):
        n = block.shape[axis]
        if n < _LEAST_ACROSS:
            continue
        sides = []
        for step in (-1, 1):
            place = list(beyond)
            # Beyond the border there is what lies on the other side.
            across = place[axis] + step
            place[axis] = np.where((across < 0) | (across >= n), place[axis] - step, across)
            sides.append(sign * block[tuple(place)].astype(np.float64))
        alone |= values - np.maximum(*sides) > _ALONE * height
    calm = values[~alone]
    return sign * float(calm.max()) if len(calm) else level


_LEAST_ACROSS = 3


def strided(block: NDArray[Any], most: int) -> NDArray[Any]:
    """About ``most`` pixels spread evenly, without a copy of the rest."""
    step = max(1, math.ceil(block.size / max(1, most)))
    return block.ravel()[::step] if block.flags.c_contiguous else block.flat[::step]
