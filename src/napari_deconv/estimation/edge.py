"""A PSF from one straight edge: its edge-spread and line-spread functions, and a fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..psf import PSF, Disk, Gaussian
from .plane import luma_plane
from .result import Confidence, Estimate

Array = NDArray[np.float64]

_LEAST_LENGTH_PX = 8
_BIN_PX = 0.25
_PIXEL_VARIANCE = 1 / 12
_CLEAR = 1.15
"""One family's misfit has to be this much larger before the other is called clearly better."""


def from_edge(
    image: Any, line: Sequence[Sequence[float]], *, axes: str | None = None, width_px: float = 20
) -> Estimate:
    """Estimate a Gaussian or a disk from a line drawn across a straight edge.

    The pixels of a band along the line are put in order of their distance from the edge, whose
    direction is fitted first: that samples the edge-spread function more finely than the pixels
    (the slanted edge of ISO 12233). The models of both families are fitted to it by least squares;
    its derivative is the line-spread function.

    Parameters
    ----------
    image : array_like
        Gray or colour image.
    line : sequence
        Two points ``(y, x)`` in pixels, on either side of the edge.
    axes : str, optional
        One letter per axis of ``image``.
    width_px : float
        Width of the band: the edge must be straight along it.

    Returns
    -------
    Estimate
        Its ``curve`` holds the edge-spread function from 0 to 1 over the distance in pixels; its
        recipe the full width at half maximum, ``fwhm_px``.

    Raises
    ------
    DeconvError
        If the line is too short or crosses no edge.
    """
    gray = luma_plane(image, axes)
    distance, values, half = _across(gray, line, width_px)
    scores: dict[str, float] = {}
    fits: dict[str, Array] = {}
    for family, model in _MODELS.items():
        fits[family], scores[family] = _fit(model, distance, values, half)
    _check(fits, scores, half)
    best = min(scores, key=lambda name: scores[name])
    spread = max(0.3, float(abs(fits[best][3])))
    spec: PSF = Gaussian(sigma_px=spread) if best == "gaussian" else Disk(radius_px=spread)
    # The line-spread function of a disk falls to one half at sqrt(3) / 2 of its radius.
    fwhm = spread * (2 * math.sqrt(2 * math.log(2)) if best == "gaussian" else math.sqrt(3))
    low, step = fits[best][:2]
    return Estimate(
        psf=spec(),
        family=best,
        spec=spec,
        confidence=_confidence(scores, spread, fwhm, half),
        curve=_binned(distance - fits[best][2], (values - low) / step),
        scores=scores,
        recipe={
            "estimate": "edge",
            "line": [[float(v) for v in p] for p in line],
            "width_px": float(width_px),
            "family": best,
            "spec": spec.to_dict(),
            "fwhm_px": round(fwhm, 4),
        },
    )


def _across(
    gray: Array, line: Sequence[Sequence[float]], width: float
) -> tuple[Array, Array, float]:
    """Distances from the edge, the pixels there, and half the line's length."""
    start, end = (np.asarray(p, dtype=np.float64).ravel()[-2:] for p in line)
    length = float(np.hypot(*(end - start))) if start.shape == end.shape == (2,) else 0.0
    if not length >= _LEAST_LENGTH_PX:
        raise DeconvError(
            f"The line is {length:.1f} px long.",
            f"Draw at least {_LEAST_LENGTH_PX} px, across the edge.",
        )
    along = (end - start) / length
    y, x = np.indices(gray.shape)
    u = (y - (start[0] + end[0]) / 2) * along[0] + (x - (start[1] + end[1]) / 2) * along[1]
    v = (x - (start[1] + end[1]) / 2) * along[0] - (y - (start[0] + end[0]) / 2) * along[1]
    inside = (np.abs(u) <= length / 2) & (np.abs(v) <= width / 2)
    u, v, values = u[inside], v[inside], gray[inside]
    if len(u) < 4 * _LEAST_LENGTH_PX:
        raise DeconvError("The line lies outside the image.", "Draw it across an edge in it.")
    place, slope = _edge_line(u, v, values, width)
    return (u - place - slope * v) / math.hypot(1, slope), values, length / 2


def _edge_line(u: Array, v: Array, values: Array, width: float) -> tuple[float, float]:
    """Fit a smooth step to all pixels: where the edge crosses ``v = 0``, and its slope."""
    from scipy.optimize import least_squares
    from scipy.special import expit

    low, high = np.percentile(values, [10, 90])
    rising = values[u > 0].mean() > values[u < 0].mean()
    begin = (low, high - low, 0.0, 0.0, 2.0) if rising else (high, low - high, 0.0, 0.0, 2.0)

    def left(p: Array) -> Array:
        return np.asarray(p[0] + p[1] * expit((u - p[2] - p[3] * v) / abs(p[4])) - values)

    reach = float(np.abs(u).max())
    bounds = ([-np.inf, -np.inf, -reach, -3.0, 0.05], [np.inf, np.inf, reach, 3.0, 2 * reach])
    fitted = least_squares(left, begin, bounds=bounds, x_scale=(1e-2, 1e-2, 1.0, 0.1, 1.0))
    return float(fitted.x[2]), float(fitted.x[3])


def _gaussian(d: Array, spread: float) -> Array:
    from scipy.special import ndtr

    return np.asarray(ndtr(d / math.sqrt(spread**2 + _PIXEL_VARIANCE)))


def _disk(d: Array, spread: float) -> Array:
    """Share of a disk on one side of a line, averaged over the pixel."""
    total = np.zeros_like(d)
    for offset in (-0.375, -0.125, 0.125, 0.375):
        t = np.clip((d + offset) / max(abs(spread), 1e-3), -1, 1)
        total += 0.5 + (t * np.sqrt(1 - t**2) + np.arcsin(t)) / math.pi
    return np.asarray(total / 4)


_MODELS: dict[str, Callable[[Array, float], Array]] = {"gaussian": _gaussian, "disk": _disk}


def _fit(
    model: Callable[[Array, float], Array], d: Array, values: Array, half: float
) -> tuple[Array, float]:
    """Low level, step, shift and spread; and the root mean square that is left."""
    from scipy.optimize import least_squares

    low, high = np.percentile(values, [10, 90])
    rising = values[d > 0].mean() > values[d < 0].mean()
    level, step = (low, high - low) if rising else (high, low - high)
    best, cost = np.zeros(4), math.inf
    for spread in (1.0, 3.0, half / 3):
        fitted = least_squares(
            lambda p: p[0] + p[1] * model(d - p[2], float(p[3])) - values,
            (level, step, 0.0, spread),
            x_scale=(1e-2, 1e-2, 1.0, 1.0),
        )
        if fitted.cost < cost:
            best, cost = np.asarray(fitted.x, dtype=np.float64), float(fitted.cost)
    return best, math.sqrt(2 * cost / len(d))


def _check(fits: dict[str, Array], scores: dict[str, float], half: float) -> None:
    best = min(scores, key=lambda name: scores[name])
    step, spread = abs(fits[best][1]), abs(fits[best][3])
    if step < 4 * scores[best]:
        raise DeconvError(
            f"No edge stands out along the line (its step is {step:.3g}, what is left of it "
            f"{scores[best]:.3g}).",
            "Draw the line across one straight, strong edge.",
        )
    if spread > half:
        raise DeconvError(
            f"The edge is wider than the line ({2 * half:.0f} px).", "Draw a longer line across it."
        )


def _confidence(scores: dict[str, float], spread: float, fwhm: float, half: float) -> Confidence:
    ranked = sorted(scores, key=lambda name: scores[name])
    words = [f"The edge's full width at half maximum is {fwhm:.2f} px."]
    clear = scores[ranked[1]] > _CLEAR * scores[ranked[0]]
    if clear:
        words.append(f"The edge looks like a {ranked[0]}'s, not a {ranked[1]}'s.")
    else:
        words.append(f"{ranked[0].capitalize()} and {ranked[1]} fit about equally well.")
    narrow = spread < 0.5
    if narrow:
        words.append("It is hardly wider than a pixel: there is next to no blur.")
    short = spread > half / 2
    if short:
        words.append("The line ends close to the edge's slopes: draw a longer one.")
    return Confidence("good" if clear and not short and not narrow else "fair", tuple(words))


def _binned(distance: Array, values: Array) -> Array:
    """Mean value per quarter pixel."""
    index = np.floor(distance / _BIN_PX).astype(int)
    places, inverse = np.unique(index, return_inverse=True)
    means = np.bincount(inverse, values) / np.bincount(inverse)
    return np.stack([(places + 0.5) * _BIN_PX, means], axis=1)
