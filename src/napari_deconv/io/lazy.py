"""A picture on disk that is read where it is indexed, with its numbers turned into intensities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .meaning import Meaning


class LazyPicture:
    """A stored array as the upright, canonical picture it means; nothing is read before indexing.

    Parameters
    ----------
    stored : zarr array or the like
        What the file holds.
    order : tuple of int
        The stored axis that becomes each axis.
    axes : str
        One letter per axis.
    meaning : Meaning
        Without colour samples: it keeps every value in its place.
    """

    def __init__(self, stored: Any, order: tuple[int, ...], axes: str, meaning: Meaning) -> None:
        self._stored, self._meaning = stored, meaning
        value = meaning.orientation
        if value >= 5:
            y, x = axes.index("Y"), axes.index("X")
            swapped = list(order)
            swapped[y], swapped[x] = order[x], order[y]
            order = tuple(swapped)
        self._order = order
        backwards = {"Y": value in (3, 4, 7, 8), "X": value in (2, 3, 6, 7)}
        self._backwards = tuple(backwards.get(a, False) for a in axes)
        self.shape = tuple(int(stored.shape[i]) for i in order)
        self.chunks = tuple(int(stored.chunks[i]) for i in order)
        self.dtype = meaning.values(np.zeros(1, stored.dtype)).dtype
        self.ndim = len(order)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[...], dtype)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        cuts, last = self._cuts(key if isinstance(key, tuple) else (key,))
        where: list[slice] = [slice(0)] * self.ndim
        flips = []
        for axis, (cut, n, back) in enumerate(zip(cuts, self.shape, self._backwards, strict=True)):
            where[self._order[axis]] = slice(n - cut.stop, n - cut.start) if back else cut
            flips.append(slice(None, None, -1) if back else slice(None))
        block = self._meaning.values(np.asarray(self._stored[tuple(where)]))
        return block.transpose(self._order)[tuple(flips)][last]

    def _cuts(self, key: tuple[Any, ...]) -> tuple[list[slice], tuple[Any, ...]]:
        """What to read of every axis, and how to index what was read."""
        if any(k is Ellipsis for k in key):
            at = next(i for i, k in enumerate(key) if k is Ellipsis)
            key = key[:at] + (slice(None),) * (self.ndim - len(key) + 1) + key[at + 1 :]
        key += (slice(None),) * (self.ndim - len(key))
        cuts: list[slice] = []
        last: list[Any] = []
        for cut, n in zip(key, self.shape, strict=True):
            if not isinstance(cut, slice):
                index = int(cut) + n * (int(cut) < 0)
                if not 0 <= index < n:
                    raise IndexError(f"{cut} is outside of {n}")
                cuts.append(slice(index, index + 1))
                last.append(0)
                continue
            places = range(n)[cut]
            low, high = (min(places), max(places) + 1) if len(places) else (0, 0)
            cuts.append(slice(low, high))
            last.append(slice(None, None, places.step) if len(places) else slice(0, 0))
        return cuts, tuple(last)
