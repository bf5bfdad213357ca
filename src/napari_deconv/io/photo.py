"""Photos: PNG and JPEG of 8 and 16 bits, with EXIF and colour profile."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..core.errors import DeconvError
from .exif import orientation, reset, upright
from .picture import Picture, in_order

_KEPT_MODES = ("L", "LA", "RGB", "RGBA", "I;16")


def read_photo(path: Path) -> Picture:
    """Read a PNG or JPEG; the pixels come upright, ``YX`` or ``YXS``."""
    with Image.open(path, formats=["PNG", "JPEG", "MPO"]) as image:
        kind = "png" if image.format == "PNG" else "jpeg"
        deep = kind == "png" and _deep_colour(path)
        notes = _notes(image)
        image.load()  # first: a PNG's EXIF may stand behind its pixels
        info = dict(image.info)
        exif = info.get("exif") or b""
        if not deep:
            data = np.asarray(_plain_mode(image))
    if deep:
        data = _codecs().png_decode(path.read_bytes())
    turn = orientation(exif)
    dpi = info.get("dpi")
    return Picture(
        data=np.ascontiguousarray(upright(data, turn)),
        axes="YX" if data.ndim == 2 else "YXS",
        exif=exif,
        icc=info.get("icc_profile") or b"",
        format=kind,
        info={"dpi": dpi[::-1] if dpi and turn >= 5 else dpi} if dpi else {},
        notes=notes,
    )


def _notes(image: Image.Image) -> tuple[str, ...]:
    frames = getattr(image, "n_frames", 1)
    return (f"The file holds {frames} pictures; only the first is used.",) if frames > 1 else ()


def _plain_mode(image: Image.Image) -> Image.Image:
    """Palettes and transparent colours spelt out; CMYK and rarities refused."""
    if image.mode == "CMYK":
        raise DeconvError(
            "the photo is CMYK, inks rather than light.",
            "Convert it to RGB with its profile first.",
        )
    if image.mode == "PA" or ("transparency" in image.info and image.mode != "I;16"):
        return image.convert("LA" if image.mode in ("1", "L") else "RGBA")
    if image.mode == "P":
        return image.convert("RGB")
    if image.mode == "1":
        return image.convert("L")
    if image.mode not in _KEPT_MODES:
        raise DeconvError(
            f"pixels of mode {image.mode!r} are not supported.", "Convert to grey or RGB."
        )
    return image


def _deep_colour(path: Path) -> bool:
    """Whether a PNG has 16-bit colour or alpha, which Pillow would cut to 8 bits."""
    with path.open("rb") as handle:
        header = handle.read(26)
    return header[24] == 16 and header[25] in (2, 4, 6)


def _codecs() -> Any:
    try:
        import imagecodecs
    except ImportError as error:
        raise DeconvError(
            "16-bit colour PNG needs the package imagecodecs.", "Run: pip install imagecodecs"
        ) from error
    return imagecodecs


def _pixels(picture: Picture, kind: str) -> NDArray[Any]:
    """The one plane a photo holds, ``(Y, X)`` or ``(Y, X, S)``."""
    data, axes = in_order(picture.data, picture.axes)
    keep = tuple(
        0 if a not in "YXS" and n == 1 else slice(None)
        for a, n in zip(axes, data.shape, strict=True)
    )
    data = data[keep]
    if data.ndim != 2 + ("S" in axes):
        raise DeconvError(f"{kind} holds one plane, not axes {axes!r}.", "Write a .tif file.")
    return np.ascontiguousarray(data[..., 0] if data.ndim == 3 and data.shape[-1] == 1 else data)


def write_jpeg(part: Path, picture: Picture, name: str) -> None:
    """Write 8-bit grey or RGB at quality 95 with full colour resolution."""
    data = _pixels(picture, "JPEG")
    if data.dtype != np.uint8:
        raise DeconvError(
            f"JPEG holds 8-bit values, not {data.dtype}.", "Write a .png or .tif file."
        )
    if data.ndim == 3 and data.shape[-1] != 3:
        raise DeconvError("JPEG has no room for alpha.", "Write a .png or .tif file.")
    Image.fromarray(data).save(
        part, format="JPEG", quality=95, subsampling="4:4:4", **_extras(picture)
    )


def write_png(part: Path, picture: Picture, name: str) -> None:
    """Write 8 or 16 bits, grey or RGB, with or without alpha."""
    data = _pixels(picture, "PNG")
    if data.dtype not in (np.uint8, np.uint16):
        raise DeconvError(
            f"PNG holds 8- or 16-bit values, not {data.dtype}.", "Write a .tif or .npy file."
        )
    if data.ndim == 3 and data.dtype == np.uint16:
        part.write_bytes(_with_chunks(_codecs().png_encode(data, level=6), picture))
        return
    Image.fromarray(data).save(part, format="PNG", **_extras(picture))


def _extras(picture: Picture) -> dict[str, Any]:
    """Pillow's keywords for what is carried over."""
    found = {
        "exif": reset(picture.exif) or None,
        "icc_profile": picture.icc or None,
        "dpi": picture.info.get("dpi"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _with_chunks(png: bytes, picture: Picture) -> bytes:
    """Put profile, resolution and EXIF behind a PNG's header."""
    chunks = b""
    if picture.icc:
        chunks += _chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(picture.icc))
    if dpi := picture.info.get("dpi"):
        x, y = (round(float(d) / 0.0254) for d in dpi)
        chunks += _chunk(b"pHYs", struct.pack(">IIB", x, y, 1))
    if picture.exif:
        chunks += _chunk(b"eXIf", reset(picture.exif).removeprefix(b"Exif\0\0"))
    header = 8 + 25
    return png[:header] + chunks + png[header:]


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
