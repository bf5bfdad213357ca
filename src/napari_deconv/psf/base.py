"""`PSF`: a point spread function as typed parameters that render to an array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.spec import Spec
from .findings import Finding
from .grid import Array, check_size, checked_pixel_size


class PSF(Spec):
    """A generator of point spread functions; calling a configured instance renders it.

    Sizes ending in ``_px`` are in pixels of the finest axis; ``pixel_size`` stretches the grid
    for anisotropic voxels. Per-axis values are in axis order, ``([z,] y, x)``.
    """

    ndim: ClassVar[tuple[int, ...]] = (2,)
    """Dimensions it can be rendered in; the first is the default."""
    calibrated: ClassVar[bool] = False
    """Whether its fields are physical: ``pixel_size`` then is in micrometres, and needed."""
    nature: ClassVar[frozenset[str]] = frozenset()
    """Codes of findings that are not a fault of such a PSF."""

    def __call__(
        self, shape: Sequence[int] | None = None, pixel_size: Sequence[float] | None = None
    ) -> NDArray[np.float32]:
        """Render as float32 of unit sum, centred on pixel ``size // 2`` of every axis.

        Parameters
        ----------
        shape : sequence of int, optional
            Size per axis, odd or even; by default odd sizes that cut less than 0.1 % of the
            energy.
        pixel_size : sequence of float, optional
            Voxel size per axis in any one unit; only the ratios matter. Default: isotropic.
            A calibrated PSF needs it, in micrometres. Without ``shape``, its length chooses
            between 2-D and 3-D.

        Returns
        -------
        ndarray
            float32, non-negative, sum 1.

        Raises
        ------
        DeconvError
            If the shape has the wrong number of axes, is too large for memory or holds none of
            the energy, or a calibrated PSF is not told its voxel size.
        """
        if self.calibrated and pixel_size is None:
            raise DeconvError(
                f"{self.title} PSF: the voxel size is not known.",
                "Calibrate the image, or give pixel_size = ([z,] y, x) in µm.",
            )
        steps = _steps(pixel_size, len(shape) if shape is not None else None, self.calibrated)
        self._check_ndim(len(shape) if shape is not None else len(steps) if steps else None)
        size = tuple(int(n) for n in shape) if shape is not None else self.support(steps)
        check_size(f"{self.title} PSF", size)
        array = np.asarray(self.render(size, steps or (1.0,) * len(size)), dtype=np.float64)
        total = array.sum()
        if not total > 0:
            raise DeconvError(f"{self.title} PSF: none of it lies in shape {size}.", "Enlarge it.")
        return np.asarray(array / total, dtype=np.float32)

    def findings(self, pixel_size: tuple[float, ...]) -> tuple[Finding, ...]:
        """What there is to say of voxels of this size; ``pixel_size`` is in micrometres."""
        return ()

    def support(self, steps: tuple[float, ...] | None) -> tuple[int, ...]:
        """Odd sizes per axis that hold at least 99.9 % of the energy.

        ``steps`` are the voxel sizes relative to the smallest (of a calibrated PSF in um), None
        when none were given.
        """
        raise NotImplementedError

    def render(self, shape: tuple[int, ...], steps: tuple[float, ...]) -> Array:
        """Intensities on ``shape``, centred at ``size // 2``; the caller normalises."""
        raise NotImplementedError

    def _check_ndim(self, wanted: int | None) -> None:
        if wanted is not None and wanted not in self.ndim:
            dimensions = " or ".join(f"{n}-D" for n in self.ndim)
            raise DeconvError(
                f"{self.title} PSF is {dimensions}, but {wanted} axes were asked for.",
                f"Give shape and pixel_size for {dimensions}, or choose another PSF.",
            )


def _steps(
    pixel_size: Sequence[float] | None, ndim: int | None, absolute: bool
) -> tuple[float, ...] | None:
    """Voxel size per axis, relative to the smallest unless ``absolute``."""
    if pixel_size is None:
        return None
    sizes = checked_pixel_size("pixel_size", pixel_size)
    if ndim is not None and len(sizes) != ndim:
        raise DeconvError(
            f"pixel_size = {sizes} has {len(sizes)} values for a shape of {ndim} axes.",
            "Give one per axis.",
        )
    return sizes if absolute else tuple(s / min(sizes) for s in sizes)
