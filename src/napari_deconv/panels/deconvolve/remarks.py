"""What is odd about an image, in words, before anything is done to it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from ..kit.layers import axes_of, named, pixels
from ..kit.stated import stated

_SAMPLE = 1_000_000
_CLIPPED = 0.03
"""Share of pixels at the camera's most that is worth a word: nearly every photo has a few."""
_DARK = 12
"""Counts under which an image of integers is nearly nothing but noise."""


def remarks(layer: Image) -> list[str]:
    """Sentences about an image layer's axes, units and light; a lazy one is not computed."""
    words = [*_axes(layer), *_units(layer)]
    if isinstance(pixels(layer), np.ndarray) and not layer.rgb:
        words += _light(pixels(layer))
    return words


def _axes(layer: Image) -> list[str]:
    shape, axes = pixels(layer).shape, axes_of(layer)
    if layer.rgb or named(layer) or layer.ndim < 3:
        return []
    names = ", ".join(axes.lower())
    if 3 * shape[-1] < min(shape[-3:-1]):
        return [
            f"Its axes have no names and are taken for {names}, but the last has only "
            f"{shape[-1]} pixels. If that is z, open it with z before y and x: "
            "np.moveaxis(data, -1, -3)."
        ]
    if layer.ndim == 3:
        return []
    if stated(layer) is not None:
        return ["Its voxel size was lost on opening; “Take from the file” brings it back."]
    return [f"Its axes have no names and are taken for {names}; if wrong, choose others."]


def _units(layer: Image) -> list[str]:
    pairs = zip(axes_of(layer), layer.units, strict=False)
    units = {axis: unit for axis, unit in pairs if axis in "ZYX"}
    odd = [a.lower() for a, u in units.items() if not u.is_compatible_with(layer.units[-1])]
    if not odd:
        return []
    axes = " and ".join(odd)
    return [
        f"Units are mixed: x is in {layer.units[-1]:~P}, {axes} in "
        f"{units[odd[0].upper()]:~P}. Give all of them one kind: layer.units."
    ]


def _light(data: NDArray[Any]) -> list[str]:
    if data.dtype.kind not in "iu" or not data.size:
        return []
    step = max(1, round((data.size / _SAMPLE) ** (1 / data.ndim)))
    sample = data[(slice(None, None, step),) * data.ndim]
    most = int(sample.max())
    share = float((sample == most).mean())
    full = most >= 255 and math.log2(most + 1).is_integer()
    if full and share > _CLIPPED:
        return [
            f"{100 * share:.2g} % of the pixels are at {most}, the camera's most. If rings show "
            "around them, take “Richardson-Lucy, saturated”, which leaves them out."
        ]
    bright = float(np.quantile(sample, 0.999)) - float(np.median(sample))
    if most > 0 and bright < _DARK and data.dtype.itemsize > 1:
        return [
            f"It is dark: its brightest parts stand {bright:.0f} counts above the rest. Expect "
            "little; choose few iterations."
        ]
    return []
