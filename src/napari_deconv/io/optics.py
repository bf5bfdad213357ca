"""What OME metadata says of the optics: aperture, wavelengths, refractive index."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from .picture import length

IMMERSIONS = {"Oil": 1.515, "Water": 1.333, "WaterDipping": 1.333, "Air": 1.0, "Glycerol": 1.45}
"""Refractive index of OME's words for what the objective dips into."""
_MODES = {
    "WideField": "wide-field",
    "LaserScanningConfocalMicroscopy": "confocal",
    "SpinningDiskConfocal": "confocal",
    "SlitScanConfocal": "confocal",
    "MultiPhotonMicroscopy": "two-photon",
    "SPIM": "light-sheet",
}


@dataclass(frozen=True)
class Optics:
    """Optical parameters as a file states them; what it does not state is None.

    Parameters
    ----------
    numerical_aperture : float or None
        Of the objective.
    refractive_index_immersion : float or None
        As stated, or by the name of the medium.
    emission_nm, excitation_nm : tuple of float or None
        Per channel.
    kind : str
        Name of the microscope PSF that fits the acquisition mode; empty if unknown.
    """

    numerical_aperture: float | None = None
    refractive_index_immersion: float | None = None
    emission_nm: tuple[float | None, ...] = ()
    excitation_nm: tuple[float | None, ...] = ()
    kind: str = ""

    def fields(self, channel: int = 0) -> dict[str, float]:
        """What is known, by the names of the fields of the microscope PSFs."""
        known = {
            "numerical_aperture": self.numerical_aperture,
            "refractive_index_immersion": self.refractive_index_immersion,
            "emission_nm": _at(self.emission_nm, channel),
            "excitation_nm": _at(self.excitation_nm, channel),
        }
        return {key: value for key, value in known.items() if value is not None}


def optics_in(xml: str) -> Optics:
    """Read the first image of an OME-XML document; what is absurd counts as not stated.

    Parameters
    ----------
    xml : str
        The document; one that is no XML states nothing.

    Returns
    -------
    Optics
        All None where nothing is stated.
    """
    try:
        root = ET.fromstring(xml.encode("utf-8") if xml.lstrip().startswith("<?xml") else xml)
    except ET.ParseError:
        return Optics()
    image = next(_named(root, "Image"), root)
    settings = next(_named(image, "ObjectiveSettings"), None)
    wanted = settings.get("ID") if settings is not None else None
    objectives = list(_named(root, "Objective"))
    ours = [o for o in objectives if o.get("ID") == wanted] or objectives[:1]
    objective: Mapping[str, str] = ours[0].attrib if ours else {}
    channels = list(_named(image, "Channel"))
    mode = next((c.get("AcquisitionMode", "") for c in channels), "")
    index = _between(settings.get("RefractiveIndex"), 1.0, 2.0) if settings is not None else None
    return Optics(
        numerical_aperture=_between(objective.get("LensNA"), 0.05, 1.7),
        refractive_index_immersion=index or IMMERSIONS.get(objective.get("Immersion", "")),
        emission_nm=tuple(_nm(c, "EmissionWavelength") for c in channels),
        excitation_nm=tuple(_nm(c, "ExcitationWavelength") for c in channels),
        kind=_MODES.get(mode, ""),
    )


def _named(element: ET.Element, name: str) -> Iterator[ET.Element]:
    return (e for e in element.iter() if e.tag.rsplit("}", 1)[-1] == name)


def _between(text: str | None, low: float, high: float) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if low <= value <= high else None


def _nm(channel: ET.Element, key: str) -> float | None:
    """A wavelength; OME's own unit is the nanometre."""
    stated = _between(channel.get(key), 0.0, math.inf)
    if stated is None:
        return None
    size, unit = length(stated, channel.get(f"{key}Unit", "nm"))
    return _between(f"{1000 * size:.6g}", 200, 2000) if unit == "µm" else None


def _at(values: tuple[float | None, ...], channel: int) -> float | None:
    return values[channel] if channel < len(values) else None
