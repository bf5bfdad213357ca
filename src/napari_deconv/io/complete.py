"""Whether a TIFF file holds what it says: in words, and before anything is read or allocated."""

from __future__ import annotations

import logging
import math
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import psutil

from ..core.errors import DeconvError

_REMEDY = "It was cut off, or written by a program that stopped: copy or export it again."
_LOOKED_AT = 20_000
"""Planes whose place in the file is looked up; of more, that many evenly spaced ones."""


def check_room(shape: Sequence[int], dtype: np.dtype[Any] | str) -> None:
    """Raise unless an array of this shape fits into the memory that is free.

    Raises
    ------
    DeconvError
        With its size and the way to restore it nevertheless.
    """
    size = math.prod(int(n) for n in shape) * np.dtype(dtype).itemsize
    free = psutil.virtual_memory().available
    if size > free:
        raise DeconvError(
            f"its {' x '.join(map(str, shape))} values take {size / 1e9:.3g} GB; "
            f"{free / 1e9:.3g} GB of memory are free.",
            "Restore it block by block, with an output that ends in .zarr, or crop it.",
        )


@contextmanager
def remarks() -> Iterator[list[str]]:
    """Collect what tifffile only tells its log, from this thread, while the context lasts."""
    texts: list[str] = []
    here = threading.get_ident()

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == here:
                texts.append(record.getMessage())

    log, handler = logging.getLogger("tifffile"), Collector(logging.WARNING)
    log.addHandler(handler)
    try:
        yield texts
    finally:
        log.removeHandler(handler)


def check_chain(tif: Any) -> None:
    """Raise if the pages, each of which says where the next one is, lead out of the file."""
    if tif.is_lsm or tif.is_ndpi or tif.is_stk:
        return
    count = len(tif.pages)
    if not count:
        raise DeconvError("it holds no image.", "Save it anew.")
    # Whole pages are read only where they were read already.
    last = tif.pages[count - 1] if count > 1 else tif.pages.first
    after = _next(tif, last.offset)
    if after:
        raise DeconvError(f"it ends, or goes in circles, after page {count}.", _REMEDY)


def _next(tif: Any, offset: int) -> int:
    """Where the page at ``offset`` says that the next one is; 0 after the last."""
    form, handle = tif.tiff, tif.filehandle
    handle.seek(offset)
    head = handle.read(form.tagnosize)
    if len(head) < form.tagnosize:
        return 1
    handle.seek(offset + form.tagnosize + struct.unpack(form.tagnoformat, head)[0] * form.tagsize)
    tail = handle.read(form.offsetsize)
    if len(tail) < form.offsetsize:
        # Some writers leave the last zero out.
        return 0
    return int(struct.unpack(form.offsetformat, tail)[0])


def check_description(remarks: Sequence[str]) -> None:
    """Raise if tifffile could not find what the file says of itself.

    Without it, axes and sizes would be guessed.
    """
    if any("TiffTag 270 " in text for text in remarks):
        raise DeconvError("its description lies behind its end.", _REMEDY)


def check_planes(tif: Any, series: Any) -> None:
    """Raise unless the image has all the planes that its file claims, whole.

    Raises
    ------
    DeconvError
        With their numbers.
    """
    pages = list(series) if not _contiguous(series) else []
    have = math.prod(series.shape) // max(1, _plane(series))
    claimed = _claimed(tif, series)
    if claimed > have:
        raise DeconvError(f"it says that it has {claimed} planes, but holds {have}.", _REMEDY)
    missing = sum(page is None for page in pages)
    if missing:
        raise DeconvError(f"{missing} of its {len(pages)} planes are missing.", _REMEDY)
    if not pages:
        _check_end(tif, series.keyframe.parent, series.dataoffset + series.nbytes, "image")
    elif len(pages) * _plane_of(series.keyframe) < math.prod(series.shape):
        raise DeconvError(f"it says that it has {have} planes, but holds {len(pages)}.", _REMEDY)
    step = -(-len(pages) // _LOOKED_AT) or 1
    for page in {id(p): p for p in (*pages[::step], *pages[-1:])}.values():
        ends = [a + n for a, n in zip(page.dataoffsets, page.databytecounts, strict=False)]
        _check_end(tif, page.parent, max(ends, default=0), f"page {page.index + 1}")


def _contiguous(series: Any) -> bool:
    return series.dataoffset is not None


def _plane(series: Any) -> int:
    """Values in one plane, colour samples included."""
    shape = dict(zip(series.axes, series.shape, strict=True))
    return math.prod(shape.get(a, 1) for a in "YXS")


def _plane_of(page: Any) -> int:
    return math.prod(page.shape)


def _check_end(tif: Any, of: Any, end: int, what: str) -> None:
    size = of.filehandle.size
    if end > size:
        name = "it" if of is tif else of.filename
        raise DeconvError(f"{name} ends {end - size} bytes before its {what} does.", _REMEDY)


def _claimed(tif: Any, series: Any) -> int:
    """How many planes the file's own description speaks of; 0 where it does not."""
    if tif.is_imagej:
        metadata = tif.imagej_metadata or {}
        counts = [metadata.get(key, 1) for key in ("channels", "slices", "frames")]
        if not {"channels", "slices", "frames"} & set(metadata):
            counts = [1, metadata.get("images", 1)]
        if not all(isinstance(n, int) for n in counts):
            return 0
        # Bio-Formats counts the colours of a pixel as channels.
        samples = dict(zip(series.axes, series.shape, strict=True)).get("S", 1)
        claimed = math.prod(counts)
        return claimed // samples if counts[0] == samples else claimed
    if tif.is_shaped and series.index == 0:
        named: dict[str, Any] = (tif.shaped_metadata or ({},))[0]
        shape = named.get("shape") or ()
        return math.prod(shape) // max(1, _plane(series)) if shape else 0
    return 0
