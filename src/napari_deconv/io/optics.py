"""What a file's metadata say of the optics: aperture, wavelengths, refractive index, pinhole."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from xml.etree import ElementTree as ET

from .picture import Picture, length

IMMERSIONS = {
    "Oil": 1.515,
    "Water": 1.333,
    "WaterDipping": 1.333,
    "Air": 1.0,
    "Glycerol": 1.45,
    "Silicone": 1.406,
}
"""Refractive index of the words for what the objective dips into: OME's, and silicone oil."""
_SYNONYMS = {
    "dry": "Air",
    "glycerin": "Glycerol",
    "glycerine": "Glycerol",
    "siliconeoil": "Silicone",
}
_ENGRAVED = {"wi": "Water", "w": "Water", "sil": "Silicone", "glyc": "Glycerol"}
"""What is engraved on objectives besides."""
MODES = {
    "WideField": "wide-field",
    "LaserScanningConfocalMicroscopy": "confocal",
    "SpinningDiskConfocal": "confocal",
    "SlitScanConfocal": "confocal",
    "MultiPhotonMicroscopy": "two-photon",
    "SPIM": "light-sheet",
}
"""Name of the microscope PSF for OME's acquisition modes."""


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
    refractive_index_sample : float or None
        Of what the specimen is mounted in.
    magnification : float or None
        Of the objective.
    pinhole_um : tuple of float or None
        Diameter of the pinhole itself, per channel.
    pinhole_airy : tuple of float or None
        The same in Airy units, where the file says it so.
    kinds : tuple of str
        As ``kind``, per channel.
    names : tuple of str
        Fluorophore and name of each channel, in one text.
    sources : mapping of str to str
        Where each of these fields stands in the file.
    notes : tuple of str
        What was not taken, and why.
    microscope : str
        Maker and model, as the file names them.
    """

    numerical_aperture: float | None = None
    refractive_index_immersion: float | None = None
    emission_nm: tuple[float | None, ...] = ()
    excitation_nm: tuple[float | None, ...] = ()
    kind: str = ""
    refractive_index_sample: float | None = None
    magnification: float | None = None
    pinhole_um: tuple[float | None, ...] = ()
    pinhole_airy: tuple[float | None, ...] = ()
    kinds: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    microscope: str = ""

    def over(self, other: Optics) -> Optics:
        """The same, completed by what another says where this says nothing."""
        values: dict[str, Any] = {}
        sources = dict(self.sources)
        for each in dataclasses.fields(self):
            own, theirs = getattr(self, each.name), getattr(other, each.name)
            silent = not any(own) if isinstance(own, tuple) else own in (None, "")
            if each.name not in ("sources", "notes") and silent and theirs not in (None, "", ()):
                values[each.name] = theirs
                if each.name in other.sources:
                    sources[each.name] = other.sources[each.name]
        notes = tuple(dict.fromkeys((*self.notes, *other.notes)))
        return replace(self, sources=sources, notes=notes, **values)

    def of_channels(self, numbers: Sequence[int]) -> Optics:
        """The same of some channels, in this order."""

        def picked(values: tuple[Any, ...], missing: Any) -> tuple[Any, ...]:
            return tuple(values[n] if n < len(values) else missing for n in numbers)

        return replace(
            self,
            kinds=picked(self.kinds, "") if self.kinds else (),
            names=picked(self.names, ""),
            emission_nm=picked(self.emission_nm, None),
            excitation_nm=picked(self.excitation_nm, None),
            pinhole_um=picked(self.pinhole_um, None),
            pinhole_airy=picked(self.pinhole_airy, None),
        )

    def fields(self, channel: int = 0) -> dict[str, float]:
        """What is known, by the names of the fields of the microscope PSFs."""
        values = {
            "numerical_aperture": self.numerical_aperture,
            "refractive_index_immersion": self.refractive_index_immersion,
            "refractive_index_sample": self.refractive_index_sample,
            "emission_nm": at(self.emission_nm, channel),
            "excitation_nm": at(self.excitation_nm, channel),
        }
        return {key: value for key, value in values.items() if value is not None}


def at(values: tuple[float | None, ...], channel: int) -> float | None:
    """The value of a channel, None where there is none."""
    return values[channel] if channel < len(values) else None


def optics_of(picture: Picture) -> Optics:
    """What the metadata that came with a picture say: OME-XML, ImageJ's info, Micro-Manager's tags.

    Parameters
    ----------
    picture : Picture
        As `io.read` gives it.

    Returns
    -------
    Optics
        All None where nothing is stated.
    """
    xml, block = picture.info.get("ome"), picture.info.get("imagej")
    chosen = picture.info.get("chosen_channels")
    by_info = optics_in_info(str(block.get("Info", ""))) if isinstance(block, Mapping) else Optics()
    if isinstance(optics := picture.info.get("optics"), Optics):
        # What the state of the devices says is nearer than what was copied into the info.
        by_info = optics.over(by_info)
    by_info = by_info if chosen is None else by_info.of_channels(chosen)
    return optics_in(str(xml)).over(by_info) if xml else by_info


def optics_in(xml: str) -> Optics:
    """Read the first image of an OME-XML document; what is absurd counts as not stated.

    Parameters
    ----------
    xml : str
        The document; one that is not XML states nothing.

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
    notes: list[str] = []
    index, source = immersion(
        objective.get("Immersion", ""),
        None if settings is None else settings.get("RefractiveIndex"),
        notes,
        "OME-XML",
    )
    modes = tuple(MODES.get(c.get("AcquisitionMode", ""), "") for c in channels)
    stand = next(_named(root, "Microscope"), None)
    model = {} if stand is None else stand.attrib
    magnified = objective.get("CalibratedMagnification") or objective.get("NominalMagnification")
    lasers = (next(_named(c, "LightSourceSettings"), None) for c in channels)
    excitation = tuple(
        _nm(c, "ExcitationWavelength", notes)
        or (_nm(laser, "Wavelength", notes) if laser is not None else None)
        for c, laser in zip(channels, lasers, strict=True)
    )
    objective_read = objective_named(objective.get("Model", ""), "OME-XML, the objective's Model")
    return Optics(
        numerical_aperture=checked(objective.get("LensNA"), 0.05, 1.7, "LensNA", notes),
        refractive_index_immersion=index,
        emission_nm=tuple(_nm(c, "EmissionWavelength", notes) for c in channels),
        excitation_nm=excitation,
        kind=next((mode for mode in modes[:1]), ""),
        magnification=checked(magnified, 0.5, 250, "the magnification", notes),
        pinhole_um=tuple(_um(c, "PinholeSize") for c in channels),
        kinds=modes,
        names=tuple(f"{c.get('Fluor', '')} {c.get('Name', '')}".strip() for c in channels),
        sources={
            "numerical_aperture": "OME-XML, LensNA",
            "refractive_index_immersion": source,
            "emission_nm": "OME-XML, EmissionWavelength",
            "excitation_nm": "OME-XML, ExcitationWavelength",
            "kind": "OME-XML, AcquisitionMode",
            "pinhole_um": "OME-XML, PinholeSize",
            "pixel_size": "OME-XML, PhysicalSize",
        },
        notes=tuple(dict.fromkeys(notes)),
        microscope=f"{model.get('Manufacturer', '')} {model.get('Model', '')}".strip(),
    ).over(objective_read)


_OBJECTIVE = re.compile(
    r"(?P<magnification>\d+(?:\.\d+)?)\s*x\b"
    r"(?:[\s/,_-]*(?:NA\s*=?\s*)?(?P<aperture>[01][.,]\d+))?",
    re.IGNORECASE,
)


def objective_named(label: str, source: str) -> Optics:
    """What an objective's engraving says: ``Plan Apo 60x/1.40 Oil``, ``40x NA 0.95 air``.

    Parameters
    ----------
    label : str
        Its name.
    source : str
        Where that stands.

    Returns
    -------
    Optics
        All None where the name says nothing.
    """
    match = _OBJECTIVE.search(label)
    aperture = match["aperture"] if match else None
    if aperture is None and (named := re.search(r"\bNA\s*=?\s*([01][.,]\d+)", label, re.I)):
        aperture = named[1]
    medium = medium_in(label)
    fields = ("numerical_aperture", "magnification", "refractive_index_immersion")
    return Optics(
        numerical_aperture=_between((aperture or "").replace(",", "."), 0.05, 1.7),
        magnification=_between(match["magnification"] if match else None, 0.5, 250),
        refractive_index_immersion=IMMERSIONS.get(medium),
        sources=dict.fromkeys(fields, source),
    )


def medium_in(text: str) -> str:
    """The key of `IMMERSIONS` that a text names, in full or as engraved: ``OIL``, ``W``."""
    spelt = {w.lower(): w for w in IMMERSIONS} | _SYNONYMS | _ENGRAVED
    words = re.findall(r"[a-z]+", text.lower())
    return next((spelt[word] for word in words if word in spelt), "")


def immersion(
    word: str, index: str | None, notes: list[str], place: str, field: str = "RefractiveIndex"
) -> tuple[float | None, str]:
    """The index of what the objective dips into, and its source; two statements must agree."""
    stated = checked(index, 1.0, 2.0, field, notes)
    by_word = IMMERSIONS.get(medium_in(word))
    if stated is not None and by_word is not None and abs(stated - by_word) > 0.06:
        notes.append(f"{field} {stated:g} contradicts Immersion {word}, which is taken.")
        stated = None
    if stated is not None:
        return stated, f"{place}, {field}"
    return by_word, f"{place}, Immersion {word}"


_KEYS = {
    "numerical_aperture": r"(lens|objective|^)na|numericalaperture",
    "refractive_index_sample": r"(sample|mounting)\w*(index|ri)|refractiveindex(of)?sample",
    "refractive_index_immersion": r"refractiveindex|immersionindex|immersionri",
    "immersion": r"immersion(medium)?",
    "magnification": r"(nominal|objective|lens|calibrated)?magnification",
    "emission_nm": r"em(ission)?(wavelength|peak|nm)?(nm)?",
    "excitation_nm": r"ex(citation)?(wavelength|peak|nm)?(nm)?|laserwavelength",
    "pinhole_um": r"pinhole(size|diameter)?(um|µm)?",
    "mode": r"acquisitionmode|modality",
    "microscope": r"microscope(name|model)?",
    "name": r"channelname|fluor|dye(name)?|chnames?",
}
"""Names that writers give to these, in small letters and digits alone; a path may stand before."""


def optics_in_info(text: str) -> Optics:
    """Read lines ``key = value`` or ``key: value``, or JSON, as ImageJ's info has them.

    A channel's number follows as ``#2`` or stands before as ``Channel 2``; it counts from 1.

    Parameters
    ----------
    text : str
        The info; what is not understood is passed over.

    Returns
    -------
    Optics
        All None where nothing is stated.
    """
    stated: dict[tuple[str, int], str] = {}
    for key, value in _pairs(text):
        path = re.sub(r"^.*[|/\\.]", "", key)
        numbered = re.search(r"#\s*(\d+)\s*$", key) or re.search(r"channel\s*#?(\d+)", key, re.I)
        bare = re.sub(r"#\s*\d+\s*$|channel\s*#?\d+", "", path, flags=re.I)
        plain = re.sub(r"[^a-z0-9µ]", "", bare.lower())
        name = next((n for n, form in _KEYS.items() if re.fullmatch(form, plain)), None)
        if name is None and plain.endswith(("lensna", "numericalaperture")):
            name = "numerical_aperture"
        if name is not None:
            channel = max(0, int(numbered[1]) - 1) if numbered else 0
            stated.setdefault((name, min(channel, 63)), value)
    notes: list[str] = []

    def number(name: str, low: float, high: float) -> float | None:
        digits = re.search(r"\d+(\.\d+)?", stated.get((name, 0), ""))
        return checked(digits and digits[0], low, high, name, notes)

    def lengths(name: str, low: float, high: float, unit: str) -> tuple[float | None, ...]:
        count = max((c for n, c in stated if n == name), default=-1) + 1
        return tuple(
            _length(stated.get((name, c), ""), unit, low, high, name, notes) for c in range(count)
        )

    word = re.sub(r"[^a-z]", "", stated.get(("immersion", 0), "").lower())
    word = _SYNONYMS.get(word, next((w for w in IMMERSIONS if w.lower() == word), ""))
    index = number("refractive_index_immersion", 1.0, 2.0)
    by_word = IMMERSIONS.get(word)
    if index is not None and by_word is not None and abs(index - by_word) > 0.06:
        notes.append(f"The refractive index {index:g} contradicts {word}, which is taken.")
        index = None
    mode = re.sub(r"[^a-z]", "", stated.get(("mode", 0), "").lower())
    kind = next((k for m, k in MODES.items() if m.lower() == mode), "")
    kind = kind or next((k for k in MODES.values() if k.replace("-", "") == mode), "")
    names = [stated.get(("name", c), "") for c in range(_count(stated, "name"))]
    return Optics(
        numerical_aperture=number("numerical_aperture", 0.05, 1.7),
        refractive_index_immersion=index or by_word,
        emission_nm=lengths("emission_nm", 200, 2000, "nm"),
        excitation_nm=lengths("excitation_nm", 200, 2000, "nm"),
        kind=kind,
        refractive_index_sample=number("refractive_index_sample", 1.0, 2.0),
        magnification=number("magnification", 0.5, 250),
        pinhole_um=lengths("pinhole_um", 1, 1000, "µm"),
        names=tuple(names),
        sources=dict.fromkeys((*_KEYS, "kind"), "ImageJ info")
        | {"pixel_size": "ImageJ calibration"},
        notes=tuple(dict.fromkeys(notes)),
        microscope=stated.get(("microscope", 0), ""),
    )


def _count(stated: Mapping[tuple[str, int], str], name: str) -> int:
    return max((channel for key, channel in stated if key == name), default=-1) + 1


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    if text.lstrip().startswith("{"):
        try:
            yield from _flat(json.loads(text))
        except (ValueError, RecursionError):
            return
        return
    for line in text.splitlines()[:20000]:
        key, mark, value = line.partition("=") if "=" in line else line.partition(":")
        if mark and len(value) < 300:
            yield key.strip(), value.strip()


def _flat(value: Any, key: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and depth < 5:
        for name, item in value.items():
            yield from _flat(item, str(name), depth + 1)
    elif isinstance(value, list) and key:
        for number, item in enumerate(value[:64], 1):
            yield f"{key} #{number}", str(item)
    elif key and not isinstance(value, (Mapping, list)):
        yield key, str(value)


def _length(
    text: str, unit: str, low: float, high: float, name: str, notes: list[str]
) -> float | None:
    """A length out of text such as ``0.52 µm``, in ``unit``, which is meant where none stands."""
    parts = re.match(r"\s*(\d+(?:\.\d+)?)\s*([^\W\d]*)", text)
    if not parts:
        return None
    size, unit_known = length(float(parts[1]), parts[2] or unit)
    value = size * 1000 if unit == "nm" else size
    return checked(f"{value:.6g}", low, high, name, notes) if unit_known == "µm" else None


def _named(element: ET.Element, name: str) -> Iterator[ET.Element]:
    return (e for e in element.iter() if e.tag.rsplit("}", 1)[-1] == name)


def _between(text: str | None, low: float, high: float) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if low <= value <= high else None


def checked(text: str | None, low: float, high: float, name: str, notes: list[str]) -> float | None:
    """A number out of a text; None, with a note, where it is none that can be meant."""
    value = _between(text, low, high)
    if text and value is None:
        notes.append(f"{name} = {text[:20]} is none that exists, and was not taken.")
    return value


def _um(element: ET.Element, key: str) -> float | None:
    """A length; OME's own unit for those in microscopes is the micrometre."""
    stated = _between(element.get(key), 0.0, math.inf)
    if stated is None:
        return None
    size, unit = length(stated, element.get(f"{key}Unit", "µm"))
    return size if unit == "µm" and 1 <= size <= 1000 else None


def _nm(element: ET.Element, key: str, notes: list[str]) -> float | None:
    """A wavelength; OME's own unit is the nanometre."""
    stated = _between(element.get(key), 0.0, math.inf)
    if stated is None:
        return None
    size, unit = length(stated, element.get(f"{key}Unit", "nm"))
    if unit != "µm":
        notes.append(f"{key} has the unit {unit!r}, which is not a length, and was not taken.")
        return None
    return checked(f"{1000 * size:.6g}", 200, 2000, f"{key} in nm", notes)
