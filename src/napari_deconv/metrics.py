"""How good an estimate is: against the truth where there is one, and against the image where not.

NumPy at import; SciPy is loaded by the functions that need it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .core.errors import DeconvError

_SIGMA_PX = 1.5
_TRUNCATE = 3.5
_WINDOW_PX = 11
_LAG_PX = 4


class Score(NamedTuple):
    """The two figures of the benchmark protocol: PSNR in dB, and SSIM."""

    psnr_db: float
    ssim: float


def psnr(estimate: ArrayLike, truth: ArrayLike, data_range: float | None = None) -> float:
    """Peak signal-to-noise ratio, ``10 log10(data_range^2 / MSE)``, over all pixels and channels.

    Parameters
    ----------
    estimate, truth : array_like
        Real arrays of one shape, any number of axes.
    data_range : float, optional
        The peak. By default the full range of the truth's type if that is an integer (255 for
        uint8, 65535 for uint16; 1 for bool), and ``truth.max() - truth.min()`` if it is a float.
        The benchmark protocol uses 1: give it where figures are to be compared.

    Returns
    -------
    float
        Decibels; infinity if the two are equal.

    Raises
    ------
    DeconvError
        If the shapes differ, a value is not a finite real number, or the range is not positive.
    """
    peak = _peak(truth, data_range)
    x, t = _pair("estimate", estimate, "truth", truth)
    error = float(np.mean((x - t) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(peak**2 / error))


def ssim(
    estimate: ArrayLike,
    truth: ArrayLike,
    data_range: float | None = None,
    *,
    channel_axis: int | None = None,
) -> float:
    """Mean structural similarity with a Gaussian window of 11 pixels, sigma 1.5, per axis.

    Wang, Bovik, Sheikh & Simoncelli, Image quality assessment, IEEE TIP 13:600, 2004, eq. 13,
    with K1 = 0.01, K2 = 0.03 and population (co)variances. The 5 pixels next to every edge, where
    the window is cut, are left out of the mean.

    Parameters
    ----------
    estimate, truth : array_like
        Real arrays of one shape, at least 11 pixels along every spatial axis. All axes are
        spatial (a 3-D array is a volume) except ``channel_axis``.
    data_range : float, optional
        As in `psnr`.
    channel_axis : int, optional
        The axis of colour channels; the result is the mean over them.

    Returns
    -------
    float
        At most 1, which means equal.

    Raises
    ------
    DeconvError
        As in `psnr`, and if a spatial axis is shorter than the window.
    """
    peak = _peak(truth, data_range)
    x, t = _pair("estimate", estimate, "truth", truth)
    planes = zip(_channels(x, channel_axis), _channels(t, channel_axis), strict=True)
    return float(np.mean([_ssim(a, b, peak) for a, b in planes]))


def _ssim(x: NDArray[np.float64], t: NDArray[np.float64], peak: float) -> float:
    from scipy.ndimage import gaussian_filter

    if x.ndim == 0 or min(x.shape) < _WINDOW_PX:
        raise DeconvError(
            f"SSIM: shape {x.shape} is smaller than its window of {_WINDOW_PX} pixels.",
            "Score a larger area, or name the channel_axis.",
        )
    inner = (slice(_WINDOW_PX // 2, -(_WINDOW_PX // 2)),) * x.ndim

    def local(a: NDArray[np.float64]) -> Any:
        return gaussian_filter(a, _SIGMA_PX, truncate=_TRUNCATE)[inner]

    mx, mt = local(x), local(t)
    variances = local(x * x) - mx**2 + local(t * t) - mt**2
    covariance = local(x * t) - mx * mt
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    ratio = (2 * mx * mt + c1) / (mx**2 + mt**2 + c1) * (2 * covariance + c2) / (variances + c2)
    return float(ratio.mean())


def score(
    estimate: ArrayLike,
    truth: ArrayLike,
    border: int | Sequence[int],
    *,
    channel_axis: int | None = None,
) -> Score:
    """PSNR and SSIM under the benchmark protocol.

    Data range 1; the estimate is clipped to [0, 1] for both figures; ``border`` pixels are cut
    from both first, so that no window reaches beyond the scored area.

    Parameters
    ----------
    estimate, truth : array_like
        Real arrays of one shape on the unit scale.
    border : int or sequence of int
        Pixels to leave out at both ends of every spatial axis; the protocol leaves out half the
        kernel, ``n // 2`` per axis.
    channel_axis : int, optional
        The axis of colour channels.

    Returns
    -------
    Score
        ``(psnr_db, ssim)``.

    Raises
    ------
    DeconvError
        As in `ssim`, and if the border does not fit.
    """
    x, t = _pair("estimate", estimate, "truth", truth)
    spatial = [a for a in range(x.ndim) if channel_axis is None or a != channel_axis % x.ndim]
    widths = [int(border)] * len(spatial) if isinstance(border, int) else [int(b) for b in border]
    if len(widths) != len(spatial) or any(b < 0 for b in widths):
        raise DeconvError(
            f"border = {border} does not fit {len(spatial)} spatial axes.",
            "Give one number of at least 0, or one per axis.",
        )
    window = [slice(None)] * x.ndim
    for axis, width in zip(spatial, widths, strict=True):
        if 2 * width >= x.shape[axis]:
            raise DeconvError(f"border = {border} leaves nothing of shape {x.shape}.", "Reduce it.")
        window[axis] = slice(width, x.shape[axis] - width)
    x, t = np.clip(x[tuple(window)], 0, 1), t[tuple(window)]
    return Score(psnr(x, t, 1.0), ssim(x, t, 1.0, channel_axis=channel_axis))


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
    from scipy.signal import fftconvolve

    x, y = _pair("estimate", estimate, "image", image, np.float32)
    k = _real("psf", psf, x.dtype)
    if channel_axis is not None:
        x, y = np.moveaxis(x, channel_axis, 0), np.moveaxis(y, channel_axis, 0)
    loops = x.ndim - k.ndim - (channel_axis is not None)
    if k.ndim == 0 or loops < 0 or np.any(np.greater(k.shape, x.shape[-k.ndim :])):
        raise DeconvError(
            f"psf of shape {k.shape} does not fit an image of shape {np.shape(image)}.",
            "Give a PSF no larger than the image, and name the channel_axis of a colour image.",
        )
    axes = tuple(range(-k.ndim, 0))
    blurred = fftconvolve(x, k.reshape((1,) * (x.ndim - k.ndim) + k.shape), "valid", axes)
    starts = [n - 1 - n // 2 for n in k.shape]
    for axis, start in zip(axes, starts, strict=True):
        y = y.take(range(start, start + blurred.shape[axis]), axis)
    difference: NDArray[np.floating] = blurred - y
    return difference if channel_axis is None else np.moveaxis(difference, 0, channel_axis)


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
    """How white a residual is: 1 for white noise, towards 0 for structure.

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
    r = _real("residual", residual)
    return float(np.mean([_whiteness(plane) for plane in _channels(r, channel_axis)]))


def _whiteness(r: NDArray[np.float64]) -> float:
    from scipy.fft import irfftn, next_fast_len, rfftn

    r = r - r.mean()
    energy = float(np.vdot(r, r))
    if energy <= 0:
        return float("nan")
    reach = [min(_LAG_PX, n - 1) for n in r.shape]
    shape = [next_fast_len(n + m, real=True) for n, m in zip(r.shape, reach, strict=True)]
    rho = irfftn(np.abs(rfftn(r, shape)) ** 2, shape) / energy
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
    x, y = _pair("estimate", estimate, "image", image)
    total = float(y.sum())
    if total == 0:
        raise DeconvError("The image sums to 0, so it has no flux.", "Add back its background.")
    return float(x.sum()) / total


def _channels(
    array: NDArray[np.float64], channel_axis: int | None
) -> Iterator[NDArray[np.float64]]:
    if channel_axis is None:
        return iter([array])
    if not -array.ndim <= channel_axis < array.ndim:
        raise DeconvError(
            f"channel_axis = {channel_axis} is not an axis of shape {array.shape}.",
            f"Use {-array.ndim} to {array.ndim - 1}.",
        )
    return iter(np.moveaxis(array, channel_axis, 0))


def _peak(truth: ArrayLike, data_range: float | None) -> float:
    """Return the data range that was given, or the one that the truth implies."""
    if data_range is None:
        values = np.asarray(truth)
        if values.dtype == bool or values.size == 0:
            return 1.0
        if np.issubdtype(values.dtype, np.integer):
            info = np.iinfo(values.dtype)
            return float(info.max) - float(info.min)
        data_range = float(np.ptp(_real("truth", values)))
    if not (np.isfinite(data_range) and data_range > 0):
        raise DeconvError(f"data_range = {data_range} is not positive.", "Give data_range=1, say.")
    return float(data_range)


def _pair(
    name: str, first: ArrayLike, other: str, second: ArrayLike, least: Any = np.float64
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both as finite floats of one dtype, at least ``least``."""
    a, b = np.asarray(first), np.asarray(second)
    if a.shape != b.shape:
        raise DeconvError(
            f"{name} has shape {a.shape} but {other} has {b.shape}.", "Give arrays of one shape."
        )
    dtype = np.result_type(a.dtype, b.dtype, least) if a.dtype.kind in "biuf" else least
    return _real(name, a, dtype), _real(other, b, dtype)


def _real(name: str, array: ArrayLike, dtype: Any = np.float64) -> NDArray[Any]:
    values = np.asarray(array)
    if values.dtype.kind not in "biuf" or values.size == 0:
        raise DeconvError(
            f"{name} of shape {values.shape} and type {values.dtype} cannot be measured.",
            "Give a real array that is not empty.",
        )
    values = values.astype(dtype, copy=False)
    if not np.isfinite(values).all():
        raise DeconvError(f"{name} holds NaN or infinite values.", "Replace them first.")
    return values
