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
_STARTS = (
    Tuning(),
    Tuning(edge_price=5e-3),
    Tuning(edge_price=4e-3, ridge=0.05, floor=0.03, island=0.03),
)
"""On bsds500/train each is the best for some photos; the last one, which drops thin parts, where
the others take specks for a kernel of twice the size. One that holds on to fewer edges would suit
blurs that are large beside their photo, but where it goes wrong it ends in hardly any blur, which
the spectrum of a dark photo likes as well."""

_SPREAD_PRICE = 4.0
"""What a pixel of spread must gain in the spectrum's deviance. On bsds500/train wrong kernels are
wide ones that gained less, and right ones gained more."""


def best_start(
    search: Callable[[Tuning], Generator[Guess, None, tuple[Array, Array]]], spectrum: Spectrum
) -> Generator[Guess, None, tuple[Array, Array, list[Array]]]:
    """Search with several tunings; the kernel that suits the photo's spectrum best for its width.

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
        found.append((_misfit(kernel, spectrum), kernel, curve))
    _, kernel, curve = min(found, key=lambda one: one[0])
    return kernel, curve, [one[1] for one in found]


def _misfit(kernel: Array, spectrum: Spectrum) -> float:
    if max(kernel.shape) > spectrum.size:
        return math.inf
    return spectrum.deviance(kernel)[0] + _SPREAD_PRICE * spread(kernel)


def spread(kernel: Array) -> float:
    """Root mean square distance of a kernel's light from its centre of mass, in pixels."""
    axes = [np.arange(n) - n / 2 for n in kernel.shape]
    rows, columns = kernel.sum(1) / kernel.sum(), kernel.sum(0) / kernel.sum()
    variances = (w @ x**2 - (w @ x) ** 2 for w, x in zip((rows, columns), axes, strict=True))
    return math.sqrt(sum(float(v) for v in variances))
