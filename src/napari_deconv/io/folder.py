"""Which files are images: by their endings, and which of a folder are meant as input."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ..core.paths import inside, is_file

KINDS = {
    ".tif": "tiff",
    ".tiff": "tiff",
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".npy": "npy",
}
SUFFIXES = tuple(KINDS)
"""Endings of the files that can be read and written, in lower case."""
VENDORS = {".czi": "czi", ".nd2": "nd2", ".lif": "lif"}
"""Endings of microscopes' own files, which are read through the extra ``vendors``."""


def files_in(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """The files of a folder with one of these endings, sorted, not deeper.

    Hidden ones are passed over: macOS leaves a ``._photo.jpg`` beside every photo on foreign
    drives, and a run that was killed a ``.photo.napari-deconv-1f2e3d4c.part.jpg``.

    Parameters
    ----------
    folder : Path
        An existing folder.
    suffixes : collection of str
        Endings in lower case, with their dot.

    Raises
    ------
    DeconvError
        If the folder may not be read.
    """
    return [
        path
        for path in inside(folder)
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and is_file(path)
    ]
