"""PSFs that change over z."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import DeconvError


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
        """Of each PSF."""
        return 3

    @property
    def middle(self) -> NDArray[Any]:
        """The PSF in the middle of them."""
        return self.psfs[len(self.psfs) // 2]

    def weights(self, depth: int) -> NDArray[np.float64]:
        """Share of each PSF's result in every plane of a stack, ``(psfs, depth)``."""
        z, count = np.arange(depth, dtype=float), len(self.planes)
        return np.stack([np.interp(z, self.planes, row) for row in np.eye(count)])
