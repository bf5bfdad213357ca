"""sRGB and linear light: for photos whose blur happened to light, not to file values."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.progress import Result, Stream
from ..core.record import clipping
from ..signal.noise_law import NoiseLaw
from .axes import parse_axes
from .incoming import as_array
from .intensity import check_dtype, result_dtype, stored
from .options import Options
from .problem import Solver
from .readings import image_noise
from .streaming import stream
from .unseen import with_mask


def srgb_to_linear(values: NDArray[Any]) -> NDArray[np.float32]:
    """Linear light of sRGB values, IEC 61966-2-1, the exact piecewise curve.

    Parameters
    ----------
    values : ndarray
        sRGB values, 0 is black and 1 is white. Values below 0 are mirrored, values above 1 go on
        along the curve, so that `linear_to_srgb` is the inverse everywhere.

    Returns
    -------
    ndarray
        float32 of the same shape, on the same unit scale.
    """
    v = np.asarray(values, dtype=np.float32)
    size = np.abs(v)
    linear = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    return np.copysign(linear, v).astype(np.float32, copy=False)


def linear_to_srgb(values: NDArray[Any]) -> NDArray[np.float32]:
    """Values of sRGB for linear light; the inverse of `srgb_to_linear`.

    Parameters
    ----------
    values : ndarray
        Linear light, 0 is black and 1 is white.

    Returns
    -------
    ndarray
        float32 of the same shape, on the same unit scale.
    """
    v = np.asarray(values, dtype=np.float32)
    size = np.abs(v)
    coded = np.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055)
    return np.copysign(coded, v).astype(np.float32, copy=False)


def stream_in_linear_light(
    method: Solver,
    image: Any,
    psf: NDArray[Any],
    **options: Unpack[Options],
) -> Stream:
    """`engine.stream` on an sRGB photo taken to linear light, and the result taken back.

    Blur adds light, and a photo's values are not light: where bright highlights are smeared or
    coloured fringes appear, restoring the light itself is closer to what happened.

    Parameters
    ----------
    method, psf, options
        As in `engine.stream`, but for the noise.
    image : ndarray
        sRGB values: integers over their type's range, or floats of which 1 is white.
    noise : float, optional
        Standard deviation on the image's own scale; it is taken to linear light with the slope of
        the curve at the image's mean. Of a JPEG it is read as stored, because in light no trace of
        coding is left, and taken along; otherwise it is estimated in linear light, as where it
        was told how the noise grows with the values: that does not say how it grows with light.

    Yields
    ------
    Step
        Its preview is in linear light.

    Returns
    -------
    Result
        In the image's dtype and encoding; the record says ``light="linear"``.
    """
    image, options = with_mask(image, options)
    pixels = as_array("The image", image)
    light, for_light = in_linear_light(pixels, options, np.ndim(psf))
    result = yield from stream(method, light, psf, **for_light)
    dtype = result_dtype(pixels.dtype, options.get("keep_float", False))
    coded = pixels.astype(dtype)
    colours = parse_axes(pixels.shape, options.get("axes"), np.ndim(psf)).opaque
    unit_values = linear_to_srgb(result.data[colours])
    values, clipped = stored(unit_values * np.float32(white_of(pixels.dtype)), dtype)
    coded[colours] = values
    noise = options.get("noise")
    kept = dtype != pixels.dtype
    record = replace(result.record, light="linear", keep_float=kept)
    if noise is not None and not isinstance(noise, NoiseLaw):
        record = replace(record, noise=noise)
    notes = (clipping(clipped, values.size, dtype),) if clipped else ()
    return Result(coded, record, result.notes + notes, result.psf)


def in_linear_light(
    pixels: NDArray[Any], options: Options, psf_ndim: int
) -> tuple[NDArray[np.float32], Options]:
    """An sRGB photo as light on the unit scale, and the options for it, its noise taken along."""
    check_dtype(pixels.dtype)
    colours = parse_axes(pixels.shape, options.get("axes"), psf_ndim).opaque
    full = white_of(pixels.dtype)
    light = np.asarray(pixels / full, dtype=np.float32)
    noise = options.get("noise")
    noise = None if isinstance(noise, NoiseLaw) else noise
    if noise is None:
        with suppress(DeconvError):  # whatever is wrong with the image, the run will say
            reading = image_noise(pixels, options.get("axes"), options.get("tables", ()))
            noise = reading.level if reading.origin == "JPEG" else None
    level = None if noise is None else noise / full * _slope(float(light[colours].mean()))
    light[colours] = srgb_to_linear(light[colours])
    for_light: Options = {**options, "noise": level}
    return light, for_light


def white_of(dtype: np.dtype[Any]) -> float:
    """The value of white in a photo of a type."""
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0


def _slope(value: float) -> float:
    """Derivative of `srgb_to_linear`."""
    v = abs(value)
    return 1 / 12.92 if v <= 0.04045 else 2.4 / 1.055 * ((v + 0.055) / 1.055) ** 1.4
