"""Reading and writing, by the name's ending."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.json_text import read_object
from ..core.paths import check_readable, is_file, is_folder, resolved
from ..core.spec import dumps
from ..core.words import reason
from .atomic import refused, replacing
from .complete import check_room
from .folder import KINDS, SUFFIXES, VENDORS
from .guard import Guard, kind_of
from .picture import Picture, check_axes, guess_axes
from .storage import Storage

_log = logging.getLogger(__name__)

READ_ONLY = {".bmp": "bmp", **VENDORS}
"""Endings of the files that can be read and not written."""


def read(path: str | Path, axes: str | None = None, position: int | None = None) -> Picture:
    """Read an image with its metadata.

    Parameters
    ----------
    path : str or Path
        A TIFF (plain, ImageJ or OME), PNG, JPEG, NPY or BMP file; CZI, ND2 and LIF with the extra
        ``vendors``.
    axes : str, optional
        One of ``TCZYXS`` per axis, where the file does not say or says it wrongly.
    position : int, optional
        Which image of a file that holds several, from 0; by default the first, with a note.

    Returns
    -------
    Picture
        Upright pixels in the file's dtype.

    Raises
    ------
    DeconvError
        If the file is missing, a folder, damaged or of an unsupported kind, or has no such image.
    """
    path = Path(path)
    kind = READ_ONLY.get(path.suffix.lower()) or _kind(path)
    check_readable(path)
    try:
        picture = _read(kind, path, position)
    except DeconvError as error:
        raise DeconvError(f"{path}: {error.what}", error.remedy) from error
    except MemoryError as error:
        raise DeconvError(f"{path} does not fit in memory.", "Cut it into parts first.") from error
    except Exception as error:
        # Decoders fail in a dozen ways on damaged files; to a person they are one.
        _log.debug("reading %s", path, exc_info=True)
        raise DeconvError(
            f"{path} could not be read as {kind.upper()}: {reason(error)}.",
            "The file may be damaged, incomplete or misnamed: open it elsewhere and save it anew.",
        ) from error
    if axes is not None:
        picture = replace(picture, axes=check_axes(axes, picture.data.ndim), notes=())
    return replace(picture, path=path, recipe=picture.recipe or _sidecar_recipe(path))


def write(
    path: str | Path,
    data: NDArray[Any],
    like: Picture | None = None,
    recipe: Mapping[str, Any] | None = None,
    axes: str | None = None,
    guard: Guard | None = None,
    storage: Storage | None = None,
) -> None:
    """Write an image: whole or not at all, with the metadata of ``like``.

    A TIFF becomes what ``like`` was (ImageJ, OME or plain); a name ending in ``.ome.tif`` makes
    it OME. The recipe goes into the TIFF, or into `sidecar` for the other formats.

    Parameters
    ----------
    path : str or Path
        Ending in .tif, .tiff, .png, .jpg, .jpeg or .npy.
    data : ndarray
        Upright pixels.
    like : Picture, optional
        Where axes, pixel sizes, EXIF, colour profile and the like come from.
    recipe : mapping, optional
        How ``data`` was made, as plain JSON values.
    axes : str, optional
        One of ``TCZYXS`` per axis; by default those of ``like``.
    guard : Guard, optional
        What may not be replaced; by default ``like``'s own file, and a ``NAME.png.json`` that is
        no recipe.
    storage : Storage, optional
        Pyramid, tiles and compression of an OME-TIFF.

    Raises
    ------
    DeconvError
        If the format cannot hold the data, ``path`` is the file that ``like`` was read from, or
        the file cannot be written. An older file at ``path`` then stays as it was.
    """
    path = Path(path)
    kind = _kind(path)
    if like is not None and any(_same(path, Path(p)) for p in _inputs(like)):
        raise DeconvError(
            f"{path} is the input itself.", "Choose another name: inputs are never overwritten."
        )
    if is_folder(path):
        raise DeconvError(f"{path} is a folder.", "Give the name of a file.")
    _check_target(path, recipe, guard)
    if axes is None:
        axes = (
            like.axes
            if like is not None and like.data.ndim == data.ndim
            else guess_axes(data.shape)
        )
    picture = replace(
        like or Picture(data=data, axes=axes), data=data, axes=check_axes(axes, data.ndim)
    )
    picture = replace(picture, recipe=dict(recipe) if recipe is not None else None)
    with ExitStack() as stack:
        # The picture is renamed last: where it stands, its recipe stands.
        part = stack.enter_context(replacing(path))
        _encode(kind, part, picture, path, storage or Storage())
        if recipe is not None and kind != "tiff":
            beside = stack.enter_context(replacing(sidecar(path)))
            beside.write_text(dumps(recipe) + "\n", encoding="utf-8")
    if guard is not None:
        guard.remember(path)


def check_target(path: Path, kind: str, guard: Guard) -> None:
    """Raise, before the work begins, unless an image and the recipe beside it may be written.

    Parameters
    ----------
    path : Path
        Where the image will go.
    kind : str
        Of `guard.kind_of` its recipe.
    guard : Guard
        That will be given to `write`.

    Raises
    ------
    DeconvError
        As `Guard.check`.
    """
    guard.check(path, kind)
    if _kind(path) != "tiff":
        guard.check(sidecar(path), kind)


def _check_target(path: Path, recipe: Mapping[str, Any] | None, guard: Guard | None) -> None:
    beside, kind = sidecar(path), kind_of(recipe)
    if guard is not None:
        guard.check(path, kind)
    # A script that writes over its own picture means the recipe beside it, too.
    if recipe is not None and _kind(path) != "tiff" and (guard is not None or not path.exists()):
        (guard or Guard()).check(beside, kind)


def sidecar(path: str | Path) -> Path:
    """Where the recipe of a file stands whose format has no room for one: ``NAME.png.json``."""
    path = Path(path)
    return path.with_name(path.name + ".json")


def _encode(kind: str, part: Path, picture: Picture, path: Path, storage: Storage) -> None:
    try:
        if kind == "tiff":
            from .tiff import write_tiff

            write_tiff(part, picture, path.name, storage)
        elif storage:
            raise DeconvError(
                "pyramid, tiles and compression are for OME-TIFF.", "End the name in .ome.tif."
            )
        else:
            _writers(kind)(part, picture, path.name)
    except DeconvError as error:
        raise DeconvError(f"{path}: {error.what}", error.remedy) from error
    except OSError as error:
        raise refused(path, error) from error
    except Exception as error:
        _log.debug("writing %s", path, exc_info=True)
        raise DeconvError(
            f"{path} could not be written: {reason(error)}.",
            "Try another format, for example .tif or .npy.",
        ) from error


def _kind(path: Path) -> str:
    if path.suffix.lower() in KINDS:
        return KINDS[path.suffix.lower()]
    if is_folder(path):
        raise DeconvError(f"{path} is a folder.", "Give the name of an image file.")
    raise DeconvError(
        f"{path}: files ending in {path.suffix or 'nothing'!r} are not supported.",
        f"Use one of {', '.join(SUFFIXES)}.",
    )


def _inputs(like: Picture) -> list[Path | str]:
    """The files that a picture was read from."""
    return [*([like.path] if like.path is not None else []), *like.info.get("files", ())]


def _same(a: Path, b: Path) -> bool:
    try:
        return a.samefile(b)
    except OSError:
        return resolved(a) == resolved(b)


def _sidecar_recipe(path: Path) -> dict[str, Any] | None:
    """The recipe beside an image; none where what lies there is of no use: the image is."""
    try:
        beside = sidecar(path)
        return read_object(beside) if is_file(beside) else None
    except DeconvError as error:
        _log.debug("%s", error)
        return None


# Pillow, tifffile and imagecodecs are loaded only for the format at hand.


def _read(kind: str, path: Path, position: int | None) -> Picture:
    if kind == "tiff":
        from .tiff import read_tiff

        return read_tiff(path, position)
    if kind in VENDORS.values():
        from .vendors import read_vendor

        return read_vendor(path, position)
    if position:
        raise DeconvError(f"there is no position {position}: it holds one image.", "Leave it out.")
    if kind == "npy":
        return _read_npy(path)
    from .photo import read_photo

    return read_photo(path)


def _writers(kind: str) -> Callable[[Path, Picture, str], None]:
    if kind == "npy":
        return _write_npy
    from .photo import write_jpeg, write_png

    return write_png if kind == "png" else write_jpeg


def _read_npy(path: Path) -> Picture:
    # Mapped first: of a header that lies nothing is allocated. Pickles can run code.
    try:
        mapped = np.lib.format.open_memmap(path, mode="r")
    except ValueError as error:
        if "Python objects" not in str(error):
            raise
        raise DeconvError(
            "it holds pickled objects.", "Save a plain array of numbers with numpy.save."
        ) from error
    check_room(mapped.shape, mapped.dtype)
    data = np.array(mapped)
    return Picture(data=data, axes=guess_axes(data.shape), format="npy")


def _write_npy(part: Path, picture: Picture, name: str) -> None:
    with part.open("wb") as handle:
        np.save(handle, picture.data, allow_pickle=False)
