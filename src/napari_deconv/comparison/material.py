"""`Material`: the arrays that a comparison works on, checked against each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine.axes import Layout, parse_axes

_APART = 3.0
"""Factor between the means of truth and image from which on they hardly are on one scale."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Material:
    """The arrays of one comparison.

    Parameters
    ----------
    image : array_like
        The blurred image, any dtype; numpy, dask or zarr.
    axes : str
        One letter per axis of it.
    psf : ndarray
        Two- or three-dimensional.
    truth, repeat : array_like or None
        The sharp image, and a second shot of the same scene, of the image's shape.
    pixel_size : float
        Of a pixel along X, in ``unit``; 0 where it is not known.
    unit : str
        Such as ``"µm"``.
    psf_recipe : dict or None
        The PSF's recipe.
    spacing : tuple of float or None
        Voxel size along the PSF's axes, where it is known.
    """

    image: Any
    axes: str
    psf: NDArray[Any]
    truth: Any = None
    repeat: Any = None
    pixel_size: float = 0.0
    unit: str = ""
    psf_recipe: dict[str, Any] | None = None
    spacing: tuple[float, ...] | None = None

    @property
    def layout(self) -> Layout:
        """The image's axes under this PSF."""
        return parse_axes(tuple(self.image.shape), self.axes, self.psf.ndim)

    def fitting(self, align: bool) -> tuple[Material, tuple[str, ...]]:
        """Drop truth or repeat where they do not fit the image, and say in words which."""
        notes = []
        kept: dict[str, Any] = {}
        for key, remedy in (
            ("truth", "It is left out: choose one of the image's shape, or crop the larger."),
            ("repeat", "It is left out: choose a second shot of the image's shape."),
        ):
            array = getattr(self, key)
            if array is None:
                continue
            shape = tuple(array.shape)
            if shape != tuple(self.image.shape):
                sizes = " x ".join(map(str, shape)), " x ".join(map(str, self.image.shape))
                notes.append(f"The {key} has {sizes[0]} pixels, the image {sizes[1]}. {remedy}")
                kept[key] = None
            elif np.dtype(array.dtype).kind not in "biuf":
                notes.append(f"The {key} has dtype {array.dtype}. {remedy}")
                kept[key] = None
        fit = replace(self, **kept)
        if fit.truth is not None and not align:
            notes += _scales(fit)
        return fit, tuple(notes)


def _scales(material: Material) -> list[str]:
    """A note where the truth hardly is on the image's scale."""
    step = tuple(slice(None, None, max(1, n // 256)) for n in material.image.shape)
    image, truth = (float(np.mean(np.asarray(a[step]))) for a in (material.image, material.truth))
    if image * truth > 0 and 1 / _APART < truth / image < _APART:
        return []
    return [
        f"The truth's mean is {truth:.4g}, the image's {image:.4g}: they hardly are on one scale. "
        "Tick 'Align intensities' to compare shapes alone."
    ]
