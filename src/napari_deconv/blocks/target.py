"""The OME-Zarr that a block-wise run writes: arrays, transforms and the levels above level 0."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import DeconvError
from ..io.storage import mean_of
from .job import mark
from .source import Source

VERSIONS = ("0.5", "0.4")
_LEAST_PX = 256
_KINDS = {"T": "time", "C": "channel"}
_SLAB_VOXELS = 1 << 24


def chunk_shape(source: Source, spatial: str) -> tuple[int, ...]:
    """Chunks of the result: about the source's along spatial axes, 1 along all others."""
    limits = {"YX": (512, 1024), "ZYX": (16, 256)}[spatial]
    sizes = []
    for axis, size, have in zip(
        source.picture.axes, source.array.shape, source.array.chunks, strict=True
    ):
        if axis not in spatial:
            sizes.append(1)
            continue
        usual = limits[0] if axis == "Z" else 256
        keep = usual // 4 <= have <= limits[1]
        sizes.append(min(size, have if keep else usual))
    return tuple(sizes)


def shard_shape(chunks: tuple[int, ...], axes: str) -> tuple[int, ...]:
    """Shards of 4 x 4 chunks across, which are files of some tens of megabytes."""
    return tuple(4 * n if a in "YX" else n for n, a in zip(chunks, axes, strict=True))


def check_version(version: str, sharded: bool) -> None:
    """Raise unless this version of OME-Zarr can be written like that."""
    if version not in VERSIONS:
        raise DeconvError(f"OME-Zarr {version!r} is not written.", f"Use one of {VERSIONS}.")
    if sharded and version == "0.4":
        raise DeconvError("OME-Zarr 0.4 has no shards.", "Write version 0.5, or no shards.")


def create(
    path: Path,
    source: Source,
    chunks: tuple[int, ...],
    shards: tuple[int, ...] | None,
    version: str,
    token: str,
) -> None:
    """Make the empty OME-Zarr with all its levels and metadata, and the mark of its run."""
    import zarr

    kind: Any = 3 if version == "0.5" else 2
    group = zarr.create_group(str(path), zarr_format=kind)
    axes = source.picture.axes
    shapes = list(level_shapes(source))
    for level, shape in enumerate(shapes):
        group.create_array(
            str(level),
            shape=shape,
            # A level smaller than a chunk needs no more than itself.
            chunks=tuple(map(min, chunks, shape)) if shards is None else chunks,
            shards=shards,
            dtype=source.array.dtype.newbyteorder("="),
            fill_value=0,
            **_layout(kind, axes),
        )
    metadata = _metadata(source, shapes, version)
    mark(group, token)
    group.attrs.update({"ome": {"version": version, **metadata}} if kind == 3 else metadata)


def _layout(kind: int, axes: str) -> dict[str, Any]:
    if kind == 3:
        return {"dimension_names": [a.lower() for a in axes]}
    return {"chunk_key_encoding": {"name": "v2", "separator": "/"}}


def level_shapes(source: Source) -> Iterator[tuple[int, ...]]:
    """Shapes of all levels, each half the one before along the axes of `halved`."""
    axes, shape = source.picture.axes, tuple(source.array.shape)
    sizes = dict(source.picture.pixel_size)
    while True:
        yield shape
        steps = halved(axes, shape, sizes)
        if max(n for n, a in zip(shape, axes, strict=True) if a in "YX") <= _LEAST_PX:
            return
        shape = tuple(-(-n // s) for n, s in zip(shape, steps, strict=True))
        for axis, step in zip(axes, steps, strict=True):
            sizes[axis] = sizes.get(axis, 1.0) * step


def halved(axes: str, shape: tuple[int, ...], sizes: Mapping[str, float]) -> tuple[int, ...]:
    """Factor 2 for axes that the next level halves, else 1: Z once its voxels are not longer."""
    flat = sizes.get("Z", 1.0) <= 1.01 * sizes.get("X", 1.0)
    along = "YX" + ("Z" if flat else "")
    return tuple(2 if a in along and n > 1 else 1 for a, n in zip(axes, shape, strict=True))


def _metadata(source: Source, shapes: list[tuple[int, ...]], version: str) -> dict[str, Any]:
    axes = source.picture.axes
    described: list[dict[str, str]] = []
    for axis in axes:
        entry = {"name": axis.lower(), "type": _KINDS.get(axis, "space")}
        described.append(entry | ({"unit": source.units[axis]} if axis in source.units else {}))
    datasets: list[dict[str, Any]] = []
    scale = np.array(source.transform["scale"])
    shift = np.array(source.transform.get("translation", (0.0,) * len(axes)))
    for level, shape in enumerate(shapes):
        if level:
            steps = np.array([-(-a // b) for a, b in zip(shapes[level - 1], shape, strict=True)])
            # The mean of two voxels lies between them.
            shift, scale = shift + (steps - 1) / 2 * scale, scale * steps
        transforms: list[dict[str, Any]] = [{"type": "scale", "scale": scale.tolist()}]
        if shift.any():
            transforms.append({"type": "translation", "translation": shift.tolist()})
        datasets.append({"path": str(level), "coordinateTransformations": transforms})
    multiscale: dict[str, Any] = {
        "name": source.picture.path.stem if source.picture.path else "",
        "axes": described,
    }
    multiscale |= {"datasets": datasets, "type": "mean"}
    if version == "0.4":
        multiscale["version"] = version
    return {"multiscales": [multiscale]} | ({"omero": dict(source.omero)} if source.omero else {})


def build_levels(path: Path) -> Iterator[tuple[int, int]]:
    """Fill every level from the one below it, some planes at a time: the mean of 2 x 2 [x 2].

    Yields
    ------
    tuple of int
        Pieces done, and how many there are.
    """
    import zarr

    group = zarr.open_group(str(path), mode="r+")
    count = len(list(group.array_keys()))
    work = [(level, piece) for level in range(1, count) for piece in _pieces(group[str(level)])]
    for done, (level, piece) in enumerate(work, 1):
        below: Any = group[str(level - 1)]
        above: Any = group[str(level)]
        steps = [-(-a // b) for a, b in zip(below.shape, above.shape, strict=True)]
        cut = tuple(slice(p.start * s, p.stop * s) for p, s in zip(piece, steps, strict=True))
        above[piece] = mean_of(np.asarray(below[cut]), steps)
        yield done, len(work)


def _pieces(array: Any) -> Iterator[tuple[slice, ...]]:
    """Regions of whole chunks or shards that cover an array."""
    sizes = list(array.shards or array.chunks)
    for axis in reversed(range(array.ndim)):
        room = max(1, _SLAB_VOXELS // math.prod(sizes))
        units = -(-array.shape[axis] // sizes[axis])
        sizes[axis] *= min(room, units)
    starts = [range(0, n, size) for n, size in zip(array.shape, sizes, strict=True)]
    for corner in itertools.product(*starts):
        yield tuple(
            slice(a, min(n, a + size))
            for a, n, size in zip(corner, array.shape, sizes, strict=True)
        )
