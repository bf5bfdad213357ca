"""File > Open and File > Save: layers that keep voxel sizes, axes, channels and the recipe."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..io.complete import check_room
from ..io.files import write
from ..io.folder import VENDORS
from ..io.picture import Picture, duration, length
from .kit.layers import KEY, letters_of

LayerData = tuple[Any, dict[str, Any], str]

_TIFF = (".tif", ".tiff")
_LAZY_BYTES = 1 << 30
"""From this size on an image is read where it is shown."""
_KINDS = {"method": "result", "degradation": "degraded", "chain": "degraded", "psf": "psf"}
"""What only the recipe of such a file has -> what kind of layer it is."""
_UNITS = {"µm": "micrometer", "s": "second"}


def reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """The function that reads TIFF, OME-Zarr, CZI, ND2 or LIF into layers; None for others."""
    first = Path(path if isinstance(path, str) else path[0])
    if isinstance(path, list) and len(path) > 1:
        return None
    return read_layers if first.suffix.lower() in (*_TIFF, ".zarr", *VENDORS) else None


def read_layers(path: str | list[str]) -> list[LayerData]:
    """The image of a file as one napari layer, its axes, voxel size and channel names with it.

    Parameters
    ----------
    path : str or list of str
        A TIFF (OME, ImageJ or plain), a microscope's own file, or an OME-Zarr folder.

    Raises
    ------
    DeconvError
        If the file is damaged, or holds less than it says.
    """
    file = Path(path if isinstance(path, str) else path[0])
    picture = _lazy(file) if file.suffix.lower() == ".zarr" else _tiff(file)
    data, axes = picture.data, picture.axes
    rgb = axes.endswith("S")
    if rgb and data.shape[-1] == 2:  # napari shows colours, with alpha or without
        data = np.concatenate([data[..., :1]] * 3 + [data[..., 1:]], axis=-1)
    letters = axes.removesuffix("S")
    metadata: dict[str, Any] = {"channels": list(picture.channels)} if picture.channels else {}
    if picture.notes:
        metadata["notes"] = list(picture.notes)
    if picture.recipe is not None:
        metadata[KEY] = _kept(picture.recipe)
    options = {
        "name": file.name.split(".")[0],
        "rgb": rgb,
        "axis_labels": tuple(letters.lower()),
        "scale": tuple(picture.pixel_size.get(a, 1.0) for a in letters),
        "units": tuple(_UNITS.get(picture.units.get(a, ""), "pixel") for a in letters),
        "metadata": metadata,
    }
    return [(data, options, "image")]


def _kept(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a layer by the recipe in its file: what it is of, where the file says that."""
    from ..psf import PSF

    if "kind" in recipe:
        return dict(recipe)
    if recipe.get("name") in PSF.registry:  # of a data set
        return {"kind": "psf", "psf": {"spec": dict(recipe)}}
    if recipe.get("truth"):
        return {**recipe, "kind": "truth"}
    kind = next((kind for key, kind in _KINDS.items() if key in recipe), None)
    return {**recipe, "kind": kind} if kind is not None else dict(recipe)


def _tiff(file: Path) -> Picture:
    from ..io import read
    from ..io.tiff import opened

    large = False
    with suppress(Exception), opened(file) as image:  # what is wrong is said when it is read
        large = image.series.nbytes > _LAZY_BYTES and "S" not in image.axes
    return _lazy(file) if large else read(file)


def _lazy(file: Path) -> Picture:
    """A picture whose pixels are read where they are shown."""
    from dataclasses import replace

    import dask.array as da

    from ..blocks import open_source

    picture = open_source(file).picture
    array: Any = picture.data
    dask: Any = da
    return replace(picture, data=dask.from_array(array, chunks=array.chunks))


def write_ome_tiff(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Save an image layer as OME-TIFF.

    Parameters
    ----------
    path : str
        Ending in .ome.tif or .ome.tiff.
    data : array_like
        Of a pyramid the finest level; lazy arrays are computed.
    attributes : dict
        As napari's layers give them.

    Returns
    -------
    list of str
        The file.

    Raises
    ------
    DeconvError
        If the layer has axes or numbers that OME-TIFF has no place for.
    """
    finest = _finest(data, attributes)
    check_room(finest.shape, finest.dtype)
    picture = pictured(np.asarray(finest), attributes)
    write(path, picture.data, like=picture, recipe=_recipe(attributes), axes=picture.axes)
    return [path]


def write_ome_zarr(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Save an image layer as OME-Zarr 0.5, chunk by chunk, with the levels of a pyramid.

    Parameters are those of `write_ome_tiff`.

    Raises
    ------
    DeconvError
        If something of that name is there, or the layer has axes OME-Zarr has no place for.
    """
    from ..blocks.source import Source
    from ..blocks.target import build_levels, chunk_shape, create

    target, finest = Path(path), _finest(data, attributes)
    if target.exists():
        raise DeconvError(f"{target} is there already.", "Give another name, or remove it first.")
    if attributes.get("rgb"):
        raise DeconvError("OME-Zarr has no axis for colour samples.", "Save it as .ome.tif.")
    picture = pictured(_Chunked(finest), attributes)
    units = {a: _UNITS[u] for a, u in picture.units.items() if u in _UNITS}
    scale = tuple(picture.pixel_size.get(a, 1.0) for a in picture.axes)
    omero = {"channels": [{"label": name} for name in picture.channels]}
    source = Source(picture, {"scale": scale}, units, omero if picture.channels else {})
    spatial = "ZYX" if "Z" in picture.axes else "YX"
    part = target.with_name(f".{target.stem[:40]}.{secrets.token_hex(4)}.part.zarr")
    try:
        create(part, source, chunk_shape(source, spatial), None, "0.5", secrets.token_hex(8))
        _fill(part, finest, _recipe(attributes))
        for _ in build_levels(part):
            pass
        part.rename(target)
    except OSError as error:
        from ..io.atomic import refused

        raise refused(target, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return [path]


class _Chunked:
    """An array with the chunks that zarr would have."""

    def __init__(self, data: Any) -> None:
        self.shape, self.ndim = tuple(data.shape), len(data.shape)
        self.dtype = np.dtype(data.dtype)
        self.chunks = self.shape


def _fill(part: Path, data: Any, recipe: Mapping[str, Any] | None) -> None:
    """Write level 0 plane by plane: a lazy layer need not fit into memory."""
    import zarr

    group = zarr.open_group(str(part), mode="r+")
    level: Any = group["0"]
    for index in np.ndindex(*data.shape[:-2]):
        level[index] = np.asarray(data[index])
    if recipe is not None:
        group.attrs[KEY] = dict(recipe)


def _finest(data: Any, attributes: Mapping[str, Any]) -> Any:
    return data[0] if attributes.get("multiscale") else data


def pictured(data: NDArray[Any] | Any, attributes: Mapping[str, Any]) -> Picture:
    """A layer's pixels with what its attributes say of them.

    Raises
    ------
    DeconvError
        If its axes are none that files know.
    """
    rgb = bool(attributes.get("rgb"))
    ndim = data.ndim - rgb
    labels = tuple(attributes.get("axis_labels") or ())
    letters = letters_of(labels) if len(labels) == ndim else ""
    letters = letters or "UVWQPTCZYX"[-ndim:]
    if set(letters) - set("TCZYX"):
        raise DeconvError(
            f"The layer has {ndim} axes, {letters}; files know T, C, Z, Y and X.",
            "Name its axes so, or save a part of it.",
        )
    scale = attributes.get("scale")
    scale = np.ones(ndim) if scale is None else np.abs(np.asarray(scale, float))
    units = tuple(map(str, attributes.get("units") or ("pixel",) * ndim))
    sizes: dict[str, tuple[float, str]] = {}
    for axis, size, unit in zip(letters, scale, units, strict=True):
        if axis == "T":
            word = {"second": "s", "millisecond": "ms", "minute": "min", "hour": "h"}.get(unit)
            sizes[axis] = duration(float(size), word or unit)
        elif axis != "C":
            sizes[axis] = length(float(size), unit)
    sizes_known = {
        axis: pair for axis, pair in sizes.items() if pair[1] in ("µm", "s") and pair[0] > 0
    }
    metadata = attributes.get("metadata") or {}
    names = metadata.get("channels") if isinstance(metadata, Mapping) else None
    usual = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return Picture(
        data=data,
        axes=letters + "S" * rgb,
        pixel_size={axis: size for axis, (size, _) in sizes_known.items()},
        units={axis: unit for axis, (_, unit) in sizes_known.items()},
        channels=tuple(names) if usual and names else (),
    )


def _recipe(attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record of a layer that this package made, as plain JSON."""
    metadata = attributes.get("metadata") or {}
    recipe = metadata.get(KEY) if isinstance(metadata, Mapping) else None
    if not isinstance(recipe, Mapping):
        return None
    try:
        return dict(json.loads(json.dumps(dict(recipe))))
    except (TypeError, ValueError):
        return None
