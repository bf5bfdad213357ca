"""Microscope PSFs from aperture, wavelength and refractive indices."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Interval

from ..core.errors import DeconvError
from ..core.fields import Shown
from .base import PSF
from .findings import Finding
from .grid import Array
from .nyquist import Band, finding
from .optics import COVERSLIP_INDEX, COVERSLIP_UM, Lens, radial_grid

VECTORIAL_ABOVE = 0.8
"""Numerical aperture above which polarisation counts: "automatic" is vectorial there."""

IMMERSED_IN = (
    ("air", 1.0), ("water", 1.333), ("silicone oil", 1.406), ("glycerol", 1.45), ("oil", 1.515),
)  # fmt: skip
"""Refractive indices of what an objective looks through."""
MOUNTED_IN = (("water", 1.333), ("glycerol", 1.45), ("resin", 1.52), ("air", 1.0))
"""Refractive indices of what a specimen lies in."""
_RARE = "Coverslip and model"
_MOST = (129, 257, 257)
"""Largest automatic size."""


class Microscope(PSF, ndim=(2, 3), calibrated=True):
    """A PSF of a microscope, as seen on the pixels of a camera or scan.

    The voxel size is the image's, in micrometres. In the plane, intensities are integrated over
    the pixels; along z they are sampled, as a stack is. The brightest plane is the middle one, and
    what 2-D shows. Planes run from the coverslip into the sample, in steps of the objective's (or
    stage's) travel.

    Parameters
    ----------
    numerical_aperture : float
        NA, engraved on the objective after its magnification: 60x/1.4 has 1.4.
    refractive_index_immersion : float
        Of what is between objective and coverslip: air 1.0, water 1.333, glycerol 1.45, oil 1.515.
    refractive_index_sample : float
        Of what the specimen is mounted in: water or medium 1.333, glycerol 1.45, resin 1.52.
    depth_um : float
        How deep below the coverslip the point is. Only counts where immersion and sample differ:
        then the PSF becomes wider and asymmetrical with depth.
    coverslip_um : float
        Thickness of the coverslip; objectives are corrected for 170 (number 1.5).
    refractive_index_coverslip : float
        Of the coverslip; objectives are corrected for 1.515.
    model : str
        Scalar (Gibson-Lanni) or vectorial (Richards-Wolf); automatic is vectorial above NA 0.8.
    """

    numerical_aperture: Annotated[float, Interval(ge=0.05, le=1.7), Shown("NA", typed=True)] = 1.2
    refractive_index_immersion: Annotated[
        float, Interval(ge=1.0, le=2.0), Shown("Immersion", typed=True, named=IMMERSED_IN)
    ] = 1.333
    refractive_index_sample: Annotated[
        float, Interval(ge=1.0, le=2.0), Shown("Sample", typed=True, named=MOUNTED_IN)
    ] = 1.333
    depth_um: Annotated[float, Interval(ge=0, le=1000)] = 0.0
    coverslip_um: Annotated[float, Interval(ge=0, le=2000), Shown(aside=_RARE)] = COVERSLIP_UM
    refractive_index_coverslip: Annotated[
        float, Interval(ge=1.3, le=2.0), Shown("Coverslip index", typed=True, aside=_RARE)
    ] = COVERSLIP_INDEX
    model: Annotated[Literal["automatic", "scalar", "vectorial"], Shown(aside=_RARE)] = "automatic"

    nature: ClassVar[frozenset[str]] = frozenset({"cut", "off-centre", "background"})
    faint: ClassVar[float] = 0.01
    """The automatic size holds all planes that are this bright somewhere, peak 1 ..."""
    kept: ClassVar[float] = 0.98
    """... and of each of them this share of the light."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.numerical_aperture >= self.refractive_index_immersion:
            raise DeconvError(
                f"{self.title}: numerical_aperture = {self.numerical_aperture:g} is not below "
                f"refractive_index_immersion = {self.refractive_index_immersion:g}.",
                "No lens reaches that: an NA above 1 needs water, glycerol (1.45) or oil (1.515).",
            )

    def lens(self, wavelength_nm: float) -> Lens:
        """The objective at one wavelength."""
        automatic = self.numerical_aperture > VECTORIAL_ABOVE
        return Lens(
            self.numerical_aperture,
            wavelength_nm / 1000,
            self.refractive_index_immersion,
            self.refractive_index_coverslip,
            self.refractive_index_sample,
            self.coverslip_um,
            self.depth_um,
            automatic if self.model == "automatic" else self.model == "vectorial",
        )

    @property
    def finest(self) -> Lens:
        """The lens at the wavelength that sets the finest detail."""
        raise NotImplementedError

    def section(self, r_um: Array, z_um: Array) -> Array:
        """Intensity over distance from the axis and travel of the objective, ``(R, Z)``."""
        raise NotImplementedError

    def plane(self, r_um: Array) -> Array:
        """Intensity over distance from the axis of what 2-D shows, ``(R, 1)``."""
        return self.section(r_um, np.array([focus_um(self)]))

    def band(self) -> Band:
        """The finest detail it passes."""
        raise NotImplementedError

    @property
    def band_remark(self) -> str:
        """What the finest detail allows for, in words; empty where nothing needs saying."""
        return ""

    def findings(self, pixel_size: tuple[float, ...]) -> tuple[Finding, ...]:
        undersampled = finding(self.title, self.band(), pixel_size, self.band_remark)
        return (undersampled,) if undersampled is not None else ()

    def support(self, steps: tuple[float, ...] | None) -> tuple[int, ...]:
        assert steps is not None
        height, radius = _reach(self, len(steps) == 3)
        reach = (height, radius, radius)[-len(steps) :]
        sizes = (2 * math.ceil(r / s) + 1 for r, s in zip(reach, steps, strict=True))
        return tuple(min(n, most) for n, most in zip(sizes, _MOST[-len(steps) :], strict=True))

    def render(self, shape: tuple[int, ...], steps: tuple[float, ...]) -> Array:
        reach = (((n // 2 + 0.5) * s) ** 2 for n, s in zip(shape[-2:], steps[-2:], strict=True))
        r = radial_grid(self.finest, math.sqrt(sum(reach)))
        if len(shape) == 3:
            planes = np.arange(shape[0], dtype=np.float64) - shape[0] // 2
            section = self.section(r, focus_um(self) + planes * steps[0])
        else:
            section = self.plane(r)
        array = _on_pixels(r, section, shape[-2:], steps[-2:], self.finest.airy_um)
        return array.clip(0).reshape(shape)


def _on_pixels(
    r: Array, section: Array, shape: tuple[int, ...], steps: tuple[float, ...], airy_um: float
) -> Array:
    """Integrate a section ``(R, Z)`` over every pixel, ``(Z, Y, X)``: a cubic spline in ``r``, and
    Gauss-Legendre quadrature in the pixel. Only a quadrant is computed.
    """  # noqa: D205
    from scipy.interpolate import BSpline, make_interp_spline

    # The intensity is even in r, and so is a spline through its mirror image.
    both = np.concatenate([-r[4:0:-1], r])
    spline = make_interp_spline(both, np.concatenate([section[4:0:-1], section]))
    node, weight = np.polynomial.legendre.leggauss(min(8, 2 + math.ceil(max(steps) / airy_um)))
    y, x = (
        (np.arange(n // 2 + 1)[:, None] + node / 2) * s for n, s in zip(shape, steps, strict=True)
    )
    pixels = 0
    for i, j in np.ndindex(len(node), len(node)):
        at = np.hypot(y[:, i, None], x[None, :, j]).ravel()
        pixels = pixels + weight[i] * weight[j] * BSpline.design_matrix(at, spline.t, 3)
    quadrant = (pixels @ spline.c).T.reshape(-1, len(y), len(x))
    rows, columns = (np.abs(np.arange(n) - n // 2) for n in shape)
    return np.asarray(quadrant[:, rows[:, None], columns])


@lru_cache(maxsize=64)
def focus_um(spec: Microscope) -> float:
    """Travel of the objective at which the point is brightest."""
    low, high = spec.finest.focus_range()
    unit = spec.finest.axial_um
    low, high, axis = low - unit, high + unit, np.zeros(1)
    while high - low > 1e-4 * unit:
        z = np.linspace(low, high, max(33, min(4096, math.ceil(8 * (high - low) / unit))))
        on_axis = spec.section(axis, z)[0]
        step = z[1] - z[0]
        best = z[int(on_axis.argmax())]
        if np.ptp(on_axis) <= 1e-9 * on_axis.max():
            break
        low, high = best - step, best + step
    return float(0.0 if abs(low + high) < 1e-4 * unit else (low + high) / 2)


@lru_cache(maxsize=64)
def _reach(spec: Microscope, deep: bool) -> tuple[float, float]:
    """Height and radius in um of what the automatic size holds."""
    lens = spec.finest
    low, high = lens.focus_range()
    half = 8 * lens.axial_um + 2 * (high - low)
    z = np.linspace(-half, half, 129) if deep else np.zeros(1)
    r = np.asarray(np.linspace(0, 32 * lens.wavelength_um / lens.numerical_aperture, 385))
    table = spec.section(r, z + focus_um(spec)) if deep else spec.plane(r)
    bright = table.max(axis=0) >= spec.faint * table.max()
    inside = (table[:, bright] * r[:, None]).cumsum(axis=0)
    radius = r[int((inside < spec.kept * inside[-1]).sum(axis=0).max())]
    return float(np.abs(z[bright]).max()), float(radius)
