"""PSFs that change with depth: one per depth, for a stack that is deeper than one PSF holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..engine.depths import DepthPSF
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
        If it is not a microscope PSF, no depth is given, or one does not fit.
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


def through(
    spec: Microscope,
    planes: int,
    pixel_size: Sequence[float],
    count: int = 3,
    shape: Sequence[int] | None = None,
) -> DepthPSF:
    """PSFs at even distances over the planes of a stack, for `deconvolve`.

    A step of the stage by ``dz`` goes ``dz n_sample / n_immersion`` deeper into the sample (the
    paraxial focal shift: S. Hell et al., Aberrations in confocal fluorescence microscopy induced by
    mismatches in refractive index, 1993).

    Parameters
    ----------
    spec : Microscope
        The optics; its depth is that of plane 0.
    planes : int
        How many planes the stack has; they go on from the coverslip into the sample.
    pixel_size : sequence of float
        Voxel size in micrometres, ``(z, y, x)``.
    count : int
        How many PSFs: at most one per plane.
    shape : sequence of int, optional
        Size of each; by default what the widest of them needs.

    Raises
    ------
    DeconvError
        As `at_depths`, and if there is no plane or no PSF.
    """
    if planes < 1 or count < 1:
        raise DeconvError(f"{count} PSFs over {planes} planes.", "Give at least one of each.")
    if not isinstance(spec, Microscope):
        raise DeconvError(f"A {spec} has no depth.", "Give a microscope PSF such as WideField().")
    places = np.linspace(0, planes - 1, min(count, planes)) if count > 1 else [(planes - 1) / 2]
    deeper = spec.refractive_index_sample / spec.refractive_index_immersion
    depths = [spec.depth_um + float(z) * float(pixel_size[0]) * deeper for z in places]
    return DepthPSF(tuple(map(float, places)), tuple(at_depths(spec, depths, shape, pixel_size)))
