"""Arrays from outside, or in words what is wrong with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError


def as_array(what: str, value: Any) -> NDArray[Any]:
    """`numpy.asarray` of what a person calls ``what``, ragged lists refused in words."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        raise DeconvError(
            f"{what} is not an array: {error}.", "Give an array of numbers."
        ) from error


def psf_fault(psf: NDArray[Any]) -> tuple[str, str, str] | None:
    """Why an array cannot serve as a PSF as it is.

    Returns
    -------
    tuple of str or None
        A short code (``type``, ``dimension``, ``empty``, ``not-finite``, ``zero-sum``, ``bool`` or
        ``negative``), the fault in words, and a remedy; None if it can.
    """
    if psf.dtype.kind not in "biuf":
        what = f"The PSF has dtype {psf.dtype}; it must be integer or real."
        return "type", what, "Give an array of numbers or a PSF such as Disk(radius_px=5)."
    if psf.ndim not in (2, 3) or not psf.size:
        what = f"The PSF has shape {psf.shape}."
        remedy = "Give a 2-D or 3-D array of at least one pixel."
        return "empty" if psf.ndim in (2, 3) else "dimension", what, remedy
    values = psf.astype(np.float64)
    bad = values.size - int(np.isfinite(values).sum())
    if bad:
        what = f"The PSF holds NaN or Inf ({bad} of {values.size} values)."
        return "not-finite", what, "Replace them, or make the PSF again."
    low, peak = float(values.min()), float(np.abs(values).max())
    values /= peak or 1.0  # sums of very large values are infinite
    total = float(values.sum())
    if total <= 1e-6:
        what = "The PSF is negative in places and sums to" if low < 0 else "The PSF sums to"
        what += f" {total * peak:.3g}." if total else " zero."
        return "zero-sum", what, "Give one with some energy."
    if psf.dtype.kind == "b":
        what = "The PSF has dtype bool: it holds only True and False."
        return "bool", what, "Repair turns them into numbers."
    if low < 0:
        count, share = int((values < 0).sum()), -values.clip(max=0).sum() / values.clip(0).sum()
        what = f"The PSF is negative in places: {count} value{'s' * (count > 1)}, down to "
        what += f"{low:.3g} ({share:.2%} of its energy)."
        return "negative", what, "Repair sets them to 0 (the button, --repair-psf or psf.repair)."
    return None


def unit_psf(psf: Any) -> NDArray[np.float64]:
    """A PSF as float64 of unit sum.

    Raises
    ------
    DeconvError
        If it is not an array, or has a `psf_fault`.
    """
    array = as_array("The PSF", psf)
    fault = psf_fault(array)
    if fault is not None:
        raise DeconvError(*fault[1:])
    kernel = array.astype(np.float64)
    # By the peak first: the sum of very large values is infinite, of very small ones zero.
    kernel /= kernel.max()
    return kernel / kernel.sum()
