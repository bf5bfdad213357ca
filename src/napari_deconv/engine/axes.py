"""The meaning of an array's axes, and reading and writing of its blocks by them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError

Region = tuple[slice, ...]


@dataclass(frozen=True)
class Layout:
    """An array's axes, split into what is restored together and what is looped over.

    Parameters
    ----------
    axes : str
        One letter per axis: ``Y``, ``X`` and, for volumes, ``Z`` are spatial; ``S`` holds colour
        samples; every other letter (``T``, ``C``, positions, and ``Z`` under a 2-D PSF) is looped.
    shape : tuple of int
        Shape of the array.
    spatial : str
        ``"YX"`` or ``"ZYX"``.
    fixed : tuple of (str, int)
        Looped axes of which only one entry is meant, and which.
    """

    axes: str
    shape: tuple[int, ...]
    spatial: str
    fixed: tuple[tuple[str, int], ...] = ()

    @property
    def block_shape(self) -> tuple[int, ...]:
        """Sizes of the spatial axes, in the order of `spatial`."""
        return tuple(self.shape[self.axes.index(a)] for a in self.spatial)

    @property
    def region(self) -> Region:
        """All of the spatial axes."""
        return tuple(slice(0, n) for n in self.block_shape)

    @property
    def samples(self) -> int:
        """Colour samples including alpha; 1 without a colour axis."""
        return self.shape[self.axes.index("S")] if "S" in self.axes else 1

    @property
    def channels(self) -> int:
        """Entries of the axis ``C``; 1 without it."""
        return self.shape[self.axes.index("C")] if "C" in self.looped else 1

    @property
    def colours(self) -> int:
        """Colour samples without alpha, which is never restored."""
        return self.samples - 1 if self.samples in (2, 4) else self.samples

    @property
    def opaque(self) -> tuple[slice, ...]:
        """Index of everything but alpha in the array."""
        cuts = {"S": slice(0, self.colours)} | {a: slice(i, i + 1) for a, i in self.fixed}
        return tuple(cuts.get(a, slice(None)) for a in self.axes)

    @property
    def veil(self) -> tuple[slice, ...]:
        """Index of alpha alone in the array."""
        cuts = {"S": slice(self.colours, None)} | {a: slice(i, i + 1) for a, i in self.fixed}
        return tuple(cuts.get(a, slice(None)) for a in self.axes)

    @property
    def looped(self) -> str:
        """The axes whose entries are restored one after the other."""
        return "".join(a for a in self.axes if a not in self.spatial and a != "S")

    def at(self, item: dict[str, int]) -> Layout:
        """The layout of a single item of the same array."""
        return replace(self, fixed=tuple(item.items()))

    def items(self) -> Iterator[dict[str, int]]:
        """Every position on the looped axes, one at a time: a file may say that it has millions."""
        return map(self.item, range(self.count))

    def item(self, number: int) -> dict[str, int]:
        """The position of this number on the looped axes, without a walk over those before it."""
        position: dict[str, int] = {}
        for axis in reversed(self.looped):
            entries = self._entries(axis)
            number, index = divmod(number, len(entries))
            position[axis] = entries[index]
        return {axis: position[axis] for axis in self.looped}

    @property
    def count(self) -> int:
        """Number of items: planes or volumes that are restored one by one."""
        return math.prod(len(self._entries(a)) for a in self.looped)

    def _entries(self, axis: str) -> Sequence[int]:
        only = dict(self.fixed).get(axis)
        return range(self.shape[self.axes.index(axis)]) if only is None else (only,)

    def index(self, item: dict[str, int], region: Region, colours: slice) -> tuple[Any, ...]:
        """Index of a region of an item in the array; its axes keep the array's order."""
        where: dict[str, Any] = {
            **item,
            "S": colours,
            **dict(zip(self.spatial, region, strict=True)),
        }
        return tuple(where[a] for a in self.axes)

    def read(
        self, array: Any, item: dict[str, int], region: Region, colours: slice
    ) -> NDArray[Any]:
        """A block ``(S, *spatial)`` of a numpy, dask or zarr array; only it is computed."""
        block = np.asarray(array[self.index(item, region, colours)])
        order = self._kept()
        if "S" not in order:
            block, order = block[None], "S" + order
        return block.transpose([order.index(a) for a in "S" + self.spatial])

    def write(
        self, out: Any, item: dict[str, int], region: Region, colours: slice, block: NDArray[Any]
    ) -> None:
        """Store a block ``(S, *spatial)`` where `read` would find it."""
        order = self._kept()
        have = "S" + self.spatial
        if "S" not in order:
            block, have = block[0], self.spatial
        out[self.index(item, region, colours)] = block.transpose([have.index(a) for a in order])

    def _kept(self) -> str:
        return "".join(a for a in self.axes if a in self.spatial or a == "S")


def parse_axes(shape: tuple[int, ...], axes: str | None, psf_ndim: int) -> Layout:
    """Decide what each axis of an image is.

    Parameters
    ----------
    shape : tuple of int
        Shape of the image.
    axes : str or None
        One letter per axis, such as ``"TCZYX"`` or ``"YXS"`` (``S``: RGB or RGBA samples). None
        takes the last axes as spatial, a last axis of 3 or 4 after a plane as colour, and loops
        over the rest.
    psf_ndim : int
        2 restores planes (a ``Z`` axis is looped over), 3 restores volumes.

    Returns
    -------
    Layout

    Raises
    ------
    DeconvError
        If letters are missing, repeated or unfit for the PSF's dimension.
    """
    spatial = "YX" if psf_ndim == 2 else "ZYX"
    if not isinstance(axes, str | None):
        raise DeconvError(f"axes = {axes!r} is not text.", "Write them as in 'TCZYX' or 'YXS'.")
    letters = _guessed(shape, psf_ndim) if axes is None else axes.upper()
    if len(letters) != len(shape):
        raise DeconvError(
            f"axes = {axes!r} names {len(letters)} axes, but the image has {len(shape)}: {shape}.",
            "Give one letter per axis, for example 'TCZYX' or 'YXS'.",
        )
    if len(set(letters)) != len(letters) or not letters.isalpha():
        raise DeconvError(f"axes = {axes!r} must be letters, none twice.", "Use each once.")
    missing = [a for a in spatial if a not in letters]
    if missing:
        remedy = (
            "Give a 2-D PSF, or a stack with a Z axis."
            if missing == ["Z"]
            else "An image needs Y and X axes."
        )
        raise DeconvError(f"The PSF is {psf_ndim}-D, but the image's axes are {letters!r}.", remedy)
    layout = Layout(letters, tuple(int(n) for n in shape), spatial)
    if layout.samples not in (1, 2, 3, 4):
        raise DeconvError(f"The colour axis S has {layout.samples} samples.", "Name it C instead.")
    return layout


def _guessed(shape: tuple[int, ...], psf_ndim: int) -> str:
    ndim = len(shape)
    colour = psf_ndim == 2 and ndim >= 3 and shape[-1] in (3, 4) and min(shape[-3:-1]) > 4
    if ndim < 2 + colour:
        raise DeconvError(f"The image has shape {shape}.", "Give at least two dimensions.")
    tail = "ZYX"[-psf_ndim:] + "S" * colour
    if ndim < len(tail):
        raise DeconvError(f"The PSF is 3-D, but the image has shape {shape}.", "Give a 2-D PSF.")
    extra = ndim - len(tail)
    spare = "ZCTPQRUVW" if psf_ndim == 2 else "CTPQRUVW"
    if extra > len(spare):
        raise DeconvError(f"The image has {ndim} axes.", "Name them with axes=.")
    return spare[:extra][::-1] + tail
