"""Camera shake sought from several starts, and which of them to believe."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..core.progress import changed_steps
from .kernel import likeness, trimmed
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
LARGE_PX = 45
"""A kernel of more pixels explains nearly anything: it takes several searches to be believed."""
_FULL_PX = 2
"""How near to its bound a kernel is that may go on beyond."""
_ALIKE = 0.8
"""Likeness of what the first two starts ended in, from which a third tells nothing new."""
_HOPELESS = 15.0
"""How much worse than a family of blurs the first two must suit the spectrum before no more are
made. With these two the same kernels were believed as with all on 38 free photos (those of
benchmarks/confidence.py)."""
_RINGING_PRICE = 0.75
_ROUGH_PRICE, _OUTSIDE_PRICE = 25.0, 400.0
"""What the looks of a photo restored with a kernel count for in the spectrum's deviance; of them,
the logarithm of its roughness, and the share of its pixels that no photo can have. Where highlights
are clipped, the spectrum alone would take wide kernels. Chosen on benchmarks/blind_shakes.py and
the shakes of benchmarks/confidence.py."""
_NO_MATCH = 45.0
"""How much worse than the best a kernel suits the spectrum that is not tried on the photo."""


@dataclass(frozen=True, eq=False)
class Ended:
    """What a search ended in.

    Parameters
    ----------
    kernel, curve : ndarray
        See `camera_shake`.
    bound : int
        The most pixels it might extend over.
    cost : float
        How little it suits the photo's spectrum (`Spectrum.deviance`); less is better.
    """

    kernel: Array
    curve: Array
    bound: int
    cost: float


def best_start(
    search: Callable[[Tuning, int], Search],
    sizes: tuple[int, ...],
    narrow: tuple[int, ...],
    plane: Plane,
    spectrum: Spectrum,
    rival: float = math.inf,
) -> Generator[Guess, None, tuple[Ended, tuple[Ended, ...], tuple[Ended, ...]]]:
    """Search with several tunings and bounds, and choose what to believe.

    Which edges are taken first, on how coarse a scale a search begins and how much room it has
    decide what it ends in, and how well the edges are explained in the end does not tell which is
    right: no blur at all explains them best. The photo's spectrum has not been looked at by any of
    them: the kernel that suits it best is believed, unless the photo restored with it rings.

    Parameters
    ----------
    search : callable
        `camera_shake`, but for tuning and bound.
    sizes : tuple of int
        Bounds, rising; each but the first is tried where the kernel fills the one before.
    narrow : tuple of int
        Bounds for `NARROW`; none where the size is known.
    plane, spectrum : Plane, Spectrum
        Of the photo.
    rival : float
        How little the best family of blurs suits it.

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
        every.append(Ended(kernel, curve, bound, suited(kernel, spectrum)))
        return every[-1]

    last: list[Ended] = []
    settled: list[Ended] = []
    hopeless = False
    for number, tuning in enumerate(STARTS):
        if number == len(STARTS) - 1:
            hopeless = min(each.cost for each in every) > rival + _HOPELESS
            if hopeless or likeness(last[0].kernel, last[1].kernel) > _ALIKE:
                break
        for part, bound in enumerate(sizes):
            ended = yield from searched(tuning, bound, number * len(sizes) + part)
            if len(ended.kernel) < bound - _FULL_PX:
                settled.append(ended)
                break
        last.append(ended)
    if not hopeless:
        for number, (tuning, bound) in enumerate(zip(NARROW, narrow, strict=False)):
            yield from searched(tuning, bound, len(sizes) * len(STARTS) + number)
    wide = tuple(settled or (each for each in every if each.bound == sizes[0]))
    able = [each for each in every if _may_be(each, every)] or every
    least = min(each.cost for each in able)
    near = [each for each in able if each.cost <= least + _NO_MATCH]
    costs = []
    for each in near:
        rings = yield from _ringing(each.kernel, plane)
        costs.append(each.cost + _RINGING_PRICE * rings)
    best = near[int(np.argmin(costs))]
    return replace(best, kernel=trimmed(best.kernel)), wide, tuple(every)


def _may_be(ended: Ended, every: Sequence[Ended]) -> bool:
    """Whether a kernel is small, or what others ended in as well."""
    return len(ended.kernel) <= LARGE_PX or agreed(ended, every) > _ALIKE


def _ringing(kernel: Array, plane: Plane) -> Generator[Guess, None, float]:
    """What the looks of the photo restored with a kernel count for."""
    place = Guess(_FINE, _FINE, "trying the kernels")
    look = yield from changed_steps(restored(plane, kernel), lambda step: place)
    return ringing(look.rough, look.outside)


def ringing(rough: float, outside: float) -> float:
    """What a roughness and a share of pixels that no photo can have count for."""
    cost = _ROUGH_PRICE * math.log(max(rough, 1e-9)) + _OUTSIDE_PRICE * outside
    return cost if math.isfinite(cost) else math.inf


def _share(number: int, total: int, step: Guess) -> Guess:
    """A step of one search among all."""
    done = (number + step.done / max(1, step.total)) / total
    return Guess(int(_FINE * done), _FINE, f"{step.label}, search {number + 1}", step.preview)


def suited(kernel: Array, spectrum: Spectrum) -> float:
    """How little a kernel suits the photo's spectrum; infinite if it is wider than its blocks."""
    if max(kernel.shape) > spectrum.size:
        return math.inf
    return spectrum.deviance(kernel)[0]


def agreed(ended: Ended, every: Sequence[Ended]) -> float:
    """How like the kernel is to what most of the others ended in that had room for it."""
    others = (e for e in every if e.curve is not ended.curve and e.bound >= len(ended.kernel))
    return float(np.median([likeness(ended.kernel, each.kernel) for each in others] or [0.0]))
