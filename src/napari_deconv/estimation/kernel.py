"""The kernel, given the edges: regularised least squares, then what a kernel must be."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.fourier import fast_shape

Array = NDArray[np.float64]

_STEPS = 150


def fit_kernel(
    edges: Tensor, seen: Tensor, size: int, ridge: float, price: float, start: Tensor
) -> Tensor:
    """The kernel that blurs the latent image's edges into those that were seen.

    Minimises ``sum (k * edges - seen)^2 / sum edges^2 + ridge |k|^2 + 2 price sum k`` over kernels
    of ``size`` pixels and nowhere negative, by accelerated projected gradients (A. Beck and
    M. Teboulle, SIAM J. Imaging Sciences 2009, with the restart of B. O'Donoghue and E. Candes,
    2015). The products need correlations of the size of the kernel only: edges must therefore be 0
    wherever their blurred trace would leave what was seen.

    Parameters
    ----------
    edges, seen : Tensor
        Gradients on a periodic grid, ``(2, C, Y, X)``.
    size : int
        Odd side of the kernel.
    ridge, price : float
        Weights of the kernel's energy and of its sum.
    start : Tensor
        ``(size, size)``.

    Returns
    -------
    Tensor
        ``(size, size)``, centred at ``size // 2``, non-negative.
    """
    auto, cross = _correlations(edges, seen, size)
    box = fast_shape([2 * size, 2 * size])
    response = torch.fft.rfft2(auto, s=box)

    def slope(k: Tensor) -> Tensor:
        product = torch.fft.irfft2(torch.fft.rfft2(k, s=box) * response, s=box)
        # `auto` holds its lag 0 at (size - 1, size - 1): what wraps round is not looked at.
        inner = product.roll((-(size - 1), -(size - 1)), (0, 1))[:size, :size]
        return inner + ridge * k - cross + price

    step = 1 / (float(response.abs().max()) + ridge)
    k = ahead = start
    momentum = 1.0
    for _ in range(_STEPS):
        new = (ahead - step * slope(ahead)).clamp_(min=0)
        change = new - k
        if float(((ahead - new) * change).sum()) > 0:
            momentum = 1.0
        following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + ((momentum - 1) / following) * change
        k, momentum = new, following
    return k


def _correlations(edges: Tensor, seen: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Of the edges with themselves and with what was seen, divided by the edges' energy.

    They are ``(2 size - 1,) * 2`` and ``(size,) * 2``, lag 0 in the middle.
    """
    grid, half = edges.shape[-2:], size // 2
    spectra = torch.fft.rfft2(edges)
    auto = torch.fft.irfft2(spectra.abs().square().sum((0, 1)), s=grid)
    cross = torch.fft.irfft2((spectra.conj() * torch.fft.rfft2(seen)).sum((0, 1)), s=grid)
    energy = auto[0, 0].clamp(min=1e-12)
    auto = auto.roll((size - 1, size - 1), (0, 1))[: 2 * size - 1, : 2 * size - 1]
    return auto / energy, cross.roll((half, half), (0, 1))[:size, :size] / energy


def cleaned(kernel: Array, floor: float = 0.05, least: float = 0.1) -> Array:
    """Without what is below ``floor`` of the peak or in islands of less than ``least``; unit sum.

    Parameters
    ----------
    kernel : ndarray
        2-D.
    floor : float
        Share of the peak.
    least : float
        Share of the energy that an island of connected pixels must hold.
    """
    from scipy.ndimage import label

    k = np.where(kernel < floor * kernel.max(), 0.0, kernel)
    if not k.sum() > 0:
        return delta(len(kernel))
    k /= k.sum()
    islands, count = label(k > 0, np.ones((3, 3)))
    shares = np.bincount(islands.ravel(), k.ravel(), count + 1)
    largest = shares[1:].max()
    k[(shares < min(least, largest))[islands]] = 0
    return np.asarray(k / k.sum())


def centred(kernel: Array) -> Array:
    """Moved by whole pixels so that its centre of mass lies on the central one."""
    out = np.zeros_like(kernel)
    half = np.array(kernel.shape) // 2
    shift = np.rint(half - centre(kernel)).astype(int)
    source = np.argwhere(kernel > 0)
    target = source + shift
    fits = ((target >= 0) & (target < kernel.shape)).all(1)
    out[tuple(target[fits].T)] = kernel[tuple(source[fits].T)]
    return np.asarray(out / out.sum())


def centre(kernel: Array) -> Array:
    """Centre of mass in pixels, ``(y, x)``."""
    y, x = np.indices(kernel.shape)
    return np.array([(kernel * y).sum(), (kernel * x).sum()]) / kernel.sum()


def resized(kernel: Array, size: int, ratio: float) -> Array:
    """On a grid finer by ``ratio``, ``size`` pixels a side, both centred at ``size // 2``."""
    from scipy.ndimage import affine_transform

    offset = np.array(kernel.shape) // 2 - (size // 2) / ratio
    k = affine_transform(
        kernel, np.array([1 / ratio] * 2), offset, (size, size), order=1, mode="constant"
    ).clip(0)
    return np.asarray(k / k.sum()) if k.sum() > 0 else delta(size)


def delta(size: int) -> Array:
    """No blur."""
    k = np.zeros((size, size))
    k[size // 2, size // 2] = 1
    return k


def reach(kernel: Array) -> int:
    """Pixels from the centre to the farthest that is not 0, along an axis."""
    at = np.argwhere(kernel > 0) - np.array(kernel.shape) // 2
    return int(np.abs(at).max(initial=0))
