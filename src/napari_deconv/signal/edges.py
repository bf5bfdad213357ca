"""Continue an image over the ring of unobserved pixels around it."""

from __future__ import annotations

import torch
from torch import Tensor

from .fourier import Blur

_PASSES = 16
"""3 lose 0.4 dB to these on photos of 481x321 with PSFs of 9 to 27 pixels and 1 % noise."""
_SLOWEST = 0.002
"""Share of its error that the slowest part of the ring loses in one plain pass."""


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
        padded = padded.index_select(axis, index).mul_(fade.reshape(shape))
    padded += mean
    # Mean away and back again would move the observed pixels by a rounding error.
    window = (slice(o, o + n) for o, n in zip(offset, seen.shape[1:], strict=True))
    padded[(slice(None), *window)] = seen
    return padded


def settle_ring(
    y: Tensor,
    window: tuple[slice, ...],
    blur: Blur,
    response: Tensor,
    passes: int = _PASSES,
    unseen: Tensor | None = None,
) -> Tensor:
    """Replace the ring by the re-blurred Wiener estimate until both nearly agree.

    One plain pass is an expectation-maximisation step for the unseen pixels under a Gaussian
    prior; its fixed point is what the observed pixels alone say about the ring. Chebyshev's
    acceleration gets there in a tenth of the passes, and its coefficients, unlike those of
    conjugate gradients, are the same for every tile (Golub and Varga, Numerische Mathematik 1961).

    Parameters
    ----------
    y : Tensor
        ``(C, *grid)``, a first guess in the ring (`pad_and_taper`); changed in place.
    window : tuple of slice
        Index of the observed pixels.
    blur : Blur
        The operator on that grid.
    response : Tensor
        Half spectrum of "Wiener filter, then blur": ``|K|^2 / (|K|^2 + NSR)``, real, at most 1.
    passes : int
        Two transforms each.
    unseen : Tensor, optional
        True where a pixel of the window was not observed either; broadcast to the window.

    Returns
    -------
    Tensor
        ``(C, *grid)``, equal to ``y`` where that was observed.
    """
    seen, last, omega = y[window].clone(), y.clone(), 1.0
    centre, radius = (1 + _SLOWEST) / 2, (1 - _SLOWEST) / 2

    def step(filtered: Tensor, rows: slice) -> None:
        here, before = y[:, rows], last[:, rows]
        before += filtered.sub_(here).div_(centre).add_(here).sub_(before).mul_(omega)

    for done in range(passes):
        blur.each_filtered(y, response, step)
        y, last = last, y
        y[window] = seen if unseen is None else torch.where(unseen, y[window], seen)
        omega = 1 / (1 - omega * (radius / centre) ** 2 / (4 if done else 2))
    return y


def _mirrored(n: int, total: int, start: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Indices of ``n`` pixels mirrored over ``total`` from ``-start``; a fade 1 -> 0 outside."""
    place = torch.arange(-start, total - start, device=device)
    outside = torch.maximum(-place, place - (n - 1)).clamp(min=0) / (start + 1)
    fade = 0.5 + 0.5 * torch.cos(torch.pi * outside.clamp(max=1))
    if n == 1:
        return torch.zeros_like(place), fade
    index = place.remainder(2 * (n - 1))
    return torch.minimum(index, 2 * (n - 1) - index), fade
