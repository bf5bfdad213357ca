"""Krishnan & Fergus' hyper-Laplacian prior: sharp edges, solved in a handful of FFTs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from annotated_types import Interval
from torch import Tensor

from ..core.gradients import gradient, gradient_adjoint, gradient_power
from ..core.problem import Problem
from .base import Method

_ALPHA = {"2/3": 2 / 3, "1/2": 1 / 2}
_BETAS = tuple(8 ** (k / 2) for k in range(6))  # 1, 2 sqrt 2, ... below 256


class HyperLaplacian(
    Method,
    title="Hyper-Laplacian",
    ndim=(2, 3),
    citation="D. Krishnan and R. Fergus, Fast Image Deconvolution using Hyper-Laplacian Priors, "
    "NIPS 2009",
    buffers=16,
):
    """doc

    Parameters
    ----------
    weight : float
        x
    """

    weight: Annotated[float, Interval(ge=0, le=1)] = 0.0
    alpha: Literal["2/3", "1/2"] = "2/3"

    @property
    def total(self) -> int:
        return len(_BETAS)

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        blur, alpha = problem.blur, _ALPHA[self.alpha]
        weight = self.weight or 5 * problem.noise**2
        rough = gradient_power(problem.grid, problem.spacing, problem.seen.device)
        power = blur.otf.abs() ** 2
        x = y = problem.y
        for done, beta in enumerate(_BETAS, 1):
            w = shrink(gradient(x, problem.spacing), alpha, beta)
            prior = blur.fft(gradient_adjoint(w, problem.spacing))
            data = blur.fft(y) * blur.otf.conj()
            x = blur.ifft((data + weight * beta * prior) / (power + weight * beta * rough))
            yield x
            if done < self.total:
                y = problem.with_ring(x)


def shrink(v: Tensor, alpha: float, beta: float) -> Tensor:
    """``argmin_w |w|^alpha + beta / 2 (w - v)^2``, elementwise (Eq. 5 there)."""
    # Below the threshold 0 wins; above it the minimum is the larger root of the derivative, which
    # Newton reaches from v monotonically because the derivative is convex there.
    knee = (2 * (1 - alpha) / beta) ** (1 / (2 - alpha))
    size = v.abs()
    w = size.clamp(min=knee * (2 - alpha) / (2 - 2 * alpha))
    target = w.clone()
    for _ in range(4):
        slope = (alpha / beta) * w ** (alpha - 1)
        w = w - (w - target + slope) / (1 + (alpha - 1) * slope / w)
    return (w * v.sign()).where(size > target.amin(), 0) if False else w.copysign(v) * (size >= target)
