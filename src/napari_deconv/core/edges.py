"""Continuing an image over the ring that nobody saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .fourier import Blur


def pad_and_taper(
    seen: Tensor, grid: tuple[int, ...], offset: tuple[int, ...], blur: Blur, times: int = 3
) -> Tensor:
    """Reflect over the grid, then blend the ring ``times`` times with its own blurred version.

    The observed pixels are left exactly as they are; only the ring is made smooth and periodic.

    Parameters
    ----------
    seen : Tensor
        ``(C, [Z,] Y, X)``.
    grid, offset : tuple of int
        Shape of the result's spatial axes, and where ``seen`` begins in it.
    blur : Blur
        The operator on that grid.
    times : int
        Passes of tapering.

    Returns
    -------
    Tensor
        ``(C, *grid)``.
    """
    padded = seen
    for axis, (n, total, start) in enumerate(zip(seen.shape[1:], grid, offset, strict=True), 1):
        padded = padded.index_select(axis, _mirrored(n, total, start, seen.device))
    window = (slice(None), *(slice(o, o + n) for o, n in zip(offset, seen.shape[1:], strict=True)))
    for _ in range(times):
        padded = blur.forward(padded)
        padded[window] = seen
    return padded.contiguous()


def _mirrored(n: int, total: int, start: int, device: torch.device) -> Tensor:
    """Indices into ``n`` pixels, mirrored (edge not repeated) over ``total`` from ``-start``."""
    index = torch.arange(-start, total - start, device=device)
    if n == 1:
        return torch.zeros_like(index)
    index = index.remainder(2 * (n - 1))
    return torch.minimum(index, 2 * (n - 1) - index)
