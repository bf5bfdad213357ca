"""PSFs that change with depth: one per depth, for a stack that is deeper than one PSF holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from .microscope import Microscope


def at_depths(
    spec: Microscope,
    depths_um: Sequence[float],
    shape: Sequence[int] | None = None,
    pixel_size: Sequence[float] | None = None,
) -> NDArray[np.float32]:
    """The PSF at several depths below the coverslip.

    Each is centred on its own brightest plane: how far the focus itself shifts is not part of it.

    Parameters
    ----------
    spec : Microscope
        The optics; its own depth does not count.
    depths_um : sequence of float
        Depths, in the order wanted.
    shape : sequence of int, optional
        Size per axis; by default what the widest of them needs.
    pixel_size : sequence of float
        Voxel size in micrometres, ``([z,] y, x)``.

    Returns
    -------
    ndarray
        float32, ``(depths, [Z,] Y, X)``, each of unit sum.

    Raises
    ------
    DeconvError
        If it is no microscope PSF, no depth is given, or one does not fit.
    """
    if not isinstance(spec, Microscope):
        raise DeconvError(f"A {spec} has no depth.", "Give a microscope PSF such as WideField().")
    if not len(depths_um):
        raise DeconvError("depths_um is empty.", "Give at least one depth.")
    each = [spec.but(depth_um=float(depth)) for depth in depths_um]
    if shape is None:
        sizes = [psf(None, pixel_size).shape for psf in each]
        shape = tuple(max(n) for n in zip(*sizes, strict=True))
    return np.stack([psf(shape, pixel_size) for psf in each])
