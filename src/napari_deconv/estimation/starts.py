"""Camera shake sought from several starts, and which of them to believe."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial

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
"""Each is the best for some photos; the last one, which drops thin parts, is tried where the size
is known."""

_NOISE = 5.0
"""How much noisier the spectrum is told to be, as a standard deviation. The estimated noise is
white; that of a camera's JPEG is not, and where the kernel passes next to nothing, what is left of
it would decide alone."""
_ROUGH_PRICE, _OUTSIDE_PRICE = 25.0, 150.0
"""What the logarithm of the restored photo's roughness, and the share of its pixels that no photo
can have, count for in the spectrum's deviance. Chosen on benchmarks/blind_shakes.py."""
_FULL_PX = 2
"""How near to its bound a kernel is that may go on beyond."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a search ended in.

    Parameters
    ----------
    kernel, curve : ndarray
        See `camera_shake`.
    bound : int
        The most pixels it might extend over.
    cost : float
        How little it is to be believed: compares the kernels of one photo.
    """

    kernel: Array
    curve: Array
    bound: int
    cost: float


def best_start(
    search: Callable[[Tuning, int], Search],
    bounds: tuple[int, ...],
    larger: tuple[int, ...],
    plane: Plane,
    spectrum: Spectrum,
) -> Generator[Guess, None, tuple[Found, ...]]:
    """Search with several tunings and bounds; the kernels in order, the best first.

    Which edges are taken first, and on how coarse a scale the search begins, decides what it ends
    in, and how well the edges are explained in the end does not tell which is right: no blur at
    all explains them best. Three things do, which the search does not look at: the photo's power
    spectrum (`Spectrum.deviance`), which a kernel that is too small does not suit; and what the
    photo looks like restored (`restored`), where a wrong kernel, and above all one that is too
    large, leaves ringing: many small differences, and values that no photo has.

    Parameters
    ----------
    search : callable
        `camera_shake`, but for tuning and bound.
    bounds : tuple of int
        The most pixels that a kernel may extend over, rising; each is tried.
    larger : tuple of int
        Bounds beyond, rising, that are tried only where the best kernel fills the one before.
    plane, spectrum : Plane, Spectrum
        The photo.
    """
    tunings = STARTS if len(bounds) == 1 else STARTS[:2]
    results: list[Found] = []
    total = len(tunings) * (len(bounds) + len(larger))
    for bound in (*bounds, *larger):
        if (
            bound in larger
            and min(results, key=_cost).kernel.shape[0] < results[-1].bound - _FULL_PX
        ):
            break
        for tuning in tunings:
            share = partial(_share, len(results), total)
            kernel, curve = yield from changed_steps(search(tuning, bound), share)
            cost = yield from _judged(kernel, plane, spectrum, len(results) + 1, total)
            results.append(Found(kernel, curve, bound, cost))
    return tuple(sorted(results, key=_cost))


def _cost(found: Found) -> float:
    return found.cost


def _share(number: int, total: int, step: Guess) -> Guess:
    """A step of one search among all."""
    done = (number + step.done / max(1, step.total)) / total
    label = f"{step.label}, start {number + 1}"
    return Guess(int(_FINE * done), _FINE, label, step.preview)


def _judged(
    kernel: Array, plane: Plane, spectrum: Spectrum, number: int, total: int
) -> Generator[Guess, None, float]:
    """Cost of a kernel."""
    if max(kernel.shape) > spectrum.size:
        return math.inf
    place = Guess(int(_FINE * number / total), _FINE, f"trying what start {number} found")
    look = yield from changed_steps(restored(plane, kernel), lambda step: place)
    noisier = replace(spectrum, noise=_NOISE**2 * spectrum.noise)
    return noisier.deviance(kernel)[0] + spectrum.count * ringing(look.rough, look.outside)


def ringing(rough: float, outside: float) -> float:
    """What the looks of a restored photo count for, for each independent block of the spectrum."""
    cost = _ROUGH_PRICE * math.log(max(rough, 1e-9)) + _OUTSIDE_PRICE * outside
    return cost if math.isfinite(cost) else math.inf


def agreement(found: tuple[Found, ...]) -> float:
    """How like the best kernel is to what the other searches ended in that had room for it."""
    best, *others = found
    alike = [likeness(best.kernel, o.kernel) for o in others if o.bound >= len(best.kernel)]
    return float(np.median(alike)) if alike else 0.0
