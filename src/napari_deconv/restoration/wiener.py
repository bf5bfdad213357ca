"""Wiener's filter: the best linear answer for stationary images in white noise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from annotated_types import Interval
from torch import Tensor

from ..core.fields import Zero
from ..engine.problem import Problem
from .base import Method


class Wiener(
    Method,
    title="Wiener",
    ndim=(2, 3),
    citation="N. Wiener, Extrapolation, Interpolation, and Smoothing of Stationary Time Series, "
    "1949",
    buffers=10,
    shift_free=True,
    suits="A first look, large images and long series: one step. A linear filter, so that "
    "its result can be reasoned about frequency by frequency.",
    avoid="Where ringing along sharp edges disturbs, or values must not become negative.",
):
    """Undoes the blur in one step, as far as the noise allows at each frequency: the Wiener filter.

    ``X = conj(K) Y / (|K|^2 + NSR)`` in the Fourier domain.

    Parameters
    ----------
    nsr : float
        Noise-to-signal power ratio, the same for all frequencies; higher is smoother. 0 derives it
        for every frequency from the noise level, the image's variance and the power-law spectrum
        of natural images, which is better.

    Notes
    -----
    R. C. Gonzalez and R. E. Woods, Digital Image Processing, 3rd ed., Eq. 5.8-2 (with one ratio
    for all frequencies: 5.8-6).
    """

    nsr: Annotated[float, Interval(ge=0, le=10), Zero("auto")] = 0.0

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        otf, mean = problem.blur.otf, problem.mean
        response = otf.conj() / (otf.abs() ** 2 + (self.nsr or problem.nsr))
        yield problem.blur.filter(problem.y - mean, response) + mean
