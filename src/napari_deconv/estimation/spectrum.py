"""The power spectrum of a blurred photo, and how likely a kernel makes it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..signal.jpeg import CodedNoise

Array = NDArray[np.float64]

_BLOCK_PX = 256
_NEWTON = 12
_FLOOR = 1e-8
_LAW = (-0.0847, -0.0870, -2.247, 0.0)
"""Log power of sharp photos over ``log(f / 0.1)``: the mean of bsds500/train."""
_SPREAD = (10.0, 0.35, 0.15, 0.35, 0.2, 0.25, 0.15)
"""How far a photo departs from it, as a standard deviation per term of the basis."""
_TRUST = 0.01
"""Share of the frequencies that count as independent: what a photo's spectrum does beyond the
basis is not noise."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Averaged periodogram of overlapping windowed blocks, and a model of what lies behind it.

    Parameters
    ----------
    power : ndarray
        Mean power per frequency, of those that are used, 1-D; white noise of variance v gives v.
    size : int
        Side of the blocks.
    used : ndarray of bool
        Which frequencies of the half spectrum ``(size, size // 2 + 1)`` those are.
    basis : ndarray
        ``(terms, n)``: the logarithm of the sharp photo's spectrum is a mixture of these.
    law : ndarray
        ``(n,)``: that logarithm for the typical sharp photo, from which the mixture departs.
    noise : ndarray
        ``(n,)``: variance of the noise, which JPEG leaves in coarse frequencies above all.
    count : float
        Independent blocks that were averaged.
    """

    power: Array
    size: int
    used: NDArray[np.bool_]
    basis: Array
    law: Array
    noise: Array
    count: float

    def response(self, kernel: Array) -> Array:
        """Power response of a kernel, smeared as the window smears it."""
        from scipy.fft import rfft2

        placed = np.zeros((self.size, self.size))
        placed[: kernel.shape[0], : kernel.shape[1]] = kernel
        half = rfft2(placed)
        power = half.real**2 + half.imag**2
        # The power of a Hann window's main lobe. Beyond the half spectrum lies its mirror image.
        power = (4 * power + np.roll(power, 1, 0) + np.roll(power, -1, 0)) / 6
        mirrored = np.roll(power[::-1], 1, 0)
        near = np.concatenate([mirrored[:, 1:2], power, mirrored[:, -2:-1]], axis=1)
        power = (4 * power + near[:, :-2] + near[:, 2:]) / 6
        return np.asarray(power[self.used])

    def deviance(self, kernel: Array, start: Array | None = None) -> tuple[float, Array]:
        """Twice the negative logarithm of Whittle's likelihood, and the mixture that makes it so.

        The photo's spectrum is ``P = |K|^2 exp(basis . c) + noise``; its periodogram over ``P`` is
        a mean of exponential variables. ``c`` is found by Fisher scoring (P. Whittle, Ark. Mat.
        1953).

        Parameters
        ----------
        kernel : ndarray
            2-D, unit sum, no larger than a block.
        start : ndarray, optional
            Where to begin with the mixture.
        """
        gain = self.response(kernel) + _FLOOR
        c = self._rough() if start is None else start
        last = self._cost(gain, c)
        prior = self.prior
        for _ in range(_NEWTON):
            signal = gain * self._sharp(c)
            model = signal + self.noise
            weight = signal / model
            wanted = (self.power - model) / model
            grams = (self.basis * weight**2) @ self.basis.T + np.diag(prior)
            step = np.linalg.solve(grams, (self.basis * weight) @ wanted - prior * c)
            rate = 1.0
            while (cost := self._cost(gain, c + rate * step)) > last and rate > 1e-2:
                rate /= 2
            if cost > last:
                break
            c, gained, last = c + rate * step, last - cost, cost
            if gained < 1e-7 * abs(last) + 1e-3:
                break
        return 2 * _TRUST * self.count * last, c

    @property
    def prior(self) -> Array:
        """Price of the square of each term."""
        return np.asarray(1 / (_TRUST * self.count * np.square(_SPREAD)))

    def _sharp(self, c: Array) -> Array:
        """Power spectrum of the photo before the blur."""
        return np.asarray(np.exp(np.clip(self.law + self.basis.T @ c, -60, 60)))

    def _cost(self, gain: Array, c: Array) -> float:
        model = gain * self._sharp(c) + self.noise
        return float(np.sum(np.log(model) + self.power / model) + 0.5 * self.prior @ c**2)

    def _rough(self) -> Array:
        c = np.zeros(len(self.basis))
        c[0] = float(np.mean(np.log(np.maximum(self.power, self.noise)) - self.law))
        return c


def spectrum_of(image: Array, noise: float, coded: CodedNoise | None = None) -> Spectrum:
    """Average the periodograms of a plane.

    Parameters
    ----------
    image : ndarray
        2-D.
    noise : float
        Standard deviation of the noise.
    coded : CodedNoise, optional
        How it is distributed over the frequencies, where it is not white; on the plane's scale.
    """
    size = min(_BLOCK_PX, min(image.shape) // 2 * 2)
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
    window = np.outer(window, window)
    window /= math.sqrt(float(np.square(window).sum()))
    total, count = np.zeros((size, size // 2 + 1)), 0
    for top in _starts(image.shape[0], size):
        for left in _starts(image.shape[1], size):
            block = image[top : top + size, left : left + size]
            total += np.abs(np.fft.rfft2((block - block.mean()) * window)) ** 2
            count += 1
    fy = np.fft.fftfreq(size)[:, None]
    fx = np.fft.rfftfreq(size)[None]
    radius = np.hypot(fy, fx)
    used = (radius > 2.5 / size) & (radius < 0.5) & (np.abs(fx) > 0.5 / size)
    used &= np.abs(fy) > 0.5 / size
    # Overlapping blocks of a Hann window share about half of what they see.
    white = np.full(np.count_nonzero(used), noise**2)
    alone = math.prod(image.shape) / size**2
    return Spectrum(
        power=(total / count)[used],
        size=size,
        used=used,
        basis=_basis(radius[used], np.arctan2(fy, fx)[used]),
        law=np.polyval(_LAW, np.log(radius[used] / 0.1)),
        noise=np.maximum(
            white
            if coded is None
            else coded.spectrum(np.asarray(fy[:, 0]), np.asarray(fx[0]))[used],
            1e-9,
        ),
        count=max(1.0, min(float(count), alone)),
    )


def _basis(radius: Array, angle: Array) -> Array:
    """Height, slope and bend, and a height by direction, as houses and horizons make it."""
    law = np.log(radius / 0.1)
    turns = [f(n * angle) for n in (2, 4) for f in (np.cos, np.sin)]
    return np.stack([np.ones_like(law), law, law**2 - 1, *turns])


def _starts(n: int, size: int) -> list[int]:
    parts = max(1, math.ceil((n - size) / (size / 2)) + 1)
    return [round(i * (n - size) / max(1, parts - 1)) for i in range(parts)]
