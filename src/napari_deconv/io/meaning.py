"""What the numbers of a TIFF mean: tags that turn them into intensities, applied when reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from .exif import upright

_ZERO_IS_WHITE, _GREY, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_REFUSED = {
    4: "a mask of transparency",
    5: "CMYK",
    8: "CIELAB",
    9: "CIELAB",
    10: "CIELAB",
    32803: "a raw sensor mosaic",
    32844: "logarithms of light",
    32845: "logarithms of light",
    34892: "a raw photo",
}
_ORIENTATION, _COEFFICIENTS, _REFERENCE = 274, 529, 532
_ASSOCIATED, _UNASSOCIATED = 1, 2
_SIGNED_16 = -32768.0
_JPEG = (6, 7, 34892)
"""Compressions whose decoder makes red, green and blue of them."""

Values = NDArray[Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class Meaning:
    """How stored numbers become intensities, and stored rows and columns an upright picture.

    Parameters
    ----------
    white : int or None
        The number that is black where 0 is white; None where 0 is black.
    signed : bool
        Whether 32768 was added to signed 16-bit values, as ImageJ does.
    table : ndarray or None
        Intensities of a palette's numbers: ``(N,)`` where all are grey, else ``(N, 3)``.
    luma : tuple of float or None
        Shares of red, green and blue in Y, where samples are Y, Cb and Cr.
    levels : tuple of float
        What is black and white of Y, Cb and Cr, in turn.
    alpha : str
        ``"straight"`` or ``"premultiplied"`` where the last sample is alpha, else empty.
    orientation : int
        1 to 8, as in EXIF.
    """

    white: int | None = None
    signed: bool = False
    table: Values | None = None
    luma: tuple[float, ...] | None = None
    levels: tuple[float, ...] = ()
    alpha: str = ""
    orientation: int = 1

    @property
    def turned(self) -> bool:
        """Whether rows and columns change places."""
        return self.orientation >= 5

    def values(self, stored: Values) -> Values:
        """Intensities of stored numbers, colour samples last.

        A palette of colours adds an axis for them.
        """
        if stored.dtype == bool:
            stored = stored.astype(np.uint8) * np.uint8(255)
        if self.white is not None:
            # Of signed integers, -1 - v runs the other way through the same range.
            stored = ~stored if stored.dtype.kind == "i" else stored.dtype.type(self.white) - stored
        if self.signed:
            stored = (stored ^ np.uint16(0x8000)).view(np.int16)
        if self.table is not None:
            stored = self.table[np.minimum(stored, len(self.table) - 1)]
        if self.luma is not None:
            stored = self._rgb(stored)
        return _straight(stored) if self.alpha == "premultiplied" else stored

    def upright(self, data: Values, axes: str) -> Values:
        """The picture turned upright; ``axes`` names those of ``data``, Y right before X."""
        if self.orientation == 1:
            return data
        at = axes.index("Y")
        return np.moveaxis(upright(np.moveaxis(data, (at, at + 1), (0, 1)), self.orientation),
                           (0, 1), (at, at + 1))  # fmt: skip

    def _rgb(self, stored: Values) -> Values:
        """Red, green and blue of Y, Cb and Cr (TIFF 6.0, section 21)."""
        assert self.luma is not None
        top = float(np.iinfo(stored.dtype).max)
        low, high = np.reshape(self.levels, (3, 2)).T
        span = np.array([top, top // 2, top // 2])
        luma, blue, red = np.moveaxis((stored[..., :3] - low) * span / (high - low), -1, 0)
        share_red, share_green, share_blue = self.luma
        r = red * (2 - 2 * share_red) + luma
        b = blue * (2 - 2 * share_blue) + luma
        g = (luma - share_blue * b - share_red * r) / share_green
        rgb = np.clip(np.rint(np.stack([r, g, b], -1)), 0, top).astype(stored.dtype)
        return np.concatenate([rgb, stored[..., 3:]], -1) if stored.shape[-1] > 3 else rgb


def _straight(stored: Values) -> Values:
    """Colours that were multiplied by their alpha, without it; 0 where nothing shows."""
    whole = float(np.iinfo(stored.dtype).max) if stored.dtype.kind in "iu" else 1.0
    alpha = stored[..., -1:].astype(np.float64)
    colours = np.divide(
        stored[..., :-1] * whole, alpha, out=np.zeros(stored[..., :-1].shape), where=alpha > 0
    )
    if stored.dtype.kind in "iu":
        colours = np.minimum(np.rint(colours), whole)
    return np.concatenate([colours.astype(stored.dtype), stored[..., -1:]], -1)


def meaning_of(
    page: Any, kind: str, samples: int, imagej: Mapping[str, Any]
) -> tuple[Meaning, tuple[str, ...]]:
    """What the tags of a page say, and notes in words.

    Parameters
    ----------
    page : tifffile.TiffPage
        The first of the image.
    kind : str
        ``"imagej"``, ``"ome"`` or ``"tiff"``.
    samples : int
        How many colour samples a pixel has, alpha included.
    imagej : mapping
        ImageJ's own block; empty in other files.

    Raises
    ------
    DeconvError
        If its numbers are no light, or how much light they are is not said.
    """
    colours = int(page.photometric) if page.photometric is not None else _GREY
    if colours not in (_ZERO_IS_WHITE, _GREY, _RGB, _PALETTE, _YCBCR):
        shown = _REFUSED.get(colours, f"photometric {colours}")
        raise DeconvError(f"its colours are {shown}, not light.", "Convert it to grey or RGB.")
    white = table = luma = None
    levels: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    if colours == _ZERO_IS_WHITE and kind == "imagej":
        notes += ("ImageJ shows it inverted; its values are taken as they stand.",)
    elif colours == _ZERO_IS_WHITE:
        white = _black(page)
    elif colours == _PALETTE and kind == "tiff":
        table = _table(page)
    elif colours == _PALETTE and kind == "ome":
        # Microscopes' tables are ways to look at an image, as ImageJ's are.
        notes += ("It is shown through a table of colours; its values are taken as they stand.",)
    elif colours == _YCBCR and int(page.compression) not in _JPEG:
        luma, levels = _colour_difference(page)
    signed = _is_signed(page, imagej)
    if not signed and "cf" in imagej:
        notes += ("ImageJ shows its values calibrated; those stored are restored.",)
    alpha, alpha_notes = _alpha(page, samples)
    tag = page.tags.get(_ORIENTATION)
    turn = int(tag.value) if tag is not None and tag.value in range(1, 9) else 1
    meaning = Meaning(
        white=white, signed=signed, table=table, luma=luma, levels=levels, alpha=alpha,
        orientation=turn,
    )  # fmt: skip
    return meaning, notes + alpha_notes


def _black(page: Any) -> int | None:
    """The number that is black where 0 is white."""
    if page.dtype.kind == "f":
        raise DeconvError(
            "its 0 is white, and what is black of its real numbers is not said.",
            "Invert it and save it with 0 as black.",
        )
    return 1 if page.dtype == bool else int(2**page.bitspersample - 1)


def _table(page: Any) -> Values:
    """A palette as 8-bit intensities where these say all, else 16-bit; ``(N,)`` if it is grey."""
    if page.colormap is None:
        raise DeconvError("its palette is missing.", "Convert it to grey or RGB first.")
    table = np.asarray(page.colormap, np.uint16).T
    # Of 8-bit palettes, some programs write v * 257, some v * 256, and old ones v.
    step = next((n for n in (257, 256) if not (table % n).any()), 1)
    if step > 1 or table.max() < 256:
        table = (table // step).astype(np.uint8)
    grey = (table == table[:, :1]).all()
    return np.ascontiguousarray(table[:, 0] if grey else table)


def _colour_difference(page: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if page.dtype.kind != "u" or page.samplesperpixel not in (3, 4):
        raise DeconvError(
            f"its colours are YCbCr in {page.samplesperpixel} samples of {page.dtype}.",
            "Convert it to RGB first.",
        )
    if tuple(getattr(page, "subsampling", None) or (1, 1)) != (1, 1):
        raise DeconvError(
            "its colours are YCbCr at a lower resolution, not as a JPEG.",
            "Convert it to RGB first.",
        )
    top = float(np.iinfo(page.dtype).max)
    half = (top + 1) / 2
    luma = _rationals(page.tags.get(_COEFFICIENTS)) or (0.299, 0.587, 0.114)
    levels = _rationals(page.tags.get(_REFERENCE)) or (0.0, top, half, top, half, top)
    if len(luma) != 3 or len(levels) != 6 or not luma[1] or min(np.diff(levels)[::2]) <= 0:
        raise DeconvError("its YCbCr coefficients make no sense.", "Convert it to RGB first.")
    return luma, levels


def _rationals(tag: Any) -> tuple[float, ...]:
    """A tag's fractions; empty where it is missing or holds none."""
    flat = tuple(tag.value) if tag is not None else ()
    if flat and isinstance(flat[0], tuple):
        flat = tuple(n for pair in flat for n in pair)
    pairs = list(zip(flat[::2], flat[1::2], strict=False))
    return tuple(a / b for a, b in pairs) if all(b for _, b in pairs) else ()


def _is_signed(page: Any, imagej: Mapping[str, Any]) -> bool:
    """Whether ImageJ stored signed values with 32768 added to them."""
    line = imagej.get("cf") in (None, 0) and (imagej.get("c0"), imagej.get("c1")) == (_SIGNED_16, 1)
    return bool(page.dtype == np.uint16 and line)


def _alpha(page: Any, samples: int) -> tuple[str, tuple[str, ...]]:
    """What the last sample is: ``"straight"`` or ``"premultiplied"`` alpha, or light like others.

    Only a sample that is said to be alpha is: a fourth band may be near infrared.
    """
    extra = tuple(int(e) for e in page.extrasamples)
    if samples not in (2, 4):
        note = "Its alpha is restored as a band like the others."
        return "", (note,) if samples > 4 and set(extra) & {_ASSOCIATED, _UNASSOCIATED} else ()
    if not extra and samples == 4:
        return "straight", ("It does not say what its fourth sample is: it is taken for alpha.",)
    if extra[-1:] == (_UNASSOCIATED,):
        return "straight", ()
    if extra[-1:] == (_ASSOCIATED,):
        return "premultiplied", ("Its colours, stored multiplied by alpha, are divided by it.",)
    return "", (
        f"Its {samples} samples are restored as {samples} bands: none is said to be alpha.",
    )
