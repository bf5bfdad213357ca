"""Where a person's own data lies, and what may be thrown away."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

_VARIABLE = "NAPARI_DECONV_DATA"


def data_folder() -> Path:
    """The folder of trained weights and unfinished trainings; it need not exist.

    The operating system's place for a program's data, or what the environment variable
    ``NAPARI_DECONV_DATA`` says.
    """
    return Path(os.environ.get(_VARIABLE) or user_data_path("napari-deconv", appauthor=False))


def cache_folder() -> Path:
    """The folder of what can be made again; it need not exist.

    The operating system's place for it, or what the environment variable ``NAPARI_DECONV_CACHE``
    says.
    """
    return Path(
        os.environ.get("NAPARI_DECONV_CACHE") or user_cache_path("napari-deconv", appauthor=False)
    )
