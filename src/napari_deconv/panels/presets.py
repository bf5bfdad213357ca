"""Panels that open on one generator or one network: the table that the manifest is written from.

``python scripts/manifest.py`` writes it. A row is a command and an entry of a submenu.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Preset:
    """A dock panel of its own.

    Parameters
    ----------
    panel : str
        Which panel it is: ``psf``, ``beads`` or ``deconvolve``.
    opens_on : str
        Name of the generator or network that is chosen when it opens.
    title : str
        Its entry in the menu.
    """

    panel: Literal["psf", "beads", "deconvolve"]
    opens_on: str
    title: str

    @property
    def name(self) -> str:
        """Its attribute of `docks`."""
        return self.opens_on.replace("-", "_")

    @property
    def opens(self) -> str:
        """Its command's attribute of `docks`."""
        return f"open_{self.name}"

    @property
    def command(self) -> str:
        """Id of its command."""
        group = "" if self.panel == "deconvolve" else "psf."
        return f"napari-deconv.{group}{self.name}"


PRESETS = (
    Preset("psf", "image", "PSF: from image"),
    Preset("psf", "disk", "PSF: disk"),
    Preset("psf", "gaussian", "PSF: Gaussian"),
    Preset("psf", "motion", "PSF: motion"),
    Preset("psf", "camera-shake", "PSF: camera shake"),
    Preset("beads", "beads", "PSF: from beads"),
    Preset("psf", "wide-field", "PSF: wide-field microscope"),
    Preset("psf", "confocal", "PSF: confocal microscope"),
    Preset("psf", "light-sheet", "PSF: light-sheet microscope"),
    Preset("psf", "two-photon", "PSF: two-photon microscope"),
    Preset("deconvolve", "unrolled", "Unrolled U-Net"),
    Preset("deconvolve", "unrolled-3d", "U-Net for stacks"),
    Preset("deconvolve", "fcnn", "FCNN"),
    Preset("deconvolve", "glra", "GLRA"),
    Preset("deconvolve", "rgdn", "RGDN"),
    Preset("deconvolve", "csf", "CSF"),
    Preset("deconvolve", "dcnn", "DCNN"),
    Preset("deconvolve", "odcnn", "ODCNN"),
    Preset("deconvolve", "crcnet", "CRCNet"),
)
