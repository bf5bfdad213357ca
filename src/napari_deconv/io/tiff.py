"""TIFF in and out: plain, ImageJ and OME, each staying what it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from ..core.errors import DeconvError
from . import imagej, ome
from .exif import upright
from .picture import ORDER, Picture, finite_sizes, in_order, length, recipe_in, with_recipe

_GREY, _RGB, _YCBCR = (0, 1), 2, 6
_REFUSED = {
    3: "a palette",
    5: "CMYK",
    8: "CIELAB",
    32803: "a raw sensor mosaic",
    34892: "a raw photo",
}
_ORIENTATION = 274
# Make, model, date, artist, computer, copyright, XMP, IPTC and the GeoTIFF tags.
_CARRIED = (271, 272, 306, 315, 316, 33432, 700, 33723, 33550, 33922, 34264, 34735, 34736, 34737)
_ASCII = 2
_LOSSLESS = {5, 8, 32946, 50000}


def read_tiff(path: Path) -> Picture:
    """Read the first image of a TIFF file with its metadata."""
    with tifffile.TiffFile(path) as tif:
        if not tif.series:
            raise DeconvError("the file holds no image.", "Save it anew.")
        series = tif.series[0]
        page = series.keyframe
        kind = "imagej" if tif.is_imagej else "ome" if tif.is_ome else "tiff"
        _check_photometric(page, kind)
        data, axes, notes = canonical(series.asarray(), series.axes)
        if len(tif.series) > 1:
            notes += (f"The file holds {len(tif.series)} images; only the first is used.",)
        known = {"imagej": imagej.known, "ome": ome.known}.get(kind, _known)(tif)
        info = known.pop("info", {}) | _page_info(page)
    if kind == "tiff" and info.get("orientation", 1) != 1 and axes in ("YX", "YXS"):
        data = np.ascontiguousarray(upright(data, info["orientation"]))
    return Picture(data=data, axes=axes, format=kind, info=info, notes=notes, **known)


def described(path: Path) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """Axes, sizes and names of a TIFF file's first image, and notes, without its pixels."""
    with tifffile.TiffFile(path) as tif:
        if not tif.series:
            raise DeconvError("the file holds no image.", "Save it anew.")
        series = tif.series[0]
        kind = "imagej" if tif.is_imagej else "ome" if tif.is_ome else "tiff"
        _check_photometric(series.keyframe, kind)
        # A view of one pixel in the file's shape: only the axes are wanted.
        _, axes, notes = canonical(np.broadcast_to(np.uint8(0), series.shape), series.axes)
        if len(tif.series) > 1:
            notes += (f"The file holds {len(tif.series)} images; only the first is used.",)
        known = {"imagej": imagej.known, "ome": ome.known}.get(kind, _known)(tif)
    return axes, {k: v for k, v in known.items() if k in _SIZES}, notes


_SIZES = ("pixel_size", "units", "channels")


def canonical(data: NDArray[Any], axes: str) -> tuple[NDArray[Any], str, tuple[str, ...]]:
    """Pixels and axes in letters of ``TCZYXS``, samples last, and what had to be guessed."""
    notes: tuple[str, ...] = ()
    if "S" in axes:
        data, axes = np.moveaxis(data, axes.index("S"), -1), axes.replace("S", "") + "S"
        if data.shape[-1] > 4 and "C" not in axes:
            data, axes = np.moveaxis(data, -1, 0), "C" + axes[:-1]
    for letter in axes:
        if letter in ORDER:
            continue
        free = [a for a in "ZTC" if a not in axes]
        if letter not in "IQ" or not free:
            raise DeconvError(
                f"its axes are {axes!r}, and {letter!r} is none that can be restored.",
                f"Save it with axes out of {ORDER}.",
            )
        axes = axes.replace(letter, free[0])
        notes += (f"The file does not name one of its axes; it is taken for {free[0]}.",)
    return data, axes, notes


def _check_photometric(page: Any, kind: str) -> None:
    value = int(page.photometric) if page.photometric is not None else 1
    # ImageJ stores a display look-up table as a palette; the values remain intensities.
    if value in (*_GREY, _RGB, _YCBCR) or (value == 3 and kind == "imagej"):
        return
    shown = _REFUSED.get(value, f"photometric {value}")
    raise DeconvError(f"its colours are {shown}, not light.", "Convert it to grey or RGB first.")


def _page_info(page: Any) -> dict[str, Any]:
    """Tags that the writer puts back."""
    tags = page.tags
    info: dict[str, Any] = {
        "miniswhite": page.photometric == 0,
        "extrasamples": tuple(int(e) for e in page.extrasamples),
        "compressed": int(page.compression) in _LOSSLESS,
        "orientation": int(tags[_ORIENTATION].value) if _ORIENTATION in tags else 1,
        "tags": [
            (t.code, int(t.dtype), t.count, t.value, True)
            for t in map(tags.get, _CARRIED)
            if t is not None
        ],
    }
    if 282 in tags and 283 in tags:
        info["resolution"] = (tags[282].value, tags[283].value)
        info["resolution_unit"] = int(tags[296].value) if 296 in tags else 1
    if page.colormap is not None:
        info["colormap"] = page.colormap
    return info


def _known(tif: tifffile.TiffFile) -> dict[str, Any]:
    """What a plain TIFF tells: sizes where they look physical, profile, text, recipe."""
    page = tif.pages.first
    found: dict[str, Any] = {"icc": bytes(page.iccprofile or b"")}
    text = page.description or ""
    shaped = (tif.shaped_metadata or ({},))[0] if page.is_shaped else {}
    found["recipe"] = shaped.get("napari_deconv") if shaped else recipe_in(text)
    found["info"] = {"text": str(shaped.get("description", "")) if shaped else text}
    tags = page.tags
    # Dots per inch are a matter of printing; per centimetre is how microscopes write pixel sizes.
    if 282 in tags and 283 in tags and 296 in tags and int(tags[296].value) == 3:
        sizes = {a: length(per_unit(tags[c].value), "cm") for a, c in (("X", 282), ("Y", 283))}
        found["pixel_size"], found["units"] = finite_sizes(sizes)
    return found


def per_unit(value: Any) -> float:
    """Pixel size out of a resolution tag, a fraction of pixels per unit."""
    over, under = value if isinstance(value, tuple) else (value, 1)
    return under / over if over else 0.0


def write_tiff(part: Path, picture: Picture, name: str) -> None:
    """Write an OME, ImageJ or plain TIFF: what the picture was, or what can hold it."""
    data, axes = in_order(picture.data, picture.axes)
    kind = choose(picture, name)
    if data.dtype.kind not in "iufb":
        raise DeconvError(f"TIFF cannot hold {data.dtype} values here.", "Write a .npy file.")
    write_as = {"imagej": imagej.write, "ome": ome.write}.get(kind, _write_plain)
    write_as(part, np.ascontiguousarray(data), axes, picture)


def choose(picture: Picture, name: str) -> str:
    """Which of the three dialects a file of this name is written in."""
    if ".ome." in name.lower():
        return "ome"
    physical = any(u in ("µm", "s") for u in picture.units.values())
    kind = picture.format if picture.format in ("imagej", "ome") else "tiff"
    if kind == "tiff" and physical and not picture.info.get("resolution"):
        kind = "imagej"
    if kind == "imagej" and not imagej.holds(picture):
        kind = "ome"
    return kind


def colour_options(data: NDArray[Any], axes: str, info: Mapping[str, Any]) -> dict[str, Any]:
    """Photometric tags of plain and OME files."""
    if "S" not in axes:
        return {"photometric": "miniswhite" if info.get("miniswhite") else "minisblack"}
    samples = data.shape[-1]
    extra = info.get("extrasamples") or (2,)
    alpha = {"extrasamples": [int(extra[0])]} if samples in (2, 4) else {}
    colour = "rgb" if samples > 2 else "minisblack"
    return {"photometric": colour, "planarconfig": "contig"} | alpha


def resolution_options(picture: Picture) -> dict[str, Any]:
    """Resolution tags: the file's own, or from the pixel size, or a photo's dots per inch."""
    info = picture.info
    if info.get("resolution"):
        return {"resolution": info["resolution"], "resolutionunit": info["resolution_unit"]}
    if info.get("dpi"):
        return {"resolution": tuple(float(d) for d in info["dpi"]), "resolutionunit": 2}
    sizes = picture.spacing("XY")
    if sizes and picture.units.get("X") == "µm":
        return {"resolution": tuple(1e4 / s for s in sizes), "resolutionunit": 3}
    return {}


def _write_plain(part: Path, data: NDArray[Any], axes: str, picture: Picture) -> None:
    info = picture.info
    text, recipe = str(info.get("text", "")), picture.recipe
    options = colour_options(data, axes, info) | resolution_options(picture)
    tags = list(info.get("tags", ())) or photo_tags(picture.exif)
    if info.get("compressed"):
        options["compression"] = "zlib"
    if axes in ("YX", "YXS"):
        text = with_recipe(text, recipe)
        options |= (
            {"description": text.encode("utf-8"), "metadata": None} if text else {"metadata": None}
        )
    else:
        said = {"axes": axes} | ({"description": text} if text else {})
        options["metadata"] = said | ({"napari_deconv": recipe} if recipe is not None else {})
    tifffile.imwrite(
        part,
        data,
        ome=False,
        imagej=False,
        software="napari-deconv",
        iccprofile=picture.icc or None,
        extratags=tags,
        **options,
    )


def photo_tags(exif: bytes) -> list[tuple[int, int, int, str, bool]]:
    """Make, model, date, artist and copyright of a photo's EXIF as TIFF tags."""
    if not exif:
        return []
    from PIL import Image

    block = Image.Exif()
    block.load(exif)
    return [
        (code, _ASCII, 0, str(block[code]).encode("ascii", "replace").decode(), True)
        for code in (271, 272, 306, 315, 33432)
        if block.get(code)
    ]
