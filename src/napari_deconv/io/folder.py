"""What of a folder is meant as input."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ..core.errors import DeconvError


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
    try:
        inside = list(folder.iterdir())
    except OSError as error:
        raise DeconvError(
            f"The folder {folder} may not be read: {error.strerror}.",
            "Ask for permission to read it.",
        ) from error
    return sorted(
        p
        for p in inside
        if p.suffix.lower() in suffixes and not p.name.startswith(".") and p.is_file()
    )
