"""Image files in and out with what they say about themselves: TIFF, PNG, JPEG and NPY."""

from __future__ import annotations

from .files import SUFFIXES, read, sidecar, write
from .picture import Picture

__all__ = ["SUFFIXES", "Picture", "read", "sidecar", "write"]
