"""The kinds of fluorescence microscope: what is lit, and what is seen."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from annotated_types import Interval

from ..core.fields import Shown, Zero
from .grid import Array
from .microscope import Microscope, focus_um
from .nyquist import Band
from .optics import Lens, through_pinhole


class WideField(Microscope, title="Wide-field"):
    """Wide-field fluorescence: the sample is lit everywhere, a camera sees all of the light.

    Parameters
    ----------
    emission_nm : float
        Wavelength of the light that is seen: DAPI 460, GFP 510, mCherry 610, Cy5 670.
    thickness_um : float
        Of a single plane, the depth around the focus that light is counted from, half of it above
        and half below; 0 takes the plane in focus alone. 1 to 2 is best for samples that are
        thicker than the focus is deep, however thick (docs/benchmarks/thick_plane.md).
    """

    emission_nm: Annotated[float, Interval(ge=200, le=2000)] = 520.0
    thickness_um: Annotated[float, Interval(ge=0, le=50), Zero("off")] = 0.0

    @property
    def finest(self) -> Lens:
        return self.lens(self.emission_nm)

    def section(self, r_um: Array, z_um: Array) -> Array:
        return self.finest.intensity(r_um, z_um)

    def plane(self, r_um: Array) -> Array:
        if not self.thickness_um:
            return super().plane(r_um)
        # A twelfth of the axial extent apart, layers run into each other.
        half = self.thickness_um / 2
        count = 1 + 2 * math.ceil(12 * half / self.finest.axial_um)
        middle, total = focus_um(self), np.zeros((len(r_um), 1))
        layers = np.linspace(-half, half, count)
        weight = np.ones(count)
        weight[[0, -1]] = 0.5
        for some in np.array_split(np.arange(count), math.ceil(count / 16)):
            total[:, 0] += self.section(r_um, middle + layers[some]) @ weight[some]
        return total

    def band(self) -> Band:
        return Band.of(self.finest)


class Confocal(Microscope, title="Confocal", faint=1e-3, kept=0.999):
    """Confocal fluorescence: a focused laser, and a pinhole before the detector.

    The illumination times the emission seen through the pinhole; the laser fills the aperture.

    Parameters
    ----------
    emission_nm : float
        Wavelength of the light that is seen.
    excitation_nm : float
        Wavelength of the laser.
    pinhole_airy : float
        Diameter of the pinhole in Airy units (1.22 emission / NA, in the sample).
    """

    emission_nm: Annotated[float, Interval(ge=200, le=2000)] = 520.0
    excitation_nm: Annotated[float, Interval(ge=200, le=2000)] = 488.0
    pinhole_airy: Annotated[
        float, Interval(ge=0.05, le=10), Shown("Pinhole (Airy)", typed=True)
    ] = 1.0

    @property
    def finest(self) -> Lens:
        return self.lens(self.excitation_nm)

    def section(self, r_um: Array, z_um: Array) -> Array:
        seen = self.lens(self.emission_nm)
        radius = self.pinhole_airy * seen.airy_um
        lit = self.finest.intensity(r_um, z_um)
        return lit * through_pinhole(seen, r_um, z_um, radius)

    def band(self) -> Band:
        # A pinhole passes no detail finer than the first zero of its own transform.
        return self._band(min(1.0, 0.5 / self.pinhole_airy))

    @property
    def band_remark(self) -> str:
        if self.pinhole_airy <= 0.5:
            return ""
        pixel, step = self._band(1.0).steps_um
        return (
            f"This allows for the pinhole of {self.pinhole_airy:g} Airy units; the usual rule is "
            f"that of a closed one, {pixel:.2g} and {step:.2g} µm along z."
        )

    def _band(self, share: float) -> Band:
        """What passes where the pinhole lets this share of the emission's frequencies through."""
        return Band.of(self.finest) + share * Band.of(self.lens(self.emission_nm))


class LightSheet(Microscope, title="Light-sheet"):
    """Light-sheet fluorescence: a thin sheet of light across the axis, seen by a camera.

    The wide-field PSF times a Gaussian along z, centred on the brightest plane.

    Parameters
    ----------
    emission_nm : float
        Wavelength of the light that is seen.
    sheet_um : float
        Thickness of the sheet: full width at half maximum of its intensity along z.
    """

    emission_nm: Annotated[float, Interval(ge=200, le=2000)] = 520.0
    sheet_um: Annotated[float, Interval(ge=0.1, le=200)] = 3.0

    @property
    def finest(self) -> Lens:
        return self.lens(self.emission_nm)

    def section(self, r_um: Array, z_um: Array) -> Array:
        off = (z_um - focus_um(self._unlit())) / self.sheet_um
        return self.finest.intensity(r_um, z_um) * np.exp(-4 * math.log(2) * off**2)

    def _unlit(self) -> WideField:
        own = {k: v for k, v in self.to_dict().items() if k not in ("name", "sheet_um")}
        return WideField(**own)

    def band(self) -> Band:
        return Band.of(self.finest) + Band(0.0, 1 / self.sheet_um)


class TwoPhoton(Microscope, title="Two-photon", faint=1e-3, kept=0.999):
    """Two-photon fluorescence: all light is collected, so only the focused laser counts, squared.

    Parameters
    ----------
    excitation_nm : float
        Wavelength of the laser, about twice that of one-photon excitation.
    """

    excitation_nm: Annotated[float, Interval(ge=400, le=4000)] = 900.0

    @property
    def finest(self) -> Lens:
        return self.lens(self.excitation_nm)

    def section(self, r_um: Array, z_um: Array) -> Array:
        return np.asarray(self.finest.intensity(r_um, z_um) ** 2)

    def band(self) -> Band:
        return 2.0 * Band.of(self.finest)
