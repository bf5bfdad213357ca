"""Iterative residual deconvolution: a minimum-mean-square-error filter as a power series."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from ..core.fields import Zero
from ..engine.problem import Problem
from ..signal.gradients import gradient_power
from .base import Method


class IterativeResidual(
    Method,
    title="Iterative residual deconvolution",
    name="ird",
    ndim=(2, 3),
    citation="Li S.-Y. et al., A Concatenated Residual Network for Image Deblurring, 2018",
    buffers=12,
    shift_free=True,
    suits="To watch sharpness and noise grow from iteration to iteration and to stop where "
    "it suits; as the reference for the network that was derived from it.",
    avoid="As a default: its limit is a Wiener filter with a constant ratio, which Wiener "
    "reaches in one step.",
):
    """Series expansion of ``f k' (k f k' + sigma)^-1``, one term per iteration (Algorithm 1).

    With the blurred image b, the flipped kernel k' and the prior patch f ::

        s = r = b
        repeat  r <- (1 - sigma) r - k * f * k' * r,  s <- s + r
        x = f * k' * s

    More iterations sharpen further and raise the noise; its limit is Wiener's filter with the
    constant ratio sigma. It runs on the image less its mean, so that the flux is kept.

    Parameters
    ----------
    sigma : float
        Regularisation, the paper's noise strength; higher is smoother. 0 takes it from the noise
        level.
    iterations : int
        Terms of the series.
    prior_px : float
        Standard deviation of the prior patch f, a Gaussian of unit sum, in pixels of the finest
        axis; 0 is a delta (neighbouring pixels are independent).

    Notes
    -----
    The automatic sigma is fitted by ``benchmarks/fit_weights.py``. Convolutions are products in
    Fourier space, where the whole recurrence stays.
    """

    sigma: Annotated[float, Interval(ge=0, le=1), Zero("auto")] = 0.0
    iterations: Annotated[int, Interval(ge=1, le=10000)] = 100
    prior_px: Annotated[float, Interval(ge=0, le=20)] = 0.0

    @property
    def total(self) -> int:
        return self.iterations

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        blur, mean = problem.blur, problem.mean
        sigma = self.sigma or automatic_sigma(problem.sigma)
        # The transform of the discrete Gaussian lies in (0, 1], so the series converges.
        rough = gradient_power(problem.grid, problem.spacing, problem.seen.device)
        back = blur.otf.conj() * torch.exp(-0.5 * self.prior_px**2 * rough)
        term = 1 - sigma - (blur.otf * back).real
        r = blur.fft(problem.y - mean)
        s = r.clone()
        for _ in range(self.iterations):
            r *= term
            s += r
            yield blur.ifft(s * back).add_(mean)


def automatic_sigma(noise: float) -> float:
    """The best sigma for a noise level, as fitted."""
    return min(1.0, 5.7 * noise**1.3)
