"""The sharp images of a data set: files of a folder, or named arrays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import io
from ..core.errors import DeconvError
from ..core.paths import is_folder, resolved
from .arrays import checked_image, from_unit, full_scale
from .sharp_folder import sharp_folder

_GRAY = (0.299, 0.587, 0.114)


def unit_scale(picture: io.Picture, gray: bool) -> io.Picture:
    """The picture as float32 on the unit scale, in gray if ``gray``."""
    pixels = checked_image(picture.data)
    unit, axes = np.divide(pixels, full_scale(pixels.dtype), dtype=np.float64), picture.axes
    if gray and "S" in axes:
        samples = np.moveaxis(unit, axes.index("S"), -1)
        unit = samples[..., :3] @ np.array(_GRAY) if samples.shape[-1] >= 3 else samples[..., 0]
        axes = axes.replace("S", "")
    # Pixel sizes belong to both; what only suits the old file's samples does not.
    return io.Picture(
        data=from_unit(unit, np.dtype(np.float32)),
        axes=axes,
        pixel_size=picture.pixel_size,
        units=picture.units,
        channels=picture.channels,
    )


def listed(
    sources: str | Path | Mapping[str, Any],
) -> tuple[Path, dict[str, NDArray[Any]], list[str]]:
    """The folder, the arrays by file name, and all names in order."""
    if isinstance(sources, Mapping):
        arrays = {
            f"{i:03d}_{re.sub(r'[^A-Za-z0-9_-]+', '_', str(key))[:60]}.tif": np.asarray(array)
            for i, (key, array) in enumerate(sources.items())
        }
        folder, names = Path("source"), list(arrays)
    else:
        arrays, folder = {}, resolved(sources)
        if not is_folder(folder):
            raise DeconvError(f"The folder {sources} does not exist.", "Give a folder of images.")
        folder = sharp_folder(folder)
        names = [p.name for p in io.images_in(folder)]
    if not names:
        raise DeconvError(f"There is no image in {sources}.", f"Use {', '.join(io.SUFFIXES)}.")
    return folder, arrays, names
