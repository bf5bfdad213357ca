"""Dock panels for napari: the only part of the package that knows a window."""
