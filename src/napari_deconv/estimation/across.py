"""Blur that changes across a photo: one estimate per region, and whether they agree."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import Cancelled, DeconvError
from ..core.progress import changed_steps, drain
from ..engine.axes import parse_axes
from ..engine.regions import RegionPSF
from .api import stream
from .result import Confidence, Estimate, Guess

Array = NDArray[np.float64]

_OVERLAP = 0.25
"""How much of its size a region reaches beyond its cell on each side."""
_AGREE = 0.8
"""Normalised correlation of two kernels, blurred by a pixel, below which they tell of different
blurs: chosen on bsds500/train, between what quarters of a photo with one camera shake and of one
with another on its right half give."""
_LEAST_SIDE = 96


@dataclass(frozen=True, eq=False)
class Across:
    """PSFs per region of a photo.

    Parameters
    ----------
    psf : RegionPSF
        For `deconvolve`.
    whole : Estimate
        From the whole photo.
    parts : tuple of Estimate or None
        From each region, row by row; None where it could not tell and the whole's PSF stands in.
    agree : float
        The least correlation between the PSFs of two regions that could tell, 0 to 1.
    confidence : Confidence
        How sure it is, in words, and whether the PSFs disagree.
    recipe : dict
        JSON-able record of how it was made.
    """

    psf: RegionPSF
    whole: Estimate
    parts: tuple[Estimate | None, ...]
    agree: float
    confidence: Confidence
    recipe: dict[str, Any]

    @property
    def differs(self) -> bool:
        """Whether the blur differs across the photo."""
        return self.agree < _AGREE


def estimate_across(
    image: Any,
    regions: tuple[int, int] = (2, 2),
    size: int | None = None,
    family: str = "camera-shake",
    noise: float | None = None,
    *,
    axes: str | None = None,
    device: str = "auto",
    progress: Callable[[Guess], None] | None = None,
) -> Across:
    """Estimate the PSF in overlapping regions of a blurred photo.

    Parameters
    ----------
    image : array_like
        Gray or colour photo.
    regions : tuple of int
        Rows and columns; each must be large beside the blur.
    size, family, noise, axes, device, progress
        As for `estimate`.

    Returns
    -------
    Across
        Its ``psf`` goes to `deconvolve`.

    Raises
    ------
    DeconvError
        If the photo is too small for so many regions, and as `estimate`.
    """
    run = stream_across(image, regions, size, family, noise, axes=axes, device=device)
    return drain(run, progress)


def stream_across(
    image: Any,
    regions: tuple[int, int] = (2, 2),
    size: int | None = None,
    family: str = "camera-shake",
    noise: float | None = None,
    *,
    axes: str | None = None,
    device: str = "auto",
    cancel: threading.Event | None = None,
) -> Generator[Guess, None, Across]:
    """`estimate_across` round by round."""
    boxes = _boxes(image, regions, axes)
    options: dict[str, Any] = {"axes": axes, "device": device, "cancel": cancel}
    count = len(boxes) + 1
    whole = yield from _placed(stream(image, size, family, None, noise, **options), 0, count)
    parts: list[Estimate | None] = []
    for number, box in enumerate(boxes, 1):
        try:
            run = stream(image, size, family, box, noise, **options)
            part = yield from _placed(run, number, count)
            parts.append(None if part.confidence.level == "poor" else part)
        except Cancelled:
            raise
        except DeconvError:  # a region without edges, say: that of the whole photo stands in
            parts.append(None)
    return _judged(whole, tuple(parts), regions)


def _boxes(image: Any, regions: tuple[int, int], axes: str | None) -> list[tuple[int, ...]]:
    """The cells with their overlap: first row and column, and those past the last."""
    try:
        rows, columns = (int(n) for n in regions)
    except (TypeError, ValueError):
        rows = columns = 0
    if min(rows, columns) < 1 or rows * columns < 2:
        raise DeconvError(f"regions = {regions!r}.", "Give rows and columns, such as (2, 2).")
    shape = parse_axes(tuple(np.shape(image)), axes, 2).block_shape
    cuts = [_cuts(n, count) for n, count in zip(shape, (rows, columns), strict=True)]
    if min(b - a for cut in cuts for a, b in cut) < _LEAST_SIDE:
        raise DeconvError(
            f"{rows} x {columns} regions of an image of {shape[0]} x {shape[1]} px are small.",
            f"Give fewer: a region must have {_LEAST_SIDE} px a side.",
        )
    return [(y[0], x[0], y[1], x[1]) for y in cuts[0] for x in cuts[1]]


def _cuts(n: int, count: int) -> list[tuple[int, int]]:
    cell = n / count
    return [
        (max(0, round((i - _OVERLAP) * cell)), min(n, round((i + 1 + _OVERLAP) * cell)))
        for i in range(count)
    ]


def _placed(
    run: Generator[Guess, None, Estimate], number: int, count: int
) -> Generator[Guess, None, Estimate]:
    """Show an estimate's progress as a share of that of all."""
    where = f"region {number}: " if number else ""

    def share(step: Guess) -> Guess:
        done = (number + step.done / max(1, step.total)) / count
        return replace(step, done=int(1000 * done), total=1000, label=where + step.label)

    return changed_steps(run, share)


def _judged(whole: Estimate, parts: tuple[Estimate | None, ...], grid: tuple[int, int]) -> Across:
    kernels = [part.psf for part in parts if part is not None]
    agree = min((likeness(a, b) for i, a in enumerate(kernels) for b in kernels[:i]), default=1.0)
    rows, columns = (int(n) for n in grid)
    psf = RegionPSF(
        (rows, columns),
        tuple(whole.psf if p is None else matched(p.psf, whole.psf) for p in parts),
    )
    words = [_agreement(len(kernels), len(parts), agree)]
    level = whole.confidence.level
    if agree < _AGREE and len(kernels) > 1:
        level = "fair" if len(kernels) == len(parts) else "poor"
    words += [f"The whole photo: {whole.confidence}"]
    confidence = replace(whole.confidence, level=level, words=tuple(words))
    recipe = {
        "estimate": "across",
        "regions": [rows, columns],
        "agree": round(agree, 3),
        "whole": whole.recipe,
        "parts": [None if part is None else part.recipe for part in parts],
    }
    return Across(psf, whole, parts, agree, confidence, recipe)


def _agreement(sure: int, count: int, agree: float) -> str:
    silent = "" if sure == count else f" {count - sure} could not tell and take the whole's PSF."
    if sure < 2:
        return f"Only {sure} of {count} regions could tell a PSF." + silent
    if agree < _AGREE:
        return (
            f"The PSFs of the regions disagree (likeness down to {agree:.2f}): the blur differs "
            f"across the photo, or some of them are wrong.{silent}"
        )
    return (
        f"The PSFs of the regions agree (likeness {agree:.2f} or more): one PSF would do.{silent}"
    )


def likeness(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Greatest normalised correlation of two kernels over whole shifts, each blurred by a pixel."""
    from scipy.ndimage import gaussian_filter
    from scipy.signal import fftconvolve

    first, second = (gaussian_filter(np.pad(k.astype(np.float64), 4), 1.0) for k in (a, b))
    product = fftconvolve(first, second[::-1, ::-1])
    return float(product.max() / np.sqrt(np.square(first).sum() * np.square(second).sum()))


def matched(kernel: NDArray[Any], to: NDArray[Any]) -> NDArray[np.float32]:
    """A kernel moved by whole pixels to where it is most like another, so that blends fit."""
    from scipy.signal import fftconvolve

    product = fftconvolve(to.astype(np.float64), kernel[::-1, ::-1].astype(np.float64))
    best = np.array(np.unravel_index(product.argmax(), product.shape)) - (
        np.array(kernel.shape) - 1
    )
    # Both are centred at size // 2: the shift between corners, less that between centres.
    shift = best + np.array(kernel.shape) // 2 - np.array(to.shape) // 2
    room = int(np.abs(shift).max())
    padded = np.pad(kernel, room)
    return np.asarray(np.roll(padded, tuple(shift), (0, 1)), dtype=np.float32)
