"""What the file of a layer says that the layer itself does not: its axes and voxel size."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from napari.layers import Image

_log = logging.getLogger(__name__)
_TIFF = (".tif", ".tiff")


@dataclass(frozen=True, eq=False)
class Stated:
    """Axes and sizes of a layer by its file.

    Parameters
    ----------
    axes : str
        One letter per axis of the layer's array.
    pixel_size, units : mapping
        As in `io.Picture`.
    """

    axes: str
    pixel_size: Mapping[str, float]
    units: Mapping[str, str]


def stated(layer: Image) -> Stated | None:
    """What a layer's file says, if it is a TIFF or OME-Zarr whose image has the layer's shape."""
    path = getattr(layer.source, "path", None)
    if not path or Path(path).suffix.lower() not in (*_TIFF, ".zarr"):
        return None
    try:
        status = Path(path).stat()
    except OSError:
        return None
    shape, header = _header(str(path), status.st_mtime_ns, status.st_size)
    data = layer.data[0] if layer.multiscale else layer.data
    if header is None or shape != tuple(data.shape) or ("S" in header.axes) != bool(layer.rgb):
        return None
    return header


@lru_cache(maxsize=32)
def _header(path: str, changed_ns: int, size: int) -> tuple[tuple[int, ...], Stated | None]:
    """Shape as every reader of TIFF gives it, and what the header says."""
    from ...io.tiff import opened

    try:
        if path.rstrip("/").lower().endswith(".zarr"):
            from ...blocks import open_source

            picture = open_source(path).picture
            shape = tuple(picture.data.shape)
            return shape, Stated(picture.axes, picture.pixel_size, picture.units)
        with opened(Path(path)) as image:
            if image.meaning.orientation != 1:
                return (), None  # other readers do not turn it upright
            return tuple(image.series.shape), Stated(
                image.stored, image.fields.get("pixel_size", {}), image.fields.get("units", {})
            )
    except Exception:  # a layer is no less an image for a header that cannot be read
        _log.debug("%s", path, exc_info=True)
        return (), None
