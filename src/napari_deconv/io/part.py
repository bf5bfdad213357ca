"""A part of an image, as a trial before the whole; and its projections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from xml.etree import ElementTree as ET

from ..core.errors import DeconvError
from .picture import Picture, in_order

Range = tuple[int, int]
"""First, and one behind the last."""


@dataclass(frozen=True)
class Part:
    """What to take of an image.

    Parameters
    ----------
    ranges : mapping of str to tuple of int
        By axis out of ``TCZYX``: the first, and one behind the last. Axes that are missing are
        taken whole.
    plane : bool
        Whether ``Z`` is one plane to be taken for an image by itself, without the axis.
    """

    ranges: Mapping[str, Range]
    plane: bool = False

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def index(self, axes: str, shape: tuple[int, ...], name: str) -> tuple[int | slice, ...]:
        """What to index an image with.

        Raises
        ------
        DeconvError
            If the image, called ``name``, lacks an axis or ends before.
        """
        index: list[int | slice] = [slice(None)] * len(axes)
        for axis, (start, stop) in self.ranges.items():
            if axis not in axes:
                raise DeconvError(
                    f"{name} has the axes {axes}, and no {axis} to take a part of.",
                    f"Leave out the range of {axis.lower()}.",
                )
            size = shape[axes.index(axis)]
            if not 0 <= start < stop <= size:
                raise DeconvError(
                    f"{start}:{stop} of {axis.lower()} does not fit: {name} has {size}.",
                    f"Give a range within 0:{size}.",
                )
            single = axis == "Z" and self.plane
            index[axes.index(axis)] = start if single else slice(start, stop)
        return tuple(index)

    def of(self, picture: Picture, name: str = "The image") -> Picture:
        """The part of a picture, with its metadata; a lazy one is read there alone.

        Raises
        ------
        DeconvError
            As `index`.
        """
        if not self:
            return picture
        index = self.index(picture.axes, tuple(picture.data.shape), name)
        data = picture.data[index]
        axes = picture.axes.replace("Z", "") if self.plane else picture.axes
        info = dict(picture.info)
        start, stop = self.ranges.get("C", (0, len(picture.channels)))
        if xml := info.get("ome"):
            info["ome"] = self._xml(str(xml), data.shape, axes)
        elif "C" in self.ranges:
            info["chosen_channels"] = tuple(range(start, stop))
        if block := info.get("imagej"):
            # Labels are those of single planes.
            info["imagej"] = {k: v for k, v in block.items() if k not in ("Labels", "Ranges")}
        sizes = {a: v for a, v in picture.pixel_size.items() if a in axes or a in "XYT"}
        return replace(
            picture, data=data, axes=axes, info=info, channels=picture.channels[start:stop],
            pixel_size=sizes, units={a: u for a, u in picture.units.items() if a in sizes},
        )  # fmt: skip

    def _xml(self, xml: str, shape: tuple[int, ...], axes: str) -> str:
        """OME-XML that speaks of the part alone."""
        root = ET.fromstring(xml.encode("utf-8") if xml.lstrip().startswith("<?xml") else xml)
        pixels = next((e for e in root.iter() if _tag(e) == "Pixels"), None)
        if pixels is None:
            return xml
        sizes = dict(zip(axes, shape, strict=True))
        channels = [e for e in pixels if _tag(e) == "Channel"]
        for axis in self.ranges:
            if axis != "C" or len(channels) == int(pixels.get("SizeC", "0")):
                pixels.set(f"Size{axis}", str(sizes.get(axis, 1)))
        if "C" in self.ranges:
            start, stop = self.ranges["C"]
            for number, channel in enumerate(channels):
                if not start <= number < stop:
                    pixels.remove(channel)
        for plane in [e for e in pixels if _tag(e) == "Plane"]:
            pixels.remove(plane)
        return ET.tostring(root, encoding="unicode")


def _tag(element: ET.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def projections(picture: Picture) -> Iterator[tuple[str, Picture]]:
    """The brightest values of a stack seen along z, y and x, calibrated.

    Seen along y, z runs down; seen along x, z runs to the right.

    Yields
    ------
    tuple of str and Picture
        ``"max-z"``, ``"max-y"`` and ``"max-x"``.
    """
    for along in "ZYX":
        data: Any = picture.data.max(axis=picture.axes.index(along))
        left = picture.axes.replace(along, "")
        names = {"Z": {}, "Y": {"Z": "Y"}, "X": {"Z": "X"}}[along]
        axes = "".join(names.get(a, a) for a in left)
        sizes = {names.get(a, a): v for a, v in picture.pixel_size.items() if a != along}
        units = {names.get(a, a): v for a, v in picture.units.items() if a != along}
        data, axes = in_order(data, axes)
        yield f"max-{along.lower()}", Picture(
            data=data, axes=axes, pixel_size=sizes, units=units, channels=picture.channels,
            format=picture.format,
        )  # fmt: skip
