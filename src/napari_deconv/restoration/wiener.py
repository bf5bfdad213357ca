"""Wiener's filter: the best linear answer for white noise and a flat image spectrum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from annotated_types import Interval
from torch import Tensor

from ..core.problem import Problem
from .base import Method


class Wiener(
    Method,
    title="Wiener",
    ndim=(2, 3),
    citation="N. Wiener, Extrapolation, Interpolation, and Smoothing of Stationary Time Series, 1949",
    buffers=8,
    margin_factor=2.0,
):
    """Wiener filter ``conj(K) Y / (|K|^2 + NSR)``.

    Parameters
    ----------
    nsr : float
        Noise-to-signal power ratio; 0 takes it from the noise level.
    """

    nsr: Annotated[float, Interval(ge=0, le=10)] = 0.0

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        otf = problem.blur.otf
        mean = problem.seen.mean()
        signal = float(problem.seen.var()) or 1.0
        nsr = self.nsr or max(problem.noise**2 / signal, 1e-8)
        response = otf.conj() / (otf.abs() ** 2 + nsr)
        yield problem.blur.filter(problem.y - mean, response) + mean
