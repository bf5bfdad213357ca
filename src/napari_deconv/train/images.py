"""The sharp images of a training, looked at before the hours begin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import io
from ..core.errors import DeconvError
from ..core.paths import is_folder
from ..degradation.sharp_folder import sharp_folder
from .photo_check import fault

Sharp = NDArray[np.float32]

_GRAY = np.array((0.299, 0.587, 0.114), np.float32)


def read_gray(
    folder: Path, least_px: int, least_count: int, every: int = 1
) -> tuple[list[Sharp], list[str]]:
    """The images of `read_sharp` as gray, without their names."""
    images, skipped = read_sharp(folder, least_px, least_count, every)
    return list(images.values()), skipped


def read_sharp(
    folder: Path,
    least_px: int,
    least_count: int,
    every: int = 1,
    *,
    colours: bool = False,
    clean: bool = False,
) -> tuple[dict[str, Sharp], list[str]]:
    """Every usable image of a folder by its name, and what was wrong with others.

    Parameters
    ----------
    folder : Path
        Of files that `io.read` knows; of a data set's folder, its ``truth`` is read.
    least_px : int
        Shortest side.
    least_count : int
        How many are needed.
    every : int
        Look only at every so-many-th file in sorted order, from the first on.
    colours : bool
        Whether they are wanted as ``(3, Y, X)``, gray ones with three equal colours; otherwise
        they become gray ``(Y, X)``.
    clean : bool
        Whether photos that are blurred or noisy are unusable.

    Returns
    -------
    dict of str to ndarray
        float32 in [0, 1], in sorted order.
    list of str
        Sentences.

    Raises
    ------
    DeconvError
        If too few are usable, naming the first that is not.
    """
    if not is_folder(folder):
        raise DeconvError(f"There is no folder {folder}.", "Give a folder of sharp images.")
    folder = sharp_folder(folder)
    images, skipped = {}, []
    files = io.images_in(folder)
    for path in files[::every]:
        try:
            image = _sharp(path, least_px, colours)
            wrong = fault(to_gray(image) if image.ndim == 3 else image) if clean else ""
            if wrong:
                raise DeconvError(f"{path} {wrong}.")
            images[path.name] = image
        except DeconvError as error:
            skipped.append(f"Skipped: {error.what}")
    if len(images) < least_count:
        raise DeconvError(
            f"{folder} holds {len(images)} usable images; {least_count} are needed at least.",
            skipped[0] if skipped else "Add sharp images.",
        )
    return images, skipped


def to_gray(colours: Sharp) -> Sharp:
    """Gray ``(Y, X)`` of colours ``(3, Y, X)``."""
    return np.tensordot(_GRAY, colours, 1)


def _sharp(path: Path, least_px: int, colours: bool) -> Sharp:
    picture = io.read(path)
    data = picture.data.astype(np.float32)
    if picture.data.dtype.kind in "iu":
        data /= np.iinfo(picture.data.dtype).max
    if picture.axes.endswith("S"):
        data = np.moveaxis(data, -1, 0) if data.shape[-1] >= 3 else data[..., 0]
        data = data[:3] if data.ndim == 3 else data
    planes = data.shape[1:] if data.ndim == 3 and picture.axes.endswith("S") else data.shape
    if len(planes) != 2 or min(planes) < least_px:
        size = "x".join(map(str, planes))
        raise DeconvError(f"{path} is {size}; a plane of at least {least_px} pixels is needed.")
    if not np.isfinite(data).all() or data.min() < 0 or data.max() > 1:
        raise DeconvError(f"{path} goes from {data.min():.3g} to {data.max():.3g}, not 0 to 1.")
    if colours:
        return np.ascontiguousarray(np.broadcast_to(data, (3, *planes)))
    return to_gray(data) if data.ndim == 3 else data
