"""What Micro-Manager writes into its TIFF files: a summary, and the state of its devices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import tifffile

from .optics import objective_named, optics_in_info
from .picture import finite_sizes

TAG = 51123
"""Of each plane: the state of all devices, as JSON."""
_SOURCE = "Micro-Manager"


def metadata_of(tif: tifffile.TiffFile) -> dict[str, Any]:
    """Voxel size in µm, channel names and, as ``info["optics"]``, what is said of the optics.

    Of the devices' state the objective counts that is in place: ``"Nosepiece-Label": "Plan Apo
    60x/1.40 Oil"``. A pixel size that was never calibrated, 0 or 1, is left out. Empty for files
    that Micro-Manager has not written.
    """
    tag = tif.pages.first.tags.get(TAG)
    if tag is None:
        return {}
    plane, summary = _object(tag.value), dict[str, Any]()
    with suppress(Exception):  # a header that is damaged hides no image
        summary = _object((tif.micromanager_metadata or {}).get("Summary"))
    size, units = finite_sizes(_sizes(plane, summary))
    names = summary.get("ChNames")
    channels = tuple(map(str, names)) if isinstance(names, list) else ()
    optics = optics_in_info(json.dumps({**summary, **plane}))
    optics = replace(optics, names=channels, sources=dict.fromkeys(optics.sources, _SOURCE))
    label = next((_text(v) for k, v in plane.items() if _is_objective(k)), "")
    optics = optics.over(objective_named(label, f"{_SOURCE}, objective {label!r}"))
    return {
        "pixel_size": size, "units": units, "channels": channels, "info": {"optics": optics}
    }  # fmt: skip


def _sizes(plane: Mapping[str, Any], summary: Mapping[str, Any]) -> dict[str, tuple[float, str]]:
    pixel = _number(plane, "PixelSizeUm") or _number(summary, "PixelSize_um")
    step = _number(summary, "z-step_um") or _number(summary, "zStep_um")
    sizes = dict.fromkeys("XY", (pixel, "µm")) if pixel and pixel != 1.0 else {}
    return sizes | ({"Z": (abs(step), "µm")} if step else {})


def _is_objective(key: str) -> bool:
    device, _, what = key.lower().rpartition("-")
    return what == "label" and any(word in device for word in ("objective", "nosepiece", "turret"))


def _object(value: object) -> dict[str, Any]:
    if isinstance(value, str):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    """A device's state, which is text or ``{"PropVal": text}``."""
    return str(value.get("PropVal", "") if isinstance(value, Mapping) else value)


def _number(values: Mapping[str, Any], key: str) -> float | None:
    """A number that says something."""
    try:
        number = float(_text(values.get(key)))
    except ValueError:
        return None
    return number if number and abs(number) < 1e6 else None
