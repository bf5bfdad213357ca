"""What a layer's metadata or its file says of the optics."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image
from napari.viewer import Viewer

from ...core.spec import Spec
from ...io.folder import VENDORS
from ...io.optics import Optics, optics_in
from ...io.optics import optics_of as optics_of_picture
from ...psf.metadata import TYPED, ChannelPSF, Fact, channel_psf
from ..kit.layers import axes_of, pixels

_log = logging.getLogger(__name__)
_FILES = (".tif", ".tiff", ".zarr", *VENDORS)


def optics_of(layer: Image) -> tuple[Optics, str]:
    """What a layer's metadata or its file states, and which of them it was.

    OME-XML is understood as text anywhere in the metadata, and all that `io.read` understands in
    the file that the layer was read from.
    """
    optics, whence = _from_file(layer)
    channels = layer.metadata.get("channels")
    if not optics.names and isinstance(channels, list):
        optics = replace(optics, names=tuple(map(str, channels)))
    return optics, whence or "the layer's metadata"


def stated_psf(optics: Optics, channel: int, kind: str, **more: Any) -> ChannelPSF:
    """What would be taken for a channel, as `psf.metadata.channel_psf` says."""
    name = optics.names[channel] if channel < len(optics.names) else ""
    return channel_psf(optics, channel, kind, name=name, **more)


def facts_held(psf: ChannelPSF, kind: type[Spec], held: Mapping[str, Any]) -> list[Fact]:
    """The sources of the values that are held now, by what would be taken for a channel."""
    stated, fields = {fact.field: fact for fact in psf.facts}, kind.fields()
    facts = [
        fact if alike(held[key], fact.value) else fact.but(held[key], TYPED)
        for key, fact in stated.items()
        if key in held
    ]
    return facts + [
        Fact(key, value, fields[key].unit, TYPED)
        for key, value in held.items()
        if key in fields and key not in stated and not alike(value, fields[key].default)
    ]


def alike(value: object, other: object) -> bool:
    """Whether two values are the same in a field, which shows six digits."""
    if isinstance(value, (int, float)) and isinstance(other, (int, float)):
        return abs(value - other) <= 1e-5 * max(abs(value), abs(other))
    return value == other


def emission_of(optics: Optics, channel: int) -> Fact:
    """The light that a channel records, and who says so."""
    facts = stated_psf(optics, channel, "wide-field").facts
    return next(fact for fact in facts if fact.field == "emission_nm")


def _from_file(layer: Image) -> tuple[Optics, str]:
    for text in _texts(layer.metadata):
        optics = optics_in(text)
        if optics.fields():
            return optics, "the layer's metadata"
    path = getattr(layer.source, "path", None)
    if not path or Path(path).suffix.lower() not in _FILES:
        return Optics(), ""
    try:
        status = Path(path).stat()
    except OSError:
        return Optics(), ""
    return _in_file(str(path), status.st_mtime_ns, status.st_size), Path(path).name


def channel_of(layer: Image, optics: Optics) -> int:
    """Which channel of its file a layer without a channel axis shows, as its name tells; else 0."""
    if len(optics.names) < 2 or "C" in axes_of(layer):
        return 0
    name = layer.name.casefold()
    named = [(len(n), c) for c, n in enumerate(map(str.casefold, optics.names)) if n and n in name]
    if named:
        return max(named)[1]
    numbered = re.search(r"(?:layer|channel|ch|c)\s*(\d+)$|\[(\d+)\]$", name)
    number = int(numbered[1] or numbered[2]) if numbered else 0
    return number if number < len(optics.names) else 0


def channel_in_view(viewer: Viewer, layer: Image) -> int | None:
    """The channel that the viewer shows of a layer; None where it has no axis of channels."""
    axes = axes_of(layer)
    if "C" not in axes:
        return None
    here, at = layer.world_to_data(viewer.dims.point[-layer.ndim :]), axes.index("C")
    return int(np.clip(round(float(here[at])), 0, pixels(layer).shape[at] - 1))


@lru_cache(maxsize=32)
def _in_file(path: str, changed_ns: int, size: int) -> Optics:
    """What a file states; nothing where it cannot be read."""
    from ...io.tiff import opened

    try:
        if path.rstrip("/").lower().endswith(".zarr"):
            from ...blocks import open_source

            return optics_of_picture(open_source(path).picture)
        if Path(path).suffix.lower() in VENDORS:
            from ...io.vendors import opened as opened_vendor

            with opened_vendor(Path(path)) as raw:
                return raw.optics
        with opened(Path(path)) as image:
            return optics_of_picture(image.around(np.empty((0,) * len(image.axes))))
    except Exception:  # a layer is no less an image for a header that cannot be read
        _log.debug("%s", path, exc_info=True)
        return Optics()


def _texts(value: object, depth: int = 0) -> list[str]:
    if isinstance(value, str):
        return [value] if "<OME" in value[:2000] else []
    if not isinstance(value, dict) or depth > 3:
        return []
    return [text for item in value.values() for text in _texts(item, depth + 1)]
