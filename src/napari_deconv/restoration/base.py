"""`Method`: successive estimates of what was there before the blur."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor

from ..core.problem import Problem
from ..core.spec import Spec


class Method(Spec):
    """A way to restore a blurred image.

    Class keywords of a concrete method: ``title``, ``name``, ``ndim``, ``citation`` and, where
    they differ from the defaults below, the other class variables.
    """

    ndim: ClassVar[tuple[int, ...]] = (2,)
    """Dimensions of PSF and image it works in."""
    citation: ClassVar[str] = ""
    """Author, year, title of the source."""
    needs_weights: ClassVar[bool] = False
    joint_channels: ClassVar[bool] = False
    """Whether colour channels are restored together; otherwise one by one."""
    buffers: ClassVar[float] = 10.0
    """Peak memory in float32 arrays of the padded grid, for the tile planner."""
    margin_factor: ClassVar[float] = 1.0
    """Unseen ring on each side, in half PSF sizes; spectral filters want room to taper."""
    halo_factor: ClassVar[float] = 2.0
    """Reach of a pixel's influence, in PSF sizes: the overlap of tiles."""

    @property
    def total(self) -> int:
        """How many estimates `steps` will yield at most: the progress bar's length."""
        return 1

    def margin(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Pixels of unseen ring before each axis (and at least as many after it)."""
        return tuple(round(self.margin_factor * (n // 2)) for n in psf_shape)

    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Pixels of true surroundings each tile is given on each side, per axis."""
        return tuple(max(8, round(self.halo_factor * n)) for n in psf_shape)

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        """Yield estimates ``(C, *problem.grid)`` on the unit scale; the last is the answer."""
        raise NotImplementedError
