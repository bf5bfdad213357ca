"""What became of the beads of an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..readout import fwhm


@dataclass(frozen=True)
class Bead:
    """A bead and what became of it.

    Parameters
    ----------
    place : tuple of float
        Its middle in pixels, in axis order.
    reason : str
        Why it was not used: ``close``, ``border``, ``saturated``, ``dim``, ``shape`` or
        ``discarded``; empty if it was.
    words : str
        The same in words, with numbers.
    fwhm_px : tuple of float
        Widths at half maximum of a Gaussian fitted to it; empty where none fits.
    error_px : tuple of float
        Standard errors of those.
    height : float
        What it rises above its surroundings, in the image's own units.
    """

    place: tuple[float, ...]
    reason: str = ""
    words: str = "used"
    fwhm_px: tuple[float, ...] = ()
    error_px: tuple[float, ...] = ()
    height: float = 0.0


@dataclass(frozen=True)
class Axes:
    """The principal axes of a PSF.

    Parameters
    ----------
    tilt_deg : float
        Angle between the axis that runs most along z, and z; 0 of a plane.
    ellipticity : float
        Length of the longer of the two others over that of the shorter.
    angle_deg : float
        Direction of the longer one, from x towards y, 0 to 180.
    """

    tilt_deg: float
    ellipticity: float
    angle_deg: float


@dataclass(frozen=True, eq=False)
class Measured:
    """The PSF that `measure` gives, with its beads and widths.

    Parameters
    ----------
    psf : ndarray
        float32 of unit sum and odd sizes, centred.
    beads : tuple of Bead
        All that were looked at.
    error_px : tuple of float
        Standard error of `fwhm_px` per axis: from the beads' scatter (the jackknife, leaving each
        out in turn), of one bead from its fit. It holds in about 68 % of the cases.
    """

    psf: NDArray[np.float32]
    beads: tuple[Bead, ...]
    error_px: tuple[float, ...] = ()

    @property
    def used(self) -> tuple[Bead, ...]:
        """The beads the PSF was made of."""
        return tuple(bead for bead in self.beads if not bead.reason)

    @property
    def fwhm_px(self) -> tuple[float, ...]:
        """Width of the PSF per axis, in pixels."""
        return fwhm(self.psf)

    @property
    def spread_px(self) -> tuple[float, ...]:
        """Standard deviation between the used beads' widths per axis; NaN of one bead."""
        widths = np.array([bead.fwhm_px for bead in self.used])
        return tuple(map(float, widths.std(axis=0, ddof=1) if len(widths) > 1 else
                         np.full(self.psf.ndim, np.nan)))  # fmt: skip

    @property
    def asymmetry(self) -> tuple[float, ...]:
        """How much farther the PSF reaches behind its middle than before it, per axis.

        The difference of both half widths at half maximum over their sum: 0 is even, 1 all behind.
        """
        return tuple(_lean(line) for line in lines(self.psf))

    def axes(self, pixel_size: Sequence[float] | None = None) -> Axes:
        """The principal axes of what is brighter than a quarter of the peak.

        Parameters
        ----------
        pixel_size : sequence of float, optional
            Voxel size per axis; by default voxels are taken for cubes.
        """
        values = self.psf / self.psf.max()
        weight = (values - _CORE).clip(min=0)
        step = np.ones(values.ndim) if pixel_size is None else np.asarray(pixel_size, float)
        grids = np.moveaxis(np.indices(values.shape), 0, -1).reshape(-1, values.ndim) * step
        flat = weight.ravel()
        apart = grids - flat @ grids / flat.sum()
        variance, vectors = np.linalg.eigh((apart * flat[:, None]).T @ apart / flat.sum())
        # Of two that are alike the order says nothing: the first axis is the one along z.
        order = np.argsort(-np.abs(vectors[0])) if values.ndim == 3 else np.argsort(-variance)
        along = vectors[:, order[0]]
        tilt = math.degrees(math.acos(min(1.0, abs(float(along[0]))))) if values.ndim == 3 else 0.0
        across = [order[1], order[2]] if values.ndim == 3 else list(order)
        across.sort(key=lambda i: -variance[i])
        long = vectors[-2:, across[0]]
        return Axes(
            tilt_deg=tilt,
            ellipticity=float(np.sqrt(variance[across[0]] / variance[across[1]])),
            angle_deg=math.degrees(math.atan2(float(long[0]), float(long[1]))) % 180,
        )

    def against(self, theory: NDArray[Any]) -> tuple[float, ...]:
        """Width relative to that of a PSF on the same voxels, per axis; 1 is as wide."""
        return tuple(a / b for a, b in zip(self.fwhm_px, fwhm(theory), strict=True))


_CORE = 0.25


def lines(psf: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
    """The line through the middle of a PSF along each of its axes."""
    middle = [n // 2 for n in psf.shape]
    return tuple(
        np.asarray(psf[(*middle[:a], slice(None), *middle[a + 1 :])], np.float64)
        for a in range(psf.ndim)
    )


def _lean(line: NDArray[np.float64]) -> float:
    middle = len(line) // 2
    before, after = (_half(part) for part in (line[middle::-1], line[middle:]))
    return (after - before) / (after + before)


def _half(part: NDArray[np.float64]) -> float:
    """Pixels from the first value to where half of it is left."""
    below = np.flatnonzero(part < part[0] / 2)
    if not len(below):
        return float(len(part) - 1)
    n = int(below[0])
    return float(n - 1 + (part[n - 1] - part[0] / 2) / (part[n - 1] - part[n]))
