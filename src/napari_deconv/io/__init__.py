"""Image files in and out with what they say about themselves: TIFF, PNG, JPEG and NPY."""

from __future__ import annotations

from .files import SUFFIXES, read, sidecar, write
from .folder import files_in
from .picture import Picture

__all__ = ["SUFFIXES", "Picture", "files_in", "read", "sidecar", "write"]
