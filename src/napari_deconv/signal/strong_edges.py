"""The sharp image while the kernel is sought: only its strong edges."""

from __future__ import annotations

from torch import Tensor

from .fourier import Blur
from .gradients import gradient, gradient_adjoint

_GROWTH = 2 * 2**0.5
_LAST_BETA = 1e3


def l0_edges(y: Tensor, blur: Blur, rough: Tensor, weight: float) -> Tensor:
    """The image of few gradients that explains ``y``.

    Minimises ``|k * x - y|^2 + weight |grad x|_0`` by half-quadratic splitting: gradients of which
    ``|g|^2 < weight / beta`` are set to 0, then the image is solved for in the Fourier domain, for
    a growing beta (L. Xu, S. Zheng and J. Jia, Unnatural L0 Sparse Representation for Natural
    Image Deblurring, CVPR 2013; Eqs. 8 and 10 of J. Pan et al., CVPR 2014).

    Parameters
    ----------
    y : Tensor
        The blurred image on a periodic grid, ``(C, Y, X)``; channels keep the same edges.
    blur : Blur
        The kernel's operator on that grid.
    rough : Tensor
        `gradient_power` of the grid.
    weight : float
        Price of an edge, on the unit scale squared.

    Returns
    -------
    Tensor
        ``(C, Y, X)``.
    """
    power = blur.otf.abs().square()
    top = blur.fft(y).mul_(blur.otf.conj())
    x, beta = y, 2 * weight
    while beta < _LAST_BETA:
        g = gradient(x)
        g *= g.square().sum((0, 1)) >= weight / beta
        spectrum = blur.fft(gradient_adjoint(g)).mul_(beta).add_(top)
        x = blur.ifft(spectrum.div_(power + beta * rough))
        beta *= _GROWTH
    return x
