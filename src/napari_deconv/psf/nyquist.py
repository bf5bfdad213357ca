"""How fine a microscope's image must be sampled, and in words where it is not."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .findings import Finding
from .optics import Lens

_TOLERANCE = 1.05
"""Steps up to this much coarser than Nyquist are not worth a word."""


@dataclass(frozen=True)
class Band:
    """The highest spatial frequencies that are passed, in cycles per um.

    Parameters
    ----------
    lateral, axial : float
        In the plane, and along z.
    """

    lateral: float
    axial: float

    @classmethod
    def of(cls, lens: Lens) -> Band:
        """Band of the intensity of one lens: twice that of its field."""
        n, aperture = lens.immersion, lens.numerical_aperture
        axial = (n - math.sqrt(n**2 - aperture**2)) / lens.wavelength_um
        return cls(2 * aperture / lens.wavelength_um, axial)

    def __add__(self, other: Band) -> Band:
        """A product of two intensities."""
        return Band(self.lateral + other.lateral, self.axial + other.axial)

    def __rmul__(self, factor: float) -> Band:
        return Band(factor * self.lateral, factor * self.axial)

    @property
    def steps_um(self) -> tuple[float, float]:
        """Largest pixel and z-step in um that lose nothing."""
        return 1 / (2 * self.lateral), 1 / (2 * self.axial)


def finding(
    title: str, band: Band, pixel_size: tuple[float, ...], remark: str = ""
) -> Finding | None:
    """What is sampled too coarsely, with the numbers; ``pixel_size`` is ([z,] y, x) in um.

    The remark says what the numbers allow for.
    """
    pixel, step = band.steps_um
    axes = []
    if max(pixel_size[-2:]) > _TOLERANCE * pixel:
        axes.append(f"the pixel is {max(pixel_size[-2:]):.3g} µm, Nyquist {pixel:.3g} µm")
    if len(pixel_size) == 3 and pixel_size[0] > _TOLERANCE * step:
        axes.append(f"the z-step is {pixel_size[0]:.3g} µm, Nyquist {step:.3g} µm")
    if not axes:
        return None
    message = f"Sampled too coarsely for a {title.lower()} PSF of these optics: {'; '.join(axes)}."
    message += f" {remark}" * bool(remark)
    remedy = "The finest detail is lost or aliased; record with smaller steps where you can."
    return Finding("nyquist", message, remedy)
