"""TIFF in and out: plain, ImageJ and OME, each staying what it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.paths import check_readable
from . import imagej, micromanager, ome, sets
from .complete import check_chain, check_description, check_planes, check_room, remarks
from .lazy import LazyPicture
from .meaning import Meaning, meaning_of
from .picture import ORDER, Picture, finite_sizes, in_order, length, recipe_in, with_recipe
from .storage import LARGE, Storage, colour_options

# Make, model, date, artist, computer, copyright, white point, primaries, XMP and IPTC.
_TEXTS = (271, 272, 306, 315, 316, 33432, 318, 319, 700, 33723)
# The GeoTIFF tags speak of rows and columns.
_CARRIED = (*_TEXTS, 33550, 33922, 34264, 34735, 34736, 34737)
_ASCII = 2
_LOSSLESS = {5, 8, 32946, 50000}


def read_tiff(path: Path, position: int | None = None) -> Picture:
    """Read an image of a TIFF file with its metadata."""
    with opened(path, position) as image:
        check_room(image.series.shape, image.series.dtype)
        return image.picture()


@contextmanager
def opened(path: Path, position: int | None = None) -> Iterator[TiffImage]:
    """An image of a TIFF file (the first is 0), known to be whole, without its pixels.

    Raises
    ------
    DeconvError
        If it holds less than it says, its numbers are no light, or there is no such image.
    """
    with remarks() as log:
        tif = _file(path)
        try:
            xml = sets.described(path, tif)
            if xml is not None:
                tif.close()
                tif = _file(path, omexml=xml)
            check_chain(tif)
            check_description(log)
            if not tif.series:
                raise DeconvError("it holds no image.", "Save it anew.")
            if not 0 <= (position or 0) < len(tif.series):
                count = len(tif.series)
                raise DeconvError(
                    f"there is no position {position}: it holds {count} image{'s' * (count > 1)}.",
                    f"Count from 0 to {count - 1}." if count > 1 else "Leave it out, or give 0.",
                )
            check_planes(tif, tif.series[position or 0])
            image = _image(tif, position)
        except BaseException:
            tif.close()
            raise
    try:
        # The log names the object first: <tifffile.TiffFile 'a.tif'>.
        # What Micro-Manager keeps beside the image is often damaged, and not used.
        texts = [text for text in log if "micromanager" not in text.split("> ", 1)[0]]
        words = tuple(dict.fromkeys(f"{text.split('> ', 1)[-1]}." for text in texts))
        yield replace(image, notes=image.notes + words)
    finally:
        tif.close()


@dataclass(frozen=True, eq=False, kw_only=True)
class TiffImage:
    """An image of an open TIFF file.

    Parameters
    ----------
    tif : tifffile.TiffFile
        The file.
    series : tifffile.TiffPageSeries
        Its pages.
    kind : str
        ``"imagej"``, ``"ome"`` or ``"tiff"``.
    stored : str
        One letter per axis of the series; ``S`` are samples of a pixel, whatever they are.
    axes : str
        One letter of ``TCZYXS`` per axis of the picture.
    meaning : Meaning
        How its numbers become intensities.
    fields : mapping
        Fields of its `Picture`.
    notes : tuple of str
        What had to be decided, in words.
    """

    tif: Any
    series: Any
    kind: str
    stored: str
    axes: str
    meaning: Meaning
    fields: Mapping[str, Any]
    notes: tuple[str, ...]

    def picture(self) -> Picture:
        """The picture with all its pixels, upright."""
        data, letters = self.series.asarray(), self.stored
        if "S" in letters:
            data = np.moveaxis(data, letters.index("S"), -1)
            letters = letters.replace("S", "") + "S"
        data = self.meaning.values(data)
        letters += "S" * (data.ndim - len(letters))
        data = data.transpose([letters.index(a) for a in self._sources()])
        return self.around(np.ascontiguousarray(self.meaning.upright(data, self.axes)))

    def lazy(self) -> LazyPicture:
        """The picture, of which pixels are read where it is indexed; needs zarr.

        Raises
        ------
        DeconvError
            If it has colours.
        """
        import zarr

        if "S" in self.axes or self.meaning.luma is not None:
            raise DeconvError(
                "it holds colour samples, which OME-Zarr has no axis for.",
                "Save the colours as channels.",
            )
        array: Any = zarr.open(self.series.aszarr(level=0), mode="r")
        order = tuple(self.stored.index(a) for a in self._sources())
        return LazyPicture(array, order, self.axes, self.meaning)

    def around(self, data: Any) -> Picture:
        """What the file says about the picture, with these pixels."""
        return Picture(data=data, axes=self.axes, format=self.kind, notes=self.notes, **self.fields)

    def _sources(self) -> str:
        """The letter of `stored` that each axis of the picture comes from."""
        bands = "S" in self.stored and "S" not in self.axes
        return self.axes.replace("C", "S") if bands else self.axes


def _file(path: Path, **options: Any) -> tifffile.TiffFile:
    """Open a TIFF file; a pipe is refused, where tifffile would wait for ever."""
    check_readable(path)
    return tifffile.TiffFile(path, **options)


def positions(path: Path) -> tuple[str, ...]:
    """Names of the images of an OME-TIFF, each a position of the stage or the like.

    Other files have one that counts: further images of theirs are thumbnails and masks. A file
    that cannot be read has one as well; reading it will say what is wrong.
    """
    try:
        with remarks(), _file(path) as tif:
            if not tif.is_ome or len(tif.series) < 2:
                return ("",)
            return tuple(str(series.name or "") for series in tif.series)
    except Exception:
        return ("",)


def _image(tif: Any, position: int | None) -> TiffImage:
    """What there is to know of an image of an open file."""
    series = tif.series[position or 0]
    kind = "imagej" if tif.is_imagej else "ome" if tif.is_ome else "tiff"
    page, block = series.keyframe, (tif.imagej_metadata or {}) if tif.is_imagej else {}
    stored, notes = _letters(series.axes)
    samples = dict(zip(stored, series.shape, strict=True)).get("S", 0)
    meaning, remarks_ = meaning_of(page, kind, samples, block)
    axes = stored.replace("S", "")
    if samples > 4 or (samples in (2, 4) and not meaning.alpha):
        if "C" in axes:
            raise DeconvError(
                f"each of its channels has {samples} samples, none of which is alpha.",
                "Save them as channels.",
            )
        axes = "C" + axes
    elif samples or (meaning.table is not None and meaning.table.ndim == 2):
        axes += "S"
    if len(tif.series) > 1 and position is None:
        notes += (f"The file holds {len(tif.series)} images; only the first is used.",)
    files = sorted({p.parent.filehandle.path for p in series if p is not None})
    if len(files) > 1:
        shown = ", ".join(Path(name).name for name in files[:3])
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        notes += (f"The image lies in {len(files)} files: {shown}{more}.",)
    left = len(tif.pages) - sum(len(each) for each in tif.series)
    if kind == "ome" and left > 0 and not series.is_multifile:
        notes += (f"{left} planes of the file belong to no image and are left out.",)
    metadata = ome.metadata_of(tif, position or 0) if kind == "ome" else _others[kind](tif)
    metadata = _completed(metadata, micromanager.metadata_of(tif))
    info = metadata.pop("info", {}) | _page_info(page, meaning)
    if kind == "imagej" and page.photometric == 0:
        info["inverted"] = True
    if meaning.turned:
        metadata |= {k: _turned(metadata[k]) for k in ("pixel_size", "units") if k in metadata}
    metadata["info"] = info | {"files": tuple(files)}
    return TiffImage(
        tif=tif, series=series, kind=kind, stored=stored, axes=axes, meaning=meaning,
        fields=metadata, notes=notes + remarks_,
    )  # fmt: skip


def _completed(fields: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """What a file says, completed by what the rest of it says."""
    both = dict(fields)
    for key, value in more.items():
        own = fields.get(key)
        both[key] = {**value, **(own or {})} if isinstance(value, dict) else own or value
    return both


def _turned(by_axis: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes or units of a picture whose rows have become columns."""
    other = {"X": "Y", "Y": "X"}
    return {other.get(axis, axis): value for axis, value in by_axis.items()}


def _letters(axes: str) -> tuple[str, tuple[str, ...]]:
    """Axes in letters of ``TCZYXS``, and what had to be guessed."""
    odd = [letter for letter in axes if letter not in ORDER]
    free = [a for a in "TCZ" if a not in axes]
    if not odd:
        return axes, ()
    if set(odd) - set("IQ") or len(odd) > len(free):
        raise DeconvError(
            f"its axes are {axes!r}, and {odd[0]!r} is none that can be restored.",
            f"Save it with axes out of {ORDER}.",
        )
    taken = free[-len(odd) :]
    for letter, name in zip(odd, taken, strict=True):
        axes = axes.replace(letter, name, 1)
    which, one = ("some", "they are") if len(odd) > 1 else ("one", "it is")
    return axes, (
        f"The file does not name {which} of its axes; {one} taken for {', '.join(taken)}.",
    )


def _page_info(page: Any, meaning: Meaning) -> dict[str, Any]:
    """Tags that the writer puts back: those that still say the truth of upright intensities."""
    tags = page.tags
    info: dict[str, Any] = {
        "compressed": int(page.compression) in _LOSSLESS,
        "tags": [
            (t.code, int(t.dtype), t.count, t.value, True)
            for t in map(tags.get, _CARRIED if meaning.orientation == 1 else _TEXTS)
            if t is not None
        ],
    }
    if 282 in tags and 283 in tags:
        both = (tags[282].value, tags[283].value)
        info["resolution"] = both[::-1] if meaning.turned else both
        info["resolution_unit"] = int(tags[296].value) if 296 in tags else 1
    if page.colormap is not None and meaning.table is None:
        info["colormap"] = page.colormap
    return info


def recorded(path: Path) -> dict[str, Any] | None:
    """The recipe of a TIFF file that this package wrote, without a look at its pixels."""
    with _file(path) as tif:
        kind = "imagej" if tif.is_imagej else "ome" if tif.is_ome else "tiff"
        recipe = (ome.metadata_of(tif) if kind == "ome" else _others[kind](tif)).get("recipe")
    return recipe if isinstance(recipe, dict) else None


def _plain_metadata(tif: tifffile.TiffFile) -> dict[str, Any]:
    """What a plain TIFF tells: sizes where they look physical, profile, text, recipe."""
    page = tif.pages.first
    metadata: dict[str, Any] = {"icc": bytes(page.iccprofile or b"")}
    text = page.description or ""
    shaped = (tif.shaped_metadata or ({},))[0] if page.is_shaped else {}
    metadata["recipe"] = shaped.get("napari_deconv") if shaped else recipe_in(text)
    metadata["info"] = {"text": str(shaped.get("description", "")) if shaped else text}
    tags = page.tags
    # Dots per inch are a matter of printing; per centimetre is how microscopes write pixel sizes.
    if 282 in tags and 283 in tags and 296 in tags and int(tags[296].value) == 3:
        sizes = {a: length(per_unit(tags[c].value), "cm") for a, c in (("X", 282), ("Y", 283))}
        metadata["pixel_size"], metadata["units"] = finite_sizes(sizes)
    return metadata


_others = {"imagej": imagej.metadata_of, "tiff": _plain_metadata}


def per_unit(value: Any) -> float:
    """Pixel size out of a resolution tag, a fraction of pixels per unit."""
    over, under = value if isinstance(value, tuple) else (value, 1)
    return under / over if over else 0.0


def write_tiff(part: Path, picture: Picture, name: str, storage: Storage) -> None:
    """Write an OME, ImageJ or plain TIFF: what the picture was, or what can hold it."""
    data, axes = in_order(picture.data, picture.axes)
    kind = choose(picture, name)
    if data.dtype.kind not in "iufb":
        raise DeconvError(f"TIFF cannot hold {data.dtype} values here.", "Write a .npy file.")
    if kind == "ome":
        ome.write(part, np.ascontiguousarray(data), axes, picture, storage)
        return
    if storage:
        raise DeconvError(
            "pyramid, tiles and compression are for OME-TIFF.", "End the name in .ome.tif."
        )
    write_as = imagej.write if kind == "imagej" else _write_plain
    write_as(part, np.ascontiguousarray(data), axes, picture)


def choose(picture: Picture, name: str) -> str:
    """Choose the dialect of TIFF that a file of this name is written in."""
    if ".ome." in name.lower():
        return "ome"
    physical = any(u in ("µm", "s") for u in picture.units.values())
    kind = picture.format if picture.format in ("imagej", "ome") else "tiff"
    if kind == "tiff" and physical and not picture.info.get("resolution"):
        kind = "imagej"
    if kind == "imagej" and not (imagej.holds(picture) and picture.data.nbytes < LARGE):
        kind = "ome"
    return kind


def resolution_options(picture: Picture) -> dict[str, Any]:
    """Resolution tags: the file's own, or from the pixel size, or a photo's dots per inch."""
    info = picture.info
    if info.get("resolution"):
        return {"resolution": info["resolution"], "resolutionunit": info["resolution_unit"]}
    if info.get("dpi"):
        return {"resolution": tuple(float(d) for d in info["dpi"]), "resolutionunit": 2}
    sizes = picture.spacing("XY")
    if sizes and picture.units.get("X") == "µm":
        return {"resolution": tuple(1e4 / s for s in sizes), "resolutionunit": 3}
    return {}


def _write_plain(part: Path, data: NDArray[Any], axes: str, picture: Picture) -> None:
    info = picture.info
    text, recipe = str(info.get("text", "")), picture.recipe
    options = colour_options(data, axes) | resolution_options(picture)
    tags = list(info.get("tags", ())) or photo_tags(picture.exif)
    if info.get("compressed"):
        options["compression"] = "zlib"
    options["bigtiff"] = data.nbytes >= LARGE
    if axes in ("YX", "YXS"):
        text = with_recipe(text, recipe)
        options |= (
            {"description": text.encode("utf-8"), "metadata": None} if text else {"metadata": None}
        )
    else:
        metadata = {"axes": axes} | ({"description": text} if text else {})
        options["metadata"] = metadata | ({"napari_deconv": recipe} if recipe is not None else {})
    tifffile.imwrite(
        part,
        data,
        ome=False,
        imagej=False,
        software="napari-deconv",
        iccprofile=picture.icc or None,
        extratags=tags,
        **options,
    )


def photo_tags(exif: bytes) -> list[tuple[int, int, int, str, bool]]:
    """Make, model, date, artist and copyright of a photo's EXIF as TIFF tags."""
    if not exif:
        return []
    from PIL import Image

    block = Image.Exif()
    block.load(exif)
    return [
        (code, _ASCII, 0, str(block[code]).encode("ascii", "replace").decode(), True)
        for code in (271, 272, 306, 315, 33432)
        if block.get(code)
    ]
