"""A PSF that exists already: from an array or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import io
from ..core.errors import DeconvError


def load(path: str | Path) -> NDArray[np.float32]:
    """Read a PSF from an image file as `io.read` reads images, its values as they stand.

    Colours are averaged, alpha is dropped, axes of size 1 in front are removed. The result is
    not normalised: `inspect` says what is wrong with it and `repair` mends it.

    Parameters
    ----------
    path : str or Path
        TIFF, NPY, PNG, JPEG or BMP.

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
    return of_picture(io.read(path), name=path.name)


def of_picture(picture: io.Picture, name: str = "PSF") -> NDArray[np.float32]:
    """A PSF out of an image that was read from a file; see `load`."""
    values = picture.data
    # An array of numbers in NPY has no colours, however many columns it has.
    if "S" in picture.axes and picture.format != "npy":
        values = grey(values)
    return from_array(values, name=name)


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


def grey(samples: NDArray[Any]) -> NDArray[Any]:
    """Mean of the colours in the last axis; a second or fourth sample is alpha."""
    colours = samples.shape[-1] - (samples.shape[-1] in (2, 4))
    return np.asarray(samples[..., :colours].mean(axis=-1))
