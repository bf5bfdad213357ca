"""Where a person's own data lies."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path

_VARIABLE = "NAPARI_DECONV_DATA"


def data_folder() -> Path:
    """The folder of trained weights and unfinished trainings; it need not exist.

    The operating system's place for a program's data, or what the environment variable
    ``NAPARI_DECONV_DATA`` says.
    """
    return Path(os.environ.get(_VARIABLE) or user_data_path("napari-deconv", appauthor=False))
