"""A data set's folders, where a folder of sharp images is asked for."""

from __future__ import annotations

from pathlib import Path

from .. import io
from ..core.errors import DeconvError
from ..core.paths import is_folder

_OTHERS = {"degraded": "the degraded images", "psf": "the PSFs"}


def sharp_folder(folder: Path) -> Path:
    """Return where the sharp images of a folder are: in ``truth``, if it is that of a data set.

    Raises
    ------
    DeconvError
        If the folder is another part of a data set, naming ``truth``.
    """
    if _is_set(folder) and not io.images_in(folder):
        return folder / "truth"
    if folder.name in _OTHERS and _is_set(folder.parent):
        raise DeconvError(
            f"{folder} holds {_OTHERS[folder.name]} of a data set, not sharp images.",
            f"Choose {folder.parent / 'truth'}, which holds them.",
        )
    return folder


def _is_set(folder: Path) -> bool:
    return is_folder(folder) and all(is_folder(folder / part) for part in ("truth", *_OTHERS))
