"""Image files in and out with what they say about themselves: TIFF, PNG, JPEG and NPY."""

from __future__ import annotations

from .files import SUFFIXES, read, sidecar, write
from .folder import files_in
from .picture import Picture
from .sets import images_in, one_per_image

__all__ = [
    "SUFFIXES",
    "Picture",
    "files_in",
    "images_in",
    "one_per_image",
    "read",
    "sidecar",
    "write",
]
