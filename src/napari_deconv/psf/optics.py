"""Light near the focus of an objective, by quadrature: Gibson-Lanni and Richards-Wolf."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .grid import Array

COVERSLIP_UM = 170.0
"""Thickness that objectives are corrected for."""
COVERSLIP_INDEX = 1.515
"""Refractive index of the glass that objectives are corrected for."""

_EDGE = 1 - 1e-6
"""How near the critical angle the integral goes: beyond, waves do not travel in the sample."""

Field = NDArray[np.complex128]


@dataclass(frozen=True)
class Lens:
    """An objective looking through immersion medium and coverslip at a point in the sample.

    Parameters
    ----------
    numerical_aperture : float
        Of the objective.
    wavelength_um : float
        In vacuum.
    immersion, coverslip, sample : float
        Refractive indices.
    coverslip_um : float
        Thickness of the coverslip; the objective is corrected for `COVERSLIP_UM`.
    depth_um : float
        Distance of the point from the coverslip.
    vectorial : bool
        Richards-Wolf with Fresnel transmission at both interfaces instead of the scalar model.
    """

    numerical_aperture: float
    wavelength_um: float
    immersion: float = 1.515
    coverslip: float = COVERSLIP_INDEX
    sample: float = 1.515
    coverslip_um: float = COVERSLIP_UM
    depth_um: float = 0.0
    vectorial: bool = False

    @property
    def aperture(self) -> float:
        """Largest ``n sin(angle)`` that travels in every medium."""
        return min(self.numerical_aperture, _EDGE * min(self.sample, self.coverslip))

    @property
    def airy_um(self) -> float:
        """Radius of the first dark ring."""
        return 0.61 * self.wavelength_um / self.numerical_aperture

    @property
    def axial_um(self) -> float:
        """Distance from the focus to where two more half waves fit between axis and edge."""
        depth = self.immersion - math.sqrt(self.immersion**2 - self.numerical_aperture**2)
        return self.wavelength_um / depth

    def intensity(self, r_um: Array, z_um: Array) -> Array:
        """Intensity of a point of light, by Gauss-Legendre quadrature over the aperture angle.

        Scalar: Gibson and Lanni, JOSA A 8, 1601 (1991), eq. 4-5: ``|int J0(k NA rho r)
        exp(i k OPD) rho d rho|^2``. Vectorial: Richards and Wolf, Proc. R. Soc. A 253, 358 (1959),
        through layers as in Haeberle et al., Opt. Commun. 216, 55 (2003), averaged over the
        orientation of the dipole (or the polarisation): ``|I0|^2 + 2 |I1|^2 + |I2|^2``.

        Parameters
        ----------
        r_um : ndarray
            Distances from the axis, ``(R,)``.
        z_um : ndarray
            Travel of the objective towards the sample, ``(Z,)``; the nominal focus of a point on
            the coverslip is at 0.

        Returns
        -------
        ndarray
            ``(R, Z)``, in arbitrary but fixed units.
        """
        from scipy.special import j0, j1, jv

        theta, weight = self._nodes(float(np.max(r_um)), z_um)
        alpha = self.immersion * np.sin(theta)
        k = 2 * math.pi / self.wavelength_um
        wave = np.exp(1j * k * self._path(alpha, z_um))
        x = k * np.multiply.outer(r_um, alpha)
        if not self.vectorial:
            return _square(j0(x), weight * alpha * np.cos(theta), wave)
        perpendicular, parallel, oblique = self._transmission(alpha)
        weight = weight * np.sin(theta) * np.sqrt(np.cos(theta))
        total = _square(j0(x), weight * (perpendicular + parallel), wave)
        total += 2 * _square(j1(x), weight * oblique, wave)
        return total + _square(jv(2, x), weight * (perpendicular - parallel), wave)

    def focus_range(self) -> tuple[float, float]:
        """Where rays of all angles meet the axis: between these ``z_um`` lies the best focus."""
        alpha = np.linspace(0, 0.98 * self.aperture, 64)
        rays = self.depth_um / _q(self.sample, alpha) + self.coverslip_um / _q(
            self.coverslip, alpha
        )
        rays = (rays - COVERSLIP_UM / _q(COVERSLIP_INDEX, alpha)) * _q(self.immersion, alpha)
        return float(rays.min()), float(rays.max())

    def _path(self, alpha: Array, z_um: Array) -> Array:
        """Optical path difference to the design conditions, ``(A, Z)``, without its mean."""
        own = self.depth_um * _q(self.sample, alpha) + self.coverslip_um * _q(self.coverslip, alpha)
        own = own - COVERSLIP_UM * _q(COVERSLIP_INDEX, alpha)
        path = own[:, None] - np.multiply.outer(_q(self.immersion, alpha), z_um)
        return np.asarray(path - path.mean(axis=0))

    def _nodes(self, reach_um: float, z_um: Array) -> tuple[Array, Array]:
        """Angles in the immersion medium and their weights; enough of them for every phase."""
        edge = math.asin(self.aperture / self.immersion)
        trial = self.immersion * np.sin(np.linspace(0, edge, 65))
        turns = np.abs(np.diff(self._path(trial, z_um), axis=0)).sum(axis=0).max()
        k = 2 * math.pi / self.wavelength_um
        count = 48 + math.ceil(0.6 * k * (turns + reach_um * self.aperture))
        node, weight = _legendre(count)
        return (node + 1) * edge / 2, weight * edge / 2

    def _transmission(self, alpha: Array) -> tuple[Array, Array, Array]:
        """Fresnel: perpendicular, parallel along the plane, and parallel along the axis."""
        perpendicular, parallel = np.ones_like(alpha), np.ones_like(alpha)
        for a, b in ((self.immersion, self.coverslip), (self.coverslip, self.sample)):
            qa, qb = _q(a, alpha), _q(b, alpha)
            perpendicular = perpendicular * 2 * qa / (qa + qb)
            parallel = parallel * 2 * a * b * qa / (b**2 * qa + a**2 * qb)
        cosine = _q(self.sample, alpha) / self.sample
        return perpendicular, parallel * cosine, parallel * alpha / self.sample

    def at(self, depth_um: float) -> Lens:
        """The same lens focused at another depth."""
        return replace(self, depth_um=depth_um)


def through_pinhole(lens: Lens, r_um: Array, z_um: Array, radius_um: float) -> Array:
    """Light of a point that passes a pinhole of this radius, in the sample: `Lens.intensity`
    averaged over the disk, ``(R, Z)``.
    """  # noqa: D205
    from scipy.interpolate import CubicSpline

    grid = radial_grid(lens, float(np.max(r_um)) + radius_um)
    table = CubicSpline(grid, lens.intensity(grid, z_um))
    rings = 4 + math.ceil(2 * radius_um / lens.airy_um)
    node, weight = _legendre(rings)
    angles = (np.arange(2 * rings) + 0.5) * math.pi / (2 * rings)
    total = np.zeros((len(r_um), len(z_um)))
    for s, w in zip(radius_um * np.sqrt((node + 1) / 2), weight / 2, strict=True):
        for angle in angles:
            squared = r_um**2 + s**2 - 2 * r_um * s * math.cos(angle)
            total += w / len(angles) * table(np.sqrt(squared.clip(0)))
    return total


def radial_grid(lens: Lens, reach_um: float) -> Array:
    """Distances from the axis dense enough for a cubic spline through the intensity."""
    spacing = lens.wavelength_um / lens.numerical_aperture / 24
    return np.asarray(np.arange(math.ceil(reach_um / spacing) + 4) * spacing)


def _square(bessel: Array, weight: Array, wave: Field) -> Array:
    return np.asarray(np.abs((bessel * weight) @ wave) ** 2)


def _q(index: float, alpha: Array) -> Array:
    """``n cos(angle)`` where ``n sin(angle)`` is ``alpha``."""
    return np.asarray(np.sqrt(index**2 - alpha**2))


@lru_cache(maxsize=32)
def _legendre(count: int) -> tuple[Array, Array]:
    node, weight = np.polynomial.legendre.leggauss(count)
    return node, weight
