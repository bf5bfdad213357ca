"""The noise of an image, colour by colour: the one reader that engine, panels and estimates use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .jpeg import Tables, jpeg_noise
from .noise import estimate_noise
from .noise_law import NoiseLaw, noise_law


@dataclass(frozen=True)
class NoiseReading:
    """What is known of an image's noise, on its own scale.

    Parameters
    ----------
    levels : tuple of float
        Standard deviation of every colour; of noise that grows with brightness, the root of the
        mean variance.
    laws : tuple of (NoiseLaw or None)
        How it grows, where it does; one per colour.
    origin : str
        What it was read from, in a word: empty for white noise, ``"JPEG"``, ``"given"``.
    """

    levels: tuple[float, ...]
    laws: tuple[NoiseLaw | None, ...]
    origin: str = ""

    @classmethod
    def given(cls, noise: float | NoiseLaw, means: Sequence[float]) -> NoiseReading:
        """A level or a law that a person gave, for colours of these means."""
        if isinstance(noise, NoiseLaw):
            return cls(tuple(map(noise.rms, means)), (noise,) * len(means), "given")
        return cls((noise,) * len(means), (None,) * len(means), "given")

    @property
    def level(self) -> float:
        """Root of the mean variance over the colours."""
        return math.sqrt(sum(level**2 for level in self.levels) / len(self.levels))

    @property
    def law(self) -> NoiseLaw | None:
        """Mean law of the colours, if all have one."""
        laws = [law for law in self.laws if law is not None]
        if len(laws) < len(self.laws):
            return None
        slope, constant, least = (
            sum(getattr(law, name) for law in laws) / len(laws)
            for name in ("slope", "constant", "least")
        )
        return laws[0] if len(laws) == 1 else NoiseLaw(slope, constant, least)

    def of(self, colours: slice) -> NoiseReading:
        """The reading of some of the colours."""
        return NoiseReading(self.levels[colours], self.laws[colours], self.origin)


def read_noise(
    pixels: NDArray[Any], hidden: NDArray[np.bool_] | None = None, tables: Tables = ()
) -> NoiseReading:
    """Read the noise of a block, each colour by itself.

    Parameters
    ----------
    pixels : ndarray
        ``(S, [Z,] Y, X)``.
    hidden : ndarray of bool, optional
        Pixels that were not observed, of the same shape.
    tables : tuple of ndarray
        As for `jpeg_noise`.

    Returns
    -------
    NoiseReading
    """
    coded = jpeg_noise(pixels, tables) if hidden is None else None
    if coded is not None:
        return NoiseReading(coded.colours, (None,) * len(coded.colours), "JPEG")
    masks = [None] * len(pixels) if hidden is None else list(hidden)
    levels, laws = [], []
    for values, mask in zip(pixels, masks, strict=True):
        law = noise_law(values, mask)
        seen = values if mask is None else values[~mask]
        levels.append(estimate_noise(values, mask) if law is None else law.rms(float(seen.mean())))
        laws.append(law)
    return NoiseReading(tuple(levels), tuple(laws))
