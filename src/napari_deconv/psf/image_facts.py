"""What a PSF has to know of the image it is for: shape, voxel size, metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from .. import io
from ..core.errors import DeconvError
from .base import PSF

_SMALLEST_UM, _LARGEST_UM = 1e-3, 50.0
"""No microscope's voxels are smaller or larger than this."""


class Uncalibrated(DeconvError):
    """How large the image's voxels are is not known, or cannot be true."""


@dataclass(frozen=True, eq=False)
class ImageFacts:
    """What a PSF has to know of the image it is for.

    Parameters
    ----------
    shape : tuple of int
        Of the spatial axes, ``([Z,] Y, X)``.
    pixel_size : mapping of str to float
        Along those of the axes ``Z``, ``Y`` and ``X`` for which it is known, in ``unit``.
    unit : str
        Of the pixel size; empty where it is not known or not the same for all axes.
    microns : mapping of str to float
        The pixel size in micrometres, as far as it is a length.
    picture : Picture, optional
        The image with its metadata, for a PSF that these complete.
    typed : bool
        Whether a person stated the pixel size.
    """

    shape: tuple[int, ...]
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    unit: str = ""
    microns: Mapping[str, float] = field(default_factory=dict)
    picture: io.Picture | None = None
    typed: bool = False

    @classmethod
    def of(cls, picture: io.Picture, typed: bool = False) -> Self:
        """Take them from an image file."""
        axes = [a for a in "ZYX" if a in picture.axes]
        sizes = {a: picture.pixel_size[a] for a in axes if a in picture.pixel_size}
        units = {picture.units.get(a, "") for a in axes}
        return cls(
            shape=tuple(picture.data.shape[picture.axes.index(a)] for a in axes),
            pixel_size=sizes,
            unit=units.pop() if len(units) == 1 else "",
            microns={a: size for a, size in sizes.items() if picture.units.get(a) == "µm"},
            picture=picture,
            typed=typed,
        )

    def sizes(self, ndim: int) -> tuple[float, ...] | None:
        """Pixel size along the last ``ndim`` axes, or None unless all of them are known."""
        return along(self.pixel_size, ndim)


def along(sizes: Mapping[str, float], ndim: int) -> tuple[float, ...] | None:
    """Sizes of the last ``ndim`` axes, or None unless all of them are known."""
    axes = "ZYX"[-ndim:]
    return tuple(sizes[a] for a in axes) if set(axes) <= set(sizes) else None


def calibration(spec: PSF, image: ImageFacts | None, ndim: int) -> tuple[float, ...]:
    """The image's voxel size in micrometres, for a PSF of physical units.

    Raises
    ------
    DeconvError
        If there is no image (`Uncalibrated` if it does not say its voxel size, or one that no
        microscope has).
    """
    if image is None:
        raise DeconvError(
            f"A {spec.title.lower()} PSF takes its pixel size from an image, and none is open.",
            "Open the image it is for.",
        )
    sizes = along(image.microns, ndim)
    if sizes is None:
        stated = f"its unit is {image.unit!r}" if image.unit else "its axes do not all have a unit"
        stated = stated if image.pixel_size else "the image does not say it"
        raise Uncalibrated(
            f"How large the image's pixels are in µm is not known: {stated}.",
            "Give it: the microscope's software or the file's properties have it.",
        )
    if not all(_SMALLEST_UM <= size <= _LARGEST_UM for size in sizes):
        raise Uncalibrated(
            f"Voxels of {' x '.join(f'{size:g}' for size in sizes)} µm are not a microscope's.",
            "Printing resolutions end up there, or another unit. State the right ones.",
        )
    return sizes
