"""Camera shake sought from several starts, and which of them to believe."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator

import numpy as np
from numpy.typing import NDArray

from .result import Guess
from .shake import Tuning
from .spectrum import Spectrum

Array = NDArray[np.float64]

_FINE = 100
_STARTS = (Tuning(), Tuning(edge_price=5e-3))
"""On bsds500/train each is the best for some photos. One that holds on to fewer edges would suit
blurs that are large beside their photo, but where it goes wrong it ends in hardly any blur, which
the spectrum of a dark photo likes as well."""


def best_start(
    search: Callable[[Tuning], Generator[Guess, None, tuple[Array, Array]]], spectrum: Spectrum
) -> Generator[Guess, None, tuple[Array, Array, list[Array]]]:
    """Search with several tunings; the kernel that suits the photo's spectrum best.

    Which edges are taken first decides what a search ends in, and how well they are explained in
    the end does not tell which is right. The power spectrum does (`Spectrum.deviance`): the search
    does not look at it.

    Parameters
    ----------
    search : callable
        `camera_shake` or `camera_shake_of_any_size`, but for the tuning.
    spectrum : Spectrum
        Of the photo.

    Returns
    -------
    ndarray, ndarray, list of ndarray
        Kernel and curve of the best, and the kernels of all.
    """
    found: list[tuple[float, Array, Array]] = []
    for number, tuning in enumerate(_STARTS):
        run = search(tuning)
        while True:
            try:
                step = next(run)
            except StopIteration as stop:
                kernel, curve = stop.value
                break
            done = (number + step.done / max(1, step.total)) / len(_STARTS)
            label = f"{step.label}, start {number + 1} of {len(_STARTS)}"
            yield Guess(int(_FINE * done), _FINE, label, step.preview)
        fits = max(kernel.shape) <= spectrum.size
        found.append((spectrum.deviance(kernel)[0] if fits else math.inf, kernel, curve))
    _, kernel, curve = min(found, key=lambda one: one[0])
    return kernel, curve, [one[1] for one in found]
