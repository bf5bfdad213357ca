"""The part of a layer that can be seen, small enough for a live preview."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image
from napari.viewer import Viewer

from ...core.errors import DeconvError
from .layers import axes_of, pixels

SIDE = 512
_VOXELS = 2_000_000


@dataclass(frozen=True, eq=False)
class Region:
    """A part of a layer with the surroundings that its restoration needs.

    Parameters
    ----------
    data : array_like
        The part with surroundings; a lazy array is cut, not computed. All axes are kept.
    axes : str
        One letter per axis.
    offset : tuple of int
        Where the shown part begins in the layer, per axis without S.
    core : tuple of slice
        The shown part within ``data``.
    """

    data: Any
    axes: str
    offset: tuple[int, ...]
    core: tuple[slice, ...]


def visible(viewer: Viewer, layer: Image, psf_shape: tuple[int, ...]) -> Region:
    """The middle of what is shown of a layer, at most about 512 x 512.

    Raises
    ------
    DeconvError
        If nothing of it is in view, or the view is not one of its YX planes.
    """
    data, axes = pixels(layer), axes_of(layer)
    spatial = dict(zip("ZYX"[-len(psf_shape) :], psf_shape, strict=True))
    low, high = _shown(viewer, layer, axes)
    side = _side(dict(zip(axes, data.shape, strict=True)), spatial)
    cut, core, offset = [], [], []
    for axis, size in zip(axes.rstrip("S"), data.shape, strict=False):
        i = axes.index(axis)
        begin, end = _middle(low[i], high[i], side) if axis in "YX" else (low[i], low[i] + 1)
        room = _room(axis, spatial)
        first, last = max(0, begin - room), min(size, end + room)
        cut.append(slice(first, last))
        core.append(slice(begin - first, end - first))
        offset.append(begin)
    return Region(data[tuple(cut)], axes, tuple(offset), tuple(core))


def _shown(viewer: Viewer, layer: Image, axes: str) -> tuple[list[int], list[int]]:
    """First and last + 1 pixel in view, per axis; on sliced axes the current position."""
    if viewer.dims.ndisplay != 2:
        raise DeconvError("The preview shows planes.", "Switch to the 2-D view.")
    extra = viewer.dims.ndim - layer.ndim
    displayed = [d - extra for d in viewer.dims.displayed]
    if [axes[d] if d >= 0 else "" for d in displayed] != ["Y", "X"]:
        raise DeconvError("The preview needs Y and X in view.", "Roll the axes back (Ctrl+E).")
    shape = np.array(pixels(layer).shape[: layer.ndim])
    here = np.rint(layer.world_to_data(viewer.dims.point[-layer.ndim :])).astype(int)
    low = np.clip(here, 0, shape - 1)
    high = low + 1
    corners = np.asarray(layer.corner_pixels, dtype=float)
    if layer.multiscale:
        corners = corners * layer.downsample_factors[layer.data_level]
    for d in displayed:
        low[d] = np.clip(math.floor(corners[0, d]), 0, shape[d])
        high[d] = np.clip(math.ceil(corners[1, d]) + 1, 0, shape[d])  # corners are pixels
        if high[d] <= low[d]:
            raise DeconvError(f"Nothing of {layer.name!r} is in view.", "Move the view over it.")
    return [int(v) for v in low], [int(v) for v in high]


def _side(shape: dict[str, int], spatial: dict[str, int]) -> int:
    depth = min(shape["Z"], 2 * spatial["Z"]) if "Z" in spatial else 1
    return min(SIDE, max(96, math.isqrt(_VOXELS // depth)))


def _middle(low: int, high: int, side: int) -> tuple[int, int]:
    if high - low <= side:
        return low, high
    begin = (low + high - side) // 2
    return begin, begin + side


def _room(axis: str, spatial: dict[str, int]) -> int:
    """Surroundings on each side, without which the preview's border would differ."""
    return spatial[axis] // 2 + 8 if axis in spatial else 0
