"""`PSF`: a point spread function as typed parameters that render to an array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.spec import Spec


class PSF(Spec):
    """A generator of point spread functions; calling a configured instance renders it.

    Sizes ending in ``_px`` are in pixels of the finest axis; ``pixel_size`` stretches the grid
    for anisotropic voxels.
    """

    ndim: ClassVar[tuple[int, ...]] = (2,)
    """Dimensions it can be rendered in."""

    def __call__(
        self, shape: Sequence[int] | None = None, pixel_size: Sequence[float] | None = None
    ) -> NDArray[np.float32]:
        """Render as float32 of unit sum, centred on pixel ``size // 2`` of every axis.

        Parameters
        ----------
        shape : sequence of int, optional
            Size per axis; by default odd sizes that cut less than 0.1 % of the energy.
        pixel_size : sequence of float, optional
            Voxel size per axis in any one unit; only the ratios matter. Default: isotropic.

        Returns
        -------
        ndarray
            float32, non-negative, sum 1.

        Raises
        ------
        DeconvError
            If the shape has the wrong number of axes or holds none of the energy.
        """
        steps = _steps(pixel_size, len(shape) if shape is not None else None)
        size = tuple(int(n) for n in shape) if shape is not None else self.support(steps)
        if len(size) not in self.ndim or min(size) < 1:
            raise DeconvError(
                f"{self.title} PSF: shape {size} does not fit.",
                f"Give {' or '.join(map(str, self.ndim))} sizes of at least 1.",
            )
        array = np.asarray(self.render(size, steps or (1.0,) * len(size)), dtype=np.float64)
        total = array.sum()
        if not total > 0:
            raise DeconvError(f"{self.title} PSF: nothing of it lies in shape {size}.", "Enlarge it.")
        return (array / total).astype(np.float32)

    def support(self, steps: tuple[float, ...] | None) -> tuple[int, ...]:
        """Odd sizes per axis that hold at least 99.9 % of the energy."""
        raise NotImplementedError

    def render(self, shape: tuple[int, ...], steps: tuple[float, ...]) -> NDArray[np.floating]:
        """Intensities on ``shape``, centred at ``size // 2``; the caller normalises."""
        raise NotImplementedError


def _steps(pixel_size: Sequence[float] | None, ndim: int | None) -> tuple[float, ...] | None:
    """Voxel size per axis relative to the smallest."""
    if pixel_size is None:
        return None
    sizes = tuple(float(s) for s in pixel_size)
    if not sizes or min(sizes) <= 0 or (ndim is not None and len(sizes) != ndim):
        raise DeconvError(f"pixel_size = {sizes} does not fit.", "Give one positive size per axis.")
    return tuple(s / min(sizes) for s in sizes)


def odd(radius: float) -> int:
    """The odd size that reaches ``radius`` pixels on both sides of its centre."""
    return 2 * int(np.ceil(radius)) + 1
