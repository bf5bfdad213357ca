"""A PSF that exists already: from an array or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.paths import check_readable

_TIFF = (".tif", ".tiff")
_PHOTO = (".png", ".bmp", ".jpg", ".jpeg")


def load(path: str | Path) -> NDArray[np.float32]:
    """Read a PSF from a TIFF, NPY or PNG file, its values as they stand.

    Colours are averaged, alpha is dropped, axes of size 1 in front are removed. The result is
    not normalised: `inspect` says what is wrong with it and `repair` mends it.

    Parameters
    ----------
    path : str or Path
        File to read. NPY files that hold pickled objects are refused.

    Returns
    -------
    ndarray
        float32, ``(Y, X)`` or ``(Z, Y, X)``.

    Raises
    ------
    DeconvError
        If the file is missing, of an unknown kind, corrupt or not a PSF.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    reader = _read_npy if suffix == ".npy" else _read_tiff if suffix in _TIFF else _read_photo
    if suffix not in (".npy", *_TIFF, *_PHOTO):
        raise DeconvError(f"{path.name} is of an unknown kind.", "Use TIFF, NPY or PNG.")
    check_readable(path)
    try:
        array = reader(path)
    except DeconvError:
        raise
    except Exception as error:  # Each decoder has exceptions of its own for a broken file.
        raise DeconvError(
            f"{path.name} could not be read: {error}", "It may be damaged; save it anew."
        ) from error
    return from_array(array, name=path.name)


def from_array(array: Any, name: str = "PSF") -> NDArray[np.float32]:
    """An array or layer data as a float32 PSF, its values as they stand.

    Parameters
    ----------
    array : array_like
        Real numbers, 2-D or 3-D after removing axes of size 1 in front.
    name : str, optional
        What to call it in errors.

    Returns
    -------
    ndarray
        A float32 copy.

    Raises
    ------
    DeconvError
        If it is empty, not of real numbers or of another dimension.
    """
    values = np.asarray(array)
    if values.dtype.kind not in "biuf":
        raise DeconvError(f"{name} holds {values.dtype} values.", "A PSF holds real numbers.")
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    if values.ndim not in (2, 3) or values.size == 0:
        raise DeconvError(f"{name} has shape {values.shape}.", "A PSF is a 2-D or 3-D array.")
    with np.errstate(over="ignore"):  # Infinity is reported by the preflight.
        return np.array(values, dtype=np.float32)


def _read_npy(path: Path) -> NDArray[Any]:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except ValueError as error:
        if "allow_pickle" not in str(error) and "pickle" not in str(error):
            raise
        raise DeconvError(
            f"{path.name} holds pickled objects or is no NPY file.",
            "Save a plain array of numbers with numpy.save.",
        ) from error


def _read_tiff(path: Path) -> NDArray[Any]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        array, axes = series.asarray(), series.axes
    return _grey(np.moveaxis(array, axes.index("S"), -1)) if "S" in axes else array


def _read_photo(path: Path) -> NDArray[Any]:
    from PIL import Image

    with Image.open(path) as image:
        plain = image.mode in ("1", "L", "F") or image.mode.startswith("I")
        array = np.asarray(image if plain else image.convert("RGB"))
    return array if array.ndim == 2 else _grey(array)


def _grey(samples: NDArray[Any]) -> NDArray[Any]:
    """Mean of the colours in the last axis; a second or fourth sample is alpha."""
    colours = samples.shape[-1] - (samples.shape[-1] in (2, 4))
    return np.asarray(samples[..., :colours].mean(axis=-1))
