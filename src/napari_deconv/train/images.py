"""The sharp images of a training, looked at before the hours begin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import io
from ..core.errors import DeconvError
from ..core.paths import is_folder

_GRAY = np.array((0.299, 0.587, 0.114), np.float32)


def read_gray(
    folder: Path, least_px: int, least_count: int, every: int = 1
) -> tuple[list[NDArray[np.float32]], list[str]]:
    """Every usable image of a folder as gray float32 in [0, 1], and what was wrong with others.

    Parameters
    ----------
    folder : Path
        Of files that `io.read` knows.
    least_px : int
        Shortest side.
    least_count : int
        How many are needed.
    every : int
        Look only at every so-many-th file in sorted order, from the first on.

    Raises
    ------
    DeconvError
        If too few are usable, naming the first that is not.
    """
    if not is_folder(folder):
        raise DeconvError(f"There is no folder {folder}.", "Give a folder of sharp images.")
    images, skipped = [], []
    files = io.files_in(folder, io.SUFFIXES)
    for path in files[::every]:
        try:
            images.append(_gray(path, least_px))
        except DeconvError as error:
            skipped.append(f"Skipped: {error.what}")
    if len(images) < least_count:
        raise DeconvError(
            f"{folder} holds {len(images)} usable images; {least_count} are needed at least.",
            skipped[0] if skipped else "Add sharp images.",
        )
    return images, skipped


def _gray(path: Path, least_px: int) -> NDArray[np.float32]:
    picture = io.read(path)
    data = picture.data.astype(np.float32)
    if picture.data.dtype.kind in "iu":
        data /= np.iinfo(picture.data.dtype).max
    if picture.axes.endswith("S"):
        data = data[..., :3] @ _GRAY if data.shape[-1] >= 3 else data[..., 0]
    if data.ndim != 2 or min(data.shape) < least_px:
        size = "x".join(map(str, data.shape))
        raise DeconvError(f"{path} is {size}; a plane of at least {least_px} pixels is needed.")
    if not np.isfinite(data).all() or data.min() < 0 or data.max() > 1:
        raise DeconvError(f"{path} goes from {data.min():.3g} to {data.max():.3g}, not 0 to 1.")
    return data
