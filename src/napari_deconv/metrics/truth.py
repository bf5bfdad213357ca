"""How near an estimate is to the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import DeconvError
from .arrays import channels, pair, real

_SIGMA_PX = 1.5
_WINDOW_PX = 11
_BAND = 48


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
    x, t = pair("estimate", estimate, "truth", truth)
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
    x, t = pair("estimate", estimate, "truth", truth)
    planes = zip(channels(x, channel_axis), channels(t, channel_axis), strict=True)
    return float(np.mean([_ssim(a, b, peak) for a, b in planes]))


def _ssim(x: NDArray[np.float64], t: NDArray[np.float64], peak: float) -> float:
    if x.ndim == 0 or min(x.shape) < _WINDOW_PX:
        raise DeconvError(
            f"SSIM: shape {x.shape} is smaller than its window of {_WINDOW_PX} pixels.",
            "Score a larger area, or name the channel_axis.",
        )
    level = float(t.mean())
    # Around the truth's level float32 has digits to spare, unless values leave its range by far.
    near = max(float(np.abs(x - level).max()), float(np.abs(t - level).max())) <= 4 * peak
    dtype: type[np.floating] = np.float32 if near else np.float64
    a, b = (((each - level) / peak).astype(dtype) for each in (x, t))
    rest, total, count = _WINDOW_PX - 1, 0.0, 0
    for top in range(0, len(a) - rest, _BAND):  # bands that stay in the processor's cache
        band = slice(top, top + _BAND + rest)
        ratio = _similarity(a[band], b[band], level / peak)
        total, count = total + float(ratio.sum(dtype=np.float64)), count + ratio.size
    return total / count


def _similarity(
    x: NDArray[np.floating], t: NDArray[np.floating], level: float
) -> NDArray[np.floating]:
    """Eq. 13 where the window lies inside, of images less a level, on the scale of the peak."""
    mx, mt = _local(x), _local(t)
    # Only the sum of both variances is needed: four windows in place of five.
    variances = _local(x * x + t * t) - (mx * mx + mt * mt)
    covariance = _local(x * t) - mx * mt
    mx, mt = mx + level, mt + level
    c1, c2 = 0.01**2, 0.03**2
    ratio = (2 * mx * mt + c1) * (2 * covariance + c2)
    ratio /= (mx * mx + mt * mt + c1) * (variances + c2)
    return ratio


def _local(a: NDArray[np.floating]) -> NDArray[np.floating]:
    """Means under the Gaussian window, where all of it lies inside."""
    half = _WINDOW_PX // 2
    weights = np.exp(-0.5 * (np.arange(half + 1) / _SIGMA_PX) ** 2)
    weights /= 2 * weights.sum() - weights[0]
    for axis in range(a.ndim):
        # Slices of the whole array: several times faster than a filter that goes line by line.
        lines, n = np.moveaxis(a, axis, 0), a.shape[axis] - 2 * half
        total = lines[half : half + n] * a.dtype.type(weights[0])
        both = np.empty_like(total)
        for i, weight in enumerate(weights[1:], 1):
            np.add(lines[half - i : half - i + n], lines[half + i : half + i + n], out=both)
            both *= weight
            total += both
        a = np.moveaxis(total, 0, axis)
    return a


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
    x, t = pair("estimate", estimate, "truth", truth)
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


def _peak(truth: ArrayLike, data_range: float | None) -> float:
    """Return the data range that was given, or the one that the truth implies."""
    if data_range is None:
        values = np.asarray(truth)
        if values.dtype == bool or values.size == 0:
            return 1.0
        if np.issubdtype(values.dtype, np.integer):
            info = np.iinfo(values.dtype)
            return float(info.max) - float(info.min)
        data_range = float(np.ptp(real("truth", values)))
    if not (np.isfinite(data_range) and data_range > 0):
        raise DeconvError(f"data_range = {data_range} is not positive.", "Give data_range=1, say.")
    return float(data_range)
