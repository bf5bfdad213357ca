"""ImageJ's TIFF dialect: hyperstacks with calibration, display ranges and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from .picture import Picture, duration, finite_sizes, length, recipe_in, with_recipe

_COUNTED = {"ImageJ", "SCIFIO", "images", "channels", "slices", "frames", "hyperstack", "axes"}
_CALIBRATED = {"cf", "c0", "c1", "c2", "c3", "c4", "vunit"}
"""What ImageJ's block says of the values of integers."""


def holds(picture: Picture) -> bool:
    """Whether ImageJ's dialect has these pixels: 8- and 16-bit, float32, and 8-bit RGB.

    Signed 16-bit values are stored with 32768 added, and a calibration that subtracts it.
    """
    dtype = picture.data.dtype
    if "S" in picture.axes:
        return dtype == np.uint8 and picture.data.shape[picture.axes.index("S")] == 3
    return dtype in (np.uint8, np.uint16, np.int16, np.float32)


def metadata_of(tif: tifffile.TiffFile) -> dict[str, Any]:
    """Calibration, channel names and the whole block of an ImageJ file."""
    block = dict(tif.imagej_metadata or {})
    unit = _spelt(str(block.get("unit", "")))
    tags = tif.pages.first.tags
    sizes: dict[str, tuple[float, str]] = {}
    if unit and unit not in ("pixel", "pixels"):
        for axis, code in (("X", 282), ("Y", 283)):
            if code in tags:
                over, under = tags[code].value
                sizes[axis] = length(under / over if over else 0.0, unit)
        if "spacing" in block:
            sizes["Z"] = length(float(block["spacing"]), _spelt(str(block.get("zunit", unit))))
    if "finterval" in block:
        sizes["T"] = duration(float(block["finterval"]), str(block.get("tunit", "s")))
    pixel_size, units = finite_sizes(sizes)
    return {
        "pixel_size": pixel_size,
        "units": units,
        "channels": _names(block),
        "recipe": recipe_in(str(block.get("Info", ""))),
        "info": {"imagej": block},
    }


def _names(block: dict[str, Any]) -> tuple[str, ...]:
    """Channel names, where the planes' labels name them and nothing else."""
    labels = block.get("Labels")
    if not isinstance(labels, (list, tuple)) or not 2 <= len(labels) == block.get("channels"):
        return ()
    return tuple(str(label) for label in labels)


def _spelt(text: str) -> str:
    """ImageJ escapes letters beyond ASCII as Java does."""
    return text.replace("\\u00B5", "µ").replace("\\u00b5", "µ").replace("\\u00C5", "Å")


def _escaped(text: str) -> str:
    return "".join(c if ord(c) < 128 else f"\\u{ord(c):04X}" for c in text)


def write(part: Path, data: NDArray[Any], axes: str, picture: Picture) -> None:
    """Write an ImageJ TIFF with the block and resolution of the picture."""
    wanted = "".join(a for a in "TZCYXS" if a in axes)
    data, axes = np.ascontiguousarray(data.transpose([axes.index(a) for a in wanted])), wanted
    block = dict(picture.info.get("imagej", {})) or _fresh(picture)
    block = {k: v for k, v in block.items() if k not in _COUNTED}
    info = with_recipe(str(block.pop("Info", "")), picture.recipe)
    block = {k: _escaped(v) if isinstance(v, str) else v for k, v in block.items()}
    block = {k: v for k, v in block.items() if k not in _CALIBRATED or data.dtype == np.uint16}
    if data.dtype == np.int16:
        data = data.view(np.uint16) ^ np.uint16(0x8000)
        block |= {"cf": 0, "c0": -32768.0, "c1": 1.0, "vunit": "gray value"}
    options: dict[str, Any] = {
        "metadata": block | {"axes": axes} | ({"Info": info} if info else {})
    }
    if picture.info.get("imagej") and picture.info.get("resolution"):
        options["resolution"] = picture.info["resolution"]
        options["resolutionunit"] = picture.info["resolution_unit"]
    elif sizes := picture.spacing("XY"):
        options["resolution"] = tuple(1 / s for s in sizes)
    if picture.info.get("inverted") and "S" not in axes:
        options["photometric"] = "miniswhite"
    colormap = picture.info.get("colormap")
    if colormap is not None and data.dtype == np.uint8 and "S" not in axes:
        options["colormap"] = colormap
    tifffile.imwrite(part, data, imagej=True, ome=False, software=False, **options)


def _fresh(picture: Picture) -> dict[str, Any]:
    """The block of a picture that comes from elsewhere."""
    block: dict[str, Any] = {}
    if unit := picture.units.get("X"):
        block["unit"] = "um" if unit == "µm" else unit
    if "Z" in picture.pixel_size:
        block["spacing"] = picture.pixel_size["Z"]
    if picture.units.get("T") == "s":
        block["finterval"] = picture.pixel_size["T"]
    if picture.channels:
        block["mode"] = "composite"
        if "C" in picture.axes and not set(picture.axes) & set("TZ"):
            block["Labels"] = list(picture.channels)
    return block
