"""Camera shake sought from several starts, and which of them to believe."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..core.progress import changed_steps
from .kernel import likeness
from .result import Guess
from .shake import Tuning
from .spectrum import Spectrum

Array = NDArray[np.float64]

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

_NOISE = 5.0
"""How much noisier the spectrum is told to be, as a standard deviation. The estimated noise is
white; that of a camera's JPEG is not, and where the kernel passes next to nothing, what is left of
it would decide alone."""
_SPREAD_PRICE = 1.0
"""What a pixel of spread must gain in the spectrum's deviance."""
_AGREED = 0.7
"""Likeness from which two searches count as one finding. All three were chosen on bsds500/train,
with white noise and with JPEG, by benchmarks/psf_starts.py."""


def best_start(
    search: Callable[[Tuning], Generator[Guess, None, tuple[Array, Array]]], spectrum: Spectrum
) -> Generator[Guess, None, tuple[Array, Array, list[Array]]]:
    """Search with several tunings; the kernel that suits the photo's spectrum best for its width.

    Which edges are taken first decides what a search ends in, and how well they are explained in
    the end does not tell which is right. Two things do: that another search ended there, too, and
    the power spectrum (`Spectrum.deviance`), which the search does not look at. Where some agree,
    the others are dropped; of those that are left the spectrum takes one.

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
    results: list[tuple[Array, Array]] = []
    for number, tuning in enumerate(STARTS):
        results.append((yield from changed_steps(search(tuning), partial(_share, number))))
    every = [kernel for kernel, _ in results]
    kernel, curve = results[believed(every, spectrum)]
    return kernel, curve, every


def _share(number: int, step: Guess) -> Guess:
    """A step of one search among all."""
    done = (number + step.done / max(1, step.total)) / len(STARTS)
    label = f"{step.label}, start {number + 1} of {len(STARTS)}"
    return Guess(int(_FINE * done), _FINE, label, step.preview)


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
