"""A PSF measured from an image of beads: which were used, which not and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DeconvError
from ..grid import Array
from ..readout import fwhm
from .report import Bead, Measured
from .spots import (
    Fit,
    cut,
    find,
    fitted,
    frame,
    level_and_noise,
    rough_width,
    snapped,
    without_ripples,
)

_DIM = 10.0
"""Beads must stand this many standard deviations of the noise above the background."""
_FAINT = 0.2
"""A spot this much fainter than its neighbour is a ring or a ripple of it."""
_NOTHING = 0.05
"""A spot this much fainter than bright beads is not a bead."""
_ODD_WIDTH = 1.3
_ODD_LIKENESS = 0.05
_FLAT = 3
"""As many pixels at the highest value are a clipped bead."""
_MOST = 2000
_ASK = "Give points on single beads, or an image with more of them."


def measure(
    stack: NDArray[Any],
    points: Any = None,
    *,
    size: Sequence[int] | None = None,
    symmetric: bool = False,
    discard: Any = None,
) -> Measured:
    """Average the beads of an image into its PSF.

    Each bead is fitted by a Gaussian for its place, moved onto the middle of a pixel by a spline,
    relieved of the median of its surroundings in focus and added up, so that bright beads count
    more. What lies within the noise of the sum becomes 0.

    Parameters
    ----------
    stack : ndarray
        Beads smaller than the resolution, ``(Y, X)`` or ``(Z, Y, X)``.
    points : array_like, optional
        Pixel coordinates of beads, ``(N, ndim)`` in axis order; found by themselves by default.
    size : sequence of int, optional
        Odd size of the PSF per axis; by default five times the width of the beads.
    symmetric : bool
        Whether to average over the eight mirror images and turns of the plane.
    discard : array_like, optional
        Pixel coordinates of beads to leave out, ``(M, ndim)``: those within half a width of them.

    Returns
    -------
    Measured
        The PSF, and every bead with its verdict.

    Raises
    ------
    DeconvError
        If the image or the size does not fit, or no bead can be used; it says why not.
    """
    values, ceiling = _checked(stack)
    given = None if points is None else _places("points", points, values.ndim)
    some = discard is not None and len(discard) > 0
    unwanted = _places("discard", discard, values.ndim) if some else None
    spots = find(values)[:_MOST]
    chosen = spots if given is None else snapped(values, given)
    if not len(chosen):
        raise DeconvError("No bead was found: nothing stands out from the noise.", _ASK)
    level, noise = level_and_noise(values)
    width = _usual_width(values, chosen, level)
    extent = _size(size, width, values.shape)
    heights = values[tuple(spots.T)] - level
    standing = heights > _NOTHING * _usual_height(heights)
    spots = without_ripples(heights[standing], spots[standing], extent, _FAINT)
    chosen = spots if given is None else chosen
    fits = [_fitted(values, place, width) for place in chosen]
    pairs = [
        _looked_at(values, place, fit, extent, spots, (noise, ceiling))
        for place, fit in zip(chosen, fits, strict=True)
    ]
    if unwanted is not None:
        pairs = [_discarded(bead, unwanted, width) or (bead, crop) for bead, crop in pairs]
    beads, crops = _by_shape([b for b, _ in pairs], [c for _, c in pairs])
    if not crops:
        counts = {b.reason: b.words for b in beads}
        raise DeconvError(
            f"None of {len(beads)} beads can be used: {'; '.join(counts.values())}.", _ASK
        )
    psf = _averaged(crops, symmetric)
    used = next(bead for bead in beads if not bead.reason)
    errors = _jackknifed(crops, symmetric) if len(crops) > 1 else used.error_px
    return Measured(psf, tuple(beads), errors)


def _places(name: str, given: Any, ndim: int) -> Array:
    places = np.asarray(given, dtype=np.float64)
    if places.ndim != 2 or places.shape[1] != ndim or not len(places):
        raise DeconvError(
            f"{name} has shape {places.shape}, but the image has {ndim} axes.",
            f"Give (N, {ndim}) pixel coordinates.",
        )
    return places


def _discarded(bead: Bead, places: Array, width: tuple[float, ...]) -> tuple[Bead, None] | None:
    """The verdict on a bead that a person left out; None for another."""
    apart = np.abs(places - np.array(bead.place)) / np.array(width)
    if not (apart <= 0.5).all(axis=1).any():
        return None
    return replace(bead, reason="discarded", words="discarded by hand"), None


def _fitted(values: Array, place: NDArray[np.intp], width: tuple[float, ...]) -> Fit | None:
    """The fit of one bead; what goes wrong with it must not cost the others."""
    try:
        return fitted(values, place, width)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError):
        return None


def _jackknifed(crops: list[Array], symmetric: bool) -> tuple[float, ...]:
    """Standard error of the mean bead's width per axis, by leaving each bead out in turn.

    Of few beads it is widened as Student's t is, so that it holds in 68 % of the cases.
    """
    from scipy.stats import norm, t

    n, total = len(crops), np.sum(crops, axis=0)
    widths = np.array([fwhm(_evened(total - crop, symmetric)) for crop in crops])
    spread = ((widths - widths.mean(axis=0)) ** 2).sum(axis=0)
    few = float(t.ppf(norm.cdf(1), n - 1))
    return tuple(float(few * e) for e in np.sqrt((n - 1) / n * spread))


def _checked(stack: NDArray[Any]) -> tuple[Array, float]:
    """The image as float64, and the value at which it is clipped."""
    array = np.asarray(stack)
    if array.dtype.kind not in "iuf" or array.ndim not in (2, 3) or min(array.shape, default=0) < 5:
        raise DeconvError(
            f"The image of beads has shape {array.shape} and holds {array.dtype} values.",
            "Give a grey plane or stack of at least 5 pixels along each axis.",
        )
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise DeconvError("The image of beads holds NaN or infinite values.", "Replace them.")
    top = float(values.max())
    full = float(np.iinfo(array.dtype).max) if array.dtype.kind in "iu" else math.inf
    # A camera of 12 bits in a file of 16 clips where many pixels share the highest value.
    clipped = top >= full or int((values == top).sum()) >= _FLAT
    return values, top if clipped else math.inf


def _usual_height(heights: Array) -> float:
    """Height of a bright bead, not of the brightest: that may be dirt."""
    return float(np.sort(heights)[::-1][:5][-1]) if len(heights) else 0.0


def _usual_width(values: Array, places: NDArray[np.intp], level: float) -> tuple[float, ...]:
    heights = values[tuple(places.T)] - level
    bright = places[heights >= 0.3 * _usual_height(heights)][:30]
    widths = [rough_width(values, place, level) for place in bright]
    return tuple(float(w) for w in np.median(widths, axis=0))


def _size(
    size: Sequence[int] | None, width: tuple[float, ...], shape: tuple[int, ...]
) -> tuple[int, ...]:
    if size is None:
        sizes = (2 * math.ceil(2.5 * w) + 1 for w in width)
        return tuple(min(n, m - 1 + m % 2) for n, m in zip(sizes, shape, strict=True))
    if len(size) != len(shape) or any(
        n < 3 or n % 2 == 0 or n > m for n, m in zip(size, shape, strict=False)
    ):
        raise DeconvError(
            f"size = {tuple(size)} does not fit an image of {shape}.",
            "Give one odd number from 3 per axis, no larger than the image.",
        )
    return tuple(int(n) for n in size)


def _looked_at(
    values: Array,
    place: NDArray[np.intp],
    fit: Fit | None,
    extent: tuple[int, ...],
    spots: NDArray[np.intp],
    limits: tuple[float, float],
) -> tuple[Bead, Array | None]:
    """A verdict on one bead by itself, and its crop where it may be used."""
    if fit is None:
        return Bead(tuple(map(float, place)), "shape", "no single peak fits it"), None
    bead = Bead(fit.place, fwhm_px=fit.fwhm_px, error_px=fit.error_px, height=fit.height)
    noise, ceiling = limits
    crop = cut(values, fit.place, extent)
    if crop is None:
        return replace(bead, reason="border", words="too near the border"), None
    around = tuple(slice(round(p) - n // 2, round(p) + n // 2 + 1)
                   for p, n in zip(fit.place, extent, strict=True))  # fmt: skip
    clipped = int((values[around] >= ceiling).sum())
    if clipped > 1:
        return replace(bead, reason="saturated", words=f"saturated: {clipped} pixels clipped"), None
    if fit.height < _DIM * noise:
        reason = f"too dim: {fit.height / noise:.1f} times the noise, not {_DIM:g}"
        return replace(bead, reason="dim", words=reason), None
    near = _nearest(values, place, fit, spots, extent)
    if near is not None:
        reason = f"too close: another at {near:.1f} px"
        return replace(bead, reason="close", words=reason), None
    return bead, crop - float(np.median(frame(_in_focus(crop))))


def _in_focus(crop: Array) -> Array:
    """The middle planes of a bead: above and below them its own haze reaches the border."""
    middle = crop.shape[0] // 2
    return crop[middle - 1 : middle + 2] if crop.ndim == 3 else crop


def _nearest(
    values: Array,
    place: NDArray[np.intp],
    fit: Fit,
    spots: NDArray[np.intp],
    extent: tuple[int, ...],
) -> float | None:
    """Distance to the nearest other bead whose light falls into this one's array."""
    apart = np.abs(spots - np.array(fit.place))
    # A bead half outside still shines in.
    inside = (apart <= np.array(extent) / 2 + np.array(fit.fwhm_px) / 2).all(axis=1)
    itself = (apart <= 0.75 * np.array(fit.fwhm_px)).all(axis=1)
    bright = values[tuple(spots.T)] - fit.floor > _FAINT * fit.height
    others = spots[inside & ~itself & bright]
    if not len(others):
        return None
    return float(np.sqrt(((others - np.array(fit.place)) ** 2).sum(axis=1)).min())


def _by_shape(beads: list[Bead], crops: list[Array | None]) -> tuple[list[Bead], list[Array]]:
    """Reject what is unlike the others: by its width, then by its likeness to their median."""
    good = [i for i, crop in enumerate(crops) if crop is not None]
    if len(good) >= 3:
        usual = np.median([beads[i].fwhm_px for i in good], axis=0)
        for i in good:
            ratio = np.array(beads[i].fwhm_px) / usual
            worst = float(ratio[np.abs(np.log(ratio)).argmax()])
            if abs(math.log(worst)) > math.log(_ODD_WIDTH):
                reason = f"odd shape: {worst:.2f} times as wide as the others"
                beads[i] = replace(beads[i], reason="shape", words=reason)
        good = [i for i in good if not beads[i].reason]
    if len(good) >= 3:
        stack = np.stack([np.asarray(crops[i]).ravel() for i in good])
        template = np.median(stack / stack.max(axis=1, keepdims=True), axis=0)
        alike = np.array([np.corrcoef(row, template)[0, 1] for row in stack])
        usual_alike = float(np.median(alike))
        spread = 1.4826 * float(np.median(np.abs(alike - usual_alike)))
        limit = usual_alike - max(_ODD_LIKENESS, 6 * spread)
        for i, value in zip(good, alike, strict=True):
            if value < limit:
                reason = f"odd shape: likeness to the others {value:.2f}, usual {usual_alike:.2f}"
                beads[i] = replace(beads[i], reason="shape", words=reason)
        good = [i for i in good if not beads[i].reason]
    return beads, [np.asarray(crops[i]) for i in good]


def _averaged(crops: list[Array], symmetric: bool) -> NDArray[np.float32]:
    total = _evened(np.sum(crops, axis=0), symmetric)
    rim = frame(total)
    noise = 1.4826 * float(np.median(np.abs(rim - np.median(rim))))
    kept = np.where(total > 3 * noise, total, 0.0).clip(0)
    return np.asarray(kept / kept.sum(), dtype=np.float32)


def _evened(total: Array, symmetric: bool) -> Array:
    """A sum of beads, averaged over mirror images and turns if ``symmetric``."""
    if symmetric:
        total = total + total[..., ::-1]
        total = total + total[..., ::-1, :]
        if total.shape[-1] == total.shape[-2]:
            total = total + np.swapaxes(total, -1, -2)
    return total
