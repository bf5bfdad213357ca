"""Opening OME-Zarr and TIFF without reading them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from ..core.errors import DeconvError
from ..core.paths import check_readable, inside, is_file, is_folder, read_text
from ..core.words import reason, refusal
from ..io.files import read
from ..io.folder import VENDORS
from ..io.ome import from_image
from ..io.picture import Picture, check_axes, length

_TIFF = (".tif", ".tiff")


@dataclass(frozen=True, eq=False)
class Source:
    """An image on disk whose pixels are read when they are needed.

    Parameters
    ----------
    picture : Picture
        Its axes, sizes and names; ``data`` is a zarr array.
    transform : mapping of str to tuple of float
        ``scale`` and, where there is one, ``translation`` of every axis, in the file's own units.
    units : mapping of str to str
        The file's own words for them, by axis.
    omero : mapping
        How channels are shown; empty where the file does not say.
    version : str
        ``"0.4"`` or ``"0.5"`` of OME-Zarr; empty for other files.
    store : object
        What has to be closed in the end; None for folders.
    """

    picture: Picture
    transform: Mapping[str, tuple[float, ...]]
    units: Mapping[str, str] = field(default_factory=dict)
    omero: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    store: Any = None

    def close(self) -> None:
        """Close the file; a folder needs no closing."""
        if self.store is not None:
            self.store.close()

    @property
    def array(self) -> Any:
        """The pixels, as a zarr array."""
        return self.picture.data


def open_source(path: str | Path, axes: str | None = None, position: int | None = None) -> Source:
    """Open an OME-Zarr 0.4 or 0.5 image, a plain zarr array or a TIFF file, lazily.

    Of a multiscale image level 0 is taken, the finest, and a note says so. Microscopes' own files
    are read whole.

    Parameters
    ----------
    path : str or Path
        A folder ending in ``.zarr`` or inside one, or a TIFF file.
    axes : str, optional
        One of ``TCZYX`` per axis, where the file does not say or says it wrongly.
    position : int, optional
        Which image of a TIFF file that holds several, from 0; by default the first, with a note.

    Raises
    ------
    DeconvError
        If it is missing, damaged, a collection of images, or has axes that cannot be restored.
    """
    path = Path(path)
    if is_folder(path):
        inside(path)
    else:
        check_readable(path)
    _require_zarr()
    try:
        if path.suffix.lower() in _TIFF:
            source = _open_tiff(path, axes, position)
        elif path.suffix.lower() in VENDORS:
            source = _of_picture(read(path, axes, position))
        else:
            source = _open_zarr(path, axes)
    except DeconvError as error:
        raise DeconvError(f"{path}: {error.what}", error.remedy) from error
    except PermissionError as error:  # somewhere within a folder
        raise refusal(error.filename or path, error) from error
    except Exception as error:  # decoders fail in a dozen ways; to a person they are one
        raise DeconvError(
            f"{path} could not be opened: {reason(error)}.",
            "The file may be damaged or incomplete: open it elsewhere and save it anew.",
        ) from error
    if "S" in source.picture.axes:
        source.close()
        raise DeconvError(
            f"{path} holds colour samples, which OME-Zarr has no axis for.",
            "Save the colours as channels.",
        )
    return source


def _require_zarr() -> None:
    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise DeconvError(
            "OME-Zarr needs the package zarr.", 'Install it: pip install "zarr>=3".'
        ) from error


def _open_zarr(path: Path, axes: str | None) -> Source:
    import zarr

    node = zarr.open(str(path), mode="r")
    if isinstance(node, zarr.Array):
        letters = axes or "TCZYX"[-node.ndim :]
        notes = () if axes else (f"The array names no axes; they are taken for {letters}.",)
        picture = Picture(
            data=_any(node), axes=check_axes(letters, node.ndim), path=path, notes=notes
        )
        return Source(picture, {"scale": (1.0,) * node.ndim})
    attributes = _attributes(node)
    if not attributes.get("multiscales"):
        kind = "a plate or well" if {"plate", "well"} & set(attributes) else "not an image itself"
        example = next(_images_in(node, path), None)
        remedy = f"Give one of the images in it{f', for example {example}' if example else ''}."
        raise DeconvError(f"it is {kind}: it has no multiscales.", remedy)
    return _of_multiscale(node, attributes, path, axes)


def _attributes(node: Any) -> dict[str, Any]:
    """Read what OME-Zarr says about a group, in either version."""
    attributes = dict(node.attrs)
    ome = attributes.get("ome", attributes)
    return ome if isinstance(ome, dict) else {}


def images_in_zarr(path: Path) -> list[Path]:
    """The images of an OME-Zarr, as folders: those of a plate's wells one after the other.

    An OME-Zarr that is an image itself, or cannot be read, stands for itself.
    """
    import zarr

    try:
        node = zarr.open(str(path), mode="r")
        if isinstance(node, zarr.Array) or _attributes(node).get("multiscales"):
            return [path]
        return sorted(_images_in(node, path), key=_natural) or [path]
    except Exception:  # opening it will say what is wrong
        return [path]


def _natural(path: Path) -> list[tuple[bool, int, str]]:
    """Well 2 stands before well 10."""
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in path.parts]


def _images_in(node: Any, path: Path, levels: int = 4) -> Iterator[Path]:
    """The images within a plate, a well or another collection."""
    import zarr

    for name in sorted(node.group_keys()):
        child = node[name]
        if not isinstance(child, zarr.Group) or name == "labels":
            continue
        if _attributes(child).get("multiscales"):
            yield path / name
        elif levels:
            yield from _images_in(child, path / name, levels - 1)


def _of_multiscale(
    node: Any, attributes: Mapping[str, Any], path: Path, axes: str | None
) -> Source:
    pyramid = attributes["multiscales"][0]
    level = pyramid["datasets"][0]
    array = node[level["path"]]
    named = [a if isinstance(a, dict) else {"name": a} for a in pyramid.get("axes", ())]
    letters = axes or "".join(str(a["name"])[:1].upper() for a in named)
    letters = check_axes(letters or "TCZYX"[-array.ndim :], array.ndim)
    units = {a: str(d["unit"]) for a, d in zip(letters, named, strict=False) if d.get("unit")}
    transform = _composed(
        [
            *level.get("coordinateTransformations", ()),
            *pyramid.get("coordinateTransformations", ()),
        ],
        array.ndim,
    )
    pairs = {
        a: length(size, units.get(a, ""))
        for a, size in zip(letters, transform["scale"], strict=True)
    }
    omero = attributes.get("omero", {})
    channels = tuple(str(c.get("label", "")) for c in omero.get("channels", ()))
    count = len(pyramid["datasets"])
    note = f"It has {count} levels; level 0, the finest, is restored, and the others made anew."
    picture = Picture(
        data=_any(array),
        axes=letters,
        pixel_size={a: v for a, (v, _) in pairs.items() if a != "C"},
        units={a: u for a, (_, u) in pairs.items() if u and a != "C"},
        channels=channels,
        path=path,
        notes=(note,) if count > 1 else (),
        info=_xml_beside(path),
        recipe=_recipe(node.attrs.get("napari_deconv")),
    )
    version = str(attributes.get("version") or pyramid.get("version") or "0.4")
    return Source(picture, transform, units, omero, version)


def _recipe(kept: object) -> dict[str, Any] | None:
    """The record of an image that this package made."""
    if not isinstance(kept, Mapping):
        return None
    return {str(key): value for key, value in kept.items() if key != "request"}


def _xml_beside(path: Path) -> dict[str, str]:
    """The OME-XML of the collection that an image lies in, as converters of makers' files leave it.

    The image's number among them is its folder's name.
    """
    for above in (path, *path.parents[:2]):
        place = above / "OME" / "METADATA.ome.xml"
        if not is_file(place):
            continue
        name = path.relative_to(above).parts[:1]
        number = int(name[0]) if name and name[0].isdigit() else 0
        try:
            return {"ome": from_image(read_text(place, _MOST_TEXT), number)}
        except (DeconvError, ParseError):  # the image is good without
            return {}
    return {}


_MOST_TEXT = 1 << 26


def _composed(steps: list[Any], ndim: int) -> dict[str, tuple[float, ...]]:
    """Scale and translation of several transformations, applied one after the other."""
    scale, shift = [1.0] * ndim, [0.0] * ndim
    for step in steps:
        if "scale" in step:
            scale = [a * float(b) for a, b in zip(scale, step["scale"], strict=True)]
            shift = [a * float(b) for a, b in zip(shift, step["scale"], strict=True)]
        elif "translation" in step:
            shift = [a + float(b) for a, b in zip(shift, step["translation"], strict=True)]
    return {"scale": tuple(scale)} | ({"translation": tuple(shift)} if any(shift) else {})


def _open_tiff(path: Path, axes: str | None, position: int | None) -> Source:
    from ..io.tiff import opened

    closing = ExitStack()
    try:
        image = closing.enter_context(opened(path, position))
        lazy = image.lazy()
        picture = image.around(_any(lazy))
        picture = replace(picture, axes=check_axes(axes or picture.axes, lazy.ndim), path=path)
    except BaseException:
        closing.close()
        raise
    return _scaled(picture, closing)


def _of_picture(picture: Picture) -> Source:
    """An image of a file that cannot be read in parts, as a zarr array in memory."""
    import zarr

    array = zarr.array(picture.data, store={})
    return _scaled(replace(picture, data=_any(array)))


def _scaled(picture: Picture, store: Any = None) -> Source:
    scale = tuple(picture.pixel_size.get(a, 1.0) for a in picture.axes)
    words = {"µm": "micrometer", "s": "second"}
    units = {a: words[u] for a, u in picture.units.items() if u in words and a in picture.axes}
    return Source(picture, {"scale": scale}, units, store=store)


def _any(array: Any) -> Any:
    return array
