"""Image files with what they say about themselves: TIFF, PNG, JPEG, NPY; in, CZI, ND2, LIF."""

from __future__ import annotations

from .files import check_target, read, sidecar, write
from .folder import SUFFIXES, VENDORS, files_in
from .guard import Guard
from .part import Part, projections
from .picture import Picture
from .sets import images_in, one_per_image
from .storage import Storage

__all__ = [
    "SUFFIXES",
    "VENDORS",
    "Guard",
    "Part",
    "Picture",
    "Storage",
    "check_target",
    "files_in",
    "images_in",
    "one_per_image",
    "projections",
    "read",
    "sidecar",
    "write",
]
