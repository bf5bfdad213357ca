"""A PSF with its pixels spelt out, so that a training recipe needs no file beside it."""

from __future__ import annotations

import typing
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.spec import Spec
from .base import PSF


class GivenPSF(PSF, title="Given PSF", name="given", ndim=(2,)):
    """The PSF of one lens or microscope, for networks that are made for it.

    Parameters
    ----------
    rows : tuple of tuple of float
        Its pixels, row by row; brought to unit sum when rendered.
    """

    rows: tuple[tuple[float, ...], ...] = ((1.0,),)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.rows or not self.rows[0] or len({len(row) for row in self.rows}) > 1:
            raise DeconvError("Given PSF: its rows differ in length.", "Give a rectangle.")

    @classmethod
    def of(cls, array: NDArray[typing.Any]) -> typing.Self:
        """Make one from an array ``(Y, X)``.

        Raises
        ------
        DeconvError
            If it is not a plane.
        """
        if array.ndim != 2:
            raise DeconvError(
                f"The PSF is {array.ndim}-D, and networks work plane by plane.", "Give a 2-D PSF."
            )
        return cls(rows=tuple(map(tuple, np.asarray(array, np.float32).tolist())))

    @property
    def array(self) -> NDArray[np.float32]:
        """Its pixels as they were given."""
        return np.array(self.rows, np.float32)

    def draw(self, rng: np.random.Generator) -> typing.Self:
        """Itself: a family of one, for a `Sampler`."""
        return self

    def support(self, steps: tuple[float, ...] | None) -> tuple[int, ...]:
        return self.array.shape

    def render(self, shape: Sequence[int], steps: Sequence[float]) -> NDArray[np.float64]:
        if tuple(shape) != self.array.shape:
            raise DeconvError(f"{self} has no other size.", "Leave the size out.")
        return self.array.astype(np.float64)

    def __str__(self) -> str:
        return f"Given PSF ({len(self.rows)}x{len(self.rows[0])})"


# It has no fields that a person could set, so it stands in no list of generators.
for _owner in (PSF, Spec):
    _owner.registry.pop(GivenPSF.name, None)
