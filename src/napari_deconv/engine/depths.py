"""PSFs that change over z."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.fingerprint import array_hash
from ..core.json_text import Json

Shares = tuple[NDArray[np.float32], ...]
"""Per spatial axis, the share of every pixel that is a PSF's; their product counts."""


@dataclass(frozen=True, eq=False)
class DepthPSF:
    """A few PSFs over z; between two planes, what their PSFs give is blended linearly.

    Parameters
    ----------
    planes : tuple of float
        Planes of the stack, from 0, at which the PSFs hold; rising.
    psfs : tuple of ndarray
        3-D, one for each plane.

    Raises
    ------
    DeconvError
        If they do not go together.
    """

    planes: tuple[float, ...]
    psfs: tuple[NDArray[Any], ...]

    def __post_init__(self) -> None:
        if len(self.planes) != len(self.psfs) or not self.planes:
            raise DeconvError(
                f"There are {len(self.psfs)} PSFs for {len(self.planes)} planes.",
                "Give one PSF for each plane, and at least one.",
            )
        if not (np.isfinite(self.planes).all() and (np.diff(self.planes) > 0).all()):
            raise DeconvError(
                f"planes = {self.planes} do not rise.", "Give them in order, each once."
            )
        if any(np.ndim(psf) != 3 for psf in self.psfs):
            raise DeconvError("A PSF over z is not 3-D.", "Give (Z, Y, X) arrays.")

    @property
    def ndim(self) -> int:
        """Number of dimensions of each PSF."""
        return 3

    @property
    def place(self) -> str:
        """Word for the part of an image that a PSF is for."""
        return "depth"

    def places(self) -> dict[str, Json]:
        """The planes that the PSFs are for, as a recipe holds them."""
        return {"planes": list(self.planes)}

    def shares(self, shape: tuple[int, ...]) -> list[tuple[NDArray[Any], Shares]]:
        """Each PSF with its share of every plane, row and column of a stack.

        Equal PSFs are one: the same everywhere gives the plain result to the bit.
        """
        z, count = np.arange(shape[0], dtype=float), len(self.planes)
        rows = [np.interp(z, self.planes, row) for row in np.eye(count)]
        by_hash: dict[str, tuple[NDArray[Any], NDArray[np.float64]]] = {}
        for psf, row in zip(self.psfs, rows, strict=True):
            key = array_hash(psf)
            by_hash[key] = (psf, by_hash[key][1] + row if key in by_hash else row)
        everywhere = tuple(np.ones(n, np.float32) for n in shape[1:])
        return [(psf, (row.astype(np.float32), *everywhere)) for psf, row in by_hash.values()]
