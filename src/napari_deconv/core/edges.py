"""Continuing an image over the ring that nobody saw."""

from __future__ import annotations

import torch
from torch import Tensor


def pad_and_taper(
    seen: Tensor, grid: tuple[int, ...], offset: tuple[int, ...], mean: float
) -> Tensor:
    """Mirror the image over the unseen ring, fading to ``mean`` within ``offset`` pixels.

    The observed pixels are left exactly as they are. The ring depends only on what lies next to
    it, never on the opposite side of the image (as tapering with a circular blur would), so a
    tile at the border gets the ring that the whole image would have had.

    Parameters
    ----------
    seen : Tensor
        ``(C, [Z,] Y, X)``.
    grid, offset : tuple of int
        Shape of the result's spatial axes, and where ``seen`` begins in it.
    mean : float
        What the far end of the ring fades to: the whole image's mean.

    Returns
    -------
    Tensor
        ``(C, *grid)``.
    """
    padded = seen - mean
    for axis, (n, total, start) in enumerate(zip(seen.shape[1:], grid, offset, strict=True), 1):
        index, fade = _mirrored(n, total, start, seen.device)
        shape = [1] * padded.ndim
        shape[axis] = total
        padded = padded.index_select(axis, index) * fade.reshape(shape)
    padded += mean
    # Mean away and back again would move the observed pixels by a rounding error.
    padded[(slice(None), *(slice(o, o + n) for o, n in zip(offset, seen.shape[1:], strict=True)))] = seen
    return padded


def _mirrored(n: int, total: int, start: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Indices of ``n`` pixels mirrored over ``total`` from ``-start``, and a fade 1 -> 0 outside."""
    place = torch.arange(-start, total - start, device=device)
    outside = torch.maximum(-place, place - (n - 1)).clamp(min=0) / (start + 1)
    fade = 0.5 + 0.5 * torch.cos(torch.pi * outside.clamp(max=1))
    if n == 1:
        return torch.zeros_like(place), fade
    index = place.remainder(2 * (n - 1))
    return torch.minimum(index, 2 * (n - 1) - index), fade
