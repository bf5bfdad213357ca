"""OME-TIFF: the XML is kept, and only what changes in it is changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import tifffile
from numpy.typing import NDArray

from ..core.errors import DeconvError
from .picture import Picture, duration, finite_sizes, length, recipe_of
from .storage import LARGE, Storage, colour_options, level_count, levels

_TYPES = {"float32": "float", "float64": "double"} | {
    t: t for t in ("int8", "int16", "int32", "uint8", "uint16", "uint32")
}
_NOTE = "Annotation:napari-deconv"
_NAMESPACE = "napari-deconv/recipe"


def metadata_of(tif: tifffile.TiffFile, number: int = 0) -> dict[str, Any]:
    """Pixel sizes, channel names and recipe of an image of an OME file, and its XML.

    Of images after the first it is the XML without those before.
    """
    xml = str(tif.ome_metadata)
    root = _parsed(xml)
    if number:
        xml = from_image(xml, number)
        root = _parsed(xml)
    pixels = _first(root, "Pixels")
    if pixels is None:
        return {"info": {"ome": xml}}
    sizes = {
        a: length(float(v), pixels.get(f"PhysicalSize{a}Unit", "µm"))
        for a in "XYZ"
        if (v := pixels.get(f"PhysicalSize{a}")) is not None
    }
    if (step := pixels.get("TimeIncrement")) is not None:
        sizes["T"] = duration(float(step), pixels.get("TimeIncrementUnit", "s"))
    pixel_size, units = finite_sizes(sizes)
    names = tuple(c.get("Name") or "" for c in pixels.iter() if _tag(c) == "Channel")
    return {
        "pixel_size": pixel_size,
        "units": units,
        "channels": names if any(names) else (),
        "recipe": _recipe(root),
        "info": {"ome": xml},
    }


def from_image(xml: str, number: int) -> str:
    """OME-XML without the images before one, so that this is the first."""
    root = _parsed(xml)
    for image in [e for e in root if _tag(e) == "Image"][:number]:
        root.remove(image)
    return ET.tostring(root, encoding="unicode")


def write(part: Path, data: NDArray[Any], axes: str, picture: Picture, storage: Storage) -> None:
    """Write an OME-TIFF with the picture's own XML where it still fits the pixels."""
    if data.dtype.name not in _TYPES:
        raise DeconvError(
            f"OME-TIFF cannot hold {data.dtype} values.", "Convert to float32 or uint16."
        )
    root, order = _fitting(data, axes, picture)
    _annotate(root, picture.recipe)
    wanted = [a for a in order if a in axes]
    stored = np.ascontiguousarray(data.transpose([axes.index(a) for a in wanted]))
    xml = b'<?xml version="1.0" encoding="UTF-8"?>' + ET.tostring(root, encoding="utf-8")
    options = colour_options(stored, axes)
    options |= storage.options(stored.dtype, bool(picture.info.get("compressed")))
    named = "".join(wanted)
    count = level_count(stored.shape, named) if storage.pyramid else 0
    if count:
        options["subifds"] = count
    # The levels come to a third of the image.
    large = stored.nbytes * (4 / 3 if count else 1) >= LARGE
    with tifffile.TiffWriter(part, ome=False, imagej=False, bigtiff=large) as tif:
        tif.write(stored, description=xml, metadata=None, software="napari-deconv", **options)
        options.pop("subifds", None)
        for level in levels(stored, named) if count else ():
            tif.write(level, subfiletype=1, metadata=None, **options)


def _fitting(data: NDArray[Any], axes: str, picture: Picture) -> tuple[ET.Element, str]:
    """The XML to write and the order of axes it declares."""
    xml = picture.info.get("ome")
    root = _parsed(str(xml)) if xml else None
    pixels = _first(root, "Pixels") if root is not None else None
    if root is None or pixels is None or not _fits(pixels, data, axes):
        return _parsed(_fresh(data, axes, picture)), axes
    kind = _TYPES[data.dtype.name]
    if pixels.get("Type") != kind:
        pixels.set("Type", kind)
        pixels.attrib.pop("SignificantBits", None)
    pixels.attrib.pop("BigEndian", None)
    _single_file(root, pixels)
    return root, _first_letters(pixels) + ("S" if "S" in axes else "")


def _first_letters(pixels: ET.Element) -> str:
    return pixels.get("DimensionOrder", "XYCZT")[::-1]


def _fits(pixels: ET.Element, data: NDArray[Any], axes: str) -> bool:
    shape = dict(zip(axes, data.shape, strict=True))
    channels = shape.get("C", 1) * shape.get("S", 1)
    sizes = {a: shape.get(a, 1) for a in "TZYX"} | {"C": channels}
    return all(pixels.get(f"Size{a}") == str(n) for a, n in sizes.items())


def _single_file(root: ET.Element, pixels: ET.Element) -> None:
    """Drop other images and the map of planes to files: all planes now follow in order."""
    namespace = root.tag[: root.tag.index("}") + 1] if "}" in root.tag else ""
    root.attrib.pop("UUID", None)
    images = [e for e in root if _tag(e) == "Image"]
    for image in images[1:]:
        root.remove(image)
    places = [i for i, e in enumerate(pixels) if _tag(e) in ("TiffData", "BinData", "MetadataOnly")]
    at = places[0] if places else sum(_tag(e) == "Channel" for e in pixels)
    for element in [pixels[i] for i in places]:
        pixels.remove(element)
    pixels.insert(at, ET.Element(f"{namespace}TiffData"))


def _fresh(data: NDArray[Any], axes: str, picture: Picture) -> str:
    """XML for pixels that come from elsewhere or changed their shape."""
    metadata: dict[str, Any] = {}
    for axis, size in picture.pixel_size.items():
        unit = picture.units.get(axis, "")
        key = "TimeIncrement" if axis == "T" else f"PhysicalSize{axis}"
        if unit in ("µm", "s"):
            metadata |= {key: size, f"{key}Unit": unit}
    shape = dict(zip(axes, data.shape, strict=True))
    if picture.channels and len(picture.channels) == shape.get("C", 1):
        metadata["Channel"] = {"Name": list(picture.channels)}
    samples = shape.get("S", 1)
    planes = data.size // (shape["Y"] * shape["X"] * samples)
    writer = tifffile.OmeXml(Creator="napari-deconv")
    stored = (planes, 1, 1, shape["Y"], shape["X"], samples)
    writer.addimage(data.dtype, data.shape, stored, axes=axes, **metadata)
    return str(writer.tostring())


def _annotate(root: ET.Element, recipe: dict[str, Any] | None) -> None:
    """Put the recipe among the file's annotations, in place of an older one."""
    namespace = root.tag[: root.tag.index("}") + 1] if "}" in root.tag else ""
    group = _first(root, "StructuredAnnotations")
    for note in list(group) if group is not None else []:
        if group is not None and note.get("ID") == _NOTE:
            group.remove(note)
    if recipe is None:
        return
    if group is None:
        group = ET.Element(f"{namespace}StructuredAnnotations")
        before_rois = next((i for i, e in enumerate(root) if _tag(e) == "ROI"), len(root))
        root.insert(before_rois, group)
    note = ET.SubElement(group, f"{namespace}CommentAnnotation", ID=_NOTE, Namespace=_NAMESPACE)
    ET.SubElement(note, f"{namespace}Value").text = json.dumps(recipe, sort_keys=True)


def _recipe(root: ET.Element) -> dict[str, Any] | None:
    for note in root.iter():
        if note.get("ID") == _NOTE and len(note):
            return recipe_of(note[0].text or "null")
    return None


def _parsed(xml: str) -> ET.Element:
    root = ET.fromstring(xml.encode("utf-8") if xml.lstrip().startswith("<?xml") else xml)
    if "}" in root.tag:
        # Readers of the format look for the names without a prefix.
        ET.register_namespace("", root.tag[1 : root.tag.index("}")])
    return root


def _first(root: ET.Element, name: str) -> ET.Element | None:
    return next((e for e in root.iter() if _tag(e) == name), None)


def _tag(element: ET.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]
