"""The one EXIF tag that changes pixels: orientation."""

from __future__ import annotations

import struct
from typing import Any

from numpy.typing import NDArray

_TAG = 0x0112
_PREFIX = b"Exif\0\0"


def _entry(exif: bytes) -> tuple[int, str] | None:
    """Where the orientation's value stands in the block, and the byte order."""
    start = len(_PREFIX) if exif.startswith(_PREFIX) else 0
    order = {b"II": "<", b"MM": ">"}.get(exif[start : start + 2])
    if order is None:
        return None
    try:
        first = start + struct.unpack_from(order + "I", exif, start + 4)[0]
        for i in range(struct.unpack_from(order + "H", exif, first)[0]):
            at = first + 2 + 12 * i
            if struct.unpack_from(order + "H", exif, at)[0] == _TAG:
                return (at + 8, order) if at + 10 <= len(exif) else None
    except struct.error:
        return None
    return None


def orientation(exif: bytes) -> int:
    """Orientation 1-8 of an EXIF block; 1 (upright) where it does not say."""
    entry = _entry(exif)
    value = struct.unpack_from(entry[1] + "H", exif, entry[0])[0] if entry else 1
    return value if 1 <= value <= 8 else 1


def reset(exif: bytes) -> bytes:
    """The same block with the orientation set to upright.

    Only the two bytes change: rewriting the block would move a camera's maker notes, whose
    offsets are private.
    """
    entry = _entry(exif)
    if entry is None:
        return exif
    at, order = entry
    return exif[:at] + struct.pack(order + "H", 1) + exif[at + 2 :]


def upright(data: NDArray[Any], value: int) -> NDArray[Any]:
    """Turn ``(Y, X, ...)`` pixels stored with orientation ``value`` upright."""
    if value >= 5:
        data = data.swapaxes(0, 1)
    rows = slice(None, None, -1) if value in (3, 4, 7, 8) else slice(None)
    columns = slice(None, None, -1) if value in (2, 3, 6, 7) else slice(None)
    return data[rows, columns]
