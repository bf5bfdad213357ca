"""The single findings of the preflight: each check says what it saw, with numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine.incoming import psf_fault
from . import mending
from .grid import Array, checked_pixel_size

_REFUSED = ("bool", "negative")
"""Codes of what can be repaired, and has to be before use."""
_OFF_CENTRE_PX = 0.5
_SUM_TOLERANCE = 1e-3
_CUT_LIMIT = 0.01
_SPACING_TOLERANCE = 0.01


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or odd about a PSF.

    Parameters
    ----------
    code : str
        Short stable name: ``type``, ``empty``, ``dimension``, ``not-finite``, ``zero-sum`` (all
        fatal), ``bool``, ``negative``, ``voxel-size``, ``background``, ``even``, ``off-centre``,
        ``larger``, ``cut``, ``sum`` (all repairable), ``flat``, ``delta``, ``nyquist``,
        ``beyond`` (to think about).
    message : str
        What was found, with numbers.
    remedy : str
        What to do about it.
    fatal : bool
        Whether the PSF cannot be used at all.
    room : tuple of int
        Shape of the image's spatial axes where known; the repair keeps within it.
    zoom : tuple of float
        For ``voxel-size``: the PSF's voxel size divided by the image's, per axis.
    """

    code: str
    message: str
    remedy: str
    fatal: bool = False
    room: tuple[int, ...] = ()
    zoom: tuple[float, ...] = ()

    @property
    def repairable(self) -> bool:
        """Whether `repair` can remove it."""
        return not self.fatal and self.code not in ("flat", "delta", "nyquist", "beyond")

    @property
    def refuses(self) -> bool:
        """Whether the PSF cannot be used as it is."""
        return self.fatal or self.code in _REFUSED

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


def fault(array: NDArray[Any], image_shape: Sequence[int] | None) -> Finding | None:
    """The reason why the PSF cannot be used, or not before it is repaired."""
    reason = psf_fault(array)
    if reason is not None and reason[0] not in _REFUSED:
        return Finding(*reason, fatal=True)
    if image_shape is not None and len(image_shape) < array.ndim:
        return Finding(
            "dimension",
            f"The PSF is {array.ndim}-D, but the image has {len(image_shape)} spatial axes.",
            "Give a 2-D PSF.",
            fatal=True,
        )
    return None if reason is None else Finding(*reason)


def voxel_sizes(
    ndim: int, pixel_size: Sequence[float] | None, image_pixel_size: Sequence[float] | None
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Voxel sizes of PSF and image for the axes of the PSF."""
    if pixel_size is None or image_pixel_size is None:
        return None
    return (
        checked_pixel_size("pixel_size", pixel_size, ndim),
        checked_pixel_size("image_pixel_size", image_pixel_size, ndim),
    )


def voxel_size(sizes: tuple[tuple[float, ...], tuple[float, ...]] | None) -> Finding | None:
    """The image's voxel size; ``sizes`` are those of PSF and image."""
    if sizes is None:
        return None
    own, wanted = sizes
    zoom = tuple(o / w for o, w in zip(own, wanted, strict=True))
    if all(abs(z - 1) <= _SPACING_TOLERANCE for z in zoom):
        return None
    message = f"The PSF's voxel size is {_joined(own, 'g')}, the image's {_joined(wanted, 'g')}."
    return Finding("voxel-size", message, "Repair resamples the PSF.", zoom=zoom)


def background(psf: Array) -> Finding | None:
    """Find a pedestal under the PSF."""
    level = mending.background(psf)
    if not level:
        return None
    message = f"The PSF stands on a background of {level / psf.max():.1%} of its peak."
    return Finding("background", message, "Repair subtracts it.")


def even(psf: Array) -> Finding | None:
    """A pixel in the middle of every axis."""
    if all(n % 2 for n in psf.shape):
        return None
    message = f"The size {_joined(psf.shape)} is even: it has no pixel in the middle."
    return Finding("even", message, "Repair pads it and centres it anew.")


def off_centre(psf: Array) -> Finding | None:
    """The centre of mass within half a pixel of the middle."""
    place, middle = mending.centre_of_mass(psf), tuple(n // 2 for n in psf.shape)
    off = max(abs(p - m) for p, m in zip(place, middle, strict=True))
    if off <= _OFF_CENTRE_PX + 1e-6:
        return None
    message = (
        f"The centre of mass is at ({_joined(place, '.1f', ', ')}), not on the central pixel "
        f"({_joined(middle, 'd', ', ')}): results would be shifted by up to {off:.1f} px."
    )
    return Finding("off-centre", message, "Repair moves it to the middle.")


def larger(psf: Array, room: tuple[int, ...]) -> Finding | None:
    """Find whether it is larger than the image, whose shape is ``room`` where known.

    Where next to nothing lies outside, the PSF has an empty rim; otherwise it is physics: there is
    light in the image from beyond it, and a PSF that was cropped would deny that.
    """
    if not any(n > most for n, most in zip(psf.shape, room, strict=False)):
        return None
    lost = 1 - mending.crop(psf.clip(0), room).sum() / psf.clip(0).sum()
    sizes = f"({_joined(psf.shape)})", f"the image ({_joined(room)})"
    if lost <= _CUT_LIMIT:
        remedy = f"Repair crops it to fit, which cuts {lost:.1%} of its energy."
        return Finding("larger", f"The PSF {sizes[0]} is larger than {sizes[1]}.", remedy)
    return Finding(
        "beyond",
        f"The PSF {sizes[0]} reaches beyond {sizes[1]}, with {lost:.0%} of its energy. There is "
        "light in the image from where nothing was recorded.",
        "Richardson-Lucy accounts for that; better, record more planes and a wider field.",
    )


def cut(psf: Array, room: tuple[int, ...] = ()) -> Finding | None:
    """Next to no energy beyond the border; an axis longer than the image's has enough of it."""
    share = 0.0 if _is_flat(psf) else mending.cut_energy(psf, room)
    if share <= _CUT_LIMIT:
        return None
    amount = f"about {share:.0%}" if share < 0.5 else "half or more"
    message = f"The PSF does not fade out at its border: {amount} of its energy may be cut off."
    remedy = "Use a larger PSF array if you can; repair fades the border out."
    return Finding("cut", message, remedy)


def _is_flat(psf: Array) -> bool:
    return psf.size > 1 and float(np.ptp(psf)) <= 1e-6 * float(np.abs(psf).max())


def flat(psf: Array) -> Finding | None:
    """Find whether all pixels are equal."""
    if not _is_flat(psf):
        return None
    message = f"All {psf.size} values are equal: this PSF is a box of {_joined(psf.shape)} px."
    return Finding("flat", message, "Check that this is the blur you mean.")


def delta(psf: Array) -> Finding | None:
    """Find whether all energy lies in one pixel."""
    if psf.max() < 0.999 * np.abs(psf).sum():
        return None
    return Finding("delta", "The PSF is a single pixel: it blurs nothing.", "Give a wider one.")


def unit_sum(psf: Array) -> Finding | None:
    """Find whether the sum differs from 1."""
    with np.errstate(over="ignore"):
        total = float(psf.sum())
    if abs(total - 1) <= _SUM_TOLERANCE:
        return None
    message = f"The PSF sums to {total:.4g}, not 1; before use it is divided by its sum."
    return Finding("sum", message, "Nothing is lost; repair divides it now.")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + "s" * (number != 1)


def _joined(values: Sequence[float], spec: str = "", by: str = " x ") -> str:
    return by.join(format(v, spec) for v in values)
