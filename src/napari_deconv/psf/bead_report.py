"""What became of the beads of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .readout import fwhm


@dataclass(frozen=True)
class Bead:
    """A bead and what became of it.

    Parameters
    ----------
    place : tuple of float
        Its middle in pixels, in axis order.
    reason : str
        Why it was not used: ``close``, ``border``, ``saturated``, ``dim`` or ``shape``; empty if
        it was.
    said : str
        The same in words, with numbers.
    fwhm_px : tuple of float
        Widths at half maximum of a Gaussian fitted to it; empty where none fits.
    """

    place: tuple[float, ...]
    reason: str = ""
    said: str = "used"
    fwhm_px: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Measured:
    """What `measure` found.

    Parameters
    ----------
    psf : ndarray
        float32 of unit sum and odd sizes, centred.
    beads : tuple of Bead
        All that were looked at.
    """

    psf: NDArray[np.float32]
    beads: tuple[Bead, ...]

    @property
    def used(self) -> tuple[Bead, ...]:
        """The beads the PSF was made of."""
        return tuple(bead for bead in self.beads if not bead.reason)

    @property
    def fwhm_px(self) -> tuple[float, ...]:
        """Width of the PSF per axis, in pixels."""
        return fwhm(self.psf)

    def against(self, theory: NDArray[Any]) -> tuple[float, ...]:
        """Width relative to that of a PSF on the same voxels, per axis; 1 is as wide."""
        return tuple(a / b for a, b in zip(self.fwhm_px, fwhm(theory), strict=True))
