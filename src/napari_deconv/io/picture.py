"""`Picture`: an image file's pixels together with everything worth carrying to the result."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.json_text import parse_json

_log = logging.getLogger(__name__)

ORDER = "TCZYXS"
"""The axes this package knows, in the order files store them."""

_MICROMETRES = {
    "": 1.0,
    "µm": 1.0,
    "nm": 1e-3,
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
    "pm": 1e-6,
    "Å": 1e-4,
    "inch": 25400.0,
}
_SYNONYMS = {"um": "µm", "micron": "µm", "microns": "µm", "micrometer": "µm", "μm": "µm"} | {
    "nanometer": "nm", "millimeter": "mm", "centimeter": "cm", "meter": "m", "in": "inch"
}  # fmt: skip
_SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "ms": 1e-3, "µs": 1e-6, "min": 60.0, "h": 3600.0}
_MARK = "napari_deconv: "


@dataclass(frozen=True, eq=False, kw_only=True)
class Picture:
    """An image as a file holds it.

    Parameters
    ----------
    data : ndarray
        Pixels, upright, in the file's dtype.
    axes : str
        One of ``TCZYXS`` per axis of ``data``; ``S`` are colour samples, alpha included.
    pixel_size : mapping of str to float
        Distance of neighbours along ``X``, ``Y``, ``Z`` and ``T``, where the file knows it.
    units : mapping of str to str
        Unit of each of those: ``"µm"`` or ``"s"``, or the file's own word where it is not a length.
    channels : tuple of str
        Names of the entries of ``C``.
    exif, icc : bytes
        EXIF block (as found, orientation included) and colour profile; empty where there is none.
    format : str
        ``"imagej"``, ``"ome"``, ``"tiff"``, ``"png"``, ``"jpeg"`` or ``"npy"``.
    info : mapping
        What only the writer of the same format needs.
    recipe : dict or None
        How this picture was made, if this package made it.
    path : Path or None
        Where it was read.
    notes : tuple of str
        What the reader had to decide or leave out, in words.
    """

    data: NDArray[Any]
    axes: str
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    exif: bytes = b""
    icc: bytes = b""
    format: str = ""
    info: Mapping[str, Any] = field(default_factory=dict, repr=False)
    recipe: dict[str, Any] | None = None
    path: Path | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_axes(self.axes, self.data.ndim)

    def spacing(self, axes: str) -> tuple[float, ...] | None:
        """Pixel size along each of ``axes``, or None unless all of them are known."""
        sizes = tuple(self.pixel_size[a] for a in axes if a in self.pixel_size)
        return sizes if len(sizes) == len(axes) else None


def check_axes(axes: str, ndim: int) -> str:
    """``axes`` in capitals, or a `DeconvError` saying what is wrong with them."""
    letters = axes.upper()
    if set(letters) - set(ORDER) or len(set(letters)) != len(letters):
        raise DeconvError(
            f"axes = {axes!r} is not understood.", f"Use each letter of {ORDER} once at most."
        )
    if len(letters) != ndim:
        raise DeconvError(
            f"axes = {axes!r} names {len(letters)} axes, but the image has {ndim}.",
            "Give one letter each.",
        )
    return letters


def in_order(data: NDArray[Any], axes: str) -> tuple[NDArray[Any], str]:
    """``data`` transposed to the order of ``TCZYXS``."""
    wanted = "".join(a for a in ORDER if a in axes)
    return data.transpose([axes.index(a) for a in wanted]), wanted


def guess_axes(shape: tuple[int, ...]) -> str:
    """Axes of an array that does not name them: a colour image, a stack, or a plain image."""
    colour = len(shape) >= 3 and shape[-1] in (3, 4) and min(shape[-3:-1]) > 4
    others = len(shape) - colour
    if not 2 <= others <= 5:
        raise DeconvError(
            f"The array has shape {shape}; it is not an image.", "Give two to five dimensions."
        )
    return "TCZYX"[-others:] + "S" * colour


def length(value: float, unit: str | None) -> tuple[float, str]:
    """A length in micrometres where its unit is known, otherwise as it is."""
    word = (unit or "").strip()
    word = _SYNONYMS.get(word, word)
    if word in _MICROMETRES:
        return value * _MICROMETRES[word], "µm"
    return value, word


def duration(value: float, unit: str | None) -> tuple[float, str]:
    """A duration in seconds where its unit is known, otherwise as it is."""
    word = (unit or "").strip()
    return (value * _SECONDS[word], "s") if word in _SECONDS else (value, word)


def with_recipe(text: str, recipe: Mapping[str, Any] | None) -> str:
    """``text`` with the recipe as its last line, in place of an older one."""
    lines = [line for line in text.rstrip("\n\0").splitlines() if not line.startswith(_MARK)]
    if recipe is not None:
        lines.append(_MARK + json.dumps(recipe, sort_keys=True))
    return "\n".join(lines)


def recipe_in(text: str) -> dict[str, Any] | None:
    """The recipe that `with_recipe` put into ``text``."""
    for line in reversed(text.splitlines()):
        if line.startswith(_MARK):
            return recipe_of(line[len(_MARK) :])
    return None


def recipe_of(text: str) -> dict[str, Any] | None:
    """The recipe in a note of a file; none where the note is damaged: the image is still good."""
    try:
        recipe = parse_json(text, "The recipe")
    except DeconvError as error:
        _log.debug("%s", error)
        return None
    return recipe if isinstance(recipe, dict) else None


def finite_sizes(sizes: Mapping[str, tuple[float, str]]) -> tuple[dict[str, float], dict[str, str]]:
    """Split ``{axis: (size, unit)}``, dropping sizes that mean nothing."""
    good = {a: v for a, v in sizes.items() if np.isfinite(v[0]) and v[0] > 0}
    return {a: v[0] for a, v in good.items()}, {a: v[1] for a, v in good.items()}
