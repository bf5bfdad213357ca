"""Out-of-focus blur of a lens: a uniform disk."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from .base import PSF, odd

_OVERSAMPLING = 16


class Disk(PSF, title="Disk"):
    """Uniform disk (geometric defocus), antialiased by area.

    Parameters
    ----------
    radius_px : float
        Radius of the disk in pixels, any real value.
    """

    radius_px: Annotated[float, Interval(gt=0, le=256)] = 5.0

    def support(self, steps: tuple[float, ...] | None) -> tuple[int, ...]:
        return tuple(odd(self.radius_px / s - 0.5) for s in steps or (1.0, 1.0))

    def render(self, shape: tuple[int, ...], steps: tuple[float, ...]) -> NDArray[np.floating]:
        fine = (np.arange(_OVERSAMPLING) + 0.5) / _OVERSAMPLING - 0.5
        y = ((np.arange(shape[0]) - shape[0] // 2)[:, None] + fine).ravel() * steps[0]
        # Along x the covered length is exact; only y is sampled, which makes the area smooth.
        half = np.sqrt(np.clip(self.radius_px**2 - y**2, 0, None))[:, None]
        edge = (np.arange(shape[1] + 1) - shape[1] // 2 - 0.5) * steps[1]
        covered = np.diff(np.clip(edge, -half, half), axis=1)
        return covered.reshape(shape[0], _OVERSAMPLING, shape[1]).sum(axis=1)
