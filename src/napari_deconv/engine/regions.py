"""PSFs that change across a photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.json_text import Json
from .depths import Shares


@dataclass(frozen=True, eq=False)
class RegionPSF:
    """PSFs on a grid across an image; between the middles of its cells, results are blended.

    Parameters
    ----------
    grid : tuple of int
        Rows and columns of cells, which cover the image evenly.
    psfs : tuple of ndarray
        2-D, one per cell, row by row.

    Raises
    ------
    DeconvError
        If they do not go together.
    """

    grid: tuple[int, int]
    psfs: tuple[NDArray[Any], ...]

    def __post_init__(self) -> None:
        rows, columns = self.grid
        if min(self.grid) < 1 or rows * columns != len(self.psfs):
            raise DeconvError(
                f"There are {len(self.psfs)} PSFs for {rows} x {columns} regions.",
                "Give one PSF for each region.",
            )
        if any(np.ndim(psf) != 2 for psf in self.psfs):
            raise DeconvError("A PSF of a region is not 2-D.", "Give (Y, X) arrays.")

    @property
    def ndim(self) -> int:
        """Number of dimensions of each PSF."""
        return 2

    @property
    def place(self) -> str:
        """Word for the part of an image that a PSF is for."""
        return "region"

    def places(self) -> dict[str, Json]:
        """The regions that the PSFs are for, as a recipe holds them."""
        return {"regions": list(self.grid)}

    def shares(self, shape: tuple[int, ...]) -> list[tuple[NDArray[Any], Shares]]:
        """Each PSF with its share of every row and of every column."""
        down, across = (_shares(n, count) for n, count in zip(shape, self.grid, strict=True))
        cells = [(row, column) for row in down for column in across]
        return list(zip(self.psfs, cells, strict=True))


def _shares(n: int, count: int) -> NDArray[np.float32]:
    """``(count, n)``: 1 in the middle of a cell, falling to 0 in the middle of the next."""
    middles = (np.arange(count) + 0.5) * n / count - 0.5
    return np.stack([np.interp(np.arange(n), middles, row) for row in np.eye(count)]).astype("f4")
