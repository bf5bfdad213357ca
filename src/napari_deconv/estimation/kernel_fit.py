"""The PSF, given the edges before and after the blur: regularised least squares."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..signal.fourier import fast_shape

_STEPS = 150
_STILL = 1e-4
"""Change of a step, as a share of the kernel, at which it is within 0.2 % of where it would end."""


def fit_kernel(
    edges: Tensor,
    seen: Tensor,
    start: Tensor,
    *,
    ridge: float,
    price: float = 0.0,
    near: Tensor | None = None,
) -> Tensor:
    """The kernel that blurs the latent image's edges into those that were seen.

    Minimises ``sum (k * edges - seen)^2 / sum edges^2 + ridge |k - near|^2 + 2 price sum k`` over
    kernels that are nowhere negative, by accelerated projected gradients (A. Beck and M. Teboulle,
    SIAM J. Imaging Sciences 2009, with the restart of B. O'Donoghue and E. Candes, 2015). The
    products need correlations of the size of the kernel only: edges must therefore be 0 wherever
    their blurred trace would leave what was seen.

    Parameters
    ----------
    edges, seen : Tensor
        Gradients on a periodic grid, ``(axes, C, [Z,] Y, X)``.
    start : Tensor
        ``([Z,] Y, X)``: what to begin with, of the shape that the kernel shall have.
    ridge, price : float
        Weights of the kernel's energy and of its sum.
    near : Tensor, optional
        What the kernel is drawn to by ``ridge``; by default nothing.

    Returns
    -------
    Tensor
        Centred at ``size // 2``, non-negative; its sum is about 1.
    """
    sizes = start.shape
    auto, cross = _correlations(edges, seen, sizes)
    box = fast_shape([2 * n for n in sizes])
    # Lag 0 at the origin of the box: what wraps round it is not looked at.
    placed = auto.new_zeros(box)
    placed[tuple(slice(0, n) for n in auto.shape)] = auto
    response = torch.fft.rfftn(placed.roll([1 - n for n in sizes], tuple(range(start.ndim))))
    cross = cross - price if near is None else cross - price + ridge * near
    inner = tuple(slice(0, n) for n in sizes)

    def slope(k: Tensor) -> Tensor:
        product = torch.fft.irfftn(torch.fft.rfftn(k, s=box) * response, s=box)
        return product[inner] + ridge * k - cross

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
        if float(change.norm()) < _STILL * float(k.norm()):
            break
    return k


def _correlations(
    edges: Tensor, seen: Tensor, sizes: tuple[int, ...] | torch.Size
) -> tuple[Tensor, Tensor]:
    """Correlate the edges with themselves and with what was seen, over the edges' energy.

    They are ``2 sizes - 1`` with lag 0 in the middle, and ``sizes`` with lag 0 at ``size // 2``.
    """
    axes = tuple(range(-len(sizes), 0))
    grid = edges.shape[-len(sizes) :]
    spectra = torch.fft.rfftn(edges, dim=axes)
    auto = torch.fft.irfftn(spectra.abs().square().sum((0, 1)), s=grid)
    cross = torch.fft.irfftn((spectra.conj() * torch.fft.rfftn(seen, dim=axes)).sum((0, 1)), s=grid)
    energy = auto[(0,) * len(sizes)].clamp(min=1e-12)
    auto = auto.roll([n - 1 for n in sizes], axes)
    cross = cross.roll([n // 2 for n in sizes], axes)
    return (
        auto[tuple(slice(0, 2 * n - 1) for n in sizes)] / energy,
        cross[tuple(slice(0, n) for n in sizes)] / energy,
    )
