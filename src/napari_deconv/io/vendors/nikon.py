"""Nikon's ND2, by nd2."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import nd2
import numpy as np

from ..optics import Optics, checked, immersion, objective_named
from . import Raw

_MODES = {
    "multiphoton": "two-photon",
    "laserScanConfocal": "confocal",
    "spinningDiskConfocal": "confocal",
    "sweptFieldConfocalSlit": "confocal",
    "sweptFieldConfocalPinhole": "confocal",
    "dsdConfocal": "confocal",
}


@contextmanager
def opened(path: Path) -> Iterator[Sequence[Callable[[], Raw]]]:
    """The images of a file: the positions of its stage."""
    with nd2.ND2File(path) as file:
        count = int(file.sizes.get("P", 1))
        yield [partial(_raw, file, number) for number in range(count)]


def _raw(file: Any, number: int) -> Raw:
    sizes = {a: n for a, n in file.sizes.items() if a != "P"}
    channels = list(file.metadata.channels or ()) if file.metadata else []
    notes: tuple[str, ...] = ()
    planes = math.prod(loop.count for loop in file.experiment)
    if (there := file.attributes.sequenceCount) < planes:
        notes += (f"Of its {planes} planes {there} were recorded; the others are 0.",)
    elif there > planes:
        notes += (f"It holds {there} planes, of which its experiment names {planes}.",)
    return Raw(
        axes="".join(sizes), shape=tuple(sizes.values()), dtype=np.dtype(file.dtype),
        pixels=lambda: file.asarray(position=number if "P" in file.sizes else None),
        sizes=_sizes(file, channels), channels=tuple(str(c.channel.name) for c in channels),
        optics=optics_of(channels), notes=notes,
    )  # fmt: skip


def _sizes(file: Any, channels: Sequence[Any]) -> dict[str, tuple[float, str]]:
    """Sizes that were calibrated; of a stack the step that was asked for, too."""
    sizes: dict[str, tuple[float, str]] = {}
    for channel in channels[:1]:
        volume = channel.volume
        axes = zip("XYZ", volume.axesCalibrated, volume.axesCalibration, strict=True)
        sizes = {a: (float(size), "µm") for a, calibrated, size in axes if calibrated}
    for loop in file.experiment:
        if loop.type == "ZStackLoop" and loop.parameters.stepUm:
            sizes.setdefault("Z", (abs(float(loop.parameters.stepUm)), "µm"))
        elif loop.type == "TimeLoop" and loop.parameters.periodMs:
            sizes["T"] = (float(loop.parameters.periodMs) / 1000, "s")
    return sizes


def optics_of(channels: Sequence[Any]) -> Optics:
    """What the metadata of an ND2 file's channels say; what is absurd counts as not stated."""
    if not channels:
        return Optics()
    notes: list[str] = []
    lens = channels[0].microscope
    engraved = str(lens.objectiveName or "")
    aperture = checked(_text(lens.objectiveNumericalAperture), 0.05, 1.7, "the NA", notes)
    by_name = objective_named(engraved, f"ND2, objective {engraved!r}")
    stated = lens.immersionRefractiveIndex
    if stated is not None and aperture is not None and stated <= aperture:
        text = f"immersionRefractiveIndex {stated:g} is not above the NA of {aperture:g}"
        notes.append(f"{text}, and was not taken.")
        stated = None
    index, source = immersion(engraved, _text(stated), notes, "ND2", "immersionRefractiveIndex")
    source = source if stated == index else by_name.sources["refractive_index_immersion"]
    kinds = []
    for channel in channels:
        flags = channel.microscope.modalityFlags
        kinds.append(next((_MODES[f] for f in _MODES if f in flags), ""))
        if "brightfield" in flags:
            notes.append(
                f"Channel {channel.channel.name!r} is bright field, whose image no PSF of "
                "fluorescence describes."
            )
    magnified = _text(lens.objectiveMagnification)
    return Optics(
        numerical_aperture=aperture,
        refractive_index_immersion=index,
        emission_nm=tuple(_nm(c.channel.emissionLambdaNm, "emission", notes) for c in channels),
        excitation_nm=tuple(
            _nm(c.channel.excitationLambdaNm, "excitation", notes) for c in channels
        ),
        kind=kinds[0],
        magnification=checked(magnified, 0.5, 250, "the magnification", notes),
        pinhole_um=tuple(
            checked(_text(c.microscope.pinholeDiameterUm), 1, 1000, "the pinhole", notes)
            for c in channels
        ),
        kinds=tuple(kinds),
        names=tuple(str(c.channel.name) for c in channels),
        sources={
            "numerical_aperture": "ND2, objectiveNumericalAperture",
            "refractive_index_immersion": source,
            "emission_nm": "ND2, emissionLambdaNm",
            "excitation_nm": "ND2, excitationLambdaNm",
            "kind": "ND2, modality",
            "pinhole_um": "ND2, pinholeDiameterUm",
            "pixel_size": "ND2, calibration",
        },
        notes=tuple(dict.fromkeys(notes)),
    ).over(by_name)


def _text(value: float | None) -> str | None:
    return None if value is None else f"{value:.6g}"


def _nm(value: float | None, name: str, notes: list[str]) -> float | None:
    return checked(_text(value), 200, 2000, f"{name} in nm", notes)
