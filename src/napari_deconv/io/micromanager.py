"""What Micro-Manager writes into its TIFF files: a summary, and the state of its devices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import tifffile

from .optics import Optics, objective_named, optics_in_info

TAG = 51123
"""Of each plane: the state of all devices, as JSON."""
_SOURCE = "Micro-Manager"


def known(tif: tifffile.TiffFile) -> dict[str, Any]:
    """The summary and the first plane's state, as ``info["micromanager"]`` of a picture holds them.

    Empty for files that Micro-Manager has not written.
    """
    tag = tif.pages.first.tags.get(TAG)
    if tag is None:
        return {}
    found: dict[str, Any] = {"plane": _object(tag.value)}
    with suppress(Exception):  # a header that is damaged hides no image
        found["summary"] = _object((tif.micromanager_metadata or {}).get("Summary"))
    return {"micromanager": found}


def sizes(block: Mapping[str, Any]) -> dict[str, tuple[float, str]]:
    """Voxel size in µm by axis; one that was never calibrated, which reads 0 or 1, is left out."""
    plane, summary = _parts(block)
    pixel = _number(plane, "PixelSizeUm") or _number(summary, "PixelSize_um")
    step = _number(summary, "z-step_um") or _number(summary, "zStep_um")
    found = dict.fromkeys("XY", (pixel, "µm")) if pixel and pixel != 1.0 else {}
    return found | ({"Z": (abs(step), "µm")} if step else {})


def channels(block: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the channels, as the summary has them."""
    names = _parts(block)[1].get("ChNames")
    return tuple(map(str, names)) if isinstance(names, list) else ()


def optics(block: Mapping[str, Any]) -> Optics:
    """Aperture, immersion and magnification by the label of the objective, and what else is told.

    Of the devices' state the objective counts that is in place: ``"Nosepiece-Label": "Plan Apo
    60x/1.40 Oil"``.
    """
    plane, summary = _parts(block)
    told = optics_in_info(json.dumps({**summary, **plane}))
    label = next((_text(v) for k, v in plane.items() if _is_objective(k)), "")
    sources = dict.fromkeys(told.sources, _SOURCE)
    told = replace(told, names=channels(block), sources=sources)
    return told.over(objective_named(label, f"{_SOURCE}, objective {label!r}"))


def _is_objective(key: str) -> bool:
    device, _, what = key.lower().rpartition("-")
    return what == "label" and any(word in device for word in ("objective", "nosepiece", "turret"))


def _parts(block: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return _object(block.get("plane")), _object(block.get("summary"))


def _object(value: object) -> dict[str, Any]:
    if isinstance(value, str):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    """A device's state, which is text or ``{"PropVal": text}``."""
    return str(value.get("PropVal", "") if isinstance(value, Mapping) else value)


def _number(found: Mapping[str, Any], key: str) -> float | None:
    """A number that says something."""
    try:
        number = float(_text(found.get(key)))
    except ValueError:
        return None
    return number if number and abs(number) < 1e6 else None
