"""OME-TIFF images that lie in several files, and what their XML claims."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from xml.etree import ElementTree as ET

from ..core.errors import DeconvError
from ..core.paths import is_file
from .folder import SUFFIXES, VENDORS, files_in

_TIFF = (".tif", ".tiff")
_MOST_TEXT = 1 << 28
"""Bytes of the longest description read from a file of its own."""


def one_per_image(paths: Iterable[Path]) -> list[Path]:
    """Image files, without those that belong to the same image as an earlier one.

    Each file of an image that lies in several stands for the whole: a folder of them would give as
    many copies.
    """
    kept: list[Path] = []
    members: set[Path] = set()
    for path in paths:
        if path.resolve() not in members:
            kept.append(path)
            members.update(_members(path))
    return kept


def images_in(folder: Path) -> list[Path]:
    """The image files of a folder, sorted, not deeper: one for each image.

    Raises
    ------
    DeconvError
        If the folder may not be read.
    """
    return one_per_image(files_in(folder, (*SUFFIXES, *VENDORS)))


def _members(path: Path) -> list[Path]:
    """The files that a file's image lies in, itself included; empty unless there are several."""
    if path.suffix.lower() not in _TIFF:
        return []
    import tifffile

    try:
        if not is_file(path):
            return []
        with tifffile.TiffFile(path) as tif:
            xml = _whole_text(path, tif.ome_metadata)
        named = _named(ET.fromstring(xml)) if xml else {}
        inside = [_beside(path, name) for name in sorted(set(named.values()))]
    except (OSError, ValueError, KeyError, ET.ParseError, DeconvError):
        return []  # reading it will say what is wrong
    return [path.resolve(), *(p.resolve() for p in inside)] if len(inside) > 1 else []


def described(path: Path, tif: Any) -> str | None:
    """The XML to read an OME-TIFF by, where that is not simply what the file holds.

    Raises
    ------
    DeconvError
        If files of the image are missing, or the XML claims more than there is.
    """
    text = tif.ome_metadata
    if not text:
        return None
    whole = _whole_text(path, text)
    try:
        root = ET.fromstring(whole.encode("utf-8") if whole.startswith("<?xml") else whole)
    except ET.ParseError as error:
        raise DeconvError(
            f"its OME-XML is broken: {error}.", "Save it anew, or as a plain TIFF."
        ) from error
    named = _named(root)
    own = root.get("UUID")
    others = {uuid: name for uuid, name in named.items() if uuid != own and name != path.name}
    if len(named) == 1 and others and not is_file(_beside(path, *others.values())):
        # One file that was given another name.
        for data in list(root.iter()):
            for child in [c for c in data if _tag(c) == "UUID"]:
                data.remove(child)
        others, whole = {}, ET.tostring(root, encoding="unicode")
    lost = [name for name in dict.fromkeys(others.values()) if not is_file(_beside(path, name))]
    if lost:
        shown = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
        raise DeconvError(
            f"its image lies in {len(set(named.values()))} files, and of these {shown} "
            f"{'is' if len(lost) == 1 else 'are'} missing.",
            "Put all files of the set into one folder, or export the image as one file.",
        )
    _check_claims(root, tif, len(others))
    return whole if whole != text else None


def _whole_text(path: Path, text: str | None) -> str:
    """The file's own XML, or that of the file beside it which its own refers to."""
    if not text or "BinaryOnly" not in text:
        return text or ""
    try:
        root = ET.fromstring(text.encode("utf-8") if text.startswith("<?xml") else text)
    except ET.ParseError:
        return text
    pointer = next((e for e in root if _tag(e) == "BinaryOnly"), None)
    if pointer is None:
        return text
    name = pointer.get("MetadataFile", "")
    beside = _beside(path, name) if name else path
    if not name or not is_file(beside):
        raise DeconvError(
            f"it is part of an image that {name or 'another file'} describes, and that is missing.",
            "Put all files of the set into one folder, or export the image as one file.",
        )
    if beside.suffix.lower() in _TIFF:
        import tifffile

        with tifffile.TiffFile(beside) as master:
            return master.ome_metadata or ""
    if beside.stat().st_size > _MOST_TEXT:
        raise DeconvError(f"{name}, which describes it, is too long.", "Export it as one file.")
    return beside.read_text(encoding="utf-8")


def _named(root: ET.Element) -> dict[str, str]:
    """File names by their UUID."""
    elements = (e for e in root.iter() if _tag(e) == "UUID" and e.get("FileName"))
    return {(e.text or "").strip(): str(e.get("FileName")) for e in elements}


def _beside(path: Path, name: str) -> Path:
    """A file named by another; only such as lie in its folder or below are looked at."""
    parts = PurePosixPath(name).parts
    if PureWindowsPath(name).anchor or PurePosixPath(name).is_absolute() or ".." in parts:
        raise DeconvError(
            f"it names {name!r} as part of its image, which lies elsewhere.",
            "Put all files of the set into one folder, and export them anew.",
        )
    return path.parent / name


def _check_claims(root: ET.Element, tif: Any, others: int) -> None:
    """Raise if the XML speaks of more planes than there can be, before any are prepared."""
    page, pages = tif.pages.first, len(tif.pages)
    for pixels in (e for e in root.iter() if _tag(e) == "Pixels"):
        try:
            sizes = {a: int(pixels.get(f"Size{a}", "")) for a in "XYZCT"}
            runs = [_run(e) for e in pixels if _tag(e) == "TiffData"]
        except ValueError as error:
            raise DeconvError(
                f"its OME-XML states sizes that are not numbers: {error}.", "Export it anew."
            ) from error
        planes = sizes["Z"] * sizes["C"] * sizes["T"]
        if min(sizes.values()) < 1 or any(n > planes or at < 0 for n, at in runs):
            raise DeconvError("its OME-XML states sizes that make no sense.", "Export it anew.")
        values = planes * sizes["Y"] * sizes["X"]
        # Of several files each is at most as long as the whole image.
        if not others and values > pages * page.size:
            have = pages * page.size * planes // values
            raise DeconvError(
                f"its OME-XML speaks of {planes} planes of {sizes['Y']} x {sizes['X']}, but it "
                f"holds {have or f'{pages} of {page.imagelength} x {page.imagewidth}'}.",
                "It was cut off, or written by a program that stopped: copy or export it again.",
            )
        if others and planes > 1_000_000 * (others + 1):
            raise DeconvError(
                f"its OME-XML speaks of {planes} planes in {others + 1} files.", "Export it anew."
            )
    for along in (e for e in root.iter() if _tag(e).startswith("ModuloAlong")):
        for number in _steps(along):
            if number > 1_000_000:
                raise DeconvError("its OME-XML states sizes that make no sense.", "Export it anew.")


def _run(data: ET.Element) -> tuple[int, int]:
    """How many planes a TiffData element stands for, and from which page on."""
    count = data.get("PlaneCount") or data.get("NumPlanes") or "0"
    return int(count), int(data.get("IFD", "0"))


def _steps(along: ET.Element) -> Iterator[float]:
    try:
        start, end = float(along.get("Start", "0")), float(along.get("End", "0"))
        step = float(along.get("Step", "1"))
    except ValueError:
        return
    yield math.inf if not step else abs(end - start) / abs(step)


def _tag(element: ET.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]
