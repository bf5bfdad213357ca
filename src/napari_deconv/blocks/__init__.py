"""Images larger than memory: block by block from OME-Zarr or TIFF into OME-Zarr, resumable."""

from __future__ import annotations

from .outcome import Outcome
from .run import WAITING, stream_blocks
from .source import Source, open_source

__all__ = ["WAITING", "Outcome", "Source", "open_source", "stream_blocks"]
