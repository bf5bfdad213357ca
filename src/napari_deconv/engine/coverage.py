"""How much of each pixel's light was seen: ``A^T m`` of a window ``m``, without a transform."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

LEAST = 0.01
"""Share of its light below which a pixel counts as unseen (Bertero and Boccacci's threshold)."""


class Coverage:
    """``A^T m`` on a grid of which only a box ``m`` was observed, some rows at a time.

    Every value is a sum over a box of the PSF, so a summed-area table of the PSF is all that has
    to be kept: no array of the grid's size.

    Parameters
    ----------
    psf : Tensor
        Unit sum, centre at ``size // 2``.
    grid : sequence of int
        Spatial shape of the grid; at least ``shape + psf - 1``.
    offset, shape : sequence of int
        Where the observed box begins, and its shape.
    """

    def __init__(
        self, psf: Tensor, grid: Sequence[int], offset: Sequence[int], shape: Sequence[int]
    ) -> None:
        ends = [_reach(*args) for args in zip(psf.shape, grid, offset, shape, strict=True)]
        table = psf.double().cpu()
        for axis in range(psf.ndim):
            first = table.new_zeros([1 if a == axis else m for a, m in enumerate(table.shape)])
            table = torch.cat([first, table.cumsum(axis)], axis)
        pairs, self._kind = torch.stack(ends[0], 1).unique(dim=0, return_inverse=True)
        table = table[pairs[:, 1]] - table[pairs[:, 0]]
        for axis, (low, high) in enumerate(ends[1:-1], 1):
            table = table.index_select(axis, high) - table.index_select(axis, low)
        self._whole = int((pairs[:, 1] - pairs[:, 0]).argmax())
        self._table = table.float().to(psf.device)
        self._low, self._high = (end.to(psf.device) for end in ends[-1])

    def share(self, rows: slice) -> Tensor:
        """``A^T m`` on some rows: ``(n, ...)``, or ``(1, ...)`` where all rows are alike."""
        kind = self._kind[rows]
        if bool((kind == self._whole).all()):
            kind = kind[:1]
        table = self._table[kind.to(self._table.device)]
        return table.index_select(-1, self._high) - table.index_select(-1, self._low)

    def reciprocal(self, rows: slice) -> Tensor:
        """``1 / A^T m`` on some rows, 0 where next to nothing was seen."""
        if bool((self._kind[rows] == self._whole).all()):
            return self._inner
        return inverse(self.share(rows))

    @cached_property
    def _inner(self) -> Tensor:
        row = int((self._kind == self._whole).nonzero()[0])
        return inverse(self.share(slice(row, row + 1)))


def inverse(share: Tensor) -> Tensor:
    """``1 / share``, 0 where the share is next to nothing."""
    return torch.where(share > LEAST, share.clamp(min=LEAST).reciprocal(), 0.0)


def _reach(size: int, total: int, start: int, n: int) -> tuple[Tensor, Tensor]:
    """First and past-the-last PSF pixel through which each grid pixel reaches the box."""
    centre = size // 2
    first = start - (size - 1 - centre)
    pixel = first + (torch.arange(total) - first) % total
    low = (start - pixel + centre).clamp(0, size)
    high = (start + n - pixel + centre).clamp(0, size)
    return low, high
