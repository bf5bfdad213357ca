"""`PSF`: a point spread function as typed parameters that render to an array."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.spec import Spec

if TYPE_CHECKING:
    from .findings import Finding

Array = NDArray[np.float64]

MAX_VOXELS = 2**27
"""Largest array that is rendered or resampled; 512 MB of float32."""


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
    """Codes of findings that are no fault of such a PSF."""

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
            known = " or ".join(f"{n}-D" for n in self.ndim)
            raise DeconvError(
                f"{self.title} PSF is {known}, but {wanted} axes were asked for.",
                f"Give shape and pixel_size for {known}, or choose another PSF.",
            )


def check_size(what: str, shape: Sequence[int]) -> None:
    """Raise `DeconvError` for a shape below 1 or beyond `MAX_VOXELS`."""
    if min(shape) < 1:
        raise DeconvError(f"{what}: shape {tuple(shape)} is empty.", "Give sizes of at least 1.")
    if math.prod(shape) > MAX_VOXELS:
        raise DeconvError(
            f"{what}: shape {tuple(shape)} needs {math.prod(shape) * 4 / 1e9:.1f} GB.",
            "Give a smaller shape or a narrower PSF.",
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


def checked_pixel_size(what: str, sizes: Sequence[float], ndim: int = 0) -> tuple[float, ...]:
    """Voxel sizes as floats, of the last ``ndim`` axes where that is given.

    Raises
    ------
    DeconvError
        Naming ``what``, unless all are positive and there are enough.
    """
    found = tuple(float(s) for s in np.atleast_1d(np.asarray(sizes, dtype=np.float64)))
    if not found or not all(math.isfinite(s) and s > 0 for s in found):
        raise DeconvError(f"{what} = {found} does not fit.", "Give one positive size per axis.")
    if len(found) < ndim:
        raise DeconvError(f"{what} = {found} has too few values.", f"Give {ndim}.")
    return found[-ndim:]


def odd(radius: float) -> int:
    """The odd size that reaches ``radius`` pixels on both sides of its centre."""
    return 2 * max(0, int(np.ceil(radius))) + 1


def rim(radius: float) -> int:
    """The odd size that holds a shape of ``radius`` pixels and an empty pixel on either side.

    The empty rim tells a shape that ends from one that was cut.
    """
    return odd(radius + 0.5 - 1e-9)


def pixel_edges(size: int, step: float = 1.0) -> Array:
    """Borders of the pixels of an axis, ``(size + 1,)``, from the middle of its centre pixel."""
    return np.asarray((np.arange(size + 1) - size // 2 - 0.5) * step, dtype=np.float64)
