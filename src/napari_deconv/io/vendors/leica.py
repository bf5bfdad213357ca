"""Leica's LIF, by liffile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import liffile
import numpy as np

from ...core.errors import DeconvError
from ..optics import Optics, checked, immersion, objective_named
from ..picture import duration, length
from . import Raw

_AXES = {"1": "X", "2": "Y", "3": "Z", "4": "T"}


@contextmanager
def opened(path: Path) -> Iterator[Sequence[Callable[[], Raw]]]:
    """The images of a file, of which there may be many."""
    with liffile.LifFile(path) as lif:
        yield [partial(_raw, image, path) for image in lif.images if not image.is_flim]


def _raw(image: Any, path: Path) -> Raw:
    block = image.memory_block
    if block.offset + block.size > path.stat().st_size:
        raise DeconvError(
            f"it ends before the pixels of {image.name!r} do.",
            "It was cut off: copy or export it again.",
        )
    element = image.xml_element
    optics = optics_in(element)
    axes = "".join(a if len(a) == 1 else "?" for a in image.dims)
    return Raw(
        axes=axes, shape=tuple(image.shape), dtype=np.dtype(image.dtype), pixels=image.asarray,
        sizes=_sizes(element), channels=optics.names, optics=optics,
        notes=(f"The image is {image.name!r}.",),
    )  # fmt: skip


def _sizes(element: ET.Element) -> dict[str, tuple[float, str]]:
    """Distances of neighbours, out of the length from the first to the last."""
    sizes: dict[str, tuple[float, str]] = {}
    for each in element.iterfind(".//Dimensions/DimensionDescription"):
        axis, count = _AXES.get(each.get("DimID", "")), int(each.get("NumberOfElements", "1"))
        if axis is None or count < 2:
            continue
        step = abs(float(each.get("Length", "nan"))) / (count - 1)
        sizes[axis] = (duration if axis == "T" else length)(step, each.get("Unit", ""))
    return sizes


def optics_in(element: ET.Element) -> Optics:
    """What the metadata of a LIF image say of the optics; what is absurd counts as not stated."""
    notes: list[str] = []
    hardware = next(element.iterfind(".//Attachment[@Name='HardwareSetting']"), element)
    confocal = list(hardware.iter("ATLConfocalSettingDefinition"))
    settings = confocal or list(hardware.iter("ATLCameraSettingDefinition"))
    if not settings:
        return Optics(names=_names(element, ()), sources={"pixel_size": "LIF, dimensions"})
    first = settings[0].attrib
    engraved = " ".join(first.get("ObjectiveName", "").split())
    index, source = immersion(
        first.get("Immersion", "") or engraved, first.get("RefractionIndex"), notes, "LIF",
        "RefractionIndex",
    )  # fmt: skip
    count = len(element.findall(".//Channels/ChannelDescription"))
    # Frames of a sequence follow the master's settings, which only repeat one of them.
    lit = _bands(settings[1:] or settings) if confocal else _cubes(settings[1:] or settings)
    lit = lit if len(lit) == count else [("", None, None)] * count
    pinhole = first.get("PinholeAiry", "").split(" ")[0] if confocal else None
    kind = "confocal" if confocal else "wide-field"
    where = "middle of the detector's band" if confocal else "EmissionWavelength"
    return Optics(
        numerical_aperture=checked(first.get("NumericalAperture"), 0.05, 1.7, "the NA", notes),
        refractive_index_immersion=index,
        emission_nm=tuple(emission for _, emission, _ in lit),
        excitation_nm=tuple(excitation for _, _, excitation in lit),
        kind=kind,
        magnification=checked(first.get("Magnification"), 0.5, 250, "the magnification", notes),
        pinhole_airy=(checked(pinhole, 0.05, 100, "PinholeAiry", notes),) * count,
        kinds=(kind,) * count,
        names=_names(element, [name for name, _, _ in lit]),
        sources={
            "numerical_aperture": "LIF, NumericalAperture",
            "refractive_index_immersion": source,
            "emission_nm": f"LIF, {where}",
            "excitation_nm": "LIF, laser line below the band" if confocal else "LIF, filter cube",
            "kind": "LIF, confocal settings" if confocal else "LIF, camera settings",
            "pinhole_airy": "LIF, PinholeAiry",
            "pixel_size": "LIF, dimensions",
        },
        notes=tuple(dict.fromkeys(notes)),
        microscope=first.get("MicroscopeModel", ""),
    ).over(objective_named(engraved, f"LIF, objective {engraved!r}"))


Lit = tuple[str, float | None, float | None]
"""Dye, emission and excitation of a channel."""


def _bands(settings: Sequence[ET.Element]) -> list[Lit]:
    """What each active detector sees: its band, and the nearest laser line below that is on."""
    lights: list[Lit] = []
    for setting in settings:
        lines = [
            line
            for each in setting.iter("LaserLineSetting")
            if float(each.get("IntensityDev", "0") or 0) > 0
            and (line := _nm(each.get("LaserLine"))) is not None
        ]
        bands = {b.get("Channel"): b for b in setting.iter("MultiBand")}
        for detector in setting.iterfind("./DetectorList/Detector"):
            band = bands.get(detector.get("Channel"))
            if detector.get("IsActive") != "1" or band is None:
                continue
            left, right = _nm(band.get("LeftWorld")), _nm(band.get("RightWorld"))
            middle = (left + right) / 2 if left and right and left < right else None
            below = [line for line in lines if left is not None and line < left + 5]
            dye = band.get("DyeName", "")
            lights.append((dye, middle, max(below, default=None)))
    return lights


def _cubes(settings: Sequence[ET.Element]) -> list[Lit]:
    """What each channel of a camera sees."""
    return [
        (
            each.get("UserDefName", "") or each.get("FluoCubeName", ""),
            _nm(each.get("EmissionWavelength")),
            _nm(each.get("ExcitationWavelength")),
        )
        for setting in settings
        for each in setting.iter("WideFieldChannelInfo")
    ]


def _names(element: ET.Element, dyes: Sequence[str]) -> tuple[str, ...]:
    """The dye of each channel, or else the colour that it is shown in."""
    names = []
    for number, channel in enumerate(element.iterfind(".//Channels/ChannelDescription")):
        properties = {
            p.findtext("Key"): p.findtext("Value") for p in channel.iter("ChannelProperty")
        }
        dye = properties.get("DyeName") or (dyes[number] if number < len(dyes) else "")
        names.append(dye or channel.get("LUTName", ""))
    return tuple(names)


def _nm(text: str | None) -> float | None:
    """A wavelength; older files have some of them in metres."""
    value = checked(text, 1e-7, 2000, "a wavelength", [])
    if value is not None and value < 1e-5:
        value *= 1e9
    return value if value is not None and 200 <= value <= 2000 else None
