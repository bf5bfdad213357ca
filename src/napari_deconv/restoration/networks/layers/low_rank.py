"""Pseudo-inverse kernels and the two bases that nearly all of them share (GLRA)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


def centred(otf: Tensor, columns: int, size: int) -> Tensor:
    """PSFs from their half spectra, with the centre at ``size // 2``.

    Parameters
    ----------
    otf : Tensor
        ``(B, Y, X // 2 + 1)``, of a PSF whose centre is pixel 0.
    columns : int
        ``X``.
    size : int
        Side of the result ``(B, size, size)``; what lies farther out is cut off.
    """
    psf = torch.fft.irfft2(otf, s=(otf.shape[-2], columns))
    for axis in (-2, -1):
        n = psf.shape[axis]
        reach = torch.arange(size, device=psf.device) - size // 2
        inside = (reach >= -(n // 2)) & (reach < n - n // 2)
        shape = (-1, 1) if axis == -2 else (-1,)
        psf = psf.index_select(axis, reach % n) * inside.view(shape)
    return psf


def pseudo_inverse(psf: Tensor, nsr: float | Tensor) -> Tensor:
    """``conj(K) / (|K|^2 + nsr)`` in space, of unit sum: Wiener's kernels.

    Parameters
    ----------
    psf : Tensor
        ``(..., d, d)`` with the centre at ``d // 2``; so has the result.
    nsr : float or Tensor
        Noise-to-signal power ratio, the same at all frequencies; ``(..., 1, 1)``.
    """
    size = psf.shape[-2:]
    otf = torch.fft.rfft2(torch.fft.ifftshift(psf, (-2, -1)))
    inverse = torch.fft.irfft2(otf.conj() / (otf.abs().square() + nsr), s=size)
    return torch.fft.fftshift(inverse / inverse.sum((-2, -1), keepdim=True), (-2, -1))


def learn_bases(kernels: Tensor, rank: int, alternations: int = 4) -> tuple[Tensor, Tensor]:
    """L and R that minimise ``sum_p |k_p - L M_p R^T|^2`` with ``M_p = L^T k_p R`` (Eqs. 5, 7).

    Generalised low rank approximation of matrices (J. Ye, Machine Learning 2005): with one of the
    two fixed, the other holds the leading eigenvectors of a sum over all kernels.

    Parameters
    ----------
    kernels : Tensor
        ``(P, d, d)``.
    rank : int
        Columns m of each basis.
    alternations : int
        How often each is found anew.

    Returns
    -------
    tuple of Tensor
        L and R, ``(d, m)``, with orthonormal columns, the most important one first.
    """
    left = right = torch.eye(kernels.shape[-1], rank, dtype=kernels.dtype)
    for _ in range(alternations):
        left = _leading(kernels @ right, rank)
        right = _leading(kernels.mT @ left, rank)
    return left, right


def _leading(halves: Tensor, rank: int) -> Tensor:
    """Leading eigenvectors of ``sum_p H_p H_p^T``."""
    scatter = torch.einsum("pim,pjm->ij", halves, halves)
    return torch.linalg.eigh(scatter).eigenvectors[:, -rank:].flip(-1)


def learn_from(psfs: Iterable[Tensor], size: int, ratios: Sequence[float], rank: int) -> Tensor:
    """Learn both bases, ``(2, size, rank)``, from PSFs of any size up to ``size``.

    Raises
    ------
    ValueError
        If a PSF is larger.
    """
    placed = []
    for psf in psfs:
        if max(psf.shape) > size:
            raise ValueError(f"a PSF of {tuple(psf.shape)} does not fit into {size}x{size}")
        first = [size // 2 - n // 2 for n in psf.shape]
        canvas = torch.zeros(size, size, dtype=torch.float64)
        canvas[first[0] : first[0] + psf.shape[0], first[1] : first[1] + psf.shape[1]] = psf
        placed.append(canvas)
    stack = torch.stack(placed)
    return torch.stack(learn_bases(torch.cat([pseudo_inverse(stack, nsr) for nsr in ratios]), rank))


def tap_spectrum(taps: Tensor, n: int, *, half: bool = False) -> Tensor:
    """DFT of filters along their last axis, centre at ``size // 2``, on a circle of n pixels.

    Parameters
    ----------
    taps : Tensor
        Real ``(..., d)``; more taps than pixels wrap around.
    n : int
        Length of the circle.
    half : bool
        Only the non-negative frequencies.
    """
    size = taps.shape[-1]
    turns = math.ceil(size / n)
    wrapped = torch.nn.functional.pad(taps, (0, turns * n - size))
    wrapped = wrapped.unflatten(-1, (turns, n)).sum(-2).roll(-(size // 2), -1)
    return torch.fft.rfft(wrapped) if half else torch.fft.fft(wrapped)
