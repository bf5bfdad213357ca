"""Blur: what the lens and the motion do, before any light is counted."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfftn, next_fast_len, rfftn

from ..core.errors import DeconvError
from ..engine.axes import Region
from .arrays import Array
from .base import Boundary, Degradation

_PADDING = {"reflect": "reflect", "replicate": "edge", "periodic": "wrap", "zero": "constant"}
_FEW = 16


class Blur(Degradation, title="Blur"):
    """True convolution with a PSF; without one, the identity.

    Parameters
    ----------
    boundary : str
        What lies beyond the image: its mirror image, edge pixels not repeated (``reflect``), its
        edge pixels (``replicate``), its other end (``periodic``), nothing (``zero``), or unknown:
        ``valid`` leaves out the pixels that would need it.
    """

    boundary: Boundary = "reflect"

    def apply(self, image: Array, rng: np.random.Generator, psf: Array | None = None) -> Array:
        return image if psf is None else convolve(image, psf, self.boundary)

    def window(self, shape: tuple[int, ...], psf: Array | None) -> Region:
        if psf is None or self.boundary != "valid":
            return super().window(shape, psf)
        _check_fits(shape, psf)
        return tuple(
            slice(before, n - after)
            for n, (before, after) in zip(shape, _reach(psf.shape), strict=True)
        )


def convolve(image: Array, psf: Array, boundary: Boundary = "reflect") -> Array:
    """True convolution, the PSF's centre at ``size // 2``.

    Parameters
    ----------
    image : ndarray
        float64, ``(C, [Z,] Y, X)``.
    psf : ndarray
        ``([Z,] Y, X)`` of any size and parity, non-negative, unit sum.
    boundary : str
        See `Blur`.

    Returns
    -------
    ndarray
        Like ``image``; for ``"valid"`` each spatial size is ``image - psf + 1``.

    Raises
    ------
    DeconvError
        If the boundary is ``"valid"`` and the PSF is larger than the image.
    """
    if boundary == "valid":
        _check_fits(image.shape[1:], psf)
    else:
        image = np.pad(image, [(0, 0), *_reach(psf.shape)], mode=_PADDING[boundary])  # type: ignore[call-overload]
    if np.count_nonzero(psf) <= _FEW:
        return _shifted_sum(image, psf)
    blurred = np.stack([_transformed(channel, psf) for channel in image])
    # A weighted mean stays between its terms; the transform's rounding error need not.
    return np.clip(blurred, image.min(), image.max(), out=blurred)


def _transformed(padded: Array, psf: Array) -> Array:
    """Valid convolution by FFT: what wraps around falls on pixels that are cut off."""
    grid = [next_fast_len(n, real=True) for n in padded.shape]
    spectrum = rfftn(padded, grid)
    spectrum *= rfftn(psf, grid)
    window = tuple(slice(k - 1, n) for k, n in zip(psf.shape, padded.shape, strict=True))
    return np.asarray(irfftn(spectrum, grid, overwrite_x=True)[window])


def _shifted_sum(padded: Array, psf: Array) -> Array:
    """Valid convolution with a PSF of few taps: exact where the transform would round."""
    sizes = [n - k + 1 for n, k in zip(padded.shape[1:], psf.shape, strict=True)]
    out = np.zeros((len(padded), *sizes))
    for tap in np.argwhere(psf):
        starts = [k - 1 - t for k, t in zip(psf.shape, tap, strict=True)]
        window = tuple(slice(s, s + n) for s, n in zip(starts, sizes, strict=True))
        out += psf[tuple(tap)] * padded[(slice(None), *window)]
    return out


def _reach(psf_shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Pixels that each output pixel looks before and after itself, per axis."""
    return [(n - 1 - n // 2, n // 2) for n in psf_shape]


def _check_fits(shape: tuple[int, ...], psf: Array) -> None:
    if any(k > n for n, k in zip(shape, psf.shape, strict=True)):
        raise DeconvError(
            f"The PSF {psf.shape} is larger than the image {shape}: no pixel is valid.",
            "Crop the PSF, or use another boundary such as 'reflect'.",
        )
