"""Zeiss's CZI, by czifile: the releases for Python 3.11 (2019) and the later ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import czifile
import numpy as np
from numpy.typing import NDArray

from ...core.errors import DeconvError
from ..optics import MODES, Optics, checked, immersion, objective_named
from ..picture import duration
from . import Raw

_COMPRESSED = {1: "JPEG", 2: "LZW", 4: "JPEG XR", 5: "Zstandard", 6: "Zstandard"}


@contextmanager
def opened(path: Path) -> Iterator[Sequence[Callable[[], Raw]]]:
    """The images of a file: its scenes."""
    with warnings.catch_warnings(), czifile.CziFile(str(path)) as czi:
        warnings.simplefilter("ignore")
        xml = str(czi.metadata() or "")
        if scenes := getattr(czi, "scenes", None):
            yield [partial(_of_scene, scenes[key], xml) for key in scenes]
            return
        entries = [e for e in czi.filtered_subblock_directory if e.stored_shape == e.shape]
        places = [_scene(e) for e in entries]
        yield [
            partial(_of_entries, [e for e, p in zip(entries, places, strict=True) if p == n], xml)
            for n in sorted(set(places))
        ]


def _of_scene(scene: Any, xml: str) -> Raw:
    return _raw(scene.axes, tuple(scene.shape), np.dtype(scene.dtype), scene.asarray, xml)


def _scene(entry: Any) -> int:
    return int(dict(zip(entry.axes, entry.start, strict=True)).get("S", 0))


def _of_entries(entries: Sequence[Any], xml: str) -> Raw:
    """An image out of its blocks; those of a pyramid's coarser levels are not among them."""
    low = np.min([e.start for e in entries], axis=0)
    high = np.max([np.add(e.start, e.shape) for e in entries], axis=0)
    shape = tuple(int(n) for n in high - low)
    dtypes = [np.dtype(e.dtype[-2:]) for e in entries]
    dtype = np.result_type(*dtypes)

    def pixels() -> NDArray[Any]:
        whole = np.zeros(shape, dtype)
        for entry in entries:
            at = np.subtract(entry.start, low)
            cut = tuple(slice(a, a + n) for a, n in zip(at, entry.shape, strict=True))
            try:
                whole[cut] = entry.data_segment().data()
            except KeyError as error:
                how = _COMPRESSED.get(entry.compression, f"method {entry.compression}")
                raise DeconvError(
                    f"it is compressed with {how}, which czifile {czifile.__version__} does not "
                    "read.",
                    "Use Python 3.12 or newer, for which there is a later czifile, or save it "
                    "uncompressed.",
                ) from error
        return whole

    return _raw(entries[0].axes, shape, dtype, pixels, xml)


def _raw(
    axes: str, shape: tuple[int, ...], dtype: np.dtype[Any], pixels: Callable[[], Any], xml: str
) -> Raw:
    root = ET.fromstring(xml) if xml else ET.Element("none")
    channels = root.findall(".//Information/Image/Dimensions/Channels/Channel")
    sizes = {
        str(d.get("Id")): (1e6 * float(_text(d, "Value") or "nan"), "µm")
        for d in root.findall(".//Scaling/Items/Distance")
    }
    step = _text(root, ".//Information/Image/Dimensions/T/Positions/Interval/Increment")
    if step:
        sizes["T"] = duration(float(step), "s")
    return Raw(
        axes=axes.replace("S", "", 1).replace("0", "S") if "0" in axes else axes,
        shape=tuple(n for a, n in zip(axes, shape, strict=True) if a != "S" or "0" not in axes),
        dtype=dtype, pixels=pixels, sizes=sizes, optics=optics_in(root),
        channels=tuple(c.get("Name") or _text(c, "Name") for c in channels),
    )  # fmt: skip


def optics_in(root: ET.Element) -> Optics:
    """What the metadata of a CZI file say of the optics; what is absurd counts as not stated."""
    notes: list[str] = []
    image = root.find(".//Information/Image")
    image = ET.Element("none") if image is None else image
    wanted = image.find("ObjectiveSettings/ObjectiveRef")
    objectives = root.findall(".//Information/Instrument/Objectives/Objective")
    ours = [o for o in objectives if wanted is not None and o.get("Id") == wanted.get("Id")]
    objective = next(iter(ours or objectives), ET.Element("none"))
    word = _text(objective, "Immersion") or _text(image, "ObjectiveSettings/Medium")
    index, source = immersion(word, _text(image, "ObjectiveSettings/RefractiveIndex"), notes, "CZI")
    shown = {d.get("Id"): d for d in root.findall(".//DisplaySetting/Channels/Channel")}
    channels = image.findall("Dimensions/Channels/Channel")
    dyes = [shown.get(c.get("Id"), c) for c in channels]
    emission = [_text(c, "EmissionWavelength") or _text(d, "DyeMaxEmission")
                for c, d in zip(channels, dyes, strict=True)]  # fmt: skip
    excitation = [
        _text(c, "ExcitationWavelength")
        or _text(c, "LightSourcesSettings/LightSourceSettings/Wavelength")
        or _text(d, "DyeMaxExcitation")
        for c, d in zip(channels, dyes, strict=True)
    ]
    modes = tuple(MODES.get(_text(c, "AcquisitionMode"), "") for c in channels)
    names = [
        " ".join(filter(None, (_text(c, "Fluor") or _text(d, "DyeName"), c.get("Name", ""))))
        for c, d in zip(channels, dyes, strict=True)
    ]
    magnified = _text(objective, "NominalMagnification")
    engraved = _text(objective, "Manufacturer/Model") or objective.get("Name", "")
    stand = root.find(".//Information/Instrument/Microscopes/Microscope")
    return Optics(
        numerical_aperture=checked(_text(objective, "LensNA"), 0.05, 1.7, "LensNA", notes),
        refractive_index_immersion=index,
        emission_nm=tuple(_nm(v, "EmissionWavelength", notes) for v in emission),
        excitation_nm=tuple(_nm(v, "ExcitationWavelength", notes) for v in excitation),
        kind=next(iter(modes), ""),
        magnification=checked(magnified, 0.5, 250, "the magnification", notes),
        pinhole_airy=tuple(
            checked(_text(c, "PinholeSizeAiry"), 0.05, 100, "PinholeSizeAiry", notes)
            for c in channels
        ),
        kinds=modes,
        names=tuple(names),
        sources={
            "numerical_aperture": "CZI, LensNA",
            "refractive_index_immersion": source,
            "emission_nm": "CZI, EmissionWavelength",
            "excitation_nm": "CZI, ExcitationWavelength",
            "kind": "CZI, AcquisitionMode",
            "pinhole_airy": "CZI, PinholeSizeAiry",
            "pixel_size": "CZI, Scaling",
        },
        notes=tuple(dict.fromkeys(notes)),
        microscope="" if stand is None else _text(stand, "System") or stand.get("Name", ""),
    ).over(objective_named(engraved, f"CZI, objective {engraved!r}"))


def _text(element: ET.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _nm(text: str, name: str, notes: list[str]) -> float | None:
    return checked(text or None, 200, 2000, f"{name} in nm", notes)
