"""Krishnan and Fergus' hyper-Laplacian prior: sharp edges, in a handful of transforms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from annotated_types import Interval
from torch import Tensor

from ..core.fields import Zero
from ..engine.problem import Problem
from ..signal.gradients import gradient, gradient_adjoint, gradient_power
from .base import Method

_ALPHA = {"2/3": 2 / 3, "1/2": 1 / 2}
_BETAS = tuple(8 ** (k / 2) for k in range(6))  # 1, 2 sqrt 2, 8, ... below 256


class HyperLaplacian(
    Method,
    title="Hyper-Laplacian",
    ndim=(2, 3),
    citation="D. Krishnan and R. Fergus, Fast Image Deconvolution using Hyper-Laplacian Priors, "
    "NIPS 2009",
    buffers=26,
    shift_free=True,
    suits="Photos and other natural images: a good first choice where the noise is white.",
    avoid="Sparse points on a dark background; images whose intensities are to be measured "
    "in very noisy parts, where weak structure is flattened. Large blurs of a "
    "camera's own photos, unless they are taken in linear light.",
):
    """Least squares with the heavy-tailed gradient prior of natural images.

    Minimises ``1/2 |k * x - y|^2 + weight sum |grad x|^alpha`` (Eq. 2 there with their lambda as
    ``1 / weight``) by half-quadratic splitting: for beta = 1, 2 sqrt 2, ... below 256, once each ::

        w <- argmin |w|^alpha + beta/2 (w - grad x)^2                 (Eq. 5, exactly)
        X <- (conj(K) Y + weight beta conj(D) W) / (|K|^2 + weight beta |D|^2)       (Eq. 4)

    After each step the unseen ring of ``y`` is replaced by ``k * x``.

    Parameters
    ----------
    weight : float
        Weight of the prior on the unit scale; higher is smoother. 0 takes it from the noise level.
    alpha : str
        Exponent of the prior; 1/2 wants sparser gradients than 2/3.

    Notes
    -----
    The automatic weight is fitted by ``benchmarks/fit_weights.py``.
    """

    weight: Annotated[float, Interval(ge=0, le=10), Zero("auto")] = 0.0
    alpha: Literal["2/3", "1/2"] = "2/3"

    @property
    def total(self) -> int:
        return len(_BETAS)

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        blur, spacing, alpha = problem.blur, problem.spacing, _ALPHA[self.alpha]
        weight = self.weight or automatic_weight(problem.sigma, self.alpha)
        rough = gradient_power(problem.grid, spacing, problem.seen.device)
        power = blur.otf.abs() ** 2
        x = y = problem.y
        for done, beta in enumerate(_BETAS, 1):
            w = gradient(x, spacing)
            for part in w:  # one at a time: the temporaries are what takes the memory
                part.copy_(shrink(part, alpha, beta))
            prior = blur.fft(gradient_adjoint(w, spacing))
            spectrum = blur.fft(y).mul_(blur.otf.conj()).add_(prior, alpha=weight * beta)
            spectrum /= power + weight * beta * rough
            x = blur.ifft(spectrum)
            yield x
            if done < self.total:
                y = problem.with_ring(x, blurred=blur.ifft(spectrum * blur.otf))


def automatic_weight(sigma: float, alpha: str) -> float:
    """The best weight for a noise level, as fitted."""
    return 0.7 * sigma**1.6 if alpha == "2/3" else 0.6 * sigma**1.6


def shrink(v: Tensor, alpha: float, beta: float) -> Tensor:
    """``argmin_w |w|^alpha + beta/2 (w - v)^2``, elementwise (Eq. 5 of the paper)."""
    # Below the jump 0 wins. Above it the minimum is the larger root of the derivative, which is
    # convex there: Newton's iteration falls from v to the root, and needs no formula per alpha.
    jump = (2 - alpha) / (2 - 2 * alpha) * (2 * (1 - alpha) / beta) ** (1 / (2 - alpha))
    target = v.abs().clamp_(min=jump)
    w = target.clone()
    for _ in range(4):
        slope = w.pow(alpha - 1).mul_(alpha / beta)
        curvature = (slope / w).mul_(alpha - 1).add_(1)
        w -= slope.add_(w).sub_(target).div_(curvature)
    return w.copysign_(v).mul_(v.abs() > jump)
