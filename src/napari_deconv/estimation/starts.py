"""Camera shake sought from several starts, and which of them to believe."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..core.progress import changed_steps
from .kernel import likeness
from .plane import Plane
from .restored import restored
from .result import Guess
from .shake import Tuning
from .spectrum import Spectrum

Array = NDArray[np.float64]
Search = Generator[Guess, None, tuple[Array, Array]]

_FINE = 100
STARTS = (
    Tuning(),
    Tuning(edge_price=5e-3),
    Tuning(edge_price=4e-3, ridge=0.05, floor=0.03, island=0.03),
)
"""On bsds500/train each is the best for some photos; the last one, which drops thin parts, where
the others take specks for a kernel of twice the size. One that holds on to fewer edges would suit
blurs that are large beside their photo, but where it goes wrong it ends in hardly any blur, which
the spectrum of a dark photo likes as well."""
NARROW = (Tuning(edge_price=5e-3, lean=True), Tuning(lean=True), Tuning(edge_price=5e-3, lean=True))
NARROW_SHARES = (0.31, 0.48, 0.71)
"""Searches with less room, as shares of the default size."""
_FULL_PX = 2
"""How near to its bound a kernel is that may go on beyond."""
_ROUGH_PRICE, _OUTSIDE_PRICE = 25.0, 400.0
"""What the logarithm of the restored photo's roughness, and the share of its pixels that no photo
can have, count for in the spectrum's deviance per block."""
_CLEARLY, _LESS_WHITE = 5.0, 0.05
"""By how much that must be less; and how much less white what is left of the photo may be: where it
was white, the kernel that has room is right. Chosen on benchmarks/blind_shakes.py and ideal blur on
bsds500/train."""

_NOISE = 5.0
"""How much noisier the spectrum is told to be, as a standard deviation. The estimated noise is
white; that of a camera's JPEG is not, and where the kernel passes next to nothing, what is left of
it would decide alone."""
_SPREAD_PRICE = 1.0
"""What a pixel of spread must gain in the spectrum's deviance."""
_AGREED = 0.7
"""Likeness from which two searches count as one finding. All three were chosen on bsds500/train,
with white noise and with JPEG, by benchmarks/psf_starts.py."""


@dataclass(frozen=True, eq=False)
class Ended:
    """What a search ended in.

    Parameters
    ----------
    kernel, curve : ndarray
        See `camera_shake`.
    bound : int
        The most pixels it might extend over.
    """

    kernel: Array
    curve: Array
    bound: int


def best_start(
    search: Callable[[Tuning, int], Search],
    sizes: tuple[int, ...],
    narrow: tuple[int, ...],
    plane: Plane,
    spectrum: Spectrum,
) -> Generator[Guess, None, tuple[Ended, tuple[Ended, ...], tuple[Ended, ...]]]:
    """Search with several tunings and bounds, and choose what to believe.

    Which edges are taken first, and on how coarse a scale a search begins, decides what it ends
    in, and how well the edges are explained in the end does not tell which is right: no blur at
    all explains them best. `believed` chooses between the tunings. What a search with less room
    ended in takes its place where that suits the spectrum better and rings less (`_cost`), clearly:
    in photos of cameras, whose blur varies and whose highlights are clipped, a kernel that has
    room takes what it cannot explain for blur.

    Parameters
    ----------
    search : callable
        `camera_shake`, but for tuning and bound.
    sizes : tuple of int
        Bounds, rising; each but the first is tried where the kernel fills the one before. A tuning
        whose kernel fills the last is dropped where another's does not.
    narrow : tuple of int
        Bounds for `NARROW`; none where the size is known.
    plane, spectrum : Plane, Spectrum
        Of the photo.

    Returns
    -------
    Ended, tuple of Ended, tuple of Ended
        The one to believe; those of searches with room that settled; and all.
    """
    every: list[Ended] = []
    total = len(sizes) * len(STARTS) + len(narrow)

    def searched(tuning: Tuning, bound: int, place: int) -> Generator[Guess, None, Ended]:
        share = partial(_share, place, total)
        kernel, curve = yield from changed_steps(search(tuning, bound), share)
        every.append(Ended(kernel, curve, bound))
        return every[-1]

    settled: list[Ended] = []
    for number, tuning in enumerate(STARTS):
        for part, bound in enumerate(sizes):
            ended = yield from searched(tuning, bound, number * len(sizes) + part)
            if len(ended.kernel) < bound - _FULL_PX:
                settled.append(ended)
                break
    # A search that fills even the widest bound has run away.
    wide = tuple(settled or (each for each in every if each.bound == sizes[0]))
    first = wide[believed([each.kernel for each in wide], spectrum)]
    for number, (tuning, bound) in enumerate(zip(NARROW, narrow, strict=False)):
        yield from searched(tuning, bound, len(sizes) * len(STARTS) + number)
    others = every[len(every) - len(narrow) :]
    if not others:
        return first, wide, tuple(every)
    best = first
    least, whitest = yield from _cost(first.kernel, plane, spectrum)
    least -= _CLEARLY
    for each in others:
        cost, white = yield from _cost(each.kernel, plane, spectrum)
        if cost < least and white > whitest - _LESS_WHITE:
            best, least = each, cost
    return best, wide, tuple(every)


def _share(number: int, total: int, step: Guess) -> Guess:
    """A step of one search among all."""
    done = (number + step.done / max(1, step.total)) / total
    return Guess(int(_FINE * done), _FINE, f"{step.label}, search {number + 1}", step.preview)


def _cost(
    kernel: Array, plane: Plane, spectrum: Spectrum
) -> Generator[Guess, None, tuple[float, float]]:
    """How little a kernel suits the spectrum, per block, and rings; how white its residual is."""
    if max(kernel.shape) > spectrum.size:
        return math.inf, 0.0
    place = Guess(_FINE, _FINE, "trying the kernels")
    look = yield from changed_steps(restored(plane, kernel), lambda step: place)
    noisier = replace(spectrum, noise=_NOISE**2 * spectrum.noise)
    deviance = noisier.deviance(kernel)[0] / spectrum.count
    return deviance + ringing(look.rough, look.outside), look.white


def ringing(rough: float, outside: float) -> float:
    """What the looks of a restored photo count for."""
    cost = _ROUGH_PRICE * math.log(max(rough, 1e-9)) + _OUTSIDE_PRICE * outside
    return cost if math.isfinite(cost) else math.inf


def believed(
    kernels: Sequence[Array],
    spectrum: Spectrum,
    noise: float = _NOISE,
    price: float = _SPREAD_PRICE,
    agreed: float = _AGREED,
) -> int:
    """Which of the kernels to believe.

    Parameters
    ----------
    kernels : sequence of ndarray
        One of each search.
    spectrum : Spectrum
        Of the photo.
    noise, price, agreed : float
        As tuned: the factor to the noise, the price of a pixel of spread, and the likeness from
        which two searches count as one finding.
    """
    noisier = replace(spectrum, noise=noise**2 * spectrum.noise)
    pairs = [(i, j) for i, j in combinations(range(len(kernels)), 2)
             if likeness(kernels[i], kernels[j]) > agreed]  # fmt: skip
    left = sorted({i for pair in pairs for i in pair}) or range(len(kernels))
    return min(left, key=lambda i: _misfit(kernels[i], noisier, price))


def agreed(ended: Ended, every: Sequence[Ended]) -> float:
    """How like the kernel is to what most of the others ended in that had room for it."""
    others = (each for each in every if each is not ended and each.bound >= len(ended.kernel))
    return float(np.median([likeness(ended.kernel, each.kernel) for each in others] or [0.0]))


def _misfit(kernel: Array, spectrum: Spectrum, price: float) -> float:
    if max(kernel.shape) > spectrum.size:
        return math.inf
    return spectrum.deviance(kernel)[0] + price * spread(kernel)


def spread(kernel: Array) -> float:
    """Root mean square distance of a kernel's light from its centre of mass, in pixels."""
    axes = [np.arange(n) - n / 2 for n in kernel.shape]
    rows, columns = kernel.sum(1) / kernel.sum(), kernel.sum(0) / kernel.sum()
    variances = (w @ x**2 - (w @ x) ** 2 for w, x in zip((rows, columns), axes, strict=True))
    return math.sqrt(sum(float(v) for v in variances))
