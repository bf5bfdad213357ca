"""How much of each pixel's light was seen: ``A^T m`` of a window ``m``, without a transform."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

LEAST = 0.01
"""Share of its light below which a pixel counts as unseen (Bertero and Boccacci's threshold)."""
_ONE = 1e-6
"""A share is whole within this: the rounding of the PSF's sum."""


class Coverage:
    """``A^T m`` on a grid of which only a box ``m`` was observed, some rows at a time.

    Every value is a sum over a box of the PSF, and pixels that lie as far from the border have the
    same: along every axis there are few kinds of them. All that is kept is a table over the kinds
    and the PSF's last axis, no array of the grid's size.

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
        runs = [_runs(*args) for args in zip(psf.shape, grid, offset, shape, strict=True)]
        table = psf.cpu().double()
        for axis in range(psf.ndim):
            first = table.new_zeros([1 if a == axis else m for a, m in enumerate(table.shape)])
            table = torch.cat([first, table.cumsum(axis)], axis)
        for axis, (_, low, high) in enumerate(runs[:-1]):
            table = table.index_select(axis, high) - table.index_select(axis, low)
        self._table = table.float().to(psf.device)
        self._low, self._high = (end.to(psf.device) for end in runs[-1][1:])
        self._kind = torch.repeat_interleave(torch.arange(len(runs[0][0])), runs[0][0])
        self._last: tuple[int, Tensor] = -1, self._table
        self._pieces = [list(_pieces(lengths.tolist())) for lengths, _, _ in runs[1:]]

    def divide_(self, x: Tensor, rows: slice) -> Tensor:
        """``x / A^T m`` in place, 0 where next to nothing was seen.

        Parameters
        ----------
        x : Tensor
            ``(C, n, ...)``.
        rows : slice
            Of the first spatial axis, ``n`` of them.
        """
        first, last = int(self._kind[rows.start]), int(self._kind[rows.stop - 1])
        if first == last:
            factor = self._factor(first)
        else:
            factor = self._inverse(self._kind[rows].to(self._table.device))
        for piece in itertools.product(*self._pieces):
            own = factor[(slice(None), *(kind for kind, _ in piece))]
            if own.numel() > 1 or abs(float(own) - 1) > _ONE:
                x[(slice(None), slice(None), *(pixels for _, pixels in piece))].mul_(own)
        return x

    def _factor(self, kind: int) -> Tensor:
        """``1 / A^T m`` of all rows of one kind, ``(1, ...)``; the last is kept."""
        rows, factor = self._last  # at once: other threads set it for rows of another kind
        if rows != kind:
            factor = self._inverse(torch.tensor([kind], device=self._table.device))
            self._last = kind, factor
        return factor

    def _inverse(self, kinds: Tensor) -> Tensor:
        table = self._table[kinds]
        return inverse(table.index_select(-1, self._high) - table.index_select(-1, self._low))


def inverse(share: Tensor) -> Tensor:
    """``1 / share``, 0 where the share is next to nothing."""
    return torch.where(share > LEAST, share.clamp(min=LEAST).reciprocal(), 0.0)


def _runs(size: int, total: int, start: int, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Lengths of the runs of pixels of one kind along an axis, and the PSF's pixels they see.

    The PSF's first and past-the-last pixel through which a grid pixel reaches the box are its kind.
    """
    centre = size // 2
    first = start - (size - 1 - centre)
    pixel = first + (torch.arange(total) - first) % total
    low = (start - pixel + centre).clamp(0, size)
    high = (start + n - pixel + centre).clamp(0, size)
    ends, length = torch.stack([low, high], 1).unique_consecutive(dim=0, return_counts=True)
    return length, ends[:, 0], ends[:, 1]


def _pieces(lengths: Sequence[int]) -> Iterator[tuple[slice, slice]]:
    """Runs and the pixels they are: long runs alone, pixels of their own kind together."""
    kind = pixel = 0
    for alone, group in itertools.groupby(lengths, lambda length: length > 1):
        for several in [[length] for length in group] if alone else [list(group)]:
            yield slice(kind, kind + len(several)), slice(pixel, pixel + sum(several))
            kind, pixel = kind + len(several), pixel + sum(several)
