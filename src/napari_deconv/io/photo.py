"""Photos: PNG and JPEG of 8 and 16 bits, with EXIF and colour profile."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import jpeg_factory
from PIL.PngImagePlugin import PngImageFile

from ..core.errors import DeconvError
from .complete import check_room
from .exif import orientation, reset, upright
from .picture import Picture, in_order

_KEPT_MODES = ("L", "LA", "RGB", "RGBA", "I;16")
_PNG = b"\x89PNG\r\n\x1a\n"
_STARTS = {
    _PNG: "PNG", b"\xff\xd8\xff": "JPEG", b"BM": "BMP", b"GIF8": "GIF", b"RIFF": "WebP",
    b"II*\0": "TIFF", b"MM\0*": "TIFF", b"II+\0": "TIFF", b"MM\0+": "TIFF", b"%!": "PostScript",
    b"%PDF": "PDF", b"\x93NUMPY": "NPY", b"\0\0\0\x0cjP": "JPEG 2000", b"8BPS": "Photoshop",
    b"\x89HDF": "HDF5", b"<": "HTML, XML or SVG",
}  # fmt: skip
_OURS = ("PNG", "JPEG", "BMP")
_HEAD = 64
# How a PNG's numbers become light. The profile, which says the same, is kept as `Picture.icc`.
_LIGHT = (b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi")


def read_photo(path: Path) -> Picture:
    """Read a PNG, JPEG or BMP; the pixels come upright, ``YX`` or ``YXS``."""
    kind = _kind(path)
    with _open(path, kind) as image:
        check_room((*image.size, len(image.getbands())), "uint8")
        deep = kind == "PNG" and _deep(path)
        notes = _notes(image)
        image.load()  # first: a PNG's EXIF may stand behind its pixels
        info = {str(key): value for key, value in image.info.items()}
        data = _deep_pixels(path) if deep else np.asarray(_plain_mode(image))
        exif = info.get("exif") or b""
        turn = orientation(exif)
        tables = _tables(image, turn)
    dpi = info.get("dpi")
    chunks = _light(path) if kind == "PNG" else []
    return Picture(
        data=np.ascontiguousarray(upright(data, turn)),
        axes="YX" if data.ndim == 2 else "YXS",
        exif=exif,
        icc=info.get("icc_profile") or b"",
        format=kind.lower(),
        info=({"dpi": dpi[::-1] if dpi and turn >= 5 else dpi} if dpi else {})
        | ({"light": chunks} if chunks else {})
        | ({"tables": tables} if tables else {}),
        notes=notes,
    )


def jpeg_tables(path: str | Path | None) -> tuple[NDArray[np.float64], ...]:
    """Steps ``(8, 8)`` that a JPEG's brightness and colours were rounded to, as upright pixels are.

    Parameters
    ----------
    path : str or Path, optional
        A file.

    Returns
    -------
    tuple of ndarray
        Empty without one, for another kind of file, or one that cannot be read.
    """
    try:
        if not path or _kind(Path(path)) != "JPEG":
            return ()
        with _open(Path(path), "JPEG") as image:
            return _tables(image, orientation(image.info.get("exif") or b""))
    except (DeconvError, OSError, SyntaxError, ValueError):
        return ()


def _tables(image: ImageFile, turn: int) -> tuple[NDArray[np.float64], ...]:
    steps: dict[int, list[int]] = getattr(image, "quantization", {})
    numbers = [layer[3] for layer in getattr(image, "layer", ())][:2]
    if not numbers or any(len(steps.get(number, ())) != _STEPS for number in numbers):
        return ()
    tables = (np.array(steps[number], float).reshape(8, 8) for number in numbers)
    return tuple(table.T if turn >= _ON_ITS_SIDE else table for table in tables)


_STEPS = 64
_ON_ITS_SIDE = 5
"""EXIF orientations from this one on swap rows and columns."""


def _kind(path: Path) -> str:
    """The format by the file's first bytes, whatever its name ends in."""
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
    kind = next((name for start, name in _STARTS.items() if head.startswith(start)), "")
    if kind in _OURS:
        return kind
    if b"ftyp" in head[:16]:
        kind = "HEIF or AVIF"
    if not kind:
        raise DeconvError(
            "it is not an image of a known kind.",
            "The file may be damaged, incomplete or misnamed: open it elsewhere and save it anew.",
        )
    raise DeconvError(
        f"its name is that of a photo, but what it holds is {kind}.",
        "Give it the right name, or open it elsewhere and save it as PNG or TIFF.",
    )


@contextmanager
def _open(path: Path, kind: str) -> Iterator[ImageFile]:
    """The image of a known kind, by its own decoder.

    Pillow's general way in would try every decoder there is (one of which starts Ghostscript),
    and refuses large photos.
    """
    with path.open("rb") as handle:
        if kind == "PNG":
            image: ImageFile = PngImageFile(handle)
        elif kind == "JPEG":
            image = jpeg_factory(handle)
        else:
            image = BmpImageFile(handle)
        with image:
            yield image


def _light(path: Path) -> list[tuple[bytes, bytes]]:
    """The chunks before a PNG's pixels that say how its numbers become light."""
    chunks = []
    for name, body in _chunks(path):
        if name in _LIGHT:
            chunks.append((name, body))
    return chunks


def not_srgb(picture: Picture) -> bool:
    """Whether a PNG says that its values become light otherwise than those of sRGB do."""
    light = dict(picture.info.get("light", ()))
    code = light.get(b"cICP", b"")
    if code:
        return code[1:2] != bytes((13,))  # the curve of sRGB, whatever the primaries
    if b"sRGB" in light or picture.icc or len(light.get(b"gAMA", b"")) != 4:
        return False
    # 45455 is 1 / 2.2; writers round it.
    return abs(struct.unpack(">I", light[b"gAMA"])[0] - 45455) > 1000


def _chunks(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of the chunks before a PNG's pixels; large ones are passed over."""
    with path.open("rb") as handle:
        handle.seek(len(_PNG))
        while len(head := handle.read(8)) == 8:
            size, name = struct.unpack(">I4s", head)
            if name in (b"IDAT", b"IEND"):
                return
            body = handle.read(size) if size <= _LONGEST else b""
            handle.seek(4 if body or not size else size + 4, 1)
            yield name, body


_LONGEST = 1 << 16


def _deep_pixels(path: Path) -> NDArray[Any]:
    """Pixels of 16 bits, alpha and transparent values included, which Pillow would cut to 8."""
    data: NDArray[Any] = _codecs().png_decode(path.read_bytes())
    clear = next((body for name, body in _chunks(path) if name == b"tRNS"), b"")
    colours = 1 if data.ndim == 2 else data.shape[-1]
    if len(clear) != 2 * colours or colours not in (1, 3):
        return data
    value = np.frombuffer(clear, ">u2").astype(data.dtype)
    samples = data.reshape(*data.shape[:2], colours)
    seen = (samples != value).any(axis=-1, keepdims=True)
    alpha = seen * np.uint16(np.iinfo(data.dtype).max)
    return np.concatenate([samples, alpha.astype(data.dtype)], axis=-1)


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
    if image.mode == "PA" or "transparency" in image.info:
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


def _deep(path: Path) -> bool:
    """Whether a PNG has 16 bits and colour, alpha or a transparent value: Pillow cuts these."""
    with path.open("rb") as handle:
        header = handle.read(26)
    if header[24] != 16:
        return False
    return header[25] in (2, 4, 6) or any(name == b"tRNS" for name, _ in _chunks(path))


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
    if light := _light_chunks(picture):
        part.write_bytes(_behind_header(part.read_bytes(), light))


def _extras(picture: Picture) -> dict[str, Any]:
    """Pillow's keywords for what is carried over."""
    extras = {
        "exif": reset(picture.exif) or None,
        "icc_profile": picture.icc or None,
        "dpi": picture.info.get("dpi"),
    }
    return {key: value for key, value in extras.items() if value is not None}


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
    return _behind_header(png, _light_chunks(picture) + chunks)


def _light_chunks(picture: Picture) -> bytes:
    """How numbers become light, as the picture's own file says it."""
    return b"".join(_chunk(name, body) for name, body in picture.info.get("light", ()))


def _behind_header(png: bytes, chunks: bytes) -> bytes:
    header = len(_PNG) + 25
    return png[:header] + chunks + png[header:]


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
