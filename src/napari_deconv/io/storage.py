"""How the pixels of a TIFF lie in their file: colours, pyramid, tiles, compression."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError

Compression = Literal["none", "zlib", "lzw", "zstd"]
LARGE = 2**32 - 2**25
"""Bytes from which on a file needs the offsets of BigTIFF, which ImageJ does not read."""
_TILE = 512
_SMALLEST = 256
"""Pixels of the longer side that the coarsest level has at most."""


@dataclass(frozen=True)
class Storage:
    """How an OME-TIFF stores its pixels; as it stands, in strips, and compressed as its input was.

    Parameters
    ----------
    pyramid : bool
        Whether to add coarser levels (SubIFDs), each half as large, until one fits a screen.
    tile : int
        Side of the tiles in pixels; 0 writes strips, or tiles of 512 where there is a pyramid.
    compression : str
        ``"none"``, ``"zlib"``, ``"lzw"`` or ``"zstd"``; empty for what the input had.

    Raises
    ------
    DeconvError
        If the tile is not a multiple of 16, or there is no such compression.
    """

    pyramid: bool = False
    tile: int = 0
    compression: str = ""

    def __post_init__(self) -> None:
        if self.tile < 0 or self.tile % 16:
            raise DeconvError(
                f"tile = {self.tile} does not fit.", "TIFF wants a multiple of 16, such as 512."
            )
        if self.compression and self.compression not in get_args(Compression):
            raise DeconvError(
                f"compression = {self.compression!r} is not a choice.",
                f"Use one of {list(get_args(Compression))}.",
            )

    def __bool__(self) -> bool:
        return self != Storage()

    def options(self, dtype: np.dtype[Any], compressed: bool) -> dict[str, Any]:
        """Arguments of `tifffile.TiffWriter.write`; ``compressed`` says whether the input was."""
        options: dict[str, Any] = {}
        if tile := self.tile or (_TILE if self.pyramid else 0):
            options["tile"] = (tile, tile)
        how = self.compression or ("zlib" if compressed else "none")
        if how != "none":
            options["compression"] = how
            # Differences of neighbours compress better; of floats not every reader has them.
            options["predictor"] = bool(self.compression) and dtype.kind in "iu"
        return options


def levels(data: NDArray[Any], axes: str) -> Iterator[NDArray[Any]]:
    """Coarser and coarser levels of an image, means of 2 x 2 pixels of the one before."""
    sides = [n for a, n in zip(axes, data.shape, strict=True) if a in "YX"]
    while max(sides) > _SMALLEST:
        data = mean_of(data, [2 if a in "YX" and n > 1 else 1
                              for a, n in zip(axes, data.shape, strict=True)])  # fmt: skip
        sides = [n for a, n in zip(axes, data.shape, strict=True) if a in "YX"]
        yield data


def level_count(shape: tuple[int, ...], axes: str) -> int:
    """How many levels `levels` gives."""
    longest = max(n for a, n in zip(axes, shape, strict=True) if a in "YX")
    return max(0, math.ceil(math.log2(longest / _SMALLEST)))


def mean_of(block: NDArray[Any], steps: list[int]) -> NDArray[Any]:
    """Means over boxes of ``steps`` voxels, in the block's dtype; an odd end counts twice."""
    shape = tuple(-(-n // s) for n, s in zip(block.shape, steps, strict=True))
    if block.min() == block.max():  # sparse images are mostly nothing
        return np.full(shape, block.flat[0])
    odd = [(0, -n % s) for n, s in zip(block.shape, steps, strict=True)]
    padded = np.pad(block, odd, mode="edge") if any(after for _, after in odd) else block
    total = np.zeros(shape, np.float32)
    for corner in itertools.product(*map(range, steps)):
        total += padded[tuple(slice(c, None, s) for c, s in zip(corner, steps, strict=True))]
    total /= math.prod(steps)
    return (np.rint(total) if block.dtype.kind in "iu" else total).astype(block.dtype)


def colour_options(data: NDArray[Any], axes: str) -> dict[str, Any]:
    """Photometric tags of plain and OME files."""
    if "S" not in axes:
        # Bands stay bands: planes of their own, none of them alpha.
        return {"photometric": "minisblack"}
    samples = data.shape[-1]
    alpha = {"extrasamples": ["unassalpha"]} if samples in (2, 4) else {}
    colour = "rgb" if samples > 2 else "minisblack"
    return {"photometric": colour, "planarconfig": "contig"} | alpha
