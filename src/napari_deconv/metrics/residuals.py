"""How well an estimate explains the image it came from, where there is no truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import DeconvError
from .arrays import channels, pair, real

_LAG_PX = 4


def residual(
    estimate: ArrayLike, image: ArrayLike, psf: ArrayLike, *, channel_axis: int | None = None
) -> NDArray[np.floating]:
    """Compute ``A x - y`` where the estimate determines the blur fully (the valid region).

    Parameters
    ----------
    estimate, image : array_like
        The estimate ``x`` and the image ``y`` it came from, of one shape and scale. The last
        ``psf.ndim`` axes other than ``channel_axis`` are blurred, the others looped over.
    psf : array_like
        Real, as it was used (unit sum for a blur that keeps the flux); centre ``size // 2``.
    channel_axis : int, optional
        The axis of colour channels, if it is not a leading one.

    Returns
    -------
    ndarray
        float32 or float64; ``n - size + 1`` pixels along every blurred axis.

    Raises
    ------
    DeconvError
        If the shapes do not fit, or a value is not a finite real number.
    """
    x, y = pair("estimate", estimate, "image", image, np.float32)
    k = real("psf", psf, x.dtype)
    if channel_axis is not None:
        x, y = np.moveaxis(x, channel_axis, 0), np.moveaxis(y, channel_axis, 0)
    loops = x.ndim - k.ndim - (channel_axis is not None)
    if k.ndim == 0 or loops < 0 or np.any(np.greater(k.shape, x.shape[-k.ndim :])):
        raise DeconvError(
            f"psf of shape {k.shape} does not fit an image of shape {np.shape(image)}.",
            "Give a PSF no larger than the image, and name the channel_axis of a colour image.",
        )
    axes = tuple(range(-k.ndim, 0))
    blurred = _blurred(x, k, axes)
    starts = [n - 1 - n // 2 for n in k.shape]
    for axis, start in zip(axes, starts, strict=True):
        y = y.take(range(start, start + blurred.shape[axis]), axis)
    difference: NDArray[np.floating] = blurred - y
    return difference if channel_axis is None else np.moveaxis(difference, 0, channel_axis)


def _blurred(
    x: NDArray[np.floating], k: NDArray[np.floating], axes: tuple[int, ...]
) -> NDArray[np.floating]:
    """The valid part of a true convolution; `scipy.signal` would take a second to import."""
    from scipy.fft import irfftn, next_fast_len, rfftn

    sizes = [x.shape[axis] for axis in axes]
    grid = [next_fast_len(n, real=True) for n in sizes]
    # What wraps round on a grid of the image's size lies outside the valid part.
    spectrum = rfftn(x, grid, axes)
    spectrum *= rfftn(k, grid)
    full = irfftn(spectrum, grid, axes, overwrite_x=True)
    valid = tuple(slice(m - 1, n) for m, n in zip(k.shape, sizes, strict=True))
    blurred: NDArray[np.floating] = full[(..., *valid)]
    return blurred


def reblur_error(
    estimate: ArrayLike, image: ArrayLike, psf: ArrayLike, *, channel_axis: int | None = None
) -> float:
    """Root mean square of `residual`, on the image's scale.

    About the noise's standard deviation for a good estimate; below it, the noise was fitted.

    Parameters
    ----------
    estimate, image, psf, channel_axis
        As in `residual`.

    Returns
    -------
    float
        In the image's units.

    Raises
    ------
    DeconvError
        As in `residual`.
    """
    difference = residual(estimate, image, psf, channel_axis=channel_axis)
    return float(np.sqrt(np.mean(np.square(difference, dtype=np.float64))))


def whiteness(residual: ArrayLike, *, channel_axis: int | None = None) -> float:
    """Whiteness of a residual: 1 for white noise, towards 0 for structure.

    With ``rho(l) = sum_i r_i r_(i+l) / sum_i r_i^2`` of the residual less its mean (zero outside)
    and the n lags of at most 4 pixels along every axis other than the origin, of N pixels::

        whiteness = 1 / (1 + max(0, sum_l rho(l)^2 - n / N))

    where ``n / N`` is what white noise itself contributes. The sum is the measure of Almeida &
    Figueiredo, Parameter estimation for blind and non-blind deblurring using residual whiteness
    measures, IEEE TIP 22:2751, 2013, there with the sign reversed.

    Parameters
    ----------
    residual : array_like
        Real, such as the result of `residual`; all axes are spatial except ``channel_axis``.
    channel_axis : int, optional
        Axis whose entries are judged one by one; the result is their mean.

    Returns
    -------
    float
        In (0, 1]; NaN for a constant residual, which has no autocorrelation.

    Raises
    ------
    DeconvError
        If a value is not a finite real number.
    """
    values = np.asarray(residual)
    r = real("residual", values, np.float32 if values.dtype == np.float32 else np.float64)
    return float(np.mean([_whiteness(plane) for plane in channels(r, channel_axis)]))


def _whiteness(r: NDArray[np.floating]) -> float:
    from scipy.fft import irfftn, next_fast_len, rfftn

    r = r - r.mean(dtype=np.float64).astype(r.dtype)
    energy = float(np.sum(np.square(r), dtype=np.float64))
    if energy <= 0:
        return float("nan")
    reach = [min(_LAG_PX, n - 1) for n in r.shape]
    shape = [next_fast_len(n + m, real=True) for n, m in zip(r.shape, reach, strict=True)]
    spectrum = rfftn(r, shape)
    rho = irfftn(spectrum.real**2 + spectrum.imag**2, shape) / energy
    near = rho[np.ix_(*[np.arange(-m, m + 1) for m in reach])]
    excess = float(np.sum(near**2)) - 1 - (near.size - 1) / r.size
    return 1.0 / (1.0 + max(0.0, float(excess)))


def flux_ratio(estimate: ArrayLike, image: ArrayLike) -> float:
    """Sum of the estimate over the sum of the image: 1 when the flux is kept.

    Parameters
    ----------
    estimate, image : array_like
        Real arrays of one shape and scale. Light that the estimate moves across the border makes
        small departures from 1 legitimate; a constant background pulls the ratio towards 1.

    Returns
    -------
    float
        Without a unit.

    Raises
    ------
    DeconvError
        If the shapes differ, a value is not a finite real number, or the image sums to 0.
    """
    x, y = pair("estimate", estimate, "image", image)
    total = float(y.sum())
    if total == 0:
        raise DeconvError("The image sums to 0, so it has no flux.", "Add back its background.")
    return float(x.sum()) / total
